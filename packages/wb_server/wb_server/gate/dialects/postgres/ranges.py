"""Rewrites BETWEEN and LIKE … ESCAPE whose operands are too complex for the parser.

Each keyword becomes an operator with its name, so that the text keeps its order.
"""

from __future__ import annotations

from sqlglot import Token, TokenType

from ..sealing import MAX_BRACKETS, SEAL, operator

_LIKE = frozenset({TokenType.LIKE, TokenType.ILIKE, TokenType.SIMILAR_TO})
RANGES = frozenset(
    f"{no}{word}"
    for no in ("", "NOT ")
    for word in (
        "BETWEEN",
        "BETWEEN SYMMETRIC",
        "BETWEEN ASYMMETRIC",
        "LIKE",
        "ILIKE",
        "SIMILAR TO",
    )
) | {"AND", "ESCAPE"}

_OPENING = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.CASE})
_CLOSING = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.END})
_CONTINUES = ([TokenType.DCOLON], [TokenType.DPIPE])
_PLAIN = (TokenType.STRING, TokenType.NULL, TokenType.COLON, TokenType.PARAMETER)


def with_ranges(tokens: list[Token]) -> list[Token]:
    """The tokens, with each such BETWEEN or ESCAPE as operators."""
    result: list[Token] = []
    ands: set[int] = set()  # those of a BETWEEN that is an operator
    index = escaped = 0
    while index < len(tokens):
        token = tokens[index]
        index += 1
        if token.token_type == TokenType.ESCAPE and not _is_plain(tokens, index):
            _seal_like(result, escaped)
            result += operator(token, "ESCAPE")
            escaped = len(result)
        elif token.token_type == TokenType.BETWEEN:
            how = tokens[index].text.upper() if index < len(tokens) else ""
            begin = index + (how in ("SYMMETRIC", "ASYMMETRIC"))
            and_ = _and_of(tokens, begin)
            if and_ is None or not (_has_sign(tokens, begin) or _has_sign(tokens, and_ + 1)):
                result.append(token)
                continue
            words = ["BETWEEN", how] if begin > index else ["BETWEEN"]
            if result and result[-1].token_type == TokenType.NOT:
                words.insert(0, result.pop().text.upper())
            result += operator(token, " ".join(words))
            ands.add(and_)
            index = begin
        elif index - 1 in ands:
            result += operator(token, "AND")
        else:
            result.append(token)
    return result


def _seal_like(result: list[Token], begin: int) -> None:
    """Turns the last LIKE outside inner brackets into an operator too."""
    depth = 0
    for place in range(len(result) - 1, begin - 1, -1):
        kind = result[place].token_type
        depth += (kind in _CLOSING) - (kind in _OPENING)
        if depth < 0:
            return
        if depth == 0 and kind in _LIKE:
            words = [result[place].text.upper()]
            first = place
            if place and result[place - 1].token_type == TokenType.NOT:
                words.insert(0, "NOT")
                first -= 1
            result[first : place + 1] = operator(result[place], " ".join(words))
            return


def _is_plain(tokens: list[Token], index: int) -> bool:
    """True if the operand of ESCAPE is one that the parser can read."""
    kinds = [token.token_type for token in tokens[index : index + 2]]
    return bool(kinds) and kinds[0] in _PLAIN and kinds[1:] not in _CONTINUES


def _and_of(tokens: list[Token], index: int) -> int | None:
    depth = 0
    for place in range(index, len(tokens)):
        kind = tokens[place].token_type
        if kind == TokenType.AND and depth == 0:
            return place
        depth += (kind in _OPENING) - (kind in _CLOSING)
        another = kind == TokenType.BETWEEN and depth == 0
        if another or not 0 <= depth <= MAX_BRACKETS:
            return None
    return None


def _has_sign(tokens: list[Token], index: int) -> bool:
    """True if a prefix operator begins here."""
    here = tokens[index : index + 1]
    return bool(here) and here[0].token_type == TokenType.STRING and here[0].text == SEAL
