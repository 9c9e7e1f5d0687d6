"""What the questions answer of a few stored rows, and how a terminal shows it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import edumetrics
from edumetrics.analysis.store import Store
from edumetrics.analyst import queries
from edumetrics.analyst.filters import suggest_alike
from edumetrics.cli.tables import format_table
from edumetrics.errors import SettingsError
from tests.analysis.rows import open_store, put

TERM, BEFORE = "2026-01-05", "2025-07-14"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An analysis of weeks 7, 9 and 10 of one student, which is also that of the settings."""
    monkeypatch.setenv("EDUMETRICS_HOME", str(tmp_path))
    monkeypatch.setenv("CLIENT_DB_URL", f"sqlite:///{tmp_path / 'college.db'}")
    monkeypatch.setenv("DEFAULT_DB_URL", f"sqlite:///{tmp_path / 'analysis.db'}")
    store = open_store(tmp_path)
    attended = {(BEFORE, 17): 80.0, (TERM, 7): 90.0, (TERM, 9): 70.0, (TERM, 10): 40.0}
    put(store, "weekly_metrics",
        *({"student_id": "asha", "class_id": "C", "term": term, "sem_week": week, "weekly_att_pct": value}
          for (term, week), value in attended.items()))  # fmt: skip
    return store


def test_the_package_offers_what_an_analyst_calls() -> None:
    assert edumetrics.queries is queries
    with pytest.raises(AttributeError, match="has no attribute 'answers'"):
        _ = edumetrics.answers


@pytest.mark.parametrize(
    ("asked", "change"),
    [
        ({}, -30),
        ({"first": 7}, -50),
        ({"second": 9}, -20),
        ({"first": 7, "second": 9}, -20),
    ],
)
def test_changes_are_between_the_newest_two_teaching_weeks_unless_others_are_named(
    store: Store, asked: dict[str, int], change: float
) -> None:
    assert queries.changes(**asked)["weekly_att_pct"].tolist() == [change]


def test_no_week_comes_before_the_first_one(store: Store) -> None:
    with pytest.raises(SettingsError, match="No teaching week comes before week 1: name both"):
        queries.changes(second=1)


def test_a_week_in_which_nobody_left_a_list_is_an_answer(store: Store) -> None:
    put(store, "list_exits", {"student_id": "asha", "term": TERM, "sem_week": 9, "kind": "left"})
    assert queries.exits(store=store).empty
    assert queries.exits(week=9, store=store)["kind"].tolist() == ["left"]
    assert queries.exits(student="asha", store=store)["sem_week"].tolist() == [9]


def test_a_class_finding_is_found_by_its_class(store: Store) -> None:
    put(store, "class_findings",
        *({"class_id": name, "term": TERM, "sem_week": 10, "code": "low_attendance", "text": f"{name} stayed away."}
          for name in ("D", "C")))  # fmt: skip
    assert queries.class_findings(store=store)["class_id"].tolist() == ["C", "D"]
    assert queries.class_findings(class_id="D", store=store)["text"].tolist() == ["D stayed away."]
    with pytest.raises(SettingsError, match="There is no filter advisor for class_findings"):
        queries.class_findings(advisor="A", store=store)


def test_thresholds_are_those_of_the_newest_analysed_week(store: Store) -> None:
    # They are fitted for all weeks of a term before it begins.
    put(store, "list_thresholds",
        *({"term": TERM, "ranked_by": by, "sem_week": week, "list_at": at, "fitted_on": BEFORE}
          for by, week, at in (("rules", 10, 45.0), ("model", 10, 38.0), ("model", 11, 39.0))))  # fmt: skip
    found = queries.thresholds(store=store)
    assert dict(zip(found["ranked_by"], found["list_at"], strict=True)) == {
        "model": 38,
        "rules": 45,
    }
    assert queries.thresholds(term=BEFORE, store=store).empty


def test_a_review_begins_with_who_was_furthest_below_the_prediction(store: Store) -> None:
    put(store, "exam_review",
        *({"student_id": student, "term": BEFORE, "exam_type": exam, "residual": residual}
          for student, exam, residual in (
              ("asha", "endterm", -3.0), ("asha", "midterm", -1.0), ("ben", "midterm", None),
              ("chen", "midterm", -9.0))))  # fmt: skip
    found = queries.review(store=store)
    assert found["student_id"].tolist() == ["chen", "asha", "ben", "asha"]
    assert found["exam_type"].tolist() == ["midterm"] * 3 + ["endterm"]
    assert set(found["term"]) == {BEFORE}, "the newest term that has a review"
    assert len(queries.review(exam="ENDTERM", store=store)) == 1
    with pytest.raises(SettingsError, match=r"no exam viva: the exams are midterm, endterm\."):
        queries.review(exam="viva", store=store)


def test_the_log_has_every_week_and_tells_notes_only_when_asked(store: Store) -> None:
    put(store, "intervention_log",
        *({"id": n, "student_id": "asha", "term": TERM, "sem_week": week, "kind": kind, "notes": "in confidence"}
          for n, week, kind in ((2, 9, "talked"), (1, 10, "no answer"))))  # fmt: skip
    found = queries.log(store=store)
    assert found["kind"].tolist() == ["no answer", "talked"], "in the order of entry"
    assert "in confidence" not in found.to_csv() + format_table(found, "table")
    assert queries.log(week=9, notes=True, store=store)["notes"].tolist() == ["in confidence"]
    assert queries.log(term=BEFORE, store=store).empty


def test_health_is_that_of_the_newest_finished_run_and_the_worst_comes_first(store: Store) -> None:
    runs = (("old", 1, "done"), ("new", 2, "done"), ("broken", 3, "failed"))
    put(store, "run_log",
        *({"run_id": run, "seq": seq, "stage": "weekly", "term": TERM, "sem_week": 10, "status": status}
          for run, seq, status in runs))  # fmt: skip
    put(store, "data_health",
        *({"run_id": run, "check": check, "class_id": name, "status": status}
          for run, check, name, status in (
              ("old", "a", "all", "block"), ("new", "a", "all", "ok"), ("new", "b", "C", "block"),
              ("new", "c", "all", "warn"), ("broken", "a", "all", "block"))))  # fmt: skip
    found = queries.health(store=store)
    assert found["status"].tolist() == ["block", "warn", "ok"]
    assert set(found["sem_week"]) == {10}
    assert queries.health(class_id="C", store=store)["check"].tolist() == ["b"]
    assert queries.health(week=9, store=store).columns.tolist() == found.columns.tolist()
    with pytest.raises(SettingsError, match="Week 11 of the term of 2026-01-05 was not analysed"):
        queries.health(week=11, store=store)


def test_sentences_stand_below_their_row_and_fit_the_terminal() -> None:
    frame = pd.DataFrame(
        {
            "student_id": ["a", "b"],
            "diagnosis": ["Attended 2 of 10 lectures this week; 8 of 10 last.", None],
            "improved": [[], [{"text": "Handed in work again."}, {"text": "Attended 9 of 10."}]],
        }
    )
    assert format_table(frame, "table", width=40).splitlines() == [
        "student",
        "id",
        "a",
        "    diagnosis: Attended 2 of 10 lectures",
        "    this week; 8 of 10 last.",
        "b",
        "    improved: Handed in work again.",
        "    Attended 9 of 10.",
    ]
    assert "Attended 2 of 10 lectures this week; 8 of 10 last." in format_table(frame, "csv")
    assert "Attended 2 of 10 lectures this week; 8 of 10 last." in format_table(frame, "json")


def test_a_note_cannot_pass_for_a_row() -> None:
    frame = pd.DataFrame({"student_id": ["a"], "notes": ["A bus strike.\n         z"]})
    assert format_table(frame, "table").splitlines()[2:] == ["    notes: A bus strike.          z"]


def test_what_is_not_known_is_a_dash() -> None:
    frame = pd.DataFrame({"kind": ["talked"], "helpful": pd.array([None], dtype="boolean")})
    assert format_table(frame, "table").splitlines()[1].split() == ["talked", "-"]


def test_a_filter_that_no_question_has_is_refused(store: Store) -> None:
    with pytest.raises(SettingsError, match=r"no filter clas_id: did you mean class_id"):
        queries.flagged(clas_id="C", store=store)  # type: ignore[call-arg]
    with pytest.raises(SettingsError, match="first and second"):
        queries.changes(week=9, store=store)


def test_a_range_of_weeks_answers_for_those_that_are_analysed(store: Store) -> None:
    found = queries.student_performance(weeks=range(1, 30), store=store)
    assert found["sem_week"].tolist() == sorted(found["sem_week"])
    assert set(found["sem_week"]) > {10}
    assert queries.student_performance(weeks=10, store=store)["sem_week"].unique().tolist() == [10]
    with pytest.raises(SettingsError, match="None of these weeks"):
        queries.student_performance(weeks=[29], store=store)
    with pytest.raises(SettingsError, match="not both"):
        queries.student_performance(week=10, weeks=[9], store=store)


def test_who_is_spelt_alike_is_suggested_whatever_the_case() -> None:
    known = ["CS-2022-A", "EC-2022-A", "ME-2024-A"]
    assert suggest_alike("cs-2022-a", known).startswith("did you mean CS-2022-A")
    assert suggest_alike("zzz", known) == "there are CS-2022-A, EC-2022-A, ME-2024-A."
