"""What only a wrong mapping explains, so that none gives silently wrong scores.

Dirty data (`college.health`) is cleaned and counted; what is found here makes scores that mean nothing, and holds a
run's mail back until the mapping is corrected. `keys` looks at ids, `rows` at the values of each row, `dates` at weeks
and days, `coverage` at what is missing, `together` at columns that should rise and fall with each other.
"""

from __future__ import annotations

from itertools import chain

import pandas as pd

from edumetrics.college import health
from edumetrics.college.health import EVERYWHERE
from edumetrics.college.plausible import coverage, dates, keys, rows, together
from edumetrics.college.source import College, Term


def findings(college: College, term: Term, week: int) -> pd.DataFrame:
    """What in a term's records, up to a week, only a wrong mapping explains.

    Returns:
        As `health.findings`: check is `relation: column`, and the message begins with both. The status is `block`, or
        `warn` where something else may explain it as well.
    """
    found = chain(
        keys.found(college, term),
        rows.found(college, term),
        dates.found(college, term, week),
        coverage.found(college, term, week),
        together.found(college, term),
    )
    told: list[tuple[object, ...]] = [
        (
            f"{relation}: {column}",
            EVERYWHERE,
            "block" if stops else "warn",
            count,
            [],
            f"{relation}.{column}: {said}",
        )
        for relation, column, count, said, stops in found
    ]
    return pd.DataFrame(told, columns=list(health.COLUMNS)).drop_duplicates(
        "check", ignore_index=True
    )
