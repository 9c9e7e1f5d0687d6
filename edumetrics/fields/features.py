"""What forecasts are made from: one line for each feature."""

from __future__ import annotations

from typing import NamedTuple


class Feature(NamedTuple):
    """What forecasts are made from.

    `direction` says which way a higher value should push the chance of failing (0: not known);
    `topic` is the heading under which people are told of it (empty: they are not).
    """

    meaning: str
    direction: int
    topic: str


FEATURES: dict[str, Feature] = {
    "mark": Feature("mean mark of the work marked so far, percent", -1, "marks"),
    "mark_gap": Feature(
        "mean mark of the work marked so far, less the class's, percent", -1, "marks"
    ),
    "mark_with_zeros": Feature("mean mark so far, missing work counting 0, percent", -1, "marks"),
    "mark_with_zeros_rank": Feature("its rank in the class", -1, "marks"),
    "mark_recent": Feature("the same, recent weeks weighing more, percent", -1, "marks"),
    "mark_recent_rank": Feature("its rank in the class", -1, "marks"),
    "lowest_mark": Feature("lowest mean mark of a week's work so far, percent", -1, "marks"),
    "ahead_mark": Feature(
        "mean mark of work done before its week, optional work included, percent", -1, "marks"
    ),
    "handed_in": Feature("share of the work due so far that is handed in", -1, "work"),
    "handed_in_rank": Feature("its rank in the class", -1, "work"),
    "missed_recent": Feature("share of the work of the last three weeks that is not", 1, "work"),
    "earliness": Feature(
        "weeks before the end of its week that work is handed in, missing work counting as three"
        " late",
        -1,
        "promptness",
    ),
    "earliness_rank": Feature("its rank in the class", -1, "promptness"),
    "ahead_rank": Feature(
        "work done before its week, optional work included: its rank in the class",
        -1,
        "promptness",
    ),
    "late": Feature("share of the work handed in that came after its week", 1, "promptness"),
    "attendance": Feature("share of lectures attended so far", -1, "attendance"),
    "attendance_recent": Feature("share of lectures attended over four weeks", -1, "attendance"),
    "attendance_recent_rank": Feature("its rank in the class", -1, "attendance"),
    "attendance_week": Feature("share of lectures attended this week", -1, "attendance"),
    "attendance_change": Feature(
        "attendance this week less that of the four weeks before, percent", -1, "attendance"
    ),
    "effort": Feature("recorded activity this week", -1, "activity"),
    "effort_rank": Feature(
        "recent weeks' recorded activity: its rank in the class", -1, "activity"
    ),
    "effort_change": Feature(
        "recorded activity this week less that of the four weeks before", -1, "activity"
    ),
    "active_days_rank": Feature(
        "recent weeks' days on the platform: their rank in the class", -1, "activity"
    ),
    "clicks_rank": Feature("recent weeks' clicks: their rank in the class", -1, "activity"),
    "early_clicks_rank": Feature(
        "clicks in the weeks before the semester: their rank in the class", -1, "activity"
    ),
    "visits_rank": Feature("recent weeks' library visits: their rank in the class", -1, "activity"),
    "weeks_active": Feature("weeks of the last four with any activity", -1, "activity"),
    "silent_weeks": Feature("weeks since anything was recorded", 1, "activity"),
    "longest_silence": Feature("most weeks in a row without anything recorded", 1, "activity"),
    "days_idle_rank": Feature(
        "days since anything was handed in: their rank in the class", 1, "promptness"
    ),
    "risk": Feature("the rules' risk score", 1, ""),
    "midterm": Feature("mean midterm score, percent", -1, "midterm"),
    "midterm_gap": Feature("the same, less the class's", -1, "midterm"),
    "prior_mean": Feature("mean end-term score of the semester before, percent", -1, "earlier"),
    "prior_fails": Feature("subjects failed in the semester before", 1, "earlier"),
    "prior_attempts": Feature("earlier attempts", 1, "earlier"),
    "credits": Feature("credits studied", 0, "earlier"),
    "entry_score_rank": Feature("prior marks: their rank in the class", -1, "earlier"),
    "work_due": Feature("how many items fell due so far", 0, ""),
    "semester_gone": Feature("share of the semester's teaching weeks that are over", 0, ""),
    "later_half": Feature("whether it is the later half of the year", 0, ""),
}
