"""Forecasts: nothing from the future, nothing demographic, tried before they are believed, and refused when touched."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from edumetrics.errors import EduMetricsError, SettingsError
from edumetrics.fields import FEATURES
from edumetrics.forecast import backtest, registry
from edumetrics.forecast.contest import run_contest
from edumetrics.forecast.measures import compute_calibration_error
from edumetrics.forecast.models import (
    Linear,
    Window,
    calibrate,
    compute_probability,
    fit_all,
)
from edumetrics.inputs import terms
from edumetrics.modelling import evaluate
from edumetrics.params import Forecast, Triage
from edumetrics.scoring.signals import smooth
from edumetrics.stages import weekly
from edumetrics.workspace import Workspace
from tests.unit.triage.test_flags import run_week

SETTINGS = Forecast(trees=30, least_students=20, least_fails=5)
QUESTION = backtest.build_question(SETTINGS, Triage())
WEEK = 6


def features_of(workspace: Workspace, week: int) -> pd.DataFrame:
    with workspace.open_college() as college:
        term = terms.find_term(college, "", college.find_college_week(workspace.today))
        read = weekly.read_week(workspace, college, term, week, Path("unused"), replay=True)
    return weekly.compute(read).features.set_index("student_id").sort_index()


def made_up(
    students: int, seed: int, signal: str = "mark_gap", weeks: tuple[int, ...] = (2, 3, 4, 5)
) -> pd.DataFrame:
    """Rows of features that are noise but for one; who fails depends on that one."""
    chance = np.random.default_rng(seed)
    failed = chance.random(students) < 0.3
    rows = []
    for week in weeks:
        part = pd.DataFrame({name: chance.normal(size=students) for name in FEATURES})
        part[signal] += np.where(failed, -1.5, 0.0)
        part["semester_gone"] = week / 16
        ids = {
            "student_id": [f"s{seed}-{n}" for n in range(students)],
            "class_id": [f"c{n % 5}" for n in range(students)],
        }
        rows.append(part.assign(**ids, advisor_id="X", sem_week=week, failed=failed))
    return pd.concat(rows, ignore_index=True)


@pytest.mark.slow
def test_no_record_of_a_later_week_and_no_outcome_changes_a_feature(demo_copy: Workspace) -> None:
    before = features_of(demo_copy, WEEK)
    end = "2026-02-15"
    with sqlite3.connect(demo_copy.settings.home / "college.db") as connection:
        current = "semester IN (SELECT even_sem FROM classes)"
        for statement in (
            f"UPDATE attendance SET present = 0 WHERE {current} AND week > {WEEK}",
            f"UPDATE library_visits SET physical_visits = 9 WHERE {current} AND week > {WEEK}",
            f"DELETE FROM book_borrows WHERE {current} AND borrow_week > {WEEK}",
            f"UPDATE assignment_submissions SET marks_obtained = 1 WHERE submission_date > '{end}'",
            f"UPDATE quiz_submissions SET score_pct = 1, marks_obtained = 0 WHERE attempt_date > '{end}'",
            f"UPDATE exam_results SET score_pct = 1, pass_fail = 'F' WHERE result_date > '{end}'",
            f"UPDATE students SET withdrawn_on = '2026-05-01' WHERE withdrawn_on > '{end}' OR student_id LIKE '%7'",
        ):
            connection.execute(statement)
    pd.testing.assert_frame_equal(features_of(demo_copy, WEEK), before)


@pytest.mark.slow
def test_a_past_weeks_features_are_replayed_as_they_were(
    demo: Workspace, earlier: Workspace
) -> None:
    key = {"term": "2026-01-05", "sem_week": WEEK}
    then, now = (
        at.store.read("weekly_features", **key).set_index("student_id") for at in (earlier, demo)
    )
    pd.testing.assert_frame_equal(then[list(FEATURES)], now[list(FEATURES)], rtol=1e-9)


@pytest.mark.slow
def test_no_demographic_column_reaches_a_feature_or_a_model(demo_copy: Workspace) -> None:
    before = features_of(demo_copy, WEEK)
    with sqlite3.connect(demo_copy.settings.home / "college.db") as connection:
        connection.execute(
            "UPDATE students SET gender = CASE gender WHEN 'F' THEN 'M' ELSE 'F' END, name = 'y'"
        )
    pd.testing.assert_frame_equal(features_of(demo_copy, WEEK), before)
    row = demo_copy.store.read("model_runs", champion=True, task="fail").iloc[0]
    stored = json.loads((demo_copy.settings.home / row["artefact"]).read_text())
    assert set(stored["features"]) == set(FEATURES) == set(row["features"])
    assert not {"gender", "age", "region", "archetype", "education", "disability", "name"} & set(
        FEATURES
    )


def test_p_fail_is_there_from_week_2_of_a_term_with_history(demo: Workspace) -> None:
    metrics = demo.store.read("weekly_metrics", ("term", "sem_week", "p_fail"))
    first, now = demo.store.list_values("weekly_metrics", "term")
    assert metrics.loc[metrics["term"] == first, "p_fail"].isna().all(), (
        "a first semester has no forecast"
    )
    later = metrics[(metrics["term"] == now) & (metrics["sem_week"] > 1)]
    assert later["p_fail"].between(0, 1).all()
    assert metrics.loc[(metrics["term"] == now) & (metrics["sem_week"] == 1), "p_fail"].isna().all()


def test_a_champion_beats_the_baselines_on_a_term_it_has_not_seen(demo: Workspace) -> None:
    runs = demo.store.read("model_runs", task="fail")
    means = {
        row["model_id"]: pd.DataFrame(row["metrics"]["by_week"])["auc"].mean()
        for row in runs.to_dict("records")
    }
    champion = runs.loc[runs["champion"].astype(bool), "model_id"].iloc[0]
    attendance = next(name for name in means if "attendance" in name)
    assert means[champion] > means[attendance] + 0.03
    assert means[champion] < 0.97, "too good to be true"
    assert set(runs["trained_terms"]) == {"2025-07-14"}


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_a_model_that_was_touched_is_refused_and_the_week_goes_by_the_rules(
    demo_copy: Workspace, damage: str
) -> None:
    row = demo_copy.store.read("model_runs", champion=True, task="fail").iloc[0]
    path = demo_copy.settings.home / row["artefact"]
    if damage == "changed":
        path.write_text(path.read_text().replace("0.1", "0.2", 1))
    else:
        path.unlink()
    done = run_week(demo_copy, 10)
    assert done.scores.metrics["p_fail"].isna().all()
    assert len(done.lists.flags)
    messages = [text for text in done.scores.week.health["message"] if "stored model" in text]
    assert len(messages) == 1
    assert "calibrate --from-scratch" in messages[0]


def test_a_stored_model_says_the_same(demo: Workspace) -> None:
    rows = made_up(120, 1)
    for model in fit_all(rows, rows["failed"].to_numpy("float64"), SETTINGS).values():
        one = calibrate(model, rows, rows["failed"].to_numpy("float64"), model.predict_logit(rows))
        content = registry.encode_model(one)
        again = registry.decode_model(content, registry.hash_content(content))
        np.testing.assert_array_equal(again.predict_logit(rows), one.predict_logit(rows))
    other = json.loads(content)
    other["features"] = other["features"][1:]
    changed = json.dumps(other).encode()
    with pytest.raises(EduMetricsError, match="other features"):
        registry.decode_model(changed, registry.hash_content(changed))


def test_training_twice_gives_the_same_model() -> None:
    rows = made_up(120, 1)
    one, two = (run_contest(QUESTION, {"t": rows}) for _ in range(2))
    assert one is not None
    assert two is not None
    assert one.champion == two.champion
    for name, model in one.models.items():
        np.testing.assert_array_equal(
            model.predict_logit(rows), two.models[name].predict_logit(rows)
        )


def test_contributions_add_up_and_push_the_way_they_should() -> None:
    rows = made_up(300, 2)
    model = fit_all(rows, rows["failed"].to_numpy("float64"), SETTINGS)["linear"]
    assert isinstance(model, Linear)
    parts = model.compute_contributions(rows)
    np.testing.assert_allclose(parts.sum(axis=1), model.predict_logit(rows), atol=1e-9)
    strongest = parts.drop(columns="base").abs().mean().idxmax()
    assert strongest == "mark_gap"
    low = rows["mark_gap"] < rows["mark_gap"].quantile(0.1)
    assert FEATURES["mark_gap"][1] == -1
    assert (parts.loc[low, "mark_gap"] > 0).all()


@pytest.mark.slow
def test_a_signal_that_only_the_future_knows_is_not_picked_up() -> None:
    seen = made_up(300, 3)
    future = made_up(300, 4)
    # In the tested term a column tells the outcome; in the terms before it was noise, so no model may use it.
    future["visits_rank"] = future["failed"].astype(float)
    clean = made_up(300, 4)
    with_leak = run_contest(QUESTION, {"1": seen, "2": future})
    without = run_contest(QUESTION, {"1": seen, "2": clean})
    assert with_leak is not None
    assert without is not None
    for name in ("linear", "boosted", "blend"):
        assert abs(with_leak.tables[name]["auc"].mean() - without.tables[name]["auc"].mean()) < 0.05


def test_of_equals_the_simpler_wins() -> None:
    table = pd.DataFrame({"precision_at_capacity": [0.5], "auc": [0.7]})
    names = ("rules", "linear", "boosted", "blend")
    same = dict.fromkeys(names, table)
    assert backtest._select_champion(same) == "rules"
    assert backtest._select_champion({**same, "boosted": table + 0.004}) == "boosted"
    assert backtest._select_champion({**same, "blend": table + 0.02}) == "blend"
    assert backtest._select_champion({**same, "linear": table.assign(auc=0.7005)}) == "rules"


def test_a_shift_is_found_and_the_slope_kept() -> None:
    chance = np.random.default_rng(5)
    rows = pd.DataFrame(
        {"semester_gone": chance.random(20000), "risk": chance.normal(size=20000), "sem_week": 4}
    )
    logits = rows["risk"].to_numpy()
    failed = (
        chance.random(20000)
        < compute_probability(logits + 0.8 - 1.0 * (rows["semester_gone"].to_numpy() - 0.5))
    ).astype(float)
    model = calibrate(
        Linear(("risk",), {4: Window(np.zeros(1), np.zeros(1), np.ones(1), np.ones(1), 0.0)}),
        rows,
        failed,
        logits,
    )
    assert model.shift[0] == pytest.approx(0.8, abs=0.06)
    assert model.shift[1] == pytest.approx(-1.0, abs=0.15)
    assert compute_calibration_error(compute_probability(model.predict_logit(rows)), failed) < 0.015


def test_measures_by_hand() -> None:
    rows = pd.DataFrame(
        {
            "student_id": list("abcd"), "sem_week": 4, "advisor_id": ["X", "X", "Y", None],
            "failed": [True, False, False, True],
        }
    )  # fmt: skip
    table = backtest.measure_by_week(
        rows, np.array([2.0, 1.0, 0.0, -1.0]), Triage(capacity=1), Forecast()
    )
    found = table.loc[4]
    assert found["n"] == 4
    assert found["auc"] == 0.5
    assert found["precision_at_capacity"] == pytest.approx(2 / 3), (
        "a, c and d are first on their lists"
    )
    assert found["recall_at_capacity"] == 1
    assert found["brier"] == pytest.approx(
        np.mean((compute_probability(np.array([2.0, 1, 0, -1])) - [1, 0, 0, 1]) ** 2)
    )
    assert smooth(np.array([1.0, 1.0]), np.array([0.0, np.nan]), 0.3).tolist() == [0.7, 1.0]


@pytest.mark.parametrize(
    "rows", [made_up(10, 6), made_up(120, 7).assign(failed=False)], ids=["few", "nobody failed"]
)
def test_too_little_to_learn_from_is_no_model(rows: pd.DataFrame) -> None:
    assert run_contest(QUESTION, {"t": rows}) is None


@pytest.mark.slow
def test_one_class_is_folded_by_student_and_a_class_of_one_is_no_trouble() -> None:
    held = run_contest(QUESTION, {"t": made_up(120, 8).assign(class_id="only")})
    assert held is not None
    rows = made_up(120, 9)
    rows.loc[rows["student_id"].str.endswith("-0"), "class_id"] = "alone"
    assert run_contest(QUESTION, {"t": rows}) is not None


def test_a_college_without_results_has_nothing_to_evaluate(demo_copy: Workspace) -> None:
    with sqlite3.connect(demo_copy.settings.home / "college.db") as connection:
        connection.execute("DELETE FROM exam_results")
        connection.execute("UPDATE students SET withdrawn_on = NULL")
    with pytest.raises(SettingsError, match="too little data about completed terms"):
        evaluate.evaluate(demo_copy)


@pytest.mark.slow
def test_evaluate_tells_every_week_of_every_candidate(demo: Workspace) -> None:
    table = evaluate.evaluate(demo)
    assert set(table["model"]) == {
        "rules",
        "linear",
        "boosted",
        "blend",
        "attendance only",
        "previous semester only",
    }
    assert table.groupby("model").size().nunique() == 1
    assert table["champion"].groupby(table["model"]).nunique().max() == 1
    assert table.loc[table["champion"], "model"].nunique() == 1
    assert table["calibration_error"].between(0, 1).all()
