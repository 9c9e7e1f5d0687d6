"""What a stranger may read of a term: shares of groups so large that nobody is recognised.

A number is published where at least `LEAST` students behind it failed or left, and as many did
not; where one group of several that make up a whole is hidden, the smallest of the others is hidden
too, so that no difference gives it away. Counts are rounded to tens, so that neither do two pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

LEAST = 10
# The file of a term; the term is its first day, so that names sort by time.
PAGE = "scorecard-{term}.html"
# Forecasts are compared with outcomes in steps of so much.
STEP = 0.1


@dataclass(frozen=True)
class PublishedShare:
    """A group: its name, its students in tens, and the share that failed or left, in percent.

    Both are None where the group is too small, or would give away another one.
    """

    name: str
    students: int | None
    share: int | None


def publish_shares(
    groups: Mapping[str, pd.DataFrame], wholes: Iterable[tuple[str, ...]]
) -> tuple[PublishedShare, ...]:
    """Return the shares of groups that failed or left.

    Args:
        groups: by name, student_id and failed (bool), a row for each week of a student in it.
        wholes: names of groups that make up all of the weeks together.
    """
    counts = {name: _count_students(part) for name, part in groups.items()}
    hidden = {name for name, (failed, others) in counts.items() if min(failed, others) < LEAST}
    for whole in wholes:
        inside = [name for name in whole if name in counts]
        if len(hidden.intersection(inside)) == 1:
            others = [name for name in inside if name not in hidden]
            hidden |= {min(others, key=lambda name: sum(counts[name]))} if others else set()
    return tuple(
        PublishedShare(name, None, None)
        if name in hidden
        else PublishedShare(name, round_to_tens(sum(counts[name])), _to_percent(part["failed"]))
        for name, part in groups.items()
    )


def publish_calibration(rows: pd.DataFrame) -> tuple[tuple[int, int, int], ...]:
    """Return forecast and outcome in percent, and the students in tens, lowest forecast first.

    Args:
        rows: student_id, p_fail (0..1), failed (bool) of one week. Neighbouring steps are put
            together until each has enough students who failed, and who did not.
    """
    known = rows.dropna(subset="p_fail").sort_values("p_fail")
    steps = np.floor(known["p_fail"] / STEP)
    found, waiting = list[pd.DataFrame](), list[pd.DataFrame]()
    for _, part in known.groupby(steps):
        waiting.append(part)
        together = pd.concat(waiting)
        if min(_count_students(together)) >= LEAST:
            found.append(together)
            waiting = []
    if waiting and found:
        found[-1] = pd.concat([found[-1], *waiting])
    return tuple(
        (_to_percent(part["p_fail"]), _to_percent(part["failed"]), round_to_tens(len(part)))
        for part in found
    )


def round_to_tens(count: int) -> int:
    """Return a count rounded to tens."""
    return round(count / 10) * 10


def is_large(failed: pd.Series) -> bool:
    """Return whether so many failed, and so many did not, that a share of them may be published."""
    return min(int(failed.sum()), int((~failed).sum())) >= LEAST


def _count_students(part: pd.DataFrame) -> tuple[int, int]:
    """Return how many students of a group failed or left, and how many did not."""
    each = part.drop_duplicates("student_id")["failed"].astype(bool)
    return int(each.sum()), int((~each).sum())


def _to_percent(values: pd.Series) -> int:
    return round(100 * float(values.mean()))
