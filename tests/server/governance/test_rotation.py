"""The rotation of the master key: in one process, and as a command that is killed at each step."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken
from support.command import Command, start
from support.metadata import migrate_new
from support.output import Output
from support.wait import wait_for

from wb_server.connections.credentials.safe import CredentialSafe
from wb_server.connections.credentials.store import CredentialStore, credentials
from wb_server.connections.store import connections
from wb_server.governance.audit.models import AuditQuery
from wb_server.governance.audit.service import AuditService
from wb_server.governance.audit.store import AuditStore
from wb_server.governance.secrets import keyfile, rotation
from wb_server.governance.secrets.vault import (
    Vault,
    VaultError,
    generate,
    key_id,
    load,
    new_key,
    vault_keys,
)
from wb_server.kit import clock
from wb_server.kit.db import Database, metadata

pytestmark = pytest.mark.slow

# Enough to catch the rotation at work between its batches.
MANY = 1500


class Installation:
    """A metadata database with its key file and sealed credentials."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.key_file = folder / "master.key"
        generate(self.key_file)
        self.vault = load(self.key_file)
        self.vault.prove(database)
        self.audit = AuditService(AuditStore(database, self.vault.secret(database, "audit")))
        self.safe = CredentialSafe(CredentialStore(database), self.vault)
        self.connection = str(uuid.uuid4())
        moment = clock.now()
        with database.write() as transaction:
            transaction.execute(
                connections.insert().values(
                    id=self.connection, name="c", connector="postgres", description="", config={},
                    secrets_set=[], owner_kind="user", owner_name="ana", credentials="personal",
                    state_status="unknown", state_message="", version=1, created_at=moment,
                    updated_at=moment,
                )
            )  # fmt: skip

    @property
    def keys(self) -> list[str]:
        return keyfile.read(self.key_file)

    @property
    def named_key(self) -> str:
        with self.database.read() as transaction:
            return str(transaction.scalar(sa.select(vault_keys.c.key_id)))

    def fill(self, number: int) -> None:
        """Stores users' credentials; each password names its user."""
        with self.database.write() as transaction:
            moment = clock.now()
            rows = []
            for index in range(number):
                row, user = f"{index:08}-0000-0000-0000-000000000000", f"user{index}"
                name = f"credentials/{row}/{self.connection}/{user}"
                sealed = self.vault.seal(transaction, name, {"password": f"of {user}"})
                rows.append(
                    {"id": row, "connection_id": self.connection, "user": user,
                     "ciphertext": sealed, "updated_at": moment, "expires_at": None}
                )  # fmt: skip
            transaction.execute(credentials.insert(), rows)

    def ciphertexts(self) -> list[str]:
        """Every ciphertext in the database, found by the names of its columns."""
        found: list[str] = []
        inspector = sa.inspect(self.database.engine)
        with self.database.read() as transaction:
            for table in inspector.get_table_names():
                for column in inspector.get_columns(table):
                    if column["name"].endswith("ciphertext"):
                        chosen = sa.table(table, sa.column(column["name"]))
                        found += transaction.scalars(sa.select(chosen.c[column["name"]]))
        return found

    def opened_by(self, key: str) -> int:
        """How many ciphertexts a key opens."""
        fernet, count = Fernet(key), 0
        for ciphertext in self.ciphertexts():
            with contextlib.suppress(InvalidToken):
                fernet.decrypt(ciphertext)
                count += 1
        return count

    def rotate(self) -> tuple[rotation.Rotated, list[str]]:
        lines: list[str] = []
        return rotation.rotate(
            self.database, self.key_file, lambda vault: self.audit, lines.append
        ), lines

    def require_rotated(self, old: str) -> None:
        """Asserts that one key is left, it opens all, the old one nothing, and the secrets are right."""
        (new,) = self.keys
        everything = len(self.ciphertexts())
        assert new != old
        assert self.named_key == key_id(new)
        assert self.opened_by(new) == everything > 0
        assert self.opened_by(old) == 0
        users = everything - 2  # the check and the audit log's key
        safe = CredentialSafe(CredentialStore(self.database), load(self.key_file))
        for index in (0, users // 2, users - 1):
            credential = safe.get(self.connection, f"user{index}")
            assert credential is not None
            assert credential.secrets == {"password": f"of user{index}"}


@pytest.fixture
def installation(database: Database, tmp_path: Path) -> Installation:
    return Installation(database, tmp_path)


@pytest.fixture
def file_installation(tmp_path: Path) -> Iterator[Installation]:
    """The same, always with SQLite."""
    url = f"sqlite:///{tmp_path / 'workbench.db'}"
    migrate_new(url)
    database = Database(url)
    yield Installation(database, tmp_path)
    database.close()


def test_every_secret_is_re_sealed_and_the_old_key_is_removed(installation: Installation) -> None:
    installation.fill(450)
    (old,) = installation.keys
    done, lines = installation.rotate()
    installation.require_rotated(old)
    assert (done.secrets, done.renewed, done.key) == (452, 452, installation.named_key)
    assert old not in "".join(lines)
    assert installation.keys[0] not in "".join(lines)
    (finished, started) = installation.audit.search(AuditQuery(action="key.rotate")).items
    assert (started.event, finished.event, finished.outcome) == ("started", "finished", "ok")
    assert finished.rows == 452
    # Nothing is pending: the next rotation starts from the beginning.
    (before,) = installation.keys
    installation.rotate()
    installation.require_rotated(before)


def test_a_key_file_keeps_its_mode_its_owner_and_a_link_to_it(
    installation: Installation, tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(installation.key_file)
    if os.geteuid() == 0:
        # Root rotates the key of the service's user.
        os.chown(installation.key_file, 4242, 4242)
    before = installation.key_file.stat()
    rotation.rotate(
        installation.database, link, lambda vault: installation.audit, lambda line: None
    )
    assert link.is_symlink()
    after = installation.key_file.stat()
    assert after.st_mode & 0o777 == 0o600
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)


def test_a_partial_file_left_by_a_kill_does_not_hinder_the_next_rotation(
    installation: Installation,
) -> None:
    (old,) = installation.keys
    installation.key_file.with_name(".master.key.new").write_text("half a k")
    installation.fill(3)
    installation.rotate()
    installation.require_rotated(old)


def test_a_rotation_begun_by_hand_is_completed(installation: Installation) -> None:
    installation.fill(3)
    (old,) = installation.keys
    new = new_key()
    keyfile.replace(installation.key_file, [new, old])
    installation.rotate()
    assert installation.keys == [new]
    installation.require_rotated(old)


def test_two_rotations_do_not_run_at_once(installation: Installation) -> None:
    (old,) = installation.keys
    with (
        keyfile.exclusive(installation.key_file),
        pytest.raises(VaultError, match="rotated by another process"),
    ):
        installation.rotate()
    assert installation.keys == [old]


def test_a_secret_that_no_key_opens_keeps_both_keys(installation: Installation) -> None:
    installation.fill(5)
    (old,) = installation.keys
    foreign = Fernet.generate_key()
    with installation.database.write() as transaction:
        transaction.execute(
            credentials.update()
            .where(credentials.c.user == "user3")
            .values(ciphertext=Fernet(foreign).encrypt(b"{}").decode())
        )
    with pytest.raises(VaultError, match="credentials 00000003-0000") as caught:
        installation.rotate()
    assert "user3" not in str(caught.value)
    assert len(installation.keys) == 2
    assert installation.keys[1] == old
    # With the right key below the others, as the message advises.
    keyfile.replace(installation.key_file, [*installation.keys, foreign.decode()])
    installation.rotate()
    assert installation.opened_by(installation.keys[0]) == 7
    assert len(installation.keys) == 1


def test_a_foreign_key_file_changes_nothing(installation: Installation) -> None:
    installation.fill(3)
    before = installation.ciphertexts()
    keyfile.replace(installation.key_file, [new_key()])
    with pytest.raises(VaultError, match="doesn't belong to"):
        installation.rotate()
    assert installation.ciphertexts() == before
    assert len(installation.keys) == 1


def test_an_undeclared_column_of_ciphertexts_stops_the_rotation(installation: Installation) -> None:
    with installation.database.write() as transaction:
        transaction.exec_driver_sql("create table later (id int, new_ciphertext text)")
    with pytest.raises(VaultError, match=r"later\.new_ciphertext"):
        installation.rotate()
    assert len(installation.keys) == 1


def test_every_column_of_ciphertexts_is_declared() -> None:
    """Goes by the names: all columns whose name suggests ciphertexts, or pending ones, are declared."""
    suspects = {
        (table.name, column.name)
        for table in metadata.tables.values()
        for column in table.columns
        if any(word in column.name for word in ("cipher", "pending", "sealed_", "secret"))
        and column.name != "secrets_set"
    }
    declared = {
        (table.name, column.name)
        for table in metadata.tables.values()
        for column in table.columns
        if column.info.get("sealed")
    }
    plain = {("audit_seals", "sealed_at")}
    assert suspects - plain == declared
    assert all(name.endswith("ciphertext") for _, name in declared)


def test_secrets_sealed_during_a_rotation_get_the_new_key(installation: Installation) -> None:
    """Several threads keep storing credentials, with vaults that were loaded with the old key alone."""
    installation.fill(800)
    (old,) = installation.keys
    stop = threading.Event()
    failed: list[BaseException] = []
    stored = [0, 0, 0]

    def write(number: int) -> None:
        safe = CredentialSafe(CredentialStore(installation.database), load(installation.key_file))
        try:
            while not stop.is_set():
                user = f"user{(number * 131 + stored[number] * 17) % 800}"
                with installation.database.write() as transaction:
                    safe.put(
                        transaction, installation.connection, user, {"password": f"of {user}"}, None
                    )
                credential = safe.get(installation.connection, user)
                assert credential is not None
                assert credential.secrets == {"password": f"of {user}"}
                stored[number] += 1
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            before = list(stored)
            wait_for(lambda before=before: all(a > b for a, b in zip(stored, before, strict=True)))
            installation.rotate()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failed == []
    installation.require_rotated(old)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_rotation_waits_for_uncommitted_secrets(installation: Installation) -> None:
    """In PostgreSQL only: SQLite has one writer at a time."""
    installation.fill(5)
    (old,) = installation.keys
    row, user = "00000005-0000-0000-0000-000000000000", "user5"
    rotated: list[object] = []
    thread = threading.Thread(target=lambda: rotated.append(installation.rotate()))
    with installation.database.write() as transaction:
        sealed = installation.vault.seal(
            transaction,
            f"credentials/{row}/{installation.connection}/{user}",
            {"password": "of user5"},
        )
        transaction.execute(
            credentials.insert().values(
                id=row, connection_id=installation.connection, user=user, ciphertext=sealed,
                updated_at=clock.now(),
            )
        )  # fmt: skip
        thread.start()
        wait_for(lambda: rotated or _waits(installation.database))
        assert rotated == []
        assert len(installation.keys) == 2
        assert installation.named_key == key_id(old)
    thread.join()
    assert len(rotated) == 1
    installation.require_rotated(old)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_locked_rows_are_skipped_until_they_are_free(installation: Installation) -> None:
    """Waiting for them while holding others could end in a deadlock."""
    installation.fill(5)
    (old,) = installation.keys
    lines: list[str] = []
    thread = threading.Thread(
        target=rotation.rotate,
        args=(
            installation.database,
            installation.key_file,
            lambda vault: installation.audit,
            lines.append,
        ),
    )
    with installation.database.write() as transaction:
        transaction.execute(
            credentials.update().where(credentials.c.user == "user2").values(expires_at=clock.now())
        )
        thread.start()
        wait_for(lambda: any("writes in progress" in line for line in lines))
        assert not _waits(installation.database)
        assert installation.opened_by(old) == 1
    thread.join()
    installation.require_rotated(old)


def _waits(database: Database) -> bool:
    with database.read() as transaction:
        return bool(
            transaction.exec_driver_sql(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                "AND datname = current_database()"
            ).scalar()
        )


# --- as a command, killed --------------------------------------------------------------------


@contextlib.contextmanager
def rotating(installation: Installation, output: int | None = None) -> Iterator[Command]:
    """The command, in its own process."""
    environment = {n: v for n, v in os.environ.items() if not n.startswith("WB_")}
    environment |= {
        "WB_DATA_DIR": str(installation.key_file.parent),
        "WB_DATABASE_URL": installation.database.engine.url.render_as_string(hide_password=False),
    }
    process = start(["rotate-key"], environment, output)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(20)
        if process.stdout is not None:
            process.stdout.close()


def complete(installation: Installation) -> str:
    """Runs the command to its end; returns what it printed."""
    with rotating(installation) as process:
        output, _ = process.communicate(timeout=90)
        assert process.returncode == 0, output
        return output


@contextlib.contextmanager
def stuck(
    installation: Installation, table: str, condition: str, event: str = "UPDATE"
) -> Iterator[None]:
    """Holds up any change of a matching row for minutes, by a trigger in the database."""
    database = installation.database
    if database.sqlite:
        make = (
            f"CREATE TRIGGER stuck BEFORE {event} ON {table} WHEN {condition} BEGIN "
            "SELECT count(*) FROM (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c "
            "LIMIT 4000000000) SELECT n FROM c); END"
        )
        drop = "DROP TRIGGER stuck"
        _run(database, make)
    else:
        _run(
            database,
            "CREATE OR REPLACE FUNCTION stuck() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_sleep(600); RETURN NEW; END $$",
        )
        _run(
            database,
            f"CREATE TRIGGER stuck BEFORE {event} ON {table} FOR EACH ROW WHEN ({condition}) "
            "EXECUTE FUNCTION stuck()",
        )
        drop = f"DROP TRIGGER stuck ON {table}"
    try:
        yield
    finally:
        if not database.sqlite:
            # A killed client's statement keeps running in the server.
            _run(
                database,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                "wait_event = 'PgSleep' AND datname = current_database()",
            )
        _run(database, drop)


def _run(database: Database, statement: str) -> None:
    with database.write() as transaction:
        transaction.exec_driver_sql(statement)


def busy(installation: Installation, process: Command) -> bool:
    """True if the command is held up in the database now."""
    assert process.poll() is None, process.communicate()[0]
    if installation.database.sqlite:
        # In the trigger it uses the CPU; a process that waits doesn't.
        return psutil.Process(process.pid).cpu_percent(0.1) > 30
    with installation.database.read() as transaction:
        return bool(
            transaction.exec_driver_sql(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' "
                "AND datname = current_database()"
            ).scalar()
        )


def kill(process: Command) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait(20)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_a_rotation_killed_before_the_database_names_the_new_key_is_resumed(
    installation: Installation,
) -> None:
    installation.fill(20)
    (old,) = installation.keys
    with stuck(installation, "vault_keys", "1 = 1"), rotating(installation) as process:
        wait_for(lambda: len(installation.keys) == 2 and busy(installation, process), 60)
        with rotating(installation) as second:
            output, _ = second.communicate(timeout=60)
            assert second.returncode == 1
            assert "rotated by another process" in output
        kill(process)
    assert installation.named_key == key_id(old)
    assert installation.opened_by(old) == 22
    # A service that starts now works, and seals with the key that the database names.
    started = load(installation.key_file)
    started.prove(installation.database)
    with installation.database.write() as transaction:
        assert Vault([old]).open("r", started.seal(transaction, "r", {"a": "b"})) == {"a": "b"}
    new = installation.keys[0]
    assert "resuming" in complete(installation)
    assert installation.keys == [new]
    installation.require_rotated(old)


@pytest.mark.slow
def test_a_rotation_killed_within_a_batch_is_resumed(installation: Installation) -> None:
    installation.fill(1000)
    (old,) = installation.keys
    condition = "NEW.id = '00000530-0000-0000-0000-000000000000'"
    with stuck(installation, "credentials", condition), rotating(installation) as process:
        wait_for(lambda: 0 < installation.opened_by(old) <= 600 and busy(installation, process), 60)
        kill(process)
    new = installation.keys[0]
    assert installation.named_key == key_id(new)
    # A batch is done as a whole or not at all.
    assert installation.opened_by(old) % rotation.BATCH in (0, 1, 2)
    assert installation.opened_by(new) + installation.opened_by(old) == 1002
    # A service that was killed as well, and is restarted now, opens both kinds.
    started = load(installation.key_file)
    started.prove(installation.database)
    safe = CredentialSafe(CredentialStore(installation.database), started)
    for user in ("user0", "user999"):
        credential = safe.get(installation.connection, user)
        assert credential is not None
        assert credential.secrets == {"password": f"of {user}"}
    assert "resuming" in complete(installation)
    assert installation.keys == [new]
    installation.require_rotated(old)


@pytest.mark.slow
@pytest.mark.parametrize("proving", [False, True], ids=["before the proof", "in the proof"])
def test_a_rotation_killed_when_all_is_re_sealed_is_resumed(
    installation: Installation, proving: bool
) -> None:
    installation.fill(MANY)
    (old,) = installation.keys
    with Output() as output, rotating(installation, output.writer) as process:
        output.read_until(b"above the old one\n")
        output.fill()
        # It blocks while reporting that all are sealed.
        wait_for(lambda: installation.opened_by(old) == 0, 60)
        if proving:
            output.read_until(b"sealed with the new key\n")
            output.fill()
        assert process.poll() is None
        kill(process)
    assert len(installation.keys) == 2
    printed = complete(installation)
    assert "resuming" in printed
    assert "0 of them re-sealed" in printed
    installation.require_rotated(old)


@pytest.mark.slow
def test_a_rotation_killed_before_its_last_audit_row_is_complete(
    installation: Installation,
) -> None:
    installation.fill(20)
    (old,) = installation.keys
    condition = "NEW.action = 'key.rotate' AND NEW.event = 'finished'"
    with stuck(installation, "audit", condition, "INSERT"), rotating(installation) as process:
        wait_for(lambda: installation.opened_by(old) == 0 and len(installation.keys) == 1, 60)
        wait_for(lambda: busy(installation, process), 60)
        kill(process)
    installation.require_rotated(old)
    # Nothing is pending any more.
    (before,) = installation.keys
    assert "resuming" not in complete(installation)
    installation.require_rotated(before)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.unlink(), "is missing"),
        (lambda path: path.chmod(0o640), "chmod 600"),
        (lambda path: path.write_text(""), "is empty"),
        (lambda path: path.write_text("no key\n"), "damaged"),
        (lambda path: path.write_text(new_key()), "doesn't belong to this database"),
    ],
    ids=["missing", "read by other users", "empty", "damaged", "foreign"],
)
def test_an_unusable_key_file_is_reported_in_one_line(
    file_installation: Installation, spoil: Callable[[Path], object], words: str
) -> None:
    installation = file_installation
    installation.fill(3)
    before = installation.ciphertexts()
    spoil(installation.key_file)
    with rotating(installation) as process:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 1
    assert words in output
    assert len(output.splitlines()) == 1
    assert installation.ciphertexts() == before


@pytest.mark.slow
def test_sqlites_files_keep_nothing_that_the_old_key_opens(file_installation: Installation) -> None:
    """PostgreSQL keeps overwritten rows until it is vacuumed, as the guide says."""
    installation = file_installation
    installation.fill(300)
    before = [text.encode() for text in installation.ciphertexts()]
    complete(installation)
    installation.database.close()
    content = b"".join(
        path.read_bytes()
        for path in installation.key_file.parent.glob("workbench.db*")
        if path.is_file()
    )
    assert [text for text in before if text in content] == []
    assert all(text.encode() in content for text in installation.ciphertexts())
