"""The migration that numbers runs per pipeline."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from wb_server.kit import clock, db
from wb_server.kit.db import Database
from wb_server.pipelines.runs.store import RunStore
from wb_server.pipelines.store import pipelines


def test_runs_are_numbered_in_their_order(database: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(db._MIGRATIONS))
    url = database.engine.url.render_as_string(hide_password=False)
    config.attributes["url"] = url
    command.downgrade(config, "0010_people")
    now = clock.now()
    old = sa.table(
        "runs",
        *map(sa.column, ("id", "pipeline_id", "version", "state", "trigger", "triggered_by")),
        *map(sa.column, ("run_as", "logical_at", "created_at", "open_tasks", "message")),
        sa.column("parameters", sa.JSON),
    )
    with database.write() as transaction:
        for name in ("a", "b", "c"):
            transaction.execute(
                pipelines.insert().values(
                    id=name, name=name, description="", labels=[], head=1, approved=1,
                    paused=False, fired_to=now, next_fire_at=None, owner_kind="user",
                    owner_name="ana", version=1, created_at=now, updated_at=now,
                )
            )  # fmt: skip
        for number, name in enumerate("abaab"):
            transaction.execute(
                old.insert().values(
                    id=f"{name}{number}", pipeline_id=name, version=1, state="failed",
                    trigger="manual", triggered_by="ana", run_as="user:ana", parameters={},
                    logical_at=now.replace(tzinfo=None), created_at=now.replace(tzinfo=None),
                    open_tasks=0, message="",
                )
            )  # fmt: skip
    command.upgrade(config, "head")
    page, _ = RunStore(database).page(None, None, None, None, 10)
    assert [(run.id, run.number) for run in page] == [
        ("b4", 2), ("a3", 3), ("a2", 2), ("b1", 1), ("a0", 1),
    ]  # fmt: skip
    with database.read() as transaction:
        counts = transaction.execute(sa.select(pipelines.c.name, pipelines.c.runs))
        assert {tuple(row) for row in counts} == {("a", 3), ("b", 2), ("c", 0)}
