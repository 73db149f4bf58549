"""Lists and stops the queries that run or wait now, in this process and in others."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from ..governance.audit.service import AuditService
from ..governance.rights import Rights
from ..kit import clock
from ..kit.actor import Actor
from ..kit.errors import NotFound
from .models import QueryFate, RunningQuery
from .peers import Peers
from .running import RunningQueries

# The longest time that a task may take.
_REMEMBERED = timedelta(days=7)


class ActiveQueries:
    """Lists and stops the queries of this process and of its peers."""

    def __init__(
        self, queries: RunningQueries, peers: Peers, rights: Rights, audit: AuditService
    ) -> None:
        self._queries = queries
        self._peers = peers
        self._rights = rights
        self._audit = audit

    def list(self, actor: Actor, *, everybodys: bool = False) -> list[RunningQuery]:
        """The running and waiting queries of the actor, or of everybody, oldest first.

        Raises:
            Forbidden: only administrators see everybody's queries.
        """
        if everybodys:
            self._rights.require(actor, "query.list_any")
        here = [running.view() for running in self._queries.all()]
        found = [
            each for each in (*here, *self._peers.all()) if everybodys or each.actor == actor.name
        ]
        return sorted(found, key=lambda each: each.since)

    def fate(self, actor: Actor, query_id: str) -> QueryFate:
        """What became of a query of the actor's, of the last days.

        Raises:
            NotFound: no query of theirs with this id was started (``unknown_id``).
        """
        for each in self.list(actor):
            if each.id == query_id and each.kind in ("read", "write"):
                return QueryFate(
                    state=each.state, kind="write" if each.kind == "write" else "read", outcome=None
                )
        rows = self._audit.of_record(actor, query_id, clock.now() - _REMEMBERED)
        kind: dict[str, Literal["read", "write"]] = {"query.read": "read", "query.write": "write"}
        for row in reversed(rows):
            if row.event in ("started", "finished") and row.action in kind:
                # Without its end, the process that ran it was killed, and not started again yet.
                return QueryFate(
                    state="ended", kind=kind[row.action], outcome=row.outcome or "unknown"
                )
        raise NotFound("No query of yours was started under this id.", code="unknown_id")

    def cancel(self, actor: Actor, query_id: str) -> None:
        """Stops a running query, in its source too, or a waiting one.

        Raises:
            NotFound: there is no such query, or it isn't the actor's.
        """
        running = self._queries.get(query_id)
        owner = (
            running.actor
            if running is not None
            else next((each.actor for each in self._peers.all() if each.id == query_id), None)
        )
        if owner is None or not (
            owner == actor.name or self._rights.may(actor, "query.cancel_any")
        ):
            raise NotFound("No query of yours runs under this id.", code="unknown_id")
        if running is not None:
            running.stop("cancelled")
        else:
            self._peers.stop(query_id)

    def close(self) -> None:
        """Stops all queries of this process; called when the process stops."""
        for running in self._queries.all():
            running.stop("cancelled")
