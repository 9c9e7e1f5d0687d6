"""Junk in any column: nothing ends a run, nothing of it is told, and either the scores hold or `check` stops."""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edumetrics.fields import RELATIONS
from tests.foreign import native
from tests.trouble.conftest import INDEXES, Seen, see

JUNK: tuple[object, ...] = (
    "Asha Kumari (ill)", "13,5", "", "-", "N/A", 1e308, -(2**62), "0000-00-00", "2026-02-30", "NaN",
    "31/12/2025", b"\xff\xfe", "9" * 80, "7\n7", "१२",
)  # fmt: skip
# Whose ids are junk is somebody else, or nobody: these columns say who and what a row is about.
KEYS = frozenset({
    "student_id", "class_id", "subject_id", "assignment_id", "quiz_id", "schedule_id", "id", "borrow_id",
    "advisor_id", "second_advisor_id", "semester", "week",
})  # fmt: skip
SPARED = ("sim_state",)
METRICS = [
    "lectures_held",
    "lectures_attended",
    "assn_avg_pct",
    "quiz_avg_pct",
    "submission_pct",
    "effort_score",
]


def list_columns(path: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(path) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        return [
            (name, row[1])
            for name in RELATIONS
            if name in tables and name not in SPARED
            for row in connection.execute(f"PRAGMA table_info({name})")
        ]


def spoil(path: Path, table: str, column: str, junk: object, share: float, *, only: bool) -> None:
    """Put junk into a share of a column; or, with `only`, nothing where the junk would stand."""
    with sqlite3.connect(path) as connection:
        for index in INDEXES:
            connection.execute(f"DROP INDEX IF EXISTS {index}")
        info = list(connection.execute(f"PRAGMA table_info({table})"))
        names = ", ".join(f'"{row[1]}"' for row in info)
        # Without the types and keys of the simulator, as in an old system.
        connection.execute(f"CREATE TABLE bare AS SELECT {names} FROM {table}")
        connection.execute(f"DROP TABLE {table}")
        connection.execute(f"ALTER TABLE bare RENAME TO {table}")
        wanted = f"rowid % 1000 < {1000 * share:.0f}"
        value = None if only else junk
        connection.execute(f'UPDATE {table} SET "{column}" = ? WHERE {wanted}', (value,))
    connection.close()


def same_scores(one: Seen, other: Seen) -> bool:
    return list(one.metrics.index) == list(other.metrics.index) and bool(
        np.allclose(
            one.metrics[METRICS].astype(float), other.metrics[METRICS].astype(float), equal_nan=True
        )
    )


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(40))
def test_junk_anywhere(colleges: Path, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    table, column = chance.choice(list_columns(colleges / "base.db"))
    junk, share = chance.choice(JUNK), chance.choice([0.004, 0.02, 0.2, 1])
    seen = {}
    for only in (False, True):
        path = Path(shutil.copy(colleges / "base.db", tmp_path / f"{only}.db"))
        spoil(path, table, column, junk, share, only=only)
        seen[only] = see(f"sqlite:///{path}")
    told = seen[False].findings["message"].str.cat(sep=" ")
    if isinstance(junk, str) and len(junk) > 6:
        assert junk not in told
    if column not in KEYS and not seen[False].stops:
        assert same_scores(seen[False], seen[True]), (table, column, junk, share)


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(1000, marks=pytest.mark.slow),
        *(pytest.param(seed, marks=pytest.mark.prove) for seed in range(40)),
    ],
)
def test_junk_is_the_same_on_every_engine(
    colleges: Path,
    tmp_path: Path,
    postgres_url: Callable[[], str],
    mysql_url: Callable[[], str],
    seed: int,
) -> None:
    chance = random.Random(seed)
    table, column = chance.choice(list_columns(colleges / "base.db"))
    # Only SQLite keeps bytes that are no text in a column of texts.
    junk = chance.choice([one for one in JUNK if not isinstance(one, bytes)])
    path = Path(shutil.copy(colleges / "base.db", tmp_path / "junk.db"))
    spoil(path, table, column, junk, chance.choice([0.004, 0.02, 0.2, 1]), only=False)
    here, frames = see(f"sqlite:///{path}"), native.read_as_text(f"sqlite:///{path}")
    for url in (postgres_url(), mysql_url()):
        native.put(url, frames)
        there = see(url)
        assert same_scores(here, there), (table, column, junk, url)
        assert list_messages(here) == list_messages(there), (table, column, junk, url)


def list_messages(seen: Seen) -> set[str]:
    """The messages of the findings; how an engine writes a large number as text is its own."""
    return {re.sub(r"d\.d+a\+?d+", "number", text) for text in seen.findings["message"]}
