"""Limits joins without a condition: the parser reads each of them, and all that follow, twice."""

from __future__ import annotations

from typing import Final

from sqlglot import Token, TokenType

from wb_server.kit.errors import InvalidInput

# This many take a few milliseconds to parse; each further join doubles the time.
_MAX_JOINS: Final = 10
_JOINS: Final = frozenset({"JOIN", "STRAIGHT_JOIN"})
_CONDITIONS: Final = frozenset({TokenType.ON, TokenType.USING})
# After these no condition can follow: a table comes after a comma, or another query begins.
_ENDS: Final = frozenset(
    {TokenType.SELECT, TokenType.WHERE, TokenType.GROUP_BY, TokenType.ORDER_BY, TokenType.HAVING}
    | {TokenType.UNION, TokenType.EXCEPT, TokenType.INTERSECT, TokenType.LIMIT}
)


def check_joins(tokens: list[Token]) -> None:
    """Refuses a longer row of joins without conditions than the parser can handle in time.

    Raises:
        InvalidInput: ``too_complex``.
    """
    waiting = [0]  # joins waiting for a condition, for each open parenthesis
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
            if sum(waiting) > _MAX_JOINS:
                raise InvalidInput(
                    f"More than {_MAX_JOINS} joins in a row have no condition yet: write ON or "
                    "USING after each, or CROSS JOIN.",
                    code="too_complex",
                )
        before = token
