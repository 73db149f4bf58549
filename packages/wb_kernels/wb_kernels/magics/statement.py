"""A small lexer of SQL text: enough to find parameters and ends of statements, and no more.

What a statement means is the service's business. Here it only matters what is text, comment or a
quoted name, because a ``:name`` in these is no parameter and a ``;`` no end.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

# Dialects where a backslash escapes a quote in plain strings.
_BACKSLASH = {"mysql", "mariadb", "bigquery", "clickhouse", "databricks", "snowflake", "spark"}
_HASH_COMMENT = {"mysql", "mariadb", "bigquery"}

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


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the text that isn't plain code: its kind, place and, for a parameter, name."""

    kind: str
    start: int
    end: int
    name: str = ""


def pieces(sql: str, connector: str = "") -> Iterator[Piece]:
    """Comments, texts, quoted names, parameters and ends of statements, from left to right."""
    at = 0
    while match := _PIECES.search(sql, at):
        kind, start, end = str(match.lastgroup), match.start(), match.end()
        if match["dollar"] is not None:
            kind = "text"
        if kind == "hash" and connector not in _HASH_COMMENT:
            at = start + 1  # an operator elsewhere: JSON paths, exclusive or
            continue
        if kind == "text" and match["dollar"] is None:
            pattern = _BACKSLASH_TEXT if connector in _BACKSLASH else _PLAIN_TEXT
            found = pattern.match(sql, start)
            end = found.end() if found else len(sql)
        if kind == "block":
            end = _comment_end(sql, start, nested=connector not in _BACKSLASH)
        at = end
        if match["parameter"] is not None:
            yield Piece("parameter", start, end, match["name"])
        elif kind in ("line", "hash", "block"):
            yield Piece("comment", start, end)
        elif kind == "end":
            yield Piece("end", start, end)
        elif kind != "cast":
            yield Piece("quoted" if kind == "quoted" else "text", start, end)


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


def parameters(sql: str, connector: str = "") -> list[str]:
    """The names of ``:name`` parameters, each once, in their order."""
    return list(dict.fromkeys(p.name for p in pieces(sql, connector) if p.kind == "parameter"))


def split(sql: str, connector: str = "") -> list[str]:
    """The statements of a text, as they are written, without those that are only comments."""
    statements, start, at, code = [], 0, 0, False
    ends = [Piece("end", len(sql), len(sql))]
    for piece in (*pieces(sql, connector), *ends):
        code = code or bool(sql[at : piece.start].strip())
        at = piece.end
        if piece.kind == "end":
            if code:
                statements.append(sql[start : piece.start].strip())
            start, code = piece.end, False
        elif piece.kind != "comment":
            code = True
    return statements


def template(sql: str, connector: str = "") -> str | None:
    """The first ``{{ name }}`` or ``{% … %}`` that a template engine would have filled in.

    In a text, a quoted name or a comment it is a part of that, and stays.
    """
    found = list(_TEMPLATE.finditer(sql))
    if not found:
        return None
    spans = [p for p in pieces(sql, connector) if p.kind in ("text", "quoted", "comment")]
    starts = [p.start for p in spans]
    for match in found:
        before = bisect_right(starts, match.start())
        if not before or spans[before - 1].end <= match.start():
            return match[0]
    return None
