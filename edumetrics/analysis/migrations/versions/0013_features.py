"""Features about work done ahead, the lowest mark, silence, and the weeks before the term."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ADDED = (
    "lowest_mark",
    "ahead_mark",
    "ahead_rank",
    "silent_weeks",
    "longest_silence",
    "early_clicks_rank",
)


def upgrade() -> None:
    with op.batch_alter_table("weekly_features") as table:
        for name in ADDED:
            table.add_column(sa.Column(name, sa.Double(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("weekly_features") as table:
        for name in ADDED:
            table.drop_column(name)
