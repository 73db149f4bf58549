"""The running queries of peers: other processes of the same installation, such as workers.

Limits apply to all processes together, and the list of running queries shows, and can stop, those of
peers. Once a second each process writes its running queries and reads those of the others. So counts
are up to a second old, and a query that takes less counts only in its own process; in exchange, no query
waits for the database.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import Counter
from datetime import timedelta

import sqlalchemy as sa
from pydantic import BaseModel

from ..kit import clock
from ..kit.db import Database, UtcDateTime, metadata
from ..kit.errors import WorkbenchError
from ..kit.events import Bus
from ..kit.process import unique_name
from .models import RunningQuery
from .running import RunningQueries

log = logging.getLogger(__name__)

process_queries = sa.Table(
    "process_queries",
    metadata,
    sa.Column("process", sa.String(128), primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    # A ``_Report``.
    sa.Column("told", sa.JSON, nullable=False),
)

query_stops = sa.Table(
    "query_stops",
    metadata,
    # A query of another process that is to be stopped.
    sa.Column("query_id", sa.String(36), primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
)

_TICK_SECONDS = 1.0
# An older report is ignored: its process was killed.
_EXPIRES_AFTER = timedelta(seconds=10)
_DELETED_AFTER = timedelta(hours=1)


class _Report(BaseModel):
    """A process's report: its running queries, and their counts by user and connection."""

    queries: list[RunningQuery] = []
    users: dict[str, int] = {}
    connections: dict[str, int] = {}


class Peers:
    """Reports this process's running queries to its peers, and knows theirs."""

    def __init__(self, database: Database, queries: RunningQueries, bus: Bus) -> None:
        self._database = database
        self._queries = queries
        self._bus = bus
        self._process = unique_name()
        self._others: list[RunningQuery] = []
        self._written = False
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts exchanging reports until ``close``."""
        self._thread = threading.Thread(target=self._run, name="wb-peers", daemon=True)
        self._thread.start()

    def all(self) -> list[RunningQuery]:
        """The running queries of all peers, up to a second old."""
        return self._others

    def stop(self, query_id: str) -> None:
        """Asks the process that runs a query to stop it."""
        with self._database.write(durable=False) as transaction:
            transaction.execute(query_stops.delete().where(query_stops.c.query_id == query_id))
            transaction.execute(query_stops.insert().values(query_id=query_id, at=clock.now()))

    def close(self) -> None:
        """Stops the exchange; queries of this process no longer count."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(5)
            # If the database is down, the last report soon expires.
            with contextlib.suppress(WorkbenchError):
                self._report(_Report())

    def tick(self) -> None:
        """Exchanges reports once."""
        own = [each.view() for each in self._queries.all() if each.slot.runs()]
        users, connections = self._queries.counts()
        self._report(_Report(queries=own, users=users, connections=connections))
        if own:
            self._stop_requested({each.id for each in own})
        self._read_reports()

    def _run(self) -> None:
        while not self._ended.wait(_TICK_SECONDS):
            try:
                self.tick()
            except WorkbenchError as error:
                log.warning("the queries of other processes aren't known: %s", error.message)
            except Exception:
                log.exception("the queries of other processes aren't known")

    def _report(self, own: _Report) -> None:
        if not own.queries and not self._written:
            return
        mine = process_queries.c.process == self._process
        with self._database.write(durable=False) as transaction:
            transaction.execute(process_queries.delete().where(mine))
            if own.queries:
                transaction.execute(
                    process_queries.insert().values(
                        process=self._process, at=clock.now(), told=own.model_dump(mode="json")
                    )
                )
        self._written = bool(own.queries)

    def _stop_requested(self, own: set[str]) -> None:
        """Stops queries of this process that peers have asked to stop."""
        requested = sa.select(query_stops.c.query_id).where(query_stops.c.query_id.in_(own))
        with self._database.read() as transaction:
            query_ids = list(transaction.execute(requested).scalars())
        if not query_ids:
            return
        for query_id in query_ids:
            running = self._queries.get(query_id)
            if running is not None:
                running.stop("cancelled")
        old = query_stops.c.at < clock.now() - _DELETED_AFTER
        done = query_stops.c.query_id.in_(query_ids)
        with self._database.write(durable=False) as transaction:
            transaction.execute(query_stops.delete().where(sa.or_(done, old)))

    def _read_reports(self) -> None:
        theirs = sa.select(process_queries.c.at, process_queries.c.told).where(
            process_queries.c.process != self._process
        )
        with self._database.read() as transaction:
            rows = transaction.execute(theirs).all()
        if not rows and not self._others:
            return
        since = clock.now() - _EXPIRES_AFTER
        reports = [_Report.model_validate(row.told) for row in rows if row.at > since]
        users: Counter[str] = Counter()
        connections: Counter[str] = Counter()
        for each in reports:
            users.update(each.users)
            connections.update(each.connections)
        self._queries.count_elsewhere(users, connections)
        found = [query for each in reports for query in each.queries]
        changed = [each.id for each in found] != [each.id for each in self._others]
        self._others = found
        if changed:
            self._bus.publish_soon("queries")
        if any(row.at < clock.now() - _DELETED_AFTER for row in rows):
            with self._database.write(durable=False) as transaction:
                old = process_queries.c.at < clock.now() - _DELETED_AFTER
                transaction.execute(process_queries.delete().where(old))
