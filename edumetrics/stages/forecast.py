"""Forecasts: models trained on completed terms, kept, loaded for a week, and tried as if each past term were live."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import sqlalchemy as sa

from edumetrics import settings
from edumetrics.analysis import runs
from edumetrics.analysis.store import now
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.college.outcomes import outcomes, papers
from edumetrics.college.source import College, Term
from edumetrics.errors import EduMetricsError, SettingsError
from edumetrics.fields import FEATURES
from edumetrics.forecast import registry
from edumetrics.forecast.backtest import Contest, by_week, contest
from edumetrics.forecast.features import PRIOR
from edumetrics.forecast.models import Calibrated
from edumetrics.stages.workspace import Workspace
from edumetrics.weeks import Position

TASK = "fail"
# Before this week too little is known for a model to rank a list.
RANKS_FROM = 4
STAGE = "train"
FOLDER = "models"
EVIDENCE = ("n", "base_rate", "auc", "precision_at_capacity", "calibration_error")
WITHOUT = (
    "There is no forecast, and lists go by the rules, until `edumetrics calibrate --from-scratch` trains it again."
)


def train(workspace: Workspace, college: College, term: Term, position: Position) -> str | None:
    """Train on every term completed before one, try the candidates, and keep the champion.

    Does nothing when that has been done, with the same terms.

    Returns:
        A line about the champion; None when nothing was trained.
    """
    if not due(workspace, term.name):
        return None
    past = _completed(workspace, college, term.name, position)
    if not past or _trained(workspace, list(past)):
        return None
    held = contest(past, workspace.params.forecast, workspace.params.triage)
    if held is None:
        return None
    _keep(workspace, held, term.name)
    table = held.tables[held.champion].mean()
    return (
        f"Forecast: {held.champion}, tried on the term of {held.tested_term}: AUC {table['auc']:.2f}, "
        f"precision at capacity {table['precision_at_capacity']:.2f} where {table['base_rate']:.2f} failed."
    )


def due(workspace: Workspace, term: str) -> bool:
    """Whether there may be something to learn before a term; asks only what is stored, never the college."""
    names = [name for name in workspace.store.distinct("weekly_features", "term") if name < term]
    return bool(names) and not _trained(workspace, names)


def _trained(workspace: Workspace, terms: list[str]) -> bool:
    known = workspace.store.read("model_runs", ("model_id", "trained_terms"), task=TASK)
    return ",".join(terms) in set(known["trained_terms"])


def _completed(workspace: Workspace, college: College, before: str, position: Position) -> dict[str, pd.DataFrame]:
    """The features and outcomes of each term that was over, and analysed, before one began."""
    analysed = set(workspace.store.distinct("weekly_features", "term"))
    found = {}
    for term in college.terms(position):
        if term.name < before and term.name in analysed and not term.current:
            rows = _rows(workspace, college, term)
            if len(rows):
                found[term.name] = rows
    return found


def _rows(workspace: Workspace, college: College, term: Term) -> pd.DataFrame:
    """The features of a term with `failed`; students of whom no outcome is known are left out."""
    columns = ("student_id", "sem_week", "class_id", "advisor_id", *FEATURES)
    rows = workspace.store.read("weekly_features", columns, term=term.name)
    return rows.merge(outcomes(college, term)[["student_id", "failed"]], on="student_id")


def _keep(workspace: Workspace, held: Contest, term: str) -> None:
    """Store what the contest said, and the champion's artefact."""
    store = workspace.store
    run = runs.start(store, workspace.params, STAGE, term, 0)
    content = registry.dumped(held.models[held.champion])
    trained = ",".join(held.trained_terms)
    rows = []
    for name, table in held.tables.items():
        won = name == held.champion
        model_id = f"{TASK}-{name.replace(' ', '-')}-{held.trained_terms[0]}-{held.trained_terms[-1]}"
        rows.append(
            {
                "model_id": model_id, "task": TASK, "trained_terms": trained, "tested_term": held.tested_term,
                "rows": held.rows, "features": list(FEATURES), "metrics": _by_week_as_json(table), "champion": won,
                "artefact": f"{FOLDER}/{model_id}.json" if won else None,
                "artefact_sha256": registry.fingerprint(content) if won else None,
                "run_id": run.run_id, "computed_at": now(),
            }
        )  # fmt: skip
        if won:
            _write(workspace.settings.home / FOLDER, f"{model_id}.json", content)
    with store.transaction() as connection:
        table_of_runs = SQL_TABLES["model_runs"]
        connection.execute(sa.delete(table_of_runs).where(table_of_runs.c.model_id.in_([r["model_id"] for r in rows])))
        store.replace(connection, "model_runs", pd.DataFrame(rows), run_id=run.run_id)
        runs.done(connection, run, len(rows))


def _by_week_as_json(table: pd.DataFrame) -> list[dict[str, float | None]]:
    rows = table.reset_index().to_dict("records")
    return [{str(k): None if pd.isna(v) else float(v) for k, v in row.items()} for row in rows]


def _write(folder: Path, name: str, content: bytes) -> None:
    path = settings.private_folder(folder) / name
    draft = path.with_suffix(".part")
    draft.write_bytes(content)
    draft.chmod(0o600)
    draft.replace(path)


@dataclass(frozen=True)
class Champion:
    """The model in use in a term.

    Attributes:
        model_id: empty where there is none.
        model: None where there is none, or it cannot be trusted.
        from_week: the first week in which it ranks the lists; None where the rules do.
        trouble: what to say about a model that cannot be trusted; empty where there is nothing to say.
    """

    model_id: str = ""
    model: Calibrated | None = None
    from_week: int | None = None
    trouble: str = ""

    def ranks(self, week: int) -> bool:
        """Whether it ranks the lists of a week."""
        return self.model is not None and self.from_week is not None and week >= self.from_week


def champion(workspace: Workspace, term: str) -> Champion:
    """The model in use in a term: the latest champion trained on earlier terms only."""
    tried = workspace.store.read("model_runs", task=TASK)
    tried = tried.assign(last=tried["trained_terms"].str.split(",").str[-1])
    usable = tried[tried["champion"].astype(bool) & (tried["last"] < term)]
    if usable.empty:
        return Champion()
    chosen = usable.sort_values("last").iloc[-1]
    path = workspace.settings.home / str(chosen["artefact"])
    try:
        model = registry.loaded(path.read_bytes(), str(chosen["artefact_sha256"]))
    except FileNotFoundError:
        return Champion(trouble=f"The stored model {path.name} is missing. {WITHOUT}")
    except EduMetricsError:
        return Champion(trouble=f"The stored model {path.name} is not the one that was tried. {WITHOUT}")
    rivals = tried[tried["trained_terms"] == chosen["trained_terms"]]
    rules = rivals[rivals["model_id"].str.startswith(f"{TASK}-rules-")].iloc[0]
    return Champion(str(chosen["model_id"]), model, _wins_from(chosen["metrics"], rules["metrics"]))


def _wins_from(champion: list[dict[str, float]], rules: list[dict[str, float]]) -> int | None:
    """The first week, from `RANKS_FROM` on, in which a champion's precision at capacity was above the rules'."""
    there = {int(row["sem_week"]): row["precision_at_capacity"] or 0.0 for row in rules}
    won = [
        int(row["sem_week"])
        for row in champion
        if (row["precision_at_capacity"] or 0.0) > there.get(int(row["sem_week"]), 0.0)
    ]
    return min((week for week in won if week >= RANKS_FROM), default=None)


def evidence(workspace: Workspace, model_id: str, week: int) -> pd.DataFrame:
    """One row per candidate and baseline of a model's contest: what each was worth in one week of the tested term."""
    tried = workspace.store.read("model_runs", task=TASK)
    terms = tried.loc[tried["model_id"] == model_id, "trained_terms"]
    rows = []
    for row in tried[tried["trained_terms"].isin(terms)].to_dict("records"):
        weeks = {int(measures["sem_week"]): measures for measures in row["metrics"]}
        name = row["model_id"].removeprefix(f"{TASK}-").removesuffix(f"-{'-'.join(_ends(row['trained_terms']))}")
        measures = {"tested on": row["tested_term"], "in use": bool(row["champion"]), **weeks.get(week, {})}
        rows.append({"model": name.replace("-", " "), **measures})
    shown = ["model", "in use", "tested on", *EVIDENCE]
    return pd.DataFrame(rows, columns=shown).sort_values("auc", ascending=False, ignore_index=True).round(2)


def _ends(trained_terms: str) -> tuple[str, str]:
    terms = trained_terms.split(",")
    return terms[0], terms[-1]


def prior(workspace: Workspace, college: College, term: Term, week: int) -> pd.DataFrame:
    """What was known of students before the semester: student_id (unique) and `PRIOR`.

    The semester before is read in the first week only; later weeks take what that week stored.
    """
    own = ("prior_attempts", "credits", "entry_score")
    students = college.whole("students", "student_id", *own).dropna(subset="student_id")
    students = students.drop_duplicates("student_id", keep="last").astype(dict.fromkeys(own, "float64"))
    last = next(iter(workspace.params.calendar.teaching_weeks_before(week, 1)), 0)
    columns = ("student_id", "prior_mean", "prior_fails")
    earlier = workspace.store.read("weekly_features", columns, term=term.name, sem_week=last)
    if earlier.empty:
        earlier = _semester_before(college, term)
    return students.merge(earlier, on="student_id", how="left")[["student_id", *PRIOR]]


def _semester_before(college: College, term: Term) -> pd.DataFrame:
    past = [known for known in college.past_terms() if known.name < term.name]
    if not past:
        return pd.DataFrame({"student_id": pd.Series(dtype="str"), "prior_mean": [], "prior_fails": []})
    results = papers(college, past[-1], "endterm", pd.Timestamp(term.name).date())
    groups = results.groupby("student_id")
    frame = pd.DataFrame({"prior_mean": groups["score"].mean(), "prior_fails": groups["failed"].sum()})
    return frame.astype("float64").reset_index()


def evaluate(workspace: Workspace) -> pd.DataFrame:
    """Each past term as if it were live: models of all terms before it, held against what happened.

    A term without an earlier one is folded by class.

    Returns:
        term, model, champion (bool), trained_terms, sem_week and the columns of `backtest.by_week`.

    Raises:
        SettingsError: nothing is known of any completed term, or too little.
    """
    params, found = workspace.params, []
    with workspace.college() as college:
        terms = _completed(workspace, college, "9999", college.position(workspace.today))
    before: dict[str, pd.DataFrame] = {}
    held: Contest | None = None
    for name, rows in terms.items():
        trained = ",".join(held.trained_terms) if held else "other classes"
        live = {key: by_week(rows, model.logit(rows), params.triage, params.forecast) for key, model in _models(held)}
        champion_then = held.champion if held else ""
        before[name] = rows
        if not live or name != max(terms):
            held = contest(before, params.forecast, params.triage)
        tables = live or (held.tables if held else {})
        champion_then = champion_then or (held.champion if held else "")
        for key, table in tables.items():
            about = table.reset_index().assign(term=name, model=key, champion=key == champion_then)
            found.append(about.assign(trained_terms=trained))
    if not found:
        raise SettingsError(
            "Too little is known of completed terms to try a forecast: run `edumetrics calibrate` first."
        )
    table = pd.concat(found, ignore_index=True)
    first = ["term", "model", "champion", "trained_terms", "sem_week"]
    return table[[*first, *table.columns.drop(first)]].astype({"sem_week": "int64", "n": "int64"})


def _models(held: Contest | None) -> list[tuple[str, Calibrated]]:
    return list(held.models.items()) if held else []
