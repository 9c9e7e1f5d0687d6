"""Places that were drawn by lot, and among whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("weekly_flags") as table:
        table.add_column(
            sa.Column("drawn", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    # What is stored later always says whether lots decided: no default is needed any more.
    with op.batch_alter_table("weekly_flags") as table:
        table.alter_column("drawn", existing_type=sa.Boolean(), server_default=None)
    op.create_table(
        "drawn_places",
        sa.Column("student_id", sa.Text(), nullable=False),
        sa.Column("term", sa.Text(), nullable=False),
        sa.Column("sem_week", sa.Integer(), nullable=False),
        sa.Column("advisor_id", sa.Text(), nullable=True),
        sa.Column("pool", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("place", sa.Boolean(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("computed_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("student_id", "term", "sem_week"),
    )


def downgrade() -> None:
    op.drop_table("drawn_places")
    with op.batch_alter_table("weekly_flags") as table:
        table.drop_column("drawn")
