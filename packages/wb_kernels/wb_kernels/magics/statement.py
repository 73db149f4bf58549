"""A small lexer of SQL text: enough to find parameters and ends of statements, and no more.

What a statement means is the service's business. Here it only matters what is text, comment or a
quoted name, because a ``:name`` in these is no parameter and a ``;`` no end.
"""

from __future__ import annotations

import re
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
    statements, start, code = [], 0, sql
    found = list(pieces(sql, connector))
    for piece in found:
        if piece.kind == "comment":
            blank = " " * (piece.end - piece.start)
            code = code[: piece.start] + blank + code[piece.end :]
    for end in [*(p.start for p in found if p.kind == "end"), len(sql)]:
        if code[start:end].strip():
            statements.append(sql[start:end].strip())
        start = end + 1
    return statements


def template(sql: str, connector: str = "") -> str | None:
    """The first ``{{ name }}`` or ``{% … %}`` that a template engine would have filled in.

    Texts are searched as well, since ``'{{name}}'`` is how it used to be written; only ``{%`` has
    too many other uses in a text.
    """
    spans = [(p.start, p.end, p.kind) for p in pieces(sql, connector) if p.kind != "parameter"]
    for match in _TEMPLATE.finditer(sql):
        inside = next((kind for a, b, kind in spans if a <= match.start() < b), None)
        if inside == "comment" or (inside and match[1] is None):
            continue
        return match[0]
    return None
