"""Loads into PostgreSQL: one transaction, by COPY.

A load has a dedicated psycopg connection: ADBC's driver, which runs queries, can't COPY text, and its
binary values must have exactly the table's types.

``replace`` deletes and copies in one transaction. Views, grants, indexes and foreign keys stay, and
readers see the old rows until the commit, without waiting. Swapping tables would leave views on the
old one, and TRUNCATE would block readers and show no rows to older snapshots.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import psycopg
import pyarrow as pa

from ...gate.loads import Batches, Progress
from ...gate.permits import LoadPermit
from ...kit.errors import InvalidInput, Unprocessable, WorkbenchError
from ..base import Loaded, LoadSession, TableName, Written
from ..dialled.calls import Ask, Calls
from ..dialled.columns import (
    Pair,
    TableColumn,
    already_there,
    key_of,
    no_unique_index,
    pair,
    pieces,
    require_key_values,
    same_key_twice,
)
from ..dialled.errors import load_timed_out, outcome_unknown
from . import errors, ledger
from .catalog import FIXED_PATH
from .connection import WATCH_CLIENT
from .copy import CopyRows, create_table
from .ledger import full, quoted
from .settings import IN_SESSION, IN_TRANSACTION

_STAGE: Final = "pg_temp.workbench_load"
_TABLE: Final = """
    SELECT c.relkind::text, row_security_active(c.oid) FROM pg_class c WHERE c.oid = $1::oid
"""

# For a domain, with its base type.
_COLUMNS: Final = """
    SELECT a.attname::text, b.typname::text, format_type(a.atttypid, a.atttypmod),
           (a.attnotnull OR t.typnotnull) AND NOT a.atthasdef AND a.attidentity = ''
               AND t.typdefault IS NULL,
           a.attgenerated <> '',
           CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END
    FROM pg_attribute a
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
    WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
"""

_UNIQUE: Final = """
    SELECT array_agg(a.attname::text)
    FROM pg_index i
    CROSS JOIN unnest(i.indkey) WITH ORDINALITY k(attnum, place)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
    WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND i.indimmediate
      AND i.indpred IS NULL AND i.indexprs IS NULL AND k.place <= i.indnkeyatts
    GROUP BY i.indexrelid
"""

# Deleting a row would silently change rows of these tables.
_FOLLOWERS: Final = """
    SELECT DISTINCT c.conrelid::regclass::text FROM pg_constraint c
    WHERE c.confrelid = $1::oid AND c.contype = 'f' AND c.confdeltype IN ('c', 'n', 'd')
"""


class PostgresLoad(LoadSession):
    """One load on a dedicated connection, which is closed after it."""

    def __init__(self, permit: LoadPermit, connection: psycopg.Connection[Any]) -> None:
        self._permit = permit
        self._connection = connection
        # A whole load is one call, which mostly waits for rows, not for the database.
        self._calls = Calls(self._stopping, longest_pause=1.0)
        self._deadline = float("inf")

    def load(self, batches: Batches, *, timeout: float, progress: Progress) -> Loaded:
        self._deadline = time.monotonic() + timeout
        with self._use():
            return self._load(batches, progress)

    def cancel(self) -> None:
        self._calls.cancel()

    def close(self) -> None:
        self._calls.cancel_waiting()
        self._calls.close()
        with suppress(Exception):
            self._connection.close()

    # --- asking -----------------------------------------------------------------------------

    def command(self, sql: str) -> None:
        """Runs one of the connector's own statements."""
        self._connection.execute(sql)

    def query(self, sql: str, *values: str | None) -> list[tuple[Any, ...]]:
        """The rows of one of the connector's own small queries; ``$1``, ``$2`` … are the values."""
        return self._connection.execute(sql, values or None).fetchall()

    @contextmanager
    def fixed_path(self) -> Iterator[None]:
        """Sets the search path to the catalog for the block, then restores it."""
        ((path,),) = self.query("SELECT pg_catalog.current_setting('search_path')")
        self.command(FIXED_PATH)
        yield
        self.query("SELECT pg_catalog.set_config('search_path', $1, true)", path)

    @contextmanager
    def _stopping(self) -> Iterator[Ask]:
        def ask() -> None:
            with suppress(Exception):
                self._connection.cancel_safe(timeout=5)

        yield ask

    @contextmanager
    def _use(self) -> Iterator[None]:
        with self._calls.call():
            try:
                self._require_time()
                yield
            except psycopg.Error as error:
                cancelled = self._calls.cancelled
                late = time.monotonic() >= self._deadline - 0.05
                raise errors.load_error(error, cancelled=cancelled, late=late) from None

    def _require_time(self) -> None:
        self._calls.require()
        if time.monotonic() >= self._deadline:
            raise load_timed_out()

    def _limit(self) -> None:
        """Limits the next statement to the time left."""
        self._require_time()
        left = max(1, round((self._deadline - time.monotonic()) * 1000))
        self.command(f"SET LOCAL statement_timeout = {left}")

    # --- the load ---------------------------------------------------------------------------

    def _load(self, batches: Batches, progress: Progress) -> Loaded:
        permit = self._permit
        self.command(IN_SESSION)
        schema = permit.table.schema or self._schema_of(permit.table.name)
        if permit.once is not None and not ledger.exists(self, schema):
            ledger.create(self, schema)
        with suppress(psycopg.errors.UndefinedObject, psycopg.errors.InvalidParameterValue):
            self.command(f"SET {WATCH_CLIENT}")  # versions before 14 don't have it
        # READ COMMITTED: the ledger's row may have been committed while this attempt waited.
        self.command(f"BEGIN ISOLATION LEVEL READ COMMITTED; {IN_TRANSACTION}")
        self._limit()
        if permit.once is not None:
            before = ledger.enter(self, schema, permit.once)
            if before is not None:
                self.command("ROLLBACK")
                name = TableName(schema, permit.table.name)
                return Loaded(Written(before, already=True), name)
        table = _Table(self, schema, permit.table.name)
        pairs, key = table.prepare(permit, batches.schema)
        self._limit()
        rows = self._put(table, pairs, key, batches, progress)
        if permit.once is not None:
            self._limit()
            ledger.record(self, schema, permit.once, rows)
        self._commit()
        return Loaded(Written(rows), TableName(schema, table.name))

    def _schema_of(self, name: str) -> str:
        """The schema where the login finds a table with this name, or else would create it."""
        found = self.query(
            "SELECT n.nspname::pg_catalog.text FROM pg_catalog.pg_class c "
            "JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace "
            "WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass($1)::pg_catalog.oid",
            quoted(name),
        )
        return str(found[0][0]) if found else ledger.current_schema(self)

    def _put(
        self,
        table: _Table,
        pairs: list[Pair],
        key: list[str],
        batches: Batches,
        progress: Progress,
    ) -> int:
        permit = self._permit
        columns = ", ".join(quoted(each.column.name) for each in pairs)
        if permit.mode == "replace" and not table.fresh:
            # Other writers wait, readers don't. Without it, two concurrent loads would leave the rows
            # of both.
            self.command(f"LOCK TABLE {table.full} IN SHARE ROW EXCLUSIVE MODE")
            self._limit()
            self.command(f"DELETE FROM {table.full}")  # noqa: S608  the name is quoted
            self._limit()
        staged = permit.mode == "upsert" or table.guarded
        target = table.full
        if staged:
            target = _STAGE
            none = f"SELECT {columns} FROM {table.full} WITH NO DATA"  # noqa: S608  names are quoted
            self.command(f"CREATE TEMPORARY TABLE {_STAGE} ON COMMIT DROP AS {none}")
            self._limit()
        rows = self._copy(
            f"COPY {target} ({columns}) FROM STDIN WITH (FORMAT csv, ENCODING 'UTF8')",
            pairs,
            [index for index, each in enumerate(pairs) if each.column.name in key],
            batches,
            progress,
        )
        if staged:
            self._limit()
            self._merge(table, columns, pairs, key)
        return rows

    def _copy(
        self,
        sql: str,
        pairs: list[Pair],
        key_places: list[int],
        batches: Batches,
        progress: Progress,
    ) -> int:
        """Sends all batches; an error on this side ends the COPY and is re-raised unchanged."""
        texts = CopyRows(pairs)
        rows = 0
        failure: BaseException | None = None
        try:
            with self._connection.cursor() as cursor, cursor.copy(sql) as copy:
                try:
                    for batch in batches:
                        self._require_time()
                        require_key_values(batch, key_places)
                        for piece in pieces(batch):
                            copy.write(texts(piece))
                        rows += batch.num_rows
                        progress(rows)
                except psycopg.Error:
                    raise
                except BaseException as error:
                    failure = error
                    # The driver sends the error's text to the server, which would log it.
                    raise _Stopped from None
        except (_Stopped, psycopg.Error):
            if failure is not None:
                raise failure from None
            raise
        return rows

    def _merge(self, table: _Table, columns: str, pairs: list[Pair], key: list[str]) -> None:
        # An identity column takes the rows' values, as with COPY.
        sql = (
            f"INSERT INTO {table.full} ({columns}) OVERRIDING SYSTEM VALUE "  # noqa: S608
            f"SELECT {columns} FROM {_STAGE}"
        )
        if key:
            others = [each.column.name for each in pairs if each.column.name not in key]
            changes = ", ".join(f"{quoted(name)} = excluded.{quoted(name)}" for name in others)
            conflict = f"DO UPDATE SET {changes}" if others else "DO NOTHING"
            sql += f" ON CONFLICT ({', '.join(map(quoted, key))}) {conflict}"
        try:
            self.command(sql)
        except psycopg.errors.CardinalityViolation:
            raise same_key_twice(key) from None

    def _commit(self) -> None:
        self._require_time()
        try:
            self.command("COMMIT")
        except psycopg.Error as error:
            if not errors.is_broken(error):
                raise
            raise outcome_unknown(once=self._permit.once is not None) from None


class _Stopped(Exception):
    """Ends a COPY from this side, without a message."""


class _Table:
    """The table that rows are loaded into.

    Attributes:
        full: its qualified name, quoted.
        fresh: True if it was created in this transaction.
        guarded: True if the rows have to pass row-level security, which COPY doesn't support.
    """

    def __init__(self, load: PostgresLoad, schema: str, name: str) -> None:
        self._load = load
        self._schema = schema
        self.name = name
        self.full = full(schema, name)
        self.fresh = False
        self.guarded = False
        self._oid = ""

    def prepare(self, permit: LoadPermit, schema: pa.Schema) -> tuple[list[Pair], list[str]]:
        """Inspects or creates the table, and maps the columns to it.

        Returns:
            The pairs, and the key's columns by the table's names.

        Raises:
            Conflict: ``table_exists``, in the mode ``create``.
            InvalidInput: as ``pair``; ``unknown_table``, ``not_a_table``, ``no_unique_index``.
            Unprocessable: ``referenced_table``: deleting its rows would change other tables.
        """
        found = self._find()
        if found and permit.mode == "create":
            raise already_there(str(permit.table))
        with self._load.fixed_path():
            if not found:
                if not permit.create:
                    raise InvalidInput(
                        f"There is no table {permit.table}, and it may not be created.",
                        code="unknown_table",
                        name=str(permit.table),
                    )
                known = all(name in schema.names for name in permit.key)
                self._load.command(create_table(self.full, schema, permit.key if known else ()))
                self.fresh = self._find()
            self._inspect()
            columns = [_column(row) for row in self._load.query(_COLUMNS, self._oid)]
            pairs = pair(schema, columns, str(permit.table), fold_case=False)
            CopyRows(pairs)
            key = key_of(pairs, permit.key, fold_case=False)
            if key:
                indexes = [set(row[0]) for row in self._load.query(_UNIQUE, self._oid)]
                if set(key) not in indexes:
                    raise no_unique_index(str(permit.table), key)
            if permit.mode == "replace" and not self.fresh:
                self._require_alone(permit)
        return pairs, key

    def _find(self) -> bool:
        ((oid,),) = self._load.query(
            "SELECT pg_catalog.to_regclass($1)::pg_catalog.oid::pg_catalog.text", self.full
        )
        self._oid = str(oid)
        return oid is not None

    def _inspect(self) -> None:
        ((kind, self.guarded),) = self._load.query(_TABLE, self._oid)
        if kind not in ("r", "p"):
            raise InvalidInput(
                f"{self._schema}.{self.name} is not a table: rows can only be loaded into tables.",
                code="not_a_table",
                name=f"{self._schema}.{self.name}",
            )

    def _require_alone(self, permit: LoadPermit) -> None:
        followers = [str(name) for (name,) in self._load.query(_FOLLOWERS, self._oid)]
        if followers:
            raise _referenced(permit, followers)


def _referenced(permit: LoadPermit, followers: list[str]) -> WorkbenchError:
    return Unprocessable(
        f"Rows of {', '.join(followers)} would be deleted or changed with those of {permit.table}, by "
        "their foreign keys. Use upsert, which deletes nothing.",
        code="referenced_table",
        tables=followers,
    )


def _column(row: tuple[Any, ...]) -> TableColumn:
    name, kind, shown, required, generated, typmod = row
    precision = scale = None
    second_digits = 6
    if kind == "numeric" and typmod >= 4:
        # As in PostgreSQL's numeric.c: 16 bits of precision, 11 bits of scale with sign.
        precision = ((typmod - 4) >> 16) & 0xFFFF
        scale = ((typmod - 4) & 0x7FF ^ 1024) - 1024
    elif kind in ("timestamp", "timestamptz", "time") and typmod >= 0:
        second_digits = typmod
    return TableColumn(
        name, kind, shown, bool(required), bool(generated), precision, scale, second_digits
    )
