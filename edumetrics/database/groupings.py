"""Several sums over the same rows: in one pass where the database can, else one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
import sqlalchemy as sa

# The column that says to which grouping a row belongs.
MASK = "grouped_by"


class Grouping(NamedTuple):
    """Rows summed up by some of their columns.

    Attributes:
        keys: the columns, by name.
        totals: the aggregates, by the name of their column.
    """

    keys: tuple[str, ...]
    totals: Mapping[str, sa.ColumnElement[Any]]


def select_groupings(
    rows: sa.Subquery, groupings: Sequence[Grouping], dialect: str
) -> list[sa.Select[Any]]:
    """Return the statements that sum up rows: one on PostgreSQL, else one for each grouping."""
    if dialect != "postgresql" or len(groupings) == 1:
        return [_select_one(rows, grouping) for grouping in groupings]
    keys, totals = _list_keys(groupings), _merge_totals(groupings)
    sets = (sa.tuple_(*(rows.c[key] for key in grouping.keys)) for grouping in groupings)
    return [
        sa.select(
            *(rows.c[key] for key in keys),
            *(total.label(name) for name, total in totals.items()),
            sa.func.grouping(*(rows.c[key] for key in keys), type_=sa.Integer).label(MASK),
        ).group_by(sa.func.grouping_sets(*sets))
    ]


def separate_groupings(
    rows: sa.Subquery, groupings: Sequence[Grouping], frames: Sequence[pd.DataFrame]
) -> list[pd.DataFrame]:
    """Return the rows of each grouping, from what the statements returned."""
    if len(frames) == len(groupings):
        return list(frames)
    keys, (frame,) = _list_keys(groupings), frames
    parts = []
    for grouping in groupings:
        # The first key is the highest bit; a bit is set where a key is not of the grouping.
        mask = sum(2**n for n, key in enumerate(reversed(keys)) if key not in grouping.keys)
        part = frame.loc[frame[MASK] == mask, [*grouping.keys, *grouping.totals]]
        # Whole numbers were fractions only beside the nulls of other groupings.
        types = {key: rows.c[key].type for key in grouping.keys}
        types |= {name: total.type for name, total in grouping.totals.items()}
        whole = [
            name
            for name, type_ in types.items()
            if isinstance(type_, sa.Integer) and part[name].notna().all()
        ]
        parts.append(part.astype(dict.fromkeys(whole, "int64")).reset_index(drop=True))
    return parts


def _select_one(rows: sa.Subquery, grouping: Grouping) -> sa.Select[Any]:
    keys = [rows.c[key] for key in grouping.keys]
    totals = [total.label(name) for name, total in grouping.totals.items()]
    return sa.select(*keys, *totals).group_by(*keys)


def _list_keys(groupings: Sequence[Grouping]) -> list[str]:
    return list(dict.fromkeys(key for grouping in groupings for key in grouping.keys))


def _merge_totals(groupings: Sequence[Grouping]) -> dict[str, sa.ColumnElement[Any]]:
    return {name: total for grouping in groupings for name, total in grouping.totals.items()}
