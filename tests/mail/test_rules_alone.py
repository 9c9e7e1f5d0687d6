"""`ranking: rules`: no watchlist, outlook or chance of a model is in a mail or on its page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edumetrics.inputs.previous_weeks import read_memory
from edumetrics.reports import render
from edumetrics.reports.read_week import read_week_rows
from tests.analysis.rows import put
from tests.mail.test_one_mail import TERM, Batch, list_titles, read_about


def rank_by_rules(batch: Batch) -> Batch:
    params = batch.workspace.params
    triage = params.triage.model_copy(update={"ranking": "rules"})
    batch.workspace = replace(batch.workspace, params=params.model_copy(update={"triage": triage}))
    return batch


@pytest.fixture
def batch(tmp_path: Path) -> Batch:
    """Week 7, scored, with an outlook; S1 has a card and S2 (40 in 100) has none."""
    made = Batch(tmp_path / "home", 7)
    made.score()
    made.predict()
    put(made.store, "weekly_flags",
        {"student_id": "S1", "term": TERM, "sem_week": 7, "class_id": "C", "advisor_id": "ADV",
         "within_capacity": True, "triage_rank": 1, "ranked_by": "rules"})  # fmt: skip
    return made


def test_there_is_no_outlook_on_cards_or_below_them(batch: Batch) -> None:
    (told,) = batch.build().values()
    assert "Midterm predicted 30" in render.render_preview(told).text, "where models are used"
    (report,) = rank_by_rules(batch).build().values()
    text = f"{render.render_preview(report).text} {render.render_page(report)}"
    for words in ("predicted", "in 100", "may fail", "forecast"):
        assert words not in text
    assert "S2" not in {entry.name for entry in report.entries}, "on no list"


def test_nothing_is_said_to_be_missing_that_would_not_be_told(tmp_path: Path) -> None:
    batch = Batch(tmp_path / "home", 7)
    batch.score()
    batch.fail("pre_mid")
    assert any("could not be made" in text for text in read_about(batch.build()["ADV"]))
    assert not any(
        "could not be made" in text for text in read_about(rank_by_rules(batch).build()["ADV"])
    )


def test_nobody_passes_against_an_outlook_that_nobody_saw(tmp_path: Path) -> None:
    batch = Batch(tmp_path / "home", 9)
    for week in (7, 9):
        batch.score(week)
    run = batch.enter("post_analysis", 9)
    put(batch.store, "exam_review",
        {"student_id": "S2", "term": TERM, "exam_type": "midterm", "class_id": "C", "actual": 60.0,
         "failed": False, "p_fail": 0.7, "run_id": run.run_id})  # fmt: skip

    def read() -> str:
        return render.render_preview(batch.build(9)["ADV"]).text

    assert "whom the outlook saw at risk passed" in " ".join(read().split())
    rank_by_rules(batch)
    assert "outlook" not in read()
    assert "Results of the midterm" in list_titles(batch.build(9)["ADV"])


def test_the_rows_of_a_card_have_no_prediction(batch: Batch) -> None:
    assert len(read_week_rows(batch.workspace, TERM, 7, {}).outlook) == 3
    rank_by_rules(batch)
    assert read_week_rows(batch.workspace, TERM, 7, {}).outlook.empty


def test_the_watchlist_of_the_term_lists_nobody(batch: Batch) -> None:
    put(batch.store, "pre_sem_watchlist",
        {"student_id": "S1", "target_term": TERM, "target_semester": 2, "class_id": "C",
         "on_watchlist": True, "risk_probability_pct": 60.0})  # fmt: skip
    batch.enter("pre_sem", 7)
    assert read_memory(batch.workspace, TERM, 2).watchlist["student_id"].tolist() == ["S1"]
    rank_by_rules(batch)
    assert read_memory(batch.workspace, TERM, 2).watchlist.empty
    assert "Say hello early" not in list_titles(batch.build()["ADV"])


def test_in_the_first_weeks_nobody_is_said_to_come_from_earlier_semesters(tmp_path: Path) -> None:
    batch = Batch(tmp_path / "home", 2)
    batch.score(2)
    put(batch.store, "weekly_flags",
        {"student_id": "S1", "term": TERM, "sem_week": 2, "class_id": "C", "advisor_id": "ADV",
         "within_capacity": True, "triage_rank": 1, "ranked_by": "rules"})  # fmt: skip
    assert "only news and names from earlier semesters." in batch.build(2)["ADV"].lead
    rank_by_rules(batch)
    assert "so the list has only news." in batch.build(2)["ADV"].lead
