"""Sharing: who else may use a connection, and when a credential expires."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_sharing"
down_revision = "0001_foundation"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shares",
        sa.Column("connection_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=5), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("level", sa.String(length=6), nullable=False),
        sa.Column("shared_by", sa.String(length=255), nullable=False),
        sa.Column("shared_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("fk_shares_connection_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connection_id", "kind", "name", name=op.f("pk_shares")),
    )
    with op.batch_alter_table("credentials", schema=None) as batch_op:
        batch_op.add_column(sa.Column("expires_at", sa.DateTime(), nullable=True))
    op.create_table(
        "vault_secrets",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("ciphertext", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_vault_secrets")),
    )
    op.execute(
        "INSERT INTO vault_secrets (name, ciphertext, created_at) "
        "SELECT 'check', ciphertext, created_at FROM vault_checks"
    )
    op.drop_table("vault_checks")


def downgrade() -> None:
    with op.batch_alter_table("credentials", schema=None) as batch_op:
        batch_op.drop_column("expires_at")
    op.drop_table("shares")
    op.create_table(
        "vault_checks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ciphertext", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vault_checks")),
    )
    op.execute(
        "INSERT INTO vault_checks (id, ciphertext, created_at) "
        "SELECT 1, ciphertext, created_at FROM vault_secrets WHERE name = 'check'"
    )
    op.drop_table("vault_secrets")
