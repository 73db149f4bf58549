"""The metadata database: versions, transactions, writers that don't lock each other out."""

from __future__ import annotations

import multiprocessing
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from support.metadata import migrate_new

from wb_server import rooms
from wb_server.kit.blobs import blobs
from wb_server.kit.db import Database, metadata, revisions, versions
from wb_server.kit.errors import Unavailable


def test_a_migrated_database_is_at_the_newest_version(database: Database) -> None:
    found, newest = versions(database)
    assert found == newest is not None


def test_the_migrations_make_the_tables_that_the_code_declares(database: Database) -> None:
    assert rooms.tables()
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_an_unmigrated_database_has_no_version(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'new.db'}")
    assert versions(database)[0] is None
    database.close()


def test_times_come_back_with_their_zone(database: Database) -> None:
    moment = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    with database.write() as connection:
        connection.execute(
            blobs.insert().values(digest="a" * 64, size=1, references=0, created_at=moment)
        )
    with database.read() as connection:
        assert connection.scalar(sa.select(blobs.c.created_at)) == moment


def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(sa.exc.StatementError, match="without a zone"), database.write() as c:
        c.execute(
            blobs.insert().values(
                digest="a" * 64, size=1, references=0, created_at=datetime(2026, 1, 1)
            )
        )


def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as connection:
        connection.execute(
            blobs.insert().values(
                digest="a" * 64, size=1, references=0, created_at=datetime.now(UTC)
            )
        )
        raise RuntimeError
    with database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(blobs)) == 0


def _count_up(url: str, times: int) -> None:
    database = Database(url)
    for _ in range(times):
        with database.write() as connection:
            value = connection.scalar(sa.select(blobs.c.size))
            connection.execute(blobs.update().values(size=value + 1))
    database.close()


@pytest.mark.slow
def test_five_processes_write_to_sqlite_and_none_is_locked_out(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'busy.db'}"
    migrate_new(url)
    database = Database(url)
    with database.write() as connection:
        connection.execute(
            blobs.insert().values(
                digest="a" * 64, size=0, references=0, created_at=datetime.now(UTC)
            )
        )
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_count_up, args=(url, 40)) for _ in range(5)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 5
    with database.read() as connection:
        assert connection.scalar(sa.select(blobs.c.size)) == 200
    database.close()


def test_revisions_are_ordered_by_their_file_names() -> None:
    config = Config()
    config.set_main_option("script_location", str(resources.files("wb_server") / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    in_order = [each.revision for each in scripts.walk_revisions()][::-1]
    assert revisions() == in_order
    assert revisions()[-1] == scripts.get_current_head()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_stalled_transaction_loses_its_locks_after_seconds(
    database: Database,
) -> None:
    row = {"digest": "d", "size": 1, "references": 0, "created_at": datetime.now(UTC)}
    with database.write() as connection:
        connection.execute(blobs.insert().values(**row))
    change = blobs.update().where(blobs.c.digest == "d").values(size=2)
    with pytest.raises(Unavailable) as ended, database.write() as stopped:
        stopped.execute(sa.text("set idle_in_transaction_session_timeout = '200ms'"))
        stopped.execute(change)
        # It stalls; another transaction waits for its lock, gets it, and commits.
        with database.write() as connection:
            connection.execute(change)
        stopped.execute(change)
    assert ended.value.code == "storage_down"


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_waiting_for_a_lock_is_limited(database: Database) -> None:
    with database.read() as connection:
        assert connection.scalar(sa.text("show lock_timeout")) == "30s"
        assert connection.scalar(sa.text("show idle_in_transaction_session_timeout")) == "10s"
    with database.snapshot() as connection:
        assert connection.scalar(sa.text("show idle_in_transaction_session_timeout")) == "0"
