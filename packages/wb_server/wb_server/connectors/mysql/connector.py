"""MySQL and MariaDB over PyMySQL's connection and the binary protocol: columns, no Python rows.

Rows are read on demand, in batches of about 1 MiB: a slow reader slows the database down, and nothing
piles up here. ``rows`` documents the mapping of types.
"""

from __future__ import annotations

import ssl
from typing import ClassVar

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, field_validator

from ...gate.models import DialectName
from ...gate.permits import LoadPermit, Permit
from ...kit.errors import Unprocessable
from ...kit.network import NetworkPolicy
from ..base import ConnectorConfig, LoadSession, Session, Target, require_fit
from ..dialled.certificates import trusted_file
from ..dialled.config import ConnectTimeout, DialledConfig, Port, Text, TextWithoutNul
from ..dialled.connector import DialledConnector
from . import catalog, errors
from .connection import Login, MySQLConnection, MySQLPool
from .literals import column_type
from .load import MySQLLoad
from .session import MySQLSession


class MySQLDriverOptions(BaseModel):
    """The driver's settings that may be changed."""

    model_config = ConfigDict(extra="forbid", title="Driver options")

    program_name: TextWithoutNul = Field(
        default="workbench",
        title="Program name",
        description="How sessions show in performance_schema.session_connect_attrs.",
        max_length=63,
    )
    connect_timeout: ConnectTimeout = 10


class MySQLConfig(DialledConfig):
    """A MySQL or MariaDB database and a login."""

    model_config = ConfigDict(extra="forbid", title="MySQL and MariaDB")

    port: Port = 3306
    database: Text = Field(
        title="Database",
        description="Where tables that are named without a database are looked for.",
        json_schema_extra={"examples": ["shop"]},
    )
    driver_options: MySQLDriverOptions = Field(MySQLDriverOptions(), title="Driver options")

    @field_validator("database")
    @classmethod
    def _database(cls, name: str) -> str:
        # Tables of the default database are named without it, so the gate doesn't see its name.
        if name.casefold().strip() in catalog.SYSTEM_SCHEMAS:
            raise ValueError("is a system database; choose one with your data")
        return name


class MySQLConnector(DialledConnector[MySQLPool]):
    """Reads, writes and browses MySQL and MariaDB.

    Args:
        policy: decides which addresses may be dialled.
    """

    kind: ClassVar[str] = "mysql"
    title: ClassVar[str] = "MySQL and MariaDB"
    description: ClassVar[str] = "Tables and views of a MySQL or MariaDB server."
    dialect: ClassVar[DialectName] = "mysql"
    Config: ClassVar[type[ConnectorConfig]] = MySQLConfig

    def __init__(self, policy: NetworkPolicy) -> None:
        super().__init__(policy, MySQLPool)

    def open(self, permit: Permit, target: Target) -> Session:
        require_fit(permit, target)
        config = target.config
        assert isinstance(config, MySQLConfig)
        pool = self._pools.of(target)
        connection = pool.take() or self._dial(config)
        return MySQLSession(permit, pool, connection, lambda: self._dial(config), config.database)

    def column_types(self, schema: pa.Schema) -> list[str]:
        return [column_type(field) for field in schema]

    def open_load(self, permit: LoadPermit, target: Target) -> LoadSession:
        require_fit(permit, target)
        config = target.config
        assert isinstance(config, MySQLConfig)
        # Not from the pool: a load takes long, and its settings must end with its connection.
        pool, connection = self._pools.without(target), self._dial(config)
        return MySQLLoad(permit, pool, connection, lambda: self._dial(config), config.database)

    def _dial(self, config: MySQLConfig) -> MySQLConnection:
        peer = self._policy.check(config.host, config.port)
        secret = config.password.get_secret_value() if config.password is not None else ""
        login = Login(
            peer=peer,
            user=config.user,
            password=secret.encode(),
            database=config.database,
            tls=_tls(config),
            must_encrypt=config.sslmode in ("require", "verify-full"),
            verified=config.sslmode == "verify-full",
            name=config.driver_options.program_name,
            connect_timeout=float(config.driver_options.connect_timeout),
        )
        try:
            return MySQLConnection(login)
        except (*errors.FAILURES, RuntimeError) as error:
            raise errors.dial_error(error, config.host, config.port) from None


def _tls(config: MySQLConfig) -> ssl.SSLContext | None:
    if config.sslmode == "disable":
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if config.sslmode != "verify-full":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    try:
        if config.sslrootcert:
            context.load_verify_locations(cadata=config.sslrootcert)
        else:
            context.load_verify_locations(cafile=trusted_file())
    except (ssl.SSLError, ValueError):
        raise Unprocessable(
            "The root certificate can't be read: paste its PEM text, from BEGIN CERTIFICATE to "
            "END CERTIFICATE.",
            code="no_certificate",
            field="sslrootcert",
        ) from None
    return context
