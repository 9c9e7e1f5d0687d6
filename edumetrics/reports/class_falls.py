"""Find classes whose means fell: what concerns the class as a whole, whoever is on a list."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from edumetrics.reports.class_rows import COURSE
from edumetrics.reports.context import Occasion, format_cell
from edumetrics.reports.week_rows import MEASURES

# A mean so many points below the class's usual one, beyond what all classes fell by, is no chance.
FALL = 10
# Weeks that show what is usual, and classes that show what a week did to all.
WEEKS, CLASSES = 3, 3
KNOWN = {column: (label, unit) for label, column, unit in MEASURES}
# The means of the weeks so far that are looked at, with the phrase of their label, and their unit.
MEANS = {mean: KNOWN[mean] for mean in COURSE if mean in KNOWN}


def describe_falls(occasion: Occasion, courses: pd.DataFrame) -> pd.DataFrame:
    """Return a sentence for each mean of a class that fell by more than those of all classes did.

    A mean fell where it lies `FALL` points below the median of the class's weeks before in this
    term, after the median of what all classes fell by is taken off.

    Args:
        occasion: the week.
        courses: class_id, sem_week and means of each class in the weeks so far, of large ones.

    Returns:
        class_id and text.
    """
    rows = [row for mean in MEANS for row in _describe_mean(occasion, courses, mean)]
    return pd.DataFrame(rows, columns=["class_id", "text"])


def _describe_mean(
    occasion: Occasion, courses: pd.DataFrame, mean: str
) -> Iterator[tuple[str, str]]:
    by_week = courses.pivot_table(index="sem_week", columns="class_id", values=mean)
    before = by_week[by_week.index < occasion.week]
    if occasion.week not in by_week.index or len(before) < WEEKS:
        return
    now, usual = by_week.T[occasion.week], before.median()
    change = (now - usual).dropna()
    common = min(change.median(), 0) if len(change) >= CLASSES else 0
    label, unit = MEANS[mean]
    for name in change[change <= common - FALL].index:
        yield (
            str(name),
            occasion.say(
                "class_fell",
                label=occasion.say(label),
                now=format_cell(now[name], unit),
                usual=format_cell(usual[name], unit),
            ),
        )
