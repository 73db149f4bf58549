"""The migration that records for whose rights a version was approved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from wb_server.kit import clock, db
from wb_server.kit.db import Database
from wb_server.pipelines.store import pipelines, versions

# Owner kind, owner, approved version, (number, approved by) of each version; then the version that
# runs after the migration, and for whom each is approved.
CASES = {
    "own": ("user", "ana", 2, [(1, "ana"), (2, "ana")], 2, ["user:ana", "user:ana"]),
    "waits": ("user", "ana", 1, [(1, "ana"), (2, None)], 1, ["user:ana", None]),
    "moved": ("user", "ben", 1, [(1, "ana")], None, [None]),
    "managed": ("user", "ana", 2, [(1, "ana"), (2, "root")], None, ["user:ana", None]),
    "teams": ("team", "finance", 1, [(1, "ana")], 1, ["team:finance"]),
    "never": ("user", "ana", None, [(1, None)], None, [None]),
}


def test_versions_that_the_owner_never_approved_wait_after_the_migration(
    database: Database,
) -> None:
    config = Config()
    config.set_main_option("script_location", str(db._MIGRATIONS))
    url = database.engine.url.render_as_string(hide_password=False)
    config.attributes["url"] = url
    command.downgrade(config, "0007_elsewhere")
    now = clock.now()
    with database.write() as transaction:
        for name, (kind, owner, approved, made, *_) in CASES.items():
            transaction.execute(
                pipelines.insert().values(
                    id=name, name=name, description="", labels=[], head=len(made),
                    approved=approved, paused=False, fired_to=now, next_fire_at=now,
                    owner_kind=kind, owner_name=owner, version=1, created_at=now, updated_at=now,
                )
            )  # fmt: skip
            for number, by in made:
                transaction.execute(
                    versions.insert().values(
                        pipeline_id=name, number=number, text="", files={}, author="ana", note="",
                        created_at=now, approved_by=by, approved_at=now if by else None,
                    )
                )  # fmt: skip
    db.migrate(url)
    with database.read() as transaction:
        for name, (*_, runs, for_whom) in CASES.items():
            row = transaction.execute(
                sa.select(pipelines.c.approved, pipelines.c.next_fire_at).where(
                    pipelines.c.id == name
                )
            ).one()
            assert row.approved == runs, name
            if runs is None and CASES[name][2] is not None:
                assert row.next_fire_at is None
            found = transaction.execute(
                sa.select(versions.c.approved_for)
                .where(versions.c.pipeline_id == name)
                .order_by(versions.c.number)
            ).scalars()
            assert list(found) == for_whom, name
