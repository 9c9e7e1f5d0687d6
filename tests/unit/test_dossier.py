"""What a college shows an authority: filled from the ledger, pointed to, and made up nowhere."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from edumetrics.cli import main
from edumetrics.dossier import DossierFile, DossierItem, collect_facts, write_dossier
from edumetrics.fields import TABLES
from edumetrics.params.files import read_file
from edumetrics.settings import PROJECT
from edumetrics.workspace import Workspace

FILE = read_file(PROJECT / "params" / "dossier.yml", DossierFile)
# What the law asks for: each has at least one item.
LAW = [
    "Annex IV 1",
    "Annex IV 2",
    *(f"Annex IV {n}" for n in range(3, 10)),
    *(f"Art. {n}" for n in (*range(9, 16), 26, 27, 86)),
]


@pytest.mark.parametrize("law", LAW)
def test_every_part_of_the_law_is_there(law: str) -> None:
    assert any(item.law.startswith(law) for item in FILE.items)


def test_seven_of_ten_items_are_filled_and_the_others_named() -> None:
    filled = [item for item in FILE.items if item.answer]
    assert len(filled) >= 0.7 * len(FILE.items)
    assert all(item.college for item in FILE.items if not item.answer)
    for wrong in ({}, {"answer": "x"}, {"answer": "x", "where": "y", "college": "z"}):
        with pytest.raises(ValueError, match="college"):
            DossierItem(law="a", asks="b", **wrong)


@pytest.mark.parametrize(
    "item",
    [item for item in FILE.items if item.answer],
    ids=lambda item: f"{item.law} {item.asks[:20]}",
)
def test_what_an_answer_points_to_is_there(item: DossierItem) -> None:
    places = item.where.split("; ")
    for place in places:
        name = place.split(":")[0].split(".")[0]
        command = re.fullmatch(r"`edumetrics ([a-z]+).*`", place)
        assert (
            name in TABLES
            or (PROJECT / place.split(":")[0]).exists()
            or place in ("this file", "ledger.csv", "notices.md", "impact-assessment.md")
            or (command is not None and command[1] in main.commands)
        ), place  # fmt: skip


def test_every_number_is_that_of_the_database(demo_copy: Workspace) -> None:
    facts, store = collect_facts(demo_copy), demo_copy.store
    runs, metrics = store.read("run_log"), store.read("weekly_metrics")
    assert facts["runs"] == len(runs)
    assert facts["failed_runs"] == (runs["status"] == "failed").sum()
    assert facts["parameter_sets"] == runs["params_sha256"].nunique()
    assert facts["weeks"] == len(metrics[["term", "sem_week"]].drop_duplicates())
    newest = metrics[(metrics["term"] == "2026-01-05") & (metrics["sem_week"] == 10)]
    assert (facts["students"], facts["classes"], facts["advisors"]) == tuple(
        newest[name].nunique() for name in ("student_id", "class_id", "advisor_id")
    )
    used = store.read("model_runs", task="fail", champion=True).iloc[0]
    assert facts["trained_rows"] == used["rows"]
    assert f"AUC {pd.DataFrame(used['metrics']['by_week'])['auc'].mean():.2f}" in facts["accuracy"]
    assert facts["placed"] == 0, "a list that was only replayed was shown to nobody"


def test_the_same_ledger_gives_the_same_bytes_and_no_person(
    demo_copy: Workspace, tmp_path: Path
) -> None:
    first, second = (write_dossier(demo_copy, tmp_path / name) for name in ("first", "second"))
    assert first.filled >= 0.7 * first.items
    for one, other in zip(first.files, second.files, strict=True):
        assert one.read_bytes() == other.read_bytes()
    text = "".join(path.read_text() for path in first.files)
    assert "{{" not in text
    with demo_copy.open_college() as college:
        people = [
            *college.names["student_id"],
            *college.names["name"].dropna(),
            *college.advisors["advisor_id"],
        ]
    assert [one for one in people if one in text] == []


def test_a_college_without_a_model_has_a_dossier(tmp_path: Path) -> None:
    from tests.analysis.rows import open_small_workspace

    workspace = open_small_workspace(tmp_path / "home")
    made = write_dossier(workspace, tmp_path / "out")
    assert "not known yet" in made.files[0].read_text()


@pytest.mark.slow
def test_judged_cards_count_and_answers_to_them(ready: Workspace) -> None:
    facts = collect_facts(ready)
    placed = ready.store.read("weekly_flags", term="2026-01-05", sem_week=10, within_capacity=True)
    assert facts["placed"] == len(placed)
    assert facts["answered"] + facts["ignored"] == facts["placed"]
