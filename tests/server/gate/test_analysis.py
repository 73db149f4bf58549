"""Long statements are analysed in a separate process: with the same result, and stoppable."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.metadata import migrate_new
from support.postgres import Cluster
from support.wait import wait_for

from wb_server.composition import Workbench, build
from wb_server.connections.models import ConnectionCreate
from wb_server.connections.service import ConnectionService
from wb_server.gate import analysis
from wb_server.gate.analysis import Analyst, is_long
from wb_server.gate.models import DialectName
from wb_server.gate.statement import analyse
from wb_server.governance.audit.models import AuditQuery
from wb_server.governance.audit.service import AuditService
from wb_server.governance.secrets import vault
from wb_server.kit.actor import Actor
from wb_server.kit.endpoint import HangUp, Origin
from wb_server.kit.errors import Conflict, SourceTimeout, TooLarge, WorkbenchError
from wb_server.queries.broker import Broker
from wb_server.queries.models import QueryRequest
from wb_server.settings import Settings

ENGINEER = Actor("engineer", frozenset({"engineer"}))
LONG = f"select 1 as a -- {'x' * 20_000}"

# A nursery whose processes take a request and then hang until they are killed.
HANGING = (
    "import sys, signal\n"
    "from wb_server.kit import forking\n"
    "def work(asked, output, ended):\n"
    "    forking.request_of(asked)\n"
    "    signal.pause()\n"
    "forking.serve(int(sys.argv[1]), work)\n"
)


@pytest.fixture(scope="module")
def analyst() -> Iterator[Analyst]:
    it = Analyst()
    yield it
    it.close()


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis, "_PROGRAM", ["-c", HANGING])


PARAMETERS: dict[str, Any] = {
    "ids": [*range(3000)],
    "price": Decimal("19.99"),
    "day": dt.date(2026, 1, 31),
    "at": dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC),
    "name": "O'Hara \\ \U0001f600",
    "raw": b"\x00\xff",
    "wire": {"type": "decimal", "value": "1.5"},
    "none": None,
}


@pytest.mark.parametrize("dialect", ["postgres", "duckdb", "mysql"])
def test_the_result_is_the_same_as_in_this_process(analyst: Analyst, dialect: DialectName) -> None:
    sql = (
        "select a from s.t join u on t.a = u.a where t.a in (:ids) and b > :price and c = :day and d = :at "
        "and e = :name and f = :raw and g = :wire and h is not distinct from :none"
    )
    if dialect == "mysql":
        sql = sql.replace("is not distinct from", "<=>")
    assert is_long(sql, PARAMETERS)
    found = analyst.analyse(sql, dialect, PARAMETERS, limit=10)
    assert found == analyse(sql, dialect, PARAMETERS, limit=10)
    assert [table.name for table in found.tables] == ["u", "t"]


def test_a_write_is_reported_as_a_write(analyst: Analyst) -> None:
    sql = f"insert into t (a) values {', '.join(f'({n})' for n in range(3000))} returning a"
    found = analyst.analyse(sql, "postgres")
    assert found == analyse(sql, "postgres")
    assert (found.kind, found.returns_rows) == ("write", True)


def test_names_to_look_up_in_the_database_are_returned(analyst: Analyst) -> None:
    """They are sets, and a mapping with tables in it, which JSON doesn't have."""
    sql = f"select t.area, (t.body).city, levenshtein(a, b) from s.t -- {'x' * 20_000}"
    found = analyst.analyse(sql, "postgres")
    assert found == analyse(sql, "postgres")
    assert found.named.of_rows and found.named.of_values and found.named.functions


@pytest.mark.parametrize(
    "sql",
    [
        f"select pg_read_file('x') -- {'x' * 20_000}",
        f"select 1; select 2 -- {'x' * 20_000}",
        f"selec 1 -- {'x' * 20_000}",
        f"select a from t where a in ({', '.join(['1'] * 60_000)})",
        "select " + "(" * 12_000 + "1" + ")" * 12_000,
    ],
)
def test_errors_are_the_same_as_in_this_process(analyst: Analyst, sql: str) -> None:
    raised = []
    for way in (analyst.analyse, analyse):
        with pytest.raises(WorkbenchError) as caught:
            way(sql, "postgres")
        raised.append((type(caught.value), caught.value.to_wire()))
    assert raised[0] == raised[1]


def test_an_oversized_statement_gets_no_process(hanging: None) -> None:
    with pytest.raises(TooLarge):
        Analyst().analyse(f"select 1 -- {'x' * 1_000_000}", "postgres")


class Stop:
    """A watch that cancels after a moment, or not at all."""

    def __init__(self, seconds: float, stop: bool = False) -> None:
        self.seconds = seconds
        self._stop = stop

    def attach(self, work: analysis.Stoppable) -> None:
        if self._stop:
            threading.Timer(0.1, work.cancel).start()


DEEP = f"select {'(' * 9}1{')' * 9}"


@pytest.mark.parametrize("sql", [LONG, DEEP])
def test_an_analysis_has_a_timeout(hanging: None, sql: str) -> None:
    analyst = Analyst()
    with pytest.raises(SourceTimeout):
        analyst.analyse(sql, "postgres", watch=Stop(0.3))
    analyst.close()


def test_an_analysis_can_be_cancelled(hanging: None) -> None:
    analyst = Analyst()
    with pytest.raises(Conflict) as caught:
        analyst.analyse(LONG, "postgres", watch=Stop(60, stop=True))
    assert caught.value.code == "cancelled"
    analyst.close()


# --- behind the broker ---------------------------------------------------------------------------


@pytest.fixture
def workbench(tmp_path: Path, postgres: Cluster) -> Iterator[Workbench]:
    settings = Settings(
        data_dir=str(tmp_path), allow_loopback=True, query_timeout=2.0, max_queries_per_user=2
    )
    vault.generate(settings.key_path)
    migrate_new(settings.database)
    it = build(settings)
    it.api.services.get(ConnectionService).create(
        ENGINEER, ConnectionCreate(name="shop", connector="postgres", config=postgres.config())
    )
    yield it
    it.close()


def _run(workbench: Workbench, hang_up: HangUp, raised: list[str]) -> None:
    request = QueryRequest(connection="shop", sql=LONG)
    try:
        workbench.api.services.get(Broker).statements.query(
            ENGINEER, Origin("", ""), request, hang_up
        ).close()
        raised.append("ok")
    except WorkbenchError as error:
        raised.append(error.code)


def _processes() -> int:
    mine = psutil.Process().children(recursive=True)
    return sum(1 for each in mine if HANGING in each.cmdline())


@pytest.mark.slow
@pytest.mark.parametrize("way", ["cancel", "hang_up", "time"])
def test_an_analysis_is_listed_and_ends_with_its_query(
    hanging: None, workbench: Workbench, way: str
) -> None:
    broker = workbench.api.services.get(Broker)
    hang_up, raised = HangUp(), list[str]()
    query = threading.Thread(target=_run, args=[workbench, hang_up, raised])
    query.start()
    wait_for(lambda: [each.state for each in broker.active.list(ENGINEER)] == ["running"], 20)
    (listed,) = broker.active.list(ENGINEER)
    assert listed.statement.startswith("select 1 as a --")
    wait_for(lambda: _processes() == 2, 20)  # the nursery and the hanging process
    if way == "cancel":
        broker.active.cancel(ENGINEER, listed.id)
    elif way == "hang_up":
        hang_up.now()
    query.join(20)
    assert raised == [{"time": "timeout"}.get(way, "cancelled")]
    assert broker.active.list(ENGINEER) == []
    wait_for(lambda: _processes() == 1, 20)
    rows = workbench.api.services.get(AuditService).search(AuditQuery(event="refused")).items
    assert [row.code for row in rows] == raised


@pytest.mark.slow
def test_a_long_statement_runs(workbench: Workbench) -> None:
    raised: list[str] = []
    _run(workbench, HangUp(), raised)
    assert raised == ["ok"]


def test_a_long_statement_is_not_analysed_in_the_service(
    analyst: Analyst, monkeypatch: pytest.MonkeyPatch
) -> None:
    def here(*_: object, **__: object) -> None:
        raise AssertionError("analysed in the service")

    monkeypatch.setattr(analysis, "analyse", here)
    assert analyst.analyse(LONG, "postgres").kind == "read"
    with pytest.raises(AssertionError):
        analyst.analyse("select 1", "postgres")
