"""One record per reason: what a list can say of a student, and what its sentence may mention.

The sentences are in `params/sentences.yml`. The catalogue is checked whole against these records
when parameters load, so that a reason without its sentence is found then, and not in the week that
needs it. A reason that may lead needs a sentence about a class as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Topic = Literal["attendance", "work", "marks", "activity", ""]
# What a fact is about: what is different in the last weeks, what is open, what lies ahead, and
# results that are known and stay.
Kind = Literal["changed", "unfinished", "ahead", "background"]
# The code of a rule in the week after it fired has this ending.
LAST_WEEK = "_last_week"


@dataclass(frozen=True)
class ReasonRecord:
    """A reason.

    Attributes:
        code: what stored records, sentences and parameters call it.
        kind: what a fact is about.
        topic: what a letter says of it; empty where it says nothing.
        mentions: the names that its sentence may use.
        worse: the side of what it is compared with that is worse; empty where it is not compared.
        apart: how much worse it must be to be told, in its own unit.
        versus_class: whether it is compared with the class.
        rule: whether it lists a student whatever the score.
        component: whether it is a component of the risk score.
        metric: the metric that it compares with the student's own weeks before.
        says: reasons with one name here say one thing, which readers are told once.
        on_card: whether it stands in the line of what lies ahead on a card, in this order.
        deadline: whether it says how far the attendance rule is away.
        early: whether it puts students on the list in the first weeks.
    """

    code: str
    kind: Kind
    topic: Topic
    mentions: frozenset[str]
    worse: Literal["above", "below", ""] = ""
    apart: float = 3.0
    versus_class: bool = False
    rule: bool = False
    component: bool = False
    metric: str = ""
    says: str = ""
    on_card: bool = False
    deadline: bool = False
    early: bool = False

    @property
    def leads(self) -> bool:
        """Whether it can be the leading reason of a student, and so of a class."""
        return self.rule or self.component or self.code == "watchlist"


def _reason(code: str, kind: Kind, topic: Topic, mentions: str, **more: object) -> ReasonRecord:
    return ReasonRecord(code, kind, topic, frozenset(mentions.split()), **more)  # type: ignore[arg-type]


_OUT = "out of reach"
# fmt: off
_REASONS = (
    # Rules: each has a sentence for the week in which it fires, and one for the week after.
    _reason("low_attendance", "changed", "attendance", "value baseline", worse="below", rule=True),
    _reason("low_attendance_last_week", "changed", "attendance", "value baseline week"),
    _reason("no_work", "unfinished", "work", "value baseline", worse="above", rule=True),
    _reason("no_work_last_week", "unfinished", "work", "value baseline week"),
    _reason("out_of_reach", "changed", "attendance", "value baseline left rule", rule=True,
            says=_OUT),
    _reason("out_of_reach_last_week", "changed", "attendance", "value baseline week rule",
            says=_OUT),
    _reason("similarity", "changed", "", "value baseline", worse="above", rule=True),
    _reason("similarity_last_week", "changed", "", "value baseline week"),
    # Components of the risk score, some with sentences for special cases.
    _reason("attendance_standing", "ahead", "attendance", "value baseline needed rule",
            component=True, on_card=True, deadline=True),
    _reason("attendance_out_of_reach", "background", "attendance", "value baseline left rule",
            says=_OUT, on_card=True, deadline=True),
    _reason("attendance_met", "background", "attendance", "value baseline rule"),
    _reason("academic_level", "background", "marks", "value baseline weeks", component=True,
            worse="below", versus_class=True),
    _reason("academic_level_alone", "background", "marks", "value weeks"),
    _reason("missed_work", "unfinished", "work", "value baseline weeks", component=True),
    _reason("missed_work_all", "unfinished", "work", "value baseline weeks"),
    _reason("missed_work_only", "unfinished", "work", "value baseline weeks"),
    _reason("attendance_fall", "changed", "attendance", "value baseline weeks", component=True,
            worse="below", metric="weekly_att_pct"),
    _reason("effort_level", "changed", "activity", "value baseline", component=True,
            worse="below", versus_class=True),
    _reason("effort_fall", "changed", "activity", "value baseline weeks", component=True,
            worse="below", metric="effort_score"),
    _reason("academic_fall", "changed", "marks", "value baseline weeks", component=True,
            worse="below", metric="academic_performance"),
    _reason("platform_silence", "changed", "activity", "value baseline weeks", component=True,
            worse="below", metric="lms_active_days"),
    # What the forecast goes by, where it ranks: `forecast_` and a topic of the features.
    _reason("out_of_reach_week", "ahead", "attendance", "value missed held weeks rule",
            on_card=True),
    _reason("forecast", "background", "", "value", on_card=True),
    _reason("forecast_drift", "background", "", "value", on_card=True),
    _reason("forecast_marks", "background", "marks", "value baseline", worse="below",
            versus_class=True),
    _reason("forecast_work", "unfinished", "work", "value baseline", worse="below",
            versus_class=True),
    _reason("forecast_promptness", "changed", "work", "value baseline", worse="above", apart=5,
            versus_class=True),
    _reason("forecast_attendance", "changed", "attendance", "value baseline", worse="below",
            versus_class=True),
    _reason("forecast_activity", "changed", "activity", "value baseline", worse="below",
            versus_class=True),
    _reason("forecast_midterm", "background", "marks", "value baseline", worse="below",
            versus_class=True),
    _reason("forecast_earlier", "background", "", "value baseline", worse="below",
            versus_class=True),
    # What the watchlist goes by: `history_` and a column of its history.
    _reason("history_exam_avg_hist", "background", "marks", "value baseline", worse="below"),
    _reason("history_att_rate_hist", "background", "attendance", "value baseline", worse="below"),
    _reason("history_assn_rate_hist", "background", "work", "value baseline", worse="below"),
    _reason("history_max_plagiarism", "background", "", "value baseline", worse="above"),
    _reason("history_escalation_level", "background", "", "value baseline", worse="above", apart=1),
    _reason("history_hard_subject_count", "background", "", "value baseline", worse="above",
            apart=1),
    # The student and the list.
    _reason("watchlist", "background", "", "", early=True),
    _reason("early_signal", "background", "", "value", early=True),
    _reason("weeks_on_list", "background", "", "value baseline"),
    _reason("raised", "background", "", "value baseline"),
    _reason("returned", "background", "", "value"),
    _reason("since_attendance", "changed", "", "value baseline week"),
    _reason("since_marks", "changed", "", "value baseline week"),
    _reason("since_activity", "changed", "", "value baseline week"),
    _reason("since_nothing", "background", "", "week"),
    # What is ahead.
    _reason("open_work", "unfinished", "", "value weeks", on_card=True),
    _reason("midterm", "ahead", "", "value baseline"),
    _reason("endterm", "ahead", "", "value baseline"),
)
# fmt: on
REASONS: dict[str, ReasonRecord] = {record.code: record for record in _REASONS}
RULES = tuple(record.code for record in _REASONS if record.rule)
COMPONENTS = tuple(record.code for record in _REASONS if record.component)
