"""One record per reason: what a list can say of a student, and what its sentence may mention.

The sentences are in `params/sentences.yml`. The catalogue is checked whole against these records
when parameters load, so that a reason without its sentence is found then, and not in the week that
needs it. A reason that may lead needs a sentence about a class as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Topic = Literal["attendance", "work", "marks", "activity", ""]
# What a fact is about: what is different in the last two weeks, what is open, what lies ahead, and
# results that are known and stay. Reasons are told in this order.
Kind = Literal["changed", "unfinished", "ahead", "background"]
KINDS: tuple[Kind, ...] = ("changed", "unfinished", "ahead", "background")


@dataclass(frozen=True)
class ReasonRecord:
    """A reason.

    Attributes:
        code: what stored records, sentences and parameters call it.
        kind: what a fact is about.
        topic: what a letter says of it; empty where it says nothing.
        mentions: the names that its sentence may use.
        worse: the side of what it is compared with that is worse; empty where it is not compared.
        apart: how much worse it must be to be told, in its own unit; only where no parameter says.
        level: whether it tells a level that is bad in itself, and so comes after what is new.
        rule: whether it lists a student whatever the urgency.
        component: whether it is a component of the risk score.
        metric: the metric that it compares with the student's own weeks before.
        short: whether it has a shorter sentence, too, for cards that would be too long.
        fact: the kind of fact (`fields.briefed`) that a language model may tell it as; empty where
            it is not for a model to tell.
        once: whether it is told in one week only, and so has a place on the card before others.
        covers: the codes that say the same with fewer numbers, and are not told beside it.
        repeats: the code of a reason with the same number, beside which this one comes last.
    """

    code: str
    kind: Kind
    topic: Topic
    mentions: frozenset[str]
    worse: Literal["above", "below", ""] = ""
    apart: float = 3.0
    level: bool = False
    rule: bool = False
    component: bool = False
    metric: str = ""
    fact: str = ""
    covers: tuple[str, ...] = ()
    short: bool = False
    once: bool = False
    repeats: str = ""

    @property
    def leads(self) -> bool:
        """Whether it can be the leading reason of a student, and so of a class."""
        return self.rule or self.component or self.code == "watchlist"


def _reason(code: str, kind: Kind, topic: Topic, mentions: str, **more: object) -> ReasonRecord:
    return ReasonRecord(code, kind, topic, frozenset(mentions.split()), **more)  # type: ignore[arg-type]


# fmt: off
_REASONS = (
    # Rules: news of a week.
    _reason("low_attendance", "changed", "attendance",
            "value baseline last_attended last_held usual weeks", rule=True,
            covers=("attendance_fall", "attendance_low"), short=True, fact="lectures_week"),
    _reason("no_work", "changed", "work", "value baseline missed", rule=True,
            covers=("nothing_handed_in",), fact="silent_days"),
    _reason("deadline", "ahead", "attendance", "value baseline needed rule", rule=True,
            covers=("attendance_standing", "out_of_reach_week"), fact="lectures_left"),
    _reason("similarity", "changed", "", "value baseline", rule=True),
    # What is different in the student's own last two weeks: components of the risk score, and
    # levels of this week that are bad in themselves.
    _reason("attendance_fall", "changed", "attendance",
            "value baseline last_attended last_held usual weeks", component=True,
            metric="weekly_att_pct", covers=("attendance_low",), short=True, fact="lectures_week"),
    _reason("academic_fall", "changed", "marks", "value baseline weeks", component=True,
            metric="academic_performance", short=True, fact="marks_fall"),
    _reason("effort_fall", "changed", "activity", "value baseline weeks", component=True,
            metric="effort_score", short=True, fact="activity_fall"),
    _reason("platform_silence", "changed", "activity", "value baseline weeks", component=True,
            metric="lms_active_days", fact="platform_fall"),
    _reason("out_of_reach", "changed", "attendance", "value baseline left rule",
            once=True, fact="lectures_so_far"),
    _reason("attendance_low", "changed", "attendance", "value baseline last_attended last_held",
            level=True, fact="lectures_week"),
    _reason("nothing_handed_in", "changed", "work", "value", level=True, fact="due_this_week"),
    _reason("no_activity", "changed", "activity", "weeks", level=True),
    # What is open.
    _reason("missed_work", "unfinished", "work", "value baseline names first more due",
            component=True, short=True, fact="not_in"),
    _reason("missed_work_counts", "unfinished", "work", "value baseline weeks",
            fact="not_in_count"),
    # What is ahead.
    _reason("attendance_standing", "ahead", "attendance", "value baseline needed rule",
            component=True, fact="lectures_left"),
    _reason("out_of_reach_week", "ahead", "attendance", "value baseline left rule",
            covers=("attendance_standing",), short=True, fact="pace"),
    # Results that are known and stay, told against the class.
    _reason("results_only", "background", "", "fact"),
    _reason("watchlist", "background", "", ""),
    _reason("academic_level", "background", "marks", "value baseline weeks", component=True,
            worse="below", short=True, fact="marks_class", repeats="academic_fall"),
    _reason("midterm_level", "background", "marks", "value baseline", worse="below",
            fact="midterm_class"),
    _reason("earlier_level", "background", "", "value baseline", worse="below",
            fact="earlier_class"),
    _reason("effort_level", "background", "activity", "value baseline", component=True,
            worse="below", fact="activity_class", repeats="effort_fall"),
    _reason("attendance_out_of_reach", "background", "attendance", "value baseline left rule",
            fact="lectures_so_far"),
    # What a forecast of an exam goes by: `forecast_` and a topic of the features.
    _reason("forecast_marks", "background", "marks", "value baseline", worse="below"),
    _reason("forecast_work", "unfinished", "work", "value baseline", worse="below"),
    _reason("forecast_promptness", "changed", "work", "value baseline", worse="above", apart=5),
    _reason("forecast_attendance", "changed", "attendance", "value baseline", worse="below"),
    _reason("forecast_activity", "changed", "activity", "value baseline", worse="below"),
    _reason("forecast_midterm", "background", "marks", "value baseline", worse="below"),
    _reason("forecast_earlier", "background", "", "value baseline", worse="below"),
    # What the watchlist goes by: `history_` and a column of its history.
    _reason("history_exam_avg_hist", "background", "marks", "value baseline", worse="below"),
    _reason("history_att_rate_hist", "background", "attendance", "value baseline", worse="below"),
    _reason("history_assn_rate_hist", "background", "work", "value baseline", worse="below"),
    _reason("history_max_plagiarism", "background", "", "value baseline", worse="above"),
    _reason("history_escalation_level", "background", "", "value baseline", worse="above", apart=1),
    _reason("history_hard_subject_count", "background", "", "value baseline", worse="above",
            apart=1),
)
# fmt: on
REASONS: dict[str, ReasonRecord] = {record.code: record for record in _REASONS}
RULES = tuple(record.code for record in _REASONS if record.rule)
COMPONENTS = tuple(record.code for record in _REASONS if record.component)


@dataclass(frozen=True)
class LetterFactRecord:
    """A kind of fact that a letter can tell its student.

    Attributes:
        kind: what the template of letters calls it.
        codes: the reasons that hold it.
        numbers: how many numbers of the reason it tells: none, the value, or the baseline too.
        below: whether it is told only where the value is below the baseline.
        work: which items of the reason it names instead: their kind, and whether they are open.
        halves: whether the numbers are lectures, of which some colleges count halves.
    """

    kind: str
    codes: tuple[str, ...]
    numbers: Literal[0, 1, 2] = 2
    below: bool = False
    work: tuple[str, bool] | None = None
    halves: bool = False


# The fact of a letter is the first of these that a student has. What can still be done comes first,
# then what happened last week. Scores, and comparisons with a class, are none of them.
LETTER_FACTS = (
    LetterFactRecord("open_work", ("missed_work",), work=("assignment", True)),
    # Attendance can have fallen over two weeks, of which the last was attended whole.
    LetterFactRecord(
        "lectures",
        ("low_attendance", "attendance_fall", "attendance_low"),
        below=True,
        halves=True,
    ),
    LetterFactRecord("closed_work", ("missed_work",), work=("assignment", False)),
    LetterFactRecord("week_work", ("nothing_handed_in",), 1),
    LetterFactRecord("days_without_work", ("no_work",)),
    LetterFactRecord("recent_work", ("missed_work_counts",)),
    LetterFactRecord("quiz", ("missed_work",), work=("quiz", False)),
    LetterFactRecord("marks", ("academic_fall", "academic_level"), 1),
    LetterFactRecord("result", ("midterm_level", "forecast_midterm"), 1),
    LetterFactRecord("platform", ("platform_silence",), 1),
    LetterFactRecord("silence", ("no_activity",), 0),
    LetterFactRecord("attendance", ("out_of_reach", "attendance_out_of_reach"), halves=True),
    LetterFactRecord("lectures_left", ("deadline", "attendance_standing"), halves=True),
)
