"""PostgreSQL over the Arrow database driver (ADBC): columns from the wire on, no Python rows.

The result of a statement without parameters arrives by ``COPY``, in batches of about 1 MiB, on
demand: a slow reader slows the database down, and nothing piles up here. ``types`` documents the
mapping of types.
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal

import adbc_driver_manager as adbc
import psycopg
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from ...gate.models import DialectName
from ...gate.permits import LoadPermit, PasswordPermit, Permit
from ...kit.errors import Forbidden
from ...kit.network import NetworkPolicy, Peer
from ..base import ConnectorConfig, LoadSession, Session, Target, require_fit
from ..dialled.certificates import Certificates, trusted_file
from ..dialled.config import ConnectTimeout, DialledConfig, Port, Text, TextWithoutNul
from ..dialled.connector import DialledConnector
from . import errors
from . import password as postgres_password
from .connection import PostgresConnection, conninfo, forget_environment
from .copy import column_type
from .load import PostgresLoad
from .pool import PostgresPool
from .session import PostgresSession

_NO_FILE: Final = "/dev/null"
# A file that can't exist. Without this option, libpq would look in the home directory.
_ABSENT: Final = "/dev/null/absent"


class PostgresDriverOptions(BaseModel):
    """The driver's settings that may be changed."""

    model_config = ConfigDict(extra="forbid", title="Driver options")

    application_name: TextWithoutNul = Field(
        default="workbench",
        title="Application name",
        description="How sessions show in pg_stat_activity.",
        max_length=63,
    )
    connect_timeout: ConnectTimeout = 10
    keepalives: bool = Field(
        default=True, title="Keepalives", description="Notice when the database's machine is gone."
    )
    keepalives_idle: int = Field(
        default=30,
        title="Keepalive: idle",
        description="Seconds of silence before the first probe.",
        ge=1,
        le=7200,
    )
    keepalives_interval: int = Field(
        default=10, title="Keepalive: interval", description="Seconds between probes.", ge=1, le=600
    )
    keepalives_count: int = Field(
        default=3,
        title="Keepalive: count",
        description="Probes without answer until giving up.",
        ge=1,
        le=20,
    )
    target_session_attrs: Literal[
        "any", "read-write", "read-only", "primary", "standby", "prefer-standby"
    ] = Field(
        default="any",
        title="Kind of server",
        description="Refuse a server that is not of this kind, such as a standby.",
    )


class PostgresConfig(DialledConfig):
    """A PostgreSQL database and a login."""

    model_config = ConfigDict(extra="forbid", title="PostgreSQL")

    port: Port = 5432
    database: Text = Field(title="Database", json_schema_extra={"examples": ["warehouse"]})
    driver_options: PostgresDriverOptions = Field(PostgresDriverOptions(), title="Driver options")


class PostgresConnector(DialledConnector[PostgresPool]):
    """Reads, writes and browses PostgreSQL.

    Args:
        policy: decides which addresses may be dialled.
    """

    kind: ClassVar[str] = "postgres"
    title: ClassVar[str] = "PostgreSQL"
    description: ClassVar[str] = "Tables and views of a PostgreSQL database."
    dialect: ClassVar[DialectName] = "postgres"
    Config: ClassVar[type[ConnectorConfig]] = PostgresConfig
    login_and_password: ClassVar[tuple[str, str] | None] = ("user", "password")

    def __init__(self, policy: NetworkPolicy) -> None:
        super().__init__(policy, PostgresPool)
        self._certificates = Certificates()
        forget_environment()

    def open(self, permit: Permit, target: Target) -> Session:
        require_fit(permit, target)
        assert isinstance(target.config, PostgresConfig)
        config = target.config
        pool = self._pools.of(target)

        def dial(new_types: bool) -> PostgresConnection:
            return self._dial(pool, config, new_types=new_types)

        return PostgresSession(permit, pool, pool.take() or dial(False), dial)

    def column_types(self, schema: pa.Schema) -> list[str]:
        return [column_type(field) for field in schema]

    def open_load(self, permit: LoadPermit, target: Target) -> LoadSession:
        require_fit(permit, target)
        config = target.config
        assert isinstance(config, PostgresConfig)
        peer = self._policy.check(config.host, config.port)
        try:
            connection = psycopg.connect(
                conninfo(self._options(config, peer)),
                autocommit=True,
                prepare_threshold=None,
                cursor_factory=psycopg.RawCursor,
            )
        except psycopg.Error as error:
            raise errors.dial_error(error, config.host, config.port) from None
        return PostgresLoad(permit, connection)

    def set_password(self, permit: PasswordPermit, target: Target, password: str) -> None:
        if permit.connection_id != target.connection_id:
            raise Forbidden("This permit is for another connection.", code="wrong_permit")
        assert isinstance(target.config, PostgresConfig)
        # A new connection: a pooled one wouldn't verify the current password.
        connection = self._dial(self._pools.without(target), target.config)
        try:
            postgres_password.set_password(connection, password)
        finally:
            connection.drop()

    def close(self) -> None:
        super().close()
        self._certificates.close()

    def _dial(
        self, pool: PostgresPool, config: PostgresConfig, *, new_types: bool = False
    ) -> PostgresConnection:
        peer = self._policy.check(config.host, config.port)
        try:
            return pool.dial(self._options(config, peer), new_types=new_types)
        except adbc.Error as error:
            raise errors.dial_error(error, config.host, config.port) from None

    def _options(self, config: PostgresConfig, peer: Peer) -> dict[str, str]:
        """All libpq options that say where and how to connect, so that none takes its default."""
        chosen = config.driver_options
        options = {
            "host": peer.host,
            "hostaddr": peer.address,
            "port": str(peer.port),
            "dbname": config.database,
            "user": config.user,
            "passfile": _NO_FILE,
            "sslmode": config.sslmode,
            "sslrootcert": _ABSENT,
            "sslcertmode": "disable",
            "sslcrl": _ABSENT,
            "ssl_min_protocol_version": "TLSv1.2",
            "gssencmode": "disable",
            "client_encoding": "UTF8",
            "application_name": chosen.application_name,
            "connect_timeout": str(chosen.connect_timeout),
            "keepalives": str(int(chosen.keepalives)),
            "keepalives_idle": str(chosen.keepalives_idle),
            "keepalives_interval": str(chosen.keepalives_interval),
            "keepalives_count": str(chosen.keepalives_count),
            "target_session_attrs": chosen.target_session_attrs,
        }
        if config.password is not None:
            options["password"] = config.password.get_secret_value()
        if config.sslmode == "verify-full":
            pem = config.sslrootcert
            options["sslrootcert"] = self._certificates.file_of(pem) if pem else trusted_file()
        return options
