"""A small lexer of SQL: it finds parameters and ends of statements, and no more.

What a statement means is the service's business. Here it only matters what is a text, a comment or a
quoted name, because inside them ``:name`` isn't a parameter and ``;`` doesn't end a statement.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_PIECES = re.compile(
    rf"""
      (?P<line>--[^\n]*)
    | (?P<hash>\#[^\n]*)
    | (?P<block>/\*)
    | (?P<escaped>(?<![A-Za-z0-9_])[eE]'(?:[^'\\]|''|\\.)*(?:'|\Z))
    | (?P<text>')
    | (?P<quoted>"(?:[^"]|"")*(?:"|\Z)|`[^`]*(?:`|\Z))
    | (?P<dollar>(?<![A-Za-z0-9_$])\$(?P<tag>(?:{_NAME})?)\$.*?(?:\$(?P=tag)\$|\Z))
    | (?P<cast>::)
    | (?P<parameter>(?<![A-Za-z0-9_'"`\]]):(?P<name>{_NAME}))
    | (?P<end>;)
    """,
    re.VERBOSE | re.DOTALL,
)
_PLAIN_TEXT = re.compile(r"'(?:[^']|'')*(?:'|\Z)", re.DOTALL)
_BACKSLASH_TEXT = re.compile(r"'(?:[^'\\]|''|\\.)*(?:'|\Z)", re.DOTALL)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_TEMPLATE = re.compile(r"\{\{\s*([A-Za-z_][^{}]*?)\s*\}\}|\{%.*?%\}", re.DOTALL)


class _Piece(NamedTuple):
    """A part of the text that isn't plain code: its kind and place; for a parameter, its name."""

    kind: str
    start: int
    end: int
    name: str = ""


class Lexer(NamedTuple):
    """Finds parameters and ends of statements in the SQL of a dialect.

    Attributes:
        backslash_escapes: True if a backslash escapes a quote in a plain text.
        hash_comments: True if ``#`` begins a comment; otherwise it is an operator.
        nested_comments: True if a block comment may contain another.
    """

    backslash_escapes: bool = False
    hash_comments: bool = False
    nested_comments: bool = True

    @classmethod
    def of(cls, sql: Mapping[str, Any]) -> Lexer:
        """The lexer for a connector's SQL, as the service describes it."""
        return cls(**{name: sql[name] for name in cls._fields if name in sql})

    def parameters(self, sql: str) -> list[str]:
        """The names of ``:name`` parameters, each once, in order."""
        return list(dict.fromkeys(name for name, _, _ in self.places(sql)))

    def places(self, sql: str) -> list[tuple[str, int, int]]:
        """Each ``:name`` parameter with where it starts and ends, in order."""
        return [(p.name, p.start, p.end) for p in self._pieces(sql) if p.kind == "parameter"]

    def split(self, sql: str) -> list[str]:
        """The statements of a text, as written, without those that consist of comments."""
        statements, start, at, code = [], 0, 0, False
        ends = [_Piece("end", len(sql), len(sql))]
        for piece in (*self._pieces(sql), *ends):
            code = code or bool(sql[at : piece.start].strip())
            at = piece.end
            if piece.kind == "end":
                if code:
                    statements.append(sql[start : piece.start].strip())
                start, code = piece.end, False
            elif piece.kind != "comment":
                code = True
        return statements

    def template(self, sql: str) -> str | None:
        """The first ``{{ name }}`` or ``{% … %}`` that a template engine would fill in.

        In a text, a quoted name or a comment it is literal.
        """
        found = list(_TEMPLATE.finditer(sql))
        if not found:
            return None
        spans = [p for p in self._pieces(sql) if p.kind in ("text", "quoted", "comment")]
        starts = [p.start for p in spans]
        for match in found:
            before = bisect_right(starts, match.start())
            if not before or spans[before - 1].end <= match.start():
                return match[0]
        return None

    def _pieces(self, sql: str) -> Iterator[_Piece]:
        """Comments, texts, quoted names, parameters and ends of statements, from left to right."""
        at = 0
        while match := _PIECES.search(sql, at):
            kind, start, end = str(match.lastgroup), match.start(), match.end()
            if match["dollar"] is not None:
                kind = "text"
            if kind == "hash" and not self.hash_comments:
                at = start + 1  # an operator: JSON paths, exclusive or
                continue
            if kind == "text" and match["dollar"] is None:
                pattern = _BACKSLASH_TEXT if self.backslash_escapes else _PLAIN_TEXT
                found = pattern.match(sql, start)
                end = found.end() if found else len(sql)
            if kind == "block":
                end = _comment_end(sql, start, nested=self.nested_comments)
            at = end
            if match["parameter"] is not None:
                yield _Piece("parameter", start, end, match["name"])
            elif kind in ("line", "hash", "block"):
                yield _Piece("comment", start, end)
            elif kind == "end":
                yield _Piece("end", start, end)
            elif kind != "cast":
                yield _Piece("quoted" if kind == "quoted" else "text", start, end)


def _comment_end(sql: str, start: int, *, nested: bool) -> int:
    depth, at = 0, start
    while match := _COMMENT_EDGE.search(sql, at):
        at = match.end()
        if match[0] == "/*":
            depth += 1 if nested or not depth else 0
        else:
            depth -= 1
            if depth == 0:
                return at
    return len(sql)
