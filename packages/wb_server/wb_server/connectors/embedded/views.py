"""Creates views of a connection's files, with the types that their values have."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeAlias

import duckdb
import pyarrow as pa

from ...kit.duckdb_sql import file_literal, literal, quoted
from . import csv_files as of_csv
from . import json_files as of_json
from . import parquet_files as of_parquet
from . import xlsx_files as of_xlsx
from .bad_value import BadValue
from .contents import check_head, copy_as_utf8, is_marked_utf16, not_utf8

_BATCH_ROWS: Final = 65_536

# Called with the path and the new profile of each file that had none.
Learned: TypeAlias = Callable[[str, dict[str, Any]], None]

# The last one is what DuckDB says of some bytes after the first rows.
_NOT_UTF8: Final = re.compile(
    "Invalid unicode|(isn't|not|invalid) (valid )?utf-?8|Attempted to access index", re.IGNORECASE
)


class Views:
    """The views of one statement's tables.

    Args:
        connection: where to create them.
        learned: called with each new profile.
        copies: the folder for copies of texts in UTF-8; empty for none.
        room: how many bytes these may have.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, learned: Learned, copies: str, room: int
    ) -> None:
        self._connection = connection
        self._learned = learned
        self._copies = copies
        self._room = room
        # Where each text is read, by its path.
        self._texts: dict[str, str] = {}

    def make(self, tables: Mapping[str, Any]) -> None:
        """Creates a view in the schema ``files`` for each table.

        Args:
            tables: kind, paths, profiles, options and partitions by name; ``None`` for a table of
                which only the name matters, not the columns.

        Raises:
            BadValue: a file can't be read as a table.
            duckdb.Error: a file can't be read.
        """
        self._connection.execute("CREATE SCHEMA files; SET schema = 'files'")
        for name, table in tables.items():
            place = f"files.{quoted(name)}"
            if table is not None and table["kind"] == "xlsx":
                self._make_table(place, table)
            else:
                select = "SELECT 0 AS files" if table is None else self._select(table)
                self._connection.execute(f"CREATE VIEW {place} AS {select}")

    def learn_sheets(self, workbooks: Sequence[str]) -> None:
        """Reports the sheets of workbooks; none for one that can't be read."""
        for path in workbooks:
            sheets: list[str] = []
            try:
                check_head(path, "xlsx")
                sheets = of_xlsx.sheets_of(path)
            except BadValue:
                pass  # a query of the workbook says why
            self._learned(path, {"kind": "xlsx", "sheets": sheets})

    def keep_sheets(self, sheets: Sequence[Mapping[str, Any]], folder: str) -> None:
        """Writes sheets to a folder as Arrow files, by their numbers, and reports each of them.

        Raises:
            BadValue: a workbook can't be read.
        """
        for number, it in enumerate(sheets):
            path = it["path"]
            try:
                check_head(path, "xlsx")
                select = of_xlsx.load(
                    self._connection, path, it["sheet"], it["options"], _cells(number)
                )
            except BadValue as error:
                raise _of_file(path, error) from None
            kept = False
            with suppress(OSError):  # without room, the query itself reads the workbook
                _write(self._connection.sql(select), f"{folder}/{number}.arrow")
                kept = True
            self._connection.unregister(_cells(number))
            self._learned(path, {"kind": "sheet", "kept": kept})

    def explain(self, error: Exception) -> BadValue | None:
        """What is wrong with a file, where DuckDB's error doesn't say it."""
        said = str(error)
        if found := re.search(r"(?:No magic bytes found|too small).* file '([^']+)'", said):
            return _of_file(
                found[1],
                BadValue("bad_value", "isn't a Parquet file, or is cut off. Write it again."),
            )
        if not _NOT_UTF8.search(said):
            return None
        places = [(path, place) for path, place in self._texts.items() if place in said]
        for path, place in places or self._texts.items():
            if wrong := not_utf8(place):
                return _of_file(path, wrong)
        return None

    def _select(self, table: dict[str, Any]) -> str:
        kind, paths = table["kind"], table["paths"]
        partitions = _partitions(table.get("partitions", {}))
        if kind == "parquet" and len(paths) == 1:
            places = ", ".join(map(file_literal, paths))
            return f"SELECT * FROM read_parquet([{places}], {partitions})"  # noqa: S608
        profiles = table.get("profiles", {})
        options = table.get("options") or [{}] * len(paths)
        files = []
        for path, said in zip(paths, options, strict=True):
            profile = profiles.get(path)
            try:
                if profile is None:
                    profile = self._profile(kind, path, said)
                    self._learned(path, profile)
                place = path if kind == "parquet" else self._text(path, profile.get("encoding"))
            except BadValue as error:
                raise _of_file(path, error) from None
            files.append((place, profile, said))
        if kind == "csv" or kind == "tsv":
            return of_csv.select(files, partitions, list(table.get("partitions", {})))
        plain = [(place, profile) for place, profile, _ in files]
        if kind == "parquet":
            return of_parquet.select(plain, partitions)
        return of_json.select(plain, partitions, list(table.get("partitions", {})))

    def _profile(self, kind: str, path: str, options: Mapping[str, Any]) -> dict[str, Any]:
        if kind == "parquet":
            return {"kind": kind, **of_parquet.profile(self._connection, path)}
        head = check_head(path, kind)
        encoding = options.get("encoding")
        if encoding in (None, "utf-8"):
            encoding = "utf-16" if is_marked_utf16(head) else None
            if kind == "json" and head.startswith(codecs.BOM_UTF8):
                encoding = "utf-8"  # the copy has no mark, which DuckDB would read
        place = self._text(path, encoding)
        found = (
            of_json.profile(self._connection, place)
            if kind == "json"
            else of_csv.profile(
                self._connection,
                place,
                kind,
                options,
                check_head(place, kind) if encoding else head,
            )
        )
        return {"kind": kind, "encoding": encoding, **found}

    def _text(self, path: str, encoding: str | None) -> str:
        """Where a text is read as UTF-8: a copy, if it is in another encoding."""
        if path not in self._texts:
            place = path
            if encoding is not None:
                # Folders named ``key=value`` are columns.
                keys = [part for part in path.split("/")[:-1] if "=" in part]
                folder = Path(self._copies, str(len(self._texts)), *keys)
                place = str(
                    folder / re.sub(r"\.gz$", "", path.rsplit("/", 1)[-1], flags=re.IGNORECASE)
                )
                if self._copies:
                    folder.mkdir(parents=True)
                self._room -= copy_as_utf8(path, encoding, place, self._room)
            self._texts[path] = place
        return self._texts[path]

    def _make_table(self, place: str, table: dict[str, Any]) -> None:
        """Creates a table of a workbook's cells, which are in memory."""
        selects, names = [], []
        for number, path in enumerate(table["paths"]):
            name = _cells(number)
            if (kept := _kept((table.get("kept") or {}).get(path))) is not None:
                self._connection.register(name, kept)
                selects.append(f"SELECT * FROM {quoted(name)}")  # noqa: S608
                names.append(name)
                continue
            try:
                check_head(path, "xlsx")
                selects.append(
                    of_xlsx.load(
                        self._connection,
                        path,
                        table.get("sheet"),
                        (table.get("options") or {number: {}})[number],
                        name,
                    )
                )
            except BadValue as error:
                raise _of_file(path, error) from None
            names.append(name)
        self._connection.execute(f"CREATE TABLE {place} AS {' UNION ALL BY NAME '.join(selects)}")
        for name in names:
            self._connection.unregister(name)


def _cells(number: int) -> str:
    return f"wb_cells_{number}"


def _write(relation: duckdb.DuckDBPyRelation, path: str) -> None:
    reader = relation.to_arrow_reader(_BATCH_ROWS)
    with pa.OSFile(path, "wb") as file, pa.ipc.new_file(file, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)


def _kept(path: str | None) -> pa.Table | None:
    """A sheet that was kept, or None if it is gone meanwhile."""
    if path is None:
        return None
    try:
        return pa.ipc.open_file(pa.memory_map(path)).read_all()
    except (OSError, pa.ArrowException):
        return None


def _of_file(path: str, error: BadValue) -> BadValue:
    """The same error with the file's name."""
    name = path.rsplit("/", 1)[-1]
    message = str(error)
    if message and not message[0].isupper():
        message = f"“{name}” {message}"
    return BadValue(error.code, message, **{**error.details, "file": name})


def _partitions(types: dict[str, str]) -> str:
    """The options of DuckDB's readers for the columns from folder names."""
    if not types:
        return "hive_partitioning = false"
    known = ", ".join(f"{literal(key)}: {kind}" for key, kind in types.items())
    return f"hive_partitioning = true, hive_types = {{{known}}}"
