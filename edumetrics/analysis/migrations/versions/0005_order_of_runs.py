"""Runs have an order of their own: clocks only label them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("run_log") as table:
        table.add_column(sa.Column("seq", sa.Integer(), nullable=False, server_default="0"))
    # Runs so far have only their moments to go by.
    log = sa.table("run_log", sa.column("run_id"), sa.column("seq"), sa.column("started_at"))
    earlier = log.alias("earlier")
    before = sa.or_(
        earlier.c.started_at < log.c.started_at,
        sa.and_(earlier.c.started_at == log.c.started_at, earlier.c.run_id <= log.c.run_id),
    )
    count = sa.select(sa.func.count()).select_from(earlier).where(before).scalar_subquery()
    op.execute(sa.update(log).values(seq=count))
    with op.batch_alter_table("run_log") as table:
        table.alter_column("seq", server_default=None)
    op.create_index("ix_run_log_seq", "run_log", ["seq"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_run_log_seq", table_name="run_log")
    with op.batch_alter_table("run_log") as table:
        table.drop_column("seq")
