"""What each stage's notebook is told: a typed model, and the notebook's own declaration, which must agree with it."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError

from edumetrics.errors import SettingsError
from edumetrics.params import Model
from edumetrics.settings import PROJECT
from edumetrics.stages import post_analysis, pre_exam, pre_sem, weekly

NOTEBOOKS = PROJECT / "notebooks"
DAY = r"^(\d{4}-\d\d-\d\d)?$"


class StageParameters(Model):
    """What every stage is told; empty texts leave the choice to the notebook."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    term: str = Field(default="", pattern=DAY)
    folder: str = ""
    run_id: str = Field(default="", pattern=r"^([0-9a-f]{32})?$")
    write: bool = True


class WeekParameters(StageParameters):
    """What a stage about one week is told."""

    week: int = Field(default=0, ge=0)


class ReviewParameters(StageParameters):
    """What a stage about the results of an exam is told."""

    exam: Literal["", "midterm", "endterm"] = ""
    known_by: str = Field(default="", pattern=DAY)


MODELS: dict[str, type[StageParameters]] = {
    pre_sem.STAGE: StageParameters,
    weekly.STAGE: WeekParameters,
    **dict.fromkeys(pre_exam.STAGES.values(), WeekParameters),
    post_analysis.STAGE: ReviewParameters,
}


def check(stage: str, parameters: Mapping[str, Any]) -> None:
    """Refuse values that the stage's model does not allow, and names that its notebook does not declare.

    Raises:
        SettingsError: one of them, by name; or the notebook is missing, or declares something else.
    """
    name = f"{stage}.ipynb"
    defaults = declared(NOTEBOOKS / name)
    for parameter, value in parameters.items():
        if parameter not in defaults:
            raise SettingsError(
                f"{name} declares no parameter {parameter}: it has {', '.join(defaults)}."
            )
        if type(value) is not type(defaults[parameter]):
            wanted, given = type(defaults[parameter]).__name__, type(value).__name__
            raise SettingsError(
                f"The parameter {parameter} of {name} is of type {wanted}, not {given}."
            )
    if stage in MODELS:
        try:
            MODELS[stage].model_validate({**defaults, **parameters})
        except ValidationError as error:
            first = error.errors()[0]
            raise SettingsError(
                f"The parameter {first['loc'][0]} of {name}: {first['msg']}."
            ) from None


def declared(source: Path) -> dict[str, Any]:
    """The names and literal defaults of a notebook's parameters cell; SettingsError when it has none."""
    try:
        cells = json.loads(source.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError):
        raise SettingsError(f"There is no notebook {source}, or it cannot be read.") from None
    tagged = [cell for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
    if len(tagged) != 1:
        raise SettingsError(
            f"{source.name} must have exactly one cell tagged parameters; it has {len(tagged)}."
        )
    try:
        assigned = [
            node
            for node in ast.parse("".join(tagged[0]["source"])).body
            if isinstance(node, ast.Assign)
        ]
        return {node.targets[0].id: ast.literal_eval(node.value) for node in assigned}  # type: ignore[attr-defined]
    except (SyntaxError, ValueError, AttributeError):
        raise SettingsError(
            f"The parameters cell of {source.name} must assign literal values to names."
        ) from None
