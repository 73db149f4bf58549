"""Runs tasks in the same process: for local mode and tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from .base import Dispatcher


class InlineDispatcher(Dispatcher):
    """Passes every ring to a thread pool of this process.

    Args:
        threads: the maximum number of task runs at the same time; others wait.
    """

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, "wb-task")
        self._perform: Callable[[str], None] | None = None

    def serve(self, perform: Callable[[str], None]) -> None:
        """Sets the function that is called with the id of each ring, in a thread."""
        self._perform = perform

    def ring(self, task_run_ids: Sequence[str]) -> None:
        if self._perform is None:
            return  # not serving yet; the reconciler rings again
        for each in task_run_ids:
            try:
                self._pool.submit(self._perform, each)
            except RuntimeError:
                return  # closed

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
