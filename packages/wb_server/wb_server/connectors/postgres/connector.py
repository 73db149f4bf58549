"""PostgreSQL, by the Arrow database driver (ADBC): columns from the wire on, no Python rows.

A statement without parameters comes by ``COPY``, in batches of about 1 MiB, as it is asked for: a
slow reader slows the database down, and nothing piles up here. ``postgres_types`` says what
becomes of each type.
"""

from __future__ import annotations

import threading
from typing import Annotated, ClassVar, Final, Literal

import adbc_driver_manager as adbc
import psycopg
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
)

from ...gate.models import DialectName
from ...gate.permits import LoadPermit, PasswordPermit, Permit
from ...kit.errors import Forbidden
from ..base import Connector, ConnectorConfig, LoadSession, Session, Target, require_fit
from ..dialled.certificates import Certificates, trusted_file
from ..network import NetworkPolicy
from . import errors
from . import password as postgres_password
from .load import PostgresLoad
from .pool import Link, Pool, conninfo, forget_environment
from .session import PostgresSession

_NO_FILE: Final = "/dev/null"
# Not there, and not to be: libpq would look into the home folder if it were left out.
_ABSENT: Final = "/dev/null/absent"


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("may not hold a NUL character")
    return text


_Text = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_no_nul)]


class DriverOptions(BaseModel):
    """What may be set of the driver."""

    model_config = ConfigDict(extra="forbid", title="Driver options")

    application_name: Annotated[str, AfterValidator(_no_nul)] = Field(
        default="workbench",
        title="Application name",
        description="How sessions show in pg_stat_activity.",
        max_length=63,
    )
    connect_timeout: int = Field(
        default=10,
        title="Connect timeout",
        description="Seconds until dialling gives up.",
        ge=2,
        le=60,
    )
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


class PostgresConfig(ConnectorConfig):
    """A PostgreSQL database and a login."""

    model_config = ConfigDict(extra="forbid", title="PostgreSQL")

    host: _Text = Field(
        title="Host",
        description="The database server's name or address.",
        json_schema_extra={"examples": ["db.example.org"]},
    )
    port: int = Field(5432, title="Port", ge=1, le=65535)
    database: _Text = Field(title="Database", json_schema_extra={"examples": ["warehouse"]})
    user: _Text = Field(
        title="User",
        description="A login that may only do what the users of this connection may do.",
        json_schema_extra={"examples": ["workbench_reader"], "login": True},
    )
    password: SecretStr | None = Field(None, title="Password")
    sslmode: Literal["disable", "prefer", "require", "verify-full"] = Field(
        "prefer",
        title="TLS",
        description="verify-full checks the server's certificate and name: choose it where the "
        "network isn't trusted. prefer encrypts if the server can; disable never does.",
    )
    sslrootcert: Annotated[str, AfterValidator(_no_nul)] | None = Field(
        None,
        title="Root certificate",
        description="PEM text of the authority that signed the server's certificate, for "
        "verify-full. Left empty, the system's list of authorities is used.",
        max_length=100_000,
    )
    driver_options: DriverOptions = Field(DriverOptions(), title="Driver options")

    @field_validator("password")
    @classmethod
    def _password(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None:
            _no_nul(secret.get_secret_value())
        return secret


class PostgresConnector(Connector):
    """Reads, writes and browses PostgreSQL.

    Args:
        policy: says which addresses may be dialled.
    """

    kind: ClassVar[str] = "postgres"
    title: ClassVar[str] = "PostgreSQL"
    description: ClassVar[str] = "Tables and views of a PostgreSQL database."
    dialect: ClassVar[DialectName] = "postgres"
    supports_writes: ClassVar[bool] = True
    supports_loads: ClassVar[bool] = True
    Config: ClassVar[type[ConnectorConfig]] = PostgresConfig
    login_and_password: ClassVar[tuple[str, str] | None] = ("user", "password")

    def __init__(self, policy: NetworkPolicy) -> None:
        self._policy = policy
        self._certificates = Certificates()
        self._pools: dict[tuple[str, str | None], Pool] = {}
        self._lock = threading.Lock()
        forget_environment()

    def check(self, config: ConnectorConfig) -> None:
        assert isinstance(config, PostgresConfig)
        self._policy.check(config.host, config.port)

    def destination(self, config: ConnectorConfig) -> object:
        assert isinstance(config, PostgresConfig)
        return config.host, config.port, config.sslmode, config.sslrootcert

    def open(self, permit: Permit, target: Target) -> Session:
        require_fit(permit, target)
        assert isinstance(target.config, PostgresConfig)
        config = target.config
        pool = self._pool(target)

        def dial(new_types: bool) -> Link:
            return self._dial(pool, config, new_types=new_types)

        return PostgresSession(permit, pool, pool.take() or dial(False), dial)

    def open_load(self, permit: LoadPermit, target: Target) -> LoadSession:
        require_fit(permit, target)
        config = target.config
        assert isinstance(config, PostgresConfig)
        address = self._policy.check(config.host, config.port)
        try:
            connection = psycopg.connect(
                conninfo(self._options(config, address)),
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
        # A connection of its own: a pooled one says nothing of the password.
        link = self._dial(Pool(target.version, max_idle=0), target.config)
        try:
            postgres_password.set_password(link, password)
        finally:
            link.drop()

    def forget(self, connection_id: str) -> None:
        with self._lock:
            mine = [key for key in self._pools if key[0] == connection_id]
            pools = [self._pools.pop(key) for key in mine]
        for pool in pools:
            pool.close()

    def close(self) -> None:
        with self._lock:
            pools = list(self._pools.values())
            self._pools.clear()
        for pool in pools:
            pool.close()
        self._certificates.close()

    def _pool(self, target: Target) -> Pool:
        """The connection's pool; one that keeps nothing for what isn't saved or is outdated."""
        if not target.connection_id:
            return Pool(target.version, max_idle=0)
        key = (target.connection_id, target.user)
        with self._lock:
            pool = self._pools.get(key)
            if pool is not None and pool.version == target.version:
                return pool
            if pool is not None and pool.version > target.version:
                return Pool(target.version, max_idle=0)
            self._pools[key] = fresh = Pool(target.version)
        if pool is not None:
            pool.close()
        return fresh

    def _dial(self, pool: Pool, config: PostgresConfig, *, new_types: bool = False) -> Link:
        address = self._policy.check(config.host, config.port)
        try:
            return pool.dial(self._options(config, address), new_types=new_types)
        except adbc.Error as error:
            raise errors.dial_error(error, config.host, config.port) from None

    def _options(self, config: PostgresConfig, address: str) -> dict[str, str]:
        """All of libpq's options that say where and how, so that none has a default elsewhere."""
        chosen = config.driver_options
        options = {
            "host": config.host,
            "hostaddr": address,
            "port": str(config.port),
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
