"""Splits a text into its statements.

Each of them passes the gate by itself afterwards, so a wrong cut could run no more than a right one. It
would run something else than was meant, so strings and comments are read as the database reads them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..kit.errors import InvalidInput, WorkbenchError
from .models import DialectName

MAX_STATEMENTS: Final = 500

_PIECES: Final[Mapping[str, re.Pattern[str]]] = {
    "mysql": re.compile(
        r"'(?:[^'\\]|\\.|'')*+'|\"(?:[^\"\\]|\\.|\"\")*+\"|`(?:[^`]|``)*+`"
        r"|--(?=\s|\Z)[^\n]*|#[^\n]*|/\*|;",
        re.DOTALL,
    ),
    "": re.compile(
        r"(?<!\w)[eE]'(?:[^'\\]|\\.|'')*+'|'(?:[^']|'')*+'|\"(?:[^\"]|\"\")*+\"|--[^\n]*|/\*"
        r"|(?<![\w$])\$((?:[A-Za-z_\x80-\U0010ffff][\w]*)?)\$.*?\$\1\$|;",
        re.DOTALL,
    ),
}
_COMMENT: Final = re.compile(r"/\*|\*/")


@dataclass(frozen=True)
class Piece:
    """A statement of a text.

    Attributes:
        line: where it begins, from 1.
    """

    sql: str
    line: int

    def parameters(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the parameters that it uses."""
        used = set(re.findall(r"(?<![:\w]):([A-Za-z_]\w*)", self.sql))
        return {name: value for name, value in params.items() if name in used}


def pieces(text: str, dialect: DialectName) -> list[Piece]:
    """The statements of a text, without those that are only comments.

    Raises:
        InvalidInput: there are more than ``MAX_STATEMENTS`` (``too_many_statements``).
    """
    if ";" not in text:
        return [Piece(text, 1)]
    found: list[Piece] = []
    pattern = _PIECES["mysql" if dialect == "mysql" else ""]
    begin: int | None = None  # of a statement, after the comments before it
    place = 0
    while (token := pattern.search(text, place)) is not None:
        if begin is None and (before := text[place : token.start()]).strip():
            begin = place + len(before) - len(before.lstrip())
        place = token.end()
        if token[0] == ";":
            _add(found, text, begin, token.start())
            begin = None
        elif token[0] == "/*":
            # Some servers run what is in such a comment: the gate is to see it.
            runs = text[place : place + 1] in ("!", "M")
            begin = token.start() if begin is None and runs else begin
            place = _end_of_comment(text, place, nested=dialect != "mysql")
        elif begin is None and not token[0].startswith(("--", "#")):
            begin = token.start()
    if begin is None and (rest := text[place:]).strip():
        begin = place + len(rest) - len(rest.lstrip())
    _add(found, text, begin, len(text))
    return found or [Piece(text, 1)]


def at_step(error: WorkbenchError, number: int, line: int) -> WorkbenchError:
    """The error of one of several statements, which says of which."""
    inside, column = error.details.get("line"), error.details.get("column")
    # Counted from the beginning of the statement.
    error.message = error.message.replace(f" at line {inside}, column {column}", "")
    if isinstance(inside, int) and "file" not in error.details:
        line += inside - 1
    error.details |= {"statement": number, "line": line}
    error.message = f"Statement {number}, line {line}: {error.message}"
    return error


def _end_of_comment(text: str, place: int, *, nested: bool) -> int:
    depth = 1
    for mark in _COMMENT.finditer(text, place):
        depth += 1 if nested and mark[0] == "/*" else -1 if mark[0] == "*/" else 0
        if depth == 0:
            return mark.end()
    return len(text)


def _add(found: list[Piece], text: str, begin: int | None, end: int) -> None:
    if begin is None:
        return
    if len(found) == MAX_STATEMENTS:
        raise InvalidInput(
            f"The text has more than {MAX_STATEMENTS} statements. Split it.",
            code="too_many_statements",
        )
    found.append(Piece(text[begin:end].strip(), text.count("\n", 0, begin) + 1))
