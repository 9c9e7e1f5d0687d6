"""Splitting a large college into chunks of classes, and merging the results of the chunks.

Classes that share an advisor or a student always stay in the same chunk, because a list belongs to
one advisor and a median to one class. The rows are therefore the same whether a college is scored
whole or in chunks.
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

from edumetrics.college.findings import pick_highest
from edumetrics.college.terms import Term
from edumetrics.errors import SettingsError
from edumetrics.fields import FINDING_COLUMNS
from edumetrics.settings import Settings
from edumetrics.workspace import Workspace


def split_classes(
    workspace: Workspace, term: Term, week: int, students: pd.DataFrame, elsewhere: pd.DataFrame
) -> tuple[tuple[str, ...], ...]:
    """Return the classes of each chunk, with about `chunk_students` students in a chunk.

    A chunk is larger where its classes must stay together.

    Args:
        workspace: settings, parameters and databases.
        term: the week's term.
        week: the semester week.
        students: student_id, class_id, advisor_id (null for students without an advisor).
        elsewhere: student_id, home, attended, as `arrivals.find_moved_students` returns them.

    Returns:
        One tuple of class ids per chunk; no class is in two chunks.
    """
    homes = students.set_index("student_id")["class_id"]
    # A student who has moved also ties today's class to the classes that earlier weeks stored.
    stored = workspace.store.read_classes(term.name, week)
    stored = stored.assign(home=stored["student_id"].map(homes))
    group = _group_connected(_list_ties(term, students, elsewhere, stored))
    # The nodes also hold advisors and classes of other terms; a chunk holds classes of this term,
    # those of earlier weeks included.
    listed = set(term.class_semesters["class_id"]) | set(stored["class_id"])
    classes = group[group.index.isin(listed)]
    sizes = (
        students.groupby("class_id")
        .size()
        .reindex(classes.index, fill_value=0)
        .groupby(classes)
        .sum()
    )
    limit = workspace.params.batch.chunk_students
    # Groups are packed by their running total: a chunk exceeds the limit by a part of its first
    # group at most, or by one group that is larger than the limit.
    bins = (sizes.cumsum() - 1) // limit if len(sizes) else sizes
    return tuple(tuple(map(str, part.index)) for _, part in classes.groupby(classes.map(bins)))


def _list_ties(
    term: Term, students: pd.DataFrame, elsewhere: pd.DataFrame, stored: pd.DataFrame
) -> pd.DataFrame:
    """Return pairs of classes, or of a class and an advisor, that must stay in one chunk."""
    own = students[students["class_id"].isin(term.class_semesters["class_id"])]
    # Students without an advisor share one list, so the empty id ties their classes together.
    # The prefix keeps an advisor id apart from an equal class id.
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
    # A class without students has no tie; a tie to itself keeps it in the graph.
    alone = term.class_semesters["class_id"]
    return pd.concat([ties, pd.DataFrame({"one": alone, "other": alone})]).drop_duplicates()


def _group_connected(ties: pd.DataFrame) -> pd.Series:
    """Return the number of the group of each class and advisor; ties connect those of a group."""
    # The shape of the inverse differs between NumPy versions; the reshape gives one tie a row.
    nodes, codes = np.unique(ties.to_numpy("str"), return_inverse=True)
    ends = codes.reshape(-1, 2)
    shape = (len(nodes), len(nodes))
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=shape)
    _, group = connected_components(graph, directed=False)
    return pd.Series(group, index=nodes)


def select_students(
    students: pd.DataFrame, elsewhere: pd.DataFrame, classes: Iterable[str]
) -> pd.DataFrame:
    """Return the students of a chunk, as rows of `students`.

    These are the students whose class today is one of `classes`, or who attended one of them.
    """
    chosen = list(classes)
    moved = elsewhere.loc[elsewhere["attended"].isin(chosen), "student_id"]
    return students[students["class_id"].isin(chosen) | students["student_id"].isin(moved)]


@contextmanager
def start_workers(settings: Settings) -> Iterator[Parallel]:
    """Yield what runs work in parallel: processes of this machine, or an existing Dask cluster.

    Raises:
        SettingsError: the cluster's library is missing, or the cluster cannot be reached.
    """
    if settings.backend == "dask":
        with _connect_cluster(settings.scheduler), parallel_config(backend="dask"):
            yield Parallel()
        return
    with parallel_config(backend="loky", n_jobs=settings.workers or cpu_count()):
        yield Parallel()


@contextmanager
def _connect_cluster(address: str) -> Iterator[Any]:
    # Dask is an optional dependency: only this backend needs it.
    try:
        from distributed import Client
    except ImportError:
        raise SettingsError(
            "The dask backend needs optional packages: run pip install 'edumetrics[dask]'."
        ) from None
    try:
        client = Client(address, timeout=10)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"There is no Dask scheduler at {address or 'no address'}: correct --scheduler."
        ) from error
    with client, client.as_current():
        yield client


def map_parts(
    settings: Settings, work: Callable[..., Any], parts: Iterable[Any], *shared: Any
) -> list[Any]:
    """Run `work(part, *shared)` for all parts, several in parallel; return results in order."""
    chosen = list(parts)
    if len(chosen) == 1:
        return [work(chosen[0], *shared)]
    with start_workers(settings) as parallel:
        return list(parallel(delayed(work)(part, *shared) for part in chosen))


def merge_frames(frames: Iterable[pd.DataFrame], *by: str) -> pd.DataFrame:
    """Return the rows of all parts, sorted by the columns `by`, or unsorted where none is given."""
    kept = list(frames)
    # An empty frame may have other dtypes and would change those of the result; one is kept for
    # its columns where all are empty.
    whole = pd.concat([frame for frame in kept if len(frame)] or kept[:1], ignore_index=True)
    return whole.sort_values(list(by), ignore_index=True, kind="stable") if by else whole


def merge_findings(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return the data-health findings of all parts, one row per check and class, not yet worded.

    Several parts may each have counted some rows of one class, or of no class: counts are summed.
    """
    whole = merge_frames(frames)
    if whole.empty:
        return whole
    # The sum of lists is one list of all examples.
    groups = whole.groupby(["check", "class_id"], sort=False)
    told: pd.DataFrame = groups.agg(
        # "block" comes before "warn" in the alphabet, too.
        status=("status", "min"),
        count=("count", "sum"),
        examples=("examples", "sum"),
        message=("message", "first"),
    ).reset_index()
    return told.assign(examples=told["examples"].map(pick_highest))[list(FINDING_COLUMNS)]
