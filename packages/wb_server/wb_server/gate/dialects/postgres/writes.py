"""Rewrites PostgreSQL's writes that the parser has no grammar for: parts of columns, and MERGE.

``INSERT INTO t (a[1], b.c)`` names a column and a place in it. The parser expects a name there, so
column and place become one; ``unseal_place`` splits them again.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import Token, TokenType, exp

from ..sealing import FORM, like
from ..token_reader import TokenReader

_DEFAULT_VALUES = f"{FORM}default values"
_PLACE = f"{FORM}place "
_MAX_TARGET = 9  # tokens: INTO database.schema.table AS alias
_OPENING = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.CASE})
_CLOSING = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.END})


def with_writes(tokens: list[Token]) -> list[Token]:
    """The tokens, with INSERT targets and parts of MERGE in forms that the parser knows."""
    result: list[Token] = []
    index = 0
    merged = False
    while index < len(tokens):
        result.append(tokens[index])
        index += 1
        if result[-1].token_type == TokenType.INSERT:
            index = _insert(tokens, index, result)
        elif result[-1].token_type == TokenType.MERGE and not merged:
            tokens = [*tokens[:index], *_merge(tokens[index:])]
            merged = True
    return result


def _insert(tokens: list[Token], index: int, result: list[Token]) -> int:
    """Reads what follows INSERT, up to the end of the list of columns; returns the next index."""
    begin = index
    words = [token.text.lower() for token in tokens[index : index + 2]]
    if words == ["default", "values"]:  # in MERGE
        opening = like(tokens[index], TokenType.L_PAREN, "(")
        sealed_name = like(tokens[index], TokenType.IDENTIFIER, _DEFAULT_VALUES)
        result += [opening, sealed_name, like(tokens[index], TokenType.R_PAREN, ")")]
        return index + 2
    if words[:1] == ["into"]:
        end = min(len(tokens), index + _MAX_TARGET)
        while index < end and tokens[index].token_type != TokenType.L_PAREN:
            index += 1
    if index >= len(tokens) or tokens[index].token_type != TokenType.L_PAREN:
        return begin
    reader = TokenReader(tokens, index + 1)
    items: list[Token] = []
    sealed = False
    try:
        while not reader.sign(")"):
            if items:
                reader.must(",")
                items.append(like(reader.here, TokenType.COMMA, ","))
            column = reader.here
            name, place = reader.name(), "".join(_place(reader))
            if place:
                column = like(column, TokenType.IDENTIFIER, f"{_PLACE}{len(name)} {name}{place}")
                sealed = True
            items.append(column)
    except LookupError:
        return begin
    if not sealed:
        return begin
    result += [*tokens[begin : index + 1], *items, tokens[reader.index - 1]]
    return reader.index


def _place(reader: TokenReader) -> Iterator[str]:
    """``[1:2].name`` after a column, in canonical spelling."""
    while True:
        if reader.sign("."):
            yield f".{reader.name()}"
        elif reader.sign("["):
            lower = reader.integer()
            colon = reader.sign(":")
            upper = reader.integer() if colon else ""
            if not reader.sign("]") or not (lower or colon):
                raise LookupError
            yield f"[{lower}{':' if colon else ''}{upper}]"
        else:
            return


def _merge(tokens: list[Token]) -> list[Token]:
    """The rest of a MERGE, with parentheses around a join in USING."""
    using = on = join = None
    depth = 0
    for index, token in enumerate(tokens):
        kind = token.token_type
        if depth == 0 and kind == TokenType.WHEN:
            break
        if depth == 0 and using is None and kind == TokenType.USING:
            using = index
        elif depth == 0 and using is not None and kind == TokenType.JOIN:
            join = index
        elif depth == 0 and kind == TokenType.ON:
            on = index
        depth += (kind in _OPENING) - (kind in _CLOSING)
    if using is None or on is None or join is None:
        return tokens
    opening = like(tokens[using], TokenType.L_PAREN, "(")
    closing = like(tokens[on], TokenType.R_PAREN, ")")
    joined = tokens[using + 1 : on]
    return [*tokens[: using + 1], opening, *joined, closing, *tokens[on:]]


def unseal_place(node: exp.Identifier) -> None:
    """Turns a sealed column with its place, or DEFAULT VALUES, into nodes of the tree."""
    text = str(node.this)
    whole = node.parent if isinstance(node.parent, exp.Column) else node
    if text == _DEFAULT_VALUES and isinstance(whole.parent, exp.Tuple):
        whole.parent.replace(exp.Var(this="DEFAULT VALUES"))
    elif text.startswith(_PLACE):
        length, _, rest = text[len(_PLACE) :].partition(" ")
        name, place = rest[1 : int(length) - 1].replace('""', '"'), rest[int(length) :]
        column = exp.Identifier(this=name, quoted=True)
        whole.replace(exp.ColumnDef(this=column, place=exp.Literal.string(place)))
