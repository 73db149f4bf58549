"""nbclient's client with what unattended runs need: bounded outputs, and no limit on their number."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from queue import Empty
from typing import Any

from nbclient.client import NotebookClient, timestamp
from nbclient.exceptions import CellExecutionComplete
from nbclient.util import ensure_async
from nbformat import NotebookNode

from ...kit.failure import TaskFailed
from .outputs import CellOutputs, NotebookOutputs, collected, error_output, output_of
from .printlog import PrintLog

# After a cell's reply its last outputs are awaited as long as any arrive, and then for so many seconds.
QUIET_SECONDS = 20.0
# Reading a message for longer than this many seconds is followed by a pause of the same length.
_LONG_READ_SECONDS = 0.02
_SLICE_SECONDS = 0.01
_WIDGET_BYTES = 5 * 2**20
_OUTPUTS_BYTES = 64 * 2**10
_MAX_OUTPUTS = 100
_OUTPUT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_DISPLAYS = frozenset({"execute_result", "display_data", "update_display_data", "error"})
_SUCCESS = frozenset({"", "0", "None", "False"})


class CellClient(NotebookClient):
    """Executes cells.

    Args:
        prints: gets what cells print, and their errors.

    Attributes:
        exited: the cell that ran last ended the notebook, as ``exit()`` does.
        refused: the error for a value of ``wb.output`` that can't be kept.
        missed: the end of the last cell's outputs never arrived.
    """

    def __init__(self, notebook: NotebookNode, cell_seconds: float, prints: PrintLog) -> None:
        super().__init__(notebook, timeout=round(cell_seconds) or None, record_timing=True)
        self.collected: dict[str, Any] = {}
        self.refused: TaskFailed | None = None
        self.exited = False
        self.missed = False
        self._prints = prints
        self._notebook_outputs = NotebookOutputs()
        self._cell: NotebookNode | None = None
        self._outputs = CellOutputs(self._notebook_outputs)
        self._received = 0
        self._widget_sizes: dict[tuple[str, str], int] = {}
        self._widget_bytes = 0
        # Without handlers: an output widget would keep all it captures in its state, unbounded.
        self.widget_registry = {}

    async def async_execute_cell(self, cell: NotebookNode, *args: Any, **more: Any) -> NotebookNode:
        self._cell, self._outputs = cell, CellOutputs(self._notebook_outputs)
        self.exited = self.missed = False
        return await super().async_execute_cell(cell, *args, **more)

    async def run_silently(self, code: str) -> dict[str, Any]:
        """Runs code that leaves no trace in the notebook or the history; returns the reply's content."""
        assert self.kc is not None
        number = await ensure_async(self.kc.execute(code, silent=True, store_history=False))
        reply = await self.async_wait_for_reply(number)
        return dict((reply or {}).get("content") or {})

    def keep(self) -> None:
        """Writes the outputs so far into the cell."""
        if self._cell is not None:
            self._cell.outputs = self._outputs.nodes()

    @property
    def shows_error(self) -> bool:
        """Whether the cell shows an error."""
        return self._outputs.shows_error

    def show_error(self, name: str, value: str, traceback: str = "") -> None:
        """Adds an error to the cell that ran last."""
        lines = traceback.splitlines() or [f"{name}: {value}"]
        self._outputs.add(error_output(name, value, lines))
        self._prints.error(lines)

    def show_note(self, text: str) -> None:
        """Adds a line of ours to the cell that ran last."""
        self._outputs.add_text("stderr", f"[{text}]\n")

    # --- what nbclient does otherwise ----------------------------------------------------------

    async def _async_poll_for_reply(
        self,
        msg_id: str,
        cell: NotebookNode,
        timeout: int | None,
        task_poll_output_msg: asyncio.Future[Any],
        task_poll_kernel_alive: asyncio.Future[Any],
    ) -> dict[str, Any]:
        """As in nbclient, but a cell whose reply is there never fails because of its outputs.

        nbclient gives the outputs a fixed time. Here they may take as long as they come; and if the last
        message was lost, as it can be in kernels that drop what isn't read in time, the cell has still ended.
        """
        assert self.kc is not None
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            while True:
                left = None if deadline is None else max(0.0, deadline - time.monotonic())
                try:
                    reply = await ensure_async(self.kc.shell_channel.get_msg(timeout=left))
                except Empty:
                    assert timeout is not None
                    await self._async_check_alive()
                    await self._async_handle_timeout(timeout, cell)
                    continue
                if reply["parent_header"].get("msg_id") == msg_id:
                    break
            cell["metadata"]["execution"]["shell.execute_reply"] = timestamp(reply)
            while not task_poll_output_msg.done():
                before = self._received
                await asyncio.wait({task_poll_output_msg}, timeout=QUIET_SECONDS)
                if self._received == before and not task_poll_output_msg.done():
                    task_poll_output_msg.cancel()
                    self.missed = True
                    break
            else:
                task_poll_output_msg.result()
            return dict(reply)
        finally:
            task_poll_kernel_alive.cancel()

    async def _async_poll_output_msg(
        self, parent_msg_id: str, cell: NotebookNode, cell_index: int
    ) -> None:
        """As in nbclient, but leaves time for others.

        For a cell that prints endlessly the next message is always available: without pauses, no other
        task would run, and a stop would go unnoticed. After a long read it sleeps for as long as the read
        took, so that other threads get time, among them the keeper of this attempt's lease.
        """
        assert self.kc is not None
        slice_began = time.monotonic()
        while True:
            began = time.thread_time()
            message = await self.kc.iopub_channel.get_msg(timeout=None)
            self._received += 1
            if message["parent_header"].get("msg_id") == parent_msg_id:
                try:
                    self.process_message(message, cell, cell_index)
                except CellExecutionComplete:
                    return
            took = time.thread_time() - began
            if took > _LONG_READ_SECONDS or time.monotonic() - slice_began > _SLICE_SECONDS:
                await asyncio.sleep(took if took > _LONG_READ_SECONDS else 0)
                slice_began = time.monotonic()

    def process_message(
        self, msg: dict[str, Any], cell: NotebookNode, cell_index: int
    ) -> NotebookNode | None:
        """Takes outputs itself, the most frequent first, and leaves everything else to nbclient."""
        kind, content = msg["msg_type"], msg["content"]
        if kind == "stream":
            name = "stderr" if content.get("name") == "stderr" else "stdout"
            text = str(content.get("text") or "")
            self._clear_if_asked()
            self._outputs.add_text(name, text)
            self._prints.add(name, text)
        elif kind in _DISPLAYS:
            self._show(msg, kind, content, cell)
        else:
            return super().process_message(msg, cell, cell_index)
        return None

    def _show(
        self, msg: dict[str, Any], kind: str, content: dict[str, Any], cell: NotebookNode
    ) -> None:
        display_id = (content.get("transient") or {}).get("display_id")
        if kind == "update_display_data":
            node = output_of(msg, "display_data")
            if node is not None and display_id:
                self._notebook_outputs.update(str(display_id), node)
            return
        node = output_of(msg, kind)
        if node is None or (kind == "error" and _is_success(node.ename, node.evalue)):
            return
        if kind == "execute_result":
            cell["execution_count"] = node.execution_count
        if (found := collected(msg)) is not None:
            self._collect(found)
        self._clear_if_asked()
        self._outputs.add(node, str(display_id) if display_id else None)
        if kind == "error":
            self._prints.error(node.traceback or [f"{node.ename}: {node.evalue}"])

    async def _check_raise_for_error(
        self, cell: NotebookNode, cell_index: int, exec_reply: dict[str, Any] | None
    ) -> None:
        content = (exec_reply or {}).get("content") or {}
        if content.get("status") == "error":
            self.exited = _is_success(content.get("ename"), content.get("evalue"))
        else:
            # Sent by kernels that exit on their own, such as R's by `quit()`.
            self.exited = any(
                isinstance(each, dict)
                and each.get("source") == "ask_exit"
                and not each.get("keepkernel")
                for each in content.get("payload") or ()
            )
        if not self.exited:
            await super()._check_raise_for_error(cell, cell_index, exec_reply)

    def clear_output(self, outs: Any, msg: dict[str, Any], cell_index: int) -> None:
        if msg["content"].get("wait"):
            self.clear_before_next_output = True
        else:
            self._outputs.clear()

    def _clear_if_asked(self) -> None:
        if self.clear_before_next_output:
            self._outputs.clear()
            self.clear_before_next_output = False

    def handle_comm_msg(self, outs: Any, msg: dict[str, Any], cell_index: int) -> None:
        """Keeps the state of widgets while it is small, and drops all of it once it isn't."""
        content = msg["content"]
        state = (content.get("data") or {}).get("state")
        for key, value in state.items() if isinstance(state, dict) else ():
            at = (str(content.get("comm_id")), str(key))
            size = len(json.dumps(value, default=str))
            self._widget_bytes += size - self._widget_sizes.get(at, 0)
            self._widget_sizes[at] = size
        if self._widget_bytes <= _WIDGET_BYTES:
            # Widgets' messages are free in form; one that nbclient can't read must not end the cell.
            with contextlib.suppress(KeyError, TypeError, AttributeError):
                super().handle_comm_msg(outs, msg, cell_index)
        else:
            self.widget_state.clear()
            self.widget_buffers.clear()
            self.store_widget_state = False

    def _collect(self, found: dict[str, Any]) -> None:
        name, value = found["name"], found["value"]
        outputs = self.collected | {name: value}
        # Raised after the cell: raised here, it would leave the cell's other messages unread.
        if not _OUTPUT_NAME.fullmatch(name):
            self.refused = TaskFailed(
                "bad_output", f"{name[:80]!r} can't be an output: see wb.output.", retry=False
            )
        elif len(outputs) > _MAX_OUTPUTS:
            self.refused = TaskFailed(
                "outputs_too_large",
                f"The notebook passes on more than {_MAX_OUTPUTS} values with wb.output. Combine them "
                "in a dictionary, or write them to a table or a file.",
                retry=False,
            )
        elif len(json.dumps(outputs)) > _OUTPUTS_BYTES:
            self.refused = TaskFailed(
                "outputs_too_large",
                f"The values of wb.output exceed {_OUTPUTS_BYTES // 1024} KiB in total. Write "
                "large values to a table or a file, and pass on its name.",
                retry=False,
            )
        else:
            self.collected = outputs


def _is_success(name: Any, value: Any) -> bool:
    """Whether an error is the one by which Python code exits with status 0."""
    return name == "SystemExit" and value in _SUCCESS
