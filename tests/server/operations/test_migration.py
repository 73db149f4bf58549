"""A migration makes a copy first, which is the way back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from support.installation import refusal, rows_of, wb

from wb_server.governance.secrets import vault
from wb_server.kit import clock, db
from wb_server.operations import migration
from wb_server.operations.report import OperationError
from wb_server.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture
def old(tmp_path: Path, new_url: Callable[[str], str]) -> Settings:
    """An installation of the first version, with rows."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    vault.generate(data / "master.key")
    settings = Settings(data_dir=str(data), database_url=new_url("data"))
    db.migrate(settings.database, "0001_foundation")
    engine = sa.create_engine(settings.database, poolclass=sa.NullPool)
    # As that version sealed it.
    check = {"row": "vault", "secrets": {"check": "this key opens this database"}}
    sealed = Fernet(settings.key_path.read_bytes().strip()).encrypt(json.dumps(check).encode())
    with engine.begin() as transaction:
        transaction.execute(
            sa.text("insert into vault_checks values (1, :text, :at)"),
            {
                "text": sealed.decode(),
                "at": clock.now().replace(tzinfo=None),
            },
        )
        for number in range(20):
            transaction.execute(
                sa.text(
                    "insert into audit (record, at, event, address, via, request_id, action) "
                    "values (:record, :at, 'refused', '', '', '', 'query.run')"
                ),
                {"record": str(number), "at": clock.now().replace(tzinfo=None)},
            )
    engine.dispose()
    return settings


def run(settings: Settings, *arguments: object):  # type: ignore[no-untyped-def]
    return wb(
        "migrate", *arguments, WB_DATA_DIR=settings.data_dir, WB_DATABASE_URL=settings.database
    )


def test_a_migration_makes_a_copy_that_can_be_restored(old: Settings) -> None:
    before = rows_of(old.database)
    done = run(old)
    assert done.returncode == 0, done.stderr
    (copy,) = migration.copies(old)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert rows_of(old.database)["vault_secrets"][0][0] == "check"
    # Nothing to do: no further copy.
    assert run(old).returncode == 0
    assert migration.copies(old) == [copy]

    back = run(old, "--back", copy)
    assert back.returncode == 0, back.stderr
    assert rows_of(old.database) == before


def test_a_migration_needs_the_key_that_the_old_version_proved(old: Settings) -> None:
    Path(old.key_path).unlink()
    vault.generate(old.key_path)
    assert "doesn't belong to" in refusal(run(old))
    assert "vault_checks" in rows_of(old.database)


def test_a_failed_migration_leaves_the_database_unchanged(
    old: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows_of(old.database)
    import alembic.op

    create_table = alembic.op.create_table

    def failing(name: str, *columns: object, **more: object) -> object:
        if name == "limits":
            alembic.op.execute("this is no SQL")
        return create_table(name, *columns, **more)

    monkeypatch.setattr(alembic.op, "create_table", failing)
    with pytest.raises(OperationError) as failure:
        migration.migrate(old)
    text = str(failure.value)
    (copy,) = migration.copies(old)
    assert "unchanged, at version 0001_foundation" in text
    assert f"--back {copy}" in text
    assert rows_of(old.database) == before
    monkeypatch.undo()
    assert migration.migrate(old).before == "0001_foundation"


def test_five_copies_are_kept(old: Settings) -> None:
    folder = Path(old.data_dir) / "backups"
    folder.mkdir()
    for number in range(7):
        (folder / f"before-0001-2020010{number + 1}T000000Z.db").write_bytes(b"")
    assert run(old).returncode == 0
    kept = [path.name for path in migration.copies(old)]
    assert len(kept) == 5 and "20200107" in kept[1]


def test_a_newer_database_is_left_alone(old: Settings) -> None:
    assert run(old).returncode == 0
    engine = sa.create_engine(old.database, poolclass=sa.NullPool)
    with engine.begin() as transaction:
        transaction.execute(sa.text("update alembic_version set version_num = '9999_later'"))
    engine.dispose()
    assert "newer than this version" in refusal(run(old))


def test_another_file_is_refused_as_a_copy(old: Settings, tmp_path: Path) -> None:
    assert run(old).returncode == 0
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("create table something (n int)")
    connection.close()
    before = rows_of(old.database)
    assert refusal(run(old, "--back", other))
    assert refusal(run(old, "--back", tmp_path / "not-there.db"))
    assert rows_of(old.database) == before


def test_a_backup_of_the_first_version_is_restored_and_then_migrated(
    old: Settings, new_url: Callable[[str], str], tmp_path: Path, passphrase_file: Path
) -> None:
    before = rows_of(old.database)
    secret = ("--passphrase-file", passphrase_file)
    env = {"WB_DATA_DIR": old.data_dir, "WB_DATABASE_URL": old.database}
    made = wb("backup", tmp_path / "b.tar", *secret, **env)
    assert made.returncode == 0, made.stderr
    url = new_url("new")
    env = {
        "WB_DATA_DIR": str(tmp_path / "new"),
        "WB_DATABASE_URL": "" if url.startswith("sqlite") else url,
    }
    done = wb("restore", tmp_path / "b.tar", *secret, **env)
    assert done.returncode == 0, done.stderr
    assert "at version 0001_foundation: the next start migrates them" in done.stdout
    assert rows_of(url) == before
    assert wb("migrate", **env).returncode == 0
    assert len(rows_of(url)["audit"]) == 20
    assert (tmp_path / "new" / "backups").is_dir()
