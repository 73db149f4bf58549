"""One use of PostgreSQL for a query: how a statement runs, is stopped, and ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import adbc_driver_manager as adbc
import pyarrow as pa
from adbc_driver_manager._reader import AdbcRecordBatchReader

from ...gate.permits import Permit
from ...kit import memory
from ...kit.errors import Conflict, Forbidden, NotFound, TooLarge, WorkbenchError
from ..base import Answer, Session
from ..models import ColumnInfo, SchemaInfo, TableInfo
from . import catalog, errors, ledger, plans, shadows
from .inflow import flooded
from .pool import WATCH_CLIENT, Link, Pool
from .query import Conversion, Query, unknown_types
from .settings import IN_TRANSACTION, VALUES

BATCH_BYTES: Final = 1 << 20
BROWSE_SECONDS: Final = 30.0
# The driver keeps as much memory as the largest row took, for as long as the connection lives.
_LARGE_BYTES: Final = 4 << 20


class PostgresSession(Session):
    """One use of one connection.

    Driver calls are made under ``_io``, one at a time. ``cancel`` doesn't take it: it comes while
    such a call waits for the database.

    Args:
        dial: makes another connection like ``link``; told whether to read the list of types again.
    """

    def __init__(
        self, permit: Permit, pool: Pool, link: Link, dial: Callable[[bool], Link]
    ) -> None:
        self._dial = dial
        self._permit = permit
        self._pool = pool
        self._link = link
        self._io = threading.RLock()
        self._state = threading.Condition()
        self._calling = False
        self._cancelled = False
        self._closed = False
        self._linked = threading.Lock()
        self._begun = False
        self._begun_by = ""
        self._broken = False
        self._large = False
        self._again = False
        self._streaming = False
        self._statement: adbc.AdbcStatement | None = None
        self._reader: AdbcRecordBatchReader | None = None
        self._query: Query | None = None
        self._deadline = float("inf")

    def run(self, *, timeout: float, max_write_rows: int) -> Answer:
        self._require("read", "write", "test")
        with self._io:
            if self._begun:
                raise _already_run()
            if self._permit.kind == "write":
                return self._write(timeout, max_write_rows)
            return self._read(timeout)

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
            named = table if schema is None else f"{schema}.{table}"
            raise NotFound(f"There is no table “{named}” here.", code="unknown_table", name=named)
        return [
            ColumnInfo.model_validate(
                {"name": name, "type": kind, "nullable": nullable, "comment": comment}
            )
            for name, kind, nullable, comment in rows
        ]

    def server_version(self) -> str | None:
        return f"PostgreSQL {self._link.version}"

    def cancel(self) -> None:
        with self._state:
            if self._cancelled or self._closed:
                return
            self._cancelled = True
        # In a thread: asking the database opens a connection of its own, which may take a while.
        threading.Thread(target=self._keep_cancelling, daemon=True, name="cancel").start()

    def close(self) -> None:
        with self._state:
            calling = self._calling and not self._closed
        if calling:
            self.cancel()
        with self._io:
            with self._state:
                again, self._closed = self._closed, True
            if not again:
                # Whoever is asking the database to cancel holds this until the answer has come.
                with self._linked:
                    self._end()

    def _end(self) -> None:
        """Gives the connection back if nothing is left of this use, else drops it."""
        with suppress(Exception):
            if self._reader is not None:
                self._reader.close()
            if self._statement is not None:
                self._statement.close()
        self._reader = self._statement = None
        if self._broken or self._streaming or self._cancelled or self._large:
            self._link.drop()
            if self._large:
                memory.give_back()
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

    def _keep_cancelling(self) -> None:
        """Asks until the call has returned: a request that comes too early has no effect."""
        while True:
            with self._linked:
                if self._closed:
                    return
                with suppress(Exception):
                    self._link.handle.cancel()
            with self._state:
                if not self._calling or self._state.wait_for(lambda: not self._calling, 0.1):
                    return

    @contextmanager
    def _call(self) -> Iterator[None]:
        """A call of the driver that may wait for the database."""
        with self._state:
            if self._cancelled:
                raise errors.was_cancelled()
            if self._closed:
                raise Conflict("This session is closed.", code="session_closed")
            self._calling = True
        inflow = self._link.inflow
        try:
            if inflow is not None:
                inflow.begin()
            yield
        except (adbc.Error, pa.ArrowException, OSError) as error:
            self._broken = self._broken or errors.is_broken(error)
            if inflow is not None and inflow.flooded:
                self._broken = self._large = True
                raise flooded() from None
            refusal = self._query.refusal(str(error)) if self._query is not None else None
            if refusal is not None and not self._cancelled:
                raise refusal from None
            late = time.monotonic() >= self._deadline
            raise errors.statement_error(error, cancelled=self._cancelled, late=late) from None
        finally:
            if inflow is not None:
                inflow.end()
            with self._state:
                self._calling = False
                self._state.notify_all()

    def _begin(self, timeout: float, *, read_only: bool, more: str = "") -> None:
        """Begins the transaction; a pooled connection that turns out dead is replaced, once."""
        milliseconds = max(1, round(timeout * 1000))
        # A write keeps the login's own default, which may be read-only.
        sql = "BEGIN READ ONLY" if read_only else "BEGIN"
        sql += f"; SET LOCAL statement_timeout = {milliseconds}"
        if self._link.watches:
            sql += f"; SET LOCAL {WATCH_CLIENT}"
        self._begun_by = f"{sql}; {IN_TRANSACTION}"
        # The database's clock decides; ours only tells a timeout from an outsider's cancel.
        self._deadline = time.monotonic() + timeout * 0.9
        with self._call():
            try:
                self._start(sql, more)
            except adbc.Error as error:
                if not (self._link.reused and errors.is_broken(error)) or self._cancelled:
                    raise
                self._replace_link()
                self._start(sql, more)
        self._begun = True

    def _start(self, sql: str, more: str) -> None:
        """Begins, and looks for what the database would run in place of what the gate has checked.

        Raises:
            Forbidden: it found some, such as ``operator_not_allowed`` or ``field_not_allowed``.
            SourceFailed: it couldn't look (``not_looked``).
        """
        if self._permit.kind not in ("read", "write"):
            self._link.command(f"{self._begun_by}; {more}" if more else self._begun_by)
            return
        permit = self._permit
        brief = self._pool.asks_briefly and shadows.is_plain(permit.named)
        count = self._glance(sql, brief=brief)
        if count is None and brief:
            self._pool.asks_briefly = False  # in this database that doesn't tell enough
            self._link.command("ROLLBACK")
            count = self._glance(sql, brief=False)
        if count is None:
            self._link.command("ROLLBACK")
            count = self._look()
        shadows.require_answer(count)

    def _glance(self, sql: str, *, brief: bool) -> int | None:
        """Begins and asks the short question; ``None``: there is something of the kind."""
        glance = shadows.glance(self._permit.named, self._permit.sql, brief=brief)
        try:
            return self._link.command(f"{sql}; {VALUES}; {glance}")
        except adbc.Error as error:
            if shadows.found(str(error)) is None:
                raise
            return None

    def _look(self) -> int:
        """Begins again, and asks what the things that there are have to do with this statement."""
        permit = self._permit
        question = shadows.look(permit.named, permit.tables, permit.sql)
        try:
            return self._link.command(f"{self._begun_by}; {question}")
        except adbc.Error as error:
            found = shadows.found(str(error))
            if found is None:
                raise
            raise shadows.refusal(found) from None

    def _replace_link(self, *, new_types: bool = False) -> None:
        with self._linked:
            self._link.drop()
            try:
                self._link = self._dial(new_types)
            except WorkbenchError:
                self._broken = True
                raise

    def _execute(self) -> int:
        """Sends the permit's statement. Returns the count of rows, or -1 where rows come."""
        with self._call():
            self._statement = self._prepared()
            if self._permit.returns_rows:
                schema = self._described()
                if schema.names:
                    write = self._permit.kind == "write"
                    self._query = Query(
                        self._permit.sql, schema, self._link, self._pool.types, write=write
                    )
                    self._statement.set_sql_query(self._query.sql)
                    if not self._query.by_copy:
                        self._statement.set_options(**{"adbc.postgresql.use_copy": "false"})
            stream, count = self._statement.execute_query()
            self._reader = AdbcRecordBatchReader._import_from_c(stream.address)
        self._streaming = True
        return int(count)

    def _prepared(self) -> adbc.AdbcStatement:
        statement = adbc.AdbcStatement(self._link.handle)
        statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
        statement.set_sql_query(self._permit.sql)
        return statement

    def _described(self) -> pa.Schema:
        """What the statement will answer; it doesn't run yet."""
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
                plans.check(self._link, self._permit.tables)
        try:
            self._execute()
        except _NewTypes:
            # Types made after the driver looked: look again, and don't look for them once more.
            self._again = True
            assert self._statement is not None
            self._statement.close()
            self._replace_link(new_types=True)
            self._begin(timeout, read_only=True)
            self._execute()
        return self._answer()

    def _answer(self) -> _Rows:
        assert self._reader is not None
        query, schema = self._query, self._reader.schema
        if query is None:  # rows of what should have none
            query = Query(self._permit.sql, schema, self._link, self._pool.types, write=True)
        held: list[pa.RecordBatch] = []
        if query.open:
            # Two batches: whether there is a second one decides the type too.
            while len(held) < 2 and (batch := self._next()) is not None:
                held.append(batch)
        first = held[0] if held else None
        return _Rows(self, Conversion(query, schema, first, whole=len(held) < 2), held)

    def _next(self) -> pa.RecordBatch | None:
        """The driver's next batch, or ``None`` at the end."""
        with self._io:
            if not self._streaming:
                return None
            with self._call():
                assert self._reader is not None
                try:
                    batch = self._reader.read_next_batch()
                    self._large = self._large or batch.nbytes > _LARGE_BYTES
                    return batch
                except StopIteration:
                    pass
            self._streaming = False
            return None

    def _write(self, timeout: float, max_write_rows: int) -> Answer:
        self._begin(timeout, read_only=False)
        schema = ""
        if self._permit.once is not None:
            with self._call():
                schema = self._ledger()
                before = ledger.enter(self._link, schema, self._permit.once)
            if before is not None:
                return _count(before, already=True)
        count = self._execute()
        assert self._reader is not None
        if not self._reader.schema.names:
            self._streaming = False
            answer = _count(max(count, 0))
        else:
            answer = self._returned(max_write_rows)
            count = answer.rows
        if self._permit.once is not None:
            with self._call():
                ledger.note(self._link, schema, self._permit.once, max(count, 0))
        self._commit()
        return answer

    def _ledger(self) -> str:
        """The schema of the ledger, which is made if it is missing: by itself, so nobody waits."""
        named = self._permit.written[0]
        # A new schema isn't there yet; and where a name without one leads may change by the write.
        schema = named.schema if named.name else None
        schema = schema or ledger.current_schema(self._link)
        if not ledger.is_there(self._link, schema):
            self._link.command("COMMIT")
            ledger.create(self._link, schema)
            self._link.command(self._begun_by)
        return schema

    def _returned(self, max_write_rows: int) -> _Kept:
        """All rows of ``RETURNING``, converted before the commit: what fails here rolls back."""
        batches: list[pa.RecordBatch] = []
        rows = self._answer()
        number = 0
        for batch in rows:
            number += batch.num_rows
            if number > max_write_rows:
                raise TooLarge(
                    f"The statement returns more than {max_write_rows} rows. Nothing was changed.",
                    code="too_many_rows",
                    limit=max_write_rows,
                )
            batches.append(batch)
        return _Kept(rows.schema, batches)

    def _commit(self) -> None:
        with self._state:
            if self._cancelled:
                raise errors.was_cancelled()
        lost = False
        with self._call():
            try:
                self._link.command("COMMIT")
            except adbc.Error as error:
                # With an SQLSTATE the server itself said no, and rolled back.
                lost = error.sqlstate is None or errors.is_broken(error)
                self._broken = True
                if not lost:
                    raise
        if lost:
            once = self._permit.once is not None
            raise errors.unknown_but_kept() if once else errors.outcome_unknown()

    def _browse(
        self, sql: str, *values: str | None, fixed_path: bool = True
    ) -> list[tuple[object, ...]]:
        """Rows of one of the catalog's queries, in a transaction of its own."""
        self._require("browse", "test")
        with self._io:
            if self._streaming:
                raise _already_run()
            if self._begun:
                with self._call():
                    self._link.command("ROLLBACK")
            self._begin(
                BROWSE_SECONDS, read_only=True, more=catalog.FIXED_PATH if fixed_path else ""
            )
            with self._call():
                return self._link.query(sql, *values)


class _NewTypes(Exception):
    """The answer has types that the driver doesn't know yet."""


def _already_run() -> WorkbenchError:
    return Conflict("A session runs one statement.", code="already_run")


class _Rows(Answer):
    """Rows that come from the database as they are asked for."""

    def __init__(
        self, session: PostgresSession, conversion: Conversion, held: list[pa.RecordBatch]
    ) -> None:
        self.schema = conversion.schema
        self._session = session
        self._conversion = conversion
        self._held = held

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        while self._held:
            yield self._conversion(self._held.pop(0))
        while (batch := self._session._next()) is not None:
            yield self._conversion(batch)


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


def _count(rows: int, *, already: bool = False) -> _Kept:
    counted = pa.record_batch({"rows_affected": pa.array([rows], pa.int64())})
    return _Kept(counted.schema, [counted], already=already)
