"""What is looked at in an Excel workbook before calamine reads it.

A workbook is a ZIP archive of XML files. A small archive may hold gigabytes, and a single cell far
out makes a sheet of billions of cells, so both are counted first. calamine returns nothing for a cell
with an error, and for a formula that was never calculated; both are found here, so that neither
becomes NULL without a word.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator, Set
from types import TracebackType
from typing import IO, Final, Self
from xml.etree import ElementTree

from .bad_value import BadValue
from .contents import open_bytes

MAX_BYTES: Final = 128 << 20
MAX_UNPACKED: Final = 512 << 20
MAX_CELLS: Final = 10_000_000
_MAX_PARTS: Final = 10_000
_PIECE: Final = 1 << 20
_ERROR: Final = re.compile(
    rb'<(?:\w+:)?c\b(?=[^>]*\st="e")[^>]*\sr="([A-Z]{1,3})([0-9]{1,7})"[^>]*>.*?'
    rb"<(?:\w+:)?v>([^<]*)<",
    re.DOTALL,
)
# The end of a formula, and of its cell, with nothing or an empty value between them.
_EMPTY: Final = re.compile(
    rb"(?:</(?:\w+:)?f>|<(?:\w+:)?f(?:\s[^>]*)?/>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
_CELL: Final = re.compile(rb'<(?:\w+:)?c\b[^>]*\sr="([A-Z]{1,3}[0-9]{1,7})"[^>]*>')
_LETTERS: Final = re.compile(rb'\sr="([A-Z]{1,3})[0-9]')
_ROW: Final = re.compile(rb'<(?:\w+:)?row\b[^>]*\sr="([0-9]{1,7})"')


class Package:
    """A workbook's archive, whose size was checked. A context manager.

    Attributes:
        file: the workbook, for calamine.

    Raises:
        BadValue: it is too large, damaged, or no workbook.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> Self:
        with open_bytes(self._path) as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise BadValue(
                "too_large",
                f"is larger than {MAX_BYTES >> 20} MiB, the limit for workbooks. Save it as CSV or "
                "Parquet.",
                limit=MAX_BYTES,
            )
        self.file: IO[bytes] = io.BytesIO(data)
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError):
            raise _damaged() from None
        parts = self._archive.infolist()
        if sum(part.file_size for part in parts) > MAX_UNPACKED or len(parts) > _MAX_PARTS:
            raise BadValue(
                "too_large",
                f"unpacks to more than {MAX_UNPACKED >> 20} MiB, the limit for workbooks. Save it "
                "as CSV or Parquet.",
                limit=MAX_UNPACKED,
            )
        self._verify([part for part in parts if part.filename.endswith((".xml", ".rels"))])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._archive.close()

    def _verify(self, parts: list[zipfile.ZipInfo]) -> None:
        """Unpacks the parts once, since an archive may say that they are smaller than they are."""
        try:
            for part in parts:
                with self._archive.open(part) as content:
                    while content.read(_PIECE):
                        pass
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError):
            raise _damaged() from None

    def check(self, sheet: str, *, allowed: Set[str], all_text: bool) -> dict[tuple[int, int], str]:
        """The error values of a sheet's cells, by row and column from 0.

        Args:
            sheet: its name.
            allowed: the errors that may be there, such as ``#N/A``.
            all_text: whether all of them may.

        Raises:
            BadValue: it is too large, or has an error or a formula without a result.
        """
        data = self._archive.read(self._part(sheet))
        rows, columns = _extent(data)
        if max(rows * columns, _count_cells(data)) > MAX_CELLS:
            raise BadValue(
                "too_large",
                f"has {rows:,} rows and {columns:,} columns in the sheet “{sheet}”, some of them far "
                f"out; the limit is {MAX_CELLS:,} cells. Delete the rows and columns that are "
                "empty, or save the sheet as CSV.",
                limit=MAX_CELLS,
            )
        if found := next(self._unsolved(data), None):
            raise BadValue(
                "bad_value",
                f"has a formula without a result in the cell {found} of the sheet “{sheet}”. Open "
                "it in a spreadsheet program, and save it again.",
                cell=found,
            )
        errors = {}
        if b't="e"' in data:
            for letters, row, text in _ERROR.findall(data):
                error = text.decode("utf-8", "replace").strip()
                place = int(row) - 1, _column(letters.decode()) - 1
                if not all_text and error not in allowed:
                    raise BadValue(
                        "bad_value",
                        f"has the error {error} in the cell {letters.decode()}{row.decode()} of the "
                        f"sheet “{sheet}”. Correct it, or add {error} to the NULL texts.",
                        cell=f"{letters.decode()}{row.decode()}",
                        value=error,
                        line=int(row),
                    )
                errors[place] = error
        return errors

    @staticmethod
    def _unsolved(data: bytes) -> Iterator[str]:
        for end in _EMPTY.finditer(data):
            start = max(data.rfind(b"<c ", 0, end.start()), data.rfind(b":c ", 0, end.start()) - 9)
            cells = list(_CELL.finditer(data, max(start, 0), end.start()))
            if cells and b't="str"' not in cells[-1][0]:
                yield cells[-1][1].decode()

    def _part(self, sheet: str) -> str:
        """The archive's part with a sheet."""
        root = self._rels("_rels/.rels")
        book = next((it for kind, it in root.values() if kind.endswith("/officeDocument")), "")
        book = book.lstrip("/") or "xl/workbook.xml"
        folder, name = posixpath.split(book)
        parts = self._rels(f"{folder}/_rels/{name}.rels")
        for element in self._xml(book).iter():
            if element.tag.endswith("}sheet") and element.get("name") == sheet:
                number = next((it for key, it in element.attrib.items() if key.endswith("}id")), "")
                target = parts.get(number, ("", ""))[1]
                place = posixpath.normpath(posixpath.join(f"/{folder}", target)).lstrip("/")
                if place in self._archive.namelist():
                    return place
        raise _damaged()

    def _rels(self, part: str) -> dict[str, tuple[str, str]]:
        """The type and target of each relationship."""
        return {
            element.get("Id", ""): (element.get("Type", ""), element.get("Target", ""))
            for element in self._xml(part)
        }

    def _xml(self, part: str) -> ElementTree.Element:
        try:
            # Entities can't grow without bound: expat stops that, and the process has its limits.
            return ElementTree.fromstring(self._archive.read(part))  # noqa: S314
        except (KeyError, ElementTree.ParseError, zipfile.BadZipFile):
            raise _damaged() from None


def _damaged() -> BadValue:
    return BadValue(
        "bad_value",
        "isn't an Excel workbook, or is damaged. Open it in a spreadsheet program, and save it "
        "again as XLSX.",
    )


def _extent(data: bytes) -> tuple[int, int]:
    """How many rows and columns a sheet has, up to its last cell."""
    numbers = _ROW.findall(data)
    rows = max(map(int, numbers), default=0) if numbers else data.count(b"<row")
    columns = max((_column(it.decode()) for it in set(_LETTERS.findall(data))), default=0)
    return rows, columns


def _count_cells(data: bytes) -> int:
    """How many cells there are, since cells needn't say where they are."""
    return sum(map(data.count, (b"<c ", b"<c>", b"<c/", b":c ", b":c>", b":c/")))


def _column(letters: str) -> int:
    """The number of a column, from 1."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def cell_name(row: int, column: int) -> str:
    """A cell's name, such as ``B2``, from its row and column, both from 0."""
    letters, left = "", column + 1
    while left:
        left, letter = divmod(left - 1, 26)
        letters = chr(65 + letter) + letters
    return f"{letters}{row + 1}"
