"""What the questions of one class are asked by."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INDEXES = {
    "pre_mid_term": ("term", "sem_week", "class_id"),
    "pre_end_term": ("term", "sem_week", "class_id"),
    "risk_of_failing_prediction": ("term", "sem_week", "class_id"),
    "pre_sem_watchlist": ("target_term", "class_id"),
    "delivery_log": ("term", "sem_week", "stage"),
}


def upgrade() -> None:
    for table, columns in INDEXES.items():
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns), unique=False)


def downgrade() -> None:
    for table, columns in INDEXES.items():
        op.drop_index(f"ix_{table}_{'_'.join(columns)}", table_name=table)
