"""The uses of connections that run or wait now, to list and stop them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from ..connections.models import Connection
from ..gate.analysis import Stoppable
from ..kit import clock
from ..kit.actor import Actor
from ..kit.endpoint import HangUp, Outcome
from ..kit.errors import Conflict
from ..kit.events import Bus
from .limits.models import QueryLimits
from .limits.queue import Slot
from .limits.service import LimitService
from .models import RunningQuery

Kind = Literal["read", "write", "browse", "test"]

# How much of a statement the list of running queries shows.
_MAX_SHOWN = 1000


@dataclass
class Running:
    """A use of a connection, from its request for a slot until its end.

    Attributes:
        connection: the connection's name; empty if it isn't saved.
        statement: the statement as written, or a description of what it does.
        slot: its slot, or its wait for one.
        rows: the rows read so far; ``bytes`` likewise.
        run_id: the pipeline run that it belongs to.
    """

    query_id: str
    actor: str
    connection_id: str
    connection: str
    kind: Kind
    statement: str
    slot: Slot
    since: datetime = field(default_factory=clock.now)
    run_id: str | None = None
    started_at: datetime | None = None
    rows: int = 0
    bytes: int = 0
    session: Stoppable | None = None
    stopped: Outcome | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def attach(self, session: Stoppable) -> None:
        """Sets what ``stop`` cancels; cancels it at once if ``stop`` was called before."""
        with self.lock:
            self.session = session
            stopped = self.stopped is not None
        if stopped:
            session.cancel()

    def stop(self, why: Outcome) -> None:
        """Stops it where it is, in its source or in the queue; ``why`` becomes the outcome."""
        with self.lock:
            if self.stopped is not None:
                return
            self.stopped = why
            session = self.session
        self.slot.interrupt()
        if session is not None:
            session.cancel()

    def view(self) -> RunningQuery:
        """The query as its owner and administrators see it."""
        cut = len(self.statement) > _MAX_SHOWN
        return RunningQuery(
            id=self.query_id,
            actor=self.actor,
            connection=self.connection,
            connection_id=self.connection_id,
            kind=self.kind,
            statement=self.statement[: _MAX_SHOWN - 1] + "…" if cut else self.statement,
            state="waiting" if self.started_at is None else "running",
            since=self.since,
            started_at=self.started_at,
            rows=self.rows,
            bytes=self.bytes,
            run_id=self.run_id,
        )


class RunningQueries:
    """All uses of connections by id, and their slots. Thread-safe."""

    def __init__(self, limits: LimitService, bus: Bus) -> None:
        self._limits = limits
        self._slots = limits.slots
        self._bus = bus
        self._lock = threading.Lock()
        self._by_id: dict[str, Running] = {}

    def add(
        self,
        actor: Actor,
        connection: Connection | None,
        query_id: str,
        kind: Kind,
        what: str,
        *,
        parent: Running | None = None,
    ) -> Running:
        """Adds a query, which has no slot yet.

        Args:
            connection: the connection it uses; ``None`` for one that isn't saved.
            what: the statement, or a description of what it does.
            parent: a query that holds a slot and can't continue without this one.

        Raises:
            Conflict: its id is in use (``query_id_taken``).
        """
        connection_id = connection.id if connection is not None else ""

        def limits() -> QueryLimits:
            found = self._limits.of_waiting(actor, connection_id)
            if parent is not None and parent.connection_id == connection_id:
                return replace(found, on_connection=None)
            return found

        running = Running(
            query_id,
            actor.name,
            connection_id,
            connection.name if connection is not None else "",
            kind,
            what,
            Slot(actor.name, connection_id, limits, nested=parent is not None),
            run_id=actor.run_id,
        )
        with self._lock:
            if query_id in self._by_id:
                raise Conflict("A query with this id is running.", code="query_id_taken")
            self._by_id[query_id] = running
        return running

    def take(self, running: Running) -> None:
        """Waits for its slot.

        Raises:
            LimitReached, Conflict: as for ``Slots.take``.
        """
        self._bus.publish_soon("queries")
        self._slots.take(running.slot)
        running.started_at = clock.now()
        if running.slot.waited:
            self._bus.publish_soon("queries")

    def remove(self, running: Running) -> None:
        """Removes a query that has ended or never started, and frees its slot."""
        with self._lock:
            self._by_id.pop(running.query_id, None)
        self._slots.free(running.slot)
        self._bus.publish_soon("queries")

    @contextmanager
    def turn(
        self,
        actor: Actor,
        connection: Connection | None,
        query_id: str,
        kind: Kind,
        what: str,
        hang_up: HangUp | None,
    ) -> Iterator[Running]:
        """A query that holds its slot while the block runs.

        Raises:
            LimitReached, Conflict: as for ``Slots.take``.
        """
        running = self.add(actor, connection, query_id, kind, what)
        try:
            if hang_up is not None:
                hang_up.then(lambda: running.stop("hung_up"))
            self._limits.of_query(actor, running.connection_id)  # refreshes the cached limits
            self.take(running)
            yield running
        finally:
            self.remove(running)

    def counts(self) -> tuple[dict[str, int], dict[str, int]]:
        """The number of running queries by user and by connection."""
        return self._slots.counts()

    def count_elsewhere(self, users: Counter[str], connections: Counter[str]) -> None:
        """Sets how many queries run in other processes, so that they count too."""
        self._slots.count_elsewhere(users, connections)

    def get(self, query_id: str) -> Running | None:
        """The query with this id, if there is one."""
        with self._lock:
            return self._by_id.get(query_id)

    def all(self) -> list[Running]:
        """All queries, oldest first."""
        with self._lock:
            return list(self._by_id.values())
