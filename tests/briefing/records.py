"""Records as cards have them, and the shipped words."""

from __future__ import annotations

from typing import Any

from edumetrics.briefing.facts import BriefingRecord, read_reasons
from edumetrics.params.briefing import Briefing
from tests.analysis.rows import load_params

PARAMS = load_params()
SENTENCES = PARAMS.sentences
ON = Briefing.model_validate({**PARAMS.briefing.model_dump(), "enabled": True, "model": "scripted"})
# Codes with numbers as triage stores them.
REASONS: dict[str, dict[str, Any]] = {
    "attendance_fall": {"value": 5, "baseline": 16},
    "attendance_low": {"value": 1.5, "baseline": 4},
    "no_work": {"value": 16, "baseline": 3},
    "deadline": {"value": 2, "baseline": 40},
    "attendance_standing": {"value": 14, "baseline": 108},
    "out_of_reach_week": {"value": 12, "baseline": 9},
    "out_of_reach": {"value": 19, "baseline": 60},
    "nothing_handed_in": {"value": 2, "baseline": None},
    "missed_work": {"value": 3, "baseline": 4, "names": "Methods assignments 3 and 4"},
    "missed_work_counts": {"value": 3, "baseline": 5},
    "academic_fall": {"value": 42, "baseline": 70},
    "effort_fall": {"value": 31, "baseline": 66},
    "platform_silence": {"value": 1, "baseline": 4.5},
    "academic_level": {"value": 41, "baseline": 62},
    "midterm_level": {"value": 33, "baseline": 58},
    "earlier_level": {"value": 44, "baseline": 61},
    "effort_level": {"value": 30, "baseline": 64},
}


def make_record(*codes: str, **values: Any) -> BriefingRecord:
    """The record of a card with some reasons; `values` stand in the place of the first one's."""
    reasons = [{"code": code, "text": code, **REASONS[code]} for code in codes]
    if values:
        reasons[0] |= values
    return read_reasons(reasons)
