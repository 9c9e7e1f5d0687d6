"""Models kept and found again: a row of model_runs for every candidate, a file for the one in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from edumetrics import settings
from edumetrics.analysis import runs
from edumetrics.analysis.store import now
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.errors import EduMetricsError
from edumetrics.forecast import registry
from edumetrics.forecast.measures import Measured
from edumetrics.forecast.registry import Kept
from edumetrics.stages.workspace import Workspace
from edumetrics.triage.situation import Row

STAGE = "train"
FOLDER = "models"
WITHOUT = (
    "Until `edumetrics calibrate --from-scratch` trains it again, what it would say is left out."
)


@dataclass(frozen=True)
class Entry:
    """One question's candidates, tried.

    Attributes:
        task: which question.
        measured: by candidate, how it did.
        champion: the candidate in use.
        model: it; None where it is a baseline that needs no model.
        features: what it is made from.
        trained_terms, tested_term, rows: what it learnt from, and what it was tried on.
        reference: what the features looked like, as `forecast.drift.reference`; kept with the champion.
    """

    task: str
    measured: Mapping[str, Measured]
    champion: str
    model: Kept | None
    features: tuple[str, ...]
    trained_terms: tuple[str, ...]
    tested_term: str
    rows: int
    reference: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """A model in use: `model` is None where a baseline is, or where it cannot be trusted (`trouble` then says so)."""

    model_id: str = ""
    model: Kept | None = None
    trained_terms: str = ""
    trouble: str = ""
    reference: dict[str, dict[str, Any]] = field(default_factory=dict)


def keep(workspace: Workspace, term: str, entries: list[Entry]) -> None:
    """Store what trials before a term said, and the artefacts of those who won, in one transaction."""
    store = workspace.store
    run = runs.start(store, workspace.params, STAGE, term, 0)
    rows = [
        row | {"run_id": run.run_id, "computed_at": now()}
        for entry in entries
        for row in _rows(workspace, entry)
    ]
    table = SQL_TABLES["model_runs"]
    with store.transaction() as connection:
        connection.execute(
            sa.delete(table).where(table.c.model_id.in_([row["model_id"] for row in rows]))
        )
        store.replace(connection, "model_runs", pd.DataFrame(rows), run_id=run.run_id)
        runs.done(connection, run, len(rows))


def _rows(workspace: Workspace, entry: Entry) -> list[dict[str, object]]:
    rows = []
    for name, measured in entry.measured.items():
        won = name == entry.champion
        model_id = _model_id(entry.task, name, entry.trained_terms)
        artefact = sha256 = None
        if won and entry.model is not None:
            content = registry.dumped(entry.model)
            artefact, sha256 = f"{FOLDER}/{model_id}.json", registry.fingerprint(content)
            _write(workspace.settings.home / FOLDER, f"{model_id}.json", content)
        rows.append(
            {
                "model_id": model_id, "task": entry.task, "trained_terms": ",".join(entry.trained_terms),
                "tested_term": entry.tested_term, "rows": entry.rows, "features": list(entry.features),
                "metrics": as_json(measured) | ({"reference": entry.reference} if won else {}),
                "champion": won, "artefact": artefact, "artefact_sha256": sha256,
            }
        )  # fmt: skip
    return rows


def _model_id(task: str, name: str, terms: tuple[str, ...]) -> str:
    return "-".join([task, *name.replace("'", "").replace(",", "").split(), terms[0], terms[-1]])


def as_json(measured: Measured) -> dict[str, list[dict[str, Any]]]:
    """Measures as model_runs keeps them: tables as records, null for NaN."""
    return {
        "by_week": _records(measured.by_week.reset_index()),
        "reliability": _records(measured.reliability),
        "by_class": _records(measured.by_class),
    }


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows = table.astype({name: "float64" for name in table.columns if name != "class_id"}).to_dict(
        "records"
    )
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in rows
    ]


def _write(folder: Path, name: str, content: bytes) -> None:
    path = settings.private_folder(folder) / name
    draft = path.with_suffix(".part")
    draft.write_bytes(content)
    draft.chmod(0o600)
    draft.replace(path)


def in_use(workspace: Workspace, task: str, term: str) -> Found:
    """The model that answers a question in a term: the latest champion trained on earlier terms only."""
    tried = workspace.store.read("model_runs", task=task, champion=True)
    tried = tried.assign(last=tried["trained_terms"].str.split(",").str[-1])
    usable = tried[tried["last"] < term].sort_values("last")
    if usable.empty:
        return Found()
    row = usable.iloc[-1]
    if pd.isna(row["artefact"]):
        return Found(str(row["model_id"]), None, str(row["trained_terms"]))
    path = workspace.settings.home / str(row["artefact"])
    try:
        model = registry.loaded(path.read_bytes(), str(row["artefact_sha256"]))
    except FileNotFoundError:
        return Found(trouble=f"The stored model {path.name} is missing. {WITHOUT}")
    except EduMetricsError:
        return Found(
            trouble=f"The stored model {path.name} is not the one that was tried. {WITHOUT}"
        )
    reference = row["metrics"].get("reference", {})
    return Found(str(row["model_id"]), model, str(row["trained_terms"]), reference=reference)


def rivals(workspace: Workspace, task: str, trained_terms: str) -> list[Row]:
    """Every candidate of one trial: model (its name), champion, tested_term and metrics (as `as_json`).

    None where `trained_terms` is empty: there was no trial.
    """
    if not trained_terms:
        return []
    tried = workspace.store.read("model_runs", task=task, trained_terms=trained_terms)
    terms = trained_terms.split(",")
    ends = f"-{terms[0]}-{terms[-1]}"
    names = [
        name.removeprefix(f"{task}-").removesuffix(ends).replace("-", " ")
        for name in tried["model_id"]
    ]
    return list(
        tried.assign(model=names)[["model", "champion", "tested_term", "metrics"]].to_dict(
            "records"
        )
    )
