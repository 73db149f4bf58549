"""One use of PostgreSQL for a query, a write, or browsing the catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import adbc_driver_manager as adbc
import pyarrow as pa
from adbc_driver_manager._reader import AdbcRecordBatchReader

from ...gate.permits import Permit
from ...kit import memory
from ...kit.errors import WorkbenchError
from .. import ddl
from ..base import Answer
from ..dialled.answers import KeptAnswer, StreamedAnswer, returned, rows_affected
from ..dialled.calls import Ask
from ..dialled.errors import unknown_table
from ..dialled.session import BATCH_BYTES, BROWSE_SECONDS, LARGE_BYTES, DialledSession
from ..models import CatalogMatch, ColumnInfo, SchemaInfo, TableDefinition, TableInfo, TableKey
from . import catalog, errors, ledger, plans, shadows
from .connection import WATCH_CLIENT, PostgresConnection
from .inflow import flooded
from .pool import PostgresPool
from .query import Conversion, Query, unknown_types
from .settings import IN_TRANSACTION, VALUES


class PostgresSession(DialledSession[PostgresConnection]):
    """A query, a write, or browsing the catalog, on one connection.

    Args:
        permit: what may be done.
        pool: takes the connection back.
        connection: the connection to use.
        dial: opens another connection like this one; with True it reads the list of types again.
    """

    failures = (adbc.Error, pa.ArrowException, OSError)
    _pool: PostgresPool

    def __init__(
        self,
        permit: Permit,
        pool: PostgresPool,
        connection: PostgresConnection,
        dial: Callable[[bool], PostgresConnection],
    ) -> None:
        super().__init__(pool, connection, permit.once)
        self._dial = dial
        self._permit = permit
        self._begun_by = ""
        self._again = False
        self._streaming = False
        self._schema = ""
        self._statement: adbc.AdbcStatement | None = None
        self._reader: AdbcRecordBatchReader | None = None
        self._query: Query | None = None

    def schemas(self) -> list[SchemaInfo]:
        rows = self._browse(catalog.SCHEMAS)
        return [SchemaInfo(name=str(name), tables=int(str(tables))) for name, tables in rows]

    def tables(self, schema: str | None) -> list[TableInfo]:
        return [
            TableInfo.model_validate(
                {"schema": space, "name": name, "kind": kind, "comment": comment}
            )
            for space, name, kind, comment in self._browse(catalog.TABLES, schema)
        ]

    def columns(self, schema: str | None, table: str) -> list[ColumnInfo]:
        rows = self._browse(catalog.COLUMNS, schema, table, fixed_path=schema is not None)
        if not rows:
            raise unknown_table(schema, table)
        return [
            ColumnInfo.model_validate(
                {"name": name, "type": kind, "nullable": nullable, "comment": comment}
            )
            for name, kind, nullable, comment in rows
        ]

    def search(self, text: str, limit: int) -> list[CatalogMatch]:
        rows = self._browse(catalog.SEARCH, text.lower(), str(limit))
        names = ("schema", "table", "kind", "column", "type")
        return [CatalogMatch.model_validate(dict(zip(names, row, strict=True))) for row in rows]

    def definition(self, schema: str | None, table: str) -> TableDefinition:
        columns = self.columns(schema, table)
        extras = {str(row[0]): str(row[1]) for row in self._browse(catalog.DEFAULTS, schema, table)}
        if not extras:
            return TableDefinition()  # a view
        keys = [
            (str(it), str(text), own) for it, text, own in self._browse(catalog.KEYS, schema, table)
        ]
        own = [f"CONSTRAINT {ddl.name(it)} {text}" for it, text, inside in keys if inside]
        create = ddl.create_table(
            [schema or "public", table],
            columns,
            defaults=[extras.get(column.name, "") for column in columns],
            constraints=own,
        )
        indexes = [text for _, text, inside in keys if not inside]
        return TableDefinition(
            keys=[TableKey(name=it, definition=text) for it, text, _ in keys],
            ddl="".join(f"{statement};\n" for statement in (create, *indexes)),
        )

    def server_version(self) -> str | None:
        return f"PostgreSQL {self._connection.version}"

    @property
    def _open(self) -> bool:
        return self._streaming

    def _end(self) -> None:
        with suppress(Exception):
            if self._reader is not None:
                self._reader.close()
            if self._statement is not None:
                self._statement.close()
        self._reader = self._statement = None
        # The driver keeps a buffer of its largest row's size as long as the connection lives.
        self._broken = self._broken or self._large
        super()._end()
        if self._large:
            memory.give_back()

    @contextmanager
    def _stopping(self) -> Iterator[Ask]:
        def ask() -> None:
            with suppress(Exception):
                self._connection.handle.cancel()

        yield ask

    @contextmanager
    def _call(self) -> Iterator[None]:
        inflow = self._connection.inflow
        with super()._call():
            if inflow is None:
                yield
                return
            try:
                inflow.begin()
                yield
            finally:
                inflow.end()

    def _is_broken(self, error: Exception) -> bool:
        return errors.is_broken(error)

    def _error_of(self, error: Exception) -> WorkbenchError:
        inflow = self._connection.inflow
        if inflow is not None and inflow.flooded:
            self._broken = self._large = True
            return flooded()
        cancelled = self._calls.cancelled
        refusal = self._query.refusal(str(error)) if self._query is not None else None
        if refusal is not None and not cancelled:
            return refusal
        return errors.statement_error(error, cancelled=cancelled, late=self._is_late)

    def _begin(self, timeout: float, *, read_only: bool, more: str = "") -> None:
        """Begins the transaction.

        Args:
            timeout: seconds that a statement may take.
            read_only: True for a read-only transaction.
            more: statements to send in the same round trip.
        """
        milliseconds = max(1, round(timeout * 1000))
        # A write keeps the login's default, which may be read-only.
        sql = "BEGIN READ ONLY" if read_only else "BEGIN"
        sql += f"; SET LOCAL statement_timeout = {milliseconds}"
        if self._connection.watches:
            sql += f"; SET LOCAL {WATCH_CLIENT}"
        self._begun_by = f"{sql}; {IN_TRANSACTION}"
        self._begin_by(lambda: self._start(sql, more), lambda: self._dial(False), timeout)

    def _start(self, sql: str, more: str) -> None:
        """Begins, and checks for user-defined code that would run instead of what the gate checked.

        Raises:
            Forbidden: there is some, such as ``operator_not_allowed`` or ``field_not_allowed``.
            SourceFailed: the check didn't run (``not_looked``).
        """
        if self._permit.kind not in ("read", "write") or self._permit.steps:
            self._connection.command(f"{self._begun_by}; {more}" if more else self._begun_by)
            return
        permit = self._permit
        brief = self._pool.brief_suffices and shadows.is_plain(permit.named)
        count = self._quick_check(sql, brief=brief)
        if count is None and brief:
            self._pool.brief_suffices = False  # in this database the brief query doesn't suffice
            self._connection.command("ROLLBACK")
            count = self._quick_check(sql, brief=False)
        if count is None:
            self._connection.command("ROLLBACK")
            count = self._full_check()
        shadows.require_answer(count)

    def _quick_check(self, sql: str, *, brief: bool) -> int | None:
        """Begins and sends the short query; ``None`` if it found candidates."""
        check = shadows.quick_check(self._permit.named, self._permit.sql, brief=brief)
        try:
            return self._connection.command(f"{sql}; {VALUES}; {check}")
        except adbc.Error as error:
            if shadows.found(str(error)) is None:
                raise
            return None

    def _full_check(self) -> int:
        """Begins again, and checks whether the candidates concern this statement."""
        permit = self._permit
        check = shadows.full_check(permit.named, permit.tables, permit.sql)
        try:
            return self._connection.command(f"{self._begun_by}; {check}")
        except adbc.Error as error:
            found = shadows.found(str(error))
            if found is None:
                raise
            raise shadows.refusal(found) from None

    def _execute(self) -> int:
        """Sends the permit's statement. Returns the number of rows, or -1 if it returns rows."""
        with self._call():
            self._statement = self._prepared()
            if not self._permit.returns_rows:
                # A procedure may have an answer, which COPY can't take.
                self._statement.set_options(**{"adbc.postgresql.use_copy": "false"})
            else:
                schema = self._described()
                if schema.names:
                    write = self._permit.kind == "write"
                    self._query = Query(
                        self._permit.sql, schema, self._connection, self._pool.types, write=write
                    )
                    self._statement.set_sql_query(self._query.sql)
                    if not self._query.by_copy:
                        self._statement.set_options(**{"adbc.postgresql.use_copy": "false"})
            stream, count = self._statement.execute_query()
            self._reader = AdbcRecordBatchReader._import_from_c(stream.address)
        self._streaming = True
        return int(count)

    def _prepared(self) -> adbc.AdbcStatement:
        statement = adbc.AdbcStatement(self._connection.handle)
        statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
        statement.set_sql_query(self._permit.sql)
        return statement

    def _described(self) -> pa.Schema:
        """The schema of the statement's result, without running it."""
        assert self._statement is not None
        handle = self._statement.execute_schema()
        schema = pa.Schema._import_from_c(handle.address)
        unknown = unknown_types(schema)
        if self._again:
            self._pool.unreadable |= unknown
        elif self._permit.kind == "read" and unknown - self._pool.unreadable:
            raise _NewTypes
        return schema

    def _read(self, timeout: float) -> Answer:
        self._begin(timeout, read_only=True)
        if self._permit.shows_texts:
            with self._call():
                plans.check(self._connection, self._permit.tables)
        try:
            self._execute()
        except _NewTypes:
            # Types created after the driver read its list: read it again, once.
            self._again = True
            assert self._statement is not None
            self._statement.close()
            self._replace(lambda: self._dial(True))
            self._begin(timeout, read_only=True)
            self._execute()
        return self._answer()

    def _answer(self) -> StreamedAnswer:
        assert self._reader is not None
        query, schema = self._query, self._reader.schema
        if query is None:  # rows where none were expected
            query = Query(self._permit.sql, schema, self._connection, self._pool.types, write=True)
        held: list[pa.RecordBatch] = []
        if query.open:
            # Two batches: the type also depends on whether there is a second one.
            while len(held) < 2 and (batch := self._next()) is not None:
                held.append(batch)
        first = held[0] if held else None
        convert = Conversion(query, schema, first, whole=len(held) < 2)
        return StreamedAnswer(convert.schema, held, self._next, convert)

    def _next(self) -> pa.RecordBatch | None:
        """The driver's next batch, or ``None`` at the end."""
        with self._io:
            if not self._streaming:
                return None
            with self._call():
                assert self._reader is not None
                try:
                    batch = self._reader.read_next_batch()
                    self._large = self._large or batch.nbytes > LARGE_BYTES
                    return batch
                except StopIteration:
                    pass
            self._streaming = False
            return None

    def _enter(self, key: str, timeout: float) -> int | None:
        with self._call():
            self._schema = self._ledger()
            return ledger.enter(self._connection, self._schema, key)

    def _change(self, max_write_rows: int) -> tuple[KeptAnswer, int]:
        count = self._execute()
        assert self._reader is not None
        if not self._reader.schema.names:
            self._streaming = False
            changed = max(count, 0)
            return rows_affected(changed), changed
        rows = self._answer()
        answer = KeptAnswer(rows.schema, returned(rows, max_write_rows))
        return answer, answer.rows

    def _before_step(self) -> None:
        # Earlier steps may have created what the check looks for, and called code that changes the
        # settings.
        permit = self._permit
        check = shadows.full_check(permit.named, permit.tables, permit.sql)
        with self._call():
            try:
                count = self._connection.command(f"{IN_TRANSACTION}; {check}")
            except adbc.Error as error:
                found = shadows.found(str(error))
                if found is None:
                    raise
                raise shadows.refusal(found) from None
        shadows.require_answer(count)

    def _after_step(self) -> None:
        if self._reader is not None:
            self._reader.close()
        if self._statement is not None:
            self._statement.close()
        self._reader = self._statement = self._query = None
        self._streaming = False

    def _record(self, key: str, rows: int) -> None:
        with self._call():
            ledger.record(self._connection, self._schema, key, rows)

    def _ledger(self) -> str:
        """The schema of the ledger, which is created if missing: separately, so that nobody waits."""
        # Looked up now: the write may change what an unqualified name means.
        schema = self._permit.ledger_schema or ledger.current_schema(self._connection)
        if not ledger.exists(self._connection, schema):
            self._connection.command("COMMIT")
            ledger.create(self._connection, schema)
            self._connection.command(self._begun_by)
        return schema

    def _browse(
        self, sql: str, *values: str | None, fixed_path: bool = True
    ) -> list[tuple[object, ...]]:
        """The rows of a catalog query, in its own transaction."""
        with self._io:
            self._begin_browsing()
            self._begin(
                BROWSE_SECONDS, read_only=True, more=catalog.FIXED_PATH if fixed_path else ""
            )
            with self._call():
                return self._connection.query(sql, *values)


class _NewTypes(Exception):
    """The result has types that the driver doesn't know yet."""
