"""The audit log: two rows per access, and the search over them."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone

import pytest

from wb_server.governance.audit.models import AuditQuery
from wb_server.governance.audit.service import AuditService
from wb_server.governance.audit.store import AuditStore
from wb_server.kit import clock
from wb_server.kit.actor import Actor
from wb_server.kit.db import Database
from wb_server.kit.endpoint import Origin
from wb_server.kit.errors import InvalidInput
from wb_server.kit.paging import encode_cursor

ANALYST = Actor("analyst", frozenset({"analyst"}))
ORIGIN = Origin("10.0.0.7", "request-1")


@pytest.fixture
def log(database: Database) -> AuditService:
    return AuditService(AuditStore(database, b"k" * 32))


def find(log: AuditService, **filters: object) -> list[tuple[str, str | None]]:
    page = log.search(AuditQuery(**filters))  # type: ignore[arg-type]
    return [(row.event, row.outcome) for row in page.items]


def test_an_access_has_two_rows(log: AuditService) -> None:
    record = log.started(ANALYST, ORIGIN, "query.read", target="warehouse", statement="select 1")
    assert find(log) == [("started", None)]
    log.finished(record, "ok", rows=3, bytes=120)
    finish, start = log.search(AuditQuery()).items
    assert (start.event, start.statement) == ("started", "select 1")
    assert (finish.event, finish.rows, finish.bytes, finish.outcome) == ("finished", 3, 120, "ok")
    assert finish.record == start.record == record
    assert finish.actor == "analyst" and finish.address == "10.0.0.7"
    assert finish.duration_ms is not None and finish.duration_ms >= 0


def test_a_record_is_closed_once(log: AuditService) -> None:
    record = log.started(ANALYST, ORIGIN, "query.read")
    log.finished(record, "ok")
    log.finished(record, "failed")
    assert find(log) == [("finished", "ok"), ("started", None)]


def test_records_of_a_dead_process_are_closed_as_unknown(
    log: AuditService, database: Database
) -> None:
    log.started(ANALYST, ORIGIN, "query.read", target="warehouse")
    done = log.started(ANALYST, ORIGIN, "query.read")
    log.finished(done, "ok")
    after_restart = AuditService(AuditStore(database, b"k" * 32))
    assert after_restart.close_open() == 1
    assert after_restart.close_open() == 0
    assert find(after_restart, outcome="unknown") == [("finished", "unknown")]


def test_records_of_a_running_process_stay_open(log: AuditService, database: Database) -> None:
    for request in ("ended", "running"):
        log.started(ANALYST, Origin("worker-1", request), "query.read")
    after_restart = AuditService(AuditStore(database, b"k" * 32))
    assert after_restart.close_open(lambda: {"running"}) == 1
    (row,) = after_restart.search(AuditQuery(outcome="unknown")).items
    assert row.request_id == "ended"


def test_a_refusal_is_one_row_even_without_an_actor(log: AuditService) -> None:
    log.refused(None, ORIGIN, "connection.create", code="not_signed_in")
    (row,) = log.search(AuditQuery(event="refused")).items
    assert (row.actor, row.code, row.outcome) == (None, "not_signed_in", "refused")


def test_rows_are_found_by_each_filter(log: AuditService) -> None:
    log.started(ANALYST, ORIGIN, "query.read", target="warehouse", statement="select 100%")
    other = Actor("engineer", frozenset({"engineer"}))
    log.started(other, ORIGIN, "connection.create", target="shop")
    assert len(find(log, search="100%")) == 1
    assert len(find(log, search="WAREHOUSE")) == 1
    assert len(find(log, search="_are")) == 0
    assert len(find(log, user="engineer")) == 1
    assert len(find(log, action="connection.create")) == 1
    assert len(find(log, since=clock.now() - timedelta(minutes=1))) == 2
    assert len(find(log, until=clock.now() - timedelta(minutes=1))) == 0


def test_pages_have_no_gaps_or_overlaps(log: AuditService) -> None:
    for number in range(7):
        log.started(ANALYST, ORIGIN, f"action.{number}")
    seen, cursor = [], None
    while True:
        page = log.search(AuditQuery(limit=3, cursor=cursor))
        seen += [row.action for row in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [f"action.{number}" for number in reversed(range(7))]


@pytest.mark.parametrize("cursor", ["€€", encode_cursor(2**63), encode_cursor(-1), "Zm9v"])
def test_an_invalid_cursor_is_refused(log: AuditService, cursor: str) -> None:
    with pytest.raises(InvalidInput, match="cursor"):
        log.search(AuditQuery(cursor=cursor))


def test_a_time_out_of_range_is_refused(log: AuditService) -> None:
    first = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    with pytest.raises(InvalidInput, match="since"):
        log.search(AuditQuery(since=first))


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
def test_text_that_cannot_be_stored_is_still_logged(log: AuditService, text: str) -> None:
    log.started(ANALYST, ORIGIN, "query.read", target=text, statement=text)
    log.refused(ANALYST, ORIGIN, "query.read", code="x", target=text, statement=text)
    assert len(log.search(AuditQuery()).items) == 2
    # The stored row is found by the original text.
    query = AuditQuery.model_construct(**{**AuditQuery().model_dump(), "search": text})
    assert len(log.search(query).items) == 2


def test_records_with_a_reused_id_are_closed_as_well(log: AuditService, database: Database) -> None:
    # A client may choose its query's id, and nothing prevents it from using one twice.
    refused, twice, closed = (str(uuid.UUID(int=number)) for number in range(3))
    log.refused(ANALYST, ORIGIN, "query.run", code="x", record=refused)
    log.started(ANALYST, ORIGIN, "query.read", record=refused)
    log.finished(log.started(ANALYST, ORIGIN, "query.read", record=twice), "ok")
    log.started(ANALYST, ORIGIN, "query.read", record=twice)
    log.finished(log.started(ANALYST, ORIGIN, "query.read", record=closed), "ok")
    log.refused(ANALYST, ORIGIN, "query.run", code="x", record=closed)
    after_restart = AuditService(AuditStore(database, b"k" * 32))
    assert after_restart.close_open() == 2
    assert after_restart.close_open() == 0
    unknown = after_restart.search(AuditQuery(outcome="unknown")).items
    assert {row.record for row in unknown} == {refused, twice}
