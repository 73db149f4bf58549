"""Whose rights a version was approved for; without its current owner's approval it waits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008_approved_for"
down_revision = "0007_elsewhere"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pipeline_versions", sa.Column("approved_for", sa.String(length=262)))
    # Who was in a team isn't known, so pipelines that run with a team's rights keep running.
    op.execute(
        """
        UPDATE pipeline_versions SET approved_for = (
            SELECT pipelines.owner_kind || ':' || pipelines.owner_name FROM pipelines
            WHERE pipelines.id = pipeline_versions.pipeline_id
            AND (pipelines.owner_kind = 'team'
                 OR pipelines.owner_name = pipeline_versions.approved_by)
        )
        WHERE approved_by IS NOT NULL
        """
    )
    op.execute(
        """
        UPDATE pipelines SET approved = NULL, next_fire_at = NULL
        WHERE approved IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM pipeline_versions
            WHERE pipeline_versions.pipeline_id = pipelines.id
            AND pipeline_versions.number = pipelines.approved
            AND pipeline_versions.approved_for IS NOT NULL
        )
        """
    )


def downgrade() -> None:
    op.drop_column("pipeline_versions", "approved_for")
