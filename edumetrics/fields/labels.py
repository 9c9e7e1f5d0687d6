"""What people read of a table: which columns, in which order, by which words."""

from __future__ import annotations

# The columns that people read, the first ones first.
SHOWN = (
    "term", "sem_week", "first_week", "second_week", "exam_type", "check", "student_id",
    "class_id", "semester", "students",
    "weekly_att_pct", "overall_att_pct", "lectures_can_miss", "submission_pct", "effort_score",
    "academic_performance", "risk_score", "advisor_id", "triage_rank", "risk_tier",
    "urgency_score", "ranked_by", "list_at", "soon_at", "urgent_at", "fitted_on", "status",
    "escalation_level", "kind", "weeks_on_list", "within_capacity", "looked_after", "code",
    "students_affected", "count", "predicted", "predicted_midterm_score",
    "predicted_endterm_score", "outcome", "contacted", "compared", "difference", "low", "high",
    "actual", "residual", "verdict", "p_fail", "at_risk", "outlook", "failed", "weeks_flagged",
    "subject_id", "risk_label", "target_term", "risk_probability_pct", "on_watchlist", "helpful",
    "what", "drawn", "given_up", "until", "logged_by", "logged_at",
)  # fmt: skip
# Sentences are too long for a column beside others.
SENTENCES = ("diagnosis", "improved", "remaining", "text", "message", "said", "notes")
# Who and when: these stay in view, whatever a table is sorted by.
KEYS = ("term", "sem_week", "student_id", "class_id", "subject_id")
# Columns whose names are not words with underscores between them.
_WORDS = {
    "sem_week": "week",
    "effort_score": "recorded activity, of 100",
    "academic_performance": "academic performance, of 100",
    "risk_score": "rules' risk, of 100",
    "risk_of_detention": "nearness of the attendance rule, 0-1",
    "urgency_score": "urgency, of 100",
    "p_fail": "chance of failing or leaving, 0-1",
    "triage_rank": "place",
    "diagnosis": "why",
    "assn_plagiarism_pct": "similar text in assignments, %",
    "max_plagiarism": "most similar text, %",
}
_PARTS = {"att": "attendance", "sem": "semester", "assn": "assignment", "pct": "%"}


def label_column(name: str) -> str:
    """Return the heading of a column for people.

    >>> label_column("weekly_att_pct")
    'weekly attendance, %'
    """
    if name in _WORDS:
        return _WORDS[name]
    words = [_PARTS.get(part, part) for part in name.removesuffix("_id").split("_")]
    return " ".join(words).replace(" %", ", %")
