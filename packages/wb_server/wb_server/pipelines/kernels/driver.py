"""Executes a notebook in a kernel, cell by cell, and saves it along the way.

nbclient executes the cells and handles the messages. This module adds what a pipeline needs: bounded
outputs, saves while the notebook runs, an end within seconds after a stop, and a notebook that shows
how far it came, however it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import time
from collections.abc import Callable
from typing import Any

import nbformat
from nbclient.client import NotebookClient
from nbclient.exceptions import (
    CellExecutionComplete,
    CellExecutionError,
    CellTimeoutError,
    DeadKernelError,
)
from nbclient.util import ensure_async
from nbformat import NotebookNode
from nbformat.v4 import new_output, output_from_msg

from ...kit.failure import TaskFailed
from .base import OutputTooLarge, RunningKernel
from .outputs import CellOutputs, OutputBudget, collected
from .parameters import inject

log = logging.getLogger(__name__)

SAVE_SECONDS = 3.0
# Seconds that a stopped cell has to end after an interrupt before its kernel is killed.
INTERRUPT_SECONDS = 2.0
_INFO_SECONDS = 60.0
_DYING_SECONDS = 3
# How long to wait for a cell's last outputs after its reply: there may be many before them.
_IOPUB_SECONDS = 60
# Reading a message for longer than this many seconds is followed by a pause of the same length.
_LONG_READ_SECONDS = 0.02
_WIDGET_BYTES = 5 * 2**20
_OUTPUTS_BYTES = 256 * 2**10
_MAX_OUTPUTS = 100
_STOPPED = "The notebook was stopped here."
_OUTPUT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


def read(content: bytes, path: str) -> NotebookNode:
    """Reads a notebook of any version as nbformat 4, without its outputs.

    Raises:
        TaskFailed: it isn't a notebook (``bad_notebook``).
    """
    try:
        notebook: NotebookNode = nbformat.convert(nbformat.reader.reads(content.decode()), 4)
        _, notebook = nbformat.validator.normalize(notebook)
        nbformat.validate(notebook)
    except Exception as error:
        # nbformat raises arbitrary exceptions for files that aren't notebooks.
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise TaskFailed(
            "bad_notebook", f"{path} can't be read as a notebook: {reason[0][:200]}", retry=False
        ) from error
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            cell.metadata.pop("execution", None)
    return notebook


class Driver:
    """Executes one notebook in one kernel.

    Args:
        notebook: changed in place.
        save: stores the notebook's bytes; the flag is ``True`` for the last save. Called in a thread.
        progress: called with the number of finished cells, their total, and a text.
        cell_seconds: the timeout of a cell; 0 for none.
    """

    def __init__(
        self,
        notebook: NotebookNode,
        kernel: RunningKernel,
        *,
        save: Callable[[bytes, bool], None],
        progress: Callable[[int, int, str], None],
        cell_seconds: float = 0.0,
    ) -> None:
        self._kernel = kernel
        self._save = save
        self._progress = progress
        self._client = _NotebookClient(notebook, cell_seconds)
        self._client.kc = kernel.client
        self._cells: list[int] = []
        self._at = 0
        self._saved: bytes | None = None

    @property
    def outputs(self) -> dict[str, Any]:
        """The values that the notebook has set with ``wb.output`` so far."""
        return dict(self._client.collected)

    async def run(self, parameters: dict[str, Any], stop: asyncio.Event) -> None:
        """Executes every cell, and saves the notebook at the end, however it ends.

        Args:
            stop: when set, the running cell is interrupted; its outputs are kept.

        Raises:
            TaskFailed: ``cell_failed``, ``cell_timeout``, ``kernel_died``, ``server_stopped``, …,
                or ``stopped`` after ``stop``.
        """
        saver = asyncio.create_task(self._save_while_it_runs())
        running = asyncio.create_task(self._run(parameters))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({running, stopping, saver}, return_when=asyncio.FIRST_COMPLETED)
            if stopping.done() and not running.done():
                await self._stop(running)
            elif not running.done():
                # A save failed: stop, because further results would be lost.
                await saver
            await running
        except asyncio.CancelledError:
            if stop.is_set():
                self._show_stopped()
                raise TaskFailed("stopped", _STOPPED, retry=False) from None
            raise
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            raise await self._failure(error, stop) from error
        finally:
            for task in (running, saver, stopping):
                task.cancel()
            await asyncio.gather(running, saver, stopping, return_exceptions=True)
            self._client.keep()
            self._client.set_widgets_metadata()
            await asyncio.to_thread(self._save, self._bytes(), True)

    async def _run(self, parameters: dict[str, Any]) -> None:
        notebook = self._client.nb
        language = await self._language()
        if parameters:
            if language.get("name") != "python":
                raise TaskFailed(
                    "parameters_not_taken",
                    "Only Python notebooks take parameters; this one is in "
                    f"{language.get('name')}.",
                    retry=False,
                )
            inject(notebook, parameters)
        self._cells = [
            index
            for index, cell in enumerate(notebook.cells)
            if cell.cell_type == "code" and cell.source.strip()
        ]
        total = len(self._cells)
        for number, index in enumerate(self._cells, 1):
            self._at = number
            self._progress(self._at - 1, total, f"cell {self._at} of {total}")
            try:
                await self._client.async_execute_cell(notebook.cells[index], index)
            finally:
                self._client.keep()
            if self._client.refused is not None:
                raise self._client.refused
            # The kernel may have died after its last reply.
            if not await ensure_async(self._kernel.client.is_alive()):
                raise DeadKernelError("Kernel died")
        self._progress(total, total, f"{total} cells")

    async def _language(self) -> dict[str, Any]:
        """The kernel's language info; its reply is also the first sign of life."""
        number = await ensure_async(self._kernel.client.kernel_info())
        try:
            reply = await asyncio.wait_for(self._client.async_wait_for_reply(number), _INFO_SECONDS)
        except TimeoutError:
            raise TaskFailed("kernel_did_not_start", "The kernel doesn't respond.") from None
        found = dict((reply or {}).get("content", {}).get("language_info", {}))
        self._client.nb.metadata["language_info"] = NotebookNode(found)
        return found

    async def _stop(self, running: asyncio.Task[None]) -> None:
        """Interrupts the running cell, so that it can show where it was, then gives it up."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._kernel.interrupt(), INTERRUPT_SECONDS)
        await asyncio.wait({running}, timeout=INTERRUPT_SECONDS)
        running.cancel()

    async def _failure(self, error: Exception, stop: asyncio.Event) -> Exception:
        """The error that ends the attempt. Adds it to the failed cell if that doesn't show it yet."""
        total = len(self._cells)
        failed: Exception
        position: dict[str, Any] = {"cell": self._at, "cells": total}
        cell = self._client.nb.cells[self._cells[self._at - 1]] if self._at else None
        if stop.is_set():
            self._show_stopped()
            return TaskFailed("stopped", _STOPPED, retry=False)
        if isinstance(error, CellExecutionError):
            # A server that is stopped interrupts its kernels first.
            if error.ename == "KeyboardInterrupt" and await self._is_dying():
                failed = await self._kernel.why_gone()
                self._client.show_error(type(failed).__name__, str(failed))
                return failed
            if not self._client.shows_error:
                self._client.show_error(error.ename, error.evalue, error.traceback)
            reason = f"{error.ename}: {error.evalue}" if error.evalue else error.ename
            return TaskFailed(
                "cell_failed",
                f"Cell {self._at} of {total} failed: {_short(reason)}",
                ename=error.ename,
                evalue=_short(error.evalue),
                index=self._cells[self._at - 1],
                cell_id=cell.get("id") if cell is not None else None,
                **position,
            )
        if isinstance(error, CellTimeoutError):
            failed = TaskFailed(
                "cell_timeout",
                f"Cell {self._at} of {total} exceeded its timeout of {self._client.timeout} s.",
                **position,
            )
        else:
            failed = await self._kernel.why_gone()
            if isinstance(failed, TaskFailed):
                failed.details |= position
        self._client.show_error(type(error).__name__, str(failed))
        return failed

    def _show_stopped(self) -> None:
        if not self._client.shows_error:
            self._client.show_error("Stopped", _STOPPED)

    async def _is_dying(self) -> bool:
        """Whether the kernel ends within the next seconds."""
        for _ in range(_DYING_SECONDS * 10):
            if not await ensure_async(self._kernel.client.is_alive()):
                return True
            await asyncio.sleep(0.1)
        return False

    async def _save_while_it_runs(self) -> None:
        pause = SAVE_SECONDS
        while True:
            await asyncio.sleep(pause)
            began = time.monotonic()
            self._client.keep()
            content = self._bytes()
            if content != self._saved:
                self._saved = content
                await asyncio.to_thread(self._save, content, False)
            # Saving a large notebook must not keep the worker busy.
            pause = max(SAVE_SECONDS, 10 * (time.monotonic() - began))

    def _bytes(self) -> bytes:
        text: str = nbformat.v4.writes_json(self._client.nb)
        return text.encode("utf-8", "replace")


class _NotebookClient(NotebookClient):
    """nbclient's client with bounded outputs."""

    def __init__(self, notebook: NotebookNode, cell_seconds: float) -> None:
        super().__init__(
            notebook,
            timeout=round(cell_seconds) or None,
            raise_on_iopub_timeout=True,
            iopub_timeout=_IOPUB_SECONDS,
            record_timing=True,
        )
        self.collected: dict[str, Any] = {}
        self.refused: TaskFailed | None = None
        self._budget = OutputBudget()
        self._cell: NotebookNode | None = None
        self._outputs = CellOutputs(self._budget)
        self._widget_bytes = 0
        # Without handlers: an output widget would keep all it captures in its state, unbounded.
        self.widget_registry = {}

    async def async_execute_cell(self, cell: NotebookNode, *args: Any, **more: Any) -> NotebookNode:
        self._cell, self._outputs = cell, CellOutputs(self._budget)
        return await super().async_execute_cell(cell, *args, **more)

    async def _async_poll_output_msg(
        self, parent_msg_id: str, cell: NotebookNode, cell_index: int
    ) -> None:
        """As in nbclient, but yields to the event loop between messages.

        For a cell that prints endlessly the next message is always available: without yielding, no other
        task would run, and a stop would go unnoticed. After a long read it sleeps for as long as the read
        took, so that other threads get time, among them the keeper of this attempt's lease.
        """
        assert self.kc is not None
        while True:
            began = time.thread_time()
            try:
                message = await ensure_async(self.kc.iopub_channel.get_msg(timeout=None))
            except OutputTooLarge:
                return  # `is_alive` is false from now on, and nbclient checks it
            took = time.thread_time() - began
            await asyncio.sleep(took if took > _LONG_READ_SECONDS else 0)
            if message["parent_header"].get("msg_id") == parent_msg_id:
                try:
                    self.process_message(message, cell, cell_index)
                except CellExecutionComplete:
                    return

    def keep(self) -> None:
        """Writes the outputs so far into the cell."""
        if self._cell is not None:
            self._cell.outputs = self._outputs.nodes()

    @property
    def shows_error(self) -> bool:
        """Whether the cell shows an error."""
        return any(out.output_type == "error" for out in self._outputs.nodes())

    def show_error(self, name: str, value: str, traceback: str = "") -> None:
        """Adds an error to the cell that ran last."""
        lines = traceback.splitlines() or [f"{name}: {value}"]
        self._outputs.add(new_output("error", ename=name, evalue=value, traceback=lines))

    def output(
        self, outs: Any, msg: dict[str, Any], display_id: str | None, cell_index: int
    ) -> NotebookNode | None:
        """Adds an output to the bounded ``CellOutputs`` instead of nbclient's unbounded list."""
        try:
            node = output_from_msg(msg)
        except ValueError:
            return None
        if (found := collected(msg)) is not None:
            self._collect(found)
        if self.clear_before_next_output:
            self._outputs.clear()
            self.clear_before_next_output = False
        self._outputs.add(node, display_id)
        return None

    def clear_output(self, outs: Any, msg: dict[str, Any], cell_index: int) -> None:
        if msg["content"].get("wait"):
            self.clear_before_next_output = True
        else:
            self._outputs.clear()

    def _update_display_id(self, display_id: str, msg: dict[str, Any]) -> None:
        kind = {**msg["header"], "msg_type": "display_data"}
        with contextlib.suppress(ValueError):
            self._outputs.update(display_id, output_from_msg({**msg, "header": kind}))

    def handle_comm_msg(self, outs: Any, msg: dict[str, Any], cell_index: int) -> None:
        """Keeps the state of widgets while it is small, and drops all of it once it isn't."""
        self._widget_bytes += len(json.dumps(msg["content"], default=str))
        if self._widget_bytes <= _WIDGET_BYTES:
            super().handle_comm_msg(outs, msg, cell_index)
        else:
            self.widget_state.clear()
            self.widget_buffers.clear()
            self.store_widget_state = False

    def _collect(self, found: dict[str, Any]) -> None:
        name, value = found["name"], found["value"]
        if not _OUTPUT_NAME.fullmatch(name) or len(self.collected | {name: 0}) > _MAX_OUTPUTS:
            # Raised after the cell: raised here, it would leave the cell's other messages unread.
            self.refused = TaskFailed(
                "bad_output", f"{name[:80]!r} can't be an output: see wb.output.", retry=False
            )
            return
        if len(json.dumps(self.collected | {name: value})) > _OUTPUTS_BYTES:
            self.refused = TaskFailed(
                "outputs_too_large",
                f"The values of wb.output exceed {_OUTPUTS_BYTES // 1024} KiB in total. Write "
                "large values to a table or a file.",
                retry=False,
            )
            return
        self.collected[name] = value


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 500 else f"{text[:499]}…"
