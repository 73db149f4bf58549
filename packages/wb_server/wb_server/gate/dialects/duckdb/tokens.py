"""DuckDB's tokens, changed so that the parser makes a tree with the same meaning as the text.

The parser has gaps, and forgets how things were written; it is compiled, so it can't be extended.
``text.py`` corrects the tree afterwards.

- ``->`` and ``->>``: the parser always takes ``f(a -> b)`` for a lambda, and gives ``->>`` the wrong
  precedence. Here they are plain operators, written back unchanged; DuckDB decides whether a lambda
  is meant.
- Statements that answer with rows without SELECT (PIVOT, SUMMARIZE, DESCRIBE …) are read as
  ``SELECT * FROM (PIVOT …)``: see ``statements.py``.
- ``NOT IN`` and the like, ``NULLS LAST``, ``ARRAY[…]``, ``.5``: kept as written, because columns take
  their titles from them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Final

from sqlglot import Token
from sqlglot import TokenType as Kind
from sqlglot.dialects.duckdb import DuckDB

from wb_server.gate.dialects.duckdb.grammar import WorkbenchDuckDB
from wb_server.gate.dialects.duckdb.statements import as_select
from wb_server.gate.dialects.sealing import like
from wb_server.kit.errors import Forbidden, InvalidInput

# Operators that DuckDB doesn't have, whose place in the grammar the arrows take.
ARROWS: Final = {Kind.ARROW: Kind.ADJACENT, Kind.DARROW: Kind.AMP_LT}
_PLUS: Final = Kind.PIPE_SLASH
_TAKEN: Final = frozenset({*ARROWS.values(), _PLUS})

# No name of the input may contain it, so a token that does was made here.
MARK: Final = "\ufdd0"
ARRAY: Final = f"{MARK} array"
LIST: Final = f"{MARK} list"

_AFTER_OPERAND: Final = frozenset(
    {Kind.IN, Kind.BETWEEN, Kind.LIKE, Kind.ILIKE, Kind.GLOB, Kind.SIMILAR_TO, Kind.RLIKE}
)
_OPERANDS: Final = frozenset(
    {Kind.VAR, Kind.IDENTIFIER, Kind.STRING, Kind.NUMBER, Kind.R_PAREN, Kind.R_BRACKET}
)
# Words that DuckDB tries as columns first, and uses as titles as written.
_NAMES: Final = frozenset(
    {Kind.CURRENT_DATE, Kind.CURRENT_TIME, Kind.CURRENT_TIMESTAMP, Kind.LOCALTIME}
    | {Kind.LOCALTIMESTAMP, Kind.CURRENT_USER, Kind.CURRENT_ROLE, Kind.SESSION_USER}
    | {Kind.CURRENT_SCHEMA, Kind.CURRENT_CATALOG}
)
# After these a plus is a sign, not an operator.
_BEGINNINGS: Final = frozenset(
    {Kind.L_PAREN, Kind.L_BRACKET, Kind.L_BRACE, Kind.COMMA, Kind.COLON, Kind.SELECT}
    | {Kind.ALL, Kind.WHERE, Kind.AND, Kind.OR, Kind.NOT, Kind.CASE, Kind.WHEN, Kind.THEN}
    | {Kind.ELSE, Kind.ON, Kind.HAVING, Kind.ORDER_BY, Kind.GROUP_BY, Kind.EQ, Kind.NEQ}
    | {Kind.LT, Kind.LTE, Kind.GT, Kind.GTE, Kind.PLUS, Kind.DASH, Kind.STAR, Kind.SLASH}
    | {Kind.DIV, Kind.MOD, Kind.DPIPE, Kind.BETWEEN, Kind.LIMIT, Kind.DISTINCT}
    | {Kind.PARTITION_BY, Kind.QUALIFY}
)
_TYPE_NAMES: Final = frozenset(DuckDB.Parser.TYPE_TOKENS) - {Kind.ARRAY, Kind.INTERVAL} | {Kind.VAR}
_LITERAL_TYPES: Final = frozenset(DuckDB.Parser.TYPE_TOKENS) - {Kind.INTERVAL}
_BEFORE_TYPES: Final = frozenset({Kind.DCOLON, Kind.ALIAS, Kind.VAR, Kind.IDENTIFIER})
# Units to the parser, but not to DuckDB.
_NO_UNITS: Final = frozenset(
    unit for unit in DuckDB.VALID_INTERVAL_UNITS if len(unit) <= 3 and unit != "DAY"
)
_TWO_NUMBERS: Final = re.compile(r"([\d_.]+[eE][+-]?\d+)[+-]")


def tokenize(sql: str) -> list[Token]:
    """Splits a text into the tokens to give to the parser.

    Raises:
        InvalidInput: the text can't be read (``syntax_error``).
    """
    tokens = _lexed(sql)
    if MARK in sql and any(_is_marked(token) for token in tokens):
        raise InvalidInput("The SQL text contains an invalid character.", code="syntax_error")
    while tokens and tokens[-1].token_type == Kind.SEMICOLON:
        tokens.pop()
    if any(token.token_type in _TAKEN for token in tokens):
        raise InvalidInput("DuckDB has no such operator.", code="syntax_error")
    tokens = _arrays(list(_words(list(_literals(tokens)))))
    return as_select(tokens)


def _is_marked(token: Token) -> bool:
    """True if a token could be taken for one made here; a string may contain the mark."""
    if token.token_type == Kind.STRING:
        return token.text.startswith(MARK)
    return MARK in token.text


def _lexed(sql: str) -> list[Token]:
    """The lexer's tokens, corrected: it takes ``1e3+1e3`` for a number and a name."""
    tokens: list[Token] = WorkbenchDuckDB().tokenize(sql)
    signs = []
    for token in tokens:
        if token.token_type == Kind.NUMBER and (more := _TWO_NUMBERS.match(token.text)):
            written = sql[token.start : token.end + 1]
            signs.append(token.start + max(written.rfind("+"), written.rfind("-"), more.end(1)))
    if not signs:
        return tokens
    parts = [sql[start:end] for start, end in itertools.pairwise([0, *signs, len(sql)])]
    return _lexed(" ".join(parts))


def _literals(tokens: list[Token]) -> Iterator[Token]:
    """Corrects numbers, strings with a type, and intervals."""
    for index, token, before, after in _with_neighbours(tokens):
        kind = token.token_type
        if kind == Kind.DOT and after.token_type == Kind.NUMBER and _begins(token, before, after):
            continue
        if kind == Kind.NUMBER and before.token_type == Kind.DOT:
            first = tokens[index - 2] if index > 1 else _BLANK
            text = f".{token.text}" if _begins(before, first, token) else token.text
            yield like(token, kind, text)
        elif kind in _LITERAL_TYPES and _is_typed(tokens, index):
            if _adds_to_interval(tokens, index):
                yield like(token, Kind.L_PAREN, "(")
            # DATE '…' becomes '…'::DATE, even before another ::
        elif kind == Kind.STRING and _is_typed(tokens, index - 1):
            yield token
            yield like(token, Kind.DCOLON, "::")
            yield like(before, before.token_type, before.text)
            if _adds_to_interval(tokens, index - 1):
                yield like(token, Kind.R_PAREN, ")")
        elif kind == Kind.STRING and before.token_type == Kind.INTERVAL and _is_alias(after):
            yield token
            yield like(after, Kind.ALIAS, "AS")
        elif (kind == Kind.NUMBER and before.token_type == Kind.INTERVAL) or (
            kind in (Kind.STRING, Kind.NUMBER) and _adds_to_interval(tokens, index)
        ):
            yield like(token, Kind.L_PAREN, "(")
            yield token
            yield like(token, Kind.R_PAREN, ")")
        else:
            yield token


def _words(tokens: list[Token]) -> Iterator[Token]:
    """Corrects operators, and words that the parser misreads."""
    for index, token, before, after in _with_neighbours(tokens):
        kind = token.token_type
        word = "" if kind in (Kind.IDENTIFIER, Kind.STRING) else token.text.upper()
        if after.token_type == Kind.L_PAREN and _is_call(token, before):
            yield like(token, Kind.VAR, MARK + token.text)
        elif kind in ARROWS:
            yield like(token, ARROWS[kind], token.text)
        elif word == "NOT" and _is_prefix(before, after):
            yield token  # twice, so that NOT x IN (…) doesn't become x NOT IN (…)
            yield token
        elif word == "NOT" and after.token_type == Kind.NULL and before.token_type in _OPERANDS:
            yield like(token, Kind.IS, "IS")  # x NOT NULL
            yield token
        elif kind == Kind.PLUS and before.token_type in _BEGINNINGS:
            yield like(token, _PLUS, "+")
        elif kind == Kind.TIMESTAMP:
            yield like(token, Kind.TIMESTAMPNTZ, "TIMESTAMP")  # TIMESTAMP_US
        elif (kind == Kind.JSON and after.token_type != Kind.L_PAREN) or _is_named_like_type(
            tokens, index
        ):
            yield like(token, Kind.VAR, MARK + token.text)
        elif (kind in _NAMES and after.token_type != Kind.L_PAREN) or (
            kind == Kind.RANGE
            and after.token_type == Kind.LT  # a type of other databases: RANGE<INT>
        ):
            yield like(token, Kind.VAR, token.text)
        elif word == "ROW" and after.token_type == Kind.L_PAREN and _is_value(before):
            yield like(token, Kind.VAR, token.text)  # row(1, 2) < b isn't a type
        elif word in ("FIRST", "NEXT") and before.token_type == Kind.FETCH:
            if after.token_type != Kind.L_PAREN:
                yield token
        elif word == "LAST" and before.text.upper() == "NULLS":
            yield token
            yield like(token, Kind.WITH, "WITH")
            yield like(token, Kind.VAR, "FILL")
        elif word == "EXPORT_STATE" and before.token_type == Kind.R_PAREN:
            raise Forbidden("EXPORT_STATE isn't supported here.", code="syntax_not_allowed")
        elif word == "WITH" and after.text.upper() == "FILL" and _is_fill(tokens, index):
            raise InvalidInput("DuckDB has no WITH FILL.", code="syntax_error")
        elif kind != Kind.STRING and _is_part_of_date(tokens, index):
            yield like(token, Kind.STRING, MARK + token.text)  # as a string it keeps its case
        else:
            yield token


def _with_neighbours(tokens: list[Token]) -> Iterator[tuple[int, Token, Token, Token]]:
    around = [_BLANK, *tokens, _BLANK]
    yield from zip(itertools.count(), tokens, around, around[2:], strict=False)


def _is_part_of_date(tokens: list[Token], index: int) -> bool:
    """True for the word in ``extract(year FROM …)``."""
    return (
        1 < index < len(tokens) - 1
        and tokens[index - 2].text.upper() == "EXTRACT"
        and tokens[index - 1].token_type == Kind.L_PAREN
        and tokens[index + 1].token_type == Kind.FROM
    )


def _is_value(before: Token) -> bool:
    return before.token_type not in _BEFORE_TYPES


def _is_call(token: Token, before: Token) -> bool:
    """True for ``x.trim(…)``, ``filter(…)``: plain calls of names that are grammar elsewhere."""
    kind = token.token_type
    if kind in (Kind.IDENTIFIER, Kind.NUMBER, Kind.STAR, Kind.STRING):
        return False
    word = token.text.upper()
    return (
        before.token_type == Kind.DOT
        or word == "APPLY"
        or (word == "FILTER" and before.token_type != Kind.R_PAREN)
    )


def _is_typed(tokens: list[Token], index: int) -> bool:
    """True if a type precedes a string, which makes it a literal of that type."""
    if index < 0 or index + 1 >= len(tokens) or tokens[index].token_type not in _LITERAL_TYPES:
        return False
    before = tokens[index - 1].token_type if index else Kind.SEMICOLON
    return tokens[index + 1].token_type == Kind.STRING and before not in (Kind.DCOLON, Kind.DOT)


def _adds_to_interval(tokens: list[Token], index: int) -> bool:
    """True if a literal is added to ``INTERVAL 1 DAY``: the parser would see another interval."""
    return (
        index > 2
        and tokens[index - 1].token_type == Kind.PLUS
        and tokens[index - 2].text.upper() in DuckDB.VALID_INTERVAL_UNITS
    )


def _is_named_like_type(tokens: list[Token], index: int) -> bool:
    """True for ``date[1]``, where the parser would see a type or a list."""
    kind = tokens[index].token_type
    if kind not in _TYPE_NAMES or index + 2 >= len(tokens):
        return False
    if tokens[index + 1].token_type != Kind.L_BRACKET:
        return False
    before = tokens[index - 1].token_type if index else Kind.SEMICOLON
    return tokens[index + 2].token_type != Kind.R_BRACKET and before not in _BEFORE_TYPES


def _is_alias(token: Token) -> bool:
    """True for ``d`` in ``INTERVAL '2 hours' d``: a unit to the parser, an alias to DuckDB."""
    return token.token_type == Kind.VAR and token.text.upper() in _NO_UNITS


def _is_prefix(before: Token, after: Token) -> bool:
    """True if a NOT precedes what it negates, and isn't part of another operator."""
    if before.token_type == Kind.IS or after.token_type in _AFTER_OPERAND:
        return False
    return before.text.upper() != "IF" and after.text.upper() not in ("NULL", "MATERIALIZED")


def _begins(dot: Token, before: Token, number: Token) -> bool:
    """True if a dot begins a number, as in ``.5``."""
    behind = before.end + 1 == dot.start and before.token_type in _OPERANDS
    return number.start == dot.end + 1 and not behind


def _is_fill(tokens: list[Token], index: int) -> bool:
    follows = tokens[index + 2].text.upper() if index + 2 < len(tokens) else ""
    return follows not in ("AS", "(", "USING")


def _arrays(tokens: list[Token]) -> list[Token]:
    """Turns ``ARRAY[…]`` and ``IN […]`` into calls: to DuckDB they aren't ``[…]`` and ``IN (…)``."""
    result: list[Token] = []
    open_: list[bool] = []
    for index, token in enumerate(tokens):
        kind = token.token_type
        if kind == Kind.ARRAY and index and tokens[index - 1].token_type in _LITERAL_TYPES:
            after = tokens[index + 1].token_type if index + 1 < len(tokens) else None
            if after != Kind.L_BRACKET:  # INT ARRAY is INT[]
                result += [like(token, Kind.L_BRACKET, "["), like(token, Kind.R_BRACKET, "]")]
            continue
        if kind == Kind.L_BRACKET:
            before = tokens[index - 1] if index else token
            array, in_ = _is_array(tokens, index), before.token_type == Kind.IN
            open_.append(array or in_)
            if array:
                result[-1] = like(before, Kind.VAR, ARRAY)
            elif in_:
                result.append(like(token, Kind.VAR, LIST))
            if array or in_:
                result.append(like(token, Kind.L_PAREN, "("))
        result.append(token)
        if kind == Kind.R_BRACKET and open_ and open_.pop():
            result.append(like(token, Kind.R_PAREN, ")"))
    return result


def _is_array(tokens: list[Token], index: int) -> bool:
    """True if ARRAY before a bracket begins a value; in ``INT ARRAY[3]`` it is part of a type."""
    if index < 1 or tokens[index - 1].token_type != Kind.ARRAY:
        return False
    return index < 2 or tokens[index - 2].token_type not in _TYPE_ENDS


_TYPE_ENDS: Final = frozenset(DuckDB.Parser.TYPE_TOKENS) | {Kind.R_PAREN, Kind.R_BRACKET, Kind.VAR}


_BLANK: Final = Token(Kind.SEMICOLON, "")
