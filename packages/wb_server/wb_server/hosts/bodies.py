"""How many bytes of requests' bodies the service holds at once: of one sender, and of all."""

from __future__ import annotations

import threading
from collections import Counter

from ..kit.errors import LimitReached


class Budget:
    """Bytes, or whatever else is counted, that many want at once. Safe from any thread.

    Args:
        one: that one sender may have.
        all_: that all may have together.
    """

    def __init__(self, one: int, all_: int) -> None:
        self._one = one
        self._all = all_
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    def take(self, sender: str, amount: int) -> None:
        """Takes so much for a sender.

        Raises:
            LimitReached: there isn't so much left (``too_many_bodies``).
        """
        with self._lock:
            if self._taken[sender] + amount <= self._one:
                if self._taken.total() + amount <= self._all:
                    self._taken[sender] += amount
                    return
        raise LimitReached(
            "Too many large requests are on their way at once. Try again in a moment.",
            code="too_many_bodies",
            retry_after=2,
        )

    def give(self, sender: str, amount: int) -> None:
        """Gives back what was taken."""
        with self._lock:
            self._taken[sender] -= amount
            if self._taken[sender] <= 0:
                del self._taken[sender]


class Bodies:
    """Who may send a body now.

    A person's body is held until its request has ended. What an unknown sender goes on sending after
    the answer is read and thrown away, so that they get to see it, but only from so many at once.

    Args:
        largest: bytes of the largest body that an endpoint takes.
    """

    def __init__(self, largest: int) -> None:
        self.held = Budget(one=2 * largest, all_=8 * largest)  # bytes
        self.thrown_away = Budget(one=16, all_=64)  # requests
