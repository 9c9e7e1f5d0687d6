"""Checks of the schema matching: find what only a wrong mapping explains.

A wrong mapping must never give wrong scores silently. Dirty data (`college.health`) is cleaned and
counted. A wrong mapping is different: its scores mean nothing, so a finding here holds back a run's
mail until the mapping is corrected.

`integrity` checks ids, `validity` the values of each row, `timeliness` weeks and days,
`completeness` what is missing, and `consistency` columns that should rise and fall together.
"""

from __future__ import annotations

from itertools import chain

import pandas as pd

from edumetrics.college.checks import (
    completeness,
    consistency,
    integrity,
    timeliness,
    validity,
    weeks,
)
from edumetrics.college.terms import College, Term
from edumetrics.fields import EVERYWHERE, FINDING_COLUMNS


def check_mapping(college: College, term: Term, week: int) -> pd.DataFrame:
    """Return what only a wrong mapping explains in a term's records, up to a week.

    Returns:
        As `health.check_health`. The check is `relation: column`, and the message begins with
        `relation.column`. The status is `block`, or `warn` where something else may explain it.
        One finding per column.
    """
    # The order matters: of several findings about one column only the first is shown, and a wrong
    # id explains most of what the later checks find.
    found = chain(
        integrity.check_keys(college, term),
        validity.check_rows(college, term),
        timeliness.check_dates(college, term, week),
        weeks.check_exam_weeks(college, term),
        weeks.check_sessions(college, term, week),
        completeness.check_coverage(college, term, week),
        consistency.check_correlations(college, term),
    )
    told: list[tuple[object, ...]] = [
        (
            f"{relation}: {column}",
            EVERYWHERE,  # a mapping is the same for all classes
            "block" if stops else "warn",
            count,
            [],
            f"{relation}.{column}: {said}",
        )
        for relation, column, count, said, stops in found
    ]
    return pd.DataFrame(told, columns=list(FINDING_COLUMNS)).drop_duplicates(
        "check", ignore_index=True
    )
