"""Rewrites PostgreSQL's literals and types that the parser doesn't know.

``U&'…'`` and ``X'…'`` become plain strings and bit strings, ``type 'text'`` becomes ``'text'::type``,
and an interval with a precision becomes a cast to its type with numbers.
"""

from __future__ import annotations

import re

from sqlglot import Token, TokenType
from sqlglot.dialects.dialect import Dialect
from sqlglot.parser import Parser

from wb_server.kit.errors import InvalidInput

from ..base import words
from ..sealing import SEAL, like, nothing, operator
from .names import NAMED_TYPES

_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_TYPES = Parser.TYPE_TOKENS
_OF_NUMBERS = (*(TokenType.NUMBER, TokenType.VAR, TokenType.PLUS, TokenType.DASH, TokenType.DOT),)
_STRINGS = (TokenType.STRING, TokenType.HEREDOC_STRING, TokenType.BYTE_STRING)
_NAMES = frozenset({TokenType.VAR, TokenType.IDENTIFIER})
_FIELDS = words("year month day hour minute second")
_ESCAPED = r"{0}(?:{0}|([0-9a-fA-F]{{4}})|\+([0-9a-fA-F]{{6}}))"


def with_literals(tokens: list[Token], sql: str) -> list[Token]:
    """The tokens, with each literal and type in a form that the parser knows."""
    result: list[Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        kind = token.token_type
        if kind == TokenType.OBJECT_IDENTIFIER and token.text.lower() in NAMED_TYPES:
            # The parser turns oid into a type without arrays, unless it doesn't know the name.
            token = like(token, TokenType.VAR, SEAL + token.text)
        elif kind == TokenType.UNICODE_STRING:
            text, index = _unicode(tokens, index, token.text)
            result.append(like(token, TokenType.STRING, text))
            continue
        if kind == TokenType.NUMBER:
            index = _number(tokens, index, sql, result)
            continue
        if kind in (TokenType.HEX_STRING, TokenType.BIT_STRING) and sql[token.start] == "0":
            raise _bad_number(sql[token.start : token.end + 1])
        if kind == TokenType.HEX_STRING:
            bits = "".join(f"{int(digit, 16):04b}" for digit in token.text)
            token = like(token, TokenType.BIT_STRING, bits)
        elif (
            kind == TokenType.VAR
            and token.text.lower() == "u"
            and sql[token.end + 1 : token.end + 3] == '&"'
        ):
            text, index = _unicode(tokens, index + 2, tokens[index + 2].text)
            result.append(like(token, TokenType.IDENTIFIER, text))
            continue
        elif kind == TokenType.INTERVAL and (precise := _precise_interval(tokens, index, result)):
            cast, index = precise
            result += cast
            continue
        elif kind == TokenType.L_BRACKET and _ends_type(result):
            while tokens[index + 1 : index + 3] and _is_size(tokens[index : index + 3]):
                result += [tokens[index], tokens[index + 2]]  # int[3] is int[] to PostgreSQL
                index += 3
            if index >= len(tokens) or tokens[index].token_type != TokenType.L_BRACKET:
                continue
            token = tokens[index]
        elif kind == TokenType.IS and (form := _normalized(tokens, index)):
            sealed, index = form
            result += sealed
            continue
        elif kind == TokenType.INTERVAL and result and result[-1].token_type == TokenType.DCOLON:
            after = tokens[index + 1] if index + 1 < len(tokens) else token
            quoted = after.token_type == TokenType.IDENTIFIER
            if quoted or (after.token_type == TokenType.VAR and after.text.lower() not in _FIELDS):
                # An alias follows, not a field: the parser would read d as DAY.
                token = like(token, TokenType.VAR, f"{SEAL}interval")
        elif kind == TokenType.VAR and token.text.lower() == "varying" and _is_bit(result):
            result[-1] = like(result[-1], TokenType.VAR, "varbit")
            index += 1
            continue
        elif kind == TokenType.STRING and _continues_string(result, token, sql):
            result[-1] = like(result[-1], TokenType.STRING, result[-1].text + token.text)
            index += 1
            continue
        elif kind in _STRINGS and _swaps_casts(tokens, index, result):
            start = _type_before(result)
            opening = like(token, TokenType.L_PAREN, "(")
            closing = like(token, TokenType.R_PAREN, ")")
            result[start:] = [opening, *result[start:], token, closing]
            index += 1
            continue
        elif kind in _STRINGS and result and _is_type(result):
            # A string can only follow a name if that is a type.
            name = result.pop()
            result += [token, like(name, TokenType.DCOLON, "::"), name]
            index += 1
            continue
        result.append(token)
        index += 1
    return result


# Bit masks of the fields that an interval keeps, as in PostgreSQL's type modifier.
_KEPT_FIELDS = {"": 0x7FFF, "second": 4096, "day": 7176, "hour": 7168, "minute": 6144}


def _precise_interval(
    tokens: list[Token], index: int, before: list[Token]
) -> tuple[list[Token], int] | None:
    """An interval with a precision, and the index after it.

    The parser knows none of ``interval(2) '…'``, ``'…'::interval(2)`` and
    ``interval '…' day to second(2)``, so they become casts to the type with its fields and precision
    as numbers.
    """
    after = tokens[index + 1 : index + 8]
    kinds = [token.token_type for token in after]
    string = [after[0]] if kinds[:1] == [TokenType.STRING] else []
    cast = bool(before) and before[-1].token_type in (TokenType.DCOLON, TokenType.ALIAS)
    at = len(string)
    fields = ""
    if (string or cast) and [it.text.lower() for it in after[at + 1 : at + 3]] == ["to", "second"]:
        fields, at = after[at].text.lower(), at + 3
    elif (string or cast) and [it.text.lower() for it in after[at : at + 1]] == ["second"]:
        fields, at = "second", at + 1
    opening, number, closing = TokenType.L_PAREN, TokenType.NUMBER, TokenType.R_PAREN
    if kinds[at : at + 3] != [opening, number, closing] or fields not in _KEPT_FIELDS:
        return None
    digits = after[at + 1]
    if not fields and not cast:  # interval(2) '…'
        string, at = after[3:4], 1
        if kinds[3:4] != [TokenType.STRING]:
            return None
    token = tokens[index]
    form = [
        like(token, TokenType.VAR, "interval"),
        like(token, opening, "("),
        like(token, number, str(_KEPT_FIELDS[fields])),
        like(token, TokenType.COMMA, ","),
        digits,
        like(token, closing, ")"),
    ]
    if string:
        form = [string[0], like(token, TokenType.DCOLON, "::"), *form]
    return form, index + 1 + at + 3


def _ends_type(before: list[Token]) -> bool:
    """True if a type ends here: ``::name`` or ``::name(1, 2)``."""
    place = len(before) - 1
    if place > 0 and before[place].token_type == TokenType.R_PAREN:
        while place > 0 and before[place].token_type != TokenType.L_PAREN:
            place -= 1
        place -= 1
    return place > 0 and before[place - 1].token_type in (TokenType.DCOLON, TokenType.ALIAS)


def _is_size(three: list[Token]) -> bool:
    kinds = [token.token_type for token in three]
    return kinds == [TokenType.L_BRACKET, TokenType.NUMBER, TokenType.R_BRACKET]


def _normalized(tokens: list[Token], index: int) -> tuple[list[Token], int] | None:
    """``IS NOT NFC NORMALIZED`` as an operator, and the index after it."""
    found = [token.text.upper() for token in tokens[index : index + 4]]
    size = 4 if found[1:2] == ["NOT"] else 3
    if found[size - 2 : size - 1][:1] not in (["NFC"], ["NFD"], ["NFKC"], ["NFKD"]):
        return None
    if found[size - 1 : size] != ["NORMALIZED"]:
        return None
    token = tokens[index]
    return [*operator(token, " ".join(found[:size])), nothing(token)], index + size


def _number(tokens: list[Token], index: int, sql: str, result: list[Token]) -> int:
    """Reads a number. The tokenizer takes ``1e3+1`` for one, with another value, so it is split."""
    token = tokens[index]
    begin, end = token.start, token.end + 1
    after = tokens[index + 1] if index + 1 < len(tokens) else token
    raw = sql[begin:end]
    found = _NUMBER.match(raw)
    if found is not None and found.end() < len(raw) and raw[found.end()] in "+-":
        while after.start == end and after.token_type in _OF_NUMBERS:
            index, end = index + 1, after.end + 1
            after = tokens[index + 1] if index + 1 < len(tokens) else token
        rest = Dialect.get_or_raise("postgres").tokenize(sql[begin + found.end() : end])
        moved = [
            Token(it.token_type, it.text, token.line, token.col, place, place + len(it.text) - 1)
            for it in rest
            for place in [begin + found.end() + it.start]
        ]
        result.append(like(token, TokenType.NUMBER, found[0]))
        tokens[index + 1 : index + 1] = moved
        return index + 1
    if found is None or found.end() < len(raw) or _continues(after, end):
        raise _bad_number(sql[begin : end + 8])
    result.append(token)
    return index + 1


def _continues(after: Token, end: int) -> bool:
    """True for ``1_000``: a number in some versions, in others a number and a column alias."""
    return after.start == end and after.token_type == TokenType.VAR


def _bad_number(text: str) -> InvalidInput:
    return InvalidInput(
        f"Write numbers in plain decimal digits, followed by a space: {text[:20]!r}.",
        code="syntax_error",
        near=text[:20],
    )


def _swaps_casts(tokens: list[Token], index: int, before: list[Token]) -> bool:
    """True for ``date '…'::text``, which the parser would cast first to text, then to date."""
    after = tokens[index + 1 : index + 2]
    return (
        bool(after)
        and after[0].token_type == TokenType.DCOLON
        and _type_before(before) < len(before)
    )


def _type_before(before: list[Token]) -> int:
    """The index of the type at the end of the tokens; their number if there is none."""
    place = len(before) - 1
    words_ = [token.text.lower() for token in before[-3:]]
    if words_[-2:] == ["time", "zone"] and words_[0] in ("with", "without"):
        place -= 3
    if place > 0 and before[place].token_type == TokenType.R_PAREN:
        while place > 0 and before[place].token_type != TokenType.L_PAREN:
            place -= 1
        place -= 1
    known = place >= 0 and before[place].token_type in _TYPES
    if known and place > 0 and before[place - 1].token_type in (TokenType.DCOLON, TokenType.DOT):
        known = False
    return place if known else len(before)


def _is_bit(before: list[Token]) -> bool:
    return bool(before) and before[-1].token_type == TokenType.BIT


def _continues_string(before: list[Token], token: Token, sql: str) -> bool:
    """True if a string continues the one before: only a line break is between them."""
    return (
        bool(before)
        and before[-1].token_type == TokenType.STRING
        and before[-1].text != SEAL
        and "\n" in sql[before[-1].end + 1 : token.start]
    )


def _is_type(before: list[Token]) -> bool:
    name = before[-1]
    return (
        name.token_type in (TokenType.VAR, TokenType.POINT, TokenType.OBJECT_IDENTIFIER)
        or name.token_type in (TokenType.JSON, TokenType.JSONB, TokenType.UUID, TokenType.TEXT)
        or name.token_type in (TokenType.XML, TokenType.INET, TokenType.NAME, TokenType.MONEY)
    ) and name.text.lower().lstrip(SEAL) in NAMED_TYPES


def _unicode(tokens: list[Token], index: int, text: str) -> tuple[str, int]:
    """The text of ``U&'…' UESCAPE 'x'``, and the index after it."""
    escape = "\\"
    if index + 2 < len(tokens) and tokens[index + 1].text.lower() == "uescape":
        escape, index = tokens[index + 2].text, index + 2
    if len(escape) != 1:
        raise InvalidInput("UESCAPE takes one character.", code="syntax_error", near="UESCAPE")

    def one(found: re.Match[str]) -> str:
        digits = found[1] or found[2]
        return chr(int(digits, 16)) if digits else escape

    try:
        text = re.sub(_ESCAPED.format(re.escape(escape)), one, text)
        # A surrogate pair is one character.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16")
    except (ValueError, UnicodeError):
        text = "\x00"
    if "\x00" in text:
        raise InvalidInput(
            "A U& string contains an invalid character.", code="syntax_error", near="U&"
        )
    return text, index + 1
