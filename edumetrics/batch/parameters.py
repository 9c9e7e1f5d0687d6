"""Check the parameters of each stage's notebook before it runs.

A parameter must fit a typed model and the notebook's own declaration.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edumetrics.errors import SettingsError
from edumetrics.settings import PROJECT
from edumetrics.stages import BY_NAME

NOTEBOOKS = PROJECT / "notebooks"


def find_notebook(stage: str, home: Path | None = None) -> Path:
    """Return the notebook of a stage: the home's own, else the one that is shipped."""
    own = home / "notebooks" / f"{stage}.ipynb" if home else None
    return own if own and own.is_file() else NOTEBOOKS / f"{stage}.ipynb"


def check_parameters(stage: str, parameters: Mapping[str, Any], home: Path | None = None) -> None:
    """Check values against the stage's model, and names and types against its notebook.

    Args:
        stage: the notebook's file name without its suffix.
        parameters: values by name.
        home: the home, which may have a notebook of its own.

    Raises:
        SettingsError: a parameter is not declared, has the wrong type or a value that is not
            allowed (the message names it). Or the notebook is missing, has no parameters cell, or
            declares a parameter that the model does not know.
    """
    name = f"{stage}.ipynb"
    defaults = read_defaults(find_notebook(stage, home))
    for parameter, value in parameters.items():
        if parameter not in defaults:
            raise SettingsError(
                f"{name} declares no parameter {parameter}: it has {', '.join(defaults)}."
            )
        # isinstance would accept True for an integer.
        if type(value) is not type(defaults[parameter]):
            wanted, given = type(defaults[parameter]).__name__, type(value).__name__
            raise SettingsError(
                f"The parameter {parameter} of {name} is of type {wanted}, not {given}."
            )
    # A notebook that is no stage of the batch has no model.
    if stage in BY_NAME:
        # With the defaults: the notebook must declare nothing that the stage does not know.
        BY_NAME[stage].validate_told({**defaults, **parameters})


def read_defaults(source: Path) -> dict[str, Any]:
    """Return the names and literal defaults that a notebook's parameters cell assigns.

    Raises:
        SettingsError: the notebook is missing or cannot be read, it has not exactly one cell tagged
            parameters, or that cell assigns anything but literals to names.
    """
    # Plain JSON is enough here, and much faster to load than nbformat.
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
        return dict(map(_read_assignment, ast.parse("".join(tagged[0]["source"])).body))
    except (SyntaxError, ValueError):
        raise SettingsError(
            f"The parameters cell of {source.name} must assign literal values to names."
        ) from None


def _read_assignment(node: ast.stmt) -> tuple[str, Any]:
    """Return the name and the value of `name: type = value`, or of the same without a type.

    Raises:
        ValueError: it is something else, or the value is no literal.
    """
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        raise ValueError(ast.dump(node))
    (target,) = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
    if not isinstance(target, ast.Name):
        raise ValueError(ast.dump(node))
    return target.id, ast.literal_eval(node.value)
