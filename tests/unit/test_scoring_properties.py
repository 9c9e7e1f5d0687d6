"""What must hold for every college: bounds, monotonicity, order of rows, and replay."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import betabinom

from edumetrics.fields import COUNTED_FEEDS, RELATIONS, WEEKLY_METRICS
from edumetrics.params import Calendar, Scoring
from edumetrics.scoring import attendance, weekly
from edumetrics.scoring.facts import Facts
from edumetrics.scoring.signals import compute_weighted_mean
from tests.colleges import HISTORY
from tests.facts import complete

WEEK, STUDENTS = 6, ("a", "b", "c")
START = pd.Timestamp("2026-01-05")
CALENDAR, SCORING = Calendar(), Scoring()
counts = st.integers(0, 5)
percents = st.one_of(st.none(), st.floats(0, 100))


@st.composite
def registers(draw: st.DrawFn) -> pd.DataFrame:
    rows = []
    for student in STUDENTS:
        for week in range(1, WEEK + 1):
            held = draw(counts)
            rows.append((student, "C", 2, week, held, draw(st.integers(0, held))))
    return pd.DataFrame(
        rows, columns=["student_id", "class_id", "semester", "week", "held", "present"]
    )


@st.composite
def works(draw: st.DrawFn, kind: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    weeks = draw(st.lists(st.integers(1, WEEK + 2), max_size=6))
    items = pd.DataFrame(
        {
            "item_id": [f"{kind}{n}" for n in range(len(weeks))], "class_id": "C", "semester": 2, "subject_id": "S",
            "due_week": pd.Series(weeks, dtype="float64"),
        }
    ).astype({"item_id": "str", "class_id": "str", "subject_id": "str"})  # fmt: skip
    rows = []
    for student in STUDENTS:
        for week in sorted(set(weeks)):
            done = draw(st.integers(0, weeks.count(week)))
            marked, judged = draw(st.integers(0, done)), draw(st.integers(0, done))
            marks = sum(draw(st.floats(0, 100)) for _ in range(marked))
            quality = sum(draw(st.floats(0, 100)) for _ in range(judged))
            day = START + pd.Timedelta(days=draw(st.integers(0, 7 * WEEK - 1)))
            if done:
                rows.append(
                    (
                        student,
                        "C",
                        2,
                        float(week),
                        done,
                        marked,
                        marks,
                        day,
                        judged,
                        quality,
                        draw(percents),
                    )
                )
    names = [
        "student_id",
        "class_id",
        "semester",
        "week",
        "done",
        "marked",
        "mark_sum",
        "last_date",
        "judged",
        "quality_sum",
        "similarity",
    ]
    done_frame = pd.DataFrame(rows, columns=names).astype(
        {"similarity": "float64", "last_date": "datetime64[us]"}
    )
    return items, done_frame.assign(known_by=START + pd.Timedelta(days=7 * WEEK - 1))


@st.composite
def feeds(draw: st.DrawFn, feed: str) -> pd.DataFrame:
    metrics = [count.metric for count in RELATIONS[feed].counts]
    rows = [
        (s, 2, w, *(draw(st.integers(0, 90)) for _ in metrics))
        for s in STUDENTS
        for w in range(1, WEEK + 1)
        if draw(st.booleans())
    ]
    return pd.DataFrame(rows, columns=["student_id", "semester", "week", *metrics])


@st.composite
def histories(draw: st.DrawFn) -> pd.DataFrame:
    rows = [
        (s, w, draw(percents), draw(percents), draw(percents), draw(st.integers(0, 7)))
        for s in STUDENTS
        for w in range(1, WEEK)
    ]
    return pd.DataFrame(rows, columns=HISTORY).astype(dict.fromkeys(HISTORY[2:], "float64"))


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    assignments, quizzes = draw(works("A")), draw(works("Q"))
    weeks = range(1, 19)
    return complete(
        week=WEEK,
        students=pd.DataFrame(
            {"student_id": STUDENTS, "class_id": "C", "advisor_id": None, "joined_on": pd.NaT, "withdrawn_on": pd.NaT}
        ).astype({"joined_on": "datetime64[us]", "withdrawn_on": "datetime64[us]"}),
        class_semesters=pd.DataFrame({"class_id": ["C"], "semester": [2]}),
        dates=pd.DataFrame({"class_id": "C", "semester": 2, "week": weeks, "week_date": [START + pd.Timedelta(weeks=w - 1) for w in weeks]}),
        attendance=draw(registers()),
        doubles=pd.DataFrame({"student_id": pd.Series(dtype="str"), "week": pd.Series(dtype="int64"), "class_id": pd.Series(dtype="str")}),
        assignments=assignments[0],
        quizzes=quizzes[0],
        assignments_done=assignments[1],
        quizzes_done=quizzes[1],
        extensions=pd.DataFrame({"student_id": [], "item_id": [], "week": []}),
        excuses=None,
        enrolments=None,
        weekly={feed: draw(feeds(feed)) for feed in COUNTED_FEEDS},
        midterms=pd.DataFrame({"student_id": pd.Series(dtype="str"), "score": pd.Series(dtype="float64"), "known_by": pd.Series(dtype="datetime64[us]")}),
    )  # fmt: skip


def metrics(of: Facts, history: pd.DataFrame) -> pd.DataFrame:
    return weekly.compute_metrics(of, history, CALENDAR, SCORING)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(facts(), histories())
def test_every_value_is_within_its_bounds(college: Facts, history: pd.DataFrame) -> None:
    frame = metrics(college, history)
    for name in frame.columns:
        field = WEEKLY_METRICS[name]
        values = frame[name].dropna()
        if field.low is not None:
            assert (values >= field.low - 1e-9).all(), name
        if field.high is not None:
            assert (values <= field.high + 1e-9).all(), name
        if not field.null:
            assert len(values) == len(frame), f"{name} is never null"


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(facts(), histories(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(
    college: Facts, history: pd.DataFrame, random: object
) -> None:
    seed = random.randrange(2**31)  # type: ignore[attr-defined]
    shuffled = {
        field.name: value.sample(frac=1, random_state=seed)
        for field in fields(college)
        if isinstance(value := getattr(college, field.name), pd.DataFrame)
        and field.name != "class_semesters"
    }
    again = metrics(replace(college, **shuffled), history.sample(frac=1, random_state=seed))
    pd.testing.assert_frame_equal(again, metrics(college, history), rtol=1e-12)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(facts(), histories(), st.integers(1, WEEK))
def test_attending_one_lecture_more_never_lowers_a_score(
    college: Facts, history: pd.DataFrame, week: int
) -> None:
    more = college.attendance.copy()
    at = (more["student_id"] == "a") & (more["week"] == week)
    more.loc[at, "present"] = np.minimum(more.loc[at, "present"] + 1, more.loc[at, "held"])
    before, after = (
        metrics(f, history).iloc[0] for f in (college, replace(college, attendance=more))
    )
    for name in ("effort_score", "weekly_att_pct", "overall_att_pct", "lectures_can_miss"):
        assert not after[name] < before[name] - 1e-9, name
    for name in ("lectures_to_attend", "risk_of_detention"):
        assert not after[name] > before[name] + 1e-7, name


@given(
    st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n))),
    st.floats(0.05, 9), st.floats(0.05, 9),
)  # fmt: skip
def test_the_beta_binomial_agrees_with_scipy(
    kn: tuple[int, int], alpha: float, beta: float
) -> None:
    k, n = (np.array([value]) for value in kn)
    ours = attendance.compute_beta_binomial_cdf(k, n, np.array([alpha]), np.array([beta]))[0]
    assert np.isclose(ours, betabinom.cdf(kn[0], kn[1], alpha, beta), rtol=1e-7, atol=1e-10)


@given(st.lists(st.tuples(percents, st.floats(0, 50)), min_size=1, max_size=6))
def test_an_absent_signal_changes_nothing(signals: list[tuple[float | None, float]]) -> None:
    values = {
        str(n): np.array([np.nan if value is None else value])
        for n, (value, _) in enumerate(signals)
    }
    weights = {str(n): weight for n, (_, weight) in enumerate(signals)}
    mean, coverage = compute_weighted_mean(values, weights)
    present = {name: array for name, array in values.items() if not np.isnan(array[0])}
    if present:
        alone, _ = compute_weighted_mean(present, {name: weights[name] for name in present})
        assert np.isclose(mean[0], alone[0], equal_nan=True)
    else:
        assert np.isnan(mean[0])
        assert coverage[0] == 0
