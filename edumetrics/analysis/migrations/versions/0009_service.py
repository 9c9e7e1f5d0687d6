"""Accounts of the service, who signed in, who read what; what keeps an entry from being two."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("username"),
    )
    op.create_table(
        "sign_ins",
        sa.Column("sign_in_id", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("secret_sha256", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("sign_in_id"),
    )
    op.create_index("ix_sign_ins_username", "sign_ins", ["username"])
    op.create_table(
        "sign_in_failures",
        sa.Column("name_sha256", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name_sha256"),
    )
    op.create_table(
        "access_log",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("student_id", sa.Text(), nullable=False),
        sa.Column("term", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("read_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_access_log_student_id", "access_log", ["student_id"])
    with op.batch_alter_table("intervention_log") as table:
        table.add_column(sa.Column("entry_key", sa.Text(), nullable=True))
    op.create_index("ix_intervention_log_entry_key", "intervention_log", ["entry_key"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_intervention_log_entry_key", "intervention_log")
    with op.batch_alter_table("intervention_log") as table:
        table.drop_column("entry_key")
    for name in ("access_log", "sign_in_failures", "sign_ins", "accounts"):
        op.drop_table(name)
