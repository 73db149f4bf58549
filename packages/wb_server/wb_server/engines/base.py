"""What an engine is: something that tells workers that there is work."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence


class Dispatcher(ABC):
    """Rings for task runs that are ready. A ring may get lost, and may come twice.

    The metadata database says what is to be done; a ring only saves workers from asking it all the
    time. Whoever is rung for claims the task run there, or finds that somebody else has.
    """

    @abstractmethod
    def ring(self, task_run_ids: Sequence[str]) -> None:
        """Tells workers of task runs that are ready, in this order. Never raises for a lost ring."""

    def announce(self, topic: str) -> None:
        """Tells other processes of the Workbench that what a topic is about has changed."""

    def close(self) -> None:
        """Lets go of what it holds; nothing is rung after it."""
