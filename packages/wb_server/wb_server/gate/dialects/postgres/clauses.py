"""Rewrites PostgreSQL clauses that the parser has no grammar for, or knows in another form.

SEARCH and CYCLE after a CTE become an extra column of its alias, whose text is assembled from
words, names and literals that were read one by one.
"""

from __future__ import annotations

import itertools

from sqlglot import Token, TokenType

from ..sealing import FORM, MAX_BRACKETS, like
from ..token_reader import QUOTED, TokenReader, closing_of


def order_by_sign(tokens: list[Token]) -> None:
    """Turns ``ORDER BY a USING <`` into ASC, and ``USING >`` into DESC."""
    for token, sign in itertools.pairwise(tokens):
        if token.token_type == TokenType.USING and sign.text in ("<", ">"):
            token.token_type, token.text = (
                (TokenType.ASC, "ASC") if sign.text == "<" else (TokenType.DESC, "DESC")
            )
            sign.token_type = TokenType.COMMENT  # removed below
    tokens[:] = [token for token in tokens if token.token_type != TokenType.COMMENT]


def named_joins(tokens: list[Token]) -> list[Token]:
    """Moves the alias of ``USING (a, b) AS c`` to the end of the names in the parentheses."""
    result: list[Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        result.append(token)
        index += 1
        if token.token_type != TokenType.USING:
            continue
        reader = TokenReader(tokens, index)
        try:
            reader.must("(")
            reader.names()
            reader.must(")")
            closing = reader.index - 1
            reader.must("as")
            alias = reader.name()[1:-1].replace('""', '"')
        except LookupError:
            continue
        sealed = like(tokens[closing], TokenType.IDENTIFIER, FORM + alias)
        comma = like(tokens[closing], TokenType.COMMA, ",")
        result += [*tokens[index:closing], comma, sealed, tokens[closing]]
        index = reader.index
    return result


def samples(tokens: list[Token]) -> None:
    """Adds parentheses around the argument of TABLESAMPLE, which may be any expression."""
    for index in range(len(tokens) - 3, -1, -1):
        opening = index + 2
        if tokens[index].token_type != TokenType.TABLE_SAMPLE:
            continue
        end = closing_of(tokens, opening)
        if end is None or closing_of(tokens, opening + 1) == end - 1:
            continue
        if end == opening + 2 and tokens[opening + 1].token_type == TokenType.NUMBER:
            continue
        tokens.insert(end, like(tokens[end], TokenType.R_PAREN, ")"))
        tokens.insert(opening, like(tokens[opening], TokenType.L_PAREN, "("))


def collation_for(tokens: list[Token]) -> list[Token]:
    """Turns ``COLLATION FOR (x)`` into a call of ``pg_collation_for``, which has the same title."""
    result: list[Token] = []
    for token in tokens:
        if (
            token.token_type == TokenType.L_PAREN
            and [it.text.lower() for it in result[-2:]] == ["collation", "for"]
            and all(it.token_type not in QUOTED for it in result[-2:])
        ):
            result[-2:] = [like(token, TokenType.VAR, "pg_collation_for")]
        result.append(token)
    return result


def rows_after_with(tokens: list[Token]) -> list[Token]:
    """Turns ``WITH … VALUES …``, which the parser can't read, into a SELECT from the rows."""
    result: list[Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        end = index + 1
        after = token.token_type == TokenType.VALUES and result[-1:]
        if after and after[0].token_type == TokenType.R_PAREN and _alias_end(result) is not None:
            while (closing := closing_of(tokens, end)) is not None:
                end = closing + 1
                if end < len(tokens) and tokens[end].token_type == TokenType.COMMA:
                    end += 1
        if end == index + 1:
            result.append(token)
            index += 1
            continue
        result += [
            like(token, TokenType.SELECT, "SELECT"),
            like(token, TokenType.STAR, "*"),
            like(token, TokenType.FROM, "FROM"),
            like(token, TokenType.L_PAREN, "("),
            *tokens[index:end],
            like(token, TokenType.R_PAREN, ")"),
            like(token, TokenType.ALIAS, "AS"),
            like(token, TokenType.IDENTIFIER, "rows"),
        ]
        index = end
    return result


def with_clauses(tokens: list[Token]) -> list[Token]:
    """Moves SEARCH and CYCLE after a CTE to the end of its alias's columns."""
    result: list[Token] = []
    index = 0
    while index < len(tokens):
        after = result and result[-1].token_type == TokenType.R_PAREN
        clause, end = _clause(tokens, index) if after else ("", index)
        if not clause:
            result.append(tokens[index])
            index += 1
            continue
        second, end = _clause(tokens, end)
        place = _alias_end(result)
        if place is None:
            result += tokens[index:end]
        else:
            sealed = like(tokens[index], TokenType.IDENTIFIER, f"{FORM}{clause} {second}".strip())
            if result[place].token_type == TokenType.R_PAREN:
                result[place:place] = [like(sealed, TokenType.COMMA, ","), sealed]
            else:
                opening = like(sealed, TokenType.L_PAREN, "(")
                result[place + 1 : place + 1] = [
                    opening,
                    sealed,
                    like(sealed, TokenType.R_PAREN, ")"),
                ]
        index = end
    return result


def _alias_end(tokens: list[Token]) -> int | None:
    """The index where the alias of the CTE that the last token closes ends: its ``)`` or its name."""
    depth = 0
    for index in range(len(tokens) - 1, -1, -1):
        kind = tokens[index].token_type
        depth += (kind == TokenType.R_PAREN) - (kind == TokenType.L_PAREN)
        if depth == 0:
            index -= 1
            while index > 0 and tokens[index].text.lower() in ("materialized", "not"):
                index -= 1
            return index - 1 if index > 0 and tokens[index].token_type == TokenType.ALIAS else None
        if depth > MAX_BRACKETS:  # refused anyway
            return None
    return None


def _clause(tokens: list[Token], index: int) -> tuple[str, int]:
    """The SEARCH or CYCLE that begins here, in canonical spelling, and the index after it."""
    reader = TokenReader(tokens, index)
    try:
        if reader.word("search"):
            order = "DEPTH" if reader.word("depth") else reader.must("breadth")
            reader.must("first")
            reader.must("by")
            text = f"SEARCH {order} FIRST BY {reader.names()} {reader.must('set')} {reader.name()}"
        elif reader.word("cycle"):
            text = f"CYCLE {reader.names()} {reader.must('set')} {reader.name()}"
            if reader.word("to"):
                text += f" TO {reader.value()} {reader.must('default')} {reader.value()}"
            text += f" {reader.must('using')} {reader.name()}"
        else:
            return "", index
    except LookupError:
        return "", index
    return text, reader.index
