"""The interface of engines, which tell workers that there is work."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence


class Dispatcher(ABC):
    """Rings workers for ready task runs. A ring may be lost or arrive twice.

    The metadata database knows what is to be done; rings only save workers from polling it. A worker that
    takes a ring claims the task run there, or finds that another worker has.
    """

    @abstractmethod
    def ring(self, task_run_ids: Sequence[str]) -> None:
        """Rings for ready task runs, in this order. Never raises for a lost ring."""

    def announce(self, topic: str) -> None:
        """Tells other processes of the Workbench that something under a topic has changed."""

    def close(self) -> None:
        """Releases its resources; nothing is rung afterwards."""
