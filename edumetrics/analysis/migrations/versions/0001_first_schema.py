"""The first schema: every table of the analysis database."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "analysis_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sim_year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("global_week", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("updated_at", sa.DateTime(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "class_findings",
        sa.Column("class_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("term", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("sem_week", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("code", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("semester", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("students_affected", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("run_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("computed_at", sa.DateTime(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("class_id", "term", "sem_week", "code"),
    )
    op.create_table(
        "data_health",
        sa.Column("run_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("check", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("class_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("status", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("count", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("examples", sa.JSON(), autoincrement=False, nullable=False),
        sa.Column("message", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("computed_at", sa.DateTime(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "check", "class_id"),
    )
    op.create_table(
        "delivery_log",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("advisor_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("stage", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("term", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("sem_week", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("channel", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("recipient", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("content_sha256", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("status", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("sent_at", sa.DateTime(), autoincrement=False, nullable=True),
        sa.Column("error", sa.Text(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "exam_review",
        sa.Column("student_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("term", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("exam_type", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("semester", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("class_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("predicted", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("low", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("high", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("actual", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("residual", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("verdict", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("p_fail", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("failed", sa.Boolean(), autoincrement=False, nullable=True),
        sa.Column("weeks_flagged", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_flagged_week", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("run_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("computed_at", sa.DateTime(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("student_id", "term", "exam_type"),
    )
    op.create_table(
        "intervention_log",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("student_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("term", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("sem_week", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("notes", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("outcome", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("helpful", sa.Boolean(), autoincrement=False, nullable=True),
        sa.Column("until", sa.Date(), autoincrement=False, nullable=True),
        sa.Column("logged_by", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("logged_at", sa.DateTime(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_intervention_log_student_id_term",
        "intervention_log",
        ["student_id", "term"],
        unique=False,
    )
    op.create_table(
        "list_exits",
        sa.Column("student_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("term", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("sem_week", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("semester", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("class_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("advisor_id", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("weeks_on_list", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("improved", sa.JSON(), autoincrement=False, nullable=False),
        sa.Column("run_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("computed_at", sa.DateTime(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("student_id", "term", "sem_week"),
    )
    op.create_table(
        "model_runs",
        sa.Column("model_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("task", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("trained_terms", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("tested_term", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("rows", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("features", sa.JSON(), autoincrement=False, nullable=False),
        sa.Column("metrics", sa.JSON(), autoincrement=False, nullable=False),
        sa.Column("champion", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("artefact", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("artefact_sha256", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("run_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("computed_at", sa.DateTime(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("model_id"),
    )
    op.create_table(
        "pre_end_term",
        sa.Column("student_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("term", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("sem_week", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("semester", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("class_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("predicted_endterm_score", sa.Double(), autoincrement=False, nullable=False),
        sa.Column("low", sa.Double(), autoincrement=False, nullable=False),
        sa.Column("high", sa.Double(), autoincrement=False, nullable=False),
        sa.Column("p_fail", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("outlook", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("reasons", sa.JSON(), autoincrement=False, nullable=False),
        sa.Column("model_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("run_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("computed_at", sa.DateTime(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("student_id", "term", "sem_week"),
    )
    op.create_table(
        "pre_mid_term",
        sa.Column("student_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("term", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("sem_week", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("semester", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("class_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("predicted_midterm_score", sa.Double(), autoincrement=False, nullable=False),
        sa.Column("low", sa.Double(), autoincrement=False, nullable=False),
        sa.Column("high", sa.Double(), autoincrement=False, nullable=False),
        sa.Column("p_fail", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("reasons", sa.JSON(), autoincrement=False, nullable=False),
        sa.Column("model_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("run_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("computed_at", sa.DateTime(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("student_id", "term", "sem_week"),
    )
    op.create_table(
        "pre_sem_watchlist",
        sa.Column("student_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("target_term", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("target_semester", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("class_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("risk_probability_pct", sa.Double(), autoincrement=False, nullable=False),
        sa.Column("escalation_level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("max_plagiarism", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("att_rate_hist", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("assn_rate_hist", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("exam_avg_hist", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("hard_subject_count", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("on_watchlist", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("reasons", sa.JSON(), autoincrement=False, nullable=False),
        sa.Column("model_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("run_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("computed_at", sa.DateTime(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("student_id", "target_term"),
    )
    op.create_table(
        "risk_of_failing_prediction",
        sa.Column("student_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("term", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("sem_week", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subject_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("semester", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("class_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("p_fail", sa.Double(), autoincrement=False, nullable=False),
        sa.Column("risk_label", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("model_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("run_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("computed_at", sa.DateTime(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("student_id", "term", "sem_week", "subject_id"),
    )
    op.create_table(
        "run_log",
        sa.Column("run_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("stage", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("term", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("sem_week", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("status", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("started_at", sa.DateTime(), autoincrement=False, nullable=False),
        sa.Column("finished_at", sa.DateTime(), autoincrement=False, nullable=True),
        sa.Column("params_sha256", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("rows_written", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("error", sa.Text(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("run_id"),
    )
    op.create_index(
        "ix_run_log_stage_term_sem_week", "run_log", ["stage", "term", "sem_week"], unique=False
    )
    op.create_table(
        "subject_difficulty",
        sa.Column("subject_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("term", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("semester", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("total_students", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("students_passed", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("pass_rate", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("difficulty_label", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("run_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("computed_at", sa.DateTime(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("subject_id", "term"),
    )
    op.create_table(
        "weekly_flags",
        sa.Column("student_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("term", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("sem_week", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("semester", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("class_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("advisor_id", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("risk_tier", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("urgency_score", sa.Double(), autoincrement=False, nullable=False),
        sa.Column("ranked_by", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("triage_rank", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("within_capacity", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("status", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("escalation_level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_flagged_week", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("looked_after", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("diagnosis", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("reasons", sa.JSON(), autoincrement=False, nullable=False),
        sa.Column("off_list_if", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("run_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("computed_at", sa.DateTime(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("student_id", "term", "sem_week"),
    )
    op.create_index(
        "ix_weekly_flags_term_sem_week_advisor_id",
        "weekly_flags",
        ["term", "sem_week", "advisor_id"],
        unique=False,
    )
    op.create_index(
        "ix_weekly_flags_term_sem_week_class_id",
        "weekly_flags",
        ["term", "sem_week", "class_id"],
        unique=False,
    )
    op.create_table(
        "weekly_metrics",
        sa.Column("student_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("term", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("sem_week", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("semester", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("class_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("advisor_id", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("library_visits", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("book_borrows", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("assn_quality_pct", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("assn_plagiarism_pct", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("weekly_att_pct", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("week_lectures_held", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("week_lectures_attended", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("assn_submit_rate", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("quiz_attempt_rate", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("submission_pct", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("effort_score", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("effort_coverage", sa.Double(), autoincrement=False, nullable=False),
        sa.Column("week_mark_pct", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("academic_performance", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("quiz_avg_pct", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("assn_avg_pct", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("midterm_score_pct", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("overall_att_pct", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("lectures_held", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lectures_attended", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lectures_left", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("lectures_to_attend", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("lectures_can_miss", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("risk_of_detention", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("days_since_submission", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lms_active_days", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("lms_events", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("risk_score", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("risk_coverage", sa.Double(), autoincrement=False, nullable=False),
        sa.Column("p_fail", sa.Double(), autoincrement=False, nullable=True),
        sa.Column("run_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("computed_at", sa.DateTime(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("student_id", "term", "sem_week"),
    )
    op.create_index(
        "ix_weekly_metrics_term_sem_week_advisor_id",
        "weekly_metrics",
        ["term", "sem_week", "advisor_id"],
        unique=False,
    )
    op.create_index(
        "ix_weekly_metrics_term_sem_week_class_id",
        "weekly_metrics",
        ["term", "sem_week", "class_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index("ix_weekly_metrics_term_sem_week_class_id", table_name="weekly_metrics")
    op.drop_index("ix_weekly_metrics_term_sem_week_advisor_id", table_name="weekly_metrics")
    op.drop_table("weekly_metrics")
    op.drop_index("ix_weekly_flags_term_sem_week_class_id", table_name="weekly_flags")
    op.drop_index("ix_weekly_flags_term_sem_week_advisor_id", table_name="weekly_flags")
    op.drop_table("weekly_flags")
    op.drop_table("subject_difficulty")
    op.drop_index("ix_run_log_stage_term_sem_week", table_name="run_log")
    op.drop_table("run_log")
    op.drop_table("risk_of_failing_prediction")
    op.drop_table("pre_sem_watchlist")
    op.drop_table("pre_mid_term")
    op.drop_table("pre_end_term")
    op.drop_table("model_runs")
    op.drop_table("list_exits")
    op.drop_index("ix_intervention_log_student_id_term", table_name="intervention_log")
    op.drop_table("intervention_log")
    op.drop_table("exam_review")
    op.drop_table("delivery_log")
    op.drop_table("data_health")
    op.drop_table("class_findings")
    op.drop_table("analysis_state")
