"""A kernel of a pipeline's attempt gets data only while its attempt is current."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.jupyter import embedded
from support.metadata import migrate_new

from wb_server import composition
from wb_server.composition import Workbench, build
from wb_server.connections.models import ConnectionCreate
from wb_server.connections.service import ConnectionService
from wb_server.gate.permits import Permit
from wb_server.governance.audit.models import AuditQuery
from wb_server.governance.audit.service import AuditService
from wb_server.governance.secrets import vault
from wb_server.kit.actor import Actor
from wb_server.kit.endpoint import HangUp, Origin
from wb_server.kit.errors import Conflict, WorkbenchError
from wb_server.kit.room import Room
from wb_server.pipelines.room import ROOM as PIPELINES
from wb_server.queries.bindings import Binding, BindingsPort, NoBindings
from wb_server.queries.broker import Broker
from wb_server.queries.models import QueryRequest
from wb_server.rooms import ROOMS
from wb_server.settings import Settings

pytestmark = pytest.mark.slow

ANA = Actor("ana", frozenset({"engineer"}))


class FakeBindings:
    """Bindings with one attempt, current until the test removes it."""

    def __init__(self) -> None:
        self.attempts = {("a1", "ana")}
        self.uses: list[tuple[str, str, list[str]]] = []

    def current(self, attempt_id: str, actor: str) -> Binding | None:
        if (attempt_id, actor) not in self.attempts:
            return None
        return Binding(attempt_id, "t1", "r1")

    def used(self, attempt_id: str, permit: Permit) -> None:
        self.uses.append((attempt_id, permit.kind, [table.name for table in permit.tables]))


@pytest.fixture
def bindings() -> FakeBindings:
    return FakeBindings()


@pytest.fixture
def workbench(
    tmp_path: Path, bindings: FakeBindings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workbench]:
    """The rooms below pipelines, and a stand-in for pipelines that knows one attempt."""
    below = ROOMS[: ROOMS.index(PIPELINES)]
    above = Room("attempts", build=lambda assembly: assembly.get(BindingsPort).fill(bindings))
    monkeypatch.setattr(composition, "ROOMS", (*below, above))
    settings = Settings(data_dir=str(tmp_path))
    vault.generate(settings.key_path)
    migrate_new(settings.database)
    folder = settings.roots[0]
    folder.mkdir(parents=True)
    (folder / "sales.csv").write_text("region,amount\neu,1\n")
    workbench = build(settings)
    for actor, name in ((ANA, "files"), (Actor("ben", frozenset({"engineer"})), "bens")):
        workbench.api.services.get(ConnectionService).create(
            actor, ConnectionCreate(name=name, connector="files", config={"folder": str(folder)})
        )
    yield workbench
    workbench.close()


def ask(workbench: Workbench, attempt: str | None) -> bytes:
    """Lists the tables of the connection and reads one, as a kernel of this attempt."""
    broker = workbench.api.services.get(Broker)
    origin = Origin("127.0.0.1", "r", attempt)
    saved = workbench.api.services.get(ConnectionService).find(ANA, "files")
    assert broker.catalog.tables(ANA, origin, saved.id, None)
    stream = broker.statements.query(
        ANA, origin, QueryRequest(connection="files", sql="select * from sales"), HangUp()
    )
    try:
        return b"".join(stream)
    finally:
        stream.close()


def test_only_a_kernel_of_the_current_attempt_gets_data(
    workbench: Workbench, bindings: FakeBindings
) -> None:
    assert ask(workbench, "a1")
    assert ask(workbench, None)
    rows = workbench.api.services.get(AuditService).search(AuditQuery(event="started")).items
    # The log names the run for its queries, and the way of signing in for others.
    assert [row.via for row in rows if row.action == "query.read"] == ["token", "run:r1"]
    assert bindings.uses == [("a1", "read", ["sales"])]
    bindings.attempts.clear()
    codes = []
    for attempt in ("a1", "a2", "x" * 64):
        with pytest.raises(Conflict) as raised:
            ask(workbench, attempt)
        codes.append(raised.value.code)
    assert codes == ["stale_attempt"] * 3


def test_a_refused_query_is_in_the_audit_log(workbench: Workbench, bindings: FakeBindings) -> None:
    broker = workbench.api.services.get(Broker)
    request = QueryRequest(connection="files", sql="select * from sales")
    for actor, attempt in ((ANA, "a0"), (Actor("ben", frozenset({"engineer"})), "a1")):
        with pytest.raises(Conflict):
            broker.statements.query(actor, Origin("", "", attempt), request, HangUp())
    rows = workbench.api.services.get(AuditService).search(AuditQuery(event="refused")).items
    assert {(row.actor, row.code) for row in rows} == {
        ("ana", "stale_attempt"),
        ("ben", "stale_attempt"),
    }


def test_a_failed_query_is_not_recorded_as_a_use(
    workbench: Workbench, bindings: FakeBindings
) -> None:
    broker = workbench.api.services.get(Broker)
    request = QueryRequest(connection="files", sql="select cast(region as int) from sales")
    with pytest.raises(WorkbenchError):
        b"".join(broker.statements.query(ANA, Origin("", "", "a1"), request, HangUp()))
    assert bindings.uses == []


def test_without_pipelines_no_attempt_is_current() -> None:
    port = BindingsPort(NoBindings())
    assert port().current("a1", "ana") is None
    port.fill(FakeBindings())
    assert port().current("a1", "ana") == Binding("a1", "t1", "r1")
    with pytest.raises(RuntimeError, match="two rooms"):
        port.fill(FakeBindings())


def test_attempts_are_checked_over_http(tmp_path: Path) -> None:
    with embedded(tmp_path) as api:
        (tmp_path / "data" / "files").mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / "files" / "sales.csv").write_text("a\n1\n")
        api.ok(
            "POST",
            "/connections",
            {
                "name": "files",
                "connector": "files",
                "config": {"folder": str(tmp_path / "data/files")},
            },
        )
        for attempt, status in ((None, 200), ("nobody-knows", 409)):
            headers = {"Workbench-Attempt": attempt} if attempt else {}
            answer = api.http.post(
                f"{api.base}/api/v1/query",
                json={"connection": "files", "sql": "select * from sales"},
                headers=headers,
            )
            assert answer.status_code == status, answer.text
        assert answer.json()["error"]["code"] == "stale_attempt"
