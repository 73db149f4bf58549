"""Files in a folder as tables: Parquet, CSV, TSV and JSON, read by DuckDB in a separate process.

Every statement runs in a fresh process (``embedded/process.py``) that can access only the data that
the statement names. Its answer is read on demand: nothing is buffered but the pipe between the two.
``file_tables`` defines which files are tables; links out of the folder aren't.

HUGEINT (DuckDB's type of ``sum`` over integers) is converted to int64, and a value that doesn't fit
is an error that says how to cast. ``infinity`` as a date or time is an error too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ConfigDict, Field

from ...gate.models import DialectName
from ...gate.permits import Permit
from ...kit.errors import Conflict, NotFound, SourceFailed, Unprocessable, WorkbenchError
from ..base import Answer, Connector, ConnectorConfig, Session, Target, require_fit
from ..embedded.browsing import as_source, chosen, described, list_tables, quoted
from ..embedded.file_tables import SCHEMA, FileTable, FileTables, is_hidden, kind_of, name_tables
from ..embedded.profiles import Profiles, State, is_settled, state_of
from ..embedded.roots import allowed
from ..embedded.session import WorkerSession
from ..embedded.workers import Workers
from ..models import ColumnInfo, SchemaInfo, TableInfo


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


def find_tables(folder: Path) -> FileTables:
    """The tables of a folder.

    Raises:
        TooLarge: there are more than 10,000 files.
        SourceFailed: the folder can't be read.
    """
    try:
        return name_tables(_data_files(folder.resolve()))
    except OSError:
        raise SourceFailed("The folder can't be read.", code="unreachable") from None


def _data_files(root: Path) -> Iterator[tuple[str, str]]:
    """The data files: the path relative to the root, and the real path.

    Links to folders aren't followed.
    """

    def give_up(error: OSError) -> None:
        if error.filename == str(root):
            raise error

    for place, folders, names in os.walk(root, onerror=give_up):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        for name in sorted(names):
            path = Path(place, name)
            if not is_hidden(name) and kind_of(name) and (real := _inside(path, root)):
                yield path.relative_to(root).as_posix(), real


def _inside(path: Path, root: Path) -> str | None:
    """The real path of a file, or ``None`` if that is outside the folder."""
    real = path.resolve()
    return str(real) if real.is_relative_to(root) and real.is_file() else None


class FilesConnector(Connector):
    """Reads files in folders.

    Args:
        roots: a connection's folder must be one of these or below one.
        workers: creates the processes.
    """

    kind: ClassVar[str] = "files"
    title: ClassVar[str] = "Files"
    description: ClassVar[str] = "Parquet, CSV, TSV and JSON files in a folder of the server."
    dialect: ClassVar[DialectName] = "duckdb"
    supports_writes: ClassVar[bool] = False
    supports_schemas: ClassVar[bool] = False
    Config: ClassVar[type[ConnectorConfig]] = FilesConfig

    def __init__(self, roots: Sequence[str | Path], workers: Workers) -> None:
        self._roots = [Path(root).resolve() for root in roots]
        self._workers = workers
        self._profiles = Profiles()

    def check(self, config: ConnectorConfig) -> None:
        self._folder(config)

    def open(self, permit: Permit, target: Target) -> Session:
        require_fit(permit, target)
        folder = self._folder(target.config)
        return FilesSession(self._workers, permit, target.temp_bytes, folder, self._profiles)

    def close(self) -> None:
        self._workers.close()

    def _folder(self, config: ConnectorConfig) -> Path:
        """The real folder, checked at every use: a link may have changed."""
        assert isinstance(config, FilesConfig)
        given = Path(config.folder)
        if "\0" not in config.folder and given.is_absolute():
            real = given.resolve()
            if real.is_dir() and any(real.is_relative_to(root) for root in self._roots):
                return real
        raise Unprocessable(
            f"The folder “{config.folder}” may not be read here: it must exist, and be "
            f"{allowed(self._roots)}.",
            code="folder_not_allowed",
            field="folder",
        )


class FilesSession(WorkerSession):
    """One use of a folder.

    Args:
        workers: creates the processes.
        permit: what may be done.
        temp_bytes: the size of temporary files that a statement may write.
        folder: the real folder.
        profiles: the profiles of files, shared by all sessions.
    """

    def __init__(
        self,
        workers: Workers,
        permit: Permit,
        temp_bytes: int,
        folder: Path,
        profiles: Profiles,
    ) -> None:
        super().__init__(workers, permit, temp_bytes)
        self._folder = folder
        self._profiles = profiles
        self._states: dict[str, State] = {}

    def run(self, *, timeout: float, max_write_rows: int) -> Answer:
        self._require_read()
        found = find_tables(self._folder) if self._permit.tables else FileTables()
        return self._ask(self._permit.sql, self._source(chosen(found, self._permit)), timeout)

    def schemas(self) -> list[SchemaInfo]:
        self._require_browse()
        return [SchemaInfo(name=SCHEMA, tables=len(find_tables(self._folder)))]

    def tables(self, schema: str | None) -> list[TableInfo]:
        self._require_browse()
        if schema not in (None, SCHEMA):
            return []
        return list_tables(find_tables(self._folder))

    def columns(self, schema: str | None, table: str) -> list[ColumnInfo]:
        self._require_browse()
        found = find_tables(self._folder).find(table) if schema in (None, SCHEMA) else None
        if found is None:
            raise NotFound(f"There is no table “{table}” here.", code="unknown_table", name=table)
        return described(self._rows(f"DESCRIBE {quoted(table)}", self._source({table: found})))

    def _source(self, tables: Mapping[str, FileTable | None]) -> dict[str, Any]:
        return {
            "reads": [str(self._folder)],
            "tables": {name: it and self._table(it) for name, it in tables.items()},
        }

    def _table(self, table: FileTable) -> dict[str, Any]:
        states = []
        if table.kind != "parquet" or len(table.paths) > 1:
            try:
                states = [state_of(path) for path in table.paths]
            except OSError:
                raise SourceFailed("A file has disappeared.", code="source_failed") from None
            self._states.update({state[0]: state for state in states})
        return as_source(table, table.paths, self._profiles.wanted(table.kind, table.paths, states))

    def _learn(self, path: str, profile: dict[str, Any]) -> None:
        state = self._states[path]
        if is_settled(state):
            self._profiles.put((profile["kind"], state), profile)

    def _check_unchanged(self) -> None:
        for path, state in self._states.items():
            try:
                same = state_of(path) == state
            except OSError:
                same = False
            if not same:
                raise Conflict(
                    f"“{Path(path).name}” was changed while it was being read. Run the query "
                    "again.",
                    code="source_changed",
                )

    def _explain(self, kind: str, message: str) -> WorkbenchError:
        return super()._explain(kind, message.replace(f"{self._folder}/", ""))
