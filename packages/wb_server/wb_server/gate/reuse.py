"""The analysis of a statement with whole numbers as parameters, used again for other numbers.

A program asks the same statement again and again with another number in it. What the gate finds
then differs only in the digits that stand in the text. That isn't believed but tried: when a
statement is seen for the second time, it is analysed with several numbers, among them the smallest
and the largest that are taken. Only if all of these are let through, with texts that are alike but
for the digits, and everything else is the same, are others put into the text without an analysis.
They are plain digits, so they can become nothing else there.

A condition on a number (a row limit, a subscript from 1, the size of a type) lies between two of
those that are tried, whose statements then differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from wb_server.gate.models import Statement
from wb_server.kit.errors import WorkbenchError

# What PostgreSQL and DuckDB take for an INT.
_LARGEST = 2**31 - 1
_TRIED = (0, 1, _LARGEST)
# They stand for the parameters, and are found again by their digits.
_STAND_INS = tuple(f"19{number}7{number}7{number}64" for number in range(1, 10))


def fits(sql: str, params: Mapping[str, Any]) -> bool:
    """Whether an analysis may be used again at all."""
    return (
        0 < len(params) <= len(_STAND_INS)
        and all(type(value) is int and 0 <= value <= _LARGEST for value in params.values())
        and not any(digits in sql for digits in _STAND_INS)
    )


class Reuse:
    """What is known of one text with parameters of the same names."""

    def __init__(self) -> None:
        self._seen = False
        self._tried = False
        self._found: Statement | None = None
        # Pieces of the text, and between them the names of parameters.
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
            str(params[part]) if place % 2 else part for place, part in enumerate(self._parts)
        )

    def _learn(self, names: list[str], analyse: Callable[[dict[str, Any]], Statement]) -> None:
        standing = dict(zip(names, map(int, _STAND_INS), strict=False))
        tried = [dict.fromkeys(names, value) for value in _TRIED]
        try:
            found = analyse(dict(standing))
            others = [analyse(dict(params)) for params in tried]
        except WorkbenchError:
            return
        name_of = {str(value): name for name, value in standing.items()}
        parts = re.split(f"({'|'.join(name_of)})", found.sql)
        self._parts = [name_of.get(part, part) for part in parts]
        alike = all(
            other == replace(found, sql=self._text(params))
            for params, other in zip(tried, others, strict=True)
        )
        if alike and set(self._parts[1::2]) == set(names):
            self._found = found
