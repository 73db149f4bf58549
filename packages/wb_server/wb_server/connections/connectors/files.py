"""Files in a folder as tables: Parquet, CSV, TSV and JSON, read by DuckDB in a process of its own.

Every statement runs in a fresh process (``files_worker``) that holds nothing but the data that the
statement names; a spare one is kept warm, since starting one takes half a second. Its answer is
read as it is asked for: the pipe between the two is all that is buffered.

Names of tables:

- A file ``Sales 2025.csv`` is the table ``sales_2025``: its stem in lower case, with
  underscores for everything that is neither a letter of a to z nor a digit.
- A subfolder that holds files of one kind only, at any depth, is one table with all of their
  rows; folders named ``key=value`` give columns. A subfolder with several kinds is no table.
- Where two would have one name, each of them gets its kind added (``orders_csv``,
  ``orders_parquet``), so that no name silently changes its meaning; what is still equal is
  numbered in the order of file names.
- Hidden files are left out, and so is what leads out of the folder.

Whole numbers above 64 bits (DuckDB's type of ``sum`` over integers) come as int64, and a value that
doesn't fit is an error that says how to cast. ``infinity`` as a date or time is an error too.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar, Final

import pyarrow as pa
from pydantic import ConfigDict, Field

from ...kit.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    SourceFailed,
    SourceTimeout,
    TooLarge,
    Unprocessable,
    WorkbenchError,
)
from ..gate import Permit
from ..models import ColumnInfo, SchemaInfo, TableInfo
from ..statement import DialectName
from .base import Answer, Connector, ConnectorConfig, Session, Target, require_fit

SCHEMA: Final = "files"
MAX_FILES: Final = 10_000
BROWSE_SECONDS: Final = 30.0

_WORKER: Final = Path(__file__).with_name("files_worker.py")
_ENDINGS: Final = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".csv.gz": "csv",
    ".tsv": "tsv",
    ".tsv.gz": "tsv",
    ".json": "json",
    ".json.gz": "json",
    ".jsonl": "json",
    ".jsonl.gz": "json",
    ".ndjson": "json",
    ".ndjson.gz": "json",
}


class FilesConfig(ConnectorConfig):
    """A folder that the service can read."""

    model_config = ConfigDict(extra="forbid", title="Files")

    folder: str = Field(
        title="Folder",
        description="An absolute path, in one of the folders that the administrator allows. Each "
        "Parquet, CSV, TSV or JSON file in it is a table.",
        min_length=1,
        max_length=1000,
        json_schema_extra={"examples": ["/srv/data/sales"]},
    )


@dataclass(frozen=True)
class FileTable:
    """A table: files of one kind."""

    kind: str
    paths: tuple[str, ...]


def find_tables(folder: Path) -> dict[str, FileTable]:
    """The tables of a folder, by name.

    Raises:
        TooLarge: there are more than 10,000 files.
        SourceFailed: the folder can't be read.
    """
    real = folder.resolve()
    try:
        entries = sorted(real.iterdir())
    except OSError:
        raise SourceFailed("The folder can't be read.", code="unreachable") from None
    found: list[tuple[str, FileTable]] = []
    seen = 0
    for entry in entries:
        if entry.name.startswith((".", "_")):
            continue
        if entry.is_dir():
            files = list(_files_below(entry, real, MAX_FILES - seen))
            kinds = {kind for kind, _ in files}
            if len(kinds) == 1:
                paths = tuple(path for _, path in files)
                found.append((_table_name(entry.name), FileTable(kinds.pop(), paths)))
            seen += len(files)
        elif (kind := _kind(entry.name)) and (path := _inside(entry, real)):
            stem = re.split(r"\.(?=[^.]+(\.gz)?$)", entry.name, flags=re.IGNORECASE)[0]
            found.append((_table_name(stem), FileTable(kind, (path,))))
            seen += 1
        if seen > MAX_FILES:
            raise _too_many()
    return _distinct(found)


def _files_below(folder: Path, root: Path, limit: int) -> Iterator[tuple[str, str]]:
    """The data files of a subfolder: kind and real path. Links to folders aren't followed."""
    if folder.is_symlink():
        return
    number = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "_")))
        for name in sorted(names):
            if name.startswith((".", "_")) or not (kind := _kind(name)):
                continue
            if path := _inside(Path(place, name), root):
                number += 1
                if number > limit:
                    raise _too_many()
                yield kind, path


def _too_many() -> TooLarge:
    return TooLarge(
        f"The folder holds more than {MAX_FILES} data files: choose one further down.",
        code="too_many_files",
        limit=MAX_FILES,
    )


def _inside(path: Path, root: Path) -> str | None:
    """The real path of a file, or ``None`` where that leads out of the folder."""
    real = path.resolve()
    return str(real) if real.is_relative_to(root) and real.is_file() else None


def _kind(name: str) -> str | None:
    lower = name.lower()
    return next((kind for end, kind in _ENDINGS.items() if lower.endswith(end)), None)


def _table_name(stem: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", stem.lower()).strip("_") or "table"
    return (f"t_{name}" if name[0].isdigit() else name)[:63]


def _distinct(found: Sequence[tuple[str, FileTable]]) -> dict[str, FileTable]:
    count: dict[str, int] = {}
    for name, _ in found:
        count[name] = count.get(name, 0) + 1
    tables: dict[str, FileTable] = {}
    for name, table in found:
        wanted = name if count[name] == 1 else f"{name}_{table.kind}"
        final, number = wanted, 1
        while final in tables or (final != name and final in count):
            number += 1
            final = f"{wanted}_{number}"
        tables[final] = table
    return tables


class Worker:
    """One process, waiting for its one request."""

    def __init__(self) -> None:
        endings, write_end = os.pipe()
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-B", str(_WORKER), str(write_end)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
                cwd="/",
                pass_fds=(write_end,),
                start_new_session=True,
            )
        except BaseException:
            os.close(endings)
            raise
        finally:
            os.close(write_end)
        self._endings: IO[bytes] = os.fdopen(endings, "rb")

    def send(self, request: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()

    @property
    def output(self) -> IO[bytes]:
        assert self.process.stdout is not None
        return self.process.stdout

    def ending(self) -> dict[str, Any] | None:
        """What the process said last, or ``None`` when it went without a word."""
        try:
            return dict(json.loads(self._endings.readline()))
        except ValueError:
            return None

    def kill(self) -> None:
        """Ends it at once. Safe from any thread, more than once."""
        with suppress(OSError):
            self.process.kill()

    def discard(self) -> None:
        """Ends and reaps it."""
        self.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self._endings):
            with suppress(OSError, ValueError):
                assert pipe is not None
                pipe.close()


class Spares:
    """Keeps a few processes warm, and starts the next one in the background."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._warm: list[Worker] = []
        self._lock = threading.Lock()
        self._starting = False
        self._closed = False
        self._refill()

    def take(self) -> Worker:
        with self._lock:
            worker = self._warm.pop(0) if self._warm else None
        self._refill()
        if worker is not None and worker.process.poll() is not None:
            worker.discard()
            worker = None
        return worker or Worker()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            warm, self._warm = self._warm, []
        for worker in warm:
            worker.discard()

    def _refill(self) -> None:
        with self._lock:
            if self._starting or self._closed or len(self._warm) >= self._number:
                return
            self._starting = True
        threading.Thread(target=self._start, daemon=True, name="files-spares").start()

    def _start(self) -> None:
        while True:
            try:
                worker = Worker()
            except OSError:
                worker = None
            with self._lock:
                if worker is None or self._closed:
                    self._starting = False
                    break
                self._warm.append(worker)
                if len(self._warm) >= self._number:
                    self._starting = False
                    return
        if worker is not None:
            worker.discard()


class FilesConnector(Connector):
    """Reads files of folders.

    Args:
        roots: the folders in which connections may lie.
        spares: how many processes are kept warm; about 90 MB each.
        memory_limit: of one statement, as DuckDB writes it.
        threads: of one statement.
    """

    kind: ClassVar[str] = "files"
    title: ClassVar[str] = "Files"
    description: ClassVar[str] = "Parquet, CSV, TSV and JSON files in a folder of the server."
    dialect: ClassVar[DialectName] = "duckdb"
    supports_writes: ClassVar[bool] = False
    Config: ClassVar[type[ConnectorConfig]] = FilesConfig

    def __init__(
        self,
        roots: Sequence[str | Path],
        *,
        spares: int = 1,
        memory_limit: str = "1GB",
        threads: int = 2,
    ) -> None:
        self._roots = [Path(root).resolve() for root in roots]
        self._limits = {"memory_limit": memory_limit, "threads": threads}
        self._spares = Spares(spares if self._roots else 0)
        self._columns: dict[tuple[tuple[str, int, int], ...], list[ColumnInfo]] = {}

    def check(self, config: ConnectorConfig) -> None:
        self._folder(config)

    def open(self, permit: Permit, target: Target) -> Session:
        require_fit(permit, target)
        return FilesSession(self, permit, self._folder(target.config))

    def close(self) -> None:
        self._spares.close()

    def _folder(self, config: ConnectorConfig) -> Path:
        """The real folder, checked at every use: what it leads to may have changed."""
        assert isinstance(config, FilesConfig)
        given = Path(config.folder)
        if "\0" not in config.folder and given.is_absolute():
            real = given.resolve()
            if real.is_dir() and any(real.is_relative_to(root) for root in self._roots):
                return real
        raise Unprocessable(
            f"The folder “{config.folder}” is not one that may be read here: it must exist and lie "
            "in a folder that the administrator allows.",
            code="folder_not_allowed",
            field="folder",
        )


class FilesSession(Session):
    """One use of a folder: each statement takes a process and ends it."""

    def __init__(self, connector: FilesConnector, permit: Permit, folder: Path) -> None:
        self._connector = connector
        self._permit = permit
        self._folder = folder
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._timer: threading.Timer | None = None
        self._cancelled = False
        self._timed_out = False
        self._closed = False

    def run(self, *, timeout: float, max_write_rows: int) -> Answer:
        if self._permit.kind not in ("read", "test"):
            raise Forbidden("A folder of files can only be read.", code="read_only_connection")
        wanted = {table.name for table in self._permit.tables if table.name}
        tables = find_tables(self._folder) if wanted else {}
        by_lower = {name.lower(): name for name in wanted}
        chosen = {name: table for name, table in tables.items() if name in by_lower}
        return self._ask(self._permit.sql, chosen, timeout)

    def schemas(self) -> list[SchemaInfo]:
        self._require_browse()
        return [SchemaInfo(name=SCHEMA, tables=len(find_tables(self._folder)))]

    def tables(self, schema: str | None) -> list[TableInfo]:
        self._require_browse()
        if schema not in (None, SCHEMA):
            return []
        return [
            TableInfo(schema=SCHEMA, name=name, kind="file")
            for name in sorted(find_tables(self._folder))
        ]

    def columns(self, schema: str | None, table: str) -> list[ColumnInfo]:
        self._require_browse()
        found = find_tables(self._folder).get(table) if schema in (None, SCHEMA) else None
        if found is None:
            raise NotFound(f"There is no table “{table}” here.", code="unknown_table", name=table)
        key = tuple(
            (path, int(stat.st_mtime_ns), stat.st_size)
            for path, stat in ((path, os.stat(path)) for path in found.paths)
        )
        cache = self._connector._columns
        if key not in cache:
            answer = self._ask(f'DESCRIBE "{table}"', {table: found}, BROWSE_SECONDS)
            rows = [row for batch in answer for row in batch.to_pylist()]
            if len(cache) >= 500:
                cache.clear()
            cache[key] = [
                ColumnInfo(name=row["column_name"], type=row["column_type"]) for row in rows
            ]
        return cache[key]

    def server_version(self) -> str | None:
        import duckdb

        return f"DuckDB {duckdb.__version__}"

    def cancel(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._cancelled = True
            if self._worker is not None:
                self._worker.kill()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            worker, self._worker = self._worker, None
        if self._timer is not None:
            self._timer.cancel()
        if worker is not None:
            worker.discard()

    def _require_browse(self) -> None:
        if self._permit.kind not in ("browse", "test"):
            raise Forbidden("The permit is for something else.", code="wrong_permit")

    def _ask(self, sql: str, tables: dict[str, FileTable], timeout: float) -> Answer:
        request = {
            "folder": str(self._folder),
            "tables": {
                name: {"kind": table.kind, "paths": table.paths} for name, table in tables.items()
            },
            "sql": sql,
            **self._connector._limits,
        }
        worker = self._connector._spares.take()
        with self._lock:
            previous, self._worker = self._worker, worker
            stopped = self._cancelled or self._closed
        if previous is not None:
            previous.discard()
        if stopped:
            raise _cancelled()
        self._timed_out = False
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(timeout, self._time_up, [worker])
        self._timer.daemon = True
        self._timer.start()
        try:
            worker.send(request)
            reader = pa.ipc.open_stream(worker.output)
        except (OSError, ValueError, pa.ArrowException):
            raise self._failure(worker) from None
        return _Stream(self, worker, reader)

    def _time_up(self, worker: Worker) -> None:
        self._timed_out = True
        worker.kill()

    def _failure(self, worker: Worker) -> WorkbenchError:
        """Why a stream ended early."""
        ending = worker.ending()
        if self._cancelled:
            return _cancelled()
        if self._timed_out:
            return SourceTimeout("Reading took longer than the statement may take.", code="timeout")
        if ending is None or "error" not in ending:
            return SourceFailed("The process that reads the files ended.", code="source_failed")
        return worker_error(ending["error"]["class"], ending["error"]["message"], self._folder)


class _Stream(Answer):
    """The worker's rows, as it makes them."""

    def __init__(
        self, session: FilesSession, worker: Worker, reader: pa.RecordBatchStreamReader
    ) -> None:
        self.schema = reader.schema
        self._session = session
        self._worker = worker
        self._reader = reader

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        rows = 0
        while True:
            try:
                batch = self._reader.read_next_batch()
            except StopIteration:
                break
            except (OSError, ValueError, pa.ArrowException):
                raise self._session._failure(self._worker) from None
            rows += batch.num_rows
            yield batch
        # A stream that ends looks the same whether it is whole or cut: the ending tells.
        ending = self._worker.ending()
        if ending != {"rows": rows}:
            if ending is not None and "error" in ending and not self._session._cancelled:
                said = ending["error"]
                raise worker_error(said["class"], said["message"], self._session._folder)
            raise self._session._failure(self._worker)


def worker_error(kind: str, message: str, folder: Path) -> WorkbenchError:
    """DuckDB's error as ours, by its class; paths are shown from the folder on."""
    first = message.strip().split("\n", 1)[0]
    prefix, _, text = first.partition(" Error: ")
    if text:
        # An error in mid-stream comes through Arrow, which keeps DuckDB's text but not its class.
        kind = prefix.replace(" ", "") + "exception"
    else:
        text = first
    kind = kind.lower().removesuffix("exception")
    text = text.replace(f"{folder}/", "")
    text = re.sub(r"(?<![\w.])/[^\s\"']+", "…", text)
    said = (text[:1].upper() + text[1:500]).rstrip(".") + "."
    if kind == "badvalue":
        reason, _, name = text.partition(":")
        return _bad_value(reason, name)
    if kind == "catalog":
        named = re.search(r"(Table|Schema|Function).*? with name \"?([^\s\"!]+)", text)
        if named and named[1] == "Table":
            return InvalidInput(
                f"There is no table “{named[2]}” here.", code="unknown_table", name=named[2]
            )
        code = "unknown_function" if named and named[1] == "Function" else "bad_statement"
        return InvalidInput(said, code=code, name=named[2] if named else "")
    if kind == "binder":
        column = re.search(
            r"[Cc]olumn(?: named)? \"([^\"]+)\"(?= not found)|does not have a column named \"([^\"]+)",
            text,
        )
        if column:
            name = column[1] or column[2]
            return InvalidInput(
                f"There is no column “{name}” here.", code="unknown_column", name=name
            )
        return InvalidInput(said, code="bad_statement")
    if kind in ("parser", "syntax"):
        return InvalidInput(said, code="syntax_error", **_place(message))
    if kind in ("conversion", "outofrange", "invalidinput", "typemismatch", "mismatchtype"):
        return InvalidInput(said, code="bad_value")
    if kind == "notimplemented":
        return InvalidInput(said, code="not_supported")
    if kind == "permission":
        return Forbidden(
            "This statement does more than read the tables of this connection.",
            code="source_refused",
        )
    if kind == "outofmemory":
        return SourceFailed(
            "The statement needs more memory than it may have: read fewer columns or rows, or "
            "group earlier.",
            code="out_of_memory",
        )
    return SourceFailed(said, code="source_failed")


def _bad_value(reason: str, column: str) -> WorkbenchError:
    if reason == "numeric_overflow":
        return InvalidInput(
            f"The column “{column}” holds a whole number above 64 bits. Cast it in the query, for "
            f"example {column}::decimal(38, 0).",
            code="numeric_overflow",
            column=column,
        )
    return InvalidInput(
        f"The column “{column}” holds an infinite date or time, which has no exact value here. "
        f"Cast it in the query: {column}::varchar.",
        code="bad_value",
        column=column,
    )


def _place(message: str) -> dict[str, int]:
    """Line and column from DuckDB's picture: ``LINE 2: select …`` with a caret below."""
    found = re.search(r"LINE (\d+): (.*)\n( *)\^", message)
    if not found:
        return {}
    column = len(found[3]) - len(f"LINE {found[1]}: ") + 1
    return {"line": int(found[1]), "column": column} if column > 0 else {}


def _cancelled() -> WorkbenchError:
    return Conflict("The query was cancelled.", code="cancelled")
