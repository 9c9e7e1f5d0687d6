"""The terms of a college: which weeks its feeds date, and what follows from them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import pandas as pd
import sqlalchemy as sa

from edumetrics import weeks
from edumetrics.college.mapping import Relation
from edumetrics.college.reader import Condition, build_term_condition, order_ids
from edumetrics.college.registers import RegisterReader
from edumetrics.database import make_empty_frame
from edumetrics.errors import SettingsError
from edumetrics.fields import FEEDS, RELATIONS
from edumetrics.weeks import CLASS_SEMESTER, CollegeWeek

NOTHING_DATED = make_empty_frame(
    class_id="str", semester="int64", week="int64", week_date="datetime64[us]"
)
# A date outside this range is a typing error: it must not decide when a semester began.
BELIEVABLE = pd.Timestamp("1980-01-01"), pd.Timestamp("2100-01-01")


@dataclass(frozen=True, eq=False)
class Term:
    """One term of the college.

    Attributes:
        name: ISO date of the first day of its first week.
        class_semesters: class_id, semester, start, last_week (the last week that any feed dates);
            one row per class-semester (a class in a semester).
        dates: class_id, semester, week, week_date (first day); one row per week of each
            class-semester.
        current: whether the college is in this term now.
        semesters: the semesters of all its classes, also of those that `select_classes` left out.
        strays: whether rows of classes and items that the college does not list count with these
            classes: of the parts of a term exactly one has them.
    """

    name: str
    class_semesters: pd.DataFrame
    dates: pd.DataFrame
    current: bool
    semesters: frozenset[int]
    strays: bool = True

    def select_classes(self, classes: Collection[str], *, strays: bool = True) -> Term:
        """Return the same term with only these classes."""
        own, dates = (
            frame[frame["class_id"].isin(classes)] for frame in (self.class_semesters, self.dates)
        )
        return replace(
            self,
            class_semesters=own.reset_index(drop=True),
            dates=dates.reset_index(drop=True),
            strays=strays,
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

    def _identify(self) -> tuple[object, ...]:
        classes = zip(
            self.class_semesters["class_id"], self.class_semesters["semester"], strict=True
        )
        return self.name, self.current, self.strays, frozenset(classes)

    # Caches compare terms: frames have no equality of their own.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Term) and self._identify() == other._identify()

    def __hash__(self) -> int:
        return hash(self._identify())


class College(RegisterReader):
    """A college's database, read through its mapping, with the terms that its dates imply."""

    @property
    def counter(self) -> pd.DataFrame:
        """id, current_week, sim_year of the college's week counter; no row if it has no counter."""
        return self.read_columns("sim_state", "id", "current_week", "sim_year")

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
            SettingsError: `sim_state` has no current_week or no sim_year, or one that the calendar
                does not have; or the day is in no year of our time.
        """
        state = self.counter
        if state.empty:
            return weeks.find_last_complete_week(as_of, self.params.calendar)
        # There is one row, of id 1; of several the highest id is the latest entry.
        row = state.loc[order_ids(state["id"].astype("str"))].iloc[0]
        # No fallback to the calendar here: a broken counter is an error of the mapping.
        if row[["current_week", "sim_year"]].isna().any():
            raise SettingsError(
                "The college's sim_state has no current_week or no sim_year: correct its mapping."
            )
        return weeks.check_position(
            CollegeWeek(int(row["sim_year"]), int(row["current_week"])), self.params.calendar
        )

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
        for name in (feed for feed in FEEDS if RELATIONS[feed].day == "week_date"):
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
            elif name == "attendance" and self.reads_registers(relation):
                # Their dates then cost no query of their own.
                frame = (
                    self.read_registers(running, until)
                    .groupby([*CLASS_SEMESTER, "week"])["week_date"]
                    .max()
                    .reset_index()
                )
            else:
                # Registers have weeks from 1 on, as `read_registers` reads them.
                since = [relation.c.week >= 1] if name == "attendance" else []
                wanted = wanted.where(build_term_condition(running, relation), *since)
                frame = self.read_frame(wanted.where(relation.c.week <= until), name)
            frame = frame.dropna()
            found.append(frame[frame["week_date"].between(*BELIEVABLE)])
        # `drop_duplicates` keeps the first row: the order of the feeds above is their priority.
        dated = pd.concat([*found, NOTHING_DATED]).drop_duplicates([*CLASS_SEMESTER, "week"])
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
        self.sources.widen_window()
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
        named = self.class_terms
        if named.empty:
            class_semesters, _ = self._calendar
            return class_semesters.sort_values("start").drop_duplicates("class_id", keep="last")[
                CLASS_SEMESTER
            ]
        session = named[named["slot"] == position.find_slot(self.params.calendar)]
        return session[CLASS_SEMESTER].astype({"semester": "int64"}).reset_index(drop=True)

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
        # A log is read for this term only, until another one is asked for.
        whole = pd.Timedelta(weeks=self.params.calendar.weeks_per_semester)
        self.sources.narrow_window(
            expected - weeks.TERM_SPREAD, expected + whole + weeks.TERM_SPREAD
        )
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
