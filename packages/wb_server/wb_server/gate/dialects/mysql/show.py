"""Parses and re-renders SHOW and DESCRIBE, as far as they show what information_schema shows.

The definitions of views, routines and tables (SHOW CREATE), rights, settings, other sessions and
comments (SHOW FULL COLUMNS) stay hidden, as they do in information_schema.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from sqlglot import Token, TokenType

from wb_server.kit.errors import Forbidden

from ..tables import TableRef
from . import text as mysql_text
from .json import quoted, text

_FIRST: Final = re.compile(
    r"\A(?>\s|--[^\n]*(?:\n|\Z)|#[^\n]*(?:\n|\Z)|/\*(?![!+M]).*?\*/)*+"
    r"(show|describe|desc|explain)\b",
    re.IGNORECASE | re.DOTALL,
)
_KNOWN: Final = "TABLES, COLUMNS, INDEX and DATABASES"
_NAME: Final = re.compile(r"[^\W\d]\w*\Z")


@dataclass(frozen=True)
class ShowStatement:
    """An accepted SHOW or DESCRIBE.

    Attributes:
        sql: the text to send.
        tables: the tables that it names; a schema alone has an empty table name.
    """

    sql: str
    tables: tuple[TableRef, ...] = ()


def parse_show(sql: str) -> ShowStatement | None:
    """The statement if it is SHOW, or DESCRIBE of a table; ``None`` if it is another one.

    Raises:
        Forbidden: it shows what stays hidden (``statement_not_allowed``).
        InvalidInput: its text can't be parsed.
    """
    first = _FIRST.match(sql)
    if first is None:
        return None
    tokens = mysql_text.tokenize(sql)
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens.pop()
    reader = _ShowReader(tokens[1:])
    if first[1].lower() == "show":
        return reader.show()
    return reader.describe(first[1])


class _ShowReader:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._here = 0

    def show(self) -> ShowStatement:
        full = self._has("full")
        if self._has("tables"):
            schema = self._schema()
            words = "SHOW FULL TABLES" if full else "SHOW TABLES"
            place = f" FROM {quoted(schema)}" if schema else ""
            tables = (TableRef(None, schema, ""),) if schema else ()
            return self._end(f"{words}{place}{self._like()}", tables)
        if not full and self._has("databases", "schemas"):
            return self._end(f"SHOW DATABASES{self._like()}", ())
        if not full and self._has("columns", "fields"):
            table = self._table()
            return self._end(f"SHOW COLUMNS FROM {_written(table)}{self._like()}", (table,))
        if not full and self._has("index", "indexes", "keys"):
            table = self._table()
            return self._end(f"SHOW INDEX FROM {_written(table)}", (table,))
        raise _refused()

    def describe(self, word: str) -> ShowStatement | None:
        if self._peek() is not None and _NAME.match(self._tokens[0].text) is None:
            if self._tokens[0].token_type != TokenType.IDENTIFIER:
                return None
        name = self._name()
        if name is None:
            return None
        table = self._dotted(name)
        column = self._peek()
        if column is None:
            return ShowStatement(f"DESCRIBE {_written(table)}", (table,))
        self._here += 1
        if column.token_type == TokenType.STRING:
            return self._end(f"DESCRIBE {_written(table)} {text(column.text)}", (table,))
        if self._peek() is not None or not _is_name(column):
            return None  # EXPLAIN of a statement
        return ShowStatement(f"DESCRIBE {_written(table)} {quoted(column.text)}", (table,))

    def _table(self) -> TableRef:
        if not self._has("from", "in"):
            raise _refused()
        name = self._name()
        if name is None:
            raise _refused()
        table = self._dotted(name)
        schema = self._schema()
        return TableRef(None, schema, table.name) if schema else table

    def _dotted(self, name: str) -> TableRef:
        token = self._peek()
        if token is None or token.token_type != TokenType.DOT:
            return TableRef(None, None, name)
        self._here += 1
        second = self._name()
        if second is None:
            raise _refused()
        return TableRef(None, name, second)

    def _schema(self) -> str | None:
        if not self._has("from", "in"):
            return None
        name = self._name()
        if name is None:
            raise _refused()
        return name

    def _like(self) -> str:
        if not self._has("like"):
            return ""
        token = self._peek()
        if token is None or token.token_type != TokenType.STRING:
            raise _refused()
        self._here += 1
        return f" LIKE {text(token.text)}"

    def _end(self, sql: str, tables: tuple[TableRef, ...]) -> ShowStatement:
        if self._peek() is not None:
            raise _refused()
        return ShowStatement(sql, tables)

    def _peek(self) -> Token | None:
        return self._tokens[self._here] if self._here < len(self._tokens) else None

    def _has(self, *words: str) -> bool:
        token = self._peek()
        if token is None or token.token_type == TokenType.IDENTIFIER:
            return False
        if token.token_type == TokenType.STRING or token.text.lower() not in words:
            return False
        self._here += 1
        return True

    def _name(self) -> str | None:
        token = self._peek()
        if token is None or not _is_name(token):
            return None
        self._here += 1
        return token.text


def _is_name(token: Token) -> bool:
    if token.token_type == TokenType.IDENTIFIER:
        return True
    return token.token_type != TokenType.STRING and _NAME.match(token.text) is not None


def _written(table: TableRef) -> str:
    return ".".join(quoted(part) for part in (table.schema, table.name) if part)


def _refused() -> Forbidden:
    return Forbidden(
        f"SHOW is allowed for {_KNOWN}, optionally with LIKE and a string; for more, query "
        "information_schema.tables or information_schema.columns.",
        code="statement_not_allowed",
    )
