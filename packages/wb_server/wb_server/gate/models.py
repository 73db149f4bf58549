"""The result of the gate's analysis of a statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .dialects.fields import Named
from .dialects.tables import TableRef

DialectName = Literal["postgres", "duckdb", "mysql"]


@dataclass(frozen=True)
class Statement:
    """What a statement is, what it touches, and the only text of it that may be sent.

    Attributes:
        kind: ``read`` changes nothing; ``write`` changes data or structure.
        sql: rendered from the checked tree, with the parameters inlined.
        tables: every base table that is read or written, sorted, each once. No CTE names.
        written: the targets of a write.
        returns_rows: True for a read, or a write with RETURNING.
        structural: it changes structure, or empties a table as if it were recreated.
        named: names that may stand for code in the database, which only the database can rule out.
        shows_texts: its answer is a plan that could show a view's definition, so only tables may
            be explained.
    """

    kind: Literal["read", "write"]
    sql: str
    tables: tuple[TableRef, ...]
    written: tuple[TableRef, ...]
    returns_rows: bool
    structural: bool = False
    shows_texts: bool = False
    named: Named = Named()  # noqa: RUF009  frozen
