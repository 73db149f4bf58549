"""Files in a folder as tables: Parquet, CSV, TSV, JSON and XLSX, read by DuckDB in its own process.

Every statement runs in a fresh process (``embedded/process.py``) that can access only the data that
the statement names. Its answer is read on demand: nothing is buffered but the pipe between the two.
``file_tables`` defines which files are tables; links out of the folder aren't.

HUGEINT (DuckDB's type of ``sum`` over integers) is converted to int64, and a value that doesn't fit
is an error that says how to cast. ``infinity`` as a date or time is an error too.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ConfigDict, Field

from ...gate.models import DialectName
from ...gate.permits import Permit
from ...kit.errors import Conflict, SourceFailed, Unprocessable, WorkbenchError
from ..base import Connector, ConnectorConfig, Session, Target, require_fit
from ..embedded.file_session import FileSession
from ..embedded.file_tables import FileTable, FileTables, is_hidden, name_tables
from ..embedded.options import FileReading, Reading
from ..embedded.profiles import Profiles, State, is_settled, state_of
from ..embedded.roots import allowed
from ..embedded.workers import Workers


class FilesConfig(ConnectorConfig):
    """A folder that the service can read."""

    model_config = ConfigDict(extra="forbid", title="Files")

    folder: str = Field(
        title="Folder",
        description="An absolute path, in one of the folders that the administrator allows. Each "
        "Parquet, CSV, TSV or JSON file in it is a table, and each sheet of an Excel workbook.",
        min_length=1,
        max_length=1000,
        json_schema_extra={"examples": ["/srv/data/sales"]},
    )
    reading: FileReading = Field(
        default_factory=lambda: FileReading.model_validate({}), title="How files are read"
    )


def find_tables(folder: Path, reading: Reading) -> FileTables:
    """The tables of a folder, without the sheets of workbooks.

    Raises:
        TooLarge: there are more than 10,000 files.
        SourceFailed: the folder can't be read.
    """
    try:
        return name_tables(_data_files(folder.resolve(), reading), reading.kind_of)
    except OSError:
        raise SourceFailed("The folder can't be read.", code="unreachable") from None


def _data_files(root: Path, reading: Reading) -> Iterator[tuple[str, str]]:
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
            below = path.relative_to(root).as_posix()
            if not is_hidden(name) and reading.concerns(below) and (real := _inside(path, root)):
                yield below, real


def _inside(path: Path, root: Path) -> str | None:
    """The real path of a file, or ``None`` if that is outside the folder, or a link leads nowhere."""
    try:
        real = path.resolve()
        return str(real) if real.is_relative_to(root) and real.is_file() else None
    except (OSError, RuntimeError):  # links in a circle
        return None


class FilesConnector(Connector):
    """Reads files in folders.

    Args:
        roots: a connection's folder must be one of these or below one.
        workers: creates the processes.
    """

    kind: ClassVar[str] = "files"
    title: ClassVar[str] = "Files"
    description: ClassVar[str] = "Parquet, CSV, TSV, JSON and XLSX files in a folder of the server."
    dialect: ClassVar[DialectName] = "duckdb"
    supports_writes: ClassVar[bool] = False
    local_path: ClassVar[str | None] = "folder"
    supports_schemas: ClassVar[bool] = False
    supports_preview: ClassVar[bool] = True
    Config: ClassVar[type[ConnectorConfig]] = FilesConfig

    def __init__(self, roots: Sequence[str | Path], workers: Workers) -> None:
        self._roots = [Path(root).resolve() for root in roots]
        self._workers = workers
        self._profiles = Profiles()

    def check(self, config: ConnectorConfig) -> None:
        self._folder(config)

    def open(self, permit: Permit, target: Target) -> Session:
        require_fit(permit, target)
        assert isinstance(target.config, FilesConfig)
        return FilesSession(
            self._workers,
            permit,
            target,
            self._folder(target.config),
            target.config.reading.reading(),
            self._profiles,
        )

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


class FilesSession(FileSession):
    """One use of a folder.

    Args:
        folder: the real folder.
    """

    def __init__(
        self,
        workers: Workers,
        permit: Permit,
        target: Target,
        folder: Path,
        reading: Reading,
        profiles: Profiles,
    ) -> None:
        super().__init__(workers, permit, target, reading, profiles)
        self._folder = folder
        self._states: dict[str, State] = {}

    def _find(self, seconds: float) -> FileTables:
        return find_tables(self._folder, self._reading)

    def _place(self, tables: Sequence[FileTable]) -> tuple[dict[str, Any], dict[str, str]]:
        return {"reads": [str(self._folder)]}, {
            path: path for table in tables for path in table.paths
        }

    def _state(self, path: str) -> Hashable:
        try:
            state = state_of(path)
        except OSError:
            raise SourceFailed("A file has disappeared.", code="source_failed") from None
        self._states[path] = state
        return state

    def _is_settled(self, state: State) -> bool:
        return is_settled(state)

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
