"""A large college in chunks of classes: which belong together, and what is made of the parts.

Classes that share an advisor, or a student, are never parted: a list is one advisor's, a median one class's. So the
rows are the same whether a college is scored whole or in chunks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed, parallel_config
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from edumetrics.college.health import COLUMNS, EXAMPLES
from edumetrics.college.source import Term
from edumetrics.errors import SettingsError
from edumetrics.settings import Settings
from edumetrics.stages.workspace import Workspace


def split(
    workspace: Workspace, term: Term, week: int, students: pd.DataFrame, elsewhere: pd.DataFrame
) -> tuple[tuple[str, ...], ...]:
    """The classes of each chunk, of about `chunk_students` students (more where they cannot be parted).

    Args:
        workspace: where.
        term: the week's term.
        week: the semester week.
        students: student_id, class_id, advisor_id.
        elsewhere: as `arrivals.elsewhere`.
    """
    homes = students.set_index("student_id")["class_id"]
    stored = workspace.store.classes_of(term.name, week)
    stored = stored.assign(home=stored["student_id"].map(homes))
    own = students[students["class_id"].isin(term.pairings["class_id"])]
    # Students without an advisor share one list.
    advisors = "advisor " + own["advisor_id"].astype("object").where(
        own["advisor_id"].notna(), ""
    ).astype("str")
    ties = pd.concat(
        [
            pd.DataFrame({"one": own["class_id"], "other": advisors}),
            elsewhere.rename(columns={"home": "one", "attended": "other"})[["one", "other"]],
            stored.rename(columns={"home": "one", "class_id": "other"})[["one", "other"]],
        ]
    ).dropna()
    alone = term.pairings["class_id"]
    ties = pd.concat([ties, pd.DataFrame({"one": alone, "other": alone})]).drop_duplicates()
    nodes, codes = np.unique(ties.to_numpy("str"), return_inverse=True)
    ends = codes.reshape(-1, 2)
    graph = coo_array(
        (np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(len(nodes), len(nodes))
    )
    _, group = connected_components(graph, directed=False)
    listed = set(term.pairings["class_id"]) | set(stored["class_id"])
    classes = pd.Series(group, index=nodes).loc[lambda found: found.index.isin(listed)]
    sizes = (
        students.groupby("class_id")
        .size()
        .reindex(classes.index, fill_value=0)
        .groupby(classes)
        .sum()
    )
    limit = workspace.params.batch.chunk_students
    bins = (sizes.cumsum() - 1) // limit if len(sizes) else sizes
    return tuple(tuple(map(str, part.index)) for _, part in classes.groupby(classes.map(bins)))


def members(
    students: pd.DataFrame, elsewhere: pd.DataFrame, classes: Iterable[str]
) -> pd.DataFrame:
    """The students of a chunk: whose class today is among its classes, or who attended one of them."""
    chosen = list(classes)
    moved = elsewhere.loc[elsewhere["attended"].isin(chosen), "student_id"]
    return students[students["class_id"].isin(chosen) | students["student_id"].isin(moved)]


@contextmanager
def workers(settings: Settings) -> Iterator[Parallel]:
    """Where work fans out to: processes of this machine, or an existing Dask cluster.

    Raises:
        SettingsError: the cluster's library is missing, or the cluster cannot be reached.
    """
    if settings.backend == "dask":
        with _cluster(settings.scheduler), parallel_config(backend="dask"):
            yield Parallel()
        return
    with parallel_config(backend="loky", n_jobs=settings.workers or cpu_count()):
        yield Parallel()


@contextmanager
def _cluster(address: str) -> Iterator[Any]:
    try:
        from distributed import Client
    except ImportError:
        raise SettingsError(
            "The backend dask needs its extra: pip install 'edumetrics[dask]'."
        ) from None
    try:
        client = Client(address, timeout=10)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"There is no Dask scheduler at {address or 'no address'}: correct --scheduler."
        ) from error
    with client, client.as_current():
        yield client


def each(
    settings: Settings, work: Callable[..., Any], parts: Iterable[Any], *shared: Any
) -> list[Any]:
    """Do some work on every part, in order of the parts; `shared` are its further arguments."""
    with workers(settings) as parallel:
        return list(parallel(delayed(work)(part, *shared) for part in parts))


def merged(frames: Iterable[pd.DataFrame], *by: str) -> pd.DataFrame:
    """The rows of all parts, in order of some columns."""
    kept = list(frames)
    whole = pd.concat([frame for frame in kept if len(frame)] or kept[:1], ignore_index=True)
    return whole.sort_values(list(by), ignore_index=True, kind="stable") if by else whole


def findings(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Data health of all parts, not yet worded: of one class or of none, several may have counted some rows each."""
    whole = merged(frames)
    groups = whole.groupby(["check", "class_id"], sort=False)
    told: pd.DataFrame = groups.agg(status=("status", "first"), count=("count", "sum"), examples=("examples", "sum"),
                                    message=("message", "first")).reset_index()  # fmt: skip
    return told.assign(examples=told["examples"].map(_highest))[list(COLUMNS)]


def _highest(ids: list[str]) -> list[str]:
    return sorted(sorted(ids, key=lambda one: (len(one), one))[-EXAMPLES:])
