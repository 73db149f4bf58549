"""DuckDB's tokens, changed so that the parser makes a tree of them that says what the text says.

The parser has gaps, and forgets how a thing was written; it is compiled, so it can't be extended.
``duckdb_text`` puts the tree right again.

- ``->`` and ``->>``: the parser takes ``f(a -> b)`` for a lambda always, and gives ``->>`` another
  place among the operators. Here they are plain operators, written back as they stood. Whether a
  lambda is meant is DuckDB's to decide.
- Statements that answer with rows without SELECT (PIVOT, SUMMARIZE, DESCRIBE …) are read as
  ``SELECT * FROM (PIVOT …)``, which is what they mean.
- ``NOT IN`` and the like, ``NULLS LAST``, ``ARRAY[…]``, ``.5``: kept, for the titles.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Final

from sqlglot import Token, TokenType
from sqlglot.dialects.duckdb import DuckDB

from wb_server.gate.dialects.base import words
from wb_server.kit.errors import Forbidden, InvalidInput

Kind = TokenType


class WorkbenchDuckDB(DuckDB):
    """DuckDB's grammar, without what its parser does to subscripts and to ``IS NOT NULL``."""

    INDEX_OFFSET = 0
    NORMALIZE_NOT_NULL = False


# Operators that DuckDB hasn't, with the place in the grammar that the arrows get.
ARROWS: Final = {Kind.ARROW: Kind.ADJACENT, Kind.DARROW: Kind.AMP_LT}
_PLUS: Final = Kind.PIPE_SLASH
_TAKEN: Final = frozenset({*ARROWS.values(), _PLUS})

# No name may hold it, so one with it was made here.
MARK: Final = "\ufdd0"
ARRAY: Final = f"{MARK} array"
LIST: Final = f"{MARK} list"

_OPEN: Final = frozenset({Kind.L_PAREN, Kind.L_BRACKET, Kind.L_BRACE})
_CLOSE: Final = frozenset({Kind.R_PAREN, Kind.R_BRACKET, Kind.R_BRACE})
_AFTER_OPERAND: Final = frozenset(
    {Kind.IN, Kind.BETWEEN, Kind.LIKE, Kind.ILIKE, Kind.GLOB, Kind.SIMILAR_TO, Kind.RLIKE}
)
_OPERANDS: Final = frozenset(
    {Kind.VAR, Kind.IDENTIFIER, Kind.STRING, Kind.NUMBER, Kind.R_PAREN, Kind.R_BRACKET}
)
# Words that DuckDB takes for columns first, and titles as they were written.
_NAMES: Final = frozenset(
    {Kind.CURRENT_DATE, Kind.CURRENT_TIME, Kind.CURRENT_TIMESTAMP, Kind.LOCALTIME}
    | {Kind.LOCALTIMESTAMP, Kind.CURRENT_USER, Kind.CURRENT_ROLE, Kind.SESSION_USER}
    | {Kind.CURRENT_SCHEMA, Kind.CURRENT_CATALOG}
)
# After these a plus is a sign.
_BEGINNINGS: Final = frozenset(
    {
        Kind.L_PAREN,
        Kind.L_BRACKET,
        Kind.L_BRACE,
        Kind.COMMA,
        Kind.COLON,
        Kind.SELECT,
        Kind.ALL,
        Kind.WHERE,
    }
    | {
        Kind.AND,
        Kind.OR,
        Kind.NOT,
        Kind.CASE,
        Kind.WHEN,
        Kind.THEN,
        Kind.ELSE,
        Kind.ON,
        Kind.HAVING,
    }
    | {Kind.ORDER_BY, Kind.GROUP_BY, Kind.EQ, Kind.NEQ, Kind.LT, Kind.LTE, Kind.GT, Kind.GTE}
    | {Kind.PLUS, Kind.DASH, Kind.STAR, Kind.SLASH, Kind.DIV, Kind.MOD, Kind.DPIPE}
    | {Kind.BETWEEN, Kind.LIMIT, Kind.DISTINCT, Kind.PARTITION_BY, Kind.QUALIFY}
)
_TYPE_NAMES: Final = frozenset(DuckDB.Parser.TYPE_TOKENS) - {Kind.ARRAY, Kind.INTERVAL} | {Kind.VAR}
_LITERAL_TYPES: Final = frozenset(DuckDB.Parser.TYPE_TOKENS) - {Kind.INTERVAL}
_BEFORE_TYPES: Final = frozenset({Kind.DCOLON, Kind.ALIAS, Kind.VAR, Kind.IDENTIFIER})
# Units to the parser that are none to DuckDB.
_NO_UNITS: Final = frozenset(
    unit for unit in DuckDB.VALID_INTERVAL_UNITS if len(unit) <= 3 and unit != "DAY"
)
_TWO_NUMBERS: Final = re.compile(r"([\d_.]+[eE][+-]?\d+)[+-]")
_MODIFIERS: Final = frozenset({Kind.ORDER_BY, Kind.LIMIT, Kind.OFFSET, Kind.FETCH})


def tokenize(sql: str) -> list[Token]:
    """The tokens, as the parser has to get them.

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
    return _as_select(tokens)


def _is_marked(token: Token) -> bool:
    """Whether it could be taken for one that is made here; a string may hold the mark inside."""
    if token.token_type == Kind.STRING:
        return token.text.startswith(MARK)
    return MARK in token.text


def _lexed(sql: str) -> list[Token]:
    """The lexer's tokens; it takes ``1e3+1e3`` for a number and a name."""
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
    """Numbers, strings with a type, and intervals."""
    for index, token, before, after in _with_neighbours(tokens):
        kind = token.token_type
        if kind == Kind.DOT and after.token_type == Kind.NUMBER and _begins(token, before, after):
            continue
        if kind == Kind.NUMBER and before.token_type == Kind.DOT:
            first = tokens[index - 2] if index > 1 else _BLANK
            text = f".{token.text}" if _begins(before, first, token) else token.text
            yield _token(kind, text, token)
        elif kind in _LITERAL_TYPES and _is_typed(tokens, index):
            if _adds_to_interval(tokens, index):
                yield _token(Kind.L_PAREN, "(", token)
            # DATE '…' is '…'::DATE, also before a further ::
        elif kind == Kind.STRING and _is_typed(tokens, index - 1):
            yield token
            yield _token(Kind.DCOLON, "::", token)
            yield _token(before.token_type, before.text, before)
            if _adds_to_interval(tokens, index - 1):
                yield _token(Kind.R_PAREN, ")", token)
        elif kind == Kind.STRING and before.token_type == Kind.INTERVAL and _is_alias(after):
            yield token
            yield _token(Kind.ALIAS, "AS", after)
        elif (kind == Kind.NUMBER and before.token_type == Kind.INTERVAL) or (
            kind in (Kind.STRING, Kind.NUMBER) and _adds_to_interval(tokens, index)
        ):
            yield _token(Kind.L_PAREN, "(", token)
            yield token
            yield _token(Kind.R_PAREN, ")", token)
        else:
            yield token


def _words(tokens: list[Token]) -> Iterator[Token]:
    """Operators, and words that the parser takes for others."""
    for index, token, before, after in _with_neighbours(tokens):
        kind = token.token_type
        word = "" if kind in (Kind.IDENTIFIER, Kind.STRING) else token.text.upper()
        if after.token_type == Kind.L_PAREN and _is_call(token, before):
            yield _token(Kind.VAR, MARK + token.text, token)
        elif kind in ARROWS:
            yield _token(ARROWS[kind], token.text, token)
        elif word == "NOT" and _is_prefix(before, after):
            yield token  # twice, so that NOT x IN (…) isn't x NOT IN (…)
            yield token
        elif word == "NOT" and after.token_type == Kind.NULL and before.token_type in _OPERANDS:
            yield _token(Kind.IS, "IS", token)  # x NOT NULL
            yield token
        elif kind == Kind.PLUS and before.token_type in _BEGINNINGS:
            yield _token(_PLUS, "+", token)
        elif kind == Kind.TIMESTAMP:
            yield _token(Kind.TIMESTAMPNTZ, "TIMESTAMP", token)  # TIMESTAMP_US
        elif (kind == Kind.JSON and after.token_type != Kind.L_PAREN) or _is_named_like_type(
            tokens, index
        ):
            yield _token(Kind.VAR, MARK + token.text, token)
        elif (kind in _NAMES and after.token_type != Kind.L_PAREN) or (
            kind == Kind.RANGE and after.token_type == Kind.LT  # other databases have RANGE<INT>
        ):
            yield _token(Kind.VAR, token.text, token)
        elif word == "ROW" and after.token_type == Kind.L_PAREN and _is_value(before):
            yield _token(Kind.VAR, token.text, token)  # row(1, 2) < b is no type
        elif word in ("FIRST", "NEXT") and before.token_type == Kind.FETCH:
            if after.token_type != Kind.L_PAREN:
                yield token
        elif word == "LAST" and before.text.upper() == "NULLS":
            yield token
            yield _token(Kind.WITH, "WITH", token)
            yield _token(Kind.VAR, "FILL", token)
        elif word == "EXPORT_STATE" and before.token_type == Kind.R_PAREN:
            raise Forbidden("EXPORT_STATE isn't supported here.", code="syntax_not_allowed")
        elif word == "WITH" and after.text.upper() == "FILL" and _is_fill(tokens, index):
            raise InvalidInput("DuckDB has no WITH FILL.", code="syntax_error")
        elif kind != Kind.STRING and _is_part_of_date(tokens, index):
            yield _token(Kind.STRING, MARK + token.text, token)  # as a string it keeps its case
        else:
            yield token


def _with_neighbours(tokens: list[Token]) -> Iterator[tuple[int, Token, Token, Token]]:
    around = [_BLANK, *tokens, _BLANK]
    yield from zip(itertools.count(), tokens, around, around[2:], strict=False)


def _is_part_of_date(tokens: list[Token], index: int) -> bool:
    """The word in ``extract(year FROM …)``."""
    return (
        1 < index < len(tokens) - 1
        and tokens[index - 2].text.upper() == "EXTRACT"
        and tokens[index - 1].token_type == Kind.L_PAREN
        and tokens[index + 1].token_type == Kind.FROM
    )


def _is_value(before: Token) -> bool:
    return before.token_type not in _BEFORE_TYPES


def _is_call(token: Token, before: Token) -> bool:
    """``x.trim(…)``, ``filter(…)``: calls like any other, which are grammar in other places."""
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
    """Whether a type stands before a string, which is then of this type."""
    if index < 0 or index + 1 >= len(tokens) or tokens[index].token_type not in _LITERAL_TYPES:
        return False
    before = tokens[index - 1].token_type if index else Kind.SEMICOLON
    return tokens[index + 1].token_type == Kind.STRING and before not in (Kind.DCOLON, Kind.DOT)


def _adds_to_interval(tokens: list[Token], index: int) -> bool:
    """Whether a literal is added to ``INTERVAL 1 DAY``, where the parser sees another interval."""
    return (
        index > 2
        and tokens[index - 1].token_type == Kind.PLUS
        and tokens[index - 2].text.upper() in DuckDB.VALID_INTERVAL_UNITS
    )


def _is_named_like_type(tokens: list[Token], index: int) -> bool:
    """``date[1]``, where the parser would see a type or a list."""
    kind = tokens[index].token_type
    if kind not in _TYPE_NAMES or index + 2 >= len(tokens):
        return False
    if tokens[index + 1].token_type != Kind.L_BRACKET:
        return False
    before = tokens[index - 1].token_type if index else Kind.SEMICOLON
    return tokens[index + 2].token_type != Kind.R_BRACKET and before not in _BEFORE_TYPES


def _is_alias(token: Token) -> bool:
    """``INTERVAL '2 hours' d``: a unit to the parser, and no unit to DuckDB."""
    return token.token_type == Kind.VAR and token.text.upper() in _NO_UNITS


def _is_prefix(before: Token, after: Token) -> bool:
    """Whether a NOT stands before what it negates, and isn't a part of another operator."""
    if before.token_type == Kind.IS or after.token_type in _AFTER_OPERAND:
        return False
    return before.text.upper() != "IF" and after.text.upper() not in ("NULL", "MATERIALIZED")


def _begins(dot: Token, before: Token, number: Token) -> bool:
    """Whether a point begins a number, as in ``.5``."""
    behind = before.end + 1 == dot.start and before.token_type in _OPERANDS
    return number.start == dot.end + 1 and not behind


def _is_fill(tokens: list[Token], index: int) -> bool:
    follows = tokens[index + 2].text.upper() if index + 2 < len(tokens) else ""
    return follows not in ("AS", "(", "USING")


def _arrays(tokens: list[Token]) -> list[Token]:
    """``ARRAY[…]``, which isn't ``[…]`` to DuckDB, and ``IN […]``, which isn't ``IN (…)``, as calls."""
    result: list[Token] = []
    open_: list[bool] = []
    for index, token in enumerate(tokens):
        kind = token.token_type
        if kind == Kind.ARRAY and index and tokens[index - 1].token_type in _LITERAL_TYPES:
            after = tokens[index + 1].token_type if index + 1 < len(tokens) else None
            if after != Kind.L_BRACKET:  # INT ARRAY is INT[]
                result += [_token(Kind.L_BRACKET, "[", token), _token(Kind.R_BRACKET, "]", token)]
            continue
        if kind == Kind.L_BRACKET:
            before = tokens[index - 1] if index else token
            array, in_ = _is_array(tokens, index), before.token_type == Kind.IN
            open_.append(array or in_)
            if array:
                result[-1] = _token(Kind.VAR, ARRAY, before)
            elif in_:
                result.append(_token(Kind.VAR, LIST, token))
            if array or in_:
                result.append(_token(Kind.L_PAREN, "(", token))
        result.append(token)
        if kind == Kind.R_BRACKET and open_ and open_.pop():
            result.append(_token(Kind.R_PAREN, ")", token))
    return result


def _is_array(tokens: list[Token], index: int) -> bool:
    """Whether ARRAY before a bracket begins a value: in ``INT ARRAY[3]`` it is a part of a type."""
    if index < 1 or tokens[index - 1].token_type != Kind.ARRAY:
        return False
    return index < 2 or tokens[index - 2].token_type not in _TYPE_ENDS


_TYPE_ENDS: Final = frozenset(DuckDB.Parser.TYPE_TOKENS) | {Kind.R_PAREN, Kind.R_BRACKET, Kind.VAR}


_AS_TABLES: Final = frozenset({Kind.PIVOT, Kind.UNPIVOT, Kind.SUMMARIZE, Kind.DESCRIBE})
# What DuckDB lists instead of describing a table of this name.
_LISTINGS: Final = words("tables databases schemas variables all")
_TABLES: Final = (
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = "
    "current_schema() AND table_catalog NOT IN ('system', 'temp') ORDER BY table_name"
)


def _as_select(tokens: list[Token]) -> list[Token]:
    """``SELECT * FROM (PIVOT …)`` for ``PIVOT …``, also behind WITH."""
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
        _token(Kind.SELECT, "SELECT", first),
        _token(Kind.STAR, "*", first),
        _token(Kind.FROM, "FROM", first),
        _token(Kind.L_PAREN, "(", first),
    ]
    closing = _token(Kind.R_PAREN, ")", first)
    return [*tokens[:begin], *opening, *tokens[begin:end], closing, *tokens[end:]]


def _shown(tokens: list[Token], begin: int) -> Iterator[Token]:
    """DESC and SHOW as DESCRIBE; SHOW TABLES as the query that it is."""
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
            yield _token(Kind.DESCRIBE, "DESCRIBE", token)


def _after_with(tokens: list[Token]) -> int:
    """Where the statement begins behind its WITH."""
    if not tokens or tokens[0].token_type != Kind.WITH:
        return 0
    depth = 0
    for index, token in enumerate(tokens):
        depth += (token.token_type in _OPEN) - (token.token_type in _CLOSE)
        if depth == 0 and index and token.token_type in (*_AS_TABLES, Kind.SELECT, Kind.FROM):
            return index
    return len(tokens)


def _token(kind: TokenType, text: str, like: Token | None = None) -> Token:
    if like is None:
        return Token(kind, text)
    return Token(kind, text, like.line, like.col, like.start, like.end)


_BLANK: Final = _token(Kind.SEMICOLON, "")
