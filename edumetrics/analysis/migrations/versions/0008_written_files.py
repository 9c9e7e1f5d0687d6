"""Which files were written, about whom; which runs were by hand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "written_files",
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("term", sa.Text(), nullable=False),
        sa.Column("sem_week", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("path"),
    )
    op.create_index("ix_written_files_about", "written_files", ["about"])
    op.create_table(
        "written_about",
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("student_id", sa.Text(), nullable=False),
        sa.Column("term", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("about", "student_id"),
    )
    op.create_index("ix_written_about_student_id", "written_about", ["student_id"])
    with op.batch_alter_table("run_log") as table:
        table.add_column(sa.Column("by_hand", sa.Boolean(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("run_log") as table:
        table.drop_column("by_hand")
    op.drop_table("written_about")
    op.drop_table("written_files")
