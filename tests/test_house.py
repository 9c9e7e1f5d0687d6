"""The house keeps its own rules: the direction of imports, purity, notebooks that hold no logic, one set of packages."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml

from edumetrics.settings import PROJECT

PACKAGE = PROJECT / "edumetrics"
MODULES = sorted(PACKAGE.rglob("*.py"))
NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))
# A module imports only from lines beneath its own (and from its own).
LAYERS = (
    ("cli", "__main__"),
    ("batch",),
    ("interventions",),
    ("mail",),
    ("queries", "privacy"),
    ("stages",),
    ("reports",),
    ("forecast",),
    ("triage",),
    ("scoring",),
    ("college",),
    ("analysis",),
    ("database",),
    ("weeks",),
    ("params", "settings", "fields"),
    ("sentences", "errors"),
)
# The one name under which analysts look for it; what it shows is put together above.
UPWARDS = {("reports/__init__.py", "stages"): "reports.preview(advisor, week)"}
PURE = ("scoring", "triage", "forecast")
IMPURE = {"sqlalchemy", "psycopg2", "os", "datetime", "time", "matplotlib", "pathlib", "random"}
CONDA_NAMES = {
    "psycopg2-binary": "psycopg2",
    "matplotlib": "matplotlib-base",
    "tzdata": "python-tzdata",
}


def layer(name: str) -> int:
    return next(n for n, names in enumerate(LAYERS) if name in names)


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def place(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_data_flows_one_way(path: Path) -> None:
    if place(path) == "__init__":
        return
    ours = {name.split(".")[1] for name in imports(path) if name.startswith("edumetrics.")} - {
        "__version__"
    }
    upwards = {name for name in ours if layer(name) < layer(place(path))}
    upwards -= {name for name in upwards if (path.relative_to(PACKAGE).as_posix(), name) in UPWARDS}
    assert not upwards, f"{path.name} imports from above: {upwards}"


@pytest.mark.parametrize(
    "path", [p for p in MODULES if place(p) in PURE], ids=lambda path: path.name
)
def test_scoring_is_pure(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports(path)} & IMPURE


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_stays_readable(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= 400
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef) and node.end_lineno and "migrations" not in str(path):
            assert node.end_lineno - node.lineno < 70, (
                f"{path.name}: {node.name} does not fit a screen"
            )


def test_only_the_simulator_could_know_the_archetype() -> None:
    for path in MODULES:
        if path.name not in ("fields.py", "cohort.py", "semester.py", "simulator.py"):
            assert "archetype" not in path.read_text()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_a_window(path: Path) -> None:
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in cells) == 1
    for cell in cells:
        assert not cell.outputs, "committed without outputs"
        assert cell.execution_count is None
        assert not re.search(r"^\s*(def|class|for|while|if)\b", cell.source, flags=re.M), (
            "logic lives in the package"
        )
        assert len(cell.source.splitlines()) <= 6


@pytest.mark.parametrize(
    "name", ["edumetrics.scoring.signals", "edumetrics.scoring.attendance", "edumetrics.reports.context", "edumetrics.reports.draft_email",
     "edumetrics.reports.redaction"],
)  # fmt: skip
def test_examples_in_docstrings_are_true(name: str) -> None:
    module = importlib.import_module(name)
    result = doctest.testmod(
        module,
        extraglobs={
            "np": importlib.import_module("numpy"),
            "pd": importlib.import_module("pandas"),
        },
    )
    assert result.attempted > 0
    assert result.failed == 0


def requirement(text: str) -> tuple[str, str]:
    name, sign, version = re.match(r"([\w-]+)(>=)?([\d.]*)", text).groups()  # type: ignore[union-attr]
    return CONDA_NAMES.get(name, name), f"{sign or ''}{version}"


def test_conda_users_get_the_same_set() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    wanted = {requirement(text) for text in project["dependencies"]}
    wanted |= {
        requirement(text) for extra in project["optional-dependencies"].values() for text in extra
    }
    environment = yaml.safe_load((PROJECT / "environment.yml").read_text())["dependencies"]
    pip = next(entry["pip"] for entry in environment if isinstance(entry, dict))
    listed = {
        requirement(text) for text in environment if isinstance(text, str) and text != "pip"
    } | set(map(requirement, pip))
    assert listed - {requirement(f"python{project['requires-python']}")} == wanted


def test_the_lock_pins_what_the_project_asks_for() -> None:
    pinned = set(
        re.findall(r"^([\w.-]+)==", (PROJECT / "requirements.lock").read_text(), flags=re.M)
    )
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    asked = [
        *project["dependencies"],
        *(text for extra in project["optional-dependencies"].values() for text in extra),
    ]
    names = {re.match(r"[\w-]+", text).group(0).lower() for text in asked}  # type: ignore[union-attr]
    assert names <= pinned


def test_the_readme_is_true() -> None:
    readme, makefile = (PROJECT / "README.md").read_text(), (PROJECT / "Makefile").read_text()
    for target in re.findall(r"(?:^|[`·] ?)make (\w+)", readme, flags=re.M):
        assert re.search(rf"^{target}:", makefile, flags=re.M), f"make {target}"
    for path in re.findall(r"^    ?(\w+/)\s", readme, flags=re.M):
        assert (PACKAGE / path).is_dir() or (PROJECT / path).is_dir(), path
