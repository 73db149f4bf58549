"""The connections that a user may use, and their display as a table."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ConnectionInfo:
    """A connection as the user sees it, without secrets.

    Attributes:
        name: the name that queries use.
        connector: the kind of source, such as ``postgres``.
        description: the owner's description.
        level: what the user may do: ``use``, ``write`` or ``manage``.
        status: ``ok``, ``failed`` or ``untested``.
        view: the whole answer of the service.
    """

    name: str
    connector: str
    description: str = ""
    level: str = ""
    status: str = ""
    view: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)


class Connections(list[ConnectionInfo]):
    """The user's connections: a list that is displayed as a table."""

    _COLUMNS = ("name", "connector", "level", "status", "description")

    @property
    def names(self) -> list[str]:
        """The names of the connections."""
        return [each.name for each in self]

    def _cells(self) -> list[tuple[str, ...]]:
        return [(c.name, c.connector, c.level, c.status, c.description) for c in self]

    def __repr__(self) -> str:
        if not self:
            return "No connections."
        rows = [self._COLUMNS, *self._cells()]
        widths = [max(len(row[i]) for row in rows) for i in range(len(self._COLUMNS))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )

    def _repr_html_(self) -> str:
        if not self:
            return "<p>No connections.</p>"
        style = ' style="text-align:left"'
        head = "".join(f"<th{style}>{each}</th>" for each in self._COLUMNS)
        body = "".join(
            "<tr>" + "".join(f"<td{style}>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self._cells()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
