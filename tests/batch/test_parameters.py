"""A stage is told what its `load` asks for: other names, types and values are refused before it runs."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from edumetrics.batch import parameters
from edumetrics.batch.parameters import check_parameters, read_defaults
from edumetrics.errors import SettingsError
from edumetrics.stages import BY_NAME

RUN_ID = "0123456789abcdef0123456789abcdef"
VALUES: dict[str, dict[str, Any]] = {
    "pre_sem": {"term": "2026-01-05", "folder": "x"},
    "weekly": {"term": "2026-01-05", "week": 3, "folder": "x"},
    "pre_mid": {"term": "2026-01-05", "week": 6, "folder": "x"},
    "pre_end": {"term": "2026-01-05", "week": 16, "folder": "x"},
    "post_analysis": {
        "term": "2026-01-05", "exam": "midterm", "known_by": "2026-03-15", "folder": "x",
    },
}  # fmt: skip


def write_notebook(folder: Path, *cells: str | None, name: str = "own.ipynb") -> Path:
    """Write a notebook whose cells are tagged `parameters`; None is a cell without a tag."""
    path = folder / name
    path.write_text(json.dumps({"cells": [
        {"source": [cell or "x = 1"], "metadata": {"tags": ["parameters"] if cell else []}}
        for cell in cells
    ]}))  # fmt: skip
    return path


# ------------------------------------------------------------ the signature of load


def test_every_stage_is_here() -> None:
    assert set(VALUES) == set(BY_NAME)


@pytest.mark.parametrize("stage", VALUES)
def test_parameters_are_the_signature_of_load(stage: str) -> None:
    model = BY_NAME[stage].parameters
    asked = set(inspect.signature(BY_NAME[stage].load).parameters)
    assert set(model.model_fields) == asked | {"run_id", "write"}


@pytest.mark.parametrize("stage", VALUES)
def test_a_notebook_declares_what_its_stage_is_told(stage: str) -> None:
    defaults = read_defaults(parameters.NOTEBOOKS / f"{stage}.ipynb")
    assert set(defaults) == set(BY_NAME[stage].parameters.model_fields)
    told = BY_NAME[stage].parameters.model_validate(defaults)
    assert {name: getattr(told, name) for name in defaults} == defaults
    assert set(VALUES[stage]) | {"run_id", "write"} == set(defaults)


@pytest.mark.parametrize("stage", VALUES)
@pytest.mark.parametrize("more", [{}, {"write": False}, {"run_id": RUN_ID}])
def test_good_values_are_accepted(stage: str, more: dict[str, Any]) -> None:
    check_parameters(stage, {})
    check_parameters(stage, {**VALUES[stage], **more})


def test_a_value_is_not_turned_into_another_type() -> None:
    model = BY_NAME["weekly"].parameters
    for wrong in ({"week": "3"}, {"week": 3.0}, {"write": 1}, {"term": 20260105}):
        with pytest.raises(ValidationError):
            model.model_validate(wrong)


def test_told_parameters_do_not_change() -> None:
    told = BY_NAME["weekly"].parameters.model_validate({"week": 3})
    with pytest.raises(ValidationError, match="frozen"):
        told.week = 4  # type: ignore[attr-defined]


# ------------------------------------------------------------ refused


@pytest.mark.parametrize(
    ("stage", "name", "value", "why"),
    [
        ("weekly", "wek", 3, "weekly.ipynb declares no parameter wek: it has term, week, folder, "
         "run_id, write."),
        ("pre_sem", "week", 3, "pre_sem.ipynb declares no parameter week: it has term, folder, "
         "run_id, write."),
        ("pre_mid", "exam", "midterm", "pre_mid.ipynb declares no parameter exam: it has term, "
         "week, folder, run_id, write."),
        ("weekly", "week", "3", "The parameter week of weekly.ipynb is of type int, not str."),
        ("weekly", "week", True, "The parameter week of weekly.ipynb is of type int, not bool."),
        ("weekly", "write", 1, "The parameter write of weekly.ipynb is of type bool, not int."),
        ("weekly", "term", None, "The parameter term of weekly.ipynb is of type str, not NoneType."),
        ("weekly", "week", -1, "The parameter week of weekly.ipynb: Input should be greater than "
         "or equal to 0."),
    ],
)  # fmt: skip
def test_a_wrong_name_type_or_value_is_one_sentence(
    stage: str, name: str, value: object, why: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        check_parameters(stage, {name: value})
    assert str(refused.value) == why


@pytest.mark.parametrize(
    ("stage", "name", "value"),
    [
        ("weekly", "term", "5 January"),
        ("weekly", "term", "2026-1-5"),
        ("weekly", "term", "2026-01-05 "),
        ("pre_sem", "run_id", "abc"),
        ("pre_sem", "run_id", RUN_ID.upper()),
        ("post_analysis", "exam", "final"),
        ("post_analysis", "known_by", "15.03.2026"),
    ],
)
def test_a_value_that_is_not_allowed_is_named(stage: str, name: str, value: object) -> None:
    with pytest.raises(SettingsError) as refused:
        check_parameters(stage, {**VALUES[stage], name: value})
    assert str(refused.value).startswith(f"The parameter {name} of {stage}.ipynb: ")
    assert str(value) not in str(refused.value), "a wrong value may be anything"


# ------------------------------------------------------------ notebooks


def test_a_stage_knows_every_parameter_of_its_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parameters, "NOTEBOOKS", tmp_path)
    write_notebook(tmp_path, 'term = ""\ncolour = "red"', name="weekly.ipynb")
    with pytest.raises(SettingsError, match=r"weekly\.ipynb declares no parameter colour"):
        check_parameters("weekly", {"term": "2026-01-05"})


def test_a_notebook_that_is_no_stage_is_checked_by_its_own_declaration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parameters, "NOTEBOOKS", tmp_path)
    write_notebook(tmp_path, 'colour = "red"')
    check_parameters("own", {"colour": "blue"})
    with pytest.raises(SettingsError, match="is of type str, not int"):
        check_parameters("own", {"colour": 3})


def test_literals_of_any_kind_are_read(tmp_path: Path) -> None:
    cell = "# a comment\nterm = ''  # another\nweek = -1\nshare = 0.5\nnames = ['a', 'b']\nwrite = True\n"
    assert read_defaults(write_notebook(tmp_path, None, cell)) == {
        "term": "", "week": -1, "share": 0.5, "names": ["a", "b"], "write": True,
    }  # fmt: skip


@pytest.mark.parametrize("cells", [(None,), ("a = 1", "b = 2")], ids=["none", "two"])
def test_a_notebook_has_one_cell_of_parameters(
    cells: tuple[str | None, ...], tmp_path: Path
) -> None:
    count = sum(cell is not None for cell in cells)
    with pytest.raises(SettingsError) as refused:
        read_defaults(write_notebook(tmp_path, *cells))
    assert (
        str(refused.value)
        == f"own.ipynb must have exactly one cell tagged parameters; it has {count}."
    )


@pytest.mark.parametrize(
    "cell", ["week = 1 + x", "a.week = 1", "a, b = 1, 2", "week = ", "t = today()"]
)
def test_a_cell_of_parameters_assigns_literals_to_names(cell: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="must assign literal values to names"):
        read_defaults(write_notebook(tmp_path, cell))


@pytest.mark.parametrize("content", [None, "no json", "{}", b"\xff"])
def test_a_notebook_that_cannot_be_read_is_named(
    content: str | bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "broken.ipynb"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SettingsError, match=r"There is no notebook .*broken\.ipynb, or it cannot"):
        read_defaults(path)
