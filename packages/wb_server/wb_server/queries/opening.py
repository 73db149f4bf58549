"""How every use of a connection starts and ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, Literal, TypeVar

from ..connections.configurations import Configurations
from ..connections.models import Connection, State
from ..connections.service import ConnectionService
from ..connectors.base import Connector, Session
from ..gate.permits import CallPermit, LoadPermit, Permit
from ..governance.audit.service import AuditService
from ..kit import clock
from ..kit.actor import Actor
from ..kit.endpoint import HangUp, Origin, Outcome
from ..kit.errors import Conflict, Internal, LimitReached, Unavailable, WorkbenchError
from .bindings import BindingsPort, stale
from .limits.models import QueryLimits
from .running import Running, RunningQueries
from .stream import Finish

# Errors of the source itself rather than of a statement: these set the connection's state, and so does
# any other error when it is opened, except these.
_NOT_THE_SOURCE = (Conflict, LimitReached, Internal, Unavailable)
_STATE_CODES = frozenset(
    {
        "unreachable",
        "unknown_host",
        "unknown_bucket",
        "sign_in_failed",
        "tls_failed",
        "address_not_allowed",
        "file_unreadable",
    }
)


# A statement may outlive its task's timeout by this many seconds, if nobody stops it: a killed worker.
_TASK_FIRST = 10.0

P = TypeVar("P", Permit, LoadPermit, CallPermit)


@dataclass(frozen=True)
class Asked:
    """A request to use a connection, as the audit log records it.

    Attributes:
        deadline: when the task that it belongs to must end, by ``clock.monotonic``.
    """

    actor: Actor
    origin: Origin
    connection: str
    statement: str
    query_id: str
    deadline: float | None = None

    def seconds_left(self) -> float:
        """The time that a task's timeout leaves, and a little more: the task itself ends it, and says so."""
        if self.deadline is None:
            return math.inf
        return max(0.0, self.deadline - clock.monotonic()) + _TASK_FIRST


@dataclass(frozen=True)
class Granted(Generic[P]):
    """A request that the gate has permitted.

    Attributes:
        seconds: how long it may still take.
    """

    connection: Connection
    connector: Connector
    permit: P
    limits: QueryLimits
    row_limit: int | None = None
    seconds: float = 0.0


class Opening:
    """Starts a use of a connection (find, permit, wait for a slot, audit), and ends it."""

    def __init__(
        self,
        connections: ConnectionService,
        configurations: Configurations,
        audit: AuditService,
        queries: RunningQueries,
        bindings: BindingsPort,
    ) -> None:
        self._connections = connections
        self._configurations = configurations
        self._audit = audit
        self._queries = queries
        self._bindings = bindings

    def bound(self, actor: Actor, origin: Origin) -> tuple[Actor, float | None]:
        """The actor as the audit log shows them, and the deadline of their task.

        They act via a run if their kernel belongs to an attempt.

        Raises:
            Conflict: that attempt isn't current (``stale_attempt``).
        """
        if origin.attempt is None:
            return actor, origin.deadline
        binding = self._bindings().current(origin.attempt, actor.name)
        if binding is None:
            raise stale()
        return replace(actor, via=f"run:{binding.run_id}"), binding.deadline

    def begin(
        self,
        asked: Asked,
        grant: Callable[[Asked, Connection, Running], Granted[P]],
        hang_up: HangUp,
        *,
        parent: Running | None = None,
        long: bool = False,
    ) -> tuple[Granted[P], Running, Finish]:
        """Passes the gate, waits for a slot, and opens the record in the audit log.

        The caller must call the ``Finish``, whatever happens.

        Args:
            grant: asks the gate for the request as bound to its run; asked again after a wait, since the
                permission may have been withdrawn.
            parent: a query that holds a slot and waits for this one.
            long: whether the gate's check may take long, so that it needs a slot first.

        Raises:
            LimitReached: too many queries at once, and none ended in time.
            Conflict: the query id is in use, the query was cancelled, or the attempt of the kernel
                isn't current (``stale_attempt``).
            WorkbenchError: the gate's refusal.
        """
        try:
            bound, connection = self._found(asked)
        except WorkbenchError as error:
            self._refused(asked, error)
            raise
        running = self._queries.add(
            bound.actor, connection, asked.query_id, "read", asked.statement, parent=parent
        )
        hang_up.then(lambda: running.stop("hung_up"))
        granted: Granted[P] | None = None
        try:
            if not long:
                granted = grant(bound, connection, running)
            self._queries.take(running)
            if running.slot.waited:
                asked = replace(asked, actor=self._bindings().as_now(asked.actor))
                bound, connection = self._found(asked)
            if granted is None or running.slot.waited:
                granted = grant(bound, connection, running)
        except BaseException as error:
            if granted is None or running.stopped is None:
                self._queries.remove(running)
                if isinstance(error, WorkbenchError):
                    self._refused(asked, error)
            else:
                # Permitted, then stopped while it waited: not a refusal.
                finish = self._finish(running, asked, granted)
                try:
                    self._started(bound, granted)
                finally:
                    finish.failed(error)
            raise
        running.kind = granted.permit.kind
        finish = self._finish(running, asked, granted)
        try:
            self._started(bound, granted)
        except BaseException as error:
            finish.failed(error)
            raise
        return granted, running, finish

    def _found(self, asked: Asked) -> tuple[Asked, Connection]:
        """The request with the actor as the audit log shows them, and the connection.

        Raises:
            NotFound: no connection of this name that the actor may use.
            Conflict: the attempt of the kernel isn't current (``stale_attempt``).
        """
        actor, deadline = self.bound(asked.actor, asked.origin)
        bound = replace(asked, actor=actor, deadline=deadline)
        return bound, self._connections.find(asked.actor, asked.connection)

    def _finish(self, running: Running, asked: Asked, granted: Granted[P]) -> Finish:
        return Finish(
            running,
            partial(self._ended, running, asked.origin.attempt, granted.permit),
            partial(self.note_failure, granted.connection),
        )

    def _started(self, asked: Asked, granted: Granted[P]) -> None:
        self._audit.started(
            asked.actor,
            asked.origin,
            f"query.{granted.permit.kind}",
            record=asked.query_id,
            connection_id=granted.connection.id,
            target=granted.connection.name,
            statement=asked.statement,
        )

    def _refused(self, asked: Asked, error: WorkbenchError) -> None:
        self._audit.refused(
            asked.actor,
            asked.origin,
            "query.run",
            code=error.code,
            record=asked.query_id,
            target=asked.connection,
            statement=asked.statement,
        )

    def session(
        self,
        actor: Actor,
        connection: Connection,
        connector: Connector,
        permit: Permit,
        *,
        temp_bytes: int = 0,
    ) -> Session:
        """Opens a session on a connection; the caller closes it.

        Raises:
            WorkbenchError: it can't be opened; the connection's state records that.
        """
        target = self._configurations.target(connection, actor)
        if temp_bytes:
            target = replace(target, temp_bytes=temp_bytes)
        try:
            return connector.open(permit, target)
        except WorkbenchError as error:
            if not isinstance(error, _NOT_THE_SOURCE) and error.code != "wrong_permit":
                self.note(connection, False, error.code, error.message)
            raise

    def note_failure(self, connection: Connection, error: WorkbenchError) -> None:
        """Records that a connection doesn't work, if the error of a statement says so."""
        if error.code in _STATE_CODES:
            self.note(connection, False, error.code, error.message)

    def note(self, connection: Connection, ok: bool, code: str | None, message: str) -> None:
        """Records whether a connection works. One user's wrong password doesn't count."""
        if code == "sign_in_failed" and connection.credentials == "personal":
            return
        status: Literal["ok", "failed"] = "ok" if ok else "failed"
        self._connections.set_state(
            connection, State(status=status, message=message, checked_at=clock.now())
        )

    def note_success(self, connection: Connection) -> None:
        """Records that a connection works."""
        if connection.state.status != "ok":
            self._connections.set_state(connection, State(status="ok", checked_at=clock.now()))

    def _ended(
        self,
        running: Running,
        attempt: str | None,
        permit: Permit | LoadPermit | CallPermit,
        outcome: Outcome,
        code: str | None,
        rows: int,
        size: int,
    ) -> None:
        """Frees the slot, closes the audit record, and records the tables that an attempt used."""
        self._queries.remove(running)
        self._audit.finished(running.query_id, outcome, code=code, rows=rows, bytes=size)
        # A read that was abandoned has read rows; a write that failed has written none.
        used = outcome == "ok" or (rows and permit.kind == "read")
        if attempt is not None and used and isinstance(permit, Permit):
            self._bindings().used(attempt, permit)
