"""Statements of DuckDB that answer with rows without SELECT, as the SELECT that they mean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlglot import Token
from sqlglot import TokenType as Kind

from wb_server.gate.dialects.base import words
from wb_server.gate.dialects.duckdb.grammar import WorkbenchDuckDB
from wb_server.gate.dialects.sealing import like
from wb_server.kit.errors import Forbidden

_OPEN: Final = frozenset({Kind.L_PAREN, Kind.L_BRACKET, Kind.L_BRACE})
_CLOSE: Final = frozenset({Kind.R_PAREN, Kind.R_BRACKET, Kind.R_BRACE})
_MODIFIERS: Final = frozenset({Kind.ORDER_BY, Kind.LIMIT, Kind.OFFSET, Kind.FETCH})
_AS_TABLES: Final = frozenset({Kind.PIVOT, Kind.UNPIVOT, Kind.SUMMARIZE, Kind.DESCRIBE})
# Names after which DuckDB lists something instead of describing a table.
_LISTINGS: Final = words("tables databases schemas variables all")
_TABLES: Final = (
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = "
    "current_schema() AND table_catalog NOT IN ('system', 'temp') ORDER BY table_name"
)


def as_select(tokens: list[Token]) -> list[Token]:
    """Turns ``PIVOT …`` into ``SELECT * FROM (PIVOT …)``, after WITH too.

    Raises:
        Forbidden: ``statement_not_allowed``: a listing that is not supported.
    """
    begin = _after_with(tokens)
    if begin == len(tokens):
        return tokens
    tokens = list(_shown(tokens, begin))
    first = tokens[begin]
    if first.token_type not in _AS_TABLES:
        return tokens
    end = len(tokens)
    if first.token_type in (Kind.PIVOT, Kind.UNPIVOT):
        depth = 0
        for index in range(begin, len(tokens)):
            kind = tokens[index].token_type
            depth += (kind in _OPEN) - (kind in _CLOSE)
            if depth == 0 and kind in _MODIFIERS:
                end = index
                break
    opening = [
        like(first, Kind.SELECT, "SELECT"),
        like(first, Kind.STAR, "*"),
        like(first, Kind.FROM, "FROM"),
        like(first, Kind.L_PAREN, "("),
    ]
    closing = like(first, Kind.R_PAREN, ")")
    return [*tokens[:begin], *opening, *tokens[begin:end], closing, *tokens[end:]]


def _shown(tokens: list[Token], begin: int) -> Iterator[Token]:
    """Turns DESC and SHOW into DESCRIBE, and SHOW TABLES into a query."""
    skip = -1
    for index, token in enumerate(tokens):
        word = token.text.upper()
        opens = index == begin or (index and tokens[index - 1].token_type == Kind.L_PAREN)
        after = tokens[index + 1].text if index + 1 < len(tokens) else ""
        if index == skip:
            continue
        if not opens or word not in ("DESC", "DESCRIBE", "SHOW") or after in (")", ",", "."):
            yield token
            continue
        rest = tokens[index + 2].text if index + 2 < len(tokens) else ")"
        if after.lower() == "tables" and rest == ")":
            yield from WorkbenchDuckDB().tokenize(_TABLES)
            skip = index + 1
        elif not after or after.lower() in _LISTINGS:
            raise Forbidden(
                f"{word} {after.upper()}".strip() + " isn't supported here. SHOW TABLES is, and so "
                "are information_schema.tables and information_schema.columns.",
                code="statement_not_allowed",
            )
        else:
            yield like(token, Kind.DESCRIBE, "DESCRIBE")


def _after_with(tokens: list[Token]) -> int:
    """The index at which the statement after WITH begins."""
    if not tokens or tokens[0].token_type != Kind.WITH:
        return 0
    depth = 0
    for index, token in enumerate(tokens):
        depth += (token.token_type in _OPEN) - (token.token_type in _CLOSE)
        if depth == 0 and index and token.token_type in (*_AS_TABLES, Kind.SELECT, Kind.FROM):
            return index
    return len(tokens)
