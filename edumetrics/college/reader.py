"""One college's database: its relations as mapped, queries on them, and what has been read.

Nothing in this package writes to the college's database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edumetrics.college.federation import Federation
from edumetrics.college.mapping import Relation
from edumetrics.database import (
    Grouping,
    build_query_error,
    order_highest_first,
    read_frame,
    select_groupings,
    separate_groupings,
)
from edumetrics.errors import SettingsError
from edumetrics.fields import RELATIONS, RelationRecord
from edumetrics.params import Params
from edumetrics.weeks import CLASS_SEMESTER

Condition = sa.ColumnElement[bool]
P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R", bound="Reader")


def keep(
    maxsize: int | None = None,
) -> Callable[[Callable[Concatenate[R, P], T]], Callable[Concatenate[R, P], T]]:
    """Cache what a function or method reads of a college, for as long as the college is open.

    A cache on the function itself would keep every college alive, so each college has its own.

    Args:
        maxsize: how many answers are kept, the latest ones; all when None.
    """

    def decorate(read: Callable[Concatenate[R, P], T]) -> Callable[Concatenate[R, P], T]:
        @wraps(read)
        def ask(college: R, /, *args: P.args, **kwargs: P.kwargs) -> T:
            cached = college.caches.setdefault(read, lru_cache(maxsize)(partial(read, college)))
            answer: T = cached(*args, **kwargs)
            return answer

        return ask

    return decorate


def build_term_condition(class_semesters: pd.DataFrame, relation: Relation | sa.CTE) -> Condition:
    """Return the SQL condition that a row belongs to one of the class-semesters."""
    # One IN list per semester: one condition per class-semester would make a very long statement.
    groups = class_semesters.groupby("semester")["class_id"]
    c = relation.c
    each = [
        # Some drivers reject NumPy integers, so the key becomes a plain int.
        sa.and_(c.semester == int(str(semester)), c.class_id.in_(list(ids)))
        for semester, ids in groups
    ]
    # `sa.or_()` without arguments is no condition, but without class-semesters no row may match.
    return sa.or_(sa.false(), *each)


def order_repeated(
    record: RelationRecord, columns: sa.ColumnCollection[str, sa.ColumnElement[Any]], key: str
) -> tuple[sa.ColumnElement[Any], ...]:
    """Return an ORDER BY of rows that repeat each other; the first one counts."""
    first = order_highest_first(columns[key])
    if not record.finished:
        return first
    return (sa.case((columns[record.finished].is_(sa.true()), 0), else_=1), *first)


def keep_one(frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Return the rows, each key once, in their order.

    Of rows that differ, the last one counts in the order of their values: the answer is the same on
    every database, and after any change of the order of rows.
    """
    if not frame.duplicated(keys).any():
        return frame
    order = frame.astype("str").sort_values(list(frame.columns), kind="stable").index
    return frame.loc[order].drop_duplicates(keys, keep="last").sort_index()


def order_ids(ids: pd.Series) -> pd.Index:
    """Return the index of ids, the highest first: 10 is higher than 9."""
    # Of two texts of digits the longer one is the higher number.
    order = pd.DataFrame({"length": ids.str.len(), "id": ids})
    return order.sort_values(["length", "id"], ascending=False).index


class Reader:
    """A college's databases, read through its mapping.

    Attributes:
        sources: its databases.
        relations: every canonical relation by name; None where the college has none.
        caches: what `keep` keeps, by function.
    """

    def __init__(self, connections: Connection | Mapping[str, Connection], params: Params) -> None:
        if isinstance(connections, Connection):
            connections = dict.fromkeys(params.college.databases, connections)
        self.params = params
        self.sources = Federation(
            connections, params.college, params.calendar.time_zone, self.read_frame
        )
        self.relations = self.sources.relations
        self.caches: dict[object, Callable[..., Any]] = {}

    def relation(self, name: str) -> Relation:
        """Return a relation that the college has.

        Raises:
            SettingsError: its mapping gives none.
        """
        found = self.relations[name]
        if found is None:
            raise SettingsError(f"The mapping gives no source for {name}: it is needed here.")
        return found

    def find_parent(self, name: str) -> Relation | None:
        """Return what the rows of a relation are about; None where they say so themselves."""
        parent = RELATIONS[name].parent
        return self.relations[parent] if parent else None

    def has_rows_of(self, name: str) -> bool:
        """Return whether a relation, and what its rows are about, are mapped."""
        parent = RELATIONS[name].parent
        return self.relations[name] is not None and (
            not parent or self.relations[parent] is not None
        )

    @keep()
    def read_columns(self, name: str, *columns: str) -> pd.DataFrame:
        """Return the named columns of a small relation, all rows; empty if the college has none."""
        relation = self.relations[name]
        if relation is None:
            # Callers select by column name, so an empty frame must have the columns, too.
            return pd.DataFrame({c: pd.Series(dtype="object") for c in columns})
        return self.read_frame(sa.select(*(relation.c[c] for c in columns)), name)

    def is_known_class(self, relation: Relation) -> Condition:
        """Return the SQL condition that the college lists a row's class; false for a null class."""
        classes = self.relation("classes")
        # For a null class `IN` is null, and so is its negation. `coalesce` makes the condition
        # false, so that callers can negate it.
        listed = relation.c.class_id.in_(
            sa.select(classes.c.class_id).where(classes.c.class_id.is_not(None))
        )
        return sa.func.coalesce(listed, sa.false())

    def keep_one_per_key(
        self,
        rows: sa.Select[Any],
        relation: Relation,
        class_semesters: pd.DataFrame,
        partition: tuple[str, ...],
        *,
        key: str = "id",
        tag: str = "",
    ) -> sa.Subquery:
        """Return the rows; of rows equal in `partition`, only the first by `order_repeated`.

        Args:
            rows: a select with the columns of `partition` and `key`.
            relation: the relation that the rows come from.
            class_semesters: class_id, semester; duplicates are looked for in these.
            partition: column names.
            key: the column that decides which row counts.
            tag: makes the name of the subquery unique where a statement contains several.
        """
        # The window function is slow on a large relation, and most relations need none.
        if not self.has_duplicates(relation, class_semesters):
            return rows.subquery("rows")
        columns = rows.selected_columns
        order = sa.func.row_number().over(
            partition_by=[columns[name] for name in partition],
            order_by=order_repeated(relation.table, columns, key),
        )
        ranked = rows.add_columns(order.label("place")).subquery("ranked")
        return sa.select(ranked).where(ranked.c.place == 1).subquery(f"kept{tag.replace('-', '')}")

    def has_duplicates(self, relation: Relation, class_semesters: pd.DataFrame) -> bool:
        """Return whether any natural key of the relation occurs twice.

        Where rows have a semester, only rows of `class_semesters` count. The answer is cached.
        """
        if relation.unique or not relation.table.natural:
            return False
        # The order of the rows does not matter to the answer.
        ids = frozenset(zip(class_semesters["class_id"], class_semesters["semester"], strict=True))
        return self._find_duplicates(relation.table.name, ids)

    @keep()
    def _find_duplicates(self, name: str, ids: frozenset[tuple[str, int]]) -> bool:
        relation = self.relation(name)
        columns = [relation.c[column] for column in relation.table.natural]
        # LIMIT 1: the database may stop at the first duplicate.
        probe = sa.select(*columns).group_by(*columns).having(sa.func.count() > 1).limit(1)
        if "semester" in relation.table.names:
            class_semesters = pd.DataFrame(sorted(ids), columns=CLASS_SEMESTER)
            probe = probe.where(build_term_condition(class_semesters, relation))
        return len(self.read_frame(probe, name)) > 0

    def read_groupings(
        self, rows: sa.Subquery, groupings: Sequence[Grouping], what: str
    ) -> list[pd.DataFrame]:
        """Sum up rows of a relation by several keys, in one pass where the database can.

        Returns:
            A frame for each grouping, with its keys and totals.
        """
        connection, _ = self.sources.place(sa.select(rows), what)
        selects = select_groupings(rows, groupings, connection.dialect.name)
        frames = [self.read_frame(select, what) for select in selects]
        return separate_groupings(rows, groupings, frames)

    def read_frame(
        self, select: sa.Select[Any], what: str, categories: frozenset[str] = frozenset()
    ) -> pd.DataFrame:
        """Run a query about a relation and return its rows, typed as `database.read_frame` does.

        Raises:
            SettingsError: the database cannot answer; the message names the relation `what`.
        """
        try:
            connection, placed = self.sources.place(select, what)
            return read_frame(connection, placed, categories)
        except sa.exc.DBAPIError as error:
            raise build_query_error(error, what) from error
