"""SQL/JSON of PostgreSQL 16 and newer: calls with keywords between their arguments, and JSON_TABLE.

Each keyword becomes an operator with its name. The call gets a name with a space, which no user can
write: older versions, or the database itself, may have functions with the plain name. So that no
server takes what is sent for a call of such a function, every call contains a keyword: if none was
written, PostgreSQL's default. JSON_SCALAR, which has no keywords, is therefore not supported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from sqlglot import Token, TokenType, exp

from ..base import words
from ..sealing import SEAL, is_nothing, like, nothing, operator
from ..token_reader import QUOTED
from .calls import CallTokens, own_places

_WITH_WRAPPER = ("without", "with unconditional", "with conditional", "with")
_BEHAVIOURS = ("error", "null", "true", "false", "unknown", "empty array", "empty object", "empty")
# Keywords without an operand; of two with a common beginning, the longer comes first.
_ENDS: Final = (
    *("format json encoding utf8", "format json"),
    *(f"{how} {array}wrapper" for how in _WITH_WRAPPER for array in ("array ", "")),
    *(f"{how} quotes{where}" for how in ("keep", "omit") for where in (" on scalar string", "")),
    *(f"{how} unique{keys}" for how in ("with", "without") for keys in (" keys", "")),
    *("null on null", "absent on null"),
    *(f"{what} on {when}" for what in _BEHAVIOURS for when in ("empty", "error")),
    *("on empty", "on error"),  # after DEFAULT
)
_ENDS_BY_WORD: Final[Mapping[str, tuple[str, ...]]] = {
    first: tuple(end for end in _ENDS if end.partition(" ")[0] == first)
    for first in {end.partition(" ")[0] for end in _ENDS}
}
OF_QUERY: Final = "OF QUERY"  # the parentheses before it aren't rendered
_OPTIONS = ("default", "exists", "path", "passing", "columns")
JSON_WORDS: Final = frozenset(
    word.upper()
    for word in (*_ENDS, *_OPTIONS, "as", "value", ":", "returning", "type", "for ordinality")
) | {"NESTED PATH", OF_QUERY}

_DEFAULTS: Final = {
    "json_array": "ABSENT ON NULL",
    "json_arrayagg": "ABSENT ON NULL",
    "json_exists": "FALSE ON ERROR",
    "json_query": "WITHOUT WRAPPER",
    "json_value": "NULL ON ERROR",
}
_MAX_DEPTH: Final = 16
_BEFORE_OPERAND: Final = words(
    """
    all and any between case collate distinct else escape from ilike in is like not on operator or
    similar some then to using when where
    """
)


def seal_json(tokens: list[Token]) -> list[Token]:
    """Rewrites such calls to forms that the parser knows, inner ones first."""
    for index in range(len(tokens) - 2, -1, -1):
        token = tokens[index]
        name = token.text.lower()
        seal = _SEALS.get(name)
        if (
            seal is None
            or token.token_type in QUOTED
            or (index and tokens[index - 1].token_type == TokenType.DOT)
            or tokens[index + 1].token_type != TokenType.L_PAREN
        ):
            continue
        places = own_places(tokens, index + 1)
        if not places:
            continue
        call = CallTokens(tokens, index + 2, places[-1], set(places))
        if seal(call, name):
            tokens[index + 2 : places[-1]] = call.result
            tokens[index] = like(token, TokenType.VAR, _sealed(name))
    return tokens


def _sealed(name: str) -> str:
    return name.replace("_", " ") if "_" in name else f"{name} "


def _end(call: CallTokens) -> str | None:
    """The keyword without an operand that comes next, or None."""
    ends = _ENDS_BY_WORD.get(call.here.text.lower(), ()) if call.more else ()
    return next((end for end in ends if call.at(*end.split())), None)


def _word(call: CallTokens) -> bool:
    """Seals a keyword that any call may have, and returns whether one came next."""
    end = _end(call)
    if end is not None:
        call.word(end.upper(), skip=len(end.split()), prefix=call.begins, suffix=True)
    elif call.at("returning"):
        if call.begins:
            call.result.append(nothing(call.here))
        call.skip()
        _type(call, "RETURNING")
    else:
        return False
    return True


def _type(call: CallTokens, sign: str) -> None:
    """Reads a type, as a cast of NULL to it."""
    token = call.here
    call.result += [
        *operator(token, sign),
        like(token, TokenType.NULL, "NULL"),
        like(token, TokenType.DCOLON, "::"),
    ]
    while call.more and not call.at(",") and _end(call) is None:
        if any(call.at(word) for word in _OPTIONS):
            break
        call.copy()


def _with_operand(call: CallTokens, word: str) -> None:
    """Seals a keyword and copies the first token of its operand, which is never a keyword itself."""
    call.word(word.upper(), skip=1)
    if call.more and not call.at(","):
        call.copy()


def _name(call: CallTokens) -> None:
    """Reads AS and the name after it."""
    call.word("AS", skip=1)
    if call.more and call.here.token_type not in QUOTED - {TokenType.IDENTIFIER}:
        call.name()


def _add_default(call: CallTokens, name: str) -> None:
    token = call.here
    call.result += [*operator(token, _DEFAULTS[name], prefix=call.begins), nothing(token)]


def _add_returning(call: CallTokens, kind: TokenType, text: str) -> None:
    token = call.here
    call.result += [
        *operator(token, "RETURNING", prefix=call.begins),
        *(like(token, TokenType.NULL, "NULL"), like(token, TokenType.DCOLON, "::")),
        like(token, kind, text),
    ]


def _path_query(call: CallTokens, name: str) -> bool:
    """Seals JSON_VALUE, JSON_QUERY and JSON_EXISTS."""
    count = 0
    while call.more:
        if _word(call):
            count += 1
        elif call.at("passing") or call.at("default"):
            _with_operand(call, call.here.text)
            count += 1
        elif call.at("as"):
            _name(call)
        else:
            call.copy()
    if not count:
        _add_default(call, name)
    return True


def _array(call: CallTokens, name: str) -> bool:
    """Seals JSON_ARRAY and JSON_ARRAYAGG; the first may hold a query, as no function can."""
    if call.is_empty():
        _add_returning(call, TokenType.JSON, "json")
        return True
    if any(call.at(word) for word in ("select", "with", "values")):
        _query(call)
        return True
    count = 0
    ordered = False
    while call.more:
        if ordered and (call.at("returning") or _end(call)):
            _after_order(call)
            ordered = False
        if _word(call):
            count += 1
        else:
            ordered = ordered or call.here.token_type == TokenType.ORDER_BY
            call.copy()
    if not count:
        if ordered:
            _after_order(call)
        _add_default(call, name)
    return True


def _query(call: CallTokens) -> None:
    """Reads a query; if keywords follow it, it gets parentheses while it is parsed."""
    first = call.here
    while call.more and not (call.at("returning") or call.at("format", "json")):
        call.copy()
    if call.more:
        opening, closing = TokenType.L_PAREN, TokenType.R_PAREN
        call.result.insert(0, like(first, opening, "("))
        call.result.append(like(first, closing, ")"))
        call.result += [*operator(first, OF_QUERY), nothing(first)]
    while call.more:
        if not _word(call):
            call.copy()


def _after_order(call: CallTokens) -> None:
    """Makes the keywords after ORDER BY another sort key; ``order_text`` renders no comma."""
    call.result.append(like(call.here, TokenType.COMMA, ","))


def order_text(node: exp.Expr, sql: Callable[[exp.Expr], str]) -> str | None:
    """The text of ORDER BY with keywords of JSON_ARRAYAGG after it, or None for another one."""
    if not node.expressions:
        return None
    last: exp.Expr = node.expressions[-1]
    first = last
    while isinstance(first, exp.Ordered | exp.Operator):
        first = first.this
    if not is_nothing(first) or last.this.args.get("operator") not in JSON_WORDS:
        return None
    order = node.copy()
    order.set("expressions", order.expressions[:-1])
    return f"{sql(order)} {sql(last)}"


def _object(call: CallTokens, name: str) -> bool:
    """Seals JSON_OBJECT and JSON_OBJECTAGG; without a keyword, JSON_OBJECT is the old function."""
    if call.is_empty():
        _add_returning(call, TokenType.JSON, "json")
        return True
    count = 0
    while call.more:
        after = bool(call.result) and _is_operand(call.result[-1])
        if after and (call.at("value") or call.at(":")):
            _with_operand(call, call.here.text)
        elif not _word(call):
            call.copy()
            continue
        count += 1
    return bool(count)


def _is_operand(token: Token) -> bool:
    """True if an operand may end here, so that a keyword or a colon can follow."""
    if token.token_type in QUOTED or token.token_type in (TokenType.R_PAREN, TokenType.R_BRACKET):
        return token.text != SEAL and token.col != -1
    return token.text[:1].isalpha() and token.text.lower() not in _BEFORE_OPERAND


def _serialize(call: CallTokens, name: str) -> bool:
    count = 0
    while call.more:
        if _word(call):
            count += 1
        else:
            call.copy()
    if call.result and not count:
        _add_returning(call, TokenType.TEXT, "text")
    return True


def _parse(call: CallTokens, name: str) -> bool:
    """Seals JSON(…); without a keyword it is a cast."""
    count = 0
    while call.more:
        if _word(call):
            count += 1
        else:
            call.copy()
    return bool(count)


def _table(call: CallTokens, name: str) -> bool:
    while call.more and not call.at("columns"):
        if call.at("passing"):
            _with_operand(call, "PASSING")
        elif call.at("as"):
            _name(call)
        elif not _word(call):
            call.copy()
    if not _columns(call, 0):
        return False
    while call.more:
        if not _word(call):
            call.copy()
    return True


def _columns(call: CallTokens, depth: int) -> bool:
    """Seals ``COLUMNS (…)``, including nested ones."""
    if not call.at("columns") or depth > _MAX_DEPTH:
        return False
    call.word("COLUMNS", skip=1)
    inner = call.inside()
    if inner is None:
        return False
    while inner.more:
        if inner.at("nested", "path") or (
            inner.at("nested") and inner.ahead(1).token_type == TokenType.STRING
        ):
            inner.word("NESTED PATH", skip=2 if inner.at("nested", "path") else 1, prefix=True)
            inner.copy()
            if inner.at("as"):
                _name(inner)
            if not _columns(inner, depth + 1):
                return False
        else:
            _column(inner)
        if inner.at(","):
            inner.copy()
        elif inner.more:
            return False
    call.put(inner)
    return True


def _column(call: CallTokens) -> None:
    if call.here.token_type in QUOTED - {TokenType.IDENTIFIER}:
        return
    call.name()
    if call.at("for", "ordinality"):
        call.word("FOR ORDINALITY", skip=2, suffix=True)
        return
    _type(call, "TYPE")
    while call.more and not call.at(","):
        if call.at("exists"):
            call.word("EXISTS", skip=1, suffix=True)
        elif call.at("path") or call.at("default"):
            _with_operand(call, call.here.text)
        elif not _word(call):
            call.copy()


_SEALS: Final[Mapping[str, Callable[[CallTokens, str], bool]]] = {
    **dict.fromkeys(("json_value", "json_query", "json_exists"), _path_query),
    **dict.fromkeys(("json_array", "json_arrayagg"), _array),
    **dict.fromkeys(("json_object", "json_objectagg"), _object),
    "json_serialize": _serialize,
    "json": _parse,
    "json_table": _table,
}
JSON_CALLS: Final[Mapping[str, str]] = {_sealed(name): name for name in _SEALS}
