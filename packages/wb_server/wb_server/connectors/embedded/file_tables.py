"""Maps files to tables and names them: one rule for folders and object stores.

A table's name follows from its file's name alone, so a new file never changes what a name means:

- A file ``Sales 2025.csv`` is the table ``sales_2025``: its stem in lower case, with an underscore
  for whatever is neither a letter nor a digit nor, beyond ASCII, a mark or a symbol.
- With its kind appended, the same file is ``sales_2025_csv``.
- A subfolder that contains files of only one kind, at any depth, is one table with all of their
  rows; folders named ``key=value`` add columns. A subfolder with several kinds isn't a table.
- An Excel workbook is a table for each visible sheet, ``budget_plan`` for the sheet ``Plan`` of
  ``Budget.xlsx``; ``budget`` is its first one. With one sheet, only ``budget`` is listed.
- A name that two files share is unusable: a query that uses it fails with an error that names both.
- A spreadsheet or an archive that isn't read is listed with what to do, and is no table.
- Hidden files and folders, whose names begin with ``.`` or ``_``, are left out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import unquote

from ...kit.errors import InvalidInput, TooLarge

SCHEMA: Final = "files"
MAX_FILES: Final = 10_000
_MAX_LENGTH: Final = 63
_MAX_UNREAD: Final = 100

KINDS: Final = {
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
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
}

# What is found beside them, by the end of the name: it is no table, but it is named as what it is.
UNREAD: Final = {
    **dict.fromkeys((".xls", ".xlsb"), "an Excel workbook of another format: save it as .xlsx"),
    ".ods": "an OpenDocument spreadsheet: save it as .xlsx",
    ".numbers": "a Numbers spreadsheet: export it as .xlsx",
    **dict.fromkeys((".zip", ".7z", ".rar", ".tar", ".tgz", ".tar.gz"), "an archive: unpack it"),
    **dict.fromkeys(
        (".zst", ".bz2", ".xz", ".lz4"),
        "compressed in a way that isn't read: unpack it, or use gzip",
    ),
    **dict.fromkeys((".xml", ".html", ".htm"), "XML or a web page: save it as CSV or XLSX"),
    **dict.fromkeys(
        (".feather", ".arrow", ".avro", ".orc", ".dbf", ".sav"),
        "data of a format that isn't read: save it as Parquet",
    ),
    **dict.fromkeys((".accdb", ".mdb", ".sqlite"), "a database file: export its tables as CSV"),
}


def unread(path: str) -> str | None:
    """What a file in the folder itself is, if it is no table, and what to do; else None."""
    lower = normal(path)
    if "/" in path:
        return None
    return next((what for end, what in UNREAD.items() if lower.endswith(end)), None)


@dataclass(frozen=True)
class FileTable:
    """A table: files of one kind.

    Attributes:
        entry: the file's name, or the folder's with a trailing ``/``.
        partitions: the columns from folder names, with DuckDB's types.
        names: the files' paths below the connection's folder, in the order of ``paths``.
        sheet: the sheet of a workbook; ``None`` for the first one.
    """

    kind: str
    paths: tuple[str, ...]
    entry: str = ""
    partitions: tuple[tuple[str, str], ...] = ()
    names: tuple[str, ...] = ()
    sheet: str | None = None


@dataclass
class FileTables:
    """The tables of a folder, by each of their names."""

    _short: dict[str, list[FileTable]] = field(default_factory=dict)
    _long: dict[str, list[FileTable]] = field(default_factory=dict)
    # The names of workbooks that are listed by their sheets.
    _covered: set[str] = field(default_factory=set)
    # What other files are, by the name that their table would have.
    _unread: dict[str, str] = field(default_factory=dict)

    def add(self, stem: str, table: FileTable) -> None:
        """Adds a table under the names that follow from a stem."""
        name = table_name(stem)
        self._short.setdefault(name[:_MAX_LENGTH], []).append(table)
        self._long.setdefault(f"{name}_{table.kind}", []).append(table)

    def add_unread(self, entry: str, what: str) -> None:
        """Adds a file that is no table."""
        name = table_name(entry.split(".")[0])[:_MAX_LENGTH]
        self._unread.setdefault(name, f"“{entry}” is {what}.")

    def workbooks(self, names: Iterable[str] | None = None) -> dict[str, FileTable]:
        """The workbooks by the name of their file.

        Args:
            names: only those that may have a sheet of such a name.
        """
        asked = None if names is None else [normal(name) for name in names]
        return {
            name: table
            for name, tables in self._short.items()
            for table in tables
            if table.kind == "xlsx"
            and len(table.paths) == 1
            and (asked is None or any(it.startswith(f"{name}_") for it in asked))
        }

    def add_sheets(self, name: str, workbook: FileTable, sheets: Sequence[str]) -> None:
        """Adds the tables of a workbook's sheets, ``name`` being that of its file."""
        if len(sheets) > 1:
            self._covered.add(name)
        for sheet in sheets:
            table = replace(workbook, entry=f"{workbook.entry}, sheet {sheet}", sheet=sheet)
            target = self._short if len(sheets) > 1 else self._long
            target.setdefault(_join(name, sheet), []).append(table)

    def find(self, name: str) -> FileTable | None:
        """The table with a name, or None.

        Raises:
            InvalidInput: several files share it (``ambiguous_table``), or only a file that isn't read
                (``unread_file``).
        """
        name = normal(name)
        found = [*self._short.get(name, ()), *self._long.get(name, ())]
        if not found and name in self._unread:
            raise InvalidInput(self._unread[name], code="unread_file", name=name)
        if len(found) > 1:
            raise InvalidInput(
                f"“{name}” may mean {_listed(found)}. {self._remedy(found)}",
                code="ambiguous_table",
                name=name,
                files=[table.entry for table in found],
            )
        return found[0] if found else None

    def names(self) -> dict[str, str | None]:
        """The names to list, each with the reason if it can't be used, else None."""
        shown: dict[str, str | None] = {}
        for name, tables in self._short.items():
            if name in self._covered and len(tables) == 1:
                continue
            try:
                self.find(name)
                shown[name] = None
            except InvalidInput as error:
                shown[name] = error.message
                shown.update(dict.fromkeys(filter(None, map(self._other, tables))))
        known = {*self._short, *self._long}
        unread = {name: why for name, why in self._unread.items() if name not in known}
        return dict(sorted({**shown, **unread}.items()))

    def __len__(self) -> int:
        return sum(map(len, self._short.values())) - len(self._covered)

    def _other(self, table: FileTable) -> str | None:
        """A table's longer name, unless another table shares it."""
        for name, tables in self._long.items():
            if table in tables:
                return name if len(tables) == 1 and name not in self._short else None
        return None

    def _remedy(self, tables: Sequence[FileTable]) -> str:
        others = [name for table in tables if (name := self._other(table))]
        if len(others) == len(tables):
            return f"Use {' or '.join(others)}."
        return "Rename one of them."


def _listed(tables: Sequence[FileTable]) -> str:
    shown = [f"“{table.entry}”" for table in tables[:5]]
    if len(tables) > 5:
        shown.append(f"{len(tables) - 5} more")
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def is_hidden(name: str) -> bool:
    """True if a file or folder with this name is left out."""
    return name.startswith((".", "_"))


def _join(name: str, sheet: str) -> str:
    """The name of a sheet's table."""
    return f"{name}_{_words(sheet)}"[:_MAX_LENGTH]


def name_tables(
    files: Iterable[tuple[str, str]], kind_of: Callable[[str], str | None]
) -> FileTables:
    """The tables that a folder's files form.

    Args:
        files: the data files: the path below the folder, with ``/``, and where to read the file.
        kind_of: the kind of a file by that path.

    Raises:
        TooLarge: there are more than 10,000 files.
    """
    single: dict[str, str] = {}
    below: dict[str, list[tuple[str, str]]] = {}
    others: dict[str, str] = {}
    number = 0
    for path, place in files:
        if kind_of(path) is None and (what := unread(path)):
            others[path] = what
            continue
        number += 1
        if number > MAX_FILES:
            raise TooLarge(
                f"There are more than {MAX_FILES} data files: choose a subfolder.",
                code="too_many_files",
                limit=MAX_FILES,
            )
        first, slash, rest = path.partition("/")
        if slash:
            below.setdefault(first, []).append((rest, place))
        else:
            single[first] = place
    tables = FileTables()
    for entry in sorted({*single, *below}):
        if entry in single and (kind := kind_of(entry)):
            tables.add(stem_of(entry), FileTable(kind, (single[entry],), entry, names=(entry,)))
        inside = below.get(entry, [])
        kinds = {kind_of(f"{entry}/{path}") for path, _ in inside}
        kind = kinds.pop() if len(kinds) == 1 else None
        if kind:
            paths = tuple(place for _, place in inside)
            partitions = _partitions([path for path, _ in inside])
            names = tuple(f"{entry}/{path}" for path, _ in inside)
            tables.add(entry, FileTable(kind, paths, f"{entry}/", partitions, names))
    for entry, what in sorted(others.items())[:_MAX_UNREAD]:
        tables.add_unread(entry, what)
    return tables


def normal(name: str) -> str:
    """A name in the normalized form in which names are compared."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).lower())


def table_name(stem: str) -> str:
    """The table name of a file or folder."""
    name = _words(stem) or "table"
    return f"t_{name}" if name[0].isdigit() else name


def stem_of(entry: str) -> str:
    """A file's name without its ending; ``.csv.gz`` is one ending."""
    return re.split(r"\.(?=[^.]+(\.gz)?$)", entry, flags=re.IGNORECASE)[0]


def column_names(titles: Iterable[str]) -> list[str]:
    """Names for columns that no SQL needs to quote for their case and spaces, each of them once."""
    found: list[str] = []
    for title in titles:
        name = _words(title) or "column"
        name = f"c_{name}" if name[0].isdigit() else name
        base, number = short(name), 1
        name = base
        while name in found:
            number += 1
            name = f"{short(base, _MAX_LENGTH - len(str(number)) - 1)}_{number}"
        found.append(name)
    return found


def short(name: str, most: int = _MAX_LENGTH) -> str:
    """A name cut to a number of bytes: PostgreSQL counts these."""
    return name.encode()[:most].decode("utf-8", "ignore")


def _words(text: str) -> str:
    kept = "".join(letter if _is_kept(letter) else " " for letter in normal(text))
    return "_".join(kept.split())


def _is_kept(letter: str) -> bool:
    if letter.isascii():
        return letter.isalnum()
    # Excludes control and formatting characters, separators and punctuation.
    return unicodedata.category(letter)[0] not in "CZP"


def _partitions(paths: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The columns from folders named ``key=value``, if all files' folders have the same keys."""
    folders = [
        dict(part.split("=", 1) for part in path.split("/")[:-1] if "=" in part) for path in paths
    ]
    keys = list(folders[0])
    if not keys or any(list(it) != keys for it in folders):
        return ()
    return tuple((key, _type_of({unquote(it[key]) for it in folders})) for key in keys)


def _type_of(values: set[str]) -> str:
    """A type that keeps every folder's value unchanged."""
    some = values - {"__HIVE_DEFAULT_PARTITION__", ""}
    if some and all(re.fullmatch(r"0|-?[1-9][0-9]{0,17}", value) for value in some):
        return "BIGINT"
    if some and all(re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value) for value in some):
        return "DATE"
    return "VARCHAR"
