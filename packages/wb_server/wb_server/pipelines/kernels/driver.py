"""Executes a notebook in a kernel, cell by cell, and saves it along the way.

nbclient executes the cells and handles the messages. This module adds what a pipeline needs: bounded
outputs, saves while the notebook runs, an end within seconds after a stop, and a notebook that shows
how far it came, however it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Any

import nbformat
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbclient.util import ensure_async
from nbformat import NotebookNode

from ...kit.failure import TaskFailed
from . import prelude
from .assignments import assigned_later
from .base import RunningKernel
from .client import CellClient
from .parameters import inject
from .printlog import PrintLog

log = logging.getLogger(__name__)

SAVE_SECONDS = 3.0
# Seconds that a stopped cell has to end after an interrupt before its kernel is killed.
INTERRUPT_SECONDS = 2.0
_INFO_SECONDS = 60.0
_DYING_SECONDS = 3
_STOPPED = "The notebook was stopped here."


class Driver:
    """Executes one notebook in one kernel.

    Args:
        notebook: changed in place.
        save: stores the notebook's bytes; the flag is ``True`` for the last save. Called in a thread.
        progress: called with the number of finished cells, their total, and a text.
        write: takes lines for the attempt's log.
        cell_seconds: the timeout of a cell; 0 for none.
        fail_on_command: whether a ``!command`` that fails is an error.
    """

    def __init__(
        self,
        notebook: NotebookNode,
        kernel: RunningKernel,
        *,
        save: Callable[[bytes, bool], None],
        progress: Callable[[int, int, str], None],
        write: Callable[[str], None],
        cell_seconds: float = 0.0,
        fail_on_command: bool = True,
    ) -> None:
        self._kernel = kernel
        self._save = save
        self._progress = progress
        self._write = write
        self._fail_on_command = fail_on_command
        self._prints = PrintLog(write)
        self._client = CellClient(notebook, cell_seconds, self._prints)
        self._client.kc = kernel.client
        self._cells: list[int] = []
        self._at = 0
        self._saved: bytes | None = None
        self._note = ""

    @property
    def note(self) -> str:
        """What to say of a notebook that succeeded, such as that it ended early; often nothing."""
        return self._note

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
            self._prints.end()
            self._client.keep()
            self._client.set_widgets_metadata()
            await asyncio.to_thread(self._save, self._bytes(), True)

    async def _run(self, parameters: dict[str, Any]) -> None:
        notebook = self._client.nb
        language = await self._language()
        python = language.get("name") == "python"
        if parameters:
            if not python:
                raise TaskFailed(
                    "parameters_not_taken",
                    "Only Python notebooks take parameters; this one is in "
                    f"{language.get('name')}.",
                    retry=False,
                )
            at = inject(notebook, parameters)
            for warning in assigned_later(notebook, at, parameters):
                self._write(warning)
        if python:
            await self._prepare()
        self._cells = [
            index
            for index, cell in enumerate(notebook.cells)
            if cell.cell_type == "code" and cell.source.strip()
        ]
        total = len(self._cells)
        for number, index in enumerate(self._cells, 1):
            self._at = number
            self._progress(number - 1, total, f"cell {number} of {total}")
            await self._run_cell(index)
            if self._client.exited:
                self._end_early()
                return
        self._progress(total, total, f"{total} cells")

    async def _prepare(self) -> None:
        """Makes a Python kernel behave as an unattended run needs it."""
        reply = await self._client.run_silently(prelude.code(self._fail_on_command))
        if reply.get("status") != "ok":
            self._write(f"The kernel can't be prepared for a run: {_short(str(reply))}")

    async def _run_cell(self, index: int) -> None:
        client = self._client
        self._prints.begin(f"Cell {self._at} of {len(self._cells)}:")
        try:
            await client.async_execute_cell(client.nb.cells[index], index)
        finally:
            self._prints.end()
            if client.missed:
                client.show_note("The kernel did not send the end of this cell's output.")
            client.keep()
        if client.refused is not None:
            raise client.refused
        # The kernel may have died after its last reply.
        if not client.exited and not await ensure_async(self._kernel.client.is_alive()):
            raise DeadKernelError("Kernel died")

    def _end_early(self) -> None:
        """Says, wherever one may look, that the notebook ended itself before its last cell."""
        total = len(self._cells)
        rest = total - self._at
        cells = "1 cell was" if rest == 1 else f"{rest} cells were"
        self._note = f"Cell {self._at} of {total} ended the notebook (exit)" + (
            f": {cells} not run." if rest else "."
        )
        self._client.show_note(self._note)
        self._client.keep()
        self._write(self._note)
        self._progress(self._at, total, f"ended in cell {self._at} of {total}")

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
                f"Cell {self._at} of {total} exceeded the task's cell_timeout of "
                f"{self._client.timeout} s.",
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


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 500 else f"{text[:499]}…"
