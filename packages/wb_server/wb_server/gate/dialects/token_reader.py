"""Reads tokens one after the other, each as the kind that is expected."""

from __future__ import annotations

import re

from sqlglot import Token, TokenType

from .base import words
from .sealing import MAX_BRACKETS, SEAL

_MAX_NAME = 63  # bytes; PostgreSQL truncates longer names


class TokenReader:
    """Reads words, names and values of PostgreSQL; raises ``LookupError`` if one is missing."""

    def __init__(self, tokens: list[Token], index: int) -> None:
        self._tokens = tokens
        self.index = index

    @property
    def here(self) -> Token:
        """The next token."""
        if self.index >= len(self._tokens):
            raise LookupError
        return self._tokens[self.index]

    def word(self, *texts: str) -> bool:
        """Consumes these words if they come next, and returns whether they did."""
        here = self._tokens[self.index : self.index + len(texts)]
        found = len(here) == len(texts) and all(
            token.text.lower() == text and token.token_type not in QUOTED
            for token, text in zip(here, texts, strict=True)
        )
        self.index += found * len(texts)
        return found

    sign = word

    def must(self, text: str) -> str:
        """Consumes a word that has to come next, and returns it in upper case."""
        if not self.word(text):
            # The tokenizer makes one token of ORDER BY, and of others with a space.
            raise LookupError
        return text.upper()

    def name(self) -> str:
        """Consumes a name, and returns it quoted."""
        token = self.here
        text = token.text
        if token.token_type != TokenType.IDENTIFIER:
            if not re.fullmatch(r"[A-Za-z_]\w*", text, re.ASCII) or text.lower() in _NO_NAMES:
                raise LookupError
            if token.token_type in QUOTED:
                raise LookupError
            text = text.lower()
        if not 0 < len(text.encode()) <= _MAX_NAME:
            raise LookupError
        self.index += 1
        return '"' + text.replace('"', '""') + '"'

    def names(self) -> str:
        """Consumes names separated by commas."""
        found = [self.name()]
        while self.sign(","):
            found.append(self.name())
        return ", ".join(found)

    def integer(self) -> str:
        """Consumes an integer of up to nine digits; the result is empty if there is none."""
        minus = "-" if self.sign("-") else ""
        token = self.here
        if token.token_type != TokenType.NUMBER or not re.fullmatch(r"[0-9]{1,9}", token.text):
            if minus:
                raise LookupError
            return ""
        self.index += 1
        return minus + token.text

    def value(self) -> str:
        """Consumes a string, a number, TRUE or FALSE."""
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
# Never a name without quotes. The parser rejects other words that aren't names.
_NO_NAMES = words("select values table with from where default")


def closing_of(tokens: list[Token], opening: int) -> int | None:
    """The index of the closing parenthesis; ``None`` if none opens here, or it never closes.

    It is ``None`` too for more than ``MAX_BRACKETS`` levels.
    """
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
