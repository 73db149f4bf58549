"""Bounds the outputs of cells as they arrive: keeps the end, and notes how much was dropped.

The cost of an output doesn't depend on how many came before it.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode

from .streamtext import StreamText, byte_size

CELL_BYTES = 10 * 2**20
NOTEBOOK_BYTES = 50 * 2**20
# What a cell may keep even if the cells before it have used up the notebook's limit: its error above all.
LEAST_BYTES = 64 * 2**10
# Added to the size of each output: its JSON takes space, and a notebook of a million short outputs
# couldn't be opened.
OVERHEAD = 512
# The media type of `wb.output`; must match wb_kernels/outputs.py.
OUTPUT = "application/vnd.workbench.output+json"


@dataclass(eq=False)
class _Display:
    """A table, an image, an error.

    Attributes:
        shown: what its display id shows, which it shares with other outputs of the same id.
    """

    node: NotebookNode
    shown: _Shown


@dataclass(eq=False)
class _Shown:
    """The content of displays with the same id.

    Attributes:
        count: of the displays that are kept.
    """

    data: dict[str, Any]
    metadata: dict[str, Any]
    size: int
    cell: CellOutputs
    display_id: str | None = None
    count: int = 0


@dataclass
class NotebookOutputs:
    """What the outputs of all cells of a notebook share.

    Attributes:
        left: the bytes that remain.
        displays: what each display id shows; a later cell may update it.
    """

    left: int = NOTEBOOK_BYTES
    displays: dict[str, _Shown] = field(default_factory=dict)

    def update(self, display_id: str, node: NotebookNode) -> None:
        """Replaces what a display id shows; does nothing if it isn't shown."""
        shown = self.displays.get(display_id)
        if shown is None:
            return
        # In place: finished cells hold the same objects.
        for kept, new in ((shown.data, node.data), (shown.metadata, node.metadata)):
            kept.clear()
            kept.update(new)
        size = _size_of(node)
        change, shown.size = (size - shown.size) * shown.count, size
        shown.cell._grow(change)


class CellOutputs:
    """The outputs of one cell.

    Args:
        notebook: outputs draw on its bytes, and dropped ones return theirs.
    """

    def __init__(
        self, notebook: NotebookOutputs, limit: int = CELL_BYTES, least: int = LEAST_BYTES
    ) -> None:
        self._notebook = notebook
        self._limit = limit
        self._least = least
        self._items: deque[StreamText | _Display] = deque()
        self._size = 0
        self._dropped = 0

    def add_text(self, name: str, text: str) -> None:
        """Adds text that was printed to ``stdout`` or ``stderr``."""
        last = self._items[-1] if self._items else None
        size = 0
        if not isinstance(last, StreamText) or last.name != name:
            last = StreamText(name)
            self._items.append(last)
            size = OVERHEAD
        before = last.size
        last.add(text)
        self._grow(size + last.size - before)

    def add(self, node: NotebookNode, display_id: str | None = None) -> None:
        """Adds an output that isn't text of a stream."""
        shown = self._notebook.displays.get(display_id) if display_id else None
        if shown is None:
            data, metadata = node.get("data", {}), node.get("metadata", {})
            shown = _Shown(data, metadata, _size_of(node), self, display_id)
            if display_id:
                self._notebook.displays[display_id] = shown
        else:
            self._notebook.update(shown.display_id or "", node)
            node.data, node.metadata, shown.cell = shown.data, shown.metadata, self
        shown.count += 1
        self._items.append(_Display(node, shown))
        self._grow(shown.size)

    def clear(self) -> None:
        """Removes all outputs."""
        for item in self._items:
            self._forget(item)
        self._notebook.left += self._size
        self._size = self._dropped = 0
        self._items.clear()

    @property
    def shows_error(self) -> bool:
        """Whether there is an error among them."""
        return any(
            isinstance(item, _Display) and item.node.output_type == "error" for item in self._items
        )

    def nodes(self) -> list[NotebookNode]:
        """The outputs as notebook nodes, after a note on how much was dropped, if any."""
        nodes = [
            _stream(item.name, item.text()) if isinstance(item, StreamText) else item.node
            for item in self._items
        ]
        if self._dropped:
            note = (
                f"[{_amount(self._dropped)} of earlier output was dropped: a cell keeps its "
                f"last {_amount(self._limit)}, a notebook {_amount(NOTEBOOK_BYTES)} in total.]\n"
            )
            nodes.insert(0, _stream("stderr", note))
        return nodes

    def _grow(self, size: int) -> None:
        self._size += size
        self._notebook.left -= size
        excess = max(self._size - self._limit, min(-self._notebook.left, self._size - self._least))
        while excess > 0 and self._items:
            first = self._items[0]
            if isinstance(first, StreamText):
                taken = first.cut(excess)
                if not first.size:
                    taken += OVERHEAD
                    self._items.popleft()
            else:
                taken = first.shown.size
                self._items.popleft()
                self._forget(first)
            self._size -= taken
            self._notebook.left += taken
            self._dropped += taken
            excess -= taken

    def _forget(self, item: StreamText | _Display) -> None:
        if isinstance(item, _Display):
            shown = item.shown
            shown.count -= 1
            if not shown.count and self._notebook.displays.get(shown.display_id or "") is shown:
                del self._notebook.displays[shown.display_id or ""]


def output_of(message: dict[str, Any], kind: str) -> NotebookNode | None:
    """The output that a message of a kernel shows; None if it shows none.

    Built without nbformat's validation, which takes longer than everything else that is done with an
    output; so kernels' mistakes are mended here.

    Args:
        kind: the message's type, ``update_display_data`` as ``display_data``.
    """
    content = message["content"]
    if kind == "error":
        lines = content.get("traceback")
        return error_output(
            str(content.get("ename") or "Error"),
            str(content.get("evalue") or ""),
            [str(line) for line in lines] if isinstance(lines, list) else [],
        )
    data, metadata = content.get("data"), content.get("metadata")
    if kind not in ("display_data", "execute_result") or not isinstance(data, dict):
        return None
    node = NotebookNode(
        output_type=kind,
        data=NotebookNode(data),
        metadata=NotebookNode(metadata if isinstance(metadata, dict) else {}),
    )
    if kind == "execute_result":
        count = content.get("execution_count")
        node.execution_count = count if isinstance(count, int) else None
    return node


def error_output(name: str, value: str, traceback: list[str]) -> NotebookNode:
    """An output that shows an error."""
    return NotebookNode(output_type="error", ename=name, evalue=value, traceback=traceback)


def collected(message: dict[str, Any]) -> dict[str, Any] | None:
    """The ``name`` and ``value`` of a ``wb.output`` message; ``None`` for any other message."""
    data = message["content"].get("data")
    found = data.get(OUTPUT) if isinstance(data, dict) else None
    if not isinstance(found, dict) or not isinstance(found.get("name"), str):
        return None
    return found if "value" in found else None


def _stream(name: str, text: str) -> NotebookNode:
    return NotebookNode(output_type="stream", name=name, text=text)


def _size_of(node: NotebookNode) -> int:
    if node.output_type == "error":
        return OVERHEAD + sum(byte_size(line) for line in (*node.traceback, node.evalue))
    return OVERHEAD + sum(
        byte_size(value) if isinstance(value, str) else byte_size(json.dumps(value, default=str))
        for value in (*node.data.values(), node.metadata)
    )


def _amount(size: int) -> str:
    return f"{size / 2**20:.0f} MiB" if size >= 2**20 else f"{max(1, size // 1024)} KiB"
