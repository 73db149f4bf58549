"""What calamine doesn't tell of a sheet's cells: errors, formulas without a result, long integers."""

from __future__ import annotations

import re
from typing import Final, Self
from xml.parsers import expat

from .bad_value import BadValue

_DIGITS: Final = 15
# Digits of a number that a double may have.
_LONGEST: Final = 300
_INTEGER: Final = re.compile(r"-?[0-9]+")
_PLACE: Final = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")

Place = tuple[int, int]


class Cells:
    """The cells of a sheet that need care, by row and column from 0.

    Attributes:
        errors: the texts of errors, such as ``#N/A``.
        integers: whole numbers that a double would round; as a text if it has no such number at all.
        unsolved: the first cell with a formula that has no result.
    """

    def __init__(self) -> None:
        self.errors: dict[Place, str] = {}
        self.integers: dict[Place, int | str] = {}
        self.unsolved: Place | None = None
        self._row = self._column = -1
        self._kind = ""
        self._formula = self._inside = False
        self._text: list[str] = []

    @classmethod
    def of(cls, sheet: bytes) -> Self:
        """Those of a sheet's XML.

        Raises:
            BadValue: it isn't XML.
        """
        cells = cls()
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = cells._start
        parser.EndElementHandler = cells._end
        parser.CharacterDataHandler = cells._characters
        try:
            parser.Parse(sheet, True)
        except expat.ExpatError:
            raise BadValue(
                "bad_value", "is damaged. Open it in a spreadsheet program, and save it again."
            ) from None
        return cells

    def _start(self, tag: str, given: dict[str, str]) -> None:
        match tag.rpartition(":")[2]:
            case "row":
                number = given.get("r", "").strip()
                self._row = int(number) - 1 if number.isdecimal() else self._row + 1
                self._column = -1
            case "c":
                place = _PLACE.fullmatch(given.get("r", "").strip().upper())
                self._column += 1
                if place is not None:
                    self._row, self._column = int(place[2]) - 1, column_number(place[1]) - 1
                self._kind = given.get("t", "n").strip()
                self._formula, self._text = False, []
            case "f":
                self._formula = True
            case "v":
                self._inside = True

    def _characters(self, text: str) -> None:
        if self._inside:
            self._text.append(text)

    def _end(self, tag: str) -> None:
        match tag.rpartition(":")[2]:
            case "v":
                self._inside = False
            case "c":
                self._finish("".join(self._text).strip())

    def _finish(self, value: str) -> None:
        place = self._row, self._column
        if self._kind == "e":
            self.errors[place] = value or "#ERROR"
        elif self._formula and not value and self._kind != "str":
            self.unsolved = self.unsolved or place
        elif self._kind == "n" and len(value) > _DIGITS and _INTEGER.fullmatch(value):
            self.integers[place] = int(value) if len(value) < _LONGEST else value


def column_number(letters: str) -> int:
    """The number of a column, from 1."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


def cell_name(row: int, column: int) -> str:
    """A cell's name, such as ``B2``, from its row and column, both from 0."""
    letters, left = "", column + 1
    while left:
        left, letter = divmod(left - 1, 26)
        letters = chr(65 + letter) + letters
    return f"{letters}{row + 1}"
