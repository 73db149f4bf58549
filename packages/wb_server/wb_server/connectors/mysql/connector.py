"""MySQL and MariaDB, by PyMySQL's connection and the binary protocol: columns, no Python rows.

Rows come as they are asked for, in batches of about 1 MiB: a slow reader slows the database down,
and nothing piles up here. ``mysql_rows`` says what becomes of each type.
"""

from __future__ import annotations

import ssl
import threading
from typing import Annotated, ClassVar, Literal

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
from ...gate.permits import LoadPermit, Permit
from ...kit.errors import Unprocessable
from ..base import Connector, ConnectorConfig, LoadSession, Session, Target, require_fit
from ..dialled.certificates import trusted_file
from ..network import NetworkPolicy
from . import catalog, errors
from .link import Link, Login, Pool
from .load import MySQLLoad
from .session import MySQLSession


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("may not hold a NUL character")
    return text


_Text = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_no_nul)]


class DriverOptions(BaseModel):
    """What may be set of the driver."""

    model_config = ConfigDict(extra="forbid", title="Driver options")

    program_name: Annotated[str, AfterValidator(_no_nul)] = Field(
        default="workbench",
        title="Program name",
        description="How sessions show in performance_schema.session_connect_attrs.",
        max_length=63,
    )
    connect_timeout: int = Field(
        default=10,
        title="Connect timeout",
        description="Seconds until dialling gives up.",
        ge=2,
        le=60,
    )


class MySQLConfig(ConnectorConfig):
    """A MySQL or MariaDB database and a login."""

    model_config = ConfigDict(extra="forbid", title="MySQL and MariaDB")

    host: _Text = Field(
        title="Host",
        description="The database server's name or address.",
        json_schema_extra={"examples": ["db.example.org"]},
    )
    port: int = Field(3306, title="Port", ge=1, le=65535)
    database: _Text = Field(
        title="Database",
        description="Where tables that are named without a database are looked for.",
        json_schema_extra={"examples": ["shop"]},
    )
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

    @field_validator("database")
    @classmethod
    def _database(cls, name: str) -> str:
        # Tables of the default database are named without it, so the gate doesn't see which it is.
        if name.casefold().strip() in catalog.SYSTEM_SCHEMAS:
            raise ValueError("names a database of the server's own; choose one with your data")
        return name


class MySQLConnector(Connector):
    """Reads, writes and browses MySQL and MariaDB.

    Args:
        policy: says which addresses may be dialled.
    """

    kind: ClassVar[str] = "mysql"
    title: ClassVar[str] = "MySQL and MariaDB"
    description: ClassVar[str] = "Tables and views of a MySQL or MariaDB server."
    dialect: ClassVar[DialectName] = "mysql"
    supports_writes: ClassVar[bool] = True
    supports_loads: ClassVar[bool] = True
    Config: ClassVar[type[ConnectorConfig]] = MySQLConfig

    def __init__(self, policy: NetworkPolicy) -> None:
        self._policy = policy
        self._pools: dict[tuple[str, str | None], Pool] = {}
        self._lock = threading.Lock()

    def check(self, config: ConnectorConfig) -> None:
        assert isinstance(config, MySQLConfig)
        self._policy.check(config.host, config.port)

    def destination(self, config: ConnectorConfig) -> object:
        assert isinstance(config, MySQLConfig)
        return config.host, config.port, config.sslmode, config.sslrootcert

    def open(self, permit: Permit, target: Target) -> Session:
        require_fit(permit, target)
        config = target.config
        assert isinstance(config, MySQLConfig)
        pool = self._pool(target)
        link = pool.take() or self._dial(config)
        return MySQLSession(permit, pool, link, lambda: self._dial(config), config.database)

    def open_load(self, permit: LoadPermit, target: Target) -> LoadSession:
        require_fit(permit, target)
        config = target.config
        assert isinstance(config, MySQLConfig)
        # Nothing of its pool: a load lasts, and what it sets ends with its connection.
        pool, link = Pool(target.version, max_idle=0), self._dial(config)
        return MySQLLoad(permit, pool, link, lambda: self._dial(config), config.database)

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

    def _dial(self, config: MySQLConfig) -> Link:
        address = self._policy.check(config.host, config.port)
        secret = config.password.get_secret_value() if config.password is not None else ""
        login = Login(
            address=address,
            host=config.host,
            port=config.port,
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
            return Link(login)
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
