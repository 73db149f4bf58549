"""How many statements run at the same time: for one person, and for all together."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from ..kit.errors import LimitReached


class Slots:
    """Counts what runs. Safe from any thread."""

    def __init__(self, *, per_user: int, total: int) -> None:
        self._per_user = per_user
        self._total = total
        self._running: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, user: str) -> None:
        """Takes a slot; ``free`` gives it back.

        Raises:
            LimitReached: the person, or all together, run as many as they may.
        """
        with self._lock:
            if self._running[user] >= self._per_user:
                raise LimitReached(
                    f"You run {_queries(self._per_user)}, as many as one person may at once. "
                    "Wait for one to end, or interrupt one.",
                    code="too_many_queries",
                    limit=self._per_user,
                )
            if self._running.total() >= self._total:
                raise LimitReached(
                    f"The Workbench runs {_queries(self._total)}, as many as it may at once. "
                    "Try again in a moment.",
                    code="too_many_queries",
                    limit=self._total,
                )
            self._running[user] += 1

    def free(self, user: str) -> None:
        """Gives a slot back."""
        with self._lock:
            self._running[user] -= 1
            if self._running[user] <= 0:
                del self._running[user]

    @contextmanager
    def hold(self, user: str) -> Iterator[None]:
        """A slot for as long as the block runs."""
        self.take(user)
        try:
            yield
        finally:
            self.free(user)


def _queries(count: int) -> str:
    return "1 query" if count == 1 else f"{count} queries"
