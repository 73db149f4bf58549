"""Reuses the analysis of a statement whose parameters are integers, for other integers.

Programs run the same statement again and again with different numbers. The result of the analysis
should then differ only in the digits of the text. The gate verifies this: when it sees a statement
for the second time, it analyses it with several numbers, including the smallest and the largest
accepted ones. Only if all of them are allowed, and the results are equal but for these digits, does
it insert other numbers into the text without an analysis. These are plain digits, so they can't
become anything else there.

Where a check depends on a number (a row limit, a subscript from 1, the size of a type), its
threshold lies between two of the numbers tried, and their results differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from wb_server.gate.models import Statement
from wb_server.kit.errors import WorkbenchError

# The largest literal that PostgreSQL and DuckDB read as an INT.
_LARGEST = 2**31 - 1
_TRIED = (0, 1, _LARGEST)
# Placeholders for the parameters, found in the rendered text by their digits.
_STAND_INS = tuple(f"19{number}7{number}7{number}64" for number in range(1, 10))


def fits(sql: str, params: Mapping[str, Any]) -> bool:
    """True if an analysis with these parameters can be reused at all."""
    return (
        0 < len(params) <= len(_STAND_INS)
        and all(type(value) is int and 0 <= value <= _LARGEST for value in params.values())
        and not any(digits in sql for digits in _STAND_INS)
    )


class Reuse:
    """What was learned about one text with one set of parameter names."""

    def __init__(self) -> None:
        self._seen = False
        self._tried = False
        self._found: Statement | None = None
        # Pieces of the text, alternating with parameter names.
        self._parts: list[str] = []

    def statement(
        self, params: Mapping[str, int], analyse: Callable[[dict[str, Any]], Statement]
    ) -> Statement:
        """The analysis with these values.

        Raises:
            WorkbenchError: as ``analyse``.
        """
        if self._seen and not self._tried:
            self._tried = True
            self._learn(sorted(params), analyse)
        self._seen = True
        found = self._found
        if found is None:
            return analyse(dict(params))
        return replace(found, sql=self._text(params))

    def _text(self, params: Mapping[str, int]) -> str:
        return "".join(
            str(params[part]) if index % 2 else part for index, part in enumerate(self._parts)
        )

    def _learn(self, names: list[str], analyse: Callable[[dict[str, Any]], Statement]) -> None:
        stand_ins = dict(zip(names, map(int, _STAND_INS), strict=False))
        tried = [dict.fromkeys(names, value) for value in _TRIED]
        try:
            found = analyse(dict(stand_ins))
            others = [analyse(dict(params)) for params in tried]
        except WorkbenchError:
            return
        name_of = {str(value): name for name, value in stand_ins.items()}
        parts = re.split(f"({'|'.join(name_of)})", found.sql)
        self._parts = [name_of.get(part, part) for part in parts]
        alike = all(
            other == replace(found, sql=self._text(params))
            for params, other in zip(tried, others, strict=True)
        )
        if alike and set(self._parts[1::2]) == set(names):
            self._found = found
