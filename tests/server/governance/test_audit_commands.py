"""``wb audit``, as an operator or cron runs it."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.installation import wb

from wb_server.governance.audit.models import ExportedRow
from wb_server.governance.audit.seals import SealStore, audit_seals
from wb_server.governance.audit.service import AuditService
from wb_server.governance.audit.signing import Signer
from wb_server.governance.audit.store import AuditStore, audit
from wb_server.governance.secrets import vault
from wb_server.kit.actor import Actor
from wb_server.kit.db import Database
from wb_server.kit.endpoint import Origin

pytestmark = pytest.mark.slow

ORIGIN = Origin("10.0.0.7", "request-1")
STATEMENT = "select 'ä', \"b\",\n 'c;d' -- 字"


class Installation:
    """A database with a log, its key file, and the command on both."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.key_file = folder / "master.key"
        vault.generate(self.key_file)
        master = vault.load(self.key_file)
        master.prove(database)
        key = master.secret(database, "audit")
        self.log = AuditService(AuditStore(database, key))
        self.seals = SealStore(database, Signer(key))
        for number in range(5):
            self.access(number)
        assert self.seals.seal(100) is not None

    def access(self, number: int) -> None:
        actor = Actor("ana", frozenset(), via="token")
        record = self.log.started(actor, ORIGIN, "query.read", target="shop", statement=STATEMENT)
        self.log.finished(record, "ok", rows=number, bytes=2**40)

    def wb(self, *arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
        settings = {"WB_DATABASE_URL": self.database.url, "WB_KEY_FILE": str(self.key_file)}
        return wb("audit", *arguments, **{**settings, **env})

    def tamper(self, statement: str) -> None:
        with self.database.write() as transaction:
            assert transaction.execute(sa.text(statement)).rowcount > 0

    def rows(self) -> list[dict[str, Any]]:
        with self.database.read() as transaction:
            found = transaction.execute(sa.select(audit).order_by(audit.c.id)).mappings().all()
        return [ExportedRow(**row).model_dump(mode="json") for row in found]

    def age(self, days: int) -> None:
        """Backdates the seals, as only the key's holder can."""
        signer: Signer = self.seals._signer
        previous = ""
        with self.database.write() as transaction:
            from wb_server.governance.audit.signing import Seal

            for row in transaction.execute(sa.select(audit_seals)).mappings().all():
                moved = {"sealed_at": row["sealed_at"] - timedelta(days=days), "previous": previous}
                previous = signer.seal(Seal(**{**row, **moved}))
                transaction.execute(
                    audit_seals.update()
                    .where(audit_seals.c.id == row["id"])
                    .values(**moved, hash=previous)
                )


@pytest.fixture
def installation(database: Database, tmp_path: Path) -> Installation:
    return Installation(database, tmp_path)


def one_line(done: subprocess.CompletedProcess[str], status: int = 2) -> str:
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr and done.stdout == ""
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("wb")
    return line


def test_verify_reports_an_intact_log(installation: Installation) -> None:
    done = installation.wb("verify")
    assert (done.returncode, done.stderr) == (0, "")
    assert "10 rows checked, 1 seal, " in done.stdout
    assert "Not compared with a checkpoint" in done.stdout
    assert done.stdout.endswith("The audit log is intact.\n")


def test_verify_names_the_row_its_record_and_its_seal(installation: Installation) -> None:
    record = installation.rows()[2]["record"]
    installation.tamper("update audit set actor = 'ben' where id = 3")
    done = installation.wb("verify")
    assert done.returncode == 1
    assert f"edited: row 3 (record {record}, seal 1) was edited" in done.stdout
    assert done.stdout.endswith("The audit log was tampered with: 1 finding.\n")


def test_checkpoints_are_lines_to_append_and_reveal_a_cut(
    installation: Installation, tmp_path: Path
) -> None:
    notes = tmp_path / "checkpoints"
    for number in range(3):
        installation.access(number)
        done = installation.wb("checkpoint")
        assert done.returncode == 0 and done.stdout.count("\n") == 1
        with notes.open("a") as file:
            file.write(done.stdout)
    last = json.loads(notes.read_text().splitlines()[-1])
    assert (last["seal"], last["rows"]) == (4, 16)
    assert set(last) == {"seal", "hash", "rows", "at"}
    done = installation.wb("verify", "--checkpoint", notes)
    assert done.returncode == 0 and "Not compared" not in done.stdout

    installation.tamper("delete from audit where seal >= 3")
    installation.tamper("delete from audit_seals where id >= 3")
    if installation.database.sqlite:
        # SQLite remembers the last number, until somebody resets that as well.
        assert installation.wb("verify").returncode == 1
        installation.tamper("update sqlite_sequence set seq = 12 where name = 'audit'")
    assert installation.wb("verify").returncode == 0
    done = installation.wb("verify", "--checkpoint", notes)
    assert done.returncode == 1
    assert done.stdout.count("cut: ") == 2 and "the log ends with seal 2" in done.stdout


def test_a_chain_that_grew_again_after_a_cut_does_not_match_the_checkpoint(
    installation: Installation, tmp_path: Path
) -> None:
    installation.access(1)
    notes = tmp_path / "checkpoints"
    notes.write_text(installation.wb("checkpoint").stdout)
    installation.tamper("delete from audit where seal = 2")
    installation.tamper("delete from audit_seals where id = 2")
    installation.access(2)
    # The command is a separate process, which doesn't remember the earlier chain.
    assert installation.wb("checkpoint").returncode == 0
    done = installation.wb("verify", "--checkpoint", notes)
    assert done.returncode == 1
    assert "seal 2 isn't the one that the checkpoint" in done.stdout


def test_an_export_equals_the_log(installation: Installation) -> None:
    done = installation.wb("export")
    assert done.returncode == 0
    exported = [json.loads(line) for line in done.stdout.splitlines()]
    # The export's own start is the last row; its finish was written afterwards.
    (start, finish) = (row for row in installation.rows() if row["action"] == "audit.export")
    assert exported == [*installation.rows()[:10], {**start, "seal": None}]
    assert exported[0]["statement"] == STATEMENT
    assert (finish["outcome"], finish["rows"]) == ("ok", 11)
    assert finish["bytes"] == len(done.stdout.encode())
    assert finish["via"].startswith("wb audit export, by ")


def test_a_csv_export_to_a_file_equals_the_log(installation: Installation, tmp_path: Path) -> None:
    target = tmp_path / "log.csv"
    done = installation.wb("export", "--format", "csv", "--output", target)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "wb: 11 rows\n")
    read = list(csv.DictReader(io.StringIO(target.read_text("utf-8"), newline="")))
    expected = [
        {name: "" if value is None else str(value) for name, value in row.items()}
        for row in installation.rows()[:10]
    ]
    assert read[:10] == expected and len(read) == 11
    assert target.stat().st_mode & 0o777 == 0o600
    again = installation.wb("export", "--output", target)
    assert "already exists" in one_line(again)
    assert sorted(path.name for path in tmp_path.iterdir() if "log" in path.name) == ["log.csv"]


def test_an_export_of_many_rows_within_a_time_range(installation: Installation) -> None:
    row = {
        name: value for name, value in installation.rows()[0].items() if name not in ("id", "seal")
    }
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    with installation.database.write() as transaction:
        transaction.execute(
            audit.insert(),
            [{**row, "at": begin + timedelta(minutes=number)} for number in range(2500)],
        )
    done = installation.wb(
        "export", "--until", "2026-01-02T00:00", "--since", "2026-01-01T01:00+01:00"
    )
    exported = [json.loads(line)["at"] for line in done.stdout.splitlines()]
    assert len(exported) == 24 * 60
    assert (exported[0], exported[-1]) == ("2026-01-01T00:00:00Z", "2026-01-01T23:59:00Z")


def test_old_rows_are_pruned_and_verify_still_passes(
    installation: Installation, tmp_path: Path
) -> None:
    assert "No rows are old enough" in installation.wb("prune", "--older-than", 1).stdout
    notes = tmp_path / "checkpoints"
    installation.age(40)
    notes.write_text(installation.wb("checkpoint").stdout)
    assert "10 rows deleted" in installation.wb("prune", "--older-than", 30).stdout
    assert [row["action"] for row in installation.rows()] == ["audit.prune", "audit.prune"]
    assert installation.rows()[1]["rows"] == 10
    done = installation.wb("verify", "--checkpoint", notes)
    assert done.returncode == 0, done.stdout
    assert "10 rows deleted by retention, with 1 seal\n" in done.stdout


def test_a_tampered_log_is_not_pruned(installation: Installation) -> None:
    installation.age(40)
    installation.tamper("delete from audit where id = 4")
    done = installation.wb("prune", "--older-than", 30)
    assert "old rows are kept: row 4 of seal 1 is not there" in one_line(done, 1)
    assert len(installation.rows()) == 9 + 2


def test_what_is_missing_is_reported_in_one_line(
    installation: Installation, tmp_path: Path
) -> None:
    none = str(tmp_path / "none")
    for command in (("verify",), ("checkpoint",), ("export",), ("prune", "--older-than", "3")):
        assert "no database" in one_line(
            installation.wb(*command, WB_DATABASE_URL=f"sqlite:///{none}/workbench.db")
        )
        # A missing key is reported in the same words as when the service starts.
        assert "The master key is missing" in one_line(installation.wb(*command, WB_KEY_FILE=none))
    other = tmp_path / "other.key"
    vault.generate(other)
    assert "doesn't belong to" in one_line(installation.wb("verify", WB_KEY_FILE=str(other)))
    installation.tamper("delete from vault_secrets where name = 'audit'")
    assert "key is missing" in one_line(installation.wb("verify"))
    installation.tamper("update alembic_version set version_num = '0002_sharing'")
    assert "./wb migrate" in one_line(installation.wb("verify"))


def test_a_database_that_does_not_answer_is_reported_in_one_line(
    installation: Installation,
) -> None:
    url = "postgresql+psycopg://owner:hidden@127.0.0.1:1/none"
    line = one_line(installation.wb("verify", WB_DATABASE_URL=url))
    assert "does not answer" in line and "hidden" not in line


@pytest.mark.parametrize("text", ["", "no JSON\n", '{"seal": 1}\n', "{}\n"])
def test_a_file_without_checkpoints_is_refused(
    installation: Installation, tmp_path: Path, text: str
) -> None:
    notes = tmp_path / "checkpoints"
    notes.write_text(text)
    assert "checkpoint" in one_line(installation.wb("verify", "--checkpoint", notes))
    assert "can't be read" in one_line(
        installation.wb("verify", "--checkpoint", tmp_path / "absent")
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("prune", "--older-than", "0"),
        ("prune", "--older-than", "soon"),
        ("prune",),
        ("export", "--since", "yesterday"),
        ("export", "--format", "xml"),
        ("show",),
    ],
)
def test_an_invalid_command_line_changes_nothing(
    installation: Installation, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        installation.wb(*arguments)
    assert ended.value.code == 2
    assert len(installation.rows()) == 10


def test_an_export_that_cannot_be_written_leaves_no_file(
    installation: Installation, tmp_path: Path
) -> None:
    line = one_line(installation.wb("export", "--output", tmp_path / "absent" / "log.jsonl"))
    assert "can't be written" in line
    assert not any("log.jsonl" in path.name for path in tmp_path.rglob("*"))
