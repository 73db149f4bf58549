"""Clauses of PostgreSQL that the parser has no grammar for: SEARCH, CYCLE, ORDER BY … USING.

SEARCH and CYCLE behind a part of WITH become one more column of its alias, whose text is put
together of words, names and literals that were read one by one.
"""

from __future__ import annotations

import itertools
import re

from sqlglot import Token, TokenType

from .sealing import SEAL, like


def order_by_sign(tokens: list[Token]) -> None:
    """``ORDER BY a USING <`` is ASC, ``USING >`` is DESC."""
    for token, sign in itertools.pairwise(tokens):
        if token.token_type == TokenType.USING and sign.text in ("<", ">"):
            token.token_type, token.text = (
                (TokenType.ASC, "ASC") if sign.text == "<" else (TokenType.DESC, "DESC")
            )
            sign.token_type = TokenType.COMMENT  # taken out below
    tokens[:] = [token for token in tokens if token.token_type != TokenType.COMMENT]


def with_clauses(tokens: list[Token]) -> list[Token]:
    """SEARCH and CYCLE behind a part of WITH become the last name in its alias's columns."""
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
            sealed = like(tokens[index], TokenType.IDENTIFIER, f"{SEAL}{clause} {second}".strip())
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
    """Where the alias ends whose body the last token closes: its ``)``, or its name."""
    depth = 0
    for index in range(len(tokens) - 1, -1, -1):
        kind = tokens[index].token_type
        depth += (kind == TokenType.R_PAREN) - (kind == TokenType.L_PAREN)
        if depth == 0:
            index -= 1
            while index > 0 and tokens[index].text.lower() in ("materialized", "not"):
                index -= 1
            return index - 1 if index > 0 and tokens[index].token_type == TokenType.ALIAS else None
    return None


def _clause(tokens: list[Token], index: int) -> tuple[str, int]:
    """The text of SEARCH or CYCLE that begins here, in one spelling, and where it ends."""
    reader = _Reader(tokens, index)
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


class _Reader:
    """Words one after the other; what isn't there is a ``LookupError``."""

    def __init__(self, tokens: list[Token], index: int) -> None:
        self._tokens = tokens
        self.index = index

    def _next(self) -> Token:
        if self.index >= len(self._tokens):
            raise LookupError
        self.index += 1
        return self._tokens[self.index - 1]

    def word(self, text: str) -> bool:
        here = self._tokens[self.index : self.index + 1]
        found = bool(here) and here[0].text.lower() == text
        found = found and here[0].token_type != TokenType.IDENTIFIER
        self.index += found
        return found

    def must(self, text: str) -> str:
        if not self.word(text):
            # The tokenizer makes one token of ORDER BY, and of others with a space.
            raise LookupError
        return text.upper()

    def name(self) -> str:
        token = self._next()
        text = token.text
        if token.token_type != TokenType.IDENTIFIER:
            if not re.fullmatch(r"[A-Za-z_]\w*", text, re.ASCII):
                raise LookupError
            text = text.lower()
        return '"' + text.replace('"', '""') + '"'

    def names(self) -> str:
        found = [self.name()]
        while self.word(","):
            found.append(self.name())
        return ", ".join(found)

    def value(self) -> str:
        token = self._next()
        if token.token_type == TokenType.STRING:
            return "'" + token.text.replace("'", "''") + "'"
        if token.token_type not in (TokenType.NUMBER, TokenType.TRUE, TokenType.FALSE):
            raise LookupError
        return token.text.upper()
