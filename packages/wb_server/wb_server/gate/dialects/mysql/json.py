"""Reads the columns of JSON_TABLE, whose MySQL and MariaDB syntax the parser doesn't know."""

from __future__ import annotations

import re
from typing import Final

from sqlglot import Token, TokenType

from ..base import words

_TYPES: Final = words(
    """
    tinyint smallint mediumint int integer bigint float double real decimal numeric dec bool boolean
    bit char varchar nchar tinytext text mediumtext longtext binary varbinary tinyblob blob
    mediumblob longblob date time datetime timestamp year json
    """
)
_NUMBER: Final = re.compile(r"\d{1,20}(?:\.\d{1,30})?")
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_MAX_DEPTH: Final = 16


class _NotThis(Exception):
    """The tokens aren't the columns of JSON_TABLE."""


def columns_of(tokens: list[Token], here: int) -> tuple[str, int] | None:
    """The COLUMNS clause in canonical spelling, and the index of the token after it.

    ``None`` if the tokens aren't the columns of JSON_TABLE.
    """
    reader = _JsonReader(tokens, here)
    try:
        return reader.columns(0), reader.here
    except _NotThis:
        return None


def quoted(name: str) -> str:
    """A name in backticks."""
    return "`" + name.replace("`", "``") + "`"


def text(value: str) -> str:
    """A string literal that ends at the same place in every SQL mode of the server."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


class _JsonReader:
    def __init__(self, tokens: list[Token], here: int) -> None:
        self.here = here
        self._tokens = tokens

    def columns(self, depth: int) -> str:
        if depth > _MAX_DEPTH:
            raise _NotThis
        self._word("columns")
        self._kind(TokenType.L_PAREN)
        found = [self._column(depth)]
        while self._is(TokenType.COMMA):
            found.append(self._column(depth))
        self._kind(TokenType.R_PAREN)
        return f"COLUMNS ({', '.join(found)})"

    def _column(self, depth: int) -> str:
        if self._next().text.lower() == "nested" and self._next(1).token_type in (
            TokenType.STRING,
            TokenType.VAR,
        ):
            self._word("nested")
            self._has("path")
            path = self._string()
            return f"NESTED PATH {path} {self.columns(depth + 1)}"
        name = quoted(self._name())
        if self._has("for"):
            self._word("ordinality")
            return f"{name} FOR ORDINALITY"
        parts = [name, self._type()]
        if self._has("exists"):
            parts.append("EXISTS")
        self._word("path")
        parts += ["PATH", self._string()]
        while self._next().text.lower() in ("null", "error", "default"):
            parts.append(self._handling())
        return " ".join(parts)

    def _type(self) -> str:
        name = self._next().text.lower()
        if self._next().token_type == TokenType.IDENTIFIER or name not in _TYPES:
            raise _NotThis
        self.here += 1
        sizes = []
        if self._is(TokenType.L_PAREN):
            sizes.append(self._number())
            if self._is(TokenType.COMMA):
                sizes.append(self._number())
            self._kind(TokenType.R_PAREN)
        written = name.upper() + (f"({', '.join(sizes)})" if sizes else "")
        if self._has("unsigned"):
            written += " UNSIGNED"
        if self._has("charset") or self._has("character set") or self._has("character"):
            self._has("set")
            written += f" CHARACTER SET {self._plain_word()}"
        if self._has("collate"):
            written += f" COLLATE {self._plain_word()}"
        return written

    def _handling(self) -> str:
        what = self._next().text.upper()
        self.here += 1
        if what == "DEFAULT":
            what += f" {self._string()}"
        self._word("on")
        when = self._next().text.upper()
        if when not in ("EMPTY", "ERROR"):
            raise _NotThis
        self.here += 1
        return f"{what} ON {when}"

    def _next(self, ahead: int = 0) -> Token:
        if self.here + ahead >= len(self._tokens):
            raise _NotThis
        return self._tokens[self.here + ahead]

    def _is(self, kind: TokenType) -> bool:
        if self._next().token_type != kind:
            return False
        self.here += 1
        return True

    def _kind(self, kind: TokenType) -> None:
        if not self._is(kind):
            raise _NotThis

    def _has(self, word: str) -> bool:
        token = self._next()
        if token.token_type == TokenType.IDENTIFIER or token.text.lower() != word:
            return False
        self.here += 1
        return True

    def _word(self, word: str) -> None:
        if not self._has(word):
            raise _NotThis

    def _name(self) -> str:
        token = self._next()
        if token.token_type != TokenType.IDENTIFIER and not _WORD.fullmatch(token.text):
            raise _NotThis
        self.here += 1
        return token.text

    def _plain_word(self) -> str:
        word = self._next().text.lower()
        if not _WORD.fullmatch(word):
            raise _NotThis
        self.here += 1
        return word

    def _number(self) -> str:
        number = self._next()
        if number.token_type != TokenType.NUMBER or not _NUMBER.fullmatch(number.text):
            raise _NotThis
        self.here += 1
        return number.text

    def _string(self) -> str:
        token = self._next()
        if token.token_type != TokenType.STRING:
            raise _NotThis
        self.here += 1
        return text(token.text)
