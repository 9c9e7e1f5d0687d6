"""What columns mean in words for the students whom they are about.

Where a column is not here, its meaning in the data dictionary is plain enough.
"""

from __future__ import annotations

from edumetrics.fields.record import Field

# In every table: told once, not for each.
COMMON = frozenset({"student_id", "term", "target_term", "sem_week", "semester", "target_semester",
                    "class_id", "advisor_id", "run_id", "computed_at", "id"})  # fmt: skip
# What only a forecast or the order of a list says: shown where the college wants it.
FORECASTS = frozenset({"p_fail", "risk_score", "risk_coverage", "risk_of_detention"})
_PLAIN = {
    "effort_score": "recorded activity, as explained above",
    "effort_coverage": "how much of recorded activity is known",
    "academic_performance": "academic performance, as explained above",
    "risk_of_detention": "how near the attendance rule is",
    "risk_score": "a number that puts students in order",
    "risk_coverage": "how much of that number is known",
    "p_fail": "a forecast: how many with similar records failed or left",
    "reasons": "the facts that were told, with their numbers",
    "diagnosis": "the first facts, as one text",
    "best_step": "the step that would help most",
    "improved": "what got better",
    "remaining": "what was still open",
    "rules": "which news put you on the list",
    "listed_by": "why you were on the list: news, the order, or last week's list",
    "urgency_score": "the number that lists are ordered by",
    "ranked_by": "what made the order: rules, or a forecast",
    "risk_tier": "how soon to talk: a word for the advisor",
    "triage_rank": "the place on the list",
    "within_capacity": "whether your advisor had time that week",
    "status": "new on the list, still on it, or back",
    "escalation_level": "how many weeks in a row",
    "first_flagged_week": "the first week on the list",
    "weeks_on_list": "how many weeks in all",
    "weeks_flagged": "how many weeks on a list",
    "hand_over": "whether you waited for weeks with no answer",
    "looked_after": "whether somebody is in touch with you",
    "model_id": "which forecast made it",
    "residual": "how far the forecast was off",
    "verdict": "whether the result was in the range",
    "low": "the low end of the range",
    "high": "the high end of the range",
    "entry_key": "what keeps one entry from being stored twice",
    "about": "which file",
    "notes": "notes, which are on no list and in no mail",
    "until": "until when somebody looks after you",
    "assn_plagiarism_pct": "the highest report of similar text",
    "max_plagiarism": "the highest report of similar text",
    "drawn": "whether lots decided about the place, as between equals",
    "pool": "among how many lots were drawn",
    "seed": "which lots they were",
    "place": "whether you had a place",
    "on_watchlist": "whether to say hello early",
    "risk_probability_pct": "a forecast for the semester",
}


def explain_column(field: Field) -> str:
    """Return the meaning of a column in plain words."""
    return _PLAIN.get(field.name, field.meaning)
