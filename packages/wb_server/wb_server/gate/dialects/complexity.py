"""Limits on the length and nesting of a statement.

The parser is compiled and can't be interrupted, so a statement that would take it too deep or too
long is refused before it starts.
"""

from __future__ import annotations

from typing import Final

from sqlglot import Token, TokenType, exp

from wb_server.gate.dialects.sealing import MAX_BRACKETS
from wb_server.kit.errors import InvalidInput

MAX_TOKENS: Final = 50_000  # about a second of work
_MAX_RUN: Final = 300  # NOT NOT NOT …, - - - …, a[1][1][1] …
_MAX_TRIED_TWICE: Final = 8  # [ and nested types: the parser's time doubles with each level
_MAX_JOINS: Final = 200
_MAX_DEPTH: Final = 400  # levels of the tree; 400 conditions joined by OR are 400 levels

_OPENING = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE})
_CLOSING = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END})
_RUNS = frozenset(
    {TokenType.NOT, TokenType.DASH, TokenType.PLUS, TokenType.TILDE, TokenType.RLIKE}
    | {TokenType.INTERVAL, TokenType.DCOLON, TokenType.DOT, TokenType.R_BRACKET}
)


def check_length(tokens: list[Token]) -> None:
    """Refuses a statement with too many tokens.

    Raises:
        InvalidInput: ``too_complex``.
    """
    if len(tokens) > MAX_TOKENS:
        raise InvalidInput(
            f"The statement has more than {MAX_TOKENS:,} words and signs; put long lists into a "
            "table.",
            code="too_complex",
        )


def check_complexity(tokens: list[Token]) -> None:
    """Refuses tokens that would take the parser too deep or too long.

    Raises:
        InvalidInput: ``too_complex``.
    """
    open_: list[bool] = []  # for each open bracket: does the parser try it twice?
    limited = [False]  # outside, and in each of them: has LIMIT or OFFSET come?
    run = joins = 0
    before: TokenType | None = None
    for token in tokens:
        kind = token.token_type
        if kind in _OPENING:
            twice = kind == TokenType.L_BRACKET or before in _TRIED_TWICE or limited[-1]
            open_.append(twice)
            limited.append(False)
        elif kind in _CLOSING and open_:
            open_.pop()
            limited.pop()
        elif kind in _LIMITS:
            limited[-1] = True
        elif kind == TokenType.JOIN:
            joins += 1
        run = run + 1 if kind in _RUNS else (run if kind not in _NEUTRAL else 0)
        if len(open_) > MAX_BRACKETS or run > _MAX_RUN or joins > _MAX_JOINS:
            raise too_complex()
        if kind in _OPENING and sum(open_) > _MAX_TRIED_TWICE:
            raise too_complex()
        before = kind


_TRIED_TWICE = frozenset(
    {TokenType.ARRAY, TokenType.STRUCT, TokenType.MAP, TokenType.LIST, TokenType.UNION}
    | {TokenType.INTERVAL, TokenType.ENUM, TokenType.NULLABLE, TokenType.NESTED, TokenType.DCOLON}
)

# The parser reads what follows as an alias first, then as what it is.
_LIMITS = frozenset({TokenType.LIMIT, TokenType.OFFSET, TokenType.FETCH})

# Tokens that end a run of prefix or postfix operators.
_NEUTRAL = frozenset(
    {TokenType.COMMA, TokenType.SELECT, TokenType.FROM, TokenType.WHERE, TokenType.AND}
    | {TokenType.OR, TokenType.ON, TokenType.R_PAREN, TokenType.ALIAS, TokenType.THEN}
    | {TokenType.ELSE, TokenType.WHEN, TokenType.JOIN, TokenType.UNION, TokenType.EQ}
)


def check_depth(tree: exp.Expr) -> None:
    """Refuses a tree with too many levels.

    Raises:
        InvalidInput: ``too_complex``.
    """
    level: list[exp.Expr] = [tree]
    for _ in range(_MAX_DEPTH):
        level = [child for node in level for child in node.iter_expressions()]
        if not level:
            return
    raise too_complex()


def too_complex() -> InvalidInput:
    """The error for a statement that is nested too deeply."""
    return InvalidInput(
        "The statement is nested too deeply; split it up with WITH.", code="too_complex"
    )
