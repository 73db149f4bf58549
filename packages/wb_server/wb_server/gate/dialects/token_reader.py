"""Reads tokens one after the other, each as what it has to be."""

from __future__ import annotations

import re

from sqlglot import Token, TokenType

from .base import words
from .sealing import MAX_BRACKETS, SEAL

_LONGEST = 63  # bytes of a name; PostgreSQL cuts longer ones


class TokenReader:
    """Words, names and values of PostgreSQL; what isn't there is a ``LookupError``."""

    def __init__(self, tokens: list[Token], index: int) -> None:
        self._tokens = tokens
        self.index = index

    @property
    def here(self) -> Token:
        """The token that comes next."""
        if self.index >= len(self._tokens):
            raise LookupError
        return self._tokens[self.index]

    def word(self, *texts: str) -> bool:
        """Goes past these words, if they come next."""
        here = self._tokens[self.index : self.index + len(texts)]
        found = len(here) == len(texts) and all(
            token.text.lower() == text and token.token_type not in QUOTED
            for token, text in zip(here, texts, strict=True)
        )
        self.index += found * len(texts)
        return found

    sign = word

    def must(self, text: str) -> str:
        """Goes past a word that has to come next; its text in capitals."""
        if not self.word(text):
            # The tokenizer makes one token of ORDER BY, and of others with a space.
            raise LookupError
        return text.upper()

    def name(self) -> str:
        """A name in quotes."""
        token = self.here
        text = token.text
        if token.token_type != TokenType.IDENTIFIER:
            if not re.fullmatch(r"[A-Za-z_]\w*", text, re.ASCII) or text.lower() in _NO_NAMES:
                raise LookupError
            if token.token_type in QUOTED:
                raise LookupError
            text = text.lower()
        if not 0 < len(text.encode()) <= _LONGEST:
            raise LookupError
        self.index += 1
        return '"' + text.replace('"', '""') + '"'

    def names(self) -> str:
        """Names between commas."""
        found = [self.name()]
        while self.sign(","):
            found.append(self.name())
        return ", ".join(found)

    def integer(self) -> str:
        """A whole number, or nothing."""
        minus = "-" if self.sign("-") else ""
        token = self.here
        if token.token_type != TokenType.NUMBER or not re.fullmatch(r"[0-9]{1,9}", token.text):
            if minus:
                raise LookupError
            return ""
        self.index += 1
        return minus + token.text

    def value(self) -> str:
        """A string, a number, TRUE or FALSE."""
        token = self.here
        self.index += 1
        if token.token_type == TokenType.STRING and SEAL not in token.text:
            return "'" + token.text.replace("'", "''") + "'"
        if token.token_type not in (TokenType.NUMBER, TokenType.TRUE, TokenType.FALSE):
            raise LookupError
        return token.text.upper()


QUOTED = frozenset(
    {TokenType.STRING, TokenType.IDENTIFIER, TokenType.NUMBER, TokenType.HEREDOC_STRING}
    | {TokenType.BYTE_STRING, TokenType.UNICODE_STRING, TokenType.NATIONAL_STRING}
    | {TokenType.HEX_STRING, TokenType.BIT_STRING, TokenType.RAW_STRING}
)
# Never a name without quotes; what else isn't one, the parser finds out.
_NO_NAMES = words("select values table with from where default")


def closing_of(tokens: list[Token], opening: int) -> int | None:
    """Where the parentheses end that open here; ``None``: none opens, it stays open, or holds too many."""
    if opening >= len(tokens) or tokens[opening].token_type != TokenType.L_PAREN:
        return None
    depth = 0
    for index in range(opening, len(tokens)):
        kind = tokens[index].token_type
        depth += (kind == TokenType.L_PAREN) - (kind == TokenType.R_PAREN)
        if depth == 0:
            return index
        if depth > MAX_BRACKETS:  # refused anyway
            return None
    return None
