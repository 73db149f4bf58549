"""Statements that load jobs need and the parser has no grammar for: CALL, REFRESH, ANALYZE.

Each is read here token by token, and written again from what was read: a name is always quoted, and
nothing else of the text is kept. The call after CALL is an expression, which ``statement`` checks like
any other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlglot import Token, TokenType, exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import TokenError

from wb_server.kit.errors import InvalidInput

from .base import DialectRules
from .canonical import fold
from .explain import SPACE
from .nodes import check_name
from .tables import TableRef, check_table

_CALL: Final = re.compile(rf"\A{SPACE}*+call\b", re.IGNORECASE | re.DOTALL)
_OTHER: Final = re.compile(rf"\A{SPACE}*+(refresh|analyze|analyse)\b", re.IGNORECASE | re.DOTALL)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
_QUOTES: Final = {"postgres": '"', "mysql": "`"}


@dataclass(frozen=True)
class Command:
    """A REFRESH or ANALYZE.

    Attributes:
        sql: the text to send.
        tables: the tables or views that it works on.
        returns_rows: True if it answers with rows.
    """

    sql: str
    tables: tuple[TableRef, ...]
    returns_rows: bool


def call_of(sql: str, rules: DialectRules) -> str | None:
    """The query that computes the call after CALL; ``None`` for another statement.

    Errors in it are found where they are in the text, but for the two letters that SELECT is longer.
    """
    found = _CALL.match(sql) if rules.name in _QUOTES else None
    if found is None:
        return None
    before = re.sub(r"[^\n]", " ", sql[: found.end() - len("call")])
    return f"{before}SELECT{sql[found.end() :]}"


def command(sql: str, rules: DialectRules) -> Command | None:
    """A REFRESH or ANALYZE, checked; ``None`` for another statement.

    Raises:
        InvalidInput: it can't be read (``syntax_error``).
        Forbidden: it names a system table.
    """
    first = _OTHER.match(sql) if rules.name in _QUOTES else None
    if first is None:
        return None
    # Without its first word, after which the lexer would read no tokens.
    reader = _Reader(re.sub(r"[^\n]", " ", sql[: first.end()]) + sql[first.end() :], rules)
    if first[1].lower() == "refresh":
        return _refresh(reader) if rules.name == "postgres" else None
    return _analyze(reader) if rules.name == "postgres" else _analyze_tables(reader)


def _refresh(reader: _Reader) -> Command:
    reader.require("materialized", "view")
    words = "REFRESH MATERIALIZED VIEW"
    if reader.take("concurrently"):
        words += " CONCURRENTLY"
    table, name = reader.table()
    rest = ""
    if reader.take("with"):
        rest = " WITH NO DATA" if reader.take("no") else " WITH DATA"
        reader.require("data")
    reader.end()
    return Command(f"{words} {name}{rest}", (table,), returns_rows=False)


def _analyze(reader: _Reader) -> Command:
    reader.take("verbose")
    tables: list[TableRef] = []
    texts: list[str] = []
    while not tables or reader.take(","):
        table, name = reader.table()
        columns: list[str] = []
        if reader.take("("):
            while not columns or reader.take(","):
                columns.append(reader.name()[1])
            reader.require(")")
        tables.append(table)
        texts.append(f"{name} ({', '.join(columns)})" if columns else name)
    reader.end()
    return Command(f"ANALYZE {', '.join(texts)}", tuple(tables), returns_rows=False)


def _analyze_tables(reader: _Reader) -> Command | None:
    if not reader.take("table"):
        return None  # ANALYZE in front of a query, in MariaDB
    tables: list[TableRef] = []
    texts: list[str] = []
    while not tables or reader.take(","):
        table, name = reader.table()
        tables.append(table)
        texts.append(name)
    reader.end()
    return Command(f"ANALYZE TABLE {', '.join(texts)}", tuple(tables), returns_rows=True)


class _Reader:
    """Reads the tokens of a short command from left to right."""

    def __init__(self, sql: str, rules: DialectRules) -> None:
        self._rules = rules
        self._place = 0
        try:
            self._tokens: Sequence[Token] = Dialect.get_or_raise(rules.name).tokenize(sql)
        except TokenError:
            raise _unreadable("a quote or a comment isn't closed") from None
        while self._tokens and self._tokens[-1].token_type == TokenType.SEMICOLON:
            self._tokens = self._tokens[:-1]

    def take(self, word: str) -> bool:
        """Reads a word or sign, if it comes next."""
        if self._place < len(self._tokens):
            token = self._tokens[self._place]
            is_quoted = token.token_type in (TokenType.IDENTIFIER, TokenType.STRING)
            if not is_quoted and token.text.lower() == word:
                self._place += 1
                return True
        return False

    def require(self, *words: str) -> None:
        for word in words:
            if not self.take(word):
                raise _unreadable(f"{word.upper()} is expected{self._here()}")

    def name(self) -> tuple[str, str]:
        """A name as the database stores it, and as it is sent."""
        token = self._tokens[self._place] if self._place < len(self._tokens) else None
        quoted = token is not None and token.token_type == TokenType.IDENTIFIER
        if token is None or not (
            quoted or (token.token_type != TokenType.STRING and _NAME.fullmatch(token.text))
        ):
            raise _unreadable(f"a name is expected{self._here()}")
        self._place += 1
        identifier = exp.Identifier(this=token.text, quoted=quoted)
        check_name(identifier, self._rules, True)
        name = fold(identifier, self._rules)
        mark = _QUOTES[self._rules.name]
        if "\x00" in name:
            raise _unreadable("a name holds a NUL character")
        return name, f"{mark}{name.replace(mark, mark * 2)}{mark}"

    def table(self) -> tuple[TableRef, str]:
        """A table that may be written, and its text."""
        names, texts = zip(*self._names(), strict=True)
        if len(names) > 2:
            raise _unreadable("a table is named schema.table or table")
        table = TableRef(None, names[0] if len(names) == 2 else None, names[-1])
        check_table(table, self._rules, write=True)
        return table, ".".join(texts)

    def _names(self) -> list[tuple[str, str]]:
        found = [self.name()]
        while self.take("."):
            found.append(self.name())
        return found

    def end(self) -> None:
        """Requires that nothing is left."""
        if self._place < len(self._tokens):
            raise _unreadable(f"it should end{self._here()}")

    def _here(self) -> str:
        if self._place >= len(self._tokens):
            return " at the end"
        token = self._tokens[self._place]
        return f" at line {token.line}, near {token.text[:40]!r}"


def _unreadable(reason: str) -> InvalidInput:
    return InvalidInput(f"The SQL can't be read: {reason}.", code="syntax_error")
