"""Lectures may be halves."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

COLUMNS = ("week_lectures_held", "week_lectures_attended", "lectures_held", "lectures_attended")


def upgrade() -> None:
    _alter(sa.Integer(), sa.Double())


def downgrade() -> None:
    _alter(sa.Double(), sa.Integer())


def _alter(before: sa.types.TypeEngine[Any], after: sa.types.TypeEngine[Any]) -> None:
    with op.batch_alter_table("weekly_metrics") as batch:
        for name in COLUMNS:
            batch.alter_column(name, existing_type=before, type_=after, existing_nullable=False)
