"""Loads into MySQL and MariaDB: one transaction of multi-row INSERTs.

``replace`` deletes and inserts in one transaction. Views, grants, triggers and foreign keys stay,
readers see the old rows until the commit, and the ledger's row is committed with the new ones.
Loading a second table and renaming it would be faster for very large tables, but RENAME commits
implicitly: a failure between it and the ledger's row would lose track of the attempt, and triggers
and foreign keys would be lost too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import pyarrow as pa
import pymysql

from ...gate.loads import Batches, Progress
from ...gate.permits import LoadPermit
from ...kit.errors import InvalidInput, Unprocessable, WorkbenchError
from ..base import Loaded, LoadSession, TableName, Written
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
from ..dialled.errors import load_timed_out
from . import errors, ledger
from .connection import MySQLConnection, MySQLPool
from .ledger import full, quoted
from .literals import LiteralRows, create_table
from .use import MySQLUse

_STATEMENT_BYTES: Final = 1 << 20
_STAGE: Final = "workbench_load"
_UNDO_SECONDS: Final = 5

_TABLES: Final = """
    SELECT t.table_schema, t.table_name, t.table_type, e.transactions
    FROM information_schema.tables t LEFT JOIN information_schema.engines e ON e.engine = t.engine
    WHERE t.table_schema = %s AND t.table_name = %s
"""

_COLUMNS: Final = """
    SELECT column_name, data_type, column_type, is_nullable, column_default, extra,
           numeric_precision, numeric_scale, datetime_precision
    FROM information_schema.columns WHERE table_schema = %s AND table_name = %s
    ORDER BY ordinal_position
"""

_UNIQUE: Final = """
    SELECT index_name, column_name, sub_part FROM information_schema.statistics
    WHERE table_schema = %s AND table_name = %s AND non_unique = 0
"""

# Deleting a row would silently change rows of these tables.
_FOLLOWERS: Final = """
    SELECT DISTINCT concat(constraint_schema, '.', table_name)
    FROM information_schema.referential_constraints
    WHERE unique_constraint_schema = %s AND referenced_table_name = %s
      AND delete_rule IN ('CASCADE', 'SET NULL', 'SET DEFAULT')
"""


class MySQLLoad(MySQLUse, LoadSession):
    """One load on a dedicated connection, which is closed after it."""

    def __init__(
        self,
        permit: LoadPermit,
        pool: MySQLPool,
        connection: MySQLConnection,
        dial: Callable[[], MySQLConnection],
        database: str,
    ) -> None:
        super().__init__(permit, pool, connection, dial, database)
        self._permit = permit
        self._schema = permit.table.schema or database
        self._name = permit.table.name
        self._size = _STATEMENT_BYTES
        self._exact_names = True
        self._created = False

    def load(self, batches: Batches, *, timeout: float, progress: Progress) -> Loaded:
        with self._limited(timeout), self._io:
            try:
                return self._load(batches, timeout, progress)
            except BaseException:
                # Attempts that load once may already share the table.
                if self._created and self._permit.once is None:
                    self._remove_created()
                raise

    def _remove_created(self) -> None:
        """Drops the table that this load has made, unless somebody has put rows into it.

        As far as the connection still serves: after a cut one the table stays, empty.
        """
        table = full(self._schema, self._name)
        with suppress(*errors.FAILURES, WorkbenchError):
            self._connection.command("ROLLBACK")
            self._connection.command(f"SET SESSION lock_wait_timeout = {_UNDO_SECONDS}")
            # With the lock, nobody writes between the look and the drop.
            self._connection.command(f"LOCK TABLES {table} WRITE")
            if not self._connection.query(f"SELECT 1 FROM {table} LIMIT 1"):  # noqa: S608
                self._connection.command(f"DROP TABLE {table}")
            self._connection.command("UNLOCK TABLES")

    def _load(self, batches: Batches, timeout: float, progress: Progress) -> Loaded:
        permit = self._permit
        self._begin(timeout, read_only=False)
        self._deadline = time.monotonic() + timeout
        with self._call():
            # Gap locks keep two loads that replace the same table apart.
            self._connection.command("ROLLBACK")
            self._connection.command("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            ledger.wait_long(self._connection, timeout)
            self._connection.command(
                f"SET SESSION wait_timeout = {max(60, min(round(timeout), 10**6))}"
            )
            ((packet, folded),) = self._connection.query(
                "SELECT @@max_allowed_packet, @@lower_case_table_names"
            )
            self._size = min(_STATEMENT_BYTES, int(packet) - 65_536)
            self._exact_names = int(folded) == 0
            if permit.once is not None and not ledger.exists(self._connection, self._schema):
                ledger.create(self._connection, self._schema)
            if permit.once is not None:
                before = ledger.recorded(self._connection, self._schema, permit.once)
                if before is not None:
                    return Loaded(Written(before, already=True), self._table)
        # DDL commits implicitly, so it comes before the transaction.
        pairs, key = self._prepare(batches.schema)
        with self._call():
            if key:
                self._stage(pairs, key)
            self._connection.command("START TRANSACTION")
            if permit.once is not None:
                before = ledger.enter(self._connection, self._schema, permit.once)
                if before is not None:
                    self._connection.command("ROLLBACK")
                    return Loaded(Written(before, already=True), self._table)
        rows = self._put(pairs, key, batches, progress)
        with self._call():
            if permit.once is not None:
                ledger.record(self._connection, self._schema, permit.once, rows)
        self._require_time()
        self._commit()
        return Loaded(Written(rows), self._table)

    @property
    def _table(self) -> TableName:
        return TableName(self._schema, self._name)

    def _require_time(self) -> None:
        self._calls.require()
        if time.monotonic() >= self._deadline:
            raise load_timed_out()

    # --- the table --------------------------------------------------------------------------

    def _prepare(self, schema: pa.Schema) -> tuple[list[Pair], list[str]]:
        """Inspects or creates the table, and maps the columns to it."""
        permit = self._permit
        with self._call():
            found = self._find()
            if found and permit.mode == "create":
                raise already_there(str(permit.table))
            if not found:
                if not permit.create:
                    raise InvalidInput(
                        f"There is no table {permit.table}, and it may not be created.",
                        code="unknown_table",
                        name=str(permit.table),
                    )
                self._create(schema)
            rows = self._connection.query(_COLUMNS, self._schema, self._name)
        columns = [_column(row) for row in rows]
        pairs = pair(schema, columns, str(permit.table), fold_case=True)
        LiteralRows(pairs)
        key = key_of(pairs, permit.key, fold_case=True)
        with self._call():
            if key and set(key) not in self._unique():
                raise no_unique_index(str(permit.table), key)
            if permit.mode == "replace":
                self._require_alone()
        return pairs, key

    def _find(self) -> bool:
        rows = self._connection.query(_TABLES, self._schema, self._name)
        # The catalog may compare names case-insensitively even if table names are case-sensitive.
        same = [row for row in rows if (row[0], row[1]) == (self._schema, self._name)]
        found = same or ([] if self._exact_names else rows)
        if len(found) != 1:
            return False
        self._schema, self._name, kind, transactions = found[0]
        if kind not in ("BASE TABLE", "SYSTEM VERSIONED"):
            raise InvalidInput(
                f"{self._table} is not a table: rows can only be loaded into tables.",
                code="not_a_table",
                name=str(self._table),
            )
        if str(transactions).upper() != "YES":
            raise Unprocessable(
                f"The table {self._table} uses an engine without transactions, so a failed load "
                "could leave some of its rows there. Convert it to InnoDB: ALTER TABLE … "
                "ENGINE=InnoDB.",
                code="no_transactions",
                name=str(self._table),
            )
        return True

    def _create(self, schema: pa.Schema) -> None:
        columns = [TableColumn(field.name, "", "") for field in schema]
        key = key_of(
            pair(schema, columns, str(self._permit.table), fold_case=True),
            self._permit.key,
            fold_case=True,
        )
        statement = create_table(full(self._schema, self._name), schema, key)
        try:
            self._connection.command(statement)
            self._created = True
        except pymysql.Error as error:
            if errors.number_of(error) != 1050:
                raise
            # Another session created it meanwhile.
            if self._permit.mode == "create":
                raise already_there(str(self._permit.table)) from None
        self._find()

    def _unique(self) -> list[set[str]]:
        """The columns of each unique index, except indexes on prefixes or expressions."""
        indexes: dict[str, set[str]] = {}
        partial = set()
        for index, column, part in self._connection.query(_UNIQUE, self._schema, self._name):
            indexes.setdefault(index, set()).add(str(column))
            if part is not None or column is None:
                partial.add(index)
        return [columns for index, columns in indexes.items() if index not in partial]

    def _require_alone(self) -> None:
        rows = self._connection.query(_FOLLOWERS, self._schema, self._name)
        followers = [str(name) for (name,) in rows if name != str(self._table)]
        if followers:
            raise Unprocessable(
                f"Rows of {', '.join(followers)} would be deleted or changed with those of "
                f"{self._permit.table}, by their foreign keys. Use upsert, which deletes nothing.",
                code="referenced_table",
                tables=followers,
            )

    # --- the rows ---------------------------------------------------------------------------

    def _stage(self, pairs: list[Pair], key: list[str]) -> None:
        """Creates a temporary table for an upsert's rows; its key detects duplicates."""
        columns = ", ".join(quoted(each.column.name) for each in pairs)
        none = f"SELECT {columns} FROM {full(self._schema, self._name)} LIMIT 0"  # noqa: S608
        self._connection.command(
            f"CREATE TEMPORARY TABLE {full(self._schema, _STAGE)} "
            f"(PRIMARY KEY ({', '.join(map(quoted, key))})) ENGINE=InnoDB {none}"
        )

    def _put(self, pairs: list[Pair], key: list[str], batches: Batches, progress: Progress) -> int:
        target = full(self._schema, _STAGE if key else self._name)
        if self._permit.mode == "replace":
            with self._call():
                self._connection.command(f"DELETE FROM {target}")  # noqa: S608  the name is quoted
        columns = ", ".join(quoted(each.column.name) for each in pairs)
        begin = f"INSERT INTO {target} ({columns}) VALUES ".encode()  # noqa: S608  names are quoted
        places = [index for index, each in enumerate(pairs) if each.column.name in key]
        texts = LiteralRows(pairs)
        rows = 0
        for batch in batches:
            self._require_time()
            require_key_values(batch, places)
            for part in pieces(batch):
                for piece in texts(part, self._size):
                    self._insert(begin + piece, key)
            rows += batch.num_rows
            progress(rows)
        if key:
            with self._call():
                self._merge(pairs, key, columns)
        return rows

    def _insert(self, statement: bytes, key: list[str]) -> None:
        with self._call():
            try:
                self._connection.command(statement)
            except pymysql.Error as error:
                if key and errors.number_of(error) == 1062:
                    raise same_key_twice(key) from None
                raise

    def _merge(self, pairs: list[Pair], key: list[str], columns: str) -> None:
        """Updates existing rows by their key, then inserts the rest.

        Not by ON DUPLICATE KEY UPDATE, which also updates rows that match another unique index.
        """
        target, stage = full(self._schema, self._name), full(self._schema, _STAGE)
        same = " AND ".join(f"t.{quoted(name)} = s.{quoted(name)}" for name in key)
        others = [each.column.name for each in pairs if each.column.name not in key]
        if others:
            changes = ", ".join(f"t.{quoted(name)} = s.{quoted(name)}" for name in others)
            self._connection.command(f"UPDATE {target} t JOIN {stage} s ON {same} SET {changes}")  # noqa: S608
        wanted = ", ".join(f"s.{quoted(each.column.name)}" for each in pairs)
        self._connection.command(
            f"INSERT INTO {target} ({columns}) SELECT {wanted} FROM {stage} s "  # noqa: S608
            f"LEFT JOIN {target} t ON {same} WHERE t.{quoted(key[0])} IS NULL"
        )


def _column(row: tuple[Any, ...]) -> TableColumn:
    name, kind, shown, nullable, default, extra, precision, scale, second_digits = row
    computed = any(word in extra.upper() for word in ("VIRTUAL", "STORED", "PERSISTENT"))
    required = (
        nullable == "NO"
        and default is None
        and "auto_increment" not in extra.lower()
        and not computed
    )
    return TableColumn(
        name,
        kind,
        shown,
        required,
        computed,
        int(precision) if precision is not None else None,
        int(scale) if scale is not None else None,
        6 if second_digits is None else int(second_digits),
    )
