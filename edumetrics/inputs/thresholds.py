"""Reading the list thresholds that were fitted for a term."""

from __future__ import annotations

import hashlib
import json

from edumetrics.params import Params
from edumetrics.triage.situation import Thresholds, build_thresholds
from edumetrics.workspace import Workspace

TABLE = "list_thresholds"


def name_ranking(*, by_model: bool) -> str:
    """Return what `list_thresholds.ranked_by` calls a ranking."""
    return "model" if by_model else "rules"


def hash_parameters(params: Params) -> str:
    """Return a fingerprint of the parameters that the thresholds depend on.

    Those of lists that change neither an urgency nor how many are to be listed are not among them.
    """
    triage = params.triage
    values = {
        "calendar": params.calendar.model_dump(mode="json"),
        "scoring": params.scoring.model_dump(mode="json"),
        "forecast": params.forecast.model_dump(mode="json"),
        "lists": [triage.list_share, triage.staying_margin, triage.detention_weight],
    }
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def read_thresholds(workspace: Workspace, term: str, week: int, *, by_model: bool) -> Thresholds:
    """Return the thresholds of a week: those fitted for it, or the shipped ones where none were."""
    triage = workspace.params.triage
    rows = workspace.store.read(
        TABLE, ("list_at", "fitted_on"), term=term, sem_week=week,
        ranked_by=name_ranking(by_model=by_model),
    )  # fmt: skip
    if rows.empty:
        return build_thresholds(triage.list_at, triage)
    return build_thresholds(float(rows["list_at"].iloc[0]), triage, str(rows["fitted_on"].iloc[0]))
