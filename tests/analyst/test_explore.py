"""What an analyst tries on a week that was read: other weights, without a database and without a trace."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from edumetrics.analysis.store import HISTORY_COLUMNS, Store
from edumetrics.analyst import explore, policy, queries
from edumetrics.college.findings import make_empty_findings
from edumetrics.college.terms import Term
from edumetrics.errors import SettingsError
from edumetrics.fields import COUNTED_FEEDS, RELATIONS, TABLES
from edumetrics.forecast.features import PRIOR
from edumetrics.forecast.in_use import Champion, ModelInUse
from edumetrics.inputs.week import Records, Week, WholeCollege
from edumetrics.params import Params, RiskWeights
from edumetrics.scoring.facts import Facts
from edumetrics.settings import Settings
from edumetrics.triage.situation import METRICS, Memory, build_thresholds
from edumetrics.workspace import Workspace
from tests.facts import complete
from tests.reports.builder import PARAMS

NUMBER, TERM = 6, "2026-01-05"
STUDENTS = ("idle", "poor", "half", "fine")
# Of the two assignments that fell due in week 6: how many each student handed in, and the marks.
DONE = {"idle": (0, 0.0), "poor": (2, 0.0), "half": (1, 100.0), "fine": (2, 200.0)}
ONLY_WORK = {**dict.fromkeys(RiskWeights.model_fields, 0.0), "missed_work": 1.0}


def empty(*columns: str, **types: str) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype=types.get(name, "object")) for name in columns})


def make_facts() -> Facts:
    """Four students who attended everything, and differ only in two assignments."""
    monday = pd.Timestamp(TERM)
    weeks = range(1, 19)
    items = pd.DataFrame(
        {"item_id": ["X", "Y"], "class_id": "C", "semester": 2, "subject_id": "S", "due_week": 6.0}
    )
    done = pd.DataFrame(
        [(student, "C", 2, 6.0, n, n, marks, monday + pd.Timedelta(days=36), n, marks, None)
         for student, (n, marks) in DONE.items() if n],
        columns=["student_id", "class_id", "semester", "week", "done", "marked", "mark_sum", "last_date", "judged",
                 "quality_sum", "similarity"],
    ).astype({"similarity": "float64", "last_date": "datetime64[us]"}).assign(known_by=monday + pd.Timedelta(days=41))  # fmt: skip
    return complete(
        week=NUMBER,
        students=pd.DataFrame(
            {"student_id": STUDENTS, "class_id": "C", "advisor_id": "A", "joined_on": pd.NaT, "withdrawn_on": pd.NaT}
        ).astype({"joined_on": "datetime64[us]", "withdrawn_on": "datetime64[us]"}),
        class_semesters=pd.DataFrame({"class_id": ["C"], "semester": [2]}),
        dates=pd.DataFrame({"class_id": "C", "semester": 2, "week": weeks, "week_date": [monday + pd.Timedelta(weeks=w - 1) for w in weeks]}),
        attendance=pd.DataFrame(
            [(student, "C", 2, week, 10, 10) for student in STUDENTS for week in range(1, 7)],
            columns=["student_id", "class_id", "semester", "week", "held", "present"],
        ),
        doubles=empty("student_id", "week", "class_id", week="int64"),
        assignments=items, quizzes=items.iloc[:0],
        assignments_done=done, quizzes_done=done.iloc[:0],
        extensions=empty("student_id", "item_id", "week"),
        excuses=None, enrolments=None,
        weekly={feed: empty("student_id", "semester", "week", *(c.metric for c in RELATIONS[feed].counts),
                            semester="int64", week="int64") for feed in COUNTED_FEEDS},
        midterms=empty("student_id", "score", "known_by", score="float64", known_by="datetime64[us]"),
    )  # fmt: skip


def make_week(params: Params) -> Week:
    """Week 6 as `weekly.load` returns it, of a workspace whose databases do not exist."""
    facts = make_facts()
    records = Records(
        facts=facts,
        history=empty(
            *HISTORY_COLUMNS,
            **{**dict.fromkeys(HISTORY_COLUMNS[1:], "float64"), "sem_week": "int64"},
        ),
        memory=Memory(
            lists=empty(
                "student_id",
                "sem_week",
                "within_capacity",
                "looked_after",
                sem_week="int64",
                within_capacity="bool",
                looked_after="bool",
            ),
            last=empty(*TABLES["weekly_flags"].computed),
            metrics=empty("student_id", *METRICS, **dict.fromkeys(METRICS, "float64")),
            watchlist=empty("student_id", "risk_probability_pct", "on_watchlist", "reasons"),
            contacts=empty("student_id", "sem_week", "kind", "until", sem_week="int64"),
            cards=empty("student_id", "sem_week", "reasons", sem_week="int64"),
            recorded=pd.Series(dtype="object"),
            scores=empty(
                "student_id",
                "sem_week",
                "risk_score",
                "p_fail",
                sem_week="int64",
                risk_score="float64",
                p_fail="float64",
            ),
        ),
        prior=empty("student_id", *PRIOR, **dict.fromkeys(PRIOR, "float64")),
        subjects=pd.DataFrame(),
        findings=make_empty_findings(),
    )
    nowhere = "sqlite:////nowhere/at/all.db"
    workspace = Workspace(Settings(Path("/nowhere"), "native", nowhere, nowhere), params, Store(nowhere))  # fmt: skip
    return Week(
        workspace=workspace, term=TERM, number=NUMBER,
        whole=Term(TERM, facts.class_semesters, facts.dates, True, frozenset({2})),
        places=empty("student_id", "sem_week"), later_half=True, champion=Champion(), subject_model=ModelInUse(),
        thresholds=build_thresholds(params.triage.list_at, params.triage), next_thresholds=None,
        health=make_empty_findings(), names=empty("student_id", "name", "roll_number"),
        advisors=empty("advisor_id", "name", "email", "class_id"), replay=False, parts=(WholeCollege(records),),
    )  # fmt: skip


@pytest.fixture
def week() -> Week:
    """A week in which only missed work counts: idle has 100, half 50, and the others 0."""
    scoring = PARAMS.scoring.model_copy(update={"risk_weights": RiskWeights(**ONLY_WORK)})
    return make_week(PARAMS.model_copy(update={"scoring": scoring}))


def read_moves(table: pd.DataFrame) -> list[tuple[str, float, float, str]]:
    columns = ["student_id", "risk_score", "reweighed", "change"]
    return [(one, now, round(then, 1), change) for one, now, then, change in table[columns].to_numpy()]  # fmt: skip


def test_other_weights_move_students_over_the_threshold(week: Week) -> None:
    """Where only marks count, 55 is the level: poor has 0 of it, half is 5 points below."""
    moved = explore.compare_weights(week, missed_work=0, academic_level=1)
    assert read_moves(moved) == [("poor", 0.0, 100.0, "joins"), ("half", 50.0, 9.1, "leaves")]
    assert moved["class_id"].tolist() == ["C", "C"]


def test_only_proportions_of_weights_count(week: Week) -> None:
    assert explore.compare_weights(week, missed_work=60).empty


def test_the_largest_difference_comes_first(week: Week) -> None:
    """Where work and marks count alike, half has the mean of 50 and 9.1, and poor that of 0 and 100."""
    moved = explore.compare_weights(week, missed_work=1, academic_level=1)
    assert read_moves(moved) == [("poor", 0.0, 50.0, "joins"), ("half", 50.0, 29.5, "leaves")]


def test_the_threshold_is_the_colleges_own(week: Week) -> None:
    params = week.workspace.params
    strict = params.triage.model_copy(update={"list_at": 55.0})
    other = replace(week.workspace, params=params.model_copy(update={"triage": strict}))
    moved = explore.compare_weights(replace(week, workspace=other), missed_work=0, academic_level=1)
    assert read_moves(moved) == [("poor", 0.0, 100.0, "joins")]


def test_a_trial_changes_nothing_of_the_week(week: Week) -> None:
    before = week.workspace.params.hash_values()
    explore.compare_weights(week, missed_work=0, academic_level=1)
    assert week.workspace.params.hash_values() == before


@pytest.mark.parametrize(
    ("weights", "why"),
    [
        ({"colour": 3.0}, "colour: Extra inputs are not permitted; the weights are attendance_stan"),
        ({"missed_work": -1.0}, "missed_work: Input should be greater than or equal to 0; the wei"),
        ({"missed_work": float("nan")}, "missed_work: "),
        ({"missed_work": float("inf")}, "The weights must be finite numbers, and at least one"),
        ({"missed_work": 0.0}, "The weights must be finite numbers, and at least one"),
    ],
)  # fmt: skip
def test_weights_without_a_meaning_are_refused(
    weights: dict[str, float], why: str, week: Week
) -> None:
    with pytest.raises(SettingsError) as refused:
        explore.compare_weights(week, **weights)
    assert str(refused.value).startswith(why)


def test_a_week_says_in_a_line_what_it_is(week: Week) -> None:
    assert repr(week) == "Week(term 2026-01-05, week 6, students listed 0)"
    assert not week.forecasts


@pytest.mark.parametrize("tier", ["grave", "", " "])
def test_a_tier_that_does_not_exist_is_refused_before_anything_is_read(tier: str) -> None:
    store = Store("sqlite:////nowhere/at/all.db")
    with pytest.raises(SettingsError, match=r"the tiers are critical \(Urgent\), high"):
        queries.flagged(tier=tier, store=store)


def test_a_label_that_does_not_exist_is_refused_before_anything_is_read() -> None:
    store = Store("sqlite:////nowhere/at/all.db")
    with pytest.raises(SettingsError, match=r"no label sure: the labels are LOW, MEDIUM, HIGH\."):
        queries.risk_of_failing(label="sure", store=store)


def test_the_grid_that_analysts_see_has_the_shipped_share_and_capacity() -> None:
    assert PARAMS.triage.list_share in policy.SHARES
    assert PARAMS.triage.capacity in policy.CAPACITIES
