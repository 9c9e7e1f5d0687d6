"""Metrics and lists agree with an independent reading of the texts, on colleges of an independent generator."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from edumetrics.analysis.store import Store, get_utc_now
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.batch import backfill, progress
from edumetrics.fields import RELATIONS
from edumetrics.workspace import Workspace
from tests.built_once import build_once
from tests.conftest import workspace_at
from tests.independent import generator, lists, reading, urgency

KEY = ["student_id", "term", "sem_week"]
KINDS = ("talked", "emailed", "called", "referred", "no answer", "known reason")
COMPARED = (
    "risk_tier",
    "ranked_by",
    "listed_by",
    "rules",
    "status",
    "escalation_level",
    "weeks_on_list",
    "first_flagged_week",
    "looked_after",
    "triage_rank",
    "within_capacity",
    "hand_over",
)
# A small capacity for one seed, so that places run out; the shipped one for the other.
CAPACITIES = {1: 3, 2: 8}


class Calibrated(NamedTuple):
    """A generated college, its analysis, and the contacts entered beforehand."""

    path: Path
    store: Store
    contacts: list[dict[str, Any]]
    capacity: int


# The college of one seed with every case is read in the lane of slow tests, the others when everything is proved.
LANES = {("all", 2): pytest.mark.slow}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((variant, seed), marks=LANES.get((variant, seed), pytest.mark.prove))
        for variant in generator.VARIANTS
        for seed in CAPACITIES
    ],
)
def calibrated(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Calibrated:
    variant, seed = request.param

    def build(folder: Path) -> None:
        generator.build(folder / "college.db", seed, variant)
        at = open_generated(folder, seed)
        with at.store.start_transaction() as connection:
            rows = made_up_contacts(at, seed)
            connection.execute(sa.insert(SQL_TABLES["intervention_log"]), rows)
        backfill.calibrate(at, progress.skip_line)

    folder = build_once(tmp_path_factory, f"generated-{variant}-{seed}", build)
    at = open_generated(folder, seed)
    contacts = made_up_contacts(at, seed)
    return Calibrated(folder / "college.db", at.store, contacts, CAPACITIES[seed])


def open_generated(folder: Path, seed: int) -> Workspace:
    at = workspace_at(folder / "home", f"sqlite:///{folder / 'college.db'}")
    triage = at.params.triage.model_copy(update={"capacity": CAPACITIES[seed]})
    return Workspace(at.settings, at.params.model_copy(update={"triage": triage}), at.store)


def made_up_contacts(at: Workspace, seed: int) -> list[dict[str, Any]]:
    """Contacts of every kind with anyone in any week, some with a date until which they count."""
    with at.open_college() as college:
        terms = [term.name for term in college.list_terms(college.find_college_week(at.today))]
        students = list(college.students["student_id"])
    chance = random.Random(seed)
    rows = []
    for student, term, week in [
        (s, t, w) for s in sorted(students) for t in terms for w in range(1, 18)
    ]:
        if chance.random() < 0.15:
            until = pd.Timestamp(term) + pd.Timedelta(days=7 * week + chance.randrange(40))
            rows.append(
                {
                    "student_id": student, "term": term, "sem_week": week, "kind": chance.choice(KINDS),
                    "until": until.date() if chance.random() < 0.3 else None, "logged_at": get_utc_now(),
                }
            )  # fmt: skip
    return rows


def test_metrics_agree_with_an_independent_reading(calibrated: Calibrated) -> None:
    ours = calibrated.store.read("weekly_metrics").sort_values(KEY, ignore_index=True)
    theirs = reading.weekly_metrics(calibrated.path).sort_values(KEY, ignore_index=True)
    assert ours[KEY].to_numpy().tolist() == theirs[KEY].to_numpy().tolist()
    for column in theirs.columns.drop(KEY):
        compare(ours, theirs, column)


def compare(ours: pd.DataFrame, theirs: pd.DataFrame, column: str) -> None:
    if column == "class_id":
        assert ours[column].tolist() == theirs[column].tolist()
        return
    got, wanted = ours[column].to_numpy("float64"), theirs[column].to_numpy("float64")
    wrong = ~np.isclose(got, wanted, rtol=1e-9, atol=1e-9, equal_nan=True)
    examples = pd.DataFrame({**{k: ours[k] for k in KEY}, "got": got, "wanted": wanted})[
        wrong
    ].head()
    assert not wrong.any(), f"{column}:\n{examples}"


def test_lists_agree_with_an_independent_reading(calibrated: Calibrated) -> None:
    seen = 0
    for term in calibrated.store.list_values("weekly_metrics", "term"):
        seen += compare_lists(calibrated, term)
    assert seen > 20


@pytest.mark.slow
@pytest.mark.parametrize(
    "term", [pytest.param("2025-07-14", marks=pytest.mark.prove), "2026-01-05"]
)
def test_lists_by_a_model_agree_with_an_independent_reading(demo: Workspace, term: str) -> None:
    at = Calibrated(demo.settings.home / "college.db", demo.store, [], demo.params.triage.capacity)
    assert term in demo.store.list_values("weekly_metrics", "term")
    assert compare_lists(at, term) > 250


@pytest.mark.slow
def test_thresholds_agree_with_an_independent_fit(calibrated: Calibrated) -> None:
    stored = calibrated.store.read("list_thresholds", ranked_by="rules")
    for fitted_on, rows in stored.groupby("fitted_on"):
        term = read_term(calibrated, str(fitted_on))
        urgencies = {
            week: {
                student: term.urgency.by_rules(student, week, row["risk_score"])
                for student, row in term.rows[week].items()
            }
            for week in term.weeks
        }
        fitted = urgency.fit(urgencies, term.college.teaching)
        got = dict(zip(rows["sem_week"], rows["list_at"], strict=True))
        assert got == pytest.approx(fitted, abs=1e-6)


@pytest.mark.slow
def test_open_items_of_a_card_are_those_that_the_college_waits_for(calibrated: Calibrated) -> None:
    """Each item that can still be handed in is named, and no other one."""
    college, seen = relations(calibrated.path), 0
    subjects = {row["subject_id"]: row["subject_name"] for row in college["subjects"]}
    for name in calibrated.store.list_values("weekly_flags", "term"):
        term = read_term(calibrated, name)
        for row in calibrated.store.read("weekly_flags", term=name).to_dict("records"):
            student, week = row["student_id"], row["sem_week"]
            end = term.end(student, week)
            waited_for = {
                ("assignment", subjects[item["subject_id"]], item["title"], day.isoformat())
                for key, day in term.due_until(student, week)
                if term.is_open(student, key, day, end)
                for item in [term.college.items[key]]
            }
            for record in row["reasons"]:
                if record["code"] == "missed_work":
                    named = [
                        (item["kind"], item["subject"], item["label"].strip("“”"), item["due"])
                        for item in record["items"]
                        if item["open"]
                    ]
                    assert sorted(named) == sorted(waited_for), (name, week, student)
                    seen += len(named)
    assert seen > 0


def read_term(at: Calibrated, term: str, **more: Any) -> lists.Term:
    """The other reading of a term, before any list is made."""
    stored = at.store.read("list_thresholds", term=term)
    keys = zip(stored["ranked_by"], stored["sem_week"], strict=True)
    watch = at.store.read("pre_sem_watchlist", target_term=term)
    watch = watch.set_index("student_id")
    flags = at.store.read("weekly_flags", term=term)
    by_model = flags.loc[flags["ranked_by"] == "model", "sem_week"]
    known = {
        "capacity": at.capacity,
        "watched": set(watch.index[watch["on_watchlist"].astype(bool)]),
        # Everyone with a risk has it as urgency in the first weeks, on the watchlist or not.
        "risks": watch["risk_probability_pct"].dropna().to_dict(),
        "thresholds": dict(zip(keys, stored["list_at"], strict=True)),
        "model_from": None if by_model.empty else int(by_model.min()),
        **more,
    }
    metrics = at.store.read("weekly_metrics", term=term).to_dict("records")
    return lists.Term(relations(at.path), metrics, at.contacts, known)


def compare_lists(at: Calibrated, name: str) -> int:
    """Compare all lists of a term; return how many rows there were."""
    theirs = read_term(at, name, readings=lists.OTHER_READINGS).run()
    flags = at.store.read("weekly_flags", term=name).to_dict("records")
    ours = {(row["sem_week"], row["student_id"]): row for row in flags}
    wanted = {(week, s): flag for week in theirs.weeks for s, flag in theirs.flags[week].items()}
    for key in sorted(ours.keys() | wanted.keys()):
        assert key in ours, (name, *key, "is not listed", wanted[key])
        assert key in wanted, (name, *key, "is listed", ours[key]["listed_by"])
        got, flag = ours[key], wanted[key]
        got["rules"] = {rule["code"]: rule["since_week"] for rule in got["rules"]}
        if got["looked_after"]:
            got["triage_rank"] = None  # whoever is looked after is outside the order
        assert {n: got[n] for n in COMPARED} == {n: flag[n] for n in COMPARED}, (name, *key)
        if flag["urgency_score"] is not None:
            assert got["urgency_score"] == pytest.approx(flag["urgency_score"], abs=1e-6), key
    left = at.store.read("list_exits", term=name)
    found = at.store.read("class_findings", term=name)
    for week in theirs.weeks:
        gone, told = left[left["sem_week"] == week], found[found["sem_week"] == week]
        withdrawn = set(gone.loc[gone["kind"] == "withdrawn", "student_id"])
        assert set(gone["student_id"]) == set(theirs.exits[week]), (name, week)
        assert withdrawn == {s for s, k in theirs.exits[week].items() if k == "withdrawn"}
        codes = zip(told["class_id"], told["code"], strict=True)
        counts = dict(zip(codes, told["students_affected"], strict=True))
        assert counts == theirs.findings[week], (name, week)
    return len(ours)


def relations(path: Path) -> dict[str, list[dict[str, Any]]]:
    with sqlite3.connect(path) as connection:
        connection.row_factory = sqlite3.Row
        known = {
            row[0]
            for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        names = [name for name in RELATIONS if name in known]
        return {
            name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")]
            for name in names
        }
