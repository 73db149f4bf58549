"""Joins without a condition: each is read twice by the parser, and so are all that follow it."""

from __future__ import annotations

from typing import Final

from sqlglot import Token, TokenType

from wb_server.kit.errors import InvalidInput

# As many take a few milliseconds to read, and each one more doubles that.
_MOST: Final = 10
_JOINS: Final = frozenset({"JOIN", "STRAIGHT_JOIN"})
_CONDITIONS: Final = frozenset({TokenType.ON, TokenType.USING})
# After these another table follows a comma, or another query begins.
_ENDS: Final = frozenset(
    {TokenType.SELECT, TokenType.WHERE, TokenType.GROUP_BY, TokenType.ORDER_BY, TokenType.HAVING}
    | {TokenType.UNION, TokenType.EXCEPT, TokenType.INTERSECT, TokenType.LIMIT}
)


def check_joins(tokens: list[Token]) -> None:
    """Refuses more joins in a row than can be read in time while their conditions are missing.

    Raises:
        InvalidInput: ``too_complex``.
    """
    waiting = [0]  # for a condition, in each pair of parentheses that is open
    before: Token | None = None
    for token in tokens:
        kind = token.token_type
        if kind == TokenType.L_PAREN:
            waiting.append(0)
        elif kind == TokenType.R_PAREN:
            if len(waiting) > 1:
                waiting.pop()
        elif kind in _ENDS:
            waiting[-1] = 0
        elif kind in _CONDITIONS:
            waiting[-1] = max(0, waiting[-1] - 1)
        elif token.text.upper() in _JOINS and kind != TokenType.IDENTIFIER:
            if before is None or before.token_type != TokenType.CROSS:
                waiting[-1] += 1
            if sum(waiting) > _MOST:
                raise InvalidInput(
                    f"More than {_MOST} joins in a row have no condition yet: write ON or USING after "
                    "each, or CROSS JOIN.",
                    code="too_complex",
                )
        before = token
