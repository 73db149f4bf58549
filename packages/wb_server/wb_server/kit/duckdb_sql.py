"""Names and strings in DuckDB's SQL."""

from __future__ import annotations

import re


def literal(text: str) -> str:
    """A string as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def file_literal(path: str) -> str:
    """A file's path as an SQL literal, in which DuckDB's wildcards stand for themselves."""
    return literal(plain_pattern(path))


def plain_pattern(path: str) -> str:
    """The pattern that fits only this file; a URL has no wildcards."""
    return re.sub(r"[*?\[]", r"[\g<0>]", path) if path.startswith("/") else path
