"""Reading the college: its small relations, its calendar, and the terms that follow from it. Nothing here writes."""

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
from edumetrics.college.mapping import Relation, resolve
from edumetrics.database import highest_first, query_error, read
from edumetrics.errors import SettingsError
from edumetrics.params import Params
from edumetrics.weeks import PAIRING, Position

Condition = sa.ColumnElement[bool]
# A year outside of these is a slip of the pen.
BELIEVABLE = pd.Timestamp("1980-01-01"), pd.Timestamp("2100-01-01")
STUDENT_COLUMNS = ("student_id", "class_id", "advisor_id", "joined_on", "withdrawn_on")


@dataclass(frozen=True)
class Term:
    """One term of the college.

    Attributes:
        name: ISO date of its first week.
        pairings: class_id, semester, start, last_week (the last week that any feed dates).
        dates: class_id, semester, week, week_date (first day), for every week of every pairing.
        current: whether it is the term that the college is in.
        semesters: those of all its classes, whichever classes `only` leaves.
    """

    name: str
    pairings: pd.DataFrame
    dates: pd.DataFrame
    current: bool
    semesters: frozenset[int]

    def only(self, classes: Collection[str]) -> Term:
        """The same term of some of its classes."""
        own, dates = (
            frame[frame["class_id"].isin(classes)] for frame in (self.pairings, self.dates)
        )
        return replace(
            self, pairings=own.reset_index(drop=True), dates=dates.reset_index(drop=True)
        )

    @property
    def last_week(self) -> int:
        """The last week that any pairing has data for."""
        return int(self.pairings["last_week"].max())

    def week_ends(self, week: int) -> pd.DataFrame:
        """class_id, semester and week_end (the last day, midnight) of a week."""
        rows = self.dates.loc[self.dates["week"] == week]
        return (
            rows[PAIRING]
            .assign(week_end=rows["week_date"] + pd.Timedelta(days=6))
            .reset_index(drop=True)
        )

    def within(self, relation: Relation | sa.CTE) -> Condition:
        """The SQL condition that a row (with class_id and semester) belongs to one of the pairings."""
        return within(self.pairings, relation)


def within(pairings: pd.DataFrame, relation: Relation | sa.CTE) -> Condition:
    """The SQL condition that a row (with class_id and semester) belongs to one of some pairings."""
    groups = pairings.groupby("semester")["class_id"]
    c = relation.c
    each = [
        sa.and_(c.semester == int(str(semester)), c.class_id.in_(list(ids)))
        for semester, ids in groups
    ]
    return sa.or_(sa.false(), *each)


def _signature(pairings: pd.DataFrame) -> int:
    """The same for the same set of pairings, in any order."""
    return hash(frozenset(zip(pairings["class_id"], pairings["semester"], strict=True)))


class College:
    """A college's database, read through its mapping; small relations are read once and kept.

    `kept` holds what `college.records` has read, so that a term replayed week by week is read once; `lately` what it
    read last, so that all that a week asks shares it.
    """

    def __init__(self, connection: Connection, params: Params) -> None:
        self.connection = connection
        self.params = params
        self.relations = resolve(connection, params.college.relations, params.college.views)
        self.kept: dict[tuple[object, ...], pd.DataFrame] = {}
        self.lately: dict[tuple[object, ...], pd.DataFrame] = {}
        self._whole: dict[tuple[str, str], pd.DataFrame] = {}
        self._registers: dict[int, tuple[int, pd.DataFrame]] = {}
        self._repeats: dict[tuple[str, int], bool] = {}

    # ------------------------------------------------------------ small relations

    def whole(self, name: str, *columns: str) -> pd.DataFrame:
        """The named columns of all rows of a small relation; no rows where the college has none."""
        key = (name, ",".join(columns))
        if key not in self._whole:
            relation = self.relations[name]
            empty = pd.DataFrame({c: pd.Series(dtype="object") for c in columns})
            picked = [relation.c[c] for c in columns] if relation else []
            self._whole[key] = self.frame(sa.select(*picked), name) if relation else empty
        return self._whole[key]

    @property
    def classes(self) -> pd.DataFrame:
        """class_id, name, odd_sem, even_sem; unique by class_id."""
        frame = self.whole("classes", "class_id", "name", "odd_sem", "even_sem")
        return frame.dropna(subset="class_id").drop_duplicates("class_id", keep="last")

    @property
    def students(self) -> pd.DataFrame:
        """student_id, class_id, advisor_id, joined_on, withdrawn_on; unique by student_id, exclusions left out."""
        frame = self._people.dropna(subset="student_id").drop_duplicates("student_id", keep="last")
        return frame.loc[
            ~frame["student_id"].isin(self.params.scoring.exclusions), list(STUDENT_COLUMNS)
        ]

    @property
    def counter(self) -> pd.DataFrame:
        """id, current_week, sim_year: where the college's week counter stands; no row where it has none."""
        return self.whole("sim_state", "id", "current_week", "sim_year")

    @property
    def large(self) -> bool:
        """Whether there are so many students that no frame may hold a row for each week of each of them."""
        return len(self._people) > self.params.batch.chunk_students

    @property
    def listed(self) -> pd.Series:
        """Every student_id that the college lists, the excluded ones too."""
        return self._people["student_id"]

    @property
    def advisors(self) -> pd.DataFrame:
        """advisor_id, name, email, class_id; unique by advisor_id."""
        frame = self.whole("advisors", "advisor_id", "name", "email", "class_id")
        return frame.dropna(subset="advisor_id").drop_duplicates("advisor_id", keep="last")

    @property
    def names(self) -> pd.DataFrame:
        """student_id, name, roll_number: for pages and mails only."""
        return self._people[["student_id", "name", "roll_number"]].drop_duplicates(
            "student_id", keep="last"
        )

    @property
    def addresses(self) -> pd.DataFrame:
        """student_id, email: for the drafts that advisors are offered, only."""
        return self.whole("students", "student_id", "email").drop_duplicates(
            "student_id", keep="last"
        )

    @property
    def parents(self) -> pd.DataFrame:
        """student_id, parent_email: only of students whose parents may be written to; null permission means no."""
        permitted = self.whole("students", "student_id", "parent_contact_permitted")
        permitted = permitted[permitted["parent_contact_permitted"].eq(True)]
        frame = self.whole("students", "student_id", "parent_email").drop_duplicates(
            "student_id", keep="last"
        )
        return frame[frame["student_id"].isin(permitted["student_id"])]

    @property
    def _people(self) -> pd.DataFrame:
        return self.whole("students", *STUDENT_COLUMNS, "name", "roll_number")

    def feed_window(self, week: int) -> tuple[int, ...]:
        """The teaching weeks up to this one in which a feed must have a row to be present, latest first."""
        calendar = self.params.calendar
        return calendar.last_teaching_weeks(week, self.params.scoring.feed_weeks) or (
            calendar.teaching_weeks[0],
        )

    def position(self, as_of: date) -> Position:
        """Where the college stands: from `sim_state` where there is one, else from the calendar and a day.

        Raises:
            SettingsError: `sim_state` does not say.
        """
        state = self.counter
        if state.empty:
            return weeks.position_on(as_of, self.params.calendar)
        row = state.iloc[0]
        if row[["current_week", "sim_year"]].isna().any():
            raise SettingsError(
                "The college's sim_state has no current_week or no sim_year: correct its mapping."
            )
        return Position(int(row["sim_year"]), int(row["current_week"]))

    # ------------------------------------------------------------ calendar

    def registers(self, pairings: pd.DataFrame, until: int) -> pd.DataFrame:
        """Registers of weeks 1..until per student, class and week, of some pairings and of unknown classes.

        The college's largest relation is read once for a week: what is known of more weeks serves for fewer.

        Returns:
            student_id, class_id, semester, week, held, present (summed over subjects, unmarked registers left out),
            odd (how many registers were unmarked or clipped), week_date (the latest, NaT where none is dated). A row
            exists for every register, with held 0 where none was marked.
        """
        known, frame = self._registers.get(_signature(pairings), (0, pd.DataFrame()))
        if known < until:
            frame = self._read_registers(pairings, until)
            self._registers[_signature(pairings)] = until, frame
        return frame if known == until else frame[frame["week"] <= until]

    def _read_registers(self, pairings: pd.DataFrame, until: int) -> pd.DataFrame:
        relation = cast(Relation, self.relations["attendance"])
        c = relation.c
        semesters = [int(semester) for semester in pairings["semester"].unique()]
        scope = sa.or_(
            within(pairings, relation),
            sa.and_(c.semester.in_(semesters), ~self.known_class(relation)),
        )
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
        if self.repeats(relation, pairings):
            # Rows of unknown classes are counted for data health; they must not displace a row that counts.
            rows = rows.add_columns(
                sa.case((self.known_class(relation), 1), else_=0).label("listed")
            )
        r = self.one_per_key(rows, relation, pairings, (*relation.table.natural, "listed"))
        over = r.c.present > r.c.lectures_held
        sums = {
            "held": sa.case((r.c.marked == 1, r.c.lectures_held), else_=0),
            "present": sa.case((r.c.marked == 0, 0), (over, r.c.lectures_held), else_=r.c.present),
            "odd": sa.case((sa.or_(r.c.marked == 0, over), 1), else_=0),
        }
        keys = [r.c.student_id, r.c.class_id, r.c.semester, r.c.week]
        totals = [sa.func.sum(value, type_=sa.Integer).label(name) for name, value in sums.items()]
        dated = sa.func.max(r.c.week_date, type_=sa.Date).label("week_date")
        return self.frame(sa.select(*keys, *totals, dated).group_by(*keys), "attendance")

    def _survey(self, running: pd.DataFrame | None = None, until: int = 0) -> pd.DataFrame:
        """The weeks that the feeds date, attendance before library before platform.

        Args:
            running: class_id, semester: only these, and only weeks 1..until; every pairing of a listed class when None.
            until: as above.

        Returns:
            class_id, semester, week, week_date; unique by the first three.
        """
        found: list[pd.DataFrame] = []
        for name in ("attendance", "library_visits", "lms_activity"):
            relation = self.relations[name]
            if relation is None or (
                running is not None and found and self._all_dated(found[0], running, until)
            ):
                continue
            keys = [relation.c.class_id, relation.c.semester, relation.c.week]
            latest = sa.func.max(relation.c.week_date, type_=sa.Date).label("week_date")
            wanted = sa.select(*keys, latest).group_by(*keys)
            if running is None:
                frame = self.frame(wanted, name)
            elif name == "attendance" and not self.large:
                frame = (
                    self.registers(running, until)
                    .groupby([*PAIRING, "week"])["week_date"]
                    .max()
                    .reset_index()
                )
            else:
                frame = self.frame(
                    wanted.where(within(running, relation), relation.c.week <= until), name
                )
            frame = frame.dropna()
            found.append(frame[frame["week_date"].between(*BELIEVABLE)])
        dated = pd.concat(found).drop_duplicates([*PAIRING, "week"])
        return dated[dated["class_id"].isin(self.classes["class_id"])].astype(
            {"semester": "int64", "week": "int64"}
        )

    def _all_dated(self, dated: pd.DataFrame, running: pd.DataFrame, until: int) -> bool:
        """Whether attendance dates every teaching week so far of every class, so that no other feed need be asked."""
        weeks_so_far = [week for week in self.params.calendar.teaching_weeks if week <= until]
        known = dated[dated["week"].isin(weeks_so_far)].merge(running, on=PAIRING)
        return len(known) == len(running) * len(weeks_so_far)

    @cached_property
    def _calendar(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        return self._dated(self._survey())

    def _dated(self, survey: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Pairings (class_id, semester, start, term, last_week) and the dates of their weeks."""
        dates = weeks.week_dates(survey, self.params.calendar.weeks_per_semester)
        last = survey.groupby(PAIRING)["week"].max().rename("last_week").reset_index()
        return weeks.name_terms(dates).merge(last, on=PAIRING), dates

    def running(self, position: Position) -> pd.DataFrame:
        """class_id and semester of the classes in session; where a college does not say, their latest semester."""
        column = f"{position.slot(self.params.calendar)}_sem"
        classes = self.classes
        if classes[["odd_sem", "even_sem"]].isna().all(axis=None):
            pairings, _ = self._calendar
            return pairings.sort_values("start").drop_duplicates("class_id", keep="last")[PAIRING]
        session = classes.dropna(subset=column)
        return pd.DataFrame(
            {"class_id": session["class_id"], "semester": session[column].astype("int64")}
        )

    def current_term(self, position: Position) -> Term | None:
        """The term in session; None between terms.

        A class in session without any dated row shares the calendar of the others; when nothing is dated at all, the
        term begins on the slot's date in the calendar. Without `sim_state` a term that did not begin within eight weeks
        of that date is over.
        """
        running = self.running(position)
        # Only the classes in session are asked for: the weekly run does not pay for the college's whole history.
        week = max(position.week(self.params.calendar), 1)
        pairings, dates = self._dated(self._survey(running, week))
        dated = running.merge(pairings, on=PAIRING)
        expected = pd.Timestamp(weeks.slot_start(position, self.params.calendar))
        if self.counter.empty:
            dated = dated[(dated["start"] - expected).abs() <= weeks.TERM_SPREAD]
            running = running.merge(
                pairings.loc[~pairings["term"].isin(dated["term"]), PAIRING],
                on=PAIRING,
                how="left",
                indicator="past",
            )
            running = running.query("past == 'left_only'").drop(columns="past")
        if dated.empty and running.empty:
            return None
        if dated.empty:
            return self._term(
                expected.date().isoformat(),
                running.assign(start=expected, last_week=0),
                dates,
                current=True,
            )
        name = max(dated["term"])
        known = dated[dated["term"] == name].drop(columns="term")
        silent = running.merge(pairings[PAIRING], on=PAIRING, how="left", indicator="dated").query(
            "dated == 'left_only'"
        )
        silent = silent[PAIRING].assign(start=known["start"].mode()[0], last_week=0)
        return self._term(name, pd.concat([known, silent], ignore_index=True), dates, current=True)

    def terms(self, position: Position) -> list[Term]:
        """Every term up to the one in session, that one included, in time order."""
        pairings, dates = self._calendar
        current = self.current_term(position)
        if current is not None:
            pairings = pairings[pairings["start"] < pd.Timestamp(current.name) - weeks.TERM_SPREAD]
        past = self._past(pairings, dates)
        return [*past, current] if current else past

    def past_terms(self) -> list[Term]:
        """Every term that the data date, in time order, whatever the college's position."""
        return self._past(*self._calendar)

    def _past(self, pairings: pd.DataFrame, dates: pd.DataFrame) -> list[Term]:
        groups = pairings.groupby("term")
        return [
            self._term(str(name), group.drop(columns="term"), dates, current=False)
            for name, group in groups
        ]

    def _term(
        self, name: str, pairings: pd.DataFrame, dates: pd.DataFrame, *, current: bool
    ) -> Term:
        dates = dates.merge(pairings[PAIRING], on=PAIRING)
        silent = pairings[pairings["last_week"] == 0]
        if not silent.empty:
            starts = silent[PAIRING].assign(week=1, week_date=silent["start"])
            dates = pd.concat(
                [dates, weeks.week_dates(starts, self.params.calendar.weeks_per_semester)]
            )
        pairings = pairings.assign(
            last_week=pairings["last_week"].clip(upper=self.params.calendar.weeks_per_semester)
        )
        semesters = frozenset(int(semester) for semester in pairings["semester"])
        return Term(
            name, pairings.reset_index(drop=True), dates.reset_index(drop=True), current, semesters
        )

    # ------------------------------------------------------------ queries

    def known_class(self, relation: Relation) -> Condition:
        """The SQL condition that a row's class is one that the college lists; false for a null class."""
        classes = cast(Relation, self.relations["classes"])
        listed = relation.c.class_id.in_(
            sa.select(classes.c.class_id).where(classes.c.class_id.is_not(None))
        )
        return sa.func.coalesce(listed, sa.false())

    def one_per_key(
        self,
        rows: sa.Select[Any],
        relation: Relation,
        pairings: pd.DataFrame,
        partition: tuple[str, ...],
        *,
        key: str = "id",
        tag: str = "",
    ) -> sa.Subquery:
        """The rows, of equal `partition` the one with the highest `key`.

        The window function is only paid for where natural keys do repeat.
        """
        if not self.repeats(relation, pairings):
            return rows.subquery("rows")
        columns = rows.selected_columns
        order = sa.func.row_number().over(
            partition_by=[columns[name] for name in partition], order_by=highest_first(columns[key])
        )
        ranked = rows.add_columns(order.label("place")).subquery("ranked")
        return sa.select(ranked).where(ranked.c.place == 1).subquery(f"kept{tag.replace('-', '')}")

    def repeats(self, relation: Relation, pairings: pd.DataFrame) -> bool:
        """Whether any natural key of the relation occurs twice (within the pairings, where rows carry a semester)."""
        if relation.unique or not relation.table.natural:
            return False
        key = (relation.table.name, _signature(pairings))
        if key not in self._repeats:
            columns = [relation.c[name] for name in relation.table.natural]
            probe = sa.select(*columns).group_by(*columns).having(sa.func.count() > 1).limit(1)
            if "semester" in relation.table.names:
                probe = probe.where(within(pairings, relation))
            self._repeats[key] = len(self.frame(probe, relation.table.name)) > 0
        return self._repeats[key]

    def frame(self, select: sa.Select[Any], what: str) -> pd.DataFrame:
        """Run a query on the college's database.

        Raises:
            SettingsError: the database cannot answer; the message names the relation `what`.
        """
        try:
            return read(self.connection, select)
        except sa.exc.DBAPIError as error:
            raise query_error(error, what) from error
