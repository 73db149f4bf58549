"""Limits: which apply to whom, and what they do to queries on a real database."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from support.api import read
from support.metadata import migrate_new
from support.postgres import Cluster
from support.wait import wait_for

from wb_server.composition import Workbench, build
from wb_server.connections.models import Connection, ConnectionCreate
from wb_server.connections.service import ConnectionService
from wb_server.governance.audit.models import AuditQuery
from wb_server.governance.audit.service import AuditService
from wb_server.governance.secrets import vault
from wb_server.kit import clock
from wb_server.kit.actor import Actor
from wb_server.kit.db import Database
from wb_server.kit.endpoint import HangUp, Origin
from wb_server.kit.errors import LimitReached, SourceTimeout, WorkbenchError
from wb_server.queries.broker import Broker
from wb_server.queries.limits.models import FIELDS, LimitRequest, LimitValues, SubjectKind
from wb_server.queries.limits.service import LimitService
from wb_server.queries.limits.store import LimitStore
from wb_server.queries.models import QueryRequest
from wb_server.settings import Settings

ADMIN = Actor("root", frozenset({"admin"}))
ANA = Actor("ana", frozenset({"engineer", "finance", "night-shift"}))
BEN = Actor("ben", frozenset({"viewer"}))
LONG = "select count(*) as {} from generate_series(1, 1000000) a, generate_series(1, 1000000) b"


def values(**given: Any) -> LimitValues:
    return LimitValues(**{name: given.get(name) for name in FIELDS})


class LimitedService:
    """A service, and queries on it that run in their own threads."""

    def __init__(self, workbench: Workbench, cluster: Cluster) -> None:
        services = workbench.api.services
        self.broker = services.get(Broker)
        self.limits = services.get(LimitService)
        self.connections = services.get(ConnectionService)
        self.audit = services.get(AuditService)
        self.store = LimitStore(Database(workbench.settings.database))
        self.cluster = cluster
        self.shop = self.connect(ANA, "shop")
        self.asked: list[BackgroundQuery] = []

    def connect(self, actor: Actor, name: str) -> Connection:
        return self.connections.create(
            actor,
            ConnectionCreate(name=name, connector="postgres", config=self.cluster.config()),
        )

    def put(self, kind: SubjectKind, subject: str = "", **given: Any) -> None:
        """Sets limits, as an administrator or as another process."""
        if kind in ("everyone", "connection") or subject == "engineer":
            self.limits.put(ADMIN, LimitRequest(kind=kind, subject=subject, **given))
        else:
            self.store.put(kind, subject, values(**given), "root", clock.now())
            self.limits._read()

    def run(self, sql: str, actor: Actor = ANA, **more: Any) -> tuple[pa.Table, dict[str, Any]]:
        """The rows of a statement, and its closing batch."""
        asked = BackgroundQuery(self.broker, actor, sql, more)
        asked.thread.join(30)
        if asked.error is not None:
            raise asked.error
        assert asked.answer is not None
        return read(asked.answer)

    def ask(self, sql: str, actor: Actor = ANA, **more: Any) -> BackgroundQuery:
        """Runs a statement in the background."""
        self.asked.append(BackgroundQuery(self.broker, actor, sql, more))
        return self.asked[-1]

    def waiting(self, actor: Actor = ANA) -> int:
        return self.limits.slots.waiting(actor.name)

    def rows(self, query_id: str) -> list[tuple[str, str | None, str | None]]:
        """A query's rows in the audit log: event, outcome, code; oldest first."""
        found = self.audit.search(AuditQuery()).items
        return [
            (row.event, row.outcome, row.code) for row in reversed(found) if row.record == query_id
        ]


class BackgroundQuery:
    """A query that runs in a thread."""

    def __init__(self, broker: Broker, actor: Actor, sql: str, more: dict[str, Any]) -> None:
        self.id = str(uuid.uuid4())
        self.hang_up = HangUp()
        self.answer: bytes | None = None
        self.error: WorkbenchError | None = None
        more.setdefault("connection", "shop")
        request = QueryRequest(sql=sql, query_id=self.id, **more)

        def run() -> None:
            try:
                stream = broker.statements.query(actor, Origin("", ""), request, self.hang_up)
                self.answer = b"".join(stream)
            except WorkbenchError as error:
                self.error = error

        self.thread = threading.Thread(target=run)
        self.thread.start()

    def failure(self) -> WorkbenchError:
        self.thread.join(30)
        assert self.error is not None
        return self.error


@pytest.fixture
def start(tmp_path: Path, postgres: Cluster) -> Any:
    """Builds the service with some settings, and with Ana's connection `shop`."""

    @contextmanager
    def started(**changes: Any) -> Iterator[LimitedService]:
        settings = Settings(data_dir=str(tmp_path), allow_loopback=True, **changes)
        vault.generate(settings.key_path)
        migrate_new(settings.database)
        workbench = build(settings)
        service = LimitedService(workbench, postgres)
        try:
            yield service
        finally:
            for asked in service.asked:
                asked.hang_up.now()
            for asked in service.asked:
                asked.thread.join(30)
            workbench.close()

    return started


# --- which limits apply ------------------------------------------------------------------------


def test_limits_are_stored_and_removed_on_both_databases(database: Database) -> None:
    store = LimitStore(database)
    assert store.all() == [] and not store.remove("everyone", "")
    at = clock.now()
    store.put("user", "ana", values(concurrent=2), "root", at)
    store.put("user", "ana", values(rows=5, seconds=1.5, temp_bytes=0), "root", at)
    store.put("everyone", "", values(bytes=2**40), "root", at)
    everyone, ana = store.all()
    assert (everyone.kind, everyone.subject, everyone.bytes) == ("everyone", "", 2**40)
    # The second put replaced the first.
    assert (ana.concurrent, ana.rows, ana.seconds, ana.temp_bytes) == (None, 5, 1.5, 0)
    assert (ana.updated_by, ana.updated_at) == ("root", at)
    store.put("connection", "gone", values(rows=1), "root", at)
    assert store.tidy() == 1
    assert store.remove("user", "ana") and len(store.all()) == 1


@pytest.mark.parametrize(
    ("rows", "value", "source"),
    [
        ([], 8, ("settings", "")),
        ([("everyone", "", 3)], 3, ("everyone", "")),
        ([("everyone", "", 30)], 30, ("everyone", "")),
        ([("everyone", "", 30), ("group", "finance", 2)], 2, ("group", "finance")),
        ([("group", "finance", 2), ("group", "night-shift", 5)], 5, ("group", "night-shift")),
        ([("group", "viewer", 6), ("group", "finance", 2)], 6, ("group", "viewer")),
        ([("group", "admin", 9)], 8, ("settings", "")),
        ([("user", "ben", 1), ("group", "others", 1)], 8, ("settings", "")),
        ([("user", "ana", 1), ("group", "finance", 5)], 1, ("user", "ana")),
        ([("user", "ana", None), ("group", "finance", 5)], 5, ("group", "finance")),
    ],
)
def test_the_most_specific_limit_applies(
    start: Any, rows: list[Any], value: int, source: tuple[str, str]
) -> None:
    with start() as service:
        for kind, subject, concurrent in rows:
            service.put(kind, subject, concurrent=concurrent, rows=7)
        own = service.limits.mine(ANA)
        assert own.concurrent.value == value
        assert (own.concurrent.source.kind, own.concurrent.source.name) == source
        assert service.limits.of_query(ANA, service.shop.id).concurrent == value
        assert own.seconds.source.kind == "settings" and own.seconds.value == 300


def test_a_connections_limits_apply_on_top(start: Any) -> None:
    with start() as service:
        service.put("user", "ana", concurrent=5, rows=100, seconds=10, temp_bytes=50)
        service.put("connection", "shop", concurrent=2, rows=1000, seconds=3, temp_bytes=0)
        held = service.limits.of_query(ANA, service.shop.id)
        assert (held.concurrent, held.on_connection) == (5, 2)
        assert (held.rows, held.seconds, held.temp_bytes) == (100, 3, 0)
        elsewhere = service.limits.of_query(ANA, "another")
        assert (elsewhere.on_connection, elsewhere.seconds) == (None, 10)
        (capped,) = service.limits.mine(ANA).connections
        assert (capped.connection, capped.concurrent, capped.running) == ("shop", 2, 0)
        assert service.limits.mine(BEN).connections == []


def test_a_change_by_another_process_takes_effect_within_three_seconds(start: Any) -> None:
    with start() as service:
        assert service.limits.of_query(ANA, "").rows == 20_000_000
        service.store.put("user", "ana", values(rows=3), "root", clock.now())
        wait_for(lambda: service.limits.of_query(ANA, "").rows == 3, 3)


def test_a_row_written_by_hand_does_not_stop_the_service(start: Any) -> None:
    with start() as service:
        service.store.put("everyone", "", values(concurrent=5000, rows=1), "root", clock.now())
        assert service.limits.list(ADMIN).items[0].concurrent == 5000
        assert service.run("select 1 as one")[0].num_rows == 1


# --- what they do ------------------------------------------------------------------------------


def test_rows_bytes_and_seconds_are_limited_per_user(start: Any) -> None:
    with start() as service:
        service.put("group", "engineer", rows=10, bytes=100_000, seconds=0.5)
        _, end = service.run("select g from generate_series(1, 11) g")
        assert end["error"]["code"] == "over_limit" and "10 rows" in end["error"]["message"]
        assert service.run("select g from generate_series(1, 10) g")[1]["rows"] == 10
        # A higher limit set by the client is reduced to it.
        table, end = service.run("select g from generate_series(1, 99) g", row_limit=50)
        assert table.num_rows == 10 and end["truncated"]
        _, end = service.run("select repeat('x', 100000) t from generate_series(1, 9) g")
        assert end["error"]["code"] == "over_limit"
        with pytest.raises(SourceTimeout):
            service.run(LONG.format("timed"))
        service.put("connection", "shop", rows=5)
        _, end = service.run("select g from generate_series(1, 6) g")
        assert end["error"]["code"] == "over_limit"


def test_a_query_waits_for_its_turn_then_runs(start: Any) -> None:
    with start(max_queries_per_user=1, queue_wait=60) as service:
        first = service.ask(LONG.format("first"))
        wait_for(lambda: service.limits.slots.running("ana") == 1)
        second = service.ask("select 2 as two")
        wait_for(lambda: service.waiting() == 1)
        own = service.limits.mine(ANA)
        assert (own.running, own.waiting, own.concurrent.value) == (1, 1, 1)
        states = {query.id: query.state for query in service.broker.active.list(ANA)}
        assert states == {first.id: "running", second.id: "waiting"}
        service.broker.active.cancel(ANA, first.id)
        assert first.failure().code == "cancelled"
        second.thread.join(30)
        table, end = read(second.answer or b"")
        assert table.to_pylist() == [{"two": 2}] and end["rows"] == 1
        assert b'"waited_ms": 0,' not in table.schema.metadata[b"workbench"]
        assert service.rows(second.id) == [("started", None, None), ("finished", "ok", None)]
        assert service.broker.active.list(ANA) == []


def test_a_wait_that_times_out_is_refused_and_in_the_log(start: Any, postgres: Cluster) -> None:
    with start(max_queries_per_user=1, queue_wait=0.2) as service:
        service.ask(LONG.format("first"))
        wait_for(lambda: service.limits.slots.running("ana") == 1)
        second = service.ask(LONG.format("never"))
        error = second.failure()
        assert isinstance(error, LimitReached) and "You already have 1 query" in error.message
        assert service.rows(second.id) == [("refused", "refused", "too_many_queries")]
        assert postgres.active("never") == 0 and service.waiting() == 0


@pytest.mark.parametrize(
    ("how", "outcome"), [("cancel", "cancelled"), ("cancel by admin", "cancelled"),
                         ("hang-up", "hung_up"), ("stop", "cancelled")],
)  # fmt: skip
def test_a_waiting_query_can_be_ended(start: Any, how: str, outcome: str) -> None:
    with start(max_queries_per_user=1, queue_wait=60) as service:
        service.ask(LONG.format("first"))
        wait_for(lambda: service.limits.slots.running("ana") == 1)
        second = service.ask("select 2 as two")
        wait_for(lambda: service.waiting() == 1)
        if how == "hang-up":
            second.hang_up.now()
        elif how == "stop":
            service.broker.active.close()
        else:
            service.broker.active.cancel(ADMIN if "admin" in how else ANA, second.id)
        assert second.failure().code == "cancelled"
        assert service.waiting() == 0
        assert service.rows(second.id)[-1] == ("finished", outcome, "cancelled")


def test_a_connections_slots_are_shared_by_all_users(start: Any) -> None:
    with start(queue_wait=60) as service:
        other = service.connect(ANA, "other")
        service.put("connection", other.id, concurrent=1)
        root = Actor("root", frozenset({"admin"}))
        first = service.ask(LONG.format("first"), connection="other")
        wait_for(lambda: service.limits.slots.running_on(other.id) == 1)
        second = service.ask("select 2 as two", root, connection="other")
        wait_for(lambda: service.waiting(root) == 1)
        # Other connections aren't affected.
        assert service.run("select 1 as one", ANA)[1]["rows"] == 1
        service.broker.active.cancel(ANA, first.id)
        second.thread.join(30)
        assert read(second.answer or b"")[1]["rows"] == 1


def test_raising_a_limit_starts_waiting_queries_at_once(start: Any, postgres: Cluster) -> None:
    with start(max_queries_per_user=1, queue_wait=60) as service:
        service.ask(LONG.format("first"))
        wait_for(lambda: service.limits.slots.running("ana") == 1)
        service.ask(LONG.format("raised"))
        wait_for(lambda: service.waiting() == 1)
        service.put("group", "engineer", concurrent=2)
        wait_for(lambda: postgres.active("raised") == 1)
        assert service.limits.slots.running("ana") == 2
        # Lowered again: running queries continue, new ones wait.
        service.put("group", "engineer", concurrent=1)
        service.ask("select 3 as three")
        wait_for(lambda: service.waiting() == 1)
        assert postgres.active("raised") == 1


def test_a_query_is_checked_again_after_its_wait(start: Any) -> None:
    with start(max_queries_per_user=1, queue_wait=60) as service:
        other = service.connect(ANA, "other")
        first = service.ask(LONG.format("first"))
        wait_for(lambda: service.limits.slots.running("ana") == 1)
        second = service.ask("select 2 as two", connection="other")
        wait_for(lambda: service.waiting() == 1)
        service.connections.delete(ANA, other.id)
        service.broker.active.cancel(ANA, first.id)
        assert second.failure().code == "unknown_connection"
        assert service.rows(second.id) == [("refused", "refused", "unknown_connection")]
        wait_for(lambda: service.limits.slots.running("ana") == 0)


def test_browsing_and_connection_tests_take_a_slot_too(start: Any, postgres: Cluster) -> None:
    with start(max_queries_per_user=1, queue_wait=0.2) as service:
        service.ask(LONG.format("first"))
        wait_for(lambda: service.limits.slots.running("ana") == 1)
        origin = Origin("", "")
        for look in (
            lambda: service.broker.catalog.schemas(ANA, origin, service.shop.id),
            lambda: service.broker.tests.test_saved(ANA, origin, service.shop.id),
        ):
            with pytest.raises(LimitReached):
                look()


def test_the_list_shows_a_querys_progress(start: Any) -> None:
    with start() as service:
        sql = "select g, repeat('x', 1000) as t from generate_series(1, 100000) g --" + "x" * 2000
        request = QueryRequest(connection="shop", sql=sql)
        stream = service.broker.statements.query(ANA, Origin("", ""), request, HangUp())
        pieces = iter(stream)
        next(pieces)
        next(pieces)
        (query,) = service.broker.active.list(ANA)
        assert (query.actor, query.connection, query.kind, query.state) == (
            "ana", "shop", "read", "running",
        )  # fmt: skip
        assert len(query.statement) == 1000 and sql.startswith(query.statement[:-1])
        assert 0 < query.rows < 100_000 and query.bytes > query.rows * 1000
        assert query.started_at is not None and query.started_at >= query.since
        assert service.broker.active.list(BEN) == []
        assert [each.id for each in service.broker.active.list(ADMIN, everybodys=True)] == [
            query.id
        ]
        with pytest.raises(WorkbenchError) as refusal:
            service.broker.active.list(BEN, everybodys=True)
        assert refusal.value.status == 403
        with pytest.raises(WorkbenchError) as refusal:
            service.broker.active.cancel(BEN, query.id)
        assert refusal.value.status == 404
        stream.close()
        assert service.broker.active.list(ADMIN, everybodys=True) == []
