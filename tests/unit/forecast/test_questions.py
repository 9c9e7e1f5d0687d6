"""Exam scores, subjects, the watchlist, drift, and the review: each tried where the answer is known."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from edumetrics.analysis import rollback
from edumetrics.batch import backfill, pipeline, progress, schedule
from edumetrics.database import create_writable_engine
from edumetrics.errors import SettingsError
from edumetrics.fields import FEATURES
from edumetrics.forecast import (
    backtest,
    drift,
    explain,
    fairness,
    measures,
    scorecard,
    scores,
    subjects,
    watchlist,
)
from edumetrics.forecast.contest import run_contest
from edumetrics.forecast.models import calibrate, fit_all
from edumetrics.inputs import terms
from edumetrics.params import Calendar, Forecast, Triage
from edumetrics.simulator import generate, write
from edumetrics.stages import post_exam, pre_exam, pre_semester, weekly
from edumetrics.workspace import Workspace
from tests.conftest import point_at, workspace_at
from tests.unit.forecast.test_forecast import made_up
from tests.unit.triage.test_flags import run_week

SETTINGS = Forecast(trees=30, least_students=20, least_fails=5)
NOW = "2026-01-05"


def exam_rows(students: int, seed: int, *, known_history: bool = True) -> pd.DataFrame:
    """Two weeks before an exam whose score depends on the marks so far, on last semester's mean, and on chance."""
    chance = np.random.default_rng(seed)
    ability, form = chance.normal(0, 8, students), chance.normal(0, 6, students)
    rows = []
    for week in (6, 7):
        part = pd.DataFrame({name: chance.normal(size=students) for name in FEATURES})
        part["mark_with_zeros"] = 60 + 0.5 * ability + chance.normal(0, 8, students)
        part["prior_mean"] = (
            52 + ability + chance.normal(0, 4, students) if known_history else np.nan
        )
        ids = {
            "student_id": [f"s{seed}-{n}" for n in range(students)],
            "class_id": [f"c{n % 6}" for n in range(students)],
        }
        rows.append(part.assign(**ids, sem_week=week, score=52 + ability + form))
    return pd.concat(rows, ignore_index=True)


def test_contributions_of_every_model_add_up_to_its_log_odds() -> None:
    rows = made_up(300, 11)
    failed = rows["failed"].to_numpy("float64")
    for name, model in fit_all(rows, failed, SETTINGS).items():
        one = calibrate(model, rows, failed, model.predict_logit(rows) - 0.4)
        parts = explain.compute_contributions(one, rows)
        np.testing.assert_allclose(
            parts.sum(axis=1), one.predict_logit(rows), atol=1e-6, err_msg=name
        )
        topics = explain.sum_by_topic(parts)
        untold = (
            parts[[f for f, feature in FEATURES.items() if not feature.topic]].sum(axis=1)
            + parts["base"]
        )
        np.testing.assert_allclose(
            sum(topics.values()) + untold, one.predict_logit(rows), atol=1e-6
        )
    low = rows["mark_gap"] < rows["mark_gap"].quantile(0.1)
    assert (topics["marks"][low] > 0).mean() > 0.95, "low marks raise the chance of failing"


def test_a_predicted_range_holds_four_times_in_five_on_the_next_term() -> None:
    tried = run_contest(scores.build_question("midterm", SETTINGS), {"1": exam_rows(600, 1)})
    assert tried is not None
    assert tried.model is not None
    new = exam_rows(600, 2)
    said = tried.model.predict(new, 40)
    held = new["score"].between(said["low"], said["high"]).mean()
    assert 0.76 <= held <= 0.84
    assert said["p_fail"].mean() == pytest.approx((new["score"] < 40).mean(), abs=0.03)
    ours, marks = (
        tried.measured[name].by_week["mae"].mean() for name in ("linear", "marks so far")
    )
    assert ours < 0.8 * marks


def test_last_semester_counts_as_studies_say_until_a_term_has_taught_the_model() -> None:
    tried = run_contest(
        scores.build_question("midterm", SETTINGS), {"1": exam_rows(600, 3, known_history=False)}
    )
    assert tried is not None
    assert tried.model is not None
    assert not tried.model.knows_history
    new = exam_rows(600, 4)
    unknown = tried.model.predict(new.assign(prior_mean=np.nan), 40)
    known = tried.model.predict(new, 40)
    errors = [(said["predicted"] - new["score"]).abs().mean() for said in (known, unknown)]
    assert errors[0] < 0.9 * errors[1]
    assert new["score"].between(known["low"], known["high"]).mean() > 0.76
    few = new.head(10)
    np.testing.assert_allclose(
        tried.model.predict(few, 40)["predicted"],
        tried.model.predict(few.assign(prior_mean=np.nan), 40)["predicted"],
    )


@pytest.mark.parametrize("follows", [0.0, 0.2, 0.9], ids=["unrelated", "weak", "strong"])
def test_an_assumption_that_does_not_fit_never_makes_a_range_a_point(follows: float) -> None:
    tried = run_contest(
        scores.build_question("midterm", SETTINGS), {"1": exam_rows(600, 3, known_history=False)}
    )
    assert tried is not None
    assert tried.model is not None
    new = exam_rows(600, 4)
    chance = np.random.default_rng(1)
    value = tried.model.linear.predict_value(new)
    noise = chance.normal(0, value.std(), len(new))
    new["prior_mean"] = 50 + follows * (value - value.mean()) + (1 - follows) * noise
    said = tried.model.predict(new, 40)
    plain = tried.model.predict(new.assign(prior_mean=np.nan), 40)
    assert (said["high"] - said["low"]).median() > 0.6 * (plain["high"] - plain["low"]).median()
    parts = tried.model.compute_contributions(new)
    inside = said["predicted"].between(0.01, 99.99)
    np.testing.assert_allclose(parts.sum(axis=1)[inside], said["predicted"][inside], atol=1e-6)


def test_classes_in_which_everyone_came_out_alike_are_no_trouble() -> None:
    rows = made_up(100, 21, weeks=(4, 5)).assign(
        class_id=lambda r: np.where(r["failed"], "all failed", "none failed")
    )
    assert run_contest(backtest.build_question(SETTINGS, Triage()), {"t": rows}) is not None
    subject = subject_rows(200, 22)
    subject["class_id"] = np.where(subject["failed"], "f", "p")
    assert run_contest(subjects.build_question(SETTINGS), {"t": subject}) is not None
    assert (
        run_contest(
            scores.build_question("midterm", SETTINGS), {"t": exam_rows(60, 23).assign(score=50.0)}
        )
        is not None
    )


@pytest.mark.parametrize("students", [60, 120, 600])
def test_chance_alone_is_no_drift(students: int) -> None:
    known = drift.compute_reference(made_up(students, 31))
    said = [
        drift.describe_drift(drift.compute_stability(known, made_up(students, seed, weeks=(4,)), 4))
        for seed in range(40, 60)
    ]
    assert said.count("") >= 19


def test_without_a_past_exam_marks_so_far_are_the_prediction_with_a_wide_range() -> None:
    said = scores.predict_baseline(pd.DataFrame({"mark_with_zeros": [70.0, 95.0, np.nan]}), 40)
    assert said["predicted"].tolist() == [70, 95, 40]
    assert said["high"].tolist() == [95, 100, 65]
    # A normal distribution of which 80% lie within 25 points: 70 is 1.54, 95 is 2.82 deviations up.
    np.testing.assert_allclose(said["p_fail"], [0.0621, 0.0024, np.nan], atol=1e-4)
    assert run_contest(scores.build_question("midterm", SETTINGS), {}) is None
    assert run_contest(scores.build_question("midterm", SETTINGS), {"1": exam_rows(10, 5)}) is None


def test_a_rough_chance_is_the_part_of_the_range_s_distribution_below_the_pass_mark() -> None:
    """Four in five scores lie within 25 points: one in ten above, one in ten below."""
    said = scores.estimate_chance(np.array([40.0, 65.0, 15.0, np.nan]), 40)
    np.testing.assert_allclose(said, [0.5, 0.1, 0.9, np.nan], atol=1e-12)


def subject_rows(students: int, seed: int) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    rows = []
    for subject in ("easy", "hard"):
        logit = chance.normal(-1, 1, students)
        own = pd.DataFrame(
            {name: chance.normal(size=students) for name in subjects.COLUMNS}
        ).assign(logit=logit)
        fails = logit - own["mark_gap"] + (1.0 if subject == "hard" else -9.0)
        own["failed"] = chance.random(students) < 1 / (1 + np.exp(-fails))
        ids = {
            "student_id": [f"s{seed}-{n}" for n in range(students)],
            "class_id": [f"c{n % 4}" for n in range(students)],
        }
        rows.append(
            own.assign(
                **ids, subject_id=subject, sem_week=5, fail_rate=0.4 if subject == "hard" else 0.001
            )
        )
    return pd.concat(rows, ignore_index=True)


def test_a_subject_that_nobody_failed_is_no_trouble_and_its_past_tells() -> None:
    rows = subject_rows(400, 6)
    assert rows.loc[rows["subject_id"] == "easy", "failed"].sum() <= 1
    tried = run_contest(subjects.build_question(SETTINGS), {"1": rows})
    assert tried is not None
    assert tried.model is not None
    logit = tried.model.predict_logit(rows)
    assert logit[rows["subject_id"] == "easy"].max() < logit[rows["subject_id"] == "hard"].mean()
    auc = {name: found.by_week["auc"].mean() for name, found in tried.measured.items()}
    assert auc["subject"] > auc["student only"] + 0.05
    assert subjects.label_risk(np.array([0.0, 0.349, 0.35, 0.599, 0.6])).tolist() == [
        "LOW",
        "LOW",
        "MEDIUM",
        "MEDIUM",
        "HIGH",
    ]
    assert run_contest(subjects.build_question(SETTINGS), {"1": rows.assign(failed=False)}) is None


def test_the_watchlist_goes_by_the_exams_until_two_terms_are_complete() -> None:
    chance = np.random.default_rng(7)
    rows = pd.DataFrame({name: chance.normal(50, 12, 500) for name in watchlist.HISTORY}).assign(
        class_id="X"
    )
    rows["failed"] = 0.67 * (rows["exam_avg_hist"] - 50) + chance.normal(0, 9, 500) < -10
    p = watchlist.predict_chance(rows, 40, None)
    assert p.mean() == pytest.approx(rows["failed"].mean(), abs=0.04)
    top = rows["failed"].to_numpy()[np.argsort(-p)[:100]].sum() / rows["failed"].sum()
    assert top > 0.4, "twice its share"
    tried = run_contest(
        watchlist.build_question(40, SETTINGS),
        {"1": rows.assign(student_id=range(500)), "2": rows.assign(student_id=range(500))},
    )
    assert tried is not None
    assert tried.measured["history"].by_week["auc"].iloc[0] > 0.75
    alone = watchlist.predict_chance(
        pd.DataFrame({name: [np.nan] for name in watchlist.HISTORY}), 40, None
    )
    assert np.isnan(alone).all(), "where no exam is known nothing is said"


def test_drift_is_seen_and_its_absence_too() -> None:
    rows = made_up(500, 8)
    known = drift.compute_reference(rows)
    same = made_up(500, 9)
    assert (
        drift.describe_drift(drift.compute_stability(known, same[same["sem_week"] == 4], 4)) == ""
    )
    moved = same.assign(mark=same["mark"] + 2, attendance=same["attendance"] - 2, late=np.nan)
    index = drift.compute_stability(known, moved[moved["sem_week"] == 4], 4)
    assert set(index.index[:3]) == {"mark", "attendance", "late"}
    assert drift.describe_drift(index).startswith("3 of the ")
    assert drift.compute_stability(known, rows, 99).empty


def test_measures_of_reliability_and_groups_by_hand() -> None:
    table = measures.compute_reliability(np.array([0.1, 0.9]), np.array([0.0, 1.0]))
    assert table.to_dict("list") == {"forecast": [0.1, 0.9], "happened": [0.0, 1.0], "n": [1, 1]}
    rows = pd.DataFrame({"group": ["F"] * 20 + ["M"] * 20 + ["X"] * 9})
    rows["failed"] = [True] * 10 + [False] * 10 + [True] * 10 + [False] * 10 + [True] * 9
    rows["flagged"] = [True] * 10 + [False] * 39
    rows["p"] = 0.5
    found = fairness.measure_groups(rows).set_index("group")
    assert list(found.index) == ["F", "M"], "a group of nine is not reported"
    assert found.loc["F", ["flag_rate", "miss_rate"]].tolist() == [0.5, 0.0]
    assert found.loc["M", ["flag_rate", "miss_rate"]].tolist() == [0.0, 1.0]
    assert found.loc["M", "miss_rate_low"] == pytest.approx(0.722, abs=0.001), (
        "Wilson's interval of 10 of 10"
    )
    said = fairness.describe_differences(found.reset_index())
    assert "differ by 100 points, more than chance explains" in said[1]
    assert "which may be chance" in said[2]
    assert (
        "nothing can be said"
        in fairness.describe_differences(fairness.measure_groups(rows.head(20)))[0]
    )


def test_the_scorecard_by_hand() -> None:
    rows = pd.DataFrame(
        {
            "student_id": list("abcd"), "class_id": ["X", "X", "Y", "Y"], "semester": 1,
            "predicted": [50.0, 40, 60, np.nan], "actual": [45.0, 55, 61, 30],
            "verdict": ["within", "above", "within", None],
            "failed": pd.array([True, False, False, True], dtype="boolean"), "weeks_flagged": [3, 2, 0, 0],
        }
    )  # fmt: skip
    rows["residual"] = rows["actual"] - rows["predicted"]
    card = scorecard.measure_classes(rows).set_index("class_id")
    whole = card.loc["all"]
    assert (whole["students"], whole["results"], whole["failed"]) == (4, 4, 2)
    assert whole["mae"] == pytest.approx((5 + 15 + 1) / 3)
    assert (whole["in_range"], whole["listed"], whole["false_alarms"]) == (
        pytest.approx(2 / 3),
        0.5,
        1.0,
    )
    assert np.isnan(card.loc["Y", "false_alarms"]), "nobody listed failed"
    flags = pd.DataFrame(
        {"student_id": ["a", "b"], "sem_week": [4, 5], "within_capacity": [True, False]}
    )
    contacts = pd.DataFrame({"student_id": ["b", "b"], "kind": ["talked", "wrong flag"]})
    kinds = scorecard.count_errors(rows, flags, contacts).set_index("kind")
    assert kinds["students"].to_dict() == {
        scorecard.MISSED: 1,
        scorecard.OUTSIDE: 0,
        scorecard.REACHED: 1,
        scorecard.ALARM: 1,
    }
    assert kinds.loc[scorecard.ALARM, ["contacted", "wrong_flag"]].tolist() == [1, 1]
    assert (
        scorecard.compute_lead_time(
            flags, rows[["student_id", "failed"]].astype({"failed": bool}), 8
        )
        == 4
    )
    assert scorecard.compare_lists(
        rows.head(0).assign(sem_week=[]),
        flags,
        rows[["student_id", "failed"]],
        Triage(),
        Forecast(),
    ).empty


# ------------------------------------------------------------ on the demo college


def test_the_demo_colleges_midterm_was_predicted(demo: Workspace) -> None:
    review = demo.store.read("exam_review", term=NOW, exam_type="midterm").dropna(
        subset=["residual"]
    )
    features = demo.store.read("weekly_features", term=NOW, sem_week=7).set_index("student_id")
    so_far = (
        (features["mark_with_zeros"].reindex(review["student_id"]).to_numpy() - review["actual"])
        .abs()
        .mean()
    )
    assert review["residual"].abs().mean() < 0.8 * so_far
    assert 0.7 < (review["verdict"] == "within").mean() < 0.9
    said = demo.store.read("pre_mid_term", term=NOW, sem_week=7).set_index("student_id")
    mine = said.loc[review["student_id"]]
    np.testing.assert_allclose(mine["predicted_midterm_score"], review["predicted"])
    assert (
        (mine["low"] <= mine["predicted_midterm_score"])
        & (mine["predicted_midterm_score"] <= mine["high"])
    ).all()
    assert (mine["at_risk"] == (mine["p_fail"] >= 0.35)).all()
    below = review["actual"].to_numpy() < 40
    assert (review["failed"].astype(bool) == below).all()
    told = [record for records in mine["reasons"] for record in records]
    assert len(told) > 200
    assert all(record["code"].startswith("forecast_") and record["text"] for record in told)


def test_the_first_semester_has_baselines_and_says_so(demo: Workspace) -> None:
    first = demo.store.list_values("weekly_metrics", "term")[0]
    for table, outlook, score in (
        ("pre_mid_term", "at_risk", "predicted_midterm_score"),
        ("pre_end_term", "outlook", "predicted_endterm_score"),
    ):
        rows = demo.store.read(table, term=first)
        assert set(rows["model_id"]) == {"baseline"}
        assert rows[outlook].nunique() > 1
        # The chance is rough, and goes with the predicted score: even at the pass mark.
        assert ((rows["p_fail"] > 0.5) == (rows[score] < 40)).all()
    papers = demo.store.read("risk_of_failing_prediction", term=first)
    assert set(papers["sem_week"]) == {6, 7, 16, 17}
    assert set(papers["model_id"]) == {"baseline"}
    assert (papers["risk_label"] == subjects.label_risk(papers["p_fail"].to_numpy())).all()
    assert demo.store.read("pre_sem_watchlist", target_term=first).empty


def test_every_subject_of_every_student_has_its_chance(demo: Workspace) -> None:
    rows = demo.store.read("risk_of_failing_prediction", term=NOW, sem_week=10)
    roll = demo.store.read("weekly_metrics", ("student_id", "class_id"), term=NOW, sem_week=10)
    assert (rows.groupby("student_id").size().reindex(roll["student_id"]) == 5).all(), (
        "five subjects each"
    )
    assert rows["p_fail"].between(0, 1).all()
    assert (rows["risk_label"] == subjects.label_risk(rows["p_fail"].to_numpy())).all()
    with demo.open_college() as college:
        hard = college.read_columns("subjects", "subject_id", "difficulty").set_index("subject_id")[
            "difficulty"
        ]
    mean = rows.groupby(rows["subject_id"].map(hard))["p_fail"].mean()
    assert mean["Hard"] > mean["Easy"]


def test_the_watchlist_flags_in_the_first_weeks(demo: Workspace) -> None:
    watched = demo.store.read("pre_sem_watchlist", target_term=NOW)
    assert 0.02 < watched["on_watchlist"].astype(bool).mean() < 0.35
    assert (watched["on_watchlist"].astype(bool) == (watched["risk_probability_pct"] >= 35)).all()
    listed = demo.store.read("weekly_flags", term=NOW, sem_week=1)
    there = set(watched.loc[watched["on_watchlist"].astype(bool), "student_id"])
    assert there <= set(listed["student_id"])
    told = [record["text"] for records in listed["reasons"] for record in records]
    assert "Results of earlier semesters suggested keeping in touch from the start." in told


def watched_and_subjects(workspace: Workspace) -> tuple[pd.DataFrame, pd.DataFrame]:
    with workspace.open_college() as college:
        position = college.find_college_week(workspace.today)
        term = terms.find_term(college, "", position)
        start = pre_semester.read_start(workspace, college, term, position, Path("unused"))
        week = weekly.read_week(workspace, college, term, 6, Path("unused"), replay=True)
    assert start is not None
    return pre_semester.compute(start).rows, weekly.compute(week).by_subject


@pytest.mark.slow
def test_no_later_record_changes_a_watchlist_or_a_subjects_chance(demo_copy: Workspace) -> None:
    before = watched_and_subjects(demo_copy)
    with sqlite3.connect(demo_copy.settings.home / "college.db") as connection:
        current = "semester IN (SELECT even_sem FROM classes)"
        for statement in (
            f"UPDATE attendance SET present = 0 WHERE {current} AND week > 6",
            "UPDATE assignment_submissions SET marks_obtained = 0 WHERE submission_date > '2026-02-15'",
            "UPDATE quiz_submissions SET marks_obtained = 0, score_pct = 0 WHERE attempt_date > '2026-02-15'",
            "UPDATE exam_results SET score_pct = 1, pass_fail = 'F' WHERE result_date > '2026-02-15'",
        ):
            connection.execute(statement)
    for was, now in zip(before, watched_and_subjects(demo_copy), strict=True):
        assert len(was)
        pd.testing.assert_frame_equal(was, now)


@pytest.mark.prove
def test_results_in_two_batches_are_reviewed_twice_and_the_second_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = point_at(workspace_at(tmp_path), monkeypatch)
    url, path = workspace.settings.client_db_url, tmp_path / "college.db"
    plan = generate.plan_demo(120, 3, Calendar(), weeks=9)
    write.write_simulation(create_writable_engine(url), plan, quiet=True)
    backfill.calibrate(workspace, progress.skip_line)
    assert workspace.store.read("exam_review", term=NOW).empty
    write.write_simulation(
        create_writable_engine(url), generate.plan_weeks_later(plan, 2), force=True
    )
    with sqlite3.connect(path) as connection:
        half = "schedule_id LIKE '%MIDTERM%' AND class_id IN (SELECT min(class_id) FROM classes)"
        connection.execute(f"UPDATE exam_results SET result_date = '2026-03-20' WHERE {half}")
    planned = schedule.plan_run(workspace)
    reviews = [
        str(task) for step in planned.steps for task in step.tasks if task.stage == "post_analysis"
    ]
    assert [text.split(",")[1] for text in reviews] == [
        " week 10 of the term of 2026-01-05",
        " week 11 of the term of 2026-01-05",
    ]
    pipeline.run(workspace, progress.skip_line)
    review = workspace.store.read("exam_review", term=NOW, exam_type="midterm")
    assert review["actual"].notna().mean() > 0.9
    assert not [task for step in schedule.plan_run(workspace).steps for task in step.tasks]
    page = next(workspace.settings.reports.glob("*/week-11/department-midterm.html")).read_text()
    with workspace.open_college() as college:
        assert not [name for name in college.names["name"] if name in page]
        assert not [student for student in review["student_id"] if student in page], (
            "no student is named"
        )


@pytest.mark.slow
def test_an_exam_that_moved_is_said_and_results_count_when_known(demo_copy: Workspace) -> None:
    with sqlite3.connect(demo_copy.settings.home / "college.db") as connection:
        connection.execute(
            "UPDATE exam_schedule SET scheduled_week = 9 WHERE exam_type = 'midterm' AND class_id LIKE 'CS-2024%'"
        )
    week = run_week(demo_copy, 10).scores.week
    said = week.health[week.health["check"] == "exam_schedule: midterm week"]
    assert said["class_id"].tolist() == ["CS-2024-A"]
    assert (
        said["message"]
        .iloc[0]
        .startswith(
            "The midterm of CS-2024-A is scheduled for week 9; the calendar has it in week 8."
        )
    )


def test_a_calendar_without_a_midterm_predicts_none(demo: Workspace) -> None:
    calendar = demo.params.calendar.model_copy(update={"midterm_week": None})
    assert pre_exam.list_prediction_weeks(calendar, "midterm") == ()
    assert pre_exam.list_prediction_weeks(calendar, "endterm") == (17, 16)
    assert terms.find_exam_week(calendar, "midterm") is None
    with pytest.raises(
        SettingsError,
        match=r"Week 5 is not a week in which the endterm is predicted: those weeks are 16, 17\.",
    ):
        pre_exam.read_upcoming_exam(demo, "endterm", NOW, 5, Path())
    with pytest.raises(SettingsError, match="Week 17 of the term of 2026-01-05 was not analysed"):
        pre_exam.read_upcoming_exam(demo, "endterm", NOW, 17, Path())


def test_a_rollback_takes_what_was_said_later_with_it(demo_copy: Workspace) -> None:
    with demo_copy.store.start_transaction() as connection:
        rollback.delete_rows(connection, rollback.find_later(NOW, 7, ["midterm", "endterm"]))
    store = demo_copy.store
    assert store.read("exam_review", term=NOW).empty
    assert not store.read("exam_review", exam_type="endterm").empty, "earlier terms stay"
    assert store.read("model_runs", model_id=post_exam.format_review_id("midterm", NOW)).empty
    assert set(store.read("pre_mid_term", term=NOW)["sem_week"]) == {6, 7}
    assert not store.read("pre_sem_watchlist", target_term=NOW).empty
    with demo_copy.store.start_transaction() as connection:
        rollback.delete_rows(connection, rollback.find_later("2025-07-14", 18))
    assert store.read("pre_sem_watchlist").empty


@pytest.mark.slow
def test_a_first_semester_has_no_watchlist_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = point_at(workspace_at(tmp_path), monkeypatch)
    write.write_simulation(
        create_writable_engine(workspace.settings.client_db_url),
        generate.plan_demo(60, 2, Calendar(), weeks=1, semesters=0),
        quiet=True,
    )
    with pytest.raises(
        SettingsError, match="No semester before the term of 2026-01-05 was analysed"
    ):
        pre_semester.load()
    with pytest.raises(SettingsError, match="No result of any exam is known yet"):
        post_exam.load()
    planned = schedule.plan_run(workspace)
    assert [task.stage for step in planned.steps for task in step.tasks] == ["weekly"]
