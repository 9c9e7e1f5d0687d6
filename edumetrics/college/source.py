"""Read the college's database: small relations, the calendar, and the terms that it implies.

Nothing in this module writes to the college's database.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any, cast

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edumetrics import weeks
from edumetrics.college.mapping import Relation, resolve_relations
from edumetrics.database import build_query_error, order_highest_first, read_frame
from edumetrics.errors import SettingsError
from edumetrics.params import Params
from edumetrics.weeks import CLASS_SEMESTER, CollegeWeek

Condition = sa.ColumnElement[bool]
# A date outside this range is a typing error: it must not decide when a semester began.
BELIEVABLE = pd.Timestamp("1980-01-01"), pd.Timestamp("2100-01-01")
# What scoring sees of a student. Names and addresses are left out: only pages and mails need them.
STUDENT_COLUMNS = ("student_id", "class_id", "advisor_id", "joined_on", "withdrawn_on")


@dataclass(frozen=True)
class Term:
    """One term of the college.

    Attributes:
        name: ISO date of the first day of its first week.
        class_semesters: class_id, semester, start, last_week (the last week that any feed dates);
            one row per class-semester (a class in a semester).
        dates: class_id, semester, week, week_date (first day); one row per week of each
            class-semester.
        current: whether the college is in this term now.
        semesters: the semesters of all its classes, also of classes that `only` removed.
    """

    name: str
    class_semesters: pd.DataFrame
    dates: pd.DataFrame
    current: bool
    semesters: frozenset[int]

    def select_classes(self, classes: Collection[str]) -> Term:
        """Return the same term with only these classes."""
        own, dates = (
            frame[frame["class_id"].isin(classes)] for frame in (self.class_semesters, self.dates)
        )
        return replace(
            self, class_semesters=own.reset_index(drop=True), dates=dates.reset_index(drop=True)
        )

    @property
    def last_week(self) -> int:
        """The last week for which any class of the term has data."""
        return int(self.class_semesters["last_week"].max())

    def list_week_ends(self, week: int) -> pd.DataFrame:
        """Return class_id, semester and week_end of a week (its last day, at midnight)."""
        rows = self.dates.loc[self.dates["week"] == week]
        return (
            rows[CLASS_SEMESTER]
            .assign(week_end=rows["week_date"] + pd.Timedelta(days=6))  # first and last day count
            .reset_index(drop=True)
        )

    def build_condition(self, relation: Relation | sa.CTE) -> Condition:
        """Return the SQL condition that a row belongs to the term, by its class_id and semester."""
        return build_term_condition(self.class_semesters, relation)


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


def _hash_class_semesters(class_semesters: pd.DataFrame) -> int:
    """Return a hash that is equal for equal sets of class-semesters, in any order."""
    return hash(
        frozenset(zip(class_semesters["class_id"], class_semesters["semester"], strict=True))
    )


class College:
    """A college's database, read through its mapping. Small relations are read once and cached.

    `kept` and `lately` are caches of `college.records`. `kept` serves a term that is replayed week
    by week, so that it is read once. `lately` holds the last few frames, so that all steps of one
    week share them.
    """

    def __init__(self, connection: Connection, params: Params) -> None:
        self.connection = connection
        self.params = params
        self.relations = resolve_relations(
            connection, params.college.relations, params.college.views
        )
        self.kept: dict[tuple[object, ...], pd.DataFrame] = {}
        self.lately: dict[tuple[object, ...], pd.DataFrame] = {}
        self._whole: dict[tuple[str, str], pd.DataFrame] = {}
        # By signature of class-semesters: the last week that was read, and the registers up to it.
        self._registers: dict[int, tuple[int, pd.DataFrame]] = {}
        self._repeats: dict[tuple[str, int], bool] = {}

    # ------------------------------------------------------------ small relations

    def read_columns(self, name: str, *columns: str) -> pd.DataFrame:
        """Return the named columns of a small relation, all rows; empty if the college has none."""
        key = (name, ",".join(columns))
        if key not in self._whole:
            relation = self.relations[name]
            # Callers select by column name, so an empty frame must have the columns, too.
            empty = pd.DataFrame({c: pd.Series(dtype="object") for c in columns})
            picked = [relation.c[c] for c in columns] if relation else []
            self._whole[key] = self.read_frame(sa.select(*picked), name) if relation else empty
        return self._whole[key]

    @property
    def classes(self) -> pd.DataFrame:
        """class_id, name, odd_sem, even_sem; unique by class_id."""
        frame = self.read_columns("classes", "class_id", "name", "odd_sem", "even_sem")
        return frame.dropna(subset="class_id").drop_duplicates("class_id", keep="last")

    @property
    def students(self) -> pd.DataFrame:
        """student_id, class_id, advisor_id, joined_on, withdrawn_on; unique by student_id.

        Students on the list of exclusions are left out.
        """
        frame = self._people.dropna(subset="student_id").drop_duplicates("student_id", keep="last")
        return frame.loc[
            ~frame["student_id"].isin(self.params.scoring.exclusions), list(STUDENT_COLUMNS)
        ]

    @property
    def counter(self) -> pd.DataFrame:
        """id, current_week, sim_year of the college's week counter; no row if it has no counter."""
        return self.read_columns("sim_state", "id", "current_week", "sim_year")

    @property
    def large(self) -> bool:
        """Whether a frame with one row per student and week would be too large for this college."""
        return len(self._people) > self.params.batch.chunk_students

    @property
    def listed(self) -> pd.Series:
        """Every student_id that the college lists, excluded students included."""
        return self._people["student_id"]

    @property
    def advisors(self) -> pd.DataFrame:
        """advisor_id, name, email, class_id; unique by advisor_id."""
        frame = self.read_columns("advisors", "advisor_id", "name", "email", "class_id")
        return frame.dropna(subset="advisor_id").drop_duplicates("advisor_id", keep="last")

    @property
    def names(self) -> pd.DataFrame:
        """student_id, name, roll_number; only for pages and mails."""
        return self._people[["student_id", "name", "roll_number"]].drop_duplicates(
            "student_id", keep="last"
        )

    @property
    def addresses(self) -> pd.DataFrame:
        """student_id, email; only for the drafts that advisors receive."""
        return self.read_columns("students", "student_id", "email").drop_duplicates(
            "student_id", keep="last"
        )

    @property
    def parents(self) -> pd.DataFrame:
        """student_id, parent_email; only where contact is permitted, and null means no."""
        permitted = self.read_columns("students", "student_id", "parent_contact_permitted")
        # `eq(True)` is not true for null, so a missing permission excludes the parent.
        permitted = permitted[permitted["parent_contact_permitted"].eq(True)]
        frame = self.read_columns("students", "student_id", "parent_email").drop_duplicates(
            "student_id", keep="last"
        )
        return frame[frame["student_id"].isin(permitted["student_id"])]

    @property
    def _people(self) -> pd.DataFrame:
        return self.read_columns("students", *STUDENT_COLUMNS, "name", "roll_number")

    def list_feed_weeks(self, week: int) -> tuple[int, ...]:
        """Return the teaching weeks up to `week` that decide whether a feed is present.

        A feed is present when it has a row in one of them. The latest week comes first.
        """
        calendar = self.params.calendar
        # Before the first teaching week there is no earlier one: the first then decides alone.
        return calendar.get_last_teaching_weeks(week, self.params.scoring.feed_weeks) or (
            calendar.teaching_weeks[0],
        )

    def find_college_week(self, as_of: date) -> CollegeWeek:
        """Return the last complete week of the college.

        `sim_state` decides where the college has one; otherwise the calendar and `as_of` decide.

        Raises:
            SettingsError: `sim_state` has no current_week or no sim_year.
        """
        state = self.counter
        if state.empty:
            return weeks.find_last_complete_week(as_of, self.params.calendar)
        row = state.iloc[0]
        # No fallback to the calendar here: a broken counter is an error of the mapping.
        if row[["current_week", "sim_year"]].isna().any():
            raise SettingsError(
                "The college's sim_state has no current_week or no sim_year: correct its mapping."
            )
        return CollegeWeek(int(row["sim_year"]), int(row["current_week"]))

    # ------------------------------------------------------------ calendar

    def read_registers(self, class_semesters: pd.DataFrame, until: int) -> pd.DataFrame:
        """Return the registers of weeks 1..until, summed per student, class, semester and week.

        Registers of the class-semesters in `class_semesters` count, and those of unknown classes in
        the same semesters. Attendance is the college's largest relation: it is read once, and a
        frame of more weeks also serves fewer weeks.

        Returns:
            student_id, class_id, semester, week, held and present (lectures, summed over subjects
            without unmarked registers), odd (count of registers that were unmarked or clipped),
            week_date (the latest date, NaT where none is dated). Every student and week with a
            register has a row; held is 0 where no register was marked.
        """
        known, frame = self._registers.get(
            _hash_class_semesters(class_semesters), (0, pd.DataFrame())
        )
        if known < until:
            frame = self._load_registers(class_semesters, until)
            self._registers[_hash_class_semesters(class_semesters)] = until, frame
        return frame if known == until else frame[frame["week"] <= until]

    def _load_registers(self, class_semesters: pd.DataFrame, until: int) -> pd.DataFrame:
        relation = cast(Relation, self.relations["attendance"])
        c = relation.c
        semesters = [int(semester) for semester in class_semesters["semester"].unique()]
        # Data health counts the rows of unknown classes. Reading them here saves a second scan.
        scope = sa.or_(
            build_term_condition(class_semesters, relation),
            sa.and_(c.semester.in_(semesters), ~self.is_known_class(relation)),
        )
        # In SQL a comparison with null is not true: null values end in `else_`, so as unmarked.
        marked = sa.case((sa.and_(c.present >= 0, c.lectures_held >= 0), 1), else_=0).label(
            "marked"
        )
        picked = [
            c[name]
            for name in (
                "id",
                *relation.table.natural,
                "class_id",
                "week_date",
                "lectures_held",
                "present",
            )
        ]
        rows = sa.select(*picked, marked).where(scope, c.week.between(1, until))
        if self.has_duplicates(relation, class_semesters):
            # Data health counts rows of unknown classes, but these rows must not displace a row
            # that counts. So duplicates are only looked for among rows of the same kind.
            rows = rows.add_columns(
                sa.case((self.is_known_class(relation), 1), else_=0).label("listed")
            )
        r = self.keep_one_per_key(
            rows, relation, class_semesters, (*relation.table.natural, "listed")
        )
        over = r.c.present > r.c.lectures_held
        # The order of the branches matters: an unmarked register counts 0, also when it is `over`.
        sums = {
            "held": sa.case((r.c.marked == 1, r.c.lectures_held), else_=0),
            "present": sa.case((r.c.marked == 0, 0), (over, r.c.lectures_held), else_=r.c.present),
            "odd": sa.case((sa.or_(r.c.marked == 0, over), 1), else_=0),
        }
        keys = [r.c.student_id, r.c.class_id, r.c.semester, r.c.week]
        # The type of the result is stated: some databases return the sum of integers as a decimal.
        totals = [sa.func.sum(value, type_=sa.Integer).label(name) for name, value in sums.items()]
        dated = sa.func.max(r.c.week_date, type_=sa.Date).label("week_date")
        return self.read_frame(sa.select(*keys, *totals, dated).group_by(*keys), "attendance")

    def _read_dated_weeks(
        self, running: pd.DataFrame | None = None, until: int = 0
    ) -> pd.DataFrame:
        """Return the weeks that the feeds date.

        Where several feeds date a week, attendance comes before library, and library before
        platform.

        Args:
            running: class_id, semester: only these, and only weeks up to `until`. None means every
                class and semester of listed classes, all weeks.
            until: last semester week; only used with `running`.

        Returns:
            class_id, semester, week, week_date; unique by the first three.
        """
        found: list[pd.DataFrame] = []
        # Loans are no help here: a loan has the day it began, not the first day of its week.
        for name in ("attendance", "library_visits", "lms_activity"):
            relation = self.relations[name]
            if relation is None or (
                running is not None and found and self._has_all_dates(found[0], running, until)
            ):
                continue
            keys = [relation.c.class_id, relation.c.semester, relation.c.week]
            latest = sa.func.max(relation.c.week_date, type_=sa.Date).label("week_date")
            wanted = sa.select(*keys, latest).group_by(*keys)
            if running is None:
                frame = self.read_frame(wanted, name)
            elif name == "attendance" and not self.large:
                # Scoring reads these registers anyway, so their dates cost no query.
                frame = (
                    self.read_registers(running, until)
                    .groupby([*CLASS_SEMESTER, "week"])["week_date"]
                    .max()
                    .reset_index()
                )
            else:
                frame = self.read_frame(
                    wanted.where(build_term_condition(running, relation), relation.c.week <= until),
                    name,
                )
            frame = frame.dropna()
            found.append(frame[frame["week_date"].between(*BELIEVABLE)])
        # `drop_duplicates` keeps the first row: the order of the feeds above is their priority.
        dated = pd.concat(found).drop_duplicates([*CLASS_SEMESTER, "week"])
        return dated[dated["class_id"].isin(self.classes["class_id"])].astype(
            {"semester": "int64", "week": "int64"}
        )

    def _has_all_dates(self, dated: pd.DataFrame, running: pd.DataFrame, until: int) -> bool:
        """Return whether attendance dates every teaching week so far of every class.

        If it does, no other feed needs to be read.
        """
        weeks_so_far = [week for week in self.params.calendar.teaching_weeks if week <= until]
        known = dated[dated["week"].isin(weeks_so_far)].merge(running, on=CLASS_SEMESTER)
        # Both sides are unique by class, semester and week: equal counts mean that none is missing.
        return len(known) == len(running) * len(weeks_so_far)

    @cached_property
    def _calendar(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        return self._compute_calendar(self._read_dated_weeks())

    def _compute_calendar(self, survey: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return class_id, semester, start, term and last_week, and the dates of all weeks."""
        dates = weeks.compute_week_dates(survey, self.params.calendar.weeks_per_semester)
        last = survey.groupby(CLASS_SEMESTER)["week"].max().rename("last_week").reset_index()
        return weeks.name_terms(dates).merge(last, on=CLASS_SEMESTER), dates

    def find_running_classes(self, position: CollegeWeek) -> pd.DataFrame:
        """Return class_id and semester of the classes in session.

        If the college names no semesters of its classes, the latest dated semester of each counts.
        """
        column = f"{position.find_slot(self.params.calendar)}_sem"
        classes = self.classes
        # Only when both columns are empty throughout: a single null means "not in session".
        if classes[["odd_sem", "even_sem"]].isna().all(axis=None):
            class_semesters, _ = self._calendar
            return class_semesters.sort_values("start").drop_duplicates("class_id", keep="last")[
                CLASS_SEMESTER
            ]
        session = classes.dropna(subset=column)
        return pd.DataFrame(
            {"class_id": session["class_id"], "semester": session[column].astype("int64")}
        )

    def find_current_term(self, position: CollegeWeek) -> Term | None:
        """Return the term in session; None between terms.

        A class in session without any dated row shares the calendar of the other classes. When
        nothing is dated, the term begins on the slot's date in the calendar. Without `sim_state`, a
        term that did not begin within eight weeks of that date is over.
        """
        running = self.find_running_classes(position)
        # Only the classes in session are read: the weekly run needs no history of the college.
        # Week 0 stands for the days before week 1. It has no rows, so week 1 is read in its place.
        week = max(position.compute_week(self.params.calendar), 1)
        class_semesters, dates = self._compute_calendar(self._read_dated_weeks(running, week))
        dated = running.merge(class_semesters, on=CLASS_SEMESTER)
        expected = pd.Timestamp(weeks.find_slot_start(position, self.params.calendar))
        if self.counter.empty:
            dated = dated[(dated["start"] - expected).abs() <= weeks.TERM_SPREAD]
            # A class whose term is over is not in session, so it must not become a silent class.
            running = running.merge(
                class_semesters.loc[~class_semesters["term"].isin(dated["term"]), CLASS_SEMESTER],
                on=CLASS_SEMESTER,
                how="left",
                indicator="past",
            )
            running = running.query("past == 'left_only'").drop(columns="past")
        if dated.empty and running.empty:
            return None
        # Classes are in session, but no feed has a date yet: the calendar gives the first day.
        if dated.empty:
            return self._build_term(
                expected.date().isoformat(),
                running.assign(start=expected, last_week=0),
                dates,
                current=True,
            )
        name = max(dated["term"])  # ISO dates sort as text
        known = dated[dated["term"] == name].drop(columns="term")
        silent = running.merge(
            class_semesters[CLASS_SEMESTER], on=CLASS_SEMESTER, how="left", indicator="dated"
        ).query("dated == 'left_only'")
        # Most classes of a term begin together: the most frequent start is the best guess.
        silent = silent[CLASS_SEMESTER].assign(start=known["start"].mode()[0], last_week=0)
        return self._build_term(
            name, pd.concat([known, silent], ignore_index=True), dates, current=True
        )

    def list_terms(self, position: CollegeWeek) -> list[Term]:
        """Return every term up to the one in session, which is included, in time order."""
        class_semesters, dates = self._calendar
        current = self.find_current_term(position)
        if current is not None:
            # Only what began well before the current term is past. The rest belongs to it, or is
            # later.
            class_semesters = class_semesters[
                class_semesters["start"] < pd.Timestamp(current.name) - weeks.TERM_SPREAD
            ]
        past = self._build_past_terms(class_semesters, dates)
        return [*past, current] if current else past

    def list_past_terms(self) -> list[Term]:
        """Return every term that the data date, in time order, whatever week the college is in."""
        return self._build_past_terms(*self._calendar)

    def _build_past_terms(self, class_semesters: pd.DataFrame, dates: pd.DataFrame) -> list[Term]:
        # `groupby` sorts its keys, and ISO dates sort as text: the terms come in time order.
        groups = class_semesters.groupby("term")
        return [
            self._build_term(str(name), group.drop(columns="term"), dates, current=False)
            for name, group in groups
        ]

    def _build_term(
        self, name: str, class_semesters: pd.DataFrame, dates: pd.DataFrame, *, current: bool
    ) -> Term:
        dates = dates.merge(class_semesters[CLASS_SEMESTER], on=CLASS_SEMESTER)
        # `last_week` is 0 where no feed dates the class: its weeks are counted from its start.
        silent = class_semesters[class_semesters["last_week"] == 0]
        if not silent.empty:
            starts = silent[CLASS_SEMESTER].assign(week=1, week_date=silent["start"])
            dates = pd.concat(
                [dates, weeks.compute_week_dates(starts, self.params.calendar.weeks_per_semester)]
            )
        # Rows may be dated after the last week of the semester: they are not part of the term.
        class_semesters = class_semesters.assign(
            last_week=class_semesters["last_week"].clip(
                upper=self.params.calendar.weeks_per_semester
            )
        )
        semesters = frozenset(int(semester) for semester in class_semesters["semester"])
        return Term(
            name,
            class_semesters.reset_index(drop=True),
            dates.reset_index(drop=True),
            current,
            semesters,
        )

    # ------------------------------------------------------------ queries

    def is_known_class(self, relation: Relation) -> Condition:
        """Return the SQL condition that the college lists a row's class; false for a null class."""
        classes = cast(Relation, self.relations["classes"])
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
        """Return the rows; of rows equal in `partition`, only the one with the highest `key`.

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
            order_by=order_highest_first(columns[key]),
        )
        ranked = rows.add_columns(order.label("place")).subquery("ranked")
        return sa.select(ranked).where(ranked.c.place == 1).subquery(f"kept{tag.replace('-', '')}")

    def has_duplicates(self, relation: Relation, class_semesters: pd.DataFrame) -> bool:
        """Return whether any natural key of the relation occurs twice.

        Where rows have a semester, only rows of `class_semesters` count. The answer is cached.
        """
        if relation.unique or not relation.table.natural:
            return False
        key = (relation.table.name, _hash_class_semesters(class_semesters))
        if key not in self._repeats:
            columns = [relation.c[name] for name in relation.table.natural]
            # LIMIT 1: the database may stop at the first duplicate.
            probe = sa.select(*columns).group_by(*columns).having(sa.func.count() > 1).limit(1)
            if "semester" in relation.table.names:
                probe = probe.where(build_term_condition(class_semesters, relation))
            self._repeats[key] = len(self.read_frame(probe, relation.table.name)) > 0
        return self._repeats[key]

    def read_frame(self, select: sa.Select[Any], what: str) -> pd.DataFrame:
        """Run a query on the college's database and return its rows, typed as `database.read` does.

        Raises:
            SettingsError: the database cannot answer; the message names the relation `what`.
        """
        try:
            return read_frame(self.connection, select)
        except sa.exc.DBAPIError as error:
            raise build_query_error(error, what) from error
