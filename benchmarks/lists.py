"""What the lists of a second semester are worth, against who failed or left: `python -m benchmarks.lists`.

Each seed is a simulated college of its own; the forecast has learnt from its first semester. With
`--home FOLDER` the last completed term of an analysed college is judged instead (OULAD, for one).
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from edumetrics import database
from edumetrics.batch import backfill, progress
from edumetrics.college.outcomes import compute_outcomes
from edumetrics.forecast import list_shares
from edumetrics.modelling import evaluate, train
from edumetrics.params import Calendar
from edumetrics.settings import Settings
from edumetrics.simulator import generate, write
from edumetrics.triage.rules import is_reachable
from edumetrics.workspace import Workspace, open_workspace

# The weeks over which the lists are judged, and the ranges in which the order must hold.
RANGES = ((5, 7), (9, 12), (13, 17), (5, 17))
GROUPS = (*list_shares.TIERS.values(), list_shares.UNLISTED, list_shares.START, list_shares.NEXT)


def analyse_college(home: Path, seed: int, students: int) -> Workspace:
    """Simulate a college with two completed semesters and analyse them."""
    home.mkdir(parents=True, exist_ok=True)
    urls = [f"sqlite:///{home / name}.db" for name in ("college", "analysis")]
    workspace = open_workspace(Settings(home, "native", *urls))
    plan = generate.plan_demo(students, seed, Calendar(), weeks=1, semesters=2)
    write.write_simulation(database.create_writable_engine(urls[0]), plan, quiet=True)
    backfill.calibrate(workspace, progress.skip_line, completed_only=True)
    return workspace


def judge_lists(workspace: Workspace) -> pd.Series:
    """Return the figures of the last completed term of an analysed college."""
    params, store = workspace.params, workspace.store
    with workspace.open_college() as college:
        position = college.find_college_week(workspace.today)
        term = train.find_completed_terms(workspace, college, "9999", position)[-1]
        failed = compute_outcomes(college, term)[["student_id", "failed"]]
    metrics = store.read("weekly_metrics", term=term.name).merge(failed, on="student_id")
    flags = store.read("weekly_flags", term=term.name).merge(failed, on="student_id")
    flags["failed"] = flags["failed"].astype(bool)
    found: dict[str, float | str] = {"term": term.name}
    for first, last in RANGES:
        rows, listed = (f[f["sem_week"].between(first, last)] for f in (metrics, flags))
        shares = list_shares.measure_list_shares(
            rows[list(list_shares.METRICS)], listed[list(list_shares.FLAGS)], failed,
            params.triage, params.forecast,
        ).iloc[-1]  # fmt: skip
        for group in (*GROUPS, "by the forecast"):
            found[f"{group}, weeks {first}-{last}"] = float(shares.get(group, np.nan))
    weeks = [week for week in params.calendar.teaching_weeks if 5 <= week <= 17]
    counts = metrics.groupby("sem_week").size()
    share = (flags.groupby("sem_week").size() / counts).reindex(weeks)
    on = {int(str(w)): set(part["student_id"]) for w, part in flags.groupby("sem_week")}
    kept = [len(on[a] & on.get(b, set())) / len(on[a]) for a, b in pairwise(weeks) if on.get(a)]
    first_week = flags[flags["failed"]].groupby("student_id")["sem_week"].min()
    exam = params.calendar.endterm_week or params.calendar.weeks_per_semester + 1
    reach = list_shares.measure_reach(metrics, flags, failed.astype({"failed": bool}))
    return pd.Series({
        **found,
        "listed, mean": share.mean(),
        "listed, most": share.max(),
        "kept": float(np.mean(kept)),
        "weeks ahead, median": float((exam - first_week).median()),
        **reach,
        "below the rule, had a place in time": _measure_reached_in_time(workspace, metrics, flags),
        "best step on cards": flags.loc[flags["within_capacity"], "best_step"].notna().mean(),
    })  # fmt: skip


def _measure_reached_in_time(
    workspace: Workspace, metrics: pd.DataFrame, flags: pd.DataFrame
) -> float:
    """Return, of those who end below the attendance rule, who had a place while it could be met."""
    rule = workspace.params.calendar.attendance_rule_pct
    if rule is None:
        return float("nan")
    end = metrics.sort_values("sem_week").drop_duplicates("student_id", keep="last")
    below = set(end.loc[end["overall_att_pct"] < rule, "student_id"])
    placed = flags.loc[flags["within_capacity"], ["student_id", "sem_week"]]
    rows = metrics.merge(placed, on=["student_id", "sem_week"])
    return len(below & set(rows.loc[is_reachable(rows), "student_id"])) / max(len(below), 1)


def main() -> None:
    """Print one column per college."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--students", type=int, default=600)
    parser.add_argument("--home", action="store_true", help="the college in the settings")
    chosen = parser.parse_args()
    if chosen.home:
        workspace = open_workspace()
        print(judge_lists(workspace).to_string(float_format="{:.3f}".format))
        for shares, said in evaluate.measure_sent_lists(workspace).values():
            print(shares.round(3).to_string(index=False), *said, sep="\n")
        return
    with tempfile.TemporaryDirectory() as folder:
        table = pd.DataFrame({
            f"seed {seed}": judge_lists(
                analyse_college(Path(folder) / str(seed), seed, chosen.students)
            )
            for seed in chosen.seeds
        })  # fmt: skip
    print(table.to_string(float_format="{:.3f}".format, na_rep="-"))


if __name__ == "__main__":
    main()
