"""The broker's limits, and that whatever ends a query ends it completely."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.api import read
from support.metadata import migrate_new
from support.postgres import Cluster
from support.wait import wait_for

from wb_server.composition import StartError, Workbench, build
from wb_server.connections.models import ConnectionCreate
from wb_server.connections.service import ConnectionService
from wb_server.governance.audit.models import AuditQuery
from wb_server.governance.audit.service import AuditService
from wb_server.governance.secrets import vault
from wb_server.kit.actor import Actor
from wb_server.kit.endpoint import HangUp, Origin
from wb_server.kit.errors import Cancelled, Forbidden, LimitReached, SourceTimeout, WorkbenchError
from wb_server.queries.broker import Broker
from wb_server.queries.models import QueryRequest
from wb_server.settings import Settings

ENGINEER = Actor("engineer", frozenset({"engineer"}))
LONG = "select count(*) as {} from generate_series(1, 1000000) a, generate_series(1, 1000000) b"


@pytest.fixture
def start(tmp_path: Path, postgres: Cluster) -> Any:
    """Builds the service with some settings, and a connection `shop` in it."""

    @contextmanager
    def started(**changes: Any) -> Iterator[tuple[Broker, Workbench]]:
        settings = Settings(data_dir=str(tmp_path), allow_loopback=True, **changes)
        vault.generate(settings.key_path)
        migrate_new(settings.database)
        workbench = build(settings)
        workbench.api.services.get(ConnectionService).create(
            ENGINEER,
            ConnectionCreate(name="shop", connector="postgres", config=postgres.config()),
        )
        try:
            yield workbench.api.services.get(Broker), workbench
        finally:
            workbench.close()

    return started


def run(broker: Broker, sql: str, hang_up: HangUp | None = None, **more: Any) -> bytes:
    """The whole response to a statement."""
    request = QueryRequest(connection="shop", sql=sql, **more)
    stream = broker.statements.query(ENGINEER, Origin("", ""), request, hang_up or HangUp())
    try:
        return b"".join(stream)
    finally:
        stream.close()


def outcomes(workbench: Workbench) -> list[str | None]:
    log = workbench.api.services.get(AuditService)
    return [row.outcome for row in log.search(AuditQuery(event="finished")).items]


def test_a_result_over_the_row_limit_ends_with_an_error(start: Any) -> None:
    with start(max_rows=1000) as (broker, workbench):
        _, end = read(run(broker, "select * from generate_series(1, 100000) g"))
        assert end["error"]["code"] == "over_limit" and "1,000 rows" in end["error"]["message"]
        table, end = read(run(broker, "select * from generate_series(1, 1000) g"))
        assert (table.num_rows, end["rows"]) == (1000, 1000)
        assert outcomes(workbench) == ["ok", "failed"]


def test_a_result_over_the_byte_limit_ends_with_an_error(start: Any) -> None:
    with start(max_bytes=4 * 2**20) as (broker, _):
        _, end = read(run(broker, "select repeat('x', 1000) t from generate_series(1, 20000) g"))
        assert end["error"]["code"] == "over_limit"


def test_a_statement_over_its_timeout_is_stopped(start: Any, postgres: Cluster) -> None:
    with start(query_timeout=0.5) as (broker, workbench):
        with pytest.raises(SourceTimeout):
            run(broker, LONG.format("timed"))
        wait_for(lambda: postgres.active("timed") == 0)
        assert outcomes(workbench) == ["failed"]


def test_a_users_concurrent_queries_are_limited(start: Any, postgres: Cluster) -> None:
    with start(max_queries_per_user=1) as (broker, workbench):
        hang_up = HangUp()
        failures: list[WorkbenchError] = []

        def wait() -> None:
            try:
                run(broker, LONG.format("busy"), hang_up)
            except WorkbenchError as error:
                failures.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        wait_for(lambda: postgres.active("busy") == 1)
        with pytest.raises(LimitReached, match="You already have 1 query"):
            run(broker, "select 1")
        hang_up.now()
        thread.join(20)
        assert isinstance(failures[0], Cancelled) and failures[0].code == "cancelled"
        # The slot is free again.
        assert read(run(broker, "select 1 as one"))[0].num_rows == 1
        assert outcomes(workbench) == ["ok", "hung_up"]


def test_a_client_that_disconnects_before_the_start_ends_the_query(start: Any) -> None:
    with start() as (broker, workbench):
        hang_up = HangUp()
        hang_up.now()
        with pytest.raises(WorkbenchError):
            run(broker, LONG.format("n"), hang_up)
        assert outcomes(workbench) == ["hung_up"]


def test_closing_an_unread_stream_ends_its_query(start: Any, postgres: Cluster) -> None:
    with start() as (broker, workbench):
        request = QueryRequest(connection="shop", sql="select * from generate_series(1, 9999999) g")
        stream = broker.statements.query(ENGINEER, Origin("", ""), request, HangUp())
        assert postgres.active("9999999") == 1
        stream.close()
        wait_for(lambda: postgres.active("9999999") == 0)
        assert outcomes(workbench) == ["hung_up"]


def test_a_write_whose_client_disconnects_is_rolled_back(start: Any, postgres: Cluster) -> None:
    with postgres.connect() as connection:
        connection.execute("drop table if exists gone; create table gone (n bigint)")
    with start() as (broker, workbench):
        hang_up = HangUp()
        sql = (
            "insert into gone select a.n from generate_series(1, 1000000) a(n), "
            "generate_series(1, 1000) b"
        )

        def write() -> None:
            with pytest.raises(WorkbenchError):
                run(broker, sql, hang_up)

        thread = threading.Thread(target=write)
        thread.start()
        wait_for(lambda: postgres.active("INTO gone") == 1)
        hang_up.now()
        thread.join(30)
        with postgres.connect() as connection:
            assert connection.execute("select count(*) from gone").fetchone() == (0,)
        assert outcomes(workbench) == ["hung_up"]


def test_too_many_returned_rows_roll_the_write_back(start: Any, postgres: Cluster) -> None:
    with postgres.connect() as connection:
        connection.execute("drop table if exists many; create table many (n bigint)")
    with start(max_write_rows=10) as (broker, _):
        with pytest.raises(WorkbenchError) as refusal:
            run(broker, "insert into many select g from generate_series(1, 100) g returning n")
        assert refusal.value.status == 413
    with postgres.connect() as connection:
        assert connection.execute("select count(*) from many").fetchone() == (0,)


def test_a_viewer_may_not_write(start: Any) -> None:
    with start() as (broker, workbench):
        workbench.api.services.get(ConnectionService)
        viewer = Actor("engineer", frozenset({"viewer"}))
        with pytest.raises(Forbidden) as refusal:
            broker.statements.query(
                viewer,
                Origin("", ""),
                QueryRequest(connection="shop", sql="delete from many"),
                HangUp(),
            )
        assert refusal.value.code == "role_missing"


def test_an_unmigrated_database_is_refused_with_a_remedy(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path))
    vault.generate(settings.key_path)
    with pytest.raises(StartError, match="wb migrate"):
        build(settings)
