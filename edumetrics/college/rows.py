"""The rows of relations that are about items (work, exams): each read once, for all that is asked.

What was known by a day, what it sums up to, and which rows have a problem is computed from these
rows in memory (see `work`, `exams` and `row_findings`): so a week scans its largest tables of marks
once, and a term that is computed again does so, too.
"""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from edumetrics.college.reader import Reader, keep, order_ids
from edumetrics.college.row_checks import RowCheck, find_parent, list_row_checks
from edumetrics.database import make_empty_frame
from edumetrics.fields import RELATIONS

if TYPE_CHECKING:
    from edumetrics.college.terms import Term

# The dtypes of columns that a college does not have.
DTYPES = {"text": "str", "int": "float64", "float": "float64", "bool": "boolean",
          "date": "datetime64[us]"}  # fmt: skip
# Frames that are kept: the three relations of this term and of the one before. A calibration goes
# through terms one after the other, and must not hold the rows of all.
LATELY = 6


@keep(LATELY)
def read_rows(college: Reader, term: Term, name: str) -> pd.DataFrame:
    """Return all rows of a relation that are about items of a term, whatever is wrong with them.

    Rows about items that the college does not list are left out: a college may keep those of ten
    years, so that they are only counted (see `row_findings`).

    Args:
        college: the college to read.
        term: rows about items of other terms are left out.
        name: a relation with a parent.

    Returns:
        The columns of the relation, null where the college does not have them; ids are categories.
        And listed (whether the college lists the class of the row), and flags (see `has_flag`). No
        rows where the college has no such relation.
    """
    record = RELATIONS[name]
    # What repeats in many rows.
    ids = {*record.natural, "class_id"}
    relation, parent = college.relations[name], find_parent(college, record, term)
    kinds = {field.name: DTYPES[field.kind] for field in record.fields}
    kinds |= dict.fromkeys(ids, "category")
    if relation is None or parent is None:
        return make_empty_frame(**kinds, listed="bool", flags="int64")
    joined = sa.join(relation.rows, parent.rows, relation.c[parent.key] == parent.id)
    select = (
        sa.select(
            *(relation.c[column] for column in record.names if column in relation.present),
            _build_flags(list_row_checks(college, relation, parent, term)).label("flags"),
        )
        .select_from(joined)
        .where(parent.here == 1)
    )
    frame = college.read_frame(select, name, categories=frozenset(ids))
    kinds = {column: kind for column, kind in kinds.items() if column not in relation.present}
    # Taking no row of an empty frame gives nulls of its dtypes.
    absent = make_empty_frame(**kinds).reindex(frame.index)
    classes = college.read_columns("classes", "class_id")["class_id"]
    known = frame["class_id"].cat.categories.isin(classes)
    # The code of a row without a class is -1: it takes the last value, which is appended for it.
    listed = np.append(known, False)[frame["class_id"].cat.codes]
    return pd.concat([frame.assign(listed=listed), absent], axis=1)


def _build_flags(checks: list[RowCheck]) -> sa.ColumnElement[Any]:
    """Return one whole number with a bit for each check, and one for each `among`."""
    bits: list[sa.ColumnElement[Any]] = [sa.literal(0)]
    for n, check in enumerate(checks):
        for condition, place in ((check.condition, 2 * n), (check.among, 2 * n + 1)):
            if condition is not None:
                bits.append(sa.case((condition, sa.literal_column(str(2**place))), else_=0))
    return sa.cast(reduce(add, bits), sa.BigInteger)


def has_flag(rows: pd.DataFrame, n: int, *, among: bool = False) -> np.ndarray:
    """Return for each row whether it has the problem of check n, or could have it (`among`)."""
    return np.asarray(rows["flags"].to_numpy() >> (2 * n + among) & 1 == 1)


def drop_repeated(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the rows; of those equal in the relation's natural key, the one that counts."""
    return rows[~is_repeated(rows, name)]


def is_repeated(rows: pd.DataFrame, name: str) -> pd.Series:
    """Return whether another row with the same natural key counts in the place of each row.

    As `reader.order_repeated` orders them in SQL: a finished attempt comes first, then the highest
    id.
    """
    record = RELATIONS[name]
    natural = list(record.natural)
    again = rows.duplicated(natural, keep=False)
    if not again.any():
        return again
    several = rows[again]
    several = several.loc[order_ids(several[record.key[0]])]
    if record.finished:
        finished = several[record.finished].fillna(False)
        several = several.sort_values(record.finished, key=lambda _: ~finished, kind="stable")
    counted = several.drop_duplicates(natural).index
    return again & ~rows.index.isin(counted)


def join_items(rows: pd.DataFrame, key: str, items: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the columns of their items, where these are among `items`.

    Args:
        rows: rows with a category `key`.
        key: the name of the items' key in both frames.
        items: the items; one that several classes share may have a row for each of them.
    """
    # Categories are joined by their numbers: joined with texts, they would become objects.
    codes = rows[key].cat.categories.get_indexer(pd.Index(items[key]))
    own = items.drop(columns=key).assign(item=codes)[codes >= 0]
    return rows.assign(item=rows[key].cat.codes.astype("int64")).merge(own, on="item")
