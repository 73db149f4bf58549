"""One use of MySQL or MariaDB for a query, a write, or a look into the catalog."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Final

import pyarrow as pa

from ...gate.dialects.explain import explains_a_view
from ...gate.permits import Permit
from ...kit import memory
from ...kit.errors import Conflict, Forbidden, NotFound, TooLarge, WorkbenchError
from ..base import Answer, Session
from ..models import ColumnInfo, SchemaInfo, TableInfo
from . import catalog, errors, ledger
from .link import Answered, Link, Pool
from .rows import Columns, narrowed
from .use import MySQLUse

BATCH_BYTES: Final = 1 << 20
BROWSE_SECONDS: Final = 30.0
_LARGE_BYTES: Final = 4 << 20


class MySQLSession(MySQLUse, Session):
    """A query, a write or a look into the catalog, on one connection."""

    def __init__(
        self, permit: Permit, pool: Pool, link: Link, dial: Callable[[], Link], database: str
    ) -> None:
        super().__init__(permit, pool, link, dial, database)
        self._permit = permit
        self._large = False

    def run(self, *, timeout: float, max_write_rows: int) -> Answer:
        self._require("read", "write", "test")
        with self._io:
            if self._begun:
                raise _already_run()
            if self._permit.kind == "write":
                return self._write(timeout, max_write_rows)
            self._begin(timeout, read_only=True)
            self._look_first()
            with self._call():
                _, self._answered = self._link.execute(self._permit.sql, read=True)
            if self._answered is None:
                raise errors.not_a_read()
            return self._rows(self._answered.columns)

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
            named = table if schema is None else f"{schema}.{table}"
            raise NotFound(f"There is no table “{named}” here.", code="unknown_table", name=named)
        return found

    def server_version(self) -> str | None:
        return self._link.version

    def _require(self, *kinds: str) -> None:
        if self._permit.kind not in kinds:
            raise Forbidden("The permit is for something else.", code="wrong_permit")

    def _rows(self, columns: Columns) -> Answer:
        """The rows, as they come; where there are wide decimals a short answer's at once."""
        held: list[pa.RecordBatch] = []
        if columns.wide:
            while len(held) < 2 and (batch := self._next()) is not None:
                held.append(batch)
            if len(held) < 2:
                return _Kept(*narrowed(columns.schema, held))
        return _Rows(self, columns.schema, held)

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
                elif batch.nbytes > _LARGE_BYTES:
                    self._large = True
            return batch

    def _end(self) -> None:
        super()._end()
        if self._large:
            memory.give_back()

    def _write(self, timeout: float, max_write_rows: int) -> Answer:
        self._begin(timeout, read_only=False)
        watch = threading.Timer(timeout, self._expire)
        watch.daemon = True
        watch.start()
        try:
            with self._call():
                before = self._enter(timeout)
            if before is not None:
                return _count(before, already=True)
            self._look_first()
            with self._call():
                changed, self._answered = self._link.execute(self._permit.sql, read=False)
            answer = _count(changed)
            if self._answered is not None:
                answer = self._returned(self._answered, max_write_rows)
                changed = answer.rows
            if self._permit.once is not None:
                with self._call():
                    self._note(changed)
        finally:
            watch.cancel()
        self._commit()
        return answer

    def _look_first(self) -> None:
        """Refuses what only the database can tell to be something else than it seems."""
        self._look_at_functions()
        self._look_at_plan()

    def _look_at_functions(self) -> None:
        """Refuses a function that this server hasn't, but the database has by the same name."""
        names = sorted(self._permit.named.functions)
        if not names:
            return
        places = ", ".join(["%s"] * len(names))
        with self._call():
            found = self._link.query(catalog.FUNCTIONS.format(places), self._database, *names)
        if found:
            raise Forbidden(
                f"The database has a function {found[0][0]} of its own, which may be called in "
                "place of the server's; functions of a database can't be called here.",
                code="function_not_allowed",
                function=str(found[0][0]),
            )

    def _look_at_plan(self) -> None:
        """Refuses a plan that would show the text of a view."""
        tables = self._permit.tables
        if not (self._permit.shows_texts and tables):
            return
        pairs = ", ".join(["(%s, %s)"] * len(tables))
        names = [name for table in tables for name in (table.schema or self._database, table.name)]
        with self._call():
            found = self._link.query(catalog.NO_TABLES.format(pairs), *names)
        if found:
            raise explains_a_view(str(found[0][0]))

    # A statement that changes structure commits before and after itself, so it can't share a
    # transaction with the ledger's row: that is written after it, and a lock keeps others away.

    def _enter(self, timeout: float) -> int | None:
        """Asks the ledger; ``None``: go on. Else an earlier try changed so many rows."""
        key = self._permit.once
        if key is None:
            return None
        if not ledger.is_there(self._link, self._ledger):
            ledger.create(self._link, self._ledger)
            self._link.command("START TRANSACTION")
        ledger.wait_long(self._link, timeout)
        if self._permit.structural:
            ledger.lock(self._link, key, timeout)
            return ledger.found(self._link, self._ledger, key)
        return ledger.enter(self._link, self._ledger, key)

    def _note(self, rows: int) -> None:
        assert self._permit.once is not None
        if self._permit.structural:
            ledger.enter(self._link, self._ledger, self._permit.once)
        ledger.note(self._link, self._ledger, self._permit.once, rows)

    @property
    def _ledger(self) -> str:
        """The database whose ledger it is; one that the statement makes isn't there yet."""
        named = self._permit.written[0]
        return (named.schema if named.name else None) or self._database

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
        schema = answered.columns.schema
        return _Kept(*(narrowed(schema, batches) if len(batches) < 2 else (schema, batches)))

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

    def __init__(
        self, session: MySQLSession, schema: pa.Schema, held: list[pa.RecordBatch]
    ) -> None:
        self.schema = schema
        self._session = session
        self._held = held

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        while self._held:
            yield self._held.pop(0)
        while (batch := self._session._next()) is not None:
            yield batch


class _Kept(Answer):
    """Rows that are all here already."""

    def __init__(
        self, schema: pa.Schema, batches: list[pa.RecordBatch], *, already: bool = False
    ) -> None:
        self.schema = schema
        self.already = already
        self.rows = sum(batch.num_rows for batch in batches)
        self._batches = batches

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return iter(self._batches)


def _count(changed: int, *, already: bool = False) -> _Kept:
    counted = pa.record_batch({"rows_affected": pa.array([changed], pa.int64())})
    return _Kept(counted.schema, [counted], already=already)
