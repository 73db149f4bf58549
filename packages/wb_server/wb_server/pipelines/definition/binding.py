"""Expressions in SQL: each becomes a bound parameter, ``{{ e }}`` -> ``:p1``, never text.

So a value can't change what a statement does. In turn, an expression may stand only where a value
may: not inside quotes, and not as part of a name.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .expressions import Expression, ExpressionError, split

_START = re.compile(r"""'|"|`|--|/\*|\$(?:[A-Za-z_][A-Za-z_0-9]*)?\$""")
_NAME = re.compile(r":(p[0-9]+)\b")
_MANY = re.compile(r"\w")


class ParameterizedSql(NamedTuple):
    """SQL for the gate: the text with ``:name`` placeholders, and the values separately."""

    sql: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class BoundSql:
    """SQL whose expressions were replaced by parameters.

    Attributes:
        sql: the text with ``:p1``, ``:p2`` …
        expressions: the expressions by parameter name.
        origins: the offset of each part, in ``sql`` and in the text that was bound.
    """

    sql: str
    expressions: Mapping[str, Expression]
    origins: Sequence[tuple[int, int]] = ()

    def origin(self, line: int, column: int) -> int:
        """The offset in the bound text of a line and a column (both from 1) of ``sql``."""
        lines = self.sql.split("\n")
        return self._origin(sum(len(each) + 1 for each in lines[: line - 1]) + column - 1)

    def origin_of(self, parameter: str) -> int:
        """The offset in the bound text of the expression behind a parameter."""
        found = re.search(rf":{parameter}\b", self.sql)
        return self._origin(found.start()) if found else 0

    def _origin(self, at: int) -> int:
        place = bisect.bisect_right(self.origins, at, key=lambda origin: origin[0]) - 1
        if place < 0:
            return at
        sql, text = self.origins[place]
        following = self.origins[place + 1][1] if place + 1 < len(self.origins) else None
        found = text + at - sql
        return found if following is None else min(found, following - 1)

    def evaluate(self, scope: Mapping[str, Any]) -> ParameterizedSql:
        """The SQL with the values of its parameters.

        Raises:
            Unprocessable: an expression can't be computed.
        """
        return ParameterizedSql(
            self.sql, {name: item.evaluate(scope) for name, item in self.expressions.items()}
        )


def bind(text: str) -> BoundSql:
    """Replaces the expressions in SQL by parameters, except in comments.

    Raises:
        ExpressionError: for the first one that can't be read, or stands where no value may.
    """
    taken = set(_NAME.findall(text))
    numbers = (f"p{number}" for number in range(1, len(text) + 2))
    free = (name for name in numbers if name not in taken)
    sql: list[str] = []
    expressions: dict[str, Expression] = {}
    origins = []
    in_sql = in_text = 0
    for part in scan(text):
        if isinstance(part, ExpressionError):
            raise part
        origins.append((in_sql, in_text))
        if isinstance(part, str):
            sql.append(part)
            in_text += len(part)
        else:
            name = next(free)
            expressions[name] = part
            sql.append(f":{name}")
            in_text += len(part.source)
        in_sql += len(sql[-1])
    return BoundSql("".join(sql), expressions, origins)


def in_comment(text: str, offset: int) -> bool:
    """Whether a place in SQL is inside a comment."""
    quotes = _Quotes()
    quotes.read(text[:offset])
    return quotes.inside in ("--", "/*")


def scan(text: str) -> Iterator[str | Expression | ExpressionError]:
    """The parts of SQL: text, valid expressions, and errors."""
    quotes = _Quotes()
    before = ""
    parts = list(split(text))
    for index, part in enumerate(parts):
        if isinstance(part, str):
            quotes.read(part)
            before = part
            yield part
            continue
        if part.source and quotes.inside in ("--", "/*"):
            yield part.source
            before = part.source
            continue
        after = parts[index + 1] if index + 1 < len(parts) else ""
        yield part if isinstance(part, ExpressionError) else _placed(part, quotes, before, after)
        before = "}"


def _placed(
    part: Expression, quotes: _Quotes, before: str, after: object
) -> Expression | ExpressionError:
    if quotes.doubtful:
        return ExpressionError(
            "The SQL before it has a quote after a backslash, or a nested comment, which databases "
            "read differently. Write '' for a quote in a string.",
            part.number,
            code="expression_in_quotes",
        )
    if quotes.inside:
        return ExpressionError(
            "It is inside quotes. In SQL an expression is a value: remove the quotes, and join "
            "strings with || or concat().",
            part.number,
            code="expression_in_quotes",
        )
    joined = bool(before) and bool(_MANY.match(before[-1]))
    if isinstance(after, str):
        joined = joined or bool(_MANY.match(after[:1]))
    elif not isinstance(after, ExpressionError):
        joined = True
    if joined:
        return ExpressionError(
            "In SQL an expression is a value, not part of a name or a word. Put a space or an "
            "operator next to it; an expression can't choose a table.",
            part.number,
            code="expression_in_name",
        )
    return part


class _Quotes:
    """Tracks across the parts of SQL whether the position is inside quotes or a comment."""

    def __init__(self) -> None:
        self.inside = ""
        self.doubtful = False

    def read(self, text: str) -> None:
        position = 0
        while position < len(text):
            if not self.inside:
                match = _START.search(text, position)
                if match is None:
                    return
                self.inside, position = match[0], match.end()
                continue
            ending = {"--": "\n", "/*": "*/"}.get(self.inside, self.inside)
            end = text.find(ending, position)
            content = text[position : len(text) if end < 0 else end]
            if self.inside == "/*" and "/*" in content:
                self.doubtful = True
            if self.inside in ("'", '"') and end > 0 and text[end - 1] == "\\":
                self.doubtful = True
            if end < 0:
                return
            self.inside, position = "", end + len(ending)
