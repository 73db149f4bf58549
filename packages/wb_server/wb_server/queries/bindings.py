"""Which attempt of a pipeline's task a kernel belongs to, and whether that attempt is current.

A kernel that a worker started says in each request whose it is. A worker may be killed and its kernel
live on; once another attempt has the task, what the old kernel asks for is refused. What a current one
reads and writes is noted with its attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..gate.permits import Permit
from ..kit.actor import Actor
from ..kit.errors import Conflict
from ..kit.room import Port


@dataclass(frozen=True)
class Binding:
    """A current attempt, for audit and lineage."""

    attempt_id: str
    task_run_id: str
    run_id: str


class Bindings(Protocol):
    """Who knows the attempts."""

    def current(self, attempt_id: str, actor: str) -> Binding | None:
        """The attempt, if it is current and runs as this actor; else ``None``."""

    def used(self, attempt_id: str, permit: Permit) -> None:
        """Notes the tables that a statement of an attempt's kernel has read or written."""

    def as_now(self, actor: Actor) -> Actor:
        """An actor of a run as they are by now: what they ask for may have waited for an hour.

        Raises:
            Forbidden: the Hub doesn't know them any more.
        """


class NoBindings:
    """Where no pipelines run."""

    def current(self, attempt_id: str, actor: str) -> Binding | None:
        return None

    def used(self, attempt_id: str, permit: Permit) -> None:
        """Nobody wants to know."""

    def as_now(self, actor: Actor) -> Actor:
        return actor


class BindingsPort(Port[Bindings]):
    """Filled by the room whose tasks start kernels."""


def stale() -> Conflict:
    """What a kernel is told whose attempt isn't current."""
    return Conflict(
        "The attempt that this kernel belongs to has ended or was replaced by another one.",
        code="stale_attempt",
    )
