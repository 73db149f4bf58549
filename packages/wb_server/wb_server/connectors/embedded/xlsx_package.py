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
from collections.abc import Set
from types import TracebackType
from typing import IO, Final, Self
from xml.etree import ElementTree

from .bad_value import BadValue
from .contents import open_bytes
from .xlsx_cells import Cells, cell_name, column_number

MAX_BYTES: Final = 128 << 20
MAX_UNPACKED: Final = 512 << 20
MAX_CELLS: Final = 10_000_000
_MAX_PARTS: Final = 10_000
_PIECE: Final = 1 << 20
# What calamine drops or rounds: only a sheet with one of these is parsed here as well.
_SUSPECT: Final = re.compile(
    # a cell with an error
    rb"""\st\s*=\s*["']e["']|"""
    # the end of a formula and of its cell, with nothing or an empty value between them
    rb"(?:</(?:\w+:)?f\s*+>|<(?:\w+:)?f(?:\s[^<>]*)?/>)\s*+"
    rb"(?:<(?:\w+:)?v(?:\s[^<>]*)?/>|<(?:\w+:)?v(?:\s[^<>]*)?>\s*+</(?:\w+:)?v\s*+>)?+\s*+</(?:\w+:)?c\s*+>|"
    # an integer with more digits than a double keeps
    rb"<(?:\w+:)?v(?:\s[^<>]*)?>\s*+-?[0-9]{16,}+\s*+</|"
    # a comment or a section of characters, which may hide these
    rb"<!"
)
_PLACE: Final = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]{0,3})([0-9]{1,7})["']""")


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

    def check(
        self, sheet: str, *, allowed: Set[str], all_text: bool
    ) -> dict[tuple[int, int], str | int]:
        """The error values and the long integers in a sheet's cells, by row and column from 0.

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
        if _SUSPECT.search(data) is None:
            return {}
        cells = Cells.of(data)
        if cells.unsolved is not None:
            found = cell_name(*cells.unsolved)
            raise BadValue(
                "bad_value",
                f"has a formula without a result in the cell {found} of the sheet “{sheet}”. Open "
                "it in a spreadsheet program, and save it again.",
                cell=found,
            )
        for place, error in cells.errors.items():
            if not all_text and error not in allowed:
                found = cell_name(*place)
                raise BadValue(
                    "bad_value",
                    f"has the error {error} in the cell {found} of the sheet “{sheet}”. Correct it, "
                    f"or add {error} to the NULL texts.",
                    cell=found,
                    value=error,
                    line=place[0] + 1,
                )
        return {**cells.errors, **cells.integers}

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
    places = set(_PLACE.findall(data))
    rows = max((int(number) for _, number in places), default=0)
    columns = max((column_number(it.decode()) for it in {it for it, _ in places}), default=0)
    return max(rows, data.count(b"<row")), columns


def _count_cells(data: bytes) -> int:
    """How many cells there are, since cells needn't say where they are."""
    return sum(map(data.count, (b"<c ", b"<c>", b"<c/", b":c ", b":c>", b":c/")))
