"""The store of models: a row of model_runs for every candidate, and a file for each champion."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from edumetrics import settings
from edumetrics.analysis import run_log
from edumetrics.analysis.store import get_utc_now
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.errors import EduMetricsError
from edumetrics.forecast import registry
from edumetrics.forecast.contest import Contest
from edumetrics.forecast.in_use import ModelInUse
from edumetrics.forecast.measures import Measures
from edumetrics.forecast.registry import StoredModel
from edumetrics.types import Row
from edumetrics.workspace import Workspace

STAGE = "train"
# Under the home folder, as the artefact column says.
FOLDER = "models"
WITHOUT = (
    "Until `edumetrics calibrate --from-scratch` trains it again, what it would say is left out."
)


def store_trials(workspace: Workspace, term: str, entries: Sequence[Contest[StoredModel]]) -> None:
    """Store the results of the trials before a term, and the files of the champions.

    The rows are stored in one transaction; the files are written before it.
    """
    store = workspace.store
    table = SQL_TABLES["model_runs"]
    with run_log.watch_run(store, workspace.params, STAGE, term, 0) as run:
        rows = [
            row | {"run_id": run.run_id, "computed_at": get_utc_now()}
            for entry in entries
            for row in _build_rows(workspace, entry)
        ]
        # `replace` deletes the rows of this run only. Rows with the same ids from an earlier
        # training must go too, or the key would not be unique.
        with store.start_transaction() as connection:
            connection.execute(
                sa.delete(table).where(table.c.model_id.in_([row["model_id"] for row in rows]))
            )
            store.replace_slice(connection, "model_runs", pd.DataFrame(rows), run_id=run.run_id)
            run_log.mark_done(connection, run, len(rows))


def _build_rows(workspace: Workspace, entry: Contest[StoredModel]) -> list[dict[str, object]]:
    rows = []
    for name, measured in entry.measured.items():
        won = name == entry.champion
        model_id = _make_model_id(entry.task, name, entry.trained_terms)
        artefact = sha256 = None
        if won and entry.model is not None:
            content = registry.encode_model(entry.model)
            sha256 = registry.hash_content(content)
            # Named by its content too: what is in use stays, until what replaces it is stored.
            file = f"{model_id}-{sha256[:12]}.json"
            artefact = f"{FOLDER}/{file}"
            _write_file(workspace.settings.home / FOLDER, file, content)
        rows.append(
            {
                "model_id": model_id,
                "task": entry.task,
                "trained_terms": ",".join(entry.trained_terms),
                "tested_term": entry.tested_term,
                "rows": entry.rows,
                "features": list(entry.features),
                "metrics": convert_to_json(measured)
                | ({"reference": entry.reference} if won else {}),
                "champion": won,
                "artefact": artefact,
                "artefact_sha256": sha256,
            }
        )
    return rows


def remove_unused(workspace: Workspace) -> None:
    """Remove the files of models that no stored trial names."""
    named = set(workspace.store.read("model_runs", ("artefact",))["artefact"].dropna())
    for path in (workspace.settings.home / FOLDER).glob("*.json"):
        if f"{FOLDER}/{path.name}" not in named:
            path.unlink()


def _make_model_id(task: str, name: str, terms: tuple[str, ...]) -> str:
    # The id is also a file name: it has no quotes, commas or spaces.
    return "-".join([task, *name.replace("'", "").replace(",", "").split(), terms[0], terms[-1]])


def convert_to_json(measured: Measures) -> dict[str, list[dict[str, Any]]]:
    """Return measures as model_runs stores them: tables as records, with null for NaN."""
    return {
        "by_week": _convert_to_records(measured.by_week.reset_index()),
        "reliability": _convert_to_records(measured.reliability),
        "by_class": _convert_to_records(measured.by_class),
    }


def _convert_to_records(table: pd.DataFrame) -> list[dict[str, Any]]:
    # JSON has no NaN; null is what every database can read back.
    rows = table.astype({name: "float64" for name in table.columns if name != "class_id"}).to_dict(
        "records"
    )
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in rows
    ]


def _write_file(folder: Path, name: str, content: bytes) -> None:
    path = settings.create_private_folder(folder) / name
    # Renaming is atomic: nobody ever reads half a file, also if the run is killed.
    draft = path.with_suffix(".part")
    draft.write_bytes(content)
    draft.chmod(0o600)
    draft.replace(path)


def load_model(workspace: Workspace, task: str, term: str) -> ModelInUse:
    """Return the model for a question in a term: the latest champion trained on earlier terms only.

    A file that is missing or changed raises nothing: `trouble` says so, and `model` is None.
    """
    tried = workspace.store.read("model_runs", task=task, champion=True)
    tried = tried.assign(last=tried["trained_terms"].str.split(",").str[-1])
    # A replay of a past term must not use a model that has learnt from that term, or later ones.
    # Term names are ISO dates, so they compare as text.
    usable = tried[tried["last"] < term].sort_values("last")
    if usable.empty:
        return ModelInUse()
    row = usable.iloc[-1]
    # A champion without a file is a baseline.
    if pd.isna(row["artefact"]):
        return ModelInUse(str(row["model_id"]), None, str(row["trained_terms"]))
    folder = workspace.settings.home / FOLDER
    # Whatever the table says, a model is a file of this folder.
    path = folder / Path(str(row["artefact"])).name
    try:
        model = registry.decode_model(path.read_bytes(), str(row["artefact_sha256"]))
    except OSError:
        return ModelInUse(
            trouble=f"The stored model {path.name} is missing, or cannot be read. {WITHOUT}"
        )
    except EduMetricsError:
        return ModelInUse(
            trouble=f"The stored model {path.name} is not the one that was tried. {WITHOUT}"
        )
    reference = row["metrics"].get("reference", {})
    return ModelInUse(str(row["model_id"]), model, str(row["trained_terms"]), reference=reference)


def read_candidates(workspace: Workspace, task: str, trained_terms: str) -> list[Row]:
    """Return every candidate of one trial.

    Args:
        workspace: where the trials are stored.
        task: the question.
        trained_terms: the terms of the trial, separated by commas.

    Returns:
        For each candidate model (its name), champion, tested_term and metrics (as
        `convert_to_json`). The list is empty if `trained_terms` is: then there was no trial.
    """
    if not trained_terms:
        return []
    tried = workspace.store.read("model_runs", task=task, trained_terms=trained_terms)
    # The name of a candidate is stored only within its id; its quotes and commas are lost there.
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
