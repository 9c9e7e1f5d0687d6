"""The policy view, outcomes and stability: worked by hand, and on the demo college."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from edumetrics.analyst import policy as stage
from edumetrics.college.outcomes import compute_outcomes
from edumetrics.errors import SettingsError
from edumetrics.inputs import terms
from edumetrics.params import Calendar, Triage
from edumetrics.triage import policy
from edumetrics.triage.policy import FinishedSemester
from edumetrics.triage.stability import measure_stability
from edumetrics.workspace import Workspace
from tests.colleges import people, register, write
from tests.conftest import workspace_at


def past_of(
    urgency: dict[str, dict[int, float]],
    failed: dict[str, bool],
    ruled: tuple[tuple[str, int], ...] = (),
) -> FinishedSemester:
    rows = [(s, w, "X", value) for s, weeks in urgency.items() for w, value in weeks.items()]
    frame = pd.DataFrame(rows, columns=["student_id", "sem_week", "advisor_id", "urgency"])
    return FinishedSemester(
        metrics=frame[["student_id", "sem_week"]],
        urgencies=frame,
        ruled=pd.DataFrame(ruled, columns=["student_id", "sem_week"]),
        failed=pd.DataFrame({"student_id": list(failed), "failed": list(failed.values())}),
        calendar=Calendar(),
        first_week=4,
        last_week=9,
    )


def test_a_semester_judged_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a threshold of 45 in each week: a is listed in 4, 5, 6 and 9, b in 6, and d by a rule."""
    urgency = {
        "a": {4: 50, 5: 42, 6: 41, 7: 36, 9: 80},
        "b": {4: 44, 5: 44, 6: 46, 7: 10, 9: 10},
        "c": {4: 10, 5: 10, 6: 10, 7: 10, 9: 10},
        "d": {4: 10, 5: 10, 6: 10, 7: 10, 9: 10},
    }
    monkeypatch.setattr(policy, "fit_thresholds", lambda *_: dict.fromkeys((4, 5, 6, 7, 9), 45.0))
    failed = {"a": True, "b": False, "c": True, "d": False}
    past = past_of(urgency, failed, ruled=(("d", 7),))
    lists = policy.replay(past, Triage(capacity=1))
    assert sorted(zip(lists["student_id"], lists["sem_week"], strict=True)) == [
        ("a", 4), ("a", 5), ("a", 6), ("a", 9), ("b", 6), ("d", 7)
    ]  # fmt: skip
    found = policy.measure_lists(past, lists)
    assert found["base_rate"] == 0.5
    assert found["flagged"] == 6 / 20
    assert found["critical"] == 1 / 20
    assert found["stayed"] == pytest.approx(np.mean([1, 1, 0, 0]))
    assert found["fails_listed"] == 0.5
    assert found["weeks_ahead"] == 14
    assert found["false_alarms"] == 2
    # Week 6: b has 46 to a's 41, so the one place goes to b, who passed; week 7's to d, who did too.
    assert found["precision_at_capacity"] == pytest.approx(3 / 5)
    assert found["conversations"] == 5


def test_a_larger_share_lists_more_and_loses_nobody() -> None:
    chance = np.random.default_rng(1)
    students = [f"s{n:03}" for n in range(120)]
    level = dict(zip(students, 100 * chance.beta(1.5, 4, 120), strict=True))
    weeks = [w for w in Calendar().teaching_weeks if w >= 4]
    urgency = {s: {w: float(np.clip(v + chance.normal(0, 5), 0, 100)) for w in weeks}
               for s, v in level.items()}  # fmt: skip
    past = past_of(urgency, {s: bool(chance.random() < v / 100) for s, v in level.items()})
    lists = {
        share: policy.replay(past, policy.with_policy(Triage(), share, 8))
        for share in (0.1, 0.2, 0.3)
    }
    keys = {s: set(zip(x["student_id"], x["sem_week"], strict=True)) for s, x in lists.items()}
    assert keys[0.1] < keys[0.2] < keys[0.3]
    changes = policy.find_changes(past, policy.with_policy(Triage(), 0.2, 8),
                                  policy.with_policy(Triage(), 0.3, 8))  # fmt: skip
    assert (changes["change"] == "joins").all()
    assert len(changes)


def test_who_failed_and_who_left(tmp_path: Path) -> None:
    rows = people(
        "passed",
        "failed",
        "left",
        "half",
        "unknown",
        current_week=1,
        left={"withdrawn_on": "2025-09-01"},
    )
    rows["subjects"].append({"subject_id": "T", "subject_name": "T", "semester": 1})
    rows["attendance"] = [
        register(
            n, s["student_id"], w, 4, 4, semester=1, week_date=f"2025-07-{14 if w == 1 else 21}"
        )
        for n, (s, w) in enumerate([(s, w) for s in rows["students"] for w in (1, 2)], 1)
    ] + [register(99, "passed", 1, 4, 4)]
    rows["exam_schedule"] = [
        {"schedule_id": f"E{s}", "class_id": "C", "semester": 1, "subject_id": s, "exam_type": "endterm",
         "scheduled_week": 18, "exam_date": "2025-11-12", "max_marks": 50} for s in "ST"
    ]  # fmt: skip
    scores = {"passed": (90, 30), "failed": (50, 20)}
    rows["exam_results"] = [
        {"id": 10 * n + k, "schedule_id": f"E{'ST'[k]}", "student_id": s, "class_id": "C", "score_pct": score,
         "pass_fail": "P", "result_date": "2025-12-01"}
        for n, (s, both) in enumerate(scores.items()) for k, score in enumerate(both)
    ] + [
        {"id": 50 + k, "schedule_id": f"E{'ST'[k]}", "student_id": "half", "class_id": "C", "pass_fail": said,
         "result_date": "2025-12-01"} for k, said in enumerate("FP")
    ]  # fmt: skip
    workspace = workspace_at(tmp_path / "home", write(tmp_path / "college.db", rows))
    with workspace.open_college() as college:
        term = terms.find_term(college, "2025-07-14", college.find_college_week(workspace.today))
        found = compute_outcomes(college, term).set_index("student_id")
    assert found["failed"].to_dict() == {
        "failed": True,
        "half": True,  # absent from one exam, which counts 0, and no score in the other
        "left": True,
        "passed": False,
    }
    assert found.loc["passed", "score"] == 60
    assert found["left"].to_dict() == {
        "failed": False,
        "half": False,
        "left": True,
        "passed": False,
    }


def test_a_term_that_is_not_over_has_no_policy_view(demo: Workspace) -> None:
    with pytest.raises(SettingsError, match="There is no completed term 2026-01-05"):
        stage.load("2026-01-05", demo)


def test_flips_and_overlap_by_hand() -> None:
    places = [("a", 4), ("a", 5), ("a", 6), ("b", 4), ("b", 6), ("c", 6), ("c", 7), ("c", 9)]
    found = measure_stability(pd.DataFrame(places, columns=["student_id", "sem_week"]), Calendar())
    assert found["listed"].to_dict() == {4: 2, 5: 1, 6: 3, 7: 1, 9: 1}
    assert found["of_last_week"].dropna().to_dict() == {5: 0.5, 6: 1.0, 7: 1 / 3, 9: 1.0}
    # b leaves, comes back and leaves; a leaves: four flips over three students.
    assert found["flips_per_student"].tolist() == [0, 0.5, 2 / 3, 4 / 3, 4 / 3]


@pytest.mark.prove
def test_the_shipped_thresholds_meet_their_goals_over_seeds(tmp_path: Path) -> None:
    from benchmarks.lists import analyse_college, judge_lists

    found = judge_lists(analyse_college(tmp_path / "college", 3, 400))
    urgent, soon, keep, unlisted = (
        found[f"{group}, weeks 5-17"] for group in ("Urgent", "Soon", "Keep in view", "unlisted")
    )
    assert urgent > soon > keep
    assert keep > unlisted - 0.03
    assert found["Start here, weeks 5-17"] > found["Next, weeks 5-17"]
    assert found["Start here, weeks 5-17"] > 2 * unlisted
    assert 0.08 <= found["listed, mean"] <= 0.23
    assert found["listed, most"] <= 0.28
    assert found["kept"] >= 0.70
    assert found["weeks ahead, median"] >= 6
