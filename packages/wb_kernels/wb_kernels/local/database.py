"""The DuckDB of a kernel: one in memory, with a modest limit, that spills to a temporary folder."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from wb_kernels.frames import arrow_table, frames_of
from wb_kernels.local import files
from wb_kernels.local.errors import missing_table, translated
from wb_kernels.local.parameters import bound
from wb_kernels.magics.statement import Lexer
from wb_kernels.refusals import invalid_input
from wb_kernels.session import near_names
from wb_server.client import QueryError, Result
from wb_server.client.frames import narrow
from wb_server.client.wire import PROVENANCE
from wb_server.kit.duckdb_rows import ExactRows
from wb_server.kit.duckdb_sql import literal, quoted
from wb_server.kit.errors import InvalidInput
from wb_server.kit.reserved_names import LOCAL as LOCAL

MEMORY: Final = "2GB"
_TEMPORARY: Final = "20GB"
_THREADS: Final = 4
_BATCH_ROWS: Final = 122_880
_LEXER: Final = Lexer()
_RETURNING: Final = re.compile(r"\breturning\b", re.IGNORECASE)

_made: dict[str, Database] = {}


def database(memory: str = MEMORY) -> Database:
    """The kernel's database, made on first use.

    Args:
        memory: its memory limit, such as ``2GB``; takes effect at once.

    Raises:
        QueryError: that is no size.
    """
    if LOCAL not in _made:
        _made[LOCAL] = Database()
    found = _made[LOCAL]
    found.limit(memory)
    return found


class Database:
    """DuckDB in this process, with the frames and files of its user.

    Tables and views that a statement creates stay until the kernel ends.
    """

    def __init__(self) -> None:
        self._folder = _temporary_folder()
        self._memory = ""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        self._connection = duckdb.connect(
            config={
                "temp_directory": str(self._folder),
                "max_temp_directory_size": _TEMPORARY,
                "threads": min(_THREADS, cores or 1),
                # A frame is looked up by name here; DuckDB would search this program's variables.
                "python_enable_replacements": False,
                # They would be fetched from the network.
                "autoinstall_known_extensions": False,
            }
        )
        self._home = Path.home()
        self._connection.execute("SET enable_progress_bar = false")
        if "," not in str(self._home):  # what separates the paths
            self._connection.execute(f"SET file_search_path = {literal(f'.,{self._home}')}")

    def limit(self, memory: str) -> None:
        """Sets the memory limit.

        Raises:
            QueryError: that is no size.
        """
        if memory != self._memory:
            try:
                self._connection.execute(f"SET memory_limit = {literal(memory)}")
            except duckdb.Error as error:
                raise invalid_input(
                    f"{memory!r} isn't a size. Write for example 2GB.", "bad_size"
                ) from error
            self._memory = memory

    def query(
        self, sql: str, params: Mapping[str, Any] | None, variables: Mapping[str, Any]
    ) -> Result:
        """Runs one statement and returns all its rows.

        Args:
            sql: the statement, with ``:name`` parameters.
            params: their values.
            variables: where frames are looked up by the names of tables.

        Raises:
            QueryError: it failed; or a frame or a value that DuckDB can't take.
        """
        text, values = bound(_LEXER, sql, params)
        with contextlib.ExitStack() as added:
            try:
                for name in files.named_files(self._connection, text):
                    if files.as_table(self._connection, name, self._home):
                        added.callback(self._remove, name)
                table, kind = self._with_frames(
                    lambda: self._run(text, values), frames_of(variables), variables, added
                )
            except (duckdb.Error, pa.ArrowException) as error:
                raise translated(error, self._memory, text) from error
            except InvalidInput as error:
                if isinstance(error, QueryError):
                    raise
                raise _named(error) from error
            except RuntimeError as error:
                if "interrupt" not in str(error).lower():
                    raise
                self._connection.interrupt()  # or it would go on in its threads
                raise KeyboardInterrupt from None
        about: dict[str, Any] = {
            "connection": LOCAL,
            "kind": kind,
            "row_limit": None,
            "policies": [],
        }
        meta = {PROVENANCE: json.dumps(about).encode()}
        return Result(KeptRows(table.replace_schema_metadata(meta)), "")

    def _with_frames(
        self,
        run: Callable[[], tuple[pa.Table, str]],
        frames: Mapping[str, Any],
        variables: Mapping[str, Any],
        added: contextlib.ExitStack,
    ) -> tuple[pa.Table, str]:
        """Runs a statement; a table that DuckDB doesn't know is looked up among the frames."""
        seen: set[str] = set()
        while True:
            try:
                return run()
            except duckdb.CatalogException as error:
                wanted = missing_table(error)
                name = _match(wanted, frames)
                if name is None or name in seen:
                    if wanted is None:
                        raise
                    raise self._unknown(wanted, frames, variables) from error
                seen.add(name)
                table = _for_duckdb(arrow_table(frames[name]))
                self._connection.register(name, table)
                added.callback(self._remove, name)

    def _unknown(
        self, wanted: str, frames: Mapping[str, Any], variables: Mapping[str, Any]
    ) -> QueryError:
        if wanted in variables and wanted not in frames:
            kind = type(variables[wanted]).__name__
            return invalid_input(
                f"“{wanted}” is a {kind}, not a frame: make a pandas or polars frame of it first.",
                "unknown_table",
            )
        near = near_names(wanted, [*frames, *self._tables()])
        message = f"There is no table, frame or file “{wanted}” here."
        return invalid_input(message, "unknown_table", near=near)

    def _tables(self) -> list[str]:
        try:
            rows = self._connection.execute("SELECT table_name FROM information_schema.tables")
            return [str(name) for (name,) in rows.fetchall()]
        except duckdb.Error:  # in a transaction that failed
            return []

    def _remove(self, name: str) -> None:
        """Removes a temporary view; a transaction that failed would keep it, so it is rolled back."""
        drop = f"DROP VIEW IF EXISTS temp.{quoted(name)}"
        try:
            self._connection.execute(drop)
        except duckdb.Error:
            self._connection.rollback()
            self._connection.execute(drop)
        self._connection.unregister(name)

    def _run(self, sql: str, values: dict[str, Any] | None) -> tuple[pa.Table, str]:
        statements = self._connection.extract_statements(sql)
        # PIVOT is two statements: it makes a type first.
        changes = len(statements) == 1 and statements[0].expected_result_type != [
            duckdb.ExpectedResultType.QUERY_RESULT
        ]
        if changes and not _RETURNING.search(sql):
            return self._change(sql, values)
        relation: Any = self._connection.sql(sql, params=values)
        if relation is None:
            return pa.table({}), "command"
        rows = ExactRows(relation, _BATCH_ROWS)
        return pa.Table.from_batches(list(rows), rows.schema), "read"

    def _change(self, sql: str, values: dict[str, Any] | None) -> tuple[pa.Table, str]:
        done = self._connection.execute(sql, values)
        heads = [column[0] for column in done.description or []]
        if heads == ["Count"]:
            counted = done.fetchone()
            if counted is None:
                return pa.table({}), "command"
            (count,) = counted
            return pa.table({"rows_affected": pa.array([count], pa.int64())}), "write"
        return pa.table({}), "command"


class KeptRows:
    """The rows of a finished statement; a ``client.result.RowSource``."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self.schema = table.schema
        self.count = table.num_rows
        self.final: dict[str, Any] | None = {"rows": table.num_rows, "truncated": False}

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows in batches."""
        yield from self._table.to_batches()

    def close(self) -> None:
        """Does nothing: the rows are in memory."""


def _match(wanted: str | None, frames: Mapping[str, Any]) -> str | None:
    """The frame that a table's name means; SQL's names have no case, if only one frame fits."""
    if wanted is None or wanted in frames:
        return wanted
    similar = [name for name in frames if name.lower() == wanted.lower()]
    return similar[0] if len(similar) == 1 else None


def _named(error: InvalidInput) -> QueryError:
    return invalid_input(error.message, error.code, **error.details)


def _for_duckdb(table: pa.Table) -> pa.Table:
    """A frame's table in types that DuckDB reads exactly.

    Raises:
        QueryError: a value would lose digits; the message names its column.
    """
    for place, field in enumerate(table.schema):
        try:
            column = _column(table.column(place), field.name)
        except pa.ArrowException as error:
            raise invalid_input(
                f"The column “{field.name}” holds {field.type} with more digits than DuckDB has: round "
                "it first.",
                "bad_value",
                column=field.name,
            ) from error
        if column is not None:
            table = table.set_column(place, field.name, column)
    return table


def _column(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray | None:
    kind = column.type
    if pa.types.is_decimal256(kind):
        return pa.chunked_array([narrow(column.combine_chunks(), name)])
    if pa.types.is_float16(kind):
        return column.cast(pa.float32())
    if getattr(kind, "unit", "") == "ns" and not (pa.types.is_timestamp(kind) and kind.tz is None):
        if pa.types.is_timestamp(kind):
            return column.cast(pa.timestamp("us", kind.tz))
        return column.cast(pa.duration("us") if pa.types.is_duration(kind) else pa.time64("us"))
    return None


def _temporary_folder() -> Path:
    """A folder for spilled data, removed when the kernel ends; those of killed kernels are removed now."""
    start = f"workbench-local-{os.getuid() if hasattr(os, 'getuid') else 0}-"
    for left in Path(tempfile.gettempdir()).glob(f"{start}*"):
        pid = left.name.removeprefix(start).partition("-")[0]
        if pid.isdecimal() and not _alive(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{start}{os.getpid()}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
