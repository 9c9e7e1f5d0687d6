"""The house keeps its own rules: the direction of imports, purity, notebooks that hold no logic, one set of packages."""

from __future__ import annotations

import ast
import doctest
import importlib
import importlib.util
import re
import tomllib
from collections.abc import Iterator
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
    ("service",),
    ("onboarding",),
    ("simulator",),
    ("interventions",),
    ("batch",),
    ("mail",),
    ("analyst",),
    ("dossier", "erasure", "privacy", "retention"),
    ("mentions",),
    ("stages",),
    ("gate", "status"),
    ("reports",),
    ("briefing",),
    ("modelling",),
    ("inputs",),
    ("forecast",),
    ("triage",),
    ("scoring",),
    ("workspace",),
    ("college",),
    ("analysis",),
    ("database",),
    ("weeks",),
    ("boundaries", "marks"),
    ("params", "settings"),
    ("sentences",),
    ("fields",),
    ("types", "errors", "plain"),
)
LEVEL = {name: n for n, names in enumerate(LAYERS) for name in names}
PURE = ("scoring", "triage", "forecast")
IMPURE = {"sqlalchemy", "psycopg2", "os", "datetime", "time", "matplotlib", "pathlib", "random"}
# The names by which code tells one dialect from another.
DIALECTS = re.compile(r"postgres(ql)?|sqlite|mysql|mariadb", re.IGNORECASE)
LONGEST_CHAIN, LONGEST_FUNCTION, LONGEST_MODULE = 18, 60, 400
SIMULATOR = ("relations.py", "cohort.py", "semester.py", "generate.py")
DOCTESTS = ("scoring.signals", "scoring.attendance", "reports.context", "reports.draft_email",
            "reports.first_name", "reports.redaction")  # fmt: skip
CONDA_NAMES = {
    "psycopg2-binary": "psycopg2",
    "matplotlib": "matplotlib-base",
    "tzdata": "python-tzdata",
}
TREES = {path: ast.parse(path.read_text()) for path in MODULES}


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def place(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path, *, top: bool = False) -> set[str]:
    """What a module imports; only at its top, which is what a reader must know before it."""
    found: set[str] = set()
    for node in TREES[path].body if top else ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def functions() -> Iterator[tuple[Path, ast.FunctionDef]]:
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and "migrations" not in path.parts:
                yield path, node


def test_every_package_has_its_line() -> None:
    assert {place(path) for path in MODULES} - {"__init__"} == set(LEVEL)


def test_data_flows_one_way() -> None:
    upwards = [
        f"{name_of(path)} imports {name}"
        for path in MODULES
        if place(path) != "__init__"
        for name in sorted(imports(path))
        if name.startswith("edumetrics.") and LEVEL.get(name.split(".")[1], 99) < LEVEL[place(path)]
    ]
    assert upwards == []


def test_the_longest_chain_of_imports_is_short_and_no_cycle() -> None:
    modules = {f"edumetrics.{name_of(p)[:-3].replace('/', '.')}".removesuffix(".__init__"): p
               for p in MODULES}  # fmt: skip
    graph = {
        name: {
            known
            for imported in imports(path, top=True)
            for known in (imported, imported.rpartition(".")[0])
            if known in modules
            and known != name
            and not (modules[known].name == "__init__.py" and imported in modules)
        }
        for name, path in modules.items()
    }
    lengths: dict[str, int] = {}

    def measure(name: str, above: tuple[str, ...]) -> int:
        assert name not in above, f"a cycle: {' > '.join((*above, name))}"
        if name not in lengths:
            lengths[name] = 1 + max((measure(n, (*above, name)) for n in graph[name]), default=0)
        return lengths[name]

    assert max(measure(name, ()) for name in graph) <= LONGEST_CHAIN


def test_scoring_triage_and_forecast_are_pure() -> None:
    impure = [
        f"{name_of(path)} imports {name}"
        for path in MODULES
        if place(path) in PURE
        for name in sorted({name.split(".")[0] for name in imports(path)} & IMPURE)
    ]
    assert impure == []


def test_only_the_database_package_tells_dialects_apart() -> None:
    offences = [
        f"{name_of(path)}:{node.lineno}: {node.value!r}"
        for path, tree in TREES.items()
        # A new installation begins with SQLite files: their URLs are in the settings.
        if place(path) not in ("database", "settings")
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(DIALECTS, node.value)
    ]
    assert offences == []


def read_picture() -> dict[str, set[str]]:
    """The modules that the picture of the house in CONTRIBUTING.md names, by package; "" for the top level."""
    picture = (PROJECT / "CONTRIBUTING.md").read_text().split("```\n")
    lines = next(part for part in picture if part.startswith("Makefile")).splitlines()
    first = lines.index("edumetrics/") + 1
    named: dict[str, set[str]] = {"": set()}
    package = ""
    for line in lines[first:]:
        if not line.startswith(" "):
            break
        if line[2] != " ":
            package = line.split()[0].rstrip("/") if "/" in line.split()[0] else ""
        named.setdefault(package, set()).update(re.findall(r"[a-z_]+\.py", line))
    return named


def test_the_picture_of_the_house_shows_every_module_and_no_other() -> None:
    tree: dict[str, set[str]] = {}
    for path in MODULES:
        if "migrations" not in path.parts and not path.name.startswith("__"):
            parts = path.relative_to(PACKAGE).parts
            tree.setdefault(parts[0] if len(parts) > 1 else "", set()).add(path.name)
    named = {
        name: {n for n in names if not n.startswith("__")} for name, names in read_picture().items()
    }
    offences = [
        f"{package or 'top level'}: {name}"
        for package in sorted({*tree, *named})
        for name in sorted(tree.get(package, set()) ^ named.get(package, set()))
    ]
    assert offences == []


def test_functions_fit_a_screen() -> None:
    long = [
        f"{name_of(path)}: {node.name}"
        for path, node in functions()
        if (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ]
    assert long == []


def test_modules_stay_readable() -> None:
    long = [
        name_of(path)
        for path in MODULES
        if len(path.read_text().splitlines()) > LONGEST_MODULE and "migrations" not in path.parts
    ]
    assert long == []


def test_a_class_name_means_one_thing() -> None:
    places: dict[str, list[str]] = {}
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(name_of(path))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_only_the_simulator_could_know_the_archetype() -> None:
    knowing = [
        name_of(path)
        for path in MODULES
        if path.name not in SIMULATOR and "archetype" in path.read_text()
    ]
    assert knowing == []


def test_a_notebook_is_a_window() -> None:
    offences = []
    for path in NOTEBOOKS:
        cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
        if sum("parameters" in cell.metadata.get("tags", []) for cell in cells) != 1:
            offences.append(f"{path.name}: not one parameters cell")
        for cell in cells:
            if cell.outputs or cell.execution_count is not None:
                offences.append(f"{path.name}: committed with outputs")
            if re.search(r"^\s*(def|class|for|while|if)\b", cell.source, flags=re.M):
                offences.append(f"{path.name}: logic lives in the package: {cell.source}")
            if len(cell.source.splitlines()) > 6:
                offences.append(f"{path.name}: a long cell: {cell.source}")
    assert offences == []


def test_notebooks_call_what_there_is() -> None:
    """Every attribute of a module that a notebook uses exists."""
    missing = []
    for path in NOTEBOOKS:
        cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
        code = ast.parse("\n".join(cell.source for cell in cells))
        modules: dict[str, object] = {}
        for node in ast.walk(code):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("edumetrics"):
                parent = importlib.import_module(str(node.module))
                for alias in node.names:
                    child = f"{node.module}.{alias.name}"
                    if importlib.util.find_spec(child) if hasattr(parent, "__path__") else False:
                        modules[alias.asname or alias.name] = importlib.import_module(child)
                    elif not hasattr(parent, alias.name):
                        missing.append(f"{path.name}: {child}")
        for node in ast.walk(code):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                module = modules.get(node.value.id)
                if module is not None and not hasattr(module, node.attr):
                    missing.append(f"{path.name}: {node.value.id}.{node.attr}")
    assert missing == []


@pytest.mark.parametrize("name", DOCTESTS)
def test_examples_in_docstrings_are_true(name: str) -> None:
    module = importlib.import_module(f"edumetrics.{name}")
    names = {"np": importlib.import_module("numpy"), "pd": importlib.import_module("pandas")}
    result = doctest.testmod(module, extraglobs=names)
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
