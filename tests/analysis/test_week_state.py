"""What the ledger says of a week: the stages that add to its mail, and whether mail is due."""

from __future__ import annotations

from pathlib import Path

import pytest

from edumetrics.analysis import run_log, week_state
from edumetrics.analysis.store import Store
from edumetrics.analysis.week_state import MAIL, WEEKLY, MomentRun
from edumetrics.errors import EduMetricsError
from tests.analysis.rows import load_params, open_store, put

LAST, TERM = "2025-07-14", "2026-01-05"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path)


def enter(store: Store, stage: str, week: int, term: str = TERM, *, done: bool = True) -> str:
    """A run of a stage that was done, or failed; its id."""
    run = run_log.start_run(store, load_params(), stage, term, week)
    if done:
        with store.start_transaction() as connection:
            run_log.mark_done(connection, run, 1)
    else:
        run_log.mark_failed(store, run, EduMetricsError("It failed."))
    return run.run_id


def test_a_week_has_the_stages_that_were_entered_under_it(store: Store) -> None:
    enter(store, WEEKLY, 7)
    enter(store, "pre_mid", 6)
    review, outlook = enter(store, "post_analysis", 7), enter(store, "pre_mid", 7)
    assert week_state.list_moments(store, TERM, 7, 6) == [
        MomentRun("pre_mid", TERM, 7, (outlook,)),
        MomentRun("post_analysis", TERM, 7, (review,)),
    ]


def test_a_stage_that_failed_has_no_run_until_it_is_made(store: Store) -> None:
    enter(store, "pre_mid", 7, done=False)
    assert week_state.list_moments(store, TERM, 7) == [MomentRun("pre_mid", TERM, 7)]
    assert week_state.list_failed(store, 7) == {("pre_mid", TERM)}
    made = enter(store, "pre_mid", 7)
    assert week_state.list_moments(store, TERM, 7) == [MomentRun("pre_mid", TERM, 7, (made,))]
    assert week_state.list_failed(store, 7) == set()


def test_a_stage_that_fails_a_second_time_keeps_what_it_made(store: Store) -> None:
    made = enter(store, "pre_mid", 7)
    enter(store, "pre_mid", 7, done=False)
    assert week_state.list_moments(store, TERM, 7) == [MomentRun("pre_mid", TERM, 7, (made,))]


def test_what_came_after_the_mail_is_in_the_next_weeks(store: Store) -> None:
    enter(store, "pre_sem", 1, done=False)
    enter(store, MAIL, 1)
    late = enter(store, "pre_sem", 1)
    assert week_state.list_moments(store, TERM, 2, 1) == [MomentRun("pre_sem", TERM, 1, (late,))]
    assert week_state.list_moments(store, TERM, 3, 2) == []


def test_what_the_mail_told_is_not_told_again(store: Store) -> None:
    enter(store, "pre_sem", 1)
    enter(store, MAIL, 1)
    enter(store, "pre_sem", 1)
    assert week_state.list_moments(store, TERM, 2, 1) == []


def test_an_outlook_made_anew_takes_the_place_of_a_late_one(store: Store) -> None:
    enter(store, MAIL, 6)
    enter(store, "pre_mid", 6)
    made = enter(store, "pre_mid", 7)
    assert week_state.list_moments(store, TERM, 7, 6) == [MomentRun("pre_mid", TERM, 7, (made,))]


def test_of_the_term_before_only_reviews_count_and_of_older_terms_nothing(store: Store) -> None:
    put(store, "weekly_metrics", *({"student_id": "S1", "term": term, "sem_week": 1}
                                   for term in ("2025-01-06", LAST, TERM)))  # fmt: skip
    enter(store, "post_analysis", 1, "2025-01-06")
    enter(store, "pre_sem", 1, LAST)
    review = enter(store, "post_analysis", 1, LAST)
    assert week_state.list_moments(store, TERM, 1) == [
        MomentRun("post_analysis", LAST, 1, (review,))
    ]


def test_what_is_made_late_is_a_round_of_mail_once(store: Store) -> None:
    for stage in (WEEKLY, "pre_mid", "gate", MAIL):
        enter(store, stage, 7)
    assert not week_state.read_week_state(store, 7).mail_due
    enter(store, "pre_mid", 7)
    assert week_state.read_week_state(store, 7).mail_due
    enter(store, MAIL, 7)
    assert not week_state.read_week_state(store, 7).mail_due


def test_an_outlook_of_a_week_without_a_verdict_causes_no_mail(store: Store) -> None:
    enter(store, WEEKLY, 7)
    enter(store, "pre_mid", 7)
    assert not week_state.read_week_state(store, 7).mail_due
