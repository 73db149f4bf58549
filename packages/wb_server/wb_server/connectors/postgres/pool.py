"""Connections to PostgreSQL: how one is dialled, and the pool that keeps a few of them warm.

A connection goes back to the pool only after ``ROLLBACK`` and ``DISCARD ALL``: temporary tables,
settings, prepared statements and advisory locks of one user must not reach the next.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import adbc_driver_manager as adbc
import adbc_driver_postgresql
import pyarrow as pa

from ..dialled.idle import MAX_IDLE, IdlePool
from .facts import Fact
from .inflow import Inflow

# The driver reads the list of types when the first connection is made; a new one is read at times.
_TYPES_SECONDS: Final = 600.0

# Present in the environment, each of these would change where or how libpq connects.
_LIBPQ_VARIABLES: Final = (
    "PGHOST",
    "PGHOSTADDR",
    "PGPORT",
    "PGDATABASE",
    "PGUSER",
    "PGPASSWORD",
    "PGPASSFILE",
    "PGREQUIREAUTH",
    "PGCHANNELBINDING",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGSYSCONFDIR",
    "PGOPTIONS",
    "PGAPPNAME",
    "PGSSLMODE",
    "PGREQUIRESSL",
    "PGSSLNEGOTIATION",
    "PGSSLCOMPRESSION",
    "PGSSLCERT",
    "PGSSLKEY",
    "PGSSLCERTMODE",
    "PGSSLROOTCERT",
    "PGSSLCRL",
    "PGSSLCRLDIR",
    "PGSSLSNI",
    "PGREQUIREPEER",
    "PGSSLMINPROTOCOLVERSION",
    "PGSSLMAXPROTOCOLVERSION",
    "PGGSSENCMODE",
    "PGKRBSRVNAME",
    "PGGSSLIB",
    "PGGSSDELEGATION",
    "PGCONNECT_TIMEOUT",
    "PGCLIENTENCODING",
    "PGTARGETSESSIONATTRS",
    "PGLOADBALANCEHOSTS",
    "PGMINPROTOCOLVERSION",
    "PGMAXPROTOCOLVERSION",
    "PGDATESTYLE",
    "PGTZ",
    "PGGEQO",
    "PGLOCALEDIR",
    "PGOAUTHDEBUG",
)

# Without it, a statement that sends nothing runs to its end after this service was killed.
WATCH_CLIENT: Final = "client_connection_check_interval = 2000"

# For the driver's own look at the types: it writes no schemas, and reads names as they are quoted.
_LOOKING: Final = {"options": "-c search_path=pg_catalog -c quote_all_identifiers=off"}


def forget_environment() -> None:
    """Takes libpq's variables out of this process: a connection is what its settings say."""
    for name in _LIBPQ_VARIABLES:
        os.environ.pop(name, None)


def conninfo(options: Mapping[str, str]) -> str:
    """libpq's connection string, each value quoted."""
    quoted = []
    for key, value in options.items():
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        quoted.append(f"{key}='{escaped}'")
    return " ".join(quoted)


class Link:
    """One connection to a database.

    Attributes:
        reused: whether it comes from the pool; a broken one shows at its first command.
        money_decimals: how many decimals ``money`` has there.
        version: the server's version, such as ``15.18``.
        watches: whether the server can look, while a statement runs, if we are still there.
        inflow: what comes in over it, where that can be told.

    Args:
        peer: the address and the port where it leads to.
    """

    def __init__(self, database: adbc.AdbcDatabase, peer: tuple[str, int]) -> None:
        self.handle = adbc.AdbcConnection(database)
        self.inflow: Inflow | None = None
        self.reused = False
        self.idle_since = 0.0
        try:
            row = self.query(
                "SELECT pg_catalog.current_setting('server_version'), "
                "1::pg_catalog.numeric::pg_catalog.money, pg_catalog.inet_client_port()"
            )[0]
            self.inflow = Inflow.of(peer, None if row[2] is None else int(str(row[2])))
        except BaseException:
            self.drop()
            raise
        self.version = str(row[0]).split()[0]
        self.money_decimals = len(str(row[1])) - 1
        try:
            self.command(f"SET {WATCH_CLIENT}")
            self.watches = True
        except adbc.Error:
            # Before version 14, and on systems that can't tell.
            self.watches = False

    def command(self, sql: str) -> int:
        """Runs statements of our own in one round trip; how many rows the last one answers."""
        statement = adbc.AdbcStatement(self.handle)
        try:
            statement.set_sql_query(sql)
            return int(statement.execute_update())
        finally:
            statement.close()

    def query(self, sql: str, *values: str | None) -> list[tuple[object, ...]]:
        """Rows of a small query of our own; ``$1``, ``$2`` … stand for the values."""
        statement = adbc.AdbcStatement(self.handle)
        try:
            statement.set_sql_query(sql)
            if values:
                names = [f"p{index}" for index in range(len(values))]
                arrays = [pa.array([value], pa.string()) for value in values]
                statement.bind(pa.record_batch(arrays, names=names))
            stream, _ = statement.execute_query()
            table = pa.RecordBatchReader.from_stream(stream).read_all()
            return list(zip(*(column.to_pylist() for column in table.columns), strict=True))
        finally:
            statement.close()

    def reset(self) -> None:
        """Leaves nothing of this use behind. Two commands: DISCARD ALL wants no transaction."""
        self.command("ROLLBACK")
        self.command("DISCARD ALL")

    def drop(self) -> None:
        """Closes it; the database ends what still runs. Never raises."""
        with suppress(Exception):
            self.handle.close()
        if self.inflow is not None:
            self.inflow.close()


def _database(options: Mapping[str, str]) -> adbc.AdbcDatabase:
    """What the driver makes connections from; it looks for the database's types here, once."""
    text = conninfo(options)
    driver = adbc_driver_postgresql._driver_path()
    try:
        database = adbc.AdbcDatabase(driver=driver, uri=conninfo({**options, **_LOOKING}))
    except adbc.Error as error:
        if "unsupported startup parameter" not in str(error):  # a pooler that passes no options on
            raise
        return adbc.AdbcDatabase(driver=driver, uri=text)
    # The connections themselves keep the login's own defaults.
    database.set_options(uri=text)
    return database


class Pool(IdlePool[Link]):
    """Idle connections to PostgreSQL, and what they are made from.

    Attributes:
        unreadable: types that the driver can't read although it has just looked.
        types: PostgreSQL's own that were looked up: they don't change.
        asks_briefly: whether the brief question of ``postgres_shadows`` has been enough so far. It
            decides which one is asked first, and nothing else.
    """

    def __init__(self, version: int, *, max_idle: int = MAX_IDLE) -> None:
        super().__init__(version, max_idle=max_idle)
        self.unreadable: set[int] = set()
        self.types: dict[int, Fact] = {}
        self.asks_briefly = True
        self._dialling = threading.Lock()
        self._database: adbc.AdbcDatabase | None = None
        self._database_text = ""
        self._database_since = 0.0

    def dial(self, options: Mapping[str, str], *, new_types: bool = False) -> Link:
        """A new connection.

        Args:
            options: libpq's, with the checked address.
            new_types: whether to read the list of the database's types again.

        Raises:
            adbc.Error: what the driver says.
        """
        text = conninfo(options)
        with self._dialling:
            stale = time.monotonic() - self._database_since > _TYPES_SECONDS
            if self._database is None or new_types or stale or self._database_text != text:
                self._database, self._database_text = _database(options), text
                self._database_since = time.monotonic()
            database = self._database
            assert database is not None
        return Link(database, (options["hostaddr"], int(options["port"])))
