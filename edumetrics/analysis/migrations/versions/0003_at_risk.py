"""Midterm predictions say whether a student is at risk; no row of them was ever written before."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column(
        "pre_mid_term",
        sa.Column("at_risk", sa.Boolean(), nullable=False, server_default=sa.false()),
    )


def downgrade() -> None:
    op.drop_column("pre_mid_term", "at_risk")
