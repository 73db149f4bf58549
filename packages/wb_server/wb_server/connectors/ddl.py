"""Writes a table's definition as SQL, to show it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .models import ColumnInfo


def name(text: str, mark: str = '"') -> str:
    """A name as SQL, quoted unless it is plain."""
    if re.fullmatch(r"[a-z_][a-z0-9_]*", text):
        return text
    return mark + text.replace(mark, mark * 2) + mark


def create_table(
    path: Sequence[str],
    columns: Sequence[ColumnInfo],
    *,
    defaults: Sequence[str] = (),
    constraints: Sequence[str] = (),
) -> str:
    """A ``CREATE TABLE`` statement.

    Args:
        path: the table's name, after its schema if it has one.
        columns: its columns in order.
        defaults: what follows each column's type, such as ``DEFAULT 0``.
        constraints: its constraints, as they are written after the columns.
    """
    extras = defaults or [""] * len(columns)
    lines = [
        " ".join(
            part
            for part in (name(it.name), it.type, extra, "" if it.nullable else "NOT NULL")
            if part
        )
        for it, extra in zip(columns, extras, strict=True)
    ]
    body = ",\n".join(f"    {line}" for line in (*lines, *constraints))
    return f"CREATE TABLE {'.'.join(name(part) for part in path)} (\n{body}\n)"
