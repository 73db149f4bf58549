"""MySQL and MariaDB, by PyMySQL's connection and the binary protocol: columns, no Python rows.

Rows come as they are asked for, in batches of about 1 MiB: a slow reader slows the database down,
and nothing piles up here. ``mysql_rows`` says what becomes of each type.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, ClassVar, Final, Literal

import pyarrow as pa
import pymysql
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
)

from ...kit.errors import Conflict, Forbidden, NotFound, TooLarge, Unprocessable, WorkbenchError
from ..gate import Permit
from ..models import ColumnInfo, SchemaInfo, TableInfo
from ..network import NetworkPolicy
from ..statement import DialectName
from . import mysql_catalog as catalog
from . import mysql_errors as errors
from .base import Answer, Connector, ConnectorConfig, Session, Target, require_fit
from .mysql_link import Answered, Link, Login, NotAQuery, Pool
from .postgres_pool import trusted_file

BATCH_BYTES: Final = 1 << 20
BROWSE_SECONDS: Final = 30.0
# So long after its own limit a server that says nothing counts as gone.
_GRACE: Final = 10.0


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("may not hold a NUL character")
    return text


_Text = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_no_nul)]


class DriverOptions(BaseModel):
    """Options of the driver that may be set. All others are ours to choose."""

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
        assert isinstance(target.config, MySQLConfig)
        pool = self._pool(target)
        link = pool.take() or self._dial(target.config)
        return MySQLSession(self, permit, target.config, pool, link)

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
        except (pymysql.Error, OSError, RuntimeError) as error:
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


class MySQLSession(Session):
    """One use of one connection.

    The link is used under ``_io``, by one at a time. ``cancel`` doesn't take it: it comes while such
    a call waits for the database.
    """

    def __init__(
        self,
        connector: MySQLConnector,
        permit: Permit,
        config: MySQLConfig,
        pool: Pool,
        link: Link,
    ) -> None:
        self._connector = connector
        self._permit = permit
        self._config = config
        self._pool = pool
        self._link = link
        self._io = threading.RLock()
        self._state = threading.Condition()
        self._calling = False
        self._cancelled = False
        self._late = False
        self._closed = False
        self._linked = threading.Lock()
        self._begun = False
        self._broken = False
        self._answered: Answered | None = None
        self._deadline = float("inf")

    def run(self, *, timeout: float, max_write_rows: int) -> Answer:
        self._require("read", "write", "test")
        with self._io:
            if self._begun:
                raise _already_run()
            if self._permit.kind == "write":
                return self._write(timeout, max_write_rows)
            self._begin(timeout, read_only=True)
            with self._call():
                _, self._answered = self._link.execute(self._permit.sql, read=True)
            if self._answered is None:
                raise errors.not_a_read()
            return _Rows(self, self._answered)

    def schemas(self) -> list[SchemaInfo]:
        return catalog.schemas(self._browse(catalog.SCHEMAS))

    def tables(self, schema: str | None) -> list[TableInfo]:
        if schema is None:
            return catalog.tables(self._browse(catalog.TABLES), None)
        return catalog.tables(self._browse(catalog.TABLES_OF, schema), schema)

    def columns(self, schema: str | None, table: str) -> list[ColumnInfo]:
        space = self._config.database if schema is None else schema
        found = catalog.columns(self._browse(catalog.COLUMNS, space, table), space, table)
        if not found:
            named = table if schema is None else f"{schema}.{table}"
            raise NotFound(f"There is no table “{named}” here.", code="unknown_table", name=named)
        return found

    def server_version(self) -> str | None:
        return self._link.version

    def cancel(self) -> None:
        with self._state:
            if self._cancelled or self._closed:
                return
            self._cancelled = True
        # In a thread: asking the database opens a connection of its own, which may take a while.
        threading.Thread(target=self._keep_stopping, daemon=True, name="cancel").start()

    def close(self) -> None:
        with self._state:
            calling = self._calling and not self._closed
        if calling:
            self.cancel()
        with self._io:
            with self._state:
                again, self._closed = self._closed, True
            if not again:
                # Whoever is asking the database to stop holds this until it has answered.
                with self._linked:
                    self._end()

    def _end(self) -> None:
        """Gives the connection back if nothing is left of this use, else drops it."""
        if self._broken or self._answered is not None or self._cancelled or self._late:
            self._link.drop()
            return
        try:
            self._link.reset()
        except Exception:
            self._link.drop()
        else:
            self._pool.give(self._link)

    def _require(self, *kinds: str) -> None:
        if self._permit.kind not in kinds:
            raise Forbidden("The permit is for something else.", code="wrong_permit")

    def _expire(self) -> None:
        """The time of a write is up: MySQL's own limit is for SELECT only."""
        with self._state:
            if not self._calling:
                return
            self._late = True
        self._keep_stopping()

    def _keep_stopping(self) -> None:
        """Asks until the call has returned: a request that comes too early has no effect."""
        beside: Link | None = None
        try:
            while True:
                with self._linked:
                    if self._closed:
                        return
                    beside = self._stop_once(beside)
                with self._state:
                    if not self._calling or self._state.wait_for(lambda: not self._calling, 0.1):
                        return
        finally:
            if beside is not None:
                beside.drop()

    def _stop_once(self, beside: Link | None) -> Link | None:
        """Stops the statement over a second connection. Where that can't be had, or leads to
        another server, this one is cut: the server notices when it next sends a row."""
        try:
            beside = beside or self._connector._dial(self._config)
            if beside.is_same_server(self._link):
                beside.command(f"KILL QUERY {self._link.number}")
                return beside
        except (pymysql.Error, OSError, WorkbenchError) as error:
            if errors.number_of(error) == 1094:  # it has ended already
                return beside
        self._broken = True
        self._link.cut()
        return beside

    @contextmanager
    def _call(self) -> Iterator[None]:
        """A call that may wait for the database."""
        with self._state:
            if self._cancelled:
                raise errors.was_cancelled()
            if self._closed:
                raise Conflict("This session is closed.", code="session_closed")
            self._calling = True
        try:
            yield
        except (pymysql.Error, OSError, ValueError, IndexError) as error:
            self._broken = self._broken or errors.is_broken(error)
            late = self._late or time.monotonic() >= self._deadline
            raise errors.statement_error(
                error,
                self._permit.sql,
                self._config.database,
                cancelled=self._cancelled,
                late=late,
            ) from None
        except NotAQuery:
            raise errors.not_a_read() from None
        except WorkbenchError:
            self._broken = True  # in the middle of an answer
            raise
        finally:
            with self._state:
                self._calling = False
                self._state.notify_all()

    def _begin(self, timeout: float, *, read_only: bool) -> None:
        """Begins the transaction; a pooled connection that turns out dead is replaced, once."""
        # The database's clock decides; ours only tells a timeout from an outsider's stop.
        self._deadline = time.monotonic() + timeout * 0.9
        with self._call():
            try:
                self._link.wait_at_most(timeout + _GRACE)
                self._link.command(self._link.settings(timeout))
            except (pymysql.Error, OSError) as error:
                if not (self._link.reused and errors.is_broken(error)) or self._cancelled:
                    raise
                self._replace_link()
                self._link.wait_at_most(timeout + _GRACE)
                self._link.command(self._link.settings(timeout))
            # A write keeps the login's own default, which may be read-only. A statement that ends
            # the transaction by itself, as DROP does, finds the session read-only.
            if read_only:
                self._link.command("SET SESSION TRANSACTION READ ONLY")
                self._link.command("START TRANSACTION READ ONLY")
            else:
                self._link.command("START TRANSACTION")
        self._begun = True

    def _replace_link(self) -> None:
        with self._linked:
            self._link.drop()
            try:
                self._link = self._connector._dial(self._config)
            except WorkbenchError:
                self._broken = True
                raise

    def _next(self) -> pa.RecordBatch | None:
        """The next batch, or ``None`` at the end."""
        with self._io:
            if self._answered is None:
                return None
            with self._call():
                batch = self._answered.batch(BATCH_BYTES)
                if batch is None:
                    self._answered = None
                    self._link.end_statement()
            return batch

    def _write(self, timeout: float, max_write_rows: int) -> Answer:
        self._begin(timeout, read_only=False)
        watch = threading.Timer(timeout, self._expire)
        watch.daemon = True
        watch.start()
        try:
            with self._call():
                changed, self._answered = self._link.execute(self._permit.sql, read=False)
            answer: Answer
            if self._answered is None:
                answer = _count(changed)
            else:
                answer = self._returned(self._answered, max_write_rows)
        finally:
            watch.cancel()
        self._commit()
        return answer

    def _returned(self, answered: Answered, max_write_rows: int) -> _Kept:
        """All rows of ``RETURNING``, converted before the commit: what fails here rolls back."""
        batches: list[pa.RecordBatch] = []
        number = 0
        while (batch := self._next()) is not None:
            number += batch.num_rows
            if number > max_write_rows:
                raise TooLarge(
                    f"The statement returns more than {max_write_rows} rows. Nothing was changed.",
                    code="too_many_rows",
                    limit=max_write_rows,
                )
            batches.append(batch)
        return _Kept(answered.columns.schema, batches)

    def _commit(self) -> None:
        with self._state:
            if self._cancelled:
                raise errors.was_cancelled()
        lost = False
        with self._call():
            try:
                self._link.command("COMMIT")
            except (pymysql.Error, OSError) as error:
                # With a number of its own the server itself said no, and rolled back.
                lost = errors.is_broken(error)
                self._broken = True
                if not lost:
                    raise
        if lost:
            raise errors.outcome_unknown()

    def _browse(self, sql: str, *values: str) -> list[tuple[object, ...]]:
        """Rows of one of the catalog's queries, in a transaction of its own."""
        self._require("browse", "test")
        with self._io:
            if self._answered is not None:
                raise _already_run()
            if self._begun:
                with self._call():
                    self._link.command("ROLLBACK")
            self._begin(BROWSE_SECONDS, read_only=True)
            with self._call():
                return self._link.query(sql, *values)


def _already_run() -> WorkbenchError:
    return Conflict("A session runs one statement.", code="already_run")


class _Rows(Answer):
    """Rows that come from the database as they are asked for."""

    def __init__(self, session: MySQLSession, answered: Answered) -> None:
        self.schema = answered.columns.schema
        self._session = session

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        while (batch := self._session._next()) is not None:
            yield batch


class _Kept(Answer):
    """Rows that are all here already."""

    def __init__(self, schema: pa.Schema, batches: list[pa.RecordBatch]) -> None:
        self.schema = schema
        self._batches = batches

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return iter(self._batches)


def _count(changed: int) -> _Kept:
    counted = pa.record_batch({"rows_affected": pa.array([changed], pa.int64())})
    return _Kept(counted.schema, [counted])
