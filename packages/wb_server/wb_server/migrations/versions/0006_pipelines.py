"""Pipelines, their versions and shares; runs, task runs, attempts and what they produce."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006_pipelines"
down_revision = "0005_limits"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pipelines",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("description", sa.String(length=500), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("head", sa.Integer(), nullable=False),
        sa.Column("approved", sa.Integer(), nullable=True),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("fired_to", sa.DateTime(), nullable=False),
        sa.Column("next_fire_at", sa.DateTime(), nullable=True),
        sa.Column("owner_kind", sa.String(length=4), nullable=False),
        sa.Column("owner_name", sa.String(length=255), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pipelines")),
    )
    op.create_index(op.f("ix_pipelines_next_fire_at"), "pipelines", ["next_fire_at"], unique=False)
    op.create_index(
        "uq_pipelines_name_living",
        "pipelines",
        ["name"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "pipeline_shares",
        sa.Column("pipeline_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=5), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("level", sa.String(length=6), nullable=False),
        sa.Column("shared_by", sa.String(length=255), nullable=False),
        sa.Column("shared_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline_id"],
            ["pipelines.id"],
            name=op.f("fk_pipeline_shares_pipeline_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("pipeline_id", "kind", "name", name=op.f("pk_pipeline_shares")),
    )
    op.create_table(
        "pipeline_versions",
        sa.Column("pipeline_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("author", sa.String(length=255), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("approved_by", sa.String(length=255), nullable=True),
        sa.Column("approved_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["pipeline_id"],
            ["pipelines.id"],
            name=op.f("fk_pipeline_versions_pipeline_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("pipeline_id", "number", name=op.f("pk_pipeline_versions")),
    )
    op.create_table(
        "runs",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("pipeline_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=9), nullable=False),
        sa.Column("trigger", sa.String(length=8), nullable=False),
        sa.Column("triggered_by", sa.String(length=255), nullable=False),
        sa.Column("run_as", sa.String(length=255), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("idempotency_key", sa.String(length=128), nullable=True),
        sa.Column("rerun_of", sa.String(length=36), nullable=True),
        sa.Column("logical_at", sa.DateTime(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=True),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.Column("open_tasks", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("cancelled_by", sa.String(length=255), nullable=True),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["pipelines.id"], name=op.f("fk_runs_pipeline_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_runs")),
        sa.UniqueConstraint("id", name=op.f("uq_runs_id")),
        sa.UniqueConstraint(
            "pipeline_id", "idempotency_key", name=op.f("uq_runs_pipeline_id_idempotency_key")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_runs_pipeline_id_number", "runs", ["pipeline_id", "number"], unique=False)
    op.create_index("ix_runs_state_number", "runs", ["state", "number"], unique=False)
    op.create_table(
        "schedule_fires",
        sa.Column("pipeline_id", sa.String(length=36), nullable=False),
        sa.Column("fire_at", sa.DateTime(), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline_id"],
            ["pipelines.id"],
            name=op.f("fk_schedule_fires_pipeline_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("pipeline_id", "fire_at", name=op.f("pk_schedule_fires")),
    )
    op.create_table(
        "task_runs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("task", sa.String(length=63), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=9), nullable=False),
        sa.Column("waiting_for", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=128), nullable=True),
        sa.Column("lease_until", sa.DateTime(), nullable=True),
        sa.Column("not_before", sa.DateTime(), nullable=True),
        sa.Column("rung_at", sa.DateTime(), nullable=True),
        sa.Column("retries", sa.Integer(), nullable=False),
        sa.Column("retry_delay", sa.Float(), nullable=False),
        sa.Column("retry_factor", sa.Float(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=True),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("outputs", sa.JSON(), nullable=False),
        sa.Column("taken_from", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_task_runs_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_runs")),
    )
    op.create_index(op.f("ix_task_runs_run_id"), "task_runs", ["run_id"], unique=False)
    op.create_index(
        "ix_task_runs_state_not_before", "task_runs", ["state", "not_before"], unique=False
    )
    op.create_index("ix_task_runs_worker_state", "task_runs", ["worker", "state"], unique=False)
    op.create_table(
        "artifacts",
        sa.Column("task_run_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("media_type", sa.String(length=128), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_run_id"],
            ["task_runs.id"],
            name=op.f("fk_artifacts_task_run_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("task_run_id", "name", name=op.f("pk_artifacts")),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("task_run_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=9), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("kernel", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("progress", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("notebook", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["task_run_id"],
            ["task_runs.id"],
            name=op.f("fk_attempts_task_run_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    op.create_index(op.f("ix_attempts_task_run_id"), "attempts", ["task_run_id"], unique=False)
    op.create_table(
        "task_needs",
        sa.Column("needed", sa.String(length=36), nullable=False),
        sa.Column("needing", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["needed"], ["task_runs.id"], name=op.f("fk_task_needs_needed"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["needing"], ["task_runs.id"], name=op.f("fk_task_needs_needing"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("needed", "needing", name=op.f("pk_task_needs")),
    )
    op.create_index(op.f("ix_task_needs_needing"), "task_needs", ["needing"], unique=False)
    op.create_table(
        "attempt_logs",
        sa.Column("attempt_id", sa.String(length=36), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"],
            ["attempts.id"],
            name=op.f("fk_attempt_logs_attempt_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("attempt_id", "seq", name=op.f("pk_attempt_logs")),
    )
    op.create_table(
        "table_uses",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("attempt_id", sa.String(length=36), nullable=False),
        sa.Column("direction", sa.String(length=7), nullable=False),
        sa.Column("connection_id", sa.String(length=36), nullable=False),
        sa.Column("schema_name", sa.String(length=255), nullable=True),
        sa.Column("table_name", sa.String(length=255), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"],
            ["attempts.id"],
            name=op.f("fk_table_uses_attempt_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_table_uses")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_table_uses_attempt_id"), "table_uses", ["attempt_id"], unique=False)


def downgrade() -> None:
    # ### commands auto generated by Alembic - please adjust! ###
    op.drop_index(op.f("ix_table_uses_attempt_id"), table_name="table_uses")
    op.drop_table("table_uses")
    op.drop_table("attempt_logs")
    op.drop_index(op.f("ix_task_needs_needing"), table_name="task_needs")
    op.drop_table("task_needs")
    op.drop_index(op.f("ix_attempts_task_run_id"), table_name="attempts")
    op.drop_table("attempts")
    op.drop_table("artifacts")
    op.drop_index("ix_task_runs_worker_state", table_name="task_runs")
    op.drop_index("ix_task_runs_state_not_before", table_name="task_runs")
    op.drop_index(op.f("ix_task_runs_run_id"), table_name="task_runs")
    op.drop_table("task_runs")
    op.drop_table("schedule_fires")
    op.drop_index("ix_runs_state_number", table_name="runs")
    op.drop_index("ix_runs_pipeline_id_number", table_name="runs")
    op.drop_table("runs")
    op.drop_table("pipeline_versions")
    op.drop_table("pipeline_shares")
    op.drop_index(
        "uq_pipelines_name_living",
        table_name="pipelines",
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.drop_index(op.f("ix_pipelines_next_fire_at"), table_name="pipelines")
    op.drop_table("pipelines")
    # ### end Alembic commands ###
