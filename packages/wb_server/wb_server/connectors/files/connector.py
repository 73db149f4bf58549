"""Files in a folder as tables: Parquet, CSV, TSV, JSON and XLSX, read by DuckDB in its own process.

Every statement runs in a fresh process (``embedded/process.py``) that can access only the data that
the statement names. Its answer is read on demand: nothing is buffered but the pipe between the two.
``file_tables`` defines which files are tables; links out of the folder aren't.

HUGEINT (DuckDB's type of ``sum`` over integers) is converted to int64, and a value that doesn't fit
is an error that says how to cast. ``infinity`` as a date or time is an error too.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from ...gate.models import DialectName
from ...gate.permits import Permit
from ...kit.errors import Unprocessable
from ..base import (
    Connector,
    ConnectorConfig,
    Session,
    Target,
    UploadInfo,
    UploadSession,
    require_fit,
)
from ..embedded.options import FileReading, PatternOptions
from ..embedded.profiles import Profiles
from ..embedded.roots import allowed
from ..embedded.workers import Workers
from .session import FilesSession
from .uploaded import UploadedFile, upload_info


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
    UploadOptions: ClassVar[type[BaseModel] | None] = PatternOptions
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

    def upload_info(self, name: str) -> UploadInfo:
        return upload_info(name)

    def open_upload(
        self,
        permit: Permit,
        path: Path,
        options: BaseModel,
        *,
        temp_bytes: int,
        seconds: float,
    ) -> UploadSession:
        # No connection: what is learned of a workbook isn't kept.
        target = Target("", 0, FilesConfig(folder=str(path.parent)), temp_bytes=temp_bytes)
        return UploadedFile(self._workers, permit, target, path, options, self._profiles, seconds)

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
