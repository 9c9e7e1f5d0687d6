"""CONTRIBUTING.md says which files a new thing touches: they exist, and the thing is known nowhere else."""

from __future__ import annotations

import ast
import re

import pytest
import yaml

from edumetrics.analysis.week_state import MOMENTS, WEEKLY
from edumetrics.fields import RELATIONS
from edumetrics.fields.phrases import PHRASES
from edumetrics.fields.reasons import RULES
from edumetrics.params.scoring import EffortWeights
from edumetrics.reports.stored_moments import BUILDERS
from edumetrics.settings import PROJECT
from edumetrics.stages import STAGES

RECIPES = {
    part.splitlines()[0].strip("# "): part
    for part in re.split(r"(?m)^(?=##)", (PROJECT / "CONTRIBUTING.md").read_text())
    if part.startswith("### ")
}
STRINGS = {
    path.relative_to(PROJECT).as_posix(): {
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    for path in sorted((PROJECT / "edumetrics").rglob("*.py"))
    if "migrations" not in path.parts
}


def list_files(recipe: str) -> list[str]:
    """The files of a recipe, with what stands for a name of one's own left out."""
    cells = [line.split("|")[1] for line in recipe.splitlines() if line.startswith("| `")]
    named = [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]
    return [name for name in named if "/" in name and "NAME" not in name]


def test_the_native_college_maps_every_relation() -> None:
    mapping = yaml.safe_load((PROJECT / "params" / "colleges" / "native.yml").read_text())
    assert set(mapping["relations"]) == set(RELATIONS)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_the_files_of_a_recipe_exist(recipe: str) -> None:
    assert list_files(recipe)
    assert [name for name in list_files(recipe) if not (PROJECT / name).exists()] == []


def test_a_student_reads_of_every_signal_what_it_is() -> None:
    assert [name for name in EffortWeights.model_fields if f"own_part_{name}" not in PHRASES] == []


def test_a_rule_is_named_in_the_files_of_its_recipe_only() -> None:
    (recipe,) = (text for title, text in RECIPES.items() if title.startswith("A rule"))
    offences = [
        f"{name}: {rule}"
        for name, strings in STRINGS.items()
        # Below triage, a column may have the name of a rule.
        if name not in list_files(recipe)
        and name.split("/")[1] not in ("college", "inputs", "scoring")
        for rule in set(RULES) & strings
    ]
    assert offences == []


def test_a_stage_is_named_in_its_own_module_only() -> None:
    # A week's state tells the weekly stage and the review from the others.
    offences = [
        f"{name}: {stage.name}"
        for name, strings in STRINGS.items()
        if not name.startswith(("edumetrics/stages/", "edumetrics/analysis/week_state.py"))
        for stage in STAGES
        if stage.name in strings
    ]
    assert offences == []


def test_what_a_stage_finds_is_mailed() -> None:
    # The week's mail is made from the ledger: a stage that is not known there is never told of.
    assert (
        [stage.name for stage in STAGES if stage.name != WEEKLY] == list(MOMENTS) == list(BUILDERS)
    )
