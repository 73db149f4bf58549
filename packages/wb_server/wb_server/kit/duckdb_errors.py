"""Positions in DuckDB's error messages."""

from __future__ import annotations

import re


def place_of(message: str, sql: str) -> dict[str, int]:
    """The line and column from an excerpt: ``LINE 2: select …`` with a caret below.

    Args:
        message: DuckDB's.
        sql: the statement. Of a long line the excerpt has only a part, which is looked up in it; without
            a column if the line has such a part more than once.
    """
    found = re.search(r"LINE (\d+): (.*)\n( *)\^", message)
    if not found:
        return {}
    number, shown = int(found[1]), found[2]
    column = len(found[3]) - len(f"LINE {number}: ") + 1
    if shown.startswith("..."):
        lines = sql.split("\n")
        line = lines[number - 1] if number <= len(lines) else ""
        part = shown.removeprefix("...").removesuffix("...").rstrip()
        if line.count(part) != 1:
            return {"line": number}
        column += line.index(part) - 3
    return {"line": number, "column": column} if column > 0 else {}
