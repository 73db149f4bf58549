"""Native sessions on the engines, with the same settings as the connectors' sessions."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
import pymysql
from psycopg.pq import ExecStatus, TransactionStatus

from wb_server.connectors.mysql.settings import settings

from ..mariadb import MariaDB
from ..postgres import Cluster
from .corpus import FOLDER, Answer, Engine, EngineError, statements


class PostgresEngine:
    """libpq without conversions: each value is the text sent by the server."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._pg = connection.pgconn

    def run(self, sql: str) -> Answer:
        # A script may have begun a transaction.
        inside = self._pg.transaction_status != TransactionStatus.IDLE
        self._command("SAVEPOINT honest" if inside else "BEGIN")
        try:
            return self._answer(sql)
        finally:
            self._command("ROLLBACK TO honest" if inside else "ROLLBACK")

    def keep(self, sql: str) -> None:
        """Runs a statement without rolling it back."""
        self._answer(sql)

    def _command(self, sql: str) -> None:
        self._pg.exec_(sql.encode())

    def _answer(self, sql: str) -> Answer:
        # Like the connector: one prepared statement.
        got = self._pg.exec_params(sql.encode(), [])
        if got.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
            raise EngineError(got.error_message.decode().strip().partition("\n")[0])
        columns = range(got.nfields)
        return Answer(
            tuple((got.fname(column) or b"").decode() for column in columns),
            tuple((got.ftype(column), got.fmod(column)) for column in columns),
            tuple(
                tuple(got.get_value(row, column) for column in columns)
                for row in range(got.ntuples)
            ),
            got.command_tuples,
        )


class MysqlEngine:
    """PyMySQL without conversions."""

    def __init__(self, connection: pymysql.Connection, *, mariadb: bool = True) -> None:
        self._connection = connection
        self._settings = settings(60.0, read_only=False, mariadb=mariadb)  # the connector's own
        self.keep(self._settings)

    def run(self, sql: str) -> Answer:
        self.keep("START TRANSACTION")
        try:
            return self._answer(sql)
        finally:
            self.keep("ROLLBACK")
            self._forget_variables()

    def _forget_variables(self) -> None:
        """Resets the session as the connector's pool does: a variable would keep its type."""
        self._connection._execute_command(0x1F, b"")
        self._connection._read_ok_packet()
        self.keep(self._settings)

    def keep(self, sql: str) -> None:
        """Runs a statement without rolling it back."""
        self._answer(sql)

    def _answer(self, sql: str) -> Answer:
        with self._connection.cursor() as cursor:
            try:
                changed = cursor.execute(sql)
            except pymysql.MySQLError as error:
                raise EngineError(str(error.args[-1])) from None
            described = cursor.description or ()
            return Answer(
                tuple(column[0] for column in described),
                tuple(column[1] for column in described),
                tuple(cursor.fetchall()),
                None if described else changed,
            )


class DuckdbEngine:
    """Plain DuckDB, with its answers as Arrow."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def run(self, sql: str) -> Answer:
        self.keep("BEGIN")
        try:
            return self._answer(sql)
        finally:
            self.keep("ROLLBACK")

    def keep(self, sql: str) -> None:
        """Runs a statement without rolling it back."""
        self._answer(sql)

    def _answer(self, sql: str) -> Answer:
        try:
            table = self._connection.execute(sql).to_arrow_table()
        except duckdb.Error as error:
            raise EngineError(str(error).splitlines()[0]) from None
        columns = [_texts(column) for column in table.columns]
        return Answer(
            tuple(table.column_names),
            tuple(str(kind) for kind in table.schema.types),
            tuple(zip(*columns, strict=True)),
        )


def _texts(column: pa.ChunkedArray) -> list[str]:
    try:
        return [repr(value) for value in column.to_pylist()]
    except ValueError:  # no Python value, such as for a row with a duplicate name
        return [str(column.slice(row, 1).combine_chunks()) for row in range(len(column))]


def _fill(engine: Any, dialect: str, schema: Path | None) -> None:
    if schema is not None:
        for sql in statements(schema.read_text(encoding="utf-8"), dialect):
            engine.keep(sql)


@contextmanager
def on_postgres(cluster: Cluster, schema: Path | None) -> Iterator[PostgresEngine]:
    """Creates a database with the tables of a file; drops it afterwards."""
    name = f"honest_{secrets.token_hex(6)}"
    with cluster.connect() as first:
        first.execute(f"create database {name}")
        with psycopg.connect(cluster.url.replace(f"/{cluster.database}", f"/{name}")) as connection:
            connection.autocommit = True
            connection.execute(
                "set timezone = 'UTC'; set datestyle = 'ISO, MDY'; set intervalstyle = 'postgres'; "
                "set standard_conforming_strings = on; set extra_float_digits = 1; "
                "set client_min_messages = error; set statement_timeout = '20s'"
            )
            engine = PostgresEngine(connection)
            _fill(engine, "postgres", schema)
            yield engine
        first.execute(f"drop database {name} with (force)")


@contextmanager
def on_mysql(
    server: MariaDB, schema: Path | None, *, mariadb: bool = True
) -> Iterator[MysqlEngine]:
    """Creates a database with the tables of a file; drops it afterwards."""
    name = f"honest_{secrets.token_hex(6)}"
    server.execute(f"create database {name} character set utf8mb4")
    connection = pymysql.connect(
        host="127.0.0.1", port=server.port, user=server.user, password=server.password,
        database=name, charset="utf8mb4", autocommit=True, ssl_disabled=True, conv={},
    )  # fmt: skip
    try:
        engine = MysqlEngine(connection, mariadb=mariadb)
        _fill(engine, "mysql", schema)
        yield engine
    finally:
        connection.close()
        server.execute(f"drop database {name}")


@contextmanager
def on_duckdb(schema: Path | None) -> Iterator[DuckdbEngine]:
    """Opens an in-memory database with the tables of a file."""
    with duckdb.connect() as connection:
        engine = DuckdbEngine(connection)
        engine.keep("SET TimeZone = 'UTC'")
        _fill(engine, "duckdb", schema)
        yield engine


def schema_of(dialect: str) -> Path:
    """The file with the tables of a dialect's corpus."""
    return FOLDER / f"schema_{dialect}.sql"


__all__ = ["Engine", "on_duckdb", "on_mysql", "on_postgres", "schema_of"]
