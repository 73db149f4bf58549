"""Connections to PostgreSQL, and the connector's own statements on them.

A connection returns to the pool only after ``ROLLBACK`` and ``DISCARD ALL``: temporary tables,
settings, prepared statements and advisory locks of one user must not reach the next.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import adbc_driver_manager as adbc
import pyarrow as pa

from .inflow import Inflow

# Environment variables that change where or how libpq connects.
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

# Without it, a statement that sends no rows runs to its end even if this service was killed.
WATCH_CLIENT: Final = "client_connection_check_interval = 2000"


def forget_environment() -> None:
    """Removes libpq's variables from the environment, so that only a connection's settings count."""
    for name in _LIBPQ_VARIABLES:
        os.environ.pop(name, None)


def conninfo(options: Mapping[str, str]) -> str:
    """libpq's connection string, each value quoted."""
    quoted = []
    for key, value in options.items():
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        quoted.append(f"{key}='{escaped}'")
    return " ".join(quoted)


class PostgresConnection:
    """One connection to a database.

    Attributes:
        reused: True if it comes from the pool; then only its first command shows if it is broken.
        money_decimals: the number of decimals of ``money`` on the server.
        version: the server's version, such as ``15.18``.
        watches: True if the server can check during a statement that the client is still connected.
        inflow: the received bytes, or None if they can't be counted.

    Args:
        database: the driver's database, which makes the connection.
        peer: the server's address and port.
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
            # Versions before 14, and systems that don't support it.
            self.watches = False

    def command(self, sql: str) -> int:
        """Runs the connector's own statements in one round trip; returns the last one's row count."""
        statement = adbc.AdbcStatement(self.handle)
        try:
            statement.set_sql_query(sql)
            return int(statement.execute_update())
        finally:
            statement.close()

    def query(self, sql: str, *values: str | None) -> list[tuple[object, ...]]:
        """The rows of one of the connector's own small queries; ``$1``, ``$2`` … are the values."""
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
        """Clears the session's state. Two commands: DISCARD ALL can't run in a transaction."""
        self.command("ROLLBACK")
        self.command("DISCARD ALL")

    def drop(self) -> None:
        """Closes the connection; the database ends what still runs. Never raises."""
        with suppress(Exception):
            self.handle.close()
        if self.inflow is not None:
            self.inflow.close()
