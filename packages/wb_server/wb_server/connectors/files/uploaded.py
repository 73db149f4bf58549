"""Reads a file that a user has uploaded, as a files connection would read it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from ...gate.permits import Permit
from ...kit.errors import InvalidInput
from ..base import Answer, FirstRows, Target, UploadInfo, UploadSession
from ..embedded.browsing import quoted
from ..embedded.file_tables import (
    KINDS,
    FileTable,
    column_names,
    normal,
    short,
    stem_of,
    table_name,
    unread,
)
from ..embedded.options import PatternOptions, Reading, ReadOptions
from ..embedded.profiles import Profiles
from ..embedded.workers import Workers
from .session import FilesSession

_TABLE: Final = "upload"
_LETTERS: Final = 300
# Of paths, and of the patterns that DuckDB reads in them.
_NOT_IN_NAMES: Final = frozenset("/\\*?[]=")
_TEXT: Final = frozenset(ReadOptions.model_fields)
# What matters for a file of each kind; types are chosen column by column.
_OPTIONS: Final = {
    "csv": _TEXT,
    "tsv": _TEXT,
    "json": frozenset({"encoding"}),
    "xlsx": _TEXT - {"encoding", "delimiter", "quote"},
    "parquet": frozenset[str](),
}


def upload_info(name: str) -> UploadInfo:
    """What follows from a file's name. ``typed`` in the options says whether columns' types may be set.

    Raises:
        InvalidInput: it names a file that isn't read (``unread_file``).
    """
    kind = Reading().kind_of(name)
    if kind is None and (what := unread(name)):
        raise InvalidInput(f"“{name}” is {what}.", code="unread_file")
    wanted = _OPTIONS[kind] if kind else {"format", *_TEXT}
    properties = PatternOptions.model_json_schema()["properties"]
    options = {
        "type": "object",
        "title": "How the file is read",
        "typed": kind not in ("json", "parquet"),
        "properties": {key: it for key, it in properties.items() if key in wanted},
    }
    return UploadInfo(_stored_name(name), short(table_name(stem_of(name))), options)


def _stored_name(name: str) -> str:
    """A name on disk that keeps the file's ending; it appears in messages."""
    kept = (it if it.isprintable() and it not in _NOT_IN_NAMES else "_" for it in name)
    plain = "".join(kept).lstrip("._") or "file"
    ending = next((it for it in KINDS if normal(plain).endswith(it)), Path(plain).suffix[:20])
    stem = plain[: len(plain) - len(ending)] if ending else plain
    return short(stem, 200) + ending


class UploadedFile(UploadSession):
    """One use of an uploaded file.

    Args:
        path: the file, alone in its folder.
        options: how it is read.
        profiles: what earlier uses have learned.
        seconds: how long a statement may take.
    """

    def __init__(
        self,
        workers: Workers,
        permit: Permit,
        target: Target,
        path: Path,
        options: BaseModel,
        profiles: Profiles,
        seconds: float,
    ) -> None:
        assert isinstance(options, PatternOptions)
        if options.format is None and Reading().kind_of(path.name) is None:
            options = options.model_copy(update={"format": "csv"})
        reading = Reading({}, (("*", options),))
        self._file = _File(workers, permit, target, path, reading, profiles, seconds)

    def sheets(self) -> list[str]:
        return self._file.sheets()

    def preview(self, sheet: str | None, rows: int) -> FirstRows:
        return self._file.shown(sheet, rows)

    def read(self, sheet: str | None, columns: Sequence[tuple[str, str]]) -> Answer:
        return self._file.read(sheet, columns)

    def cancel(self) -> None:
        self._file.cancel()

    def close(self) -> None:
        self._file.close()


class _File(FilesSession):
    """The session of a folder that holds the file alone."""

    def __init__(
        self,
        workers: Workers,
        permit: Permit,
        target: Target,
        path: Path,
        reading: Reading,
        profiles: Profiles,
        seconds: float,
    ) -> None:
        super().__init__(workers, permit, target, path.parent, reading, profiles)
        self._path = path
        self._seconds = seconds

    def sheets(self) -> list[str]:
        """The sheets of a workbook; none of any other file."""
        self._require_browse()
        table = self._table_of(None)
        if table.kind != "xlsx":
            return []
        return list(self._sheet_names({_TABLE: table}, self._seconds)[_TABLE])

    def shown(self, sheet: str | None, rows: int) -> FirstRows:
        """The columns, and the first rows as texts."""
        source = self._one_sheet(sheet)
        answer = self._ask(f"SELECT * FROM {_TABLE} LIMIT 0", source, self._seconds)  # noqa: S608
        for _ in answer:
            pass
        # What was learned about a file that has just been written isn't kept.
        source["tables"][_TABLE]["profiles"].update(self._reported)
        texts = ", ".join(
            f"left(CAST({quoted(name)} AS VARCHAR), {_LETTERS})" for name in answer.schema.names
        )
        sql = f"SELECT [{texts}] AS texts FROM {_TABLE} LIMIT {rows}"  # noqa: S608
        found = self._ask(sql, source, self._seconds)
        names = answer.schema.names
        return FirstRows(
            answer.schema,
            column_names(names),
            [row["texts"] for batch in found for row in batch.to_pylist()],
        )

    def read(self, sheet: str | None, columns: Sequence[tuple[str, str]]) -> Answer:
        """The rows of some columns, under other names."""
        source = self._one_sheet(sheet)
        # Qualified: a plain name could mean another column's new name.
        parts = ", ".join(
            f"{_TABLE}.{quoted(column)} AS {quoted(name)}" for column, name in columns
        )
        return self._ask(f"SELECT {parts} FROM {_TABLE}", source, self._seconds)  # noqa: S608

    def _one_sheet(self, sheet: str | None) -> dict[str, Any]:
        self._require_browse()
        return self._source({_TABLE: self._table_of(sheet)})

    def _table_of(self, sheet: str | None) -> FileTable:
        name = self._path.name
        kind = self._reading.kind_of(name)
        assert kind is not None
        return FileTable(kind, (str(self._path),), name, names=(name,), sheet=sheet)
