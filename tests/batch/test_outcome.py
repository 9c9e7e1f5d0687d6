"""A run ends in a word and a line: what was done, whose mail is held, and what to do about it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from edumetrics.batch import outcome
from edumetrics.batch.outcome import Outcome
from edumetrics.batch.schedule import RunPlan, Step, Task, describe_plan
from edumetrics.college.health import EVERYWHERE
from edumetrics.fields import FINDING_COLUMNS
from edumetrics.gate import Verdict
from edumetrics.mail.result import MailResult
from edumetrics.weeks import CollegeWeek
from edumetrics.workspace import Workspace
from tests.analysis.rows import open_small_workspace

TERM, WEEK_10 = "2026-01-05", CollegeWeek(2025, 28)
AGAIN = (
    "Correct the data and run `edumetrics run --week 10`, or release the mail with "
    "`edumetrics run --force`."
)
NOTHING_DUE = RunPlan(WEEK_10, None, ())
BACK = RunPlan(WEEK_10, (TERM, 10), ())


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return open_small_workspace(tmp_path / "home")


def make_task(stage: str = "weekly", week: int = 10, **more: str) -> Task:
    return Task(stage, TERM, week, Path("reports") / stage, dict(more))


def make_plan(*stages: str) -> RunPlan:
    tasks = tuple(make_task(stage) for stage in stages)
    return RunPlan(WEEK_10, None, (Step(WEEK_10, tasks, TERM, Path("reports")),))


def make_verdict(*blocked: tuple[str, str], everyone: bool = False) -> Verdict:
    """Return the verdict on week 10; `blocked` are (class_id, message) that hold mail back."""
    rows = [(f"check {n}", where, "block", 1, [], told) for n, (where, told) in enumerate(blocked)]
    rows.append(("attendance: feed", EVERYWHERE, "ok", 0, [], "All is well."))
    findings = pd.DataFrame(rows, columns=list(FINDING_COLUMNS))
    classes = tuple(sorted({where for where, _ in blocked} - {EVERYWHERE}))
    return Verdict(TERM, 10, findings, classes, everyone)


def tell(
    workspace: Workspace,
    plan: RunPlan,
    verdict: Verdict | None,
    *,
    held: str = "nothing",
    force: bool = False,
) -> str:
    return outcome._format_line(workspace, plan, verdict, held, force=force)


# ------------------------------------------------------------ the word


@pytest.mark.parametrize("held", [True, False])
def test_a_run_with_nothing_to_do_has_no_word(held: bool) -> None:
    assert Outcome(NOTHING_DUE, None, "", held, None).kind == ""


@pytest.mark.parametrize(
    ("plan", "verdict", "posted"),
    [
        (make_plan("weekly"), None, None),
        (make_plan(), None, None),  # an exam week, in which nothing is due, is a step as well
        (BACK, None, None),
        (NOTHING_DUE, make_verdict(), None),
        (NOTHING_DUE, None, MailResult(letters=1, sent=1)),
    ],
    ids=["stages", "an empty week", "rolled back", "only a check", "only mail"],
)
def test_whatever_was_done_is_done_or_held(
    plan: RunPlan, verdict: Verdict | None, posted: MailResult | None
) -> None:
    assert Outcome(plan, verdict, "", False, posted).kind == "done"
    assert Outcome(plan, verdict, "", True, posted).kind == "held"


# ------------------------------------------------------------ the line


def test_nothing_to_do_is_said(workspace: Workspace) -> None:
    assert tell(workspace, NOTHING_DUE, None) == outcome.NOTHING


@pytest.mark.parametrize(
    ("plan", "done"),
    [
        (make_plan("weekly"), "1 stage done"),
        (make_plan("weekly", "pre_mid"), "2 stages done"),
        (make_plan(), "0 stages done"),
        (BACK, "rolled back"),
    ],
)
def test_what_was_done_is_counted(plan: RunPlan, done: str, workspace: Workspace) -> None:
    where = "Week 10 of 2025-even"
    assert tell(workspace, plan, None) == f"{where}: {done}; nothing held."
    assert tell(workspace, plan, make_verdict()) == f"{where}: {done}; nothing held."


def test_mail_that_an_earlier_run_holds_is_said_again(workspace: Workspace) -> None:
    line = tell(workspace, make_plan(), None, held="the mail of CS-2023-A: No registers")
    assert line == "Week 10 of 2025-even: 0 stages done; the mail of CS-2023-A: No registers held."


def test_the_mail_of_a_class_is_held_with_the_reason_and_the_remedy(workspace: Workspace) -> None:
    verdict = make_verdict(("C", "C has no registers."), ("A", "A has no registers."))
    assert tell(workspace, make_plan("weekly"), verdict) == (
        "Week 10 of 2025-even: 1 stage done; the mail of A, C is held: "
        f"C has no registers. A has no registers. {AGAIN}"
    )


def test_all_mail_is_held_and_the_whole_college_is_told_first(workspace: Workspace) -> None:
    verdict = make_verdict(
        ("C", "C has no registers."), (EVERYWHERE, "The library stopped."), everyone=True
    )
    assert tell(workspace, make_plan("weekly"), verdict) == (
        "Week 10 of 2025-even: 1 stage done; all mail is held: "
        f"The library stopped. C has no registers. {AGAIN}"
    )


def test_mail_that_was_released_is_said_with_what_was_found(workspace: Workspace) -> None:
    verdict = make_verdict(("C", "C has no registers."))
    assert tell(workspace, NOTHING_DUE, verdict, force=True) == (
        "Week 10 of 2025-even: 0 stages done; mail released by --force: C has no registers."
    )


# ------------------------------------------------------------ tasks and dry runs


def test_a_task_says_its_stage_week_and_term() -> None:
    assert str(make_task()) == "weekly, week 10 of the term of 2026-01-05"
    review = make_task("post_analysis", exam="midterm")
    assert str(review) == "post_analysis of the midterm, week 10 of the term of 2026-01-05"
    assert review.parameters == {
        "term": TERM,
        "folder": "reports",
        "write": True,
        "exam": "midterm",
    }


def test_a_dry_run_says_what_would_be_done() -> None:
    assert list(describe_plan(make_plan("weekly", "pre_mid"))) == [
        "Would run weekly, week 10 of the term of 2026-01-05.",
        "Would run pre_mid, week 10 of the term of 2026-01-05.",
    ]
    assert list(describe_plan(BACK)) == [
        "With --roll-back, would go back to week 10 of the term of 2026-01-05."
    ]
    assert list(describe_plan(NOTHING_DUE)) == [outcome.NOTHING]
    assert list(describe_plan(make_plan())) == [], "a week without a task"
