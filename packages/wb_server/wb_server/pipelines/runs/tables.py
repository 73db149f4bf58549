"""The tables of runs. Their states change in ``run_transitions.py`` and ``task_transitions.py`` only."""

from __future__ import annotations

import sqlalchemy as sa

from ...governance.people.namesakes import names_group, names_user
from ...kit.db import UtcDateTime, metadata

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _of(table: str) -> sa.ForeignKey:
    """A foreign key; deleting the row that it refers to deletes the rows that refer to it."""
    return sa.ForeignKey(f"{table}.id", ondelete="CASCADE")


runs = sa.Table(
    "runs",
    metadata,
    # The order of all runs; ``number`` counts those of the pipeline.
    sa.Column("seq", _NUMBER, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(36), nullable=False, unique=True),
    sa.Column("pipeline_id", sa.String(36), _of("pipelines"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False, server_default="0"),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("state", sa.String(9), nullable=False),
    sa.Column("trigger", sa.String(8), nullable=False),
    sa.Column("triggered_by", sa.String(255), nullable=False, info=names_user()),
    sa.Column(
        "run_as",
        sa.String(255),
        nullable=False,
        info=names_user(prefix="user:") | names_group(prefix="team:"),
    ),
    sa.Column("parameters", sa.JSON, nullable=False),
    # The parameters that were given, the others being defaults; NULL if that wasn't recorded.
    sa.Column("given", sa.JSON(none_as_null=True)),
    sa.Column("idempotency_key", sa.String(128)),
    sa.Column("rerun_of", sa.String(36)),
    sa.Column("logical_at", UtcDateTime, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("started_at", UtcDateTime),
    sa.Column("finished_at", UtcDateTime),
    # The number of tasks that haven't ended; the run ends with the last one.
    sa.Column("open_tasks", sa.Integer, nullable=False),
    sa.Column("code", sa.String(64)),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("cancelled_by", sa.String(255), info=names_user()),
    sa.Index("ix_runs_pipeline_id_number", "pipeline_id", "number", unique=True),
    sa.Index("ix_runs_pipeline_id_seq", "pipeline_id", "seq"),
    sa.Index("ix_runs_state_seq", "state", "seq"),
    sa.UniqueConstraint("pipeline_id", "idempotency_key"),
    sqlite_autoincrement=True,
)

task_runs = sa.Table(
    "task_runs",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("run_id", sa.String(36), _of("runs"), nullable=False, index=True),
    sa.Column("task", sa.String(63), nullable=False),
    sa.Column("type", sa.String(40), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("state", sa.String(9), nullable=False),
    sa.Column("waiting_for", sa.Integer, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    # Attempts whose worker was lost; they don't count as retries.
    sa.Column("lost", sa.Integer, nullable=False),
    # Attempts that the Workbench itself held up, such as by a full disk; they don't count either.
    sa.Column("held", sa.Integer, nullable=False, server_default="0"),
    # Since when it has been held up; NULL if it isn't.
    sa.Column("held_since", UtcDateTime),
    sa.Column("fence", sa.Integer, nullable=False),
    sa.Column("worker", sa.String(128)),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("not_before", UtcDateTime),
    sa.Column("rung_at", UtcDateTime),
    sa.Column("retries", sa.Integer, nullable=False),
    sa.Column("retry_delay", sa.Float, nullable=False),
    sa.Column("retry_factor", sa.Float, nullable=False),
    sa.Column("started_at", UtcDateTime),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("code", sa.String(64)),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("outputs", sa.JSON, nullable=False),
    # The task run of an earlier run whose success this one takes over.
    sa.Column("taken_from", sa.String(36)),
    sa.Index("ix_task_runs_state_not_before", "state", "not_before"),
    sa.Index("ix_task_runs_worker_state", "worker", "state"),
)

task_needs = sa.Table(
    "task_needs",
    metadata,
    sa.Column("needed", sa.String(36), _of("task_runs"), primary_key=True),
    sa.Column("needing", sa.String(36), _of("task_runs"), primary_key=True, index=True),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("task_run_id", sa.String(36), _of("task_runs"), nullable=False, index=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("fence", sa.Integer, nullable=False),
    sa.Column("worker", sa.String(128), nullable=False),
    sa.Column("state", sa.String(9), nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("code", sa.String(64)),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("details", sa.JSON, nullable=False),
    sa.Column("kernel", sa.JSON(none_as_null=True)),
    sa.Column("progress", sa.JSON(none_as_null=True)),
    sa.Column("notebook", sa.String(64)),
)

attempt_logs = sa.Table(
    "attempt_logs",
    metadata,
    sa.Column("attempt_id", sa.String(36), _of("attempts"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
)

artifacts = sa.Table(
    "artifacts",
    metadata,
    sa.Column("task_run_id", sa.String(36), _of("task_runs"), primary_key=True),
    sa.Column("name", sa.String(128), primary_key=True),
    sa.Column("media_type", sa.String(128), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
)

table_uses = sa.Table(
    "table_uses",
    metadata,
    sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
    sa.Column("attempt_id", sa.String(36), _of("attempts"), nullable=False, index=True),
    sa.Column("direction", sa.String(7), nullable=False),
    sa.Column("connection_id", sa.String(36), nullable=False),
    sa.Column("schema_name", sa.String(255)),
    sa.Column("table_name", sa.String(255), nullable=False),
    sa.Column("columns", sa.JSON, nullable=False),
    sqlite_autoincrement=True,
)

schedule_fires = sa.Table(
    "schedule_fires",
    metadata,
    sa.Column("pipeline_id", sa.String(36), _of("pipelines"), primary_key=True),
    sa.Column("fire_at", UtcDateTime, primary_key=True),
    sa.Column("run_id", sa.String(36), nullable=False),
)
