"""Binds a kernel's requests to the attempt that the kernel belongs to, if that attempt is current.

A kernel that a worker started names its attempt in each request. It may outlive a worker that is killed;
once another attempt has claimed the task run, requests of the old kernel are refused. The tables that a
current one reads and writes are recorded with its attempt.
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
    """A current attempt, for audit, limits and lineage.

    Attributes:
        deadline: when its task must end, by ``clock.monotonic``.
    """

    attempt_id: str
    task_run_id: str
    run_id: str
    deadline: float | None = None


class Bindings(Protocol):
    """Looks up attempts."""

    def current(self, attempt_id: str, actor: str) -> Binding | None:
        """The binding of an attempt if it is current and runs as this actor, else ``None``."""

    def used(self, attempt_id: str, permit: Permit) -> None:
        """Records the tables that a statement of an attempt's kernel has read or written."""

    def as_now(self, actor: Actor) -> Actor:
        """The actor of a run with their current groups: a query may have waited for up to an hour.

        Raises:
            Forbidden: the Hub no longer knows the user.
        """


class NoBindings:
    """The bindings of a process without pipelines."""

    def current(self, attempt_id: str, actor: str) -> Binding | None:
        return None

    def used(self, attempt_id: str, permit: Permit) -> None:
        """Records nothing."""

    def as_now(self, actor: Actor) -> Actor:
        return actor


class BindingsPort(Port[Bindings]):
    """Filled by the room whose tasks start kernels."""


def stale() -> Conflict:
    """The error for a kernel whose attempt isn't current."""
    return Conflict(
        "The attempt that this kernel belongs to has ended or was replaced by another one.",
        code="stale_attempt",
    )
