"""The sealer at work: new rows, rows without MACs, late rows, old rows, failures."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from support.wait import wait_for

from wb_server.governance.audit import sealer as sealing
from wb_server.governance.audit.models import AuditQuery, ExportQuery
from wb_server.governance.audit.sealer import Sealer, prune, seal_all
from wb_server.governance.audit.seals import SealStore, audit_seals
from wb_server.governance.audit.service import AuditService
from wb_server.governance.audit.signing import SIGNED, Signer
from wb_server.governance.audit.store import AuditStore, audit
from wb_server.governance.audit.verify import Holes, Verifier
from wb_server.kit import clock
from wb_server.kit.actor import Actor
from wb_server.kit.db import Database
from wb_server.kit.endpoint import Origin

pytestmark = pytest.mark.slow

KEY = bytes(range(32))
ANA = Actor("ana", frozenset({"analyst"}))
ORIGIN = Origin("10.0.0.7", "request-1")
COLUMNS = ", ".join(f'"{name}"' for name in SIGNED)


class Log:
    """A log and its seals, with queries on both."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = AuditStore(database, KEY)
        self.service = AuditService(self.store)
        self.seals = SealStore(database, Signer(KEY))

    def write(self, rows: int) -> None:
        for number in range(rows):
            self.service.refused(ANA, ORIGIN, "query.run", code="x", statement=f"select {number}")

    def sql(self, statement: str) -> None:
        with self.database.write() as transaction:
            transaction.execute(sa.text(statement))

    def count(self, condition: str = "1 = 1") -> int:
        with self.database.read() as transaction:
            found = transaction.execute(sa.text(f"select count(*) from audit where {condition}"))
            return int(found.scalar_one())

    def verify(self) -> tuple[list[str], Verifier]:
        verifier = Verifier(self.database, Signer(KEY))
        return [finding.text for finding in verifier.findings()], verifier

    def sealer(self, days: int = 0) -> Sealer:
        return Sealer(self.store, self.seals, self.service, retention_days=days)


@pytest.fixture
def log(database: Database) -> Log:
    return Log(database)


@pytest.fixture
def running(log: Log) -> Iterator[Sealer]:
    it = log.sealer()
    it.start()
    yield it
    it.close()


def test_new_rows_are_sealed_automatically(log: Log, running: Sealer) -> None:
    log.write(3)
    wait_for(lambda: log.count("seal is not null") == 3)
    log.write(2)
    wait_for(lambda: log.count("seal is null") == 0)
    assert log.verify()[0] == []


def test_leftover_rows_are_sealed_at_the_start_and_the_rest_at_the_end(log: Log) -> None:
    log.write(3)
    Log(log.database).service.started(ANA, ORIGIN, "query.read")
    first = log.sealer()
    first.start()
    wait_for(lambda: log.count("seal is null") == 0)
    log.write(4)
    first.close()
    assert log.count("seal is null") == 0
    assert log.verify()[0] == []


def test_a_failing_sealer_logs_it_once_and_resumes(
    log: Log,
    running: Sealer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sealing, "_PAUSE", 0.05)
    turns = 0
    wait = running._stop.wait

    def counted(seconds: float | None = None) -> bool:
        nonlocal turns
        turns += 1
        return wait(seconds)

    monkeypatch.setattr(running._stop, "wait", counted)
    with caplog.at_level(logging.INFO, logger="wb_server.governance.audit.sealer"):
        log.sql("alter table audit_seals rename to elsewhere")
        log.write(2)
        wait_for(lambda: "can't be sealed" in caplog.text)
        before = turns
        wait_for(lambda: turns > before + 3)
        log.sql("alter table elsewhere rename to audit_seals")
        wait_for(lambda: "is sealed again" in caplog.text)
    assert caplog.text.count("can't be sealed") == 1
    assert log.count("seal is null") == 0
    assert log.verify()[0] == []


def test_old_rows_are_pruned_once_a_day(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as past:
        long_ago = clock.now() - timedelta(days=31)
        past.setattr(clock, "now", lambda: long_ago)
        log.write(5)
        seal_all(log.seals)
    log.write(1)
    seal_all(log.seals)
    it = log.sealer(days=30)
    it.start()
    wait_for(lambda: log.count("seal is null or seal = 1") == 0)
    log.write(2)
    wait_for(lambda: log.count("seal is null") == 0)
    it.close()
    rows = log.service.search(AuditQuery(action="audit.prune")).items
    assert [(row.event, row.actor, row.rows) for row in rows] == [
        ("finished", "system", 5),
        ("started", "system", None),
    ]
    assert log.count("action = 'query.run'") == 3
    assert log.verify()[0] == []


def test_without_retention_nothing_is_pruned(log: Log) -> None:
    log.write(5)
    it = log.sealer()
    it.start()
    it.close()
    assert log.count() == 5
    assert log.service.search(AuditQuery(action="audit.prune")).items == []


# --- rows from before there were MACs ------------------------------------------------------------


def test_rows_without_macs_are_adopted_and_verify_reports_them(log: Log) -> None:
    log.write(25)
    log.sql("update audit set mac = null where id <= 23")
    texts, verifier = log.verify()
    assert texts == [] and "23 rows date from before rows had MACs" in verifier.notes[0]
    # In three batches; the first one fixes how far the adoption goes.
    assert [seal.adopted for _ in range(3) if (seal := log.seals.seal(10))] == [10, 10, 3]
    texts, verifier = log.verify()
    assert texts == [] and verifier.notes == []
    assert verifier.summary.adopted == 23
    log.sql("update audit set actor = 'ben' where id = 7")
    assert "row 7 " in log.verify()[0][0]


def test_after_the_first_seal_no_row_without_a_mac_is_adopted(log: Log) -> None:
    log.write(3)
    assert log.seals.seal(10) is not None
    log.sql(f"insert into audit ({COLUMNS}) select {COLUMNS} from audit where id = 2")
    assert "row 4 " in log.verify()[0][0]
    seal = log.seals.seal(10)
    assert seal is not None and seal.adopted == 0
    (text,) = log.verify()[0]
    assert "row 4 " in text and "seal 2" in text


# --- late rows -----------------------------------------------------------------------------------


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_row_that_is_committed_late_goes_into_the_next_seal(log: Log) -> None:
    other = Log(log.database)
    log.write(1)
    with log.database.engine.connect() as slow:
        taken = slow.execute(sa.text("select nextval(pg_get_serial_sequence('audit', 'id'))"))
        number = taken.scalar_one()
        other.write(2)
        row = dict.fromkeys(SIGNED) | {
            "record": "late", "at": other.service.search(AuditQuery()).items[0].at,
            "event": "refused", "address": "", "via": "", "request_id": "", "action": "query.run",
        }  # fmt: skip
        slow.execute(audit.insert().values(id=number, **row, mac=Signer(KEY).row(row)))
        first = log.seals.seal(10)
        slow.commit()
    second = log.seals.seal(10)
    assert first is not None and second is not None
    assert (first.ids, second.ids) == ("1,3-4", "2")
    assert log.verify()[0] == []


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_number_that_postgresql_skipped_is_a_note(log: Log) -> None:
    log.write(2)
    log.sql("select nextval(pg_get_serial_sequence('audit', 'id'))")
    log.write(1)
    seal_all(log.seals)
    texts, verifier = log.verify()
    assert texts == [] and "the numbers 3:" in verifier.notes[0]


def test_a_row_deleted_before_it_is_sealed_leaves_a_gap(log: Log) -> None:
    log.write(3)
    log.sql("delete from audit where id = 2")
    seal_all(log.seals)
    texts, verifier = log.verify()
    reports = texts if log.database.sqlite else verifier.notes
    assert len(reports) == 1 and " 2" in reports[0]


def test_an_old_row_that_is_inserted_again_is_noted(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as past:
        long_ago = clock.now() - timedelta(days=3)
        past.setattr(clock, "now", lambda: long_ago)
        log.write(2)
        assert log.seals.seal(10) is not None
    log.sql("create table kept as select * from audit where id = 2")
    prune(log.seals, log.service, timedelta(days=1), ANA)
    assert log.count("action = 'query.run'") == 0
    seal_all(log.seals)
    log.sql(f"insert into audit ({COLUMNS}, mac) select {COLUMNS}, mac from kept")
    seal_all(log.seals)
    texts, verifier = log.verify()
    assert texts == []
    assert "row 5 " in verifier.notes[0] and "an old row was inserted again" in verifier.notes[0]


# --- a chain that is cut while the service runs --------------------------------------------------


def test_a_tail_cut_under_a_running_service_leaves_a_hole(
    log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(4):
        log.write(2)
        assert log.seals.seal(10) is not None
    log.sql("delete from audit where seal >= 3")
    log.sql("delete from audit_seals where id >= 3")
    log.write(2)
    seal = log.seals.seal(10)
    assert seal is not None and seal.id == 5
    assert "run `wb audit verify`" in caplog.text
    assert any("seals 3-4 are missing" in text for text in log.verify()[0])


def test_seals_by_another_sealer_are_no_cut(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    other = Log(log.database)
    for each in (log, other, log, other, other, log):
        each.write(2)
        assert each.seals.seal(10) is not None
    assert log.verify()[0] == [] and caplog.text == ""
    with log.database.read() as transaction:
        assert transaction.scalar(sa.select(sa.func.count()).select_from(audit_seals)) == 6


# --- exports, and holes in the numbers -----------------------------------------------------------


def test_an_export_records_its_size_in_the_log(log: Log) -> None:
    log.write(3)
    with_all = log.service.export(ANA, ORIGIN, ExportQuery())
    pieces = list(with_all)
    with_all.close()
    assert len(pieces) == 4
    cut = iter(stream := log.service.export(ANA, ORIGIN, ExportQuery()))
    next(cut)
    stream.close()
    rows = log.service.search(AuditQuery(action="audit.export", event="finished")).items
    assert [(row.outcome, row.rows) for row in rows] == [("hung_up", 1), ("ok", 4)]
    assert rows[1].bytes == sum(map(len, pieces))


def test_holes_are_filled_in_any_order() -> None:
    holes = Holes()
    holes.cover([(1, 3), (7, 9)])
    holes.cover([(12, 12), (5, 5)])
    assert holes.left() == [(4, 4), (6, 6), (10, 11)]
    holes.cover([(4, 6)])
    holes.cover([(10, 10)])
    holes.reach(14)
    assert holes.left() == [(11, 11), (13, 14)]
    holes.cover([(1, 20)])
    assert holes.left() == []
