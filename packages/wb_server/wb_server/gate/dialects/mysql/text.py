"""Tokenizes SQL text as MySQL and MariaDB do.

What a text means depends on where its strings and comments end, and these servers have special rules
for that: backslashes escape, double quotes delimit strings, ``#`` starts a comment, ``--`` only
before white space, and some comments are executed. So a text is read twice, by these rules and by the
parser's lexer, and is refused unless both agree on every string, name and comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from sqlglot import Token, TokenType
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import TokenError

from wb_server.gate.dialects.base import words
from wb_server.gate.dialects.complexity import check_length
from wb_server.gate.dialects.mysql import tokens as spelled
from wb_server.gate.dialects.refusals import statement_refused, unclosed
from wb_server.kit.errors import Forbidden, InvalidInput

# Quoted strings and names, and comments, in the order in which the server meets them.
_PIECE: Final = re.compile(
    r"""
      (?P<run>/\*(?:!|[Mm]!|\+))
    | (?P<comment>/\*.*?\*/ | --(?=[\x00-\x20\x7f]|\Z)[^\n]* | \#[^\n]*)
    | (?P<quoted>'(?:[^'\\]|''|\\.)*' | "(?:[^"\\]|""|\\.)*" | `(?:[^`]|``)*`)
    | (?P<open>/\*|['"`])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(.)|''|\"\"", re.DOTALL)
_ESCAPED: Final = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}
_NUMBER_FIRST: Final = re.compile(r"\d+(?:\.|[eE]\d)")
_BLANK: Final = " \t\n\v\f\r"
_PREFIXED: Final = (TokenType.HEX_STRING, TokenType.BIT_STRING, TokenType.NATIONAL_STRING)

_COMMANDS: Final = frozenset(Dialect.get_or_raise("mysql").tokenizer_class.COMMANDS)
_PREDICATES: Final = frozenset({TokenType.LIKE, TokenType.RLIKE, TokenType.IN, TokenType.BETWEEN})
_ENDS_PREDICATE: Final = frozenset(
    {
        *(TokenType.AND, TokenType.DAMP, TokenType.OR, TokenType.DPIPE, TokenType.XOR),
        *(TokenType.EQ, TokenType.NEQ, TokenType.GT, TokenType.GTE, TokenType.LT, TokenType.LTE),
        *(TokenType.NULLSAFE_EQ, TokenType.COMMA, TokenType.WHEN, TokenType.THEN, TokenType.ELSE),
        *(TokenType.ALIAS, TokenType.FROM, TokenType.WHERE, TokenType.GROUP_BY),
        *(TokenType.HAVING, TokenType.ORDER_BY, TokenType.LIMIT, TokenType.UNION),
        *(TokenType.EXCEPT, TokenType.INTERSECT, TokenType.JOIN, TokenType.ON, TokenType.WINDOW),
        *(TokenType.SEMICOLON, TokenType.IS, TokenType.STRAIGHT_JOIN),
    }
)
# On the right of <=>, the parser would bind these first.
_AFTER_SAME: Final = frozenset(
    {TokenType.GT, TokenType.GTE, TokenType.LT, TokenType.LTE, TokenType.IS}
)
_DATED: Final = words("date time timestamp")
# Names that the lexer gives literals such as DATE '2026-01-31'; no user can write them.
HEX_NUMBER: Final = "hexadecimal literal"
LITERALS: Final = frozenset(f"{name} literal" for name in _DATED) | {HEX_NUMBER}
LITERAL_NAMES: Final = LITERALS | spelled.NAMES


def tokenize(sql: str) -> list[Token]:
    """The tokens, each string with the value that the server gives it.

    Raises:
        Forbidden: a comment that the server executes, or a hint (``syntax_not_allowed``).
        InvalidInput: a quote or comment isn't closed, or is ambiguous (``syntax_error``).
    """
    quoted, comments = _pieces(sql)
    try:
        tokens = Dialect.get_or_raise("mysql").tokenize(sql)
    except TokenError:
        raise _unreadable("A quote or a comment isn't closed, or a character is wrong.") from None
    _check_start(tokens)
    check_length(tokens)
    _check_chains(tokens)
    _agree(sql, tokens, quoted, comments)
    result: list[Token] = []
    pieces: list[str] = []  # of one string: 'a' 'b' is 'ab'
    may_continue = False
    for token in tokens:
        place = (token.line, token.col, token.start, token.end)
        continues = may_continue and token.token_type == TokenType.STRING
        if pieces and not continues:
            result[-1].text, pieces = "".join(pieces), []
        if token.token_type == TokenType.NATIONAL_STRING:  # N'x' is _utf8'x'
            value = _value(sql[token.start + 1 : token.end + 1])
            result.append(Token(TokenType.INTRODUCER, "_utf8", *place))
            result.append(Token(TokenType.STRING, value, *place))
            may_continue = True
            continue
        introduced = bool(result) and result[-1].token_type == TokenType.INTRODUCER
        if token.token_type == TokenType.HEX_STRING and sql[token.start] == "0" and not introduced:
            # Unlike x'41', 0x41 is a number in a numeric context, so it keeps its form.
            result.append(Token(TokenType.VAR, HEX_NUMBER, *place))
            result.append(Token(TokenType.STRING, token.text, *place))
            may_continue = False
            continue
        if token.token_type == TokenType.SOME:
            token.token_type, token.text = TokenType.ANY, "ANY"
        elif token.token_type == TokenType.STRING:
            token.text = _value(sql[token.start : token.end + 1])
            if continues:
                pieces = pieces or [result[-1].text]
                pieces.append(token.text)
                result[-1].end = token.end
                continue
        # TIME '10:00:00' 'x' is a literal and its alias.
        dated = bool(result) and _is_dated(result[-1])
        may_continue = token.token_type == TokenType.STRING and not dated
        result.append(token)
    if pieces:
        result[-1].text = "".join(pieces)
    return list(_literals_kept(spelled.respell(sql, list(spelled.odbc_literals(result)))))


def _check_start(tokens: list[Token]) -> None:
    """Refuses several statements, and commands that the lexer doesn't tokenize, with clear errors."""
    kinds = [token.token_type for token in tokens]
    while kinds and kinds[-1] == TokenType.SEMICOLON:
        kinds.pop()
    if TokenType.SEMICOLON in kinds:
        raise InvalidInput("Send one statement at a time.", code="one_statement")
    if kinds and kinds[0] in _COMMANDS:
        raise statement_refused(tokens[0].text.upper())


def _is_dated(token: Token) -> bool:
    return token.token_type != TokenType.IDENTIFIER and token.text.lower() in _DATED


@dataclass
class _Operand:
    """The state of a bracket or CASE up to the current token.

    Attributes:
        comparison: the operator whose right operand this is.
        bounds: the number of AND of BETWEEN still to come.
        same: True on the right side of ``<=>``.
    """

    comparison: str = ""
    bounds: int = 0
    same: bool = False


def _check_chains(tokens: list[Token]) -> None:
    """Refuses chained comparisons with NOT, which the parser groups from the left and servers don't.

    ``a LIKE b NOT LIKE c`` is ``a LIKE (b NOT LIKE c)`` in MariaDB and an error in MySQL.

    Raises:
        InvalidInput: parentheses are missing (``not_reproducible``).
    """
    level = _Operand()
    outer: list[_Operand] = []
    before: Token | None = None
    for token, after in zip_longest(tokens, tokens[1:]):
        kind = token.token_type
        if kind in (TokenType.L_PAREN, TokenType.CASE):
            outer.append(level)
            level = _Operand()
        elif kind in (TokenType.R_PAREN, TokenType.END):
            level = outer.pop() if outer else level
        elif kind in _PREDICATES:
            negated = before is not None and before.token_type == TokenType.NOT
            if level.comparison and (negated or level.comparison.startswith("NOT")):
                raise _uncertain(level.comparison, token.text)
            level.comparison = f"NOT {token.text}".upper() if negated else token.text.upper()
            level.bounds += kind == TokenType.BETWEEN
        elif kind == TokenType.AND and level.bounds:
            level.bounds -= 1
        elif kind in (TokenType.LT, TokenType.GT) and kind in (
            before and before.token_type,
            after and after.token_type,
        ):
            pass  # half of a shift operator
        elif kind in _ENDS_PREDICATE:
            if level.same and kind in _AFTER_SAME:
                raise _uncertain("<=>", token.text)
            level.comparison, level.same = "", kind == TokenType.NULLSAFE_EQ
        before = token


def _uncertain(first: str, second: str) -> InvalidInput:
    return InvalidInput(
        f"The operands of {first} are ambiguous before {second.upper()}: put one of the two in "
        "parentheses.",
        code="not_reproducible",
    )


def _pieces(sql: str) -> tuple[dict[int, int], list[tuple[int, int]]]:
    """The spans of quoted pieces and of comments, by the server's rules."""
    quoted: dict[int, int] = {}
    comments = []
    for found in _PIECE.finditer(sql):
        if found["run"]:
            raise Forbidden(
                "Executable comments (/*! … */) and hints (/*+ … */) aren't allowed.",
                code="syntax_not_allowed",
            )
        if found["open"]:
            raise unclosed(sql, found.start())
        if found["quoted"]:
            quoted[found.start()] = found.end()
        else:
            comments.append(found.span())
    return quoted, comments


def _agree(
    sql: str, tokens: list[Token], quoted: dict[int, int], comments: list[tuple[int, int]]
) -> None:
    """Checks that every piece is one token or lies between two, with only blanks besides."""
    left = dict(quoted)
    ahead = 0
    here = 0
    for start, end, kind in (
        *((t.start, t.end + 1, t.token_type) for t in tokens),
        (len(sql),) * 3,
    ):
        # The lexer may drop a comment at a semicolon, but never the semicolon.
        while ahead < len(comments) and comments[ahead][0] < start:
            first, last = comments[ahead]
            if first < here or last > start or sql[here:first].strip(_BLANK):
                raise _two_readings()
            ahead, here = ahead + 1, last
        if sql[here:start].strip(_BLANK):
            raise _two_readings()
        here = end
        if start == len(sql):
            break
        if kind in (TokenType.STRING, TokenType.IDENTIFIER) and sql[start] in "'\"`":
            same = left.pop(start, None) == end
        elif kind in _PREFIXED and sql[start + 1 : start + 2] == "'":
            same = left.pop(start + 1, None) == end
        else:
            piece = sql[start:end]
            # 0.1FROM is a number and a word, not a name that begins with a digit.
            number = kind == TokenType.VAR and _NUMBER_FIRST.match(piece)
            same = not number and not any(quote in piece for quote in "'\"`")
        if not same:
            raise _two_readings()
    if left or ahead < len(comments):
        raise _two_readings()


def _value(raw: str) -> str:
    """The value of a string literal. ``\\%`` and ``\\_`` stay, for LIKE."""
    quote = raw[0]

    def one(found: re.Match[str]) -> str:
        if found[1] is None:
            return quote if found[0][0] == quote else found[0]
        if found[1] in "%_":
            return found[0]
        return _ESCAPED.get(found[1], found[1])

    value = _ESCAPE.sub(one, raw[1:-1])
    if "\0" in value:
        raise _unreadable("A string can't hold a NUL character here; use unhex('00').")
    return value


def _literals_kept(tokens: list[Token]) -> Iterator[Token]:
    """Respells literals of several words so that the parser keeps them.

    ``INTERVAL 1.5 DAY`` becomes ``INTERVAL (1.5) DAY``: the parser would turn the number into a
    string, and the server rounds a number but truncates a string. ``DATE '…'`` becomes a call of a
    function with a space in its name, which ``verbatim`` renders as the literal again: for an invalid
    date, a literal is an error, but the cast that the parser would make of it is null.
    """
    before: Token | None = None
    signed = False
    for index, token in enumerate(tokens):
        after = tokens[index + 1].token_type if index + 1 < len(tokens) else None
        place = (token.line, token.col, token.start, token.end)
        opening = Token(TokenType.L_PAREN, "(", *place)
        closing = Token(TokenType.R_PAREN, ")", *place)
        if (
            after == TokenType.STRING
            and token.text.lower() in _DATED
            and token.token_type != TokenType.IDENTIFIER
            and (before is None or before.token_type not in (TokenType.DOT, TokenType.ALIAS))
        ):
            token.token_type, token.text = TokenType.VAR, f"{token.text.lower()} literal"
        value = token.token_type in (TokenType.NUMBER, TokenType.STRING)
        if signed:
            yield from (token, closing)
            signed = False
        elif value and before is not None and _takes_parentheses(before):
            yield from (opening, token, closing)
        elif _is_sign(before, token) and after in (TokenType.NUMBER, TokenType.STRING):
            yield from (opening, token)
            signed = True
        else:
            yield token
        before = token


def _is_sign(before: Token | None, token: Token) -> bool:
    interval = before is not None and before.token_type == TokenType.INTERVAL
    return interval and token.token_type == TokenType.DASH


def _takes_parentheses(token: Token) -> bool:
    return token.token_type == TokenType.INTERVAL or (
        token.token_type == TokenType.VAR and token.text in LITERALS
    )


def _unreadable(message: str) -> InvalidInput:
    return InvalidInput(
        f"The SQL can't be read: {message[:1].lower()}{message[1:]}",
        code="syntax_error",
        line=None,
        column=None,
        near=None,
    )


def _two_readings() -> InvalidInput:
    return _unreadable("A quote or a comment is ambiguous; write it in a simpler way.")
