"""One urgency a week: what listed a student, the step that helps most, exits that are true."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Older lists were drawn up under another rule: what it did not know is filled in as "not so".
ADDED = {
    "weekly_flags": (
        ("weeks_on_list", sa.Integer, "1"),
        ("rules", sa.JSON, "[]"),
        ("listed_by", sa.Text, "staying"),
        ("hand_over", sa.Boolean, sa.false()),
    ),
    "list_exits": (
        ("kind", sa.Text, "no longer listed"),
        ("remaining", sa.JSON, "[]"),
    ),
}


def upgrade() -> None:
    for table, columns in ADDED.items():
        with op.batch_alter_table(table) as batch:
            for name, kind, value in columns:
                batch.add_column(sa.Column(name, kind(), nullable=False, server_default=value))
        with op.batch_alter_table(table) as batch:
            for name, _, _ in columns:
                batch.alter_column(name, server_default=None)
    with op.batch_alter_table("weekly_flags") as batch:
        batch.add_column(sa.Column("best_step", sa.JSON(), nullable=True))
        batch.drop_column("off_list_if")
    op.create_table(
        "list_thresholds",
        sa.Column("term", sa.Text, autoincrement=False, primary_key=True),
        sa.Column("ranked_by", sa.Text, autoincrement=False, primary_key=True),
        sa.Column("sem_week", sa.Integer, autoincrement=False, primary_key=True),
        sa.Column("list_at", sa.Double, nullable=False),
        sa.Column("soon_at", sa.Double, nullable=False),
        sa.Column("urgent_at", sa.Double, nullable=False),
        sa.Column("fitted_on", sa.Text, nullable=True),
        sa.Column("params_sha256", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("computed_at", sa.DateTime, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("list_thresholds")
    with op.batch_alter_table("weekly_flags") as batch:
        batch.add_column(sa.Column("off_list_if", sa.Text, nullable=True))
        batch.drop_column("best_step")
    for table, columns in ADDED.items():
        with op.batch_alter_table(table) as batch:
            for name, _, _ in columns:
                batch.drop_column(name)
