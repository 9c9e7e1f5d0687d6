"""The features that forecasts are made from, week by week."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "weekly_features",
        sa.Column("student_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("term", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("sem_week", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("class_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("advisor_id", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("mark", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("mark_gap", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("mark_with_zeros", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("mark_with_zeros_rank", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("mark_recent", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("mark_recent_rank", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("handed_in", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("handed_in_rank", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("missed_recent", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("earliness", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("earliness_rank", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("late", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("attendance", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("attendance_recent", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("attendance_recent_rank", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("attendance_week", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("attendance_change", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("effort", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("effort_rank", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("effort_change", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("active_days_rank", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("clicks_rank", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("visits_rank", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("weeks_active", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("days_idle_rank", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("risk", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("midterm", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("midterm_gap", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("prior_mean", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("prior_fails", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("prior_attempts", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("credits", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("entry_score_rank", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("work_due", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("semester_gone", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("later_half", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("run_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("computed_at", sa.DateTime(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("student_id", "term", "sem_week"),
    )


def downgrade() -> None:
    op.drop_table("weekly_features")
