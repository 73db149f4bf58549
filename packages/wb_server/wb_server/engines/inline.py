"""Work in the process itself: for local mode and tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from .base import Dispatcher


class InlineDispatcher(Dispatcher):
    """Hands every ring to a thread of its own process.

    Args:
        threads: how many task runs go on at the same time; others wait.
    """

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, "wb-task")
        self._perform: Callable[[str], None] | None = None

    def serve(self, perform: Callable[[str], None]) -> None:
        """Says what a ring leads to: ``perform`` is called with the id, in a thread."""
        self._perform = perform

    def ring(self, task_run_ids: Sequence[str]) -> None:
        if self._perform is None:
            return  # nobody works here yet: the reconciler rings again
        for each in task_run_ids:
            try:
                self._pool.submit(self._perform, each)
            except RuntimeError:
                return  # it was closed

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
