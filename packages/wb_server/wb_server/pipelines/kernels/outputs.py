"""Bounds the outputs of cells as they arrive: keeps the end, and notes how much was dropped."""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

CELL_BYTES = 10 * 2**20
NOTEBOOK_BYTES = 50 * 2**20
# Text that a progress bar has overwritten.
_OVERDRAWN = re.compile(r"[^\n]*\r(?=[^\n\r])")


@dataclass
class OutputBudget:
    """The bytes that remain for the outputs of all cells of a notebook."""

    left: int = NOTEBOOK_BYTES


@dataclass
class _StreamOutput:
    """The text of one stream, in the pieces in which it arrived."""

    name: str
    pieces: deque[str] = field(default_factory=deque)
    size: int = 0

    def add(self, text: str) -> None:
        self.pieces.append(text)
        self.size += _size(text)

    def cut(self, excess: int) -> int:
        """Drops ``excess`` bytes from the beginning, or all, and returns how many were dropped."""
        taken = 0
        while self.pieces and taken < excess:
            piece = self.pieces.popleft()
            size = _size(piece)
            if taken + size > excess:
                kept = piece.encode("utf-8", "replace")[excess - taken :].decode("utf-8", "ignore")
                self.pieces.appendleft(kept)
                size -= _size(kept)
                taken += size
                break
            taken += size
        self.size -= taken
        return taken

    def node(self) -> NotebookNode:
        text = "".join(self.pieces)
        # Replace the pieces, so that the next save doesn't join them all again.
        self.pieces = deque([text])
        if "\r" in text:
            text = _OVERDRAWN.sub("", text)
        node: NotebookNode = new_output("stream", name=self.name, text=text)
        return node


@dataclass
class _DisplayOutput:
    """A table, an image, an error."""

    node: NotebookNode
    size: int


class CellOutputs:
    """The outputs of one cell.

    Args:
        budget: of the notebook; outputs draw on it, and dropped ones return their bytes.
    """

    def __init__(self, budget: OutputBudget, limit: int = CELL_BYTES) -> None:
        self._budget = budget
        self._limit = limit
        self._items: deque[_StreamOutput | _DisplayOutput] = deque()
        self._size = 0
        self._dropped = 0
        self._by_display: dict[str, list[_DisplayOutput]] = {}

    def add(self, node: NotebookNode, display_id: str | None = None) -> None:
        """Adds an output."""
        if node.output_type == "stream":
            last = self._items[-1] if self._items else None
            if not isinstance(last, _StreamOutput) or last.name != node.name:
                last = _StreamOutput(node.name)
                self._items.append(last)
            last.add(node.text)
            self._grow(_size(node.text))
        else:
            shown = _DisplayOutput(node, _size_of(node))
            self._items.append(shown)
            if display_id:
                self._by_display.setdefault(display_id, []).append(shown)
            self._grow(shown.size)

    def update(self, display_id: str, node: NotebookNode) -> None:
        """Replaces the outputs shown under a display id."""
        size = _size_of(node)
        for shown in self._by_display.get(display_id, ()):
            shown.node.data, shown.node.metadata = node.data, node.metadata
            change, shown.size = size - shown.size, size
            self._grow(change)

    def clear(self) -> None:
        """Removes all outputs."""
        self._budget.left += self._size
        self._size = self._dropped = 0
        self._items.clear()
        self._by_display.clear()

    def nodes(self) -> list[NotebookNode]:
        """The outputs as notebook nodes, after a note on how much was dropped, if any."""
        nodes = [
            item.node() if isinstance(item, _StreamOutput) else item.node for item in self._items
        ]
        if self._dropped:
            note = (
                f"[{_amount(self._dropped)} of earlier output was dropped: a cell keeps its "
                f"last {_amount(self._limit)}, a notebook {_amount(NOTEBOOK_BYTES)} in total.]\n"
            )
            nodes.insert(0, new_output("stream", name="stderr", text=note))
        return nodes

    def _grow(self, size: int) -> None:
        self._size += size
        self._budget.left -= size
        excess = max(self._size - self._limit, -self._budget.left)
        while excess > 0 and self._items:
            first = self._items[0]
            if isinstance(first, _StreamOutput):
                taken = first.cut(excess)
                if not first.pieces:
                    self._items.popleft()
            else:
                taken = first.size
                self._items.popleft()
                for shown in self._by_display.values():
                    if first in shown:
                        shown.remove(first)
            self._size -= taken
            self._budget.left += taken
            self._dropped += taken
            excess -= max(taken, 1)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _size_of(node: NotebookNode) -> int:
    if node.output_type == "error":
        return sum(_size(str(line)) for line in (*node.traceback, node.evalue))
    return sum(
        _size(value) if isinstance(value, str) else _size(json.dumps(value, default=str))
        for value in (*node.data.values(), node.metadata)
    )


def _amount(size: int) -> str:
    return f"{size / 2**20:.0f} MiB" if size >= 2**20 else f"{max(1, size // 1024)} KiB"


def collected(message: dict[str, Any]) -> dict[str, Any] | None:
    """The ``name`` and ``value`` of a ``wb.output`` message; ``None`` for any other message."""
    data = message["content"].get("data") or {}
    found = data.get(OUTPUT)
    if not isinstance(found, dict) or not isinstance(found.get("name"), str):
        return None
    return found if "value" in found else None


# The media type of `wb.output`; must match wb_kernels/outputs.py.
OUTPUT = "application/vnd.workbench.output+json"
