"""What predictions are worth on simulated colleges, one semester behind them: `python -m benchmarks.forecasts`.

Each college is taken to the end of its second semester; the forecasts of that semester, made by
models that knew only the first, are held against its results.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import pandas as pd

from edumetrics import database
from edumetrics.batch import backfill, progress
from edumetrics.college.exams import read_exam_results
from edumetrics.college.outcomes import compute_outcomes
from edumetrics.inputs.terms import PREDICTION_TABLES
from edumetrics.params import Calendar
from edumetrics.settings import Settings
from edumetrics.simulator import generate, write
from edumetrics.types import Exam
from edumetrics.workspace import Workspace, open_workspace

BEFORE: dict[Exam, int] = {"midterm": 7, "endterm": 17}


def tried(home: Path, seed: int, students: int) -> pd.Series:
    """Simulate a college, analyse both semesters, and judge the second's predictions."""
    home.mkdir(parents=True, exist_ok=True)
    urls = [f"sqlite:///{home / name}.db" for name in ("college", "analysis")]
    workspace = open_workspace(Settings(home, "native", *urls))
    plan = generate.plan_demo(students, seed, Calendar(), weeks=1, semesters=2)
    write.write_simulation(database.create_writable_engine(urls[0]), plan, quiet=True)
    backfill.calibrate(workspace, progress.skip_line)
    found = pd.Series({"seed": seed})
    with workspace.open_college() as college:
        terms = college.list_terms(college.find_college_week(workspace.today))
        second, third = terms[1], terms[2]
        for exam in BEFORE:
            score = read_exam_results(college, second, exam).groupby("student_id")["score"].mean()
            found = pd.concat([found, _exam(workspace, exam, second.name, score)])
        failed = compute_outcomes(college, second).set_index("student_id")["failed"]
    assert third.current
    return pd.concat(
        [found, _watchlist(workspace, second.name, failed), _lists(workspace, second.name, failed)]
    )


def _exam(workspace: Workspace, exam: Exam, term: str, score: pd.Series) -> pd.Series:
    rows = workspace.store.read(
        PREDICTION_TABLES[exam], term=term, sem_week=BEFORE[exam]
    ).set_index("student_id")
    marks = workspace.store.read(
        "weekly_features",
        ("student_id", "mark", "mark_with_zeros"),
        term=term,
        sem_week=BEFORE[exam],
    )
    marks = marks.set_index("student_id")
    actual = score.reindex(rows.index)
    error = (rows[f"predicted_{exam}_score"] - actual).abs().mean()
    so_far = min((marks[name].reindex(rows.index) - actual).abs().mean() for name in marks)
    held = actual.between(rows["low"], rows["high"])[actual.notna()].mean()
    return pd.Series(
        {
            f"{exam} error": error,
            f"{exam} error / marks so far": error / so_far,
            f"{exam} in range": held,
        }
    )


def _watchlist(workspace: Workspace, term: str, failed: pd.Series) -> pd.Series:
    rows = workspace.store.read("pre_sem_watchlist", target_term=term)
    rows = rows.assign(failed=rows["student_id"].map(failed)).dropna(subset="failed")
    top = rows.sort_values("risk_probability_pct", ascending=False).head(round(len(rows) / 5))
    share = top["failed"].sum() / rows["failed"].sum()
    return pd.Series(
        {
            "fails in the watchlist's top fifth": share,
            "on the watchlist": rows["on_watchlist"].mean(),
        }
    )


def _lists(workspace: Workspace, term: str, failed: pd.Series) -> pd.Series:
    flags = workspace.store.read("weekly_flags", term=term)
    inside = flags[flags["within_capacity"].astype(bool) & (flags["ranked_by"] == "model")]
    hits = inside["student_id"].map(failed).astype("boolean").groupby(inside["sem_week"]).mean()
    return pd.Series({"precision in a place": hits.mean(), "failed or left": failed.mean()})


def main() -> None:
    """Print one column per seed, and their mean."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--students", type=int, default=600)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        table = pd.DataFrame(
            [tried(Path(folder) / str(s), s, chosen.students) for s in chosen.seeds]
        )
    table = table.astype({"seed": "int64"}).set_index("seed")
    table.loc["mean"] = table.mean()
    print(table.astype("float64").round(3).T.to_string())


if __name__ == "__main__":
    main()
