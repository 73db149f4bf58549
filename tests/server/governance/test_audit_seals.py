"""The chain of seals: tampering behind the service's back is found and named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa
from support.wait import wait_for

from wb_server.governance.audit.batch import Finding
from wb_server.governance.audit.models import Checkpoint
from wb_server.governance.audit.sealer import prune, seal_all
from wb_server.governance.audit.seals import PruneRefused, SealStore
from wb_server.governance.audit.service import AuditService
from wb_server.governance.audit.signing import SIGNED, Signer
from wb_server.governance.audit.store import AuditStore, audit
from wb_server.governance.audit.verify import Verifier
from wb_server.kit import clock
from wb_server.kit.actor import Actor
from wb_server.kit.db import Database
from wb_server.kit.endpoint import Origin

pytestmark = pytest.mark.slow

KEY = bytes(range(32))
ANALYST = Actor("analyst", frozenset({"analyst"}))
ORIGIN = Origin("10.0.0.7", "request-1")
BATCH = 10


class Log:
    """A log of 40 rows in four seals."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.service = AuditService(AuditStore(database, KEY))
        self.seals = SealStore(database, Signer(KEY))
        for _ in range(4):
            self.write(BATCH // 2)
            assert self.seals.seal(BATCH) is not None

    def write(self, accesses: int) -> None:
        for number in range(accesses):
            record = self.service.started(
                ANALYST, ORIGIN, "query.read", connection_id="c1", target="shop",
                statement=f"select {number}",
            )  # fmt: skip
            self.service.finished(record, "ok", rows=number, bytes=8 * number)

    def tamper(self, sql: str, **values: object) -> None:
        """Changes the log as somebody with access to the database would."""
        with self.database.write() as transaction:
            assert transaction.execute(sa.text(sql), values).rowcount > 0

    @contextmanager
    def edited(self, table: str, column: str, value: object, row: int) -> Iterator[None]:
        """Another value in a column of a row while the block runs."""
        change = f'update {table} set "{column}" = :value where id = {row}'
        with self.database.read() as transaction:
            before = transaction.scalar(sa.text(f'select "{column}" from {table} where id = {row}'))
        self.tamper(change, value=value)
        yield
        self.tamper(change, value=before)

    def findings(self, *checkpoints: Checkpoint) -> list[Finding]:
        return list(Verifier(self.database, Signer(KEY), checkpoints).findings())

    def texts(self, *checkpoints: Checkpoint) -> str:
        return "\n".join(finding.text for finding in self.findings(*checkpoints))

    def checkpoint(self) -> Checkpoint:
        head = self.seals.head()
        assert head is not None
        return Checkpoint(seal=head[0].id, hash=head[0].hash, rows=head[1], at=clock.now())


@pytest.fixture
def log(database: Database) -> Log:
    it = Log(database)
    assert it.findings() == []
    return it


EDITS: dict[str, object] = {
    "record": "00000000-0000-0000-0000-000000000000",
    "at": clock.now().replace(tzinfo=None) - timedelta(minutes=1),
    "event": "refused",
    "actor": "somebody",
    "address": "10.0.0.8",
    "via": "another",
    "request_id": "request-2",
    "action": "query.write",
    "connection_id": "c2",
    "target": "vault",
    "statement": "select 'nothing'",
    "rows": 4711,
    "bytes": 4711,
    "duration_ms": 0.25,
    "outcome": "failed",
    "code": "timeout",
}


def test_every_column_is_signed() -> None:
    unsigned = {column.name for column in audit.c} - set(SIGNED)
    assert unsigned == {"id", "mac", "seal"}
    assert set(EDITS) == set(SIGNED)


def test_an_edited_column_is_found(log: Log) -> None:
    for column in SIGNED:
        with log.edited("audit", column, EDITS[column], row=15):
            assert "row 15" in log.texts(), column
        assert log.findings() == []


def test_a_row_edited_before_it_is_sealed_is_found_before_and_after(log: Log) -> None:
    log.write(1)
    log.tamper("update audit set actor = 'somebody' where id = 41")
    assert "row 41" in log.texts()
    seal_all(log.seals)
    assert "row 41" in log.texts()


def test_a_deleted_row_is_found(log: Log) -> None:
    log.tamper("delete from audit where id = 15")
    assert "15" in log.texts()


def test_a_deleted_batch_is_found(log: Log) -> None:
    log.tamper("delete from audit where seal = 2")
    assert "seal 2" in log.texts()


def test_a_batch_deleted_with_its_seal_is_found(log: Log) -> None:
    log.tamper("delete from audit where seal = 2")
    log.tamper("delete from audit_seals where id = 2")
    assert any(finding.kind == "deleted" for finding in log.findings())


def test_a_checkpoint_reveals_a_cut_tail(log: Log) -> None:
    checkpoint = log.checkpoint()
    assert log.findings(checkpoint) == []
    log.tamper("delete from audit where seal = 4")
    log.tamper("delete from audit_seals where id = 4")
    assert any(finding.kind == "cut" for finding in log.findings(checkpoint))


def test_a_checkpoint_of_another_chain_does_not_match(log: Log) -> None:
    checkpoint = log.checkpoint().model_copy(update={"hash": "0" * 64})
    assert log.findings(checkpoint) != []


@pytest.mark.parametrize("sealed", [False, True])
def test_a_forged_row_is_found(log: Log, sealed: bool) -> None:
    columns = ", ".join(f'"{name}"' for name in SIGNED)
    log.tamper(
        f"insert into audit ({columns}, mac) select {columns}, :mac from audit where id = 3",
        mac="0" * 64,
    )
    if sealed:
        seal_all(log.seals)
    assert "41" in log.texts()


def test_a_row_without_a_mac_counts_as_forged_once_there_are_seals(log: Log) -> None:
    columns = ", ".join(f'"{name}"' for name in SIGNED)
    log.tamper(f"insert into audit ({columns}) select {columns} from audit where id = 3")
    seal_all(log.seals)
    assert "41" in log.texts()


def test_a_copied_row_is_found(log: Log) -> None:
    columns = ", ".join(f'"{name}"' for name in (*SIGNED, "mac"))
    log.tamper(f"insert into audit ({columns}) select {columns} from audit where id = 3")
    assert any(finding.kind == "copied" for finding in log.findings())


def test_an_edited_seal_is_found(log: Log) -> None:
    for column, value in (
        ("digest", "0" * 64), ("rows", 9), ("hash", "0" * 64), ("previous", "0" * 64),
        ("ids", "11-19"), ("sealed_at", clock.now().replace(tzinfo=None)),
    ):  # fmt: skip
        with log.edited("audit_seals", column, value, row=2):
            assert "seal 2" in log.texts(), column
        assert log.findings() == []


def test_rows_and_seals_by_another_key_are_found(log: Log) -> None:
    other = SealStore(log.database, Signer(b"x" * 32))
    AuditService(AuditStore(log.database, b"x" * 32)).started(ANALYST, ORIGIN, "query.read")
    seal_all(other)
    texts = log.texts()
    assert "row 41" in texts and "seal 5" in texts


def test_old_rows_are_pruned_and_the_chain_still_verifies(log: Log) -> None:
    assert prune(log.seals, log.service, timedelta(days=1), ANALYST) == 0
    assert prune(log.seals, log.service, timedelta(0), ANALYST) == 40
    seal_all(log.seals)
    assert log.findings() == []
    with log.database.read() as transaction:
        left = transaction.execute(sa.select(audit.c.action)).scalars().all()
    assert left == ["audit.prune", "audit.prune"]


def test_a_faked_prune_is_found(log: Log) -> None:
    log.tamper("delete from audit where seal = 1")
    log.tamper(
        "update audit_seals set pruned = :mac, pruned_at = sealed_at where id = 1", mac="0" * 64
    )
    assert "seal 1" in log.texts()


def test_rows_that_were_tampered_with_are_not_pruned(log: Log) -> None:
    log.tamper("update audit set actor = 'somebody' where id = 5")
    with pytest.raises(PruneRefused):
        prune(log.seals, log.service, timedelta(0), ANALYST)
    assert "row 5" in log.texts()


# --- several processes ---------------------------------------------------------------------------

_WRITER = """
import sys
from wb_server.governance.audit.sealer import seal_all
from wb_server.governance.audit.seals import SealStore
from wb_server.governance.audit.service import AuditService
from wb_server.governance.audit.signing import Signer
from wb_server.governance.audit.store import AuditStore
from wb_server.kit.actor import Actor
from wb_server.kit.db import Database
from wb_server.kit.endpoint import Origin

database = Database(sys.argv[1])
key = bytes(range(32))
log, seals = AuditService(AuditStore(database, key)), SealStore(database, Signer(key))
for number in range(int(sys.argv[2])):
    record = log.started(Actor("w" + sys.argv[3], frozenset()), Origin("", ""), "query.read")
    log.finished(record, "ok", rows=number)
    if sys.argv[4] == "seal" and number % 5 == 4:
        seal_all(seals)
print("done", flush=True)
"""


def _writer(url: str, rows: int, name: str, how: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _WRITER, url, str(rows), name, how],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_five_processes_write_while_two_of_them_seal(database: Database) -> None:
    writers = [
        _writer(database.url, 60, str(number), "seal" if number < 2 else "no")
        for number in range(5)
    ]
    for writer in writers:
        output, _ = writer.communicate(timeout=90)
        assert output == "done\n"
    seals = SealStore(database, Signer(KEY))
    seal_all(seals, wait=True)
    verifier = Verifier(database, Signer(KEY))
    assert list(verifier.findings()) == []
    assert verifier.summary.rows == 5 * 60 * 2 and verifier.summary.unsealed == 0


def test_the_chain_continues_after_a_sealer_is_killed(database: Database) -> None:
    writer = _writer(database.url, 100_000, "killed", "seal")
    seals = SealStore(database, Signer(KEY))
    wait_for(lambda: (head := seals.head()) is not None and head[0].id > 5, 60)
    os.kill(writer.pid, signal.SIGKILL)
    writer.communicate()
    seal_all(seals, wait=True)
    verifier = Verifier(database, Signer(KEY))
    assert list(verifier.findings()) == []
    assert verifier.summary.unsealed == 0
