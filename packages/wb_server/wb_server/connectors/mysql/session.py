"""One use of MySQL or MariaDB for a query, a write, or browsing the catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa

from ...gate.dialects.explain import explains_a_view
from ...gate.permits import Permit
from ...kit import memory
from ...kit.errors import Forbidden
from ..base import Answer
from ..dialled.answers import KeptAnswer, StreamedAnswer, returned, rows_affected
from ..dialled.errors import unknown_table
from ..dialled.session import BATCH_BYTES, BROWSE_SECONDS, LARGE_BYTES, DialledSession
from ..models import CatalogMatch, ColumnInfo, SchemaInfo, TableDefinition, TableInfo
from . import catalog, errors, ledger
from .connection import MySQLConnection, MySQLPool
from .rows import Columns, narrowed
from .use import MySQLUse


class MySQLSession(MySQLUse, DialledSession[MySQLConnection]):
    """A query, a write, or browsing the catalog, on one connection."""

    def __init__(
        self,
        permit: Permit,
        pool: MySQLPool,
        connection: MySQLConnection,
        dial: Callable[[], MySQLConnection],
        database: str,
    ) -> None:
        super().__init__(permit, pool, connection, dial, database)
        self._permit = permit

    def schemas(self) -> list[SchemaInfo]:
        return catalog.schemas(self._browse(catalog.SCHEMAS))

    def tables(self, schema: str | None) -> list[TableInfo]:
        if schema is None:
            return catalog.tables(self._browse(catalog.TABLES), None)
        return catalog.tables(self._browse(catalog.TABLES_OF, schema), schema)

    def columns(self, schema: str | None, table: str) -> list[ColumnInfo]:
        space = self._database if schema is None else schema
        found = catalog.columns(self._browse(catalog.COLUMNS, space, table), space, table)
        if not found:
            raise unknown_table(schema, table)
        return found

    def search(self, text: str, limit: int) -> list[CatalogMatch]:
        wanted = text.lower()
        rows = self._browse(catalog.SEARCH, wanted, wanted, wanted)[:limit]
        names = ("schema", "table", "kind", "column", "type")
        return [CatalogMatch.model_validate(dict(zip(names, row, strict=True))) for row in rows]

    def definition(self, schema: str | None, table: str) -> TableDefinition:
        space = self._database if schema is None else schema
        kinds = self._browse(catalog.TABLE_TYPE, space, table)
        if not kinds:
            raise unknown_table(schema, table)
        if kinds[0][0] not in ("BASE TABLE", "SYSTEM VERSIONED"):
            return TableDefinition()
        path = ".".join("`" + part.replace("`", "``") + "`" for part in (space, table))
        text = str(self._browse(f"SHOW CREATE TABLE {path}")[0][1])
        return TableDefinition(keys=catalog.keys(text), ddl=f"{text};\n")

    def server_version(self) -> str | None:
        return self._connection.version

    def _read(self, timeout: float) -> Answer:
        self._begin(timeout, read_only=True)
        self._check_first()
        with self._call():
            _, self._result = self._connection.execute(self._permit.sql, read=True)
        if self._result is None:
            raise errors.not_a_read()
        return self._rows(self._result.columns)

    def _rows(self, columns: Columns) -> Answer:
        """Streams the rows; a short answer with wide decimals is read at once, to narrow them."""
        held: list[pa.RecordBatch] = []
        if columns.wide:
            while len(held) < 2 and (batch := self._next()) is not None:
                held.append(batch)
            if len(held) < 2:
                return KeptAnswer(*narrowed(columns.schema, held))
        return StreamedAnswer(columns.schema, held, self._next)

    def _next(self) -> pa.RecordBatch | None:
        with self._io:
            if self._result is None:
                return None
            with self._call():
                batch = self._result.batch(BATCH_BYTES)
                if batch is None:
                    self._result = None
                    self._connection.end_statement()
                elif batch.nbytes > LARGE_BYTES:
                    self._large = True
            return batch

    def _end(self) -> None:
        super()._end()
        if self._large:
            memory.give_back()

    def _change(self, max_write_rows: int) -> tuple[KeptAnswer, int]:
        self._check_first()
        with self._call():
            changed, self._result = self._connection.execute(self._permit.sql, read=False)
        if self._result is None:
            return rows_affected(changed), changed
        schema = self._result.columns.schema
        batches = returned(self._all(), max_write_rows)
        answer = KeptAnswer(*(narrowed(schema, batches) if len(batches) < 2 else (schema, batches)))
        return answer, answer.rows

    def _all(self) -> Iterator[pa.RecordBatch]:
        while (batch := self._next()) is not None:
            yield batch

    def _before_step(self) -> None:
        self._sql = self._permit.sql
        with self._call():
            # A function of the database's own may change them.
            self._connection.verify()

    def _check_first(self) -> None:
        """Makes the checks that depend on the database, before the statement runs."""
        self._check_functions()
        self._check_plan()

    def _check_functions(self) -> None:
        """Refuses a function that the server may lack, and the database has under the same name."""
        names = sorted(self._permit.named.functions)
        if not names:
            return
        places = ", ".join(["%s"] * len(names))
        with self._call():
            found = self._connection.query(catalog.FUNCTIONS.format(places), self._database, *names)
        if found:
            raise Forbidden(
                f"The database has a stored function {found[0][0]}, which may be called instead of "
                "the built-in one; stored functions can't be called here.",
                code="function_not_allowed",
                function=str(found[0][0]),
            )

    def _check_plan(self) -> None:
        """Refuses a plan that would show the definition of a view."""
        tables = self._permit.tables
        if not (self._permit.shows_texts and tables):
            return
        pairs = ", ".join(["(%s, %s)"] * len(tables))
        names = [name for table in tables for name in (table.schema or self._database, table.name)]
        with self._call():
            found = self._connection.query(catalog.NO_TABLES.format(pairs), *names)
        if found:
            raise explains_a_view(str(found[0][0]))

    # A statement that changes structure commits before and after itself, so it can't share a
    # transaction with the ledger's row: the row is written afterwards, under a lock.

    def _enter(self, key: str, timeout: float) -> int | None:
        with self._call():
            if not ledger.exists(self._connection, self._ledger):
                ledger.create(self._connection, self._ledger)
                self._connection.command("START TRANSACTION")
            ledger.wait_long(self._connection, timeout)
            if self._permit.structural:
                ledger.lock(self._connection, key, timeout)
                return ledger.recorded(self._connection, self._ledger, key)
            return ledger.enter(self._connection, self._ledger, key)

    def _record(self, key: str, rows: int) -> None:
        with self._call():
            if self._permit.structural:
                ledger.enter(self._connection, self._ledger, key)
            ledger.record(self._connection, self._ledger, key, rows)

    @property
    def _ledger(self) -> str:
        """The database that holds the ledger."""
        return self._permit.ledger_schema or self._database

    def _browse(self, sql: str, *values: str) -> list[tuple[object, ...]]:
        """The rows of a catalog query, in its own transaction."""
        with self._io:
            self._begin_browsing()
            self._begin(BROWSE_SECONDS, read_only=True)
            with self._call():
                return self._connection.query(sql, *values)
