"""What other processes of the same installation run now: workers beside the service.

Limits hold for all of them together, and whoever looks at what runs sees and stops theirs too. Each
process writes down once a second what has been running in it, and reads what the others wrote. So a
count is a second old, and a query that is done sooner is counted in its own process alone; in
exchange no query waits for the database.
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
    # As ``_Report``.
    sa.Column("told", sa.JSON, nullable=False),
)

query_stops = sa.Table(
    "query_stops",
    metadata,
    # Of a query that another process runs, and that is to be stopped.
    sa.Column("query_id", sa.String(36), primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
)

_EVERY_SECONDS = 1.0
# A process that was killed says nothing any more.
_BELIEVED = timedelta(seconds=10)
_FORGOTTEN = timedelta(hours=1)


class _Report(BaseModel):
    """What a process says of itself: the queries that run, and how many count for whom."""

    queries: list[RunningQuery] = []
    users: dict[str, int] = {}
    connections: dict[str, int] = {}


class Peers:
    """Tells the other processes what runs in this one, and knows what runs in them."""

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
        """Begins to tell and to ask; ``close`` ends it."""
        self._thread = threading.Thread(target=self._run, name="wb-peers", daemon=True)
        self._thread.start()

    def all(self) -> list[RunningQuery]:
        """What the others run, as it was a second ago."""
        return self._others

    def stop(self, query_id: str) -> None:
        """Has the process that runs a query stop it."""
        with self._database.write(durable=False) as transaction:
            transaction.execute(query_stops.delete().where(query_stops.c.query_id == query_id))
            transaction.execute(query_stops.insert().values(query_id=query_id, at=clock.now()))

    def close(self) -> None:
        """Ends it; what ran here is not counted any more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(5)
            # Where its database is away, others stop believing it soon.
            with contextlib.suppress(WorkbenchError):
                self._tell(_Report())

    def tick(self) -> None:
        """Tells and asks once."""
        own = [each.view() for each in self._queries.all() if each.slot.runs()]
        users, connections = self._queries.counts()
        self._tell(_Report(queries=own, users=users, connections=connections))
        if own:
            self._heed({each.id for each in own})
        self._ask()

    def _run(self) -> None:
        while not self._ended.wait(_EVERY_SECONDS):
            try:
                self.tick()
            except WorkbenchError as error:
                log.warning("what runs elsewhere isn't known: %s", error.message)
            except Exception:
                log.exception("what runs elsewhere isn't known")

    def _tell(self, own: _Report) -> None:
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

    def _heed(self, own: set[str]) -> None:
        """Stops what others want to be stopped."""
        asked = sa.select(query_stops.c.query_id).where(query_stops.c.query_id.in_(own))
        with self._database.read() as transaction:
            wanted = list(transaction.execute(asked).scalars())
        if not wanted:
            return
        for query_id in wanted:
            running = self._queries.get(query_id)
            if running is not None:
                running.stop("cancelled")
        old = query_stops.c.at < clock.now() - _FORGOTTEN
        done = query_stops.c.query_id.in_(wanted)
        with self._database.write(durable=False) as transaction:
            transaction.execute(query_stops.delete().where(sa.or_(done, old)))

    def _ask(self) -> None:
        theirs = sa.select(process_queries.c.at, process_queries.c.told).where(
            process_queries.c.process != self._process
        )
        with self._database.read() as transaction:
            rows = transaction.execute(theirs).all()
        if not rows and not self._others:
            return
        since = clock.now() - _BELIEVED
        told = [_Report.model_validate(row.told) for row in rows if row.at > since]
        users: Counter[str] = Counter()
        connections: Counter[str] = Counter()
        for each in told:
            users.update(each.users)
            connections.update(each.connections)
        self._queries.count_elsewhere(users, connections)
        found = [query for each in told for query in each.queries]
        changed = [each.id for each in found] != [each.id for each in self._others]
        self._others = found
        if changed:
            self._bus.publish_soon("queries")
        if any(row.at < clock.now() - _FORGOTTEN for row in rows):
            with self._database.write(durable=False) as transaction:
                old = process_queries.c.at < clock.now() - _FORGOTTEN
                transaction.execute(process_queries.delete().where(old))
