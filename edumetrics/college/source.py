"""Reading the college: one aggregate query per relation, one or few rows per student and week out.

Nothing here writes. Cleaning that decides which rows count (spec "Data that is wrong") happens in these queries:

* a register whose `present` is null or negative, or whose `lectures_held` is, is unmarked and left out; `present` above
  `lectures_held` is clipped. An unmarked register never displaces a marked duplicate, yet still tells the class.
* of duplicates by natural key the highest id counts (10 is higher than 9), among the rows known at the week's end.
* rows of unknown students, classes or items, and of pairings outside the term, are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Literal, cast

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edumetrics import weeks
from edumetrics.college.mapping import Relation, resolve
from edumetrics.database import highest_first, query_error, read
from edumetrics.params import Params
from edumetrics.weeks import PAIRING, Position

Work = Literal["assignment", "quiz"]
Condition = sa.ColumnElement[bool]

NO_PAIRINGS = sa.false()


@dataclass(frozen=True)
class Term:
    """One term of the college.

    Attributes:
        name: ISO date of its first week.
        pairings: class_id, semester, start, last_week (the last week that any feed dates).
        dates: class_id, semester, week, week_date (first day), for every week of every pairing.
        current: whether it is the term that the college is in.
    """

    name: str
    pairings: pd.DataFrame
    dates: pd.DataFrame
    current: bool

    @property
    def last_week(self) -> int:
        """The last week that any pairing has data for."""
        return int(self.pairings["last_week"].max())

    def week_ends(self, week: int) -> pd.DataFrame:
        """class_id, semester and week_end (the last day, midnight) of a week."""
        rows = self.dates.loc[self.dates["week"] == week]
        return rows[PAIRING].assign(week_end=rows["week_date"] + pd.Timedelta(days=6)).reset_index(drop=True)

    def within(self, relation: Relation) -> Condition:
        """The SQL condition that a row belongs to one of the pairings."""
        groups = self.pairings.groupby("semester")["class_id"]
        return sa.or_(
            NO_PAIRINGS,
            *(sa.and_(relation.c.semester == int(sem), relation.c.class_id.in_(list(ids))) for sem, ids in groups),
        )


class College:
    """A college's database, read through its mapping; small relations are read once and kept."""

    def __init__(self, connection: Connection, params: Params) -> None:
        self.connection = connection
        self.params = params
        self.relations = resolve(connection, params.college.relations)
        self._whole: dict[tuple[str, str], pd.DataFrame] = {}
        self._repeats: dict[tuple[str, str], bool] = {}

    # ------------------------------------------------------------ small relations

    def whole(self, name: str, *columns: str) -> pd.DataFrame:
        """All rows of a small relation (all its columns unless some are named); no rows where the college has none."""
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
        frame = self.whole("students", "student_id", "class_id", "advisor_id", "joined_on", "withdrawn_on")
        frame = frame.dropna(subset="student_id").drop_duplicates("student_id", keep="last")
        return frame[~frame["student_id"].isin(self.params.scoring.exclusions)]

    @property
    def advisors(self) -> pd.DataFrame:
        """advisor_id, name, email, class_id; unique by advisor_id."""
        frame = self.whole("advisors", "advisor_id", "name", "email", "class_id")
        return frame.dropna(subset="advisor_id").drop_duplicates("advisor_id", keep="last")

    @property
    def names(self) -> pd.DataFrame:
        """student_id, name, roll_number: for pages and mails only."""
        return self.whole("students", "student_id", "name", "roll_number").drop_duplicates("student_id", keep="last")

    def position(self, as_of: date) -> Position:
        """Where the college stands: from `sim_state` where there is one, else from the calendar and a day."""
        state = self.whole("sim_state", "id", "current_week", "sim_year")
        if state.empty:
            return weeks.position_on(as_of, self.params.calendar)
        row = state.iloc[0]
        return Position(int(row["sim_year"]), int(row["current_week"]))

    # ------------------------------------------------------------ calendar

    @cached_property
    def survey(self) -> pd.DataFrame:
        """class_id, semester, week, week_date: the weeks that the feeds date, attendance before library before platform."""
        known = set(self.classes["class_id"])
        found: list[pd.DataFrame] = []
        for name in ("attendance", "library_visits", "lms_activity"):
            relation = self.relations[name]
            if relation is None:
                continue
            keys = [relation.c.class_id, relation.c.semester, relation.c.week]
            latest = sa.func.max(relation.c.week_date, type_=sa.Date).label("week_date")
            frame = self.frame(sa.select(*keys, latest).group_by(*keys), name).dropna()
            found.append(frame[frame["class_id"].isin(known)].astype({"semester": "int64", "week": "int64"}))
        return pd.concat(found).drop_duplicates([*PAIRING, "week"], ignore_index=True)

    @cached_property
    def _pairings(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        dates = weeks.week_dates(self.survey, self.params.calendar.weeks_per_semester)
        last = self.survey.groupby(PAIRING, as_index=False)["week"].max().rename(columns={"week": "last_week"})
        return weeks.name_terms(dates).merge(last, on=PAIRING), dates

    def running(self, position: Position) -> pd.DataFrame:
        """class_id and semester of the classes in session; where a college does not say, their latest semester."""
        column = f"{position.slot(self.params.calendar)}_sem"
        classes = self.classes
        if classes[["odd_sem", "even_sem"]].isna().all(axis=None):
            pairings, _ = self._pairings
            return pairings.sort_values("start").drop_duplicates("class_id", keep="last")[PAIRING]
        session = classes.dropna(subset=column)
        return pd.DataFrame({"class_id": session["class_id"], "semester": session[column].astype("int64")})

    def current_term(self, position: Position) -> Term:
        """The term in session.

        A class in session without any dated row shares the calendar of the others; when nothing is dated at all, the
        term begins on the slot's date in the calendar.
        """
        running = self.running(position)
        pairings, _ = self._pairings
        dated = running.merge(pairings, on=PAIRING)
        if dated.empty:
            calendar = self.params.calendar
            start = pd.Timestamp(calendar.slot_start(position.slot(calendar), position.year))
            return self._term(start.date().isoformat(), running.assign(start=start, last_week=0), current=True)
        name = max(dated["term"])
        known = dated[dated["term"] == name].drop(columns="term")
        silent = running.merge(pairings[PAIRING], on=PAIRING, how="left", indicator=True).query("_merge == 'left_only'")
        silent = silent[PAIRING].assign(start=known["start"].mode()[0], last_week=0)
        return self._term(name, pd.concat([known, silent], ignore_index=True), current=True)

    def past_terms(self, position: Position) -> list[Term]:
        """Every term before the one in session, in time order."""
        pairings, _ = self._pairings
        current = self.current_term(position).name
        earlier = sorted(name for name in pairings["term"].unique() if name < current)
        return [self._term(n, pairings[pairings["term"] == n].drop(columns="term"), current=False) for n in earlier]

    def terms_by_data(self) -> list[Term]:
        """Every term that the data know, in time order, none of them taken as the one in session."""
        pairings, _ = self._pairings
        groups = pairings.groupby("term")
        return [self._term(str(name), group.drop(columns="term"), current=False) for name, group in groups]

    def _term(self, name: str, pairings: pd.DataFrame, *, current: bool) -> Term:
        _, dates = self._pairings
        dates = dates.merge(pairings[PAIRING], on=PAIRING)
        silent = pairings[pairings["last_week"] == 0]
        if not silent.empty:
            starts = silent[PAIRING].assign(week=1, week_date=silent["start"])
            dates = pd.concat([dates, weeks.week_dates(starts, self.params.calendar.weeks_per_semester)])
        pairings = pairings.assign(last_week=pairings["last_week"].clip(upper=self.params.calendar.weeks_per_semester))
        return Term(name, pairings.reset_index(drop=True), dates.reset_index(drop=True), current)

    # ------------------------------------------------------------ weekly facts

    def attendance(self, term: Term, until: int) -> pd.DataFrame:
        """student_id, class_id, semester, week, held, present of weeks 1..until, summed over subjects.

        A row exists for every register kept, with held 0 where none of that week was marked.
        """
        relation = cast(Relation, self.relations["attendance"])
        c = relation.c
        rows = sa.select(
            c.id, c.student_id, c.class_id, c.subject_id, c.semester, c.week, c.lectures_held, c.present,
            sa.case((sa.and_(c.present >= 0, c.lectures_held >= 0), 1), else_=0).label("marked"),
        ).where(term.within(relation), c.week.between(1, until))  # fmt: skip
        r = self._highest(rows, relation, term, ("student_id", "subject_id", "semester", "week", "marked"))
        keys = [r.c.student_id, r.c.class_id, r.c.semester, r.c.week]
        held = sa.func.sum(sa.case((r.c.marked == 1, r.c.lectures_held), else_=0), type_=sa.Integer).label("held")
        clipped = sa.case((r.c.present > r.c.lectures_held, r.c.lectures_held), else_=r.c.present)
        present = sa.func.sum(sa.case((r.c.marked == 1, clipped), else_=0), type_=sa.Integer).label("present")
        return self.frame(sa.select(*keys, held, present).group_by(*keys), "attendance")

    def double_registers(self, term: Term, until: int, students: list[str]) -> pd.DataFrame:
        """student_id, week, class_id: the class of the highest id, for students registered in two classes in one week."""
        relation = cast(Relation, self.relations["attendance"])
        c = relation.c
        order = sa.func.row_number().over(partition_by=(c.student_id, c.week), order_by=highest_first(c.id))
        rows = sa.select(c.student_id, c.week, c.class_id, order.label("place")).where(
            term.within(relation), c.week.between(1, until), c.student_id.in_(students)
        ).subquery()  # fmt: skip
        wanted = sa.select(rows.c.student_id, rows.c.week, rows.c.class_id).where(rows.c.place == 1)
        return self.frame(wanted, "attendance")

    def items(self, term: Term, work: Work) -> pd.DataFrame:
        """item_id, class_id, semester, subject_id, due_week of the work that counts; due_week is NaN where never due."""
        items = self._items(term, work)
        if items is None:
            names = ("item_id", "class_id", "semester", "subject_id", "due_week")
            return pd.DataFrame({name: pd.Series(dtype="str" if name.endswith("id") else "float64") for name in names})
        c = items.c
        return self.frame(sa.select(c.item_id, c.class_id, c.semester, c.subject_id, c.due_week), f"{work}_definitions")

    def done(self, term: Term, work: Work, known_by: date, *, by_subject: bool) -> pd.DataFrame:
        """Work handed in or attempted and known by a day, with the marks known by then.

        Returns:
            student_id, class_id and subject_id (of the item; subject_id is null unless `by_subject`), semester, week
            (when it is due, an extension included; NaN where never), done (count), marked (count), mark_sum (percent),
            judged (count), quality_sum (percent), similarity (highest, percent), last_date.
        """
        items, relation = self._items(term, work), self.relations[f"{work}_submissions"]
        if items is None or relation is None:
            return pd.DataFrame()
        c = relation.c
        item_id, handed_in = c[f"{work}_id"], c["submission_date" if work == "assignment" else "attempt_date"]
        assignment = work == "assignment"
        nothing = sa.cast(sa.null(), sa.Double())
        rows = sa.select(
            c.id, c.student_id, item_id.label("item_id"), handed_in.label("handed_in"), c.marks_obtained, c.marked_on,
            (sa.cast(sa.null(), sa.Integer()) if not assignment else c.due_week_override).label("due_week_override"),
            (c.quality_pct if assignment else nothing).label("quality"),
            (c.plagiarism_pct if assignment else nothing).label("similarity"),
            (nothing if assignment else c.score_pct).label("score"),
            (sa.true() if assignment else c.attempted).label("attempted"),
        ).where(sa.or_(handed_in.is_(None), handed_in <= known_by), self.known_class(relation))  # fmt: skip
        partition = ("student_id", f"{work}_id")
        r = self._highest(rows, relation, term, partition, renamed={f"{work}_id": "item_id"}, tag=known_by.isoformat())
        return self.frame(_summed(r, items, work, known_by, by_subject), f"{work}_submissions")

    def extensions(self, term: Term) -> pd.DataFrame:
        """student_id, item_id, week: assignments whose due week was moved for a student; of several the highest id's."""
        relation, items = self.relations["assignment_submissions"], self._items(term, "assignment")
        empty = pd.DataFrame(
            {"student_id": pd.Series(dtype="str"), "item_id": pd.Series(dtype="str"), "week": pd.Series(dtype="int64")}
        )
        if relation is None or items is None or "due_week_override" not in relation.present:
            return empty
        c = relation.c
        joined = sa.join(relation.rows, items, c.assignment_id == items.c.item_id)
        found = self.frame(
            sa.select(c.id, c.student_id, c.assignment_id.label("item_id"), c.due_week_override.label("week"))
            .select_from(joined)
            .where(c.due_week_override.is_not(None), self.known_class(relation)),
            "assignment_submissions",
        )
        order = found["id"].str.len()
        found = (
            found.assign(order=order)
            .sort_values(["order", "id"])
            .drop_duplicates(["student_id", "item_id"], keep="last")
        )
        return found[["student_id", "item_id", "week"]] if len(found) else empty

    def per_week(
        self, term: Term, name: Literal["library_visits", "book_borrows", "lms_activity"], until: int
    ) -> pd.DataFrame:
        """What the feed counts per student and week 1..until.

        Returns:
            student_id, semester, week, count (visits, loans, or days active: the highest over subjects) and, for
            lms_activity, events (their sum). Negative counts are 0.
        """
        relation = self.relations[name]
        if relation is None:
            return pd.DataFrame(
                {"student_id": pd.Series(dtype="str"), "semester": [], "week": [], "count": [], "events": []}
            )
        c = relation.c
        week = c.borrow_week if name == "book_borrows" else c.week
        amount = {"library_visits": "physical_visits", "book_borrows": "borrow_id", "lms_activity": "active_days"}[name]
        rows = sa.select(c[relation.table.key[0]].label("row_id"), c.student_id, c.semester, week.label("week"), c[amount].label("amount"),
                         (c.events if name == "lms_activity" else sa.literal(0)).label("events"))  # fmt: skip
        rows = rows.where(term.within(relation), week.between(1, until))
        r = self._highest(rows, relation, term, relation.table.natural, key="row_id")
        keys = [r.c.student_id, r.c.semester, r.c.week]
        total = {
            "library_visits": sa.func.sum(sa.case((r.c.amount > 0, r.c.amount), else_=0), type_=sa.Integer),
            "book_borrows": sa.func.count(),
            "lms_activity": sa.func.max(sa.case((r.c.amount > 0, r.c.amount), else_=0), type_=sa.Integer),
        }[name]
        events = sa.func.sum(sa.case((r.c.events > 0, r.c.events), else_=0), type_=sa.Integer)
        return self.frame(sa.select(*keys, total.label("count"), events.label("events")).group_by(*keys), name)

    def midterms(self, term: Term, known_by: date, week: int) -> pd.DataFrame:
        """student_id, subject_id, score (percent): midterm results known by a day.

        An undated result is known from the teaching week after its exam's scheduled week, so in `week` only when that
        is later than the scheduled week.
        """
        schedule, results = self.relations["exam_schedule"], self.relations["exam_results"]
        if schedule is None or results is None:
            return pd.DataFrame(
                {"student_id": pd.Series(dtype="str"), "subject_id": pd.Series(dtype="str"), "score": []}
            )
        s, c = schedule.c, results.c
        exams = sa.select(s.schedule_id, s.subject_id, s.scheduled_week, s.max_marks.label("scheduled_marks")).where(
            term.within(schedule), sa.func.lower(s.exam_type) == "midterm"
        ).subquery("exams")  # fmt: skip
        undated = sa.and_(c.result_date.is_(None), sa.func.coalesce(exams.c.scheduled_week, 0) < week)
        rows = (
            sa.select(c.id, c.student_id, c.schedule_id, exams.c.subject_id, c.score_pct, c.marks_obtained,
                      sa.func.coalesce(c.max_marks, exams.c.scheduled_marks).label("out_of"))
            .select_from(sa.join(results.rows, exams, c.schedule_id == exams.c.schedule_id))
            .where(sa.or_(c.result_date <= known_by, undated), self.known_class(results))
        )  # fmt: skip
        r = self._highest(rows, results, term, results.table.natural, tag=known_by.isoformat())
        score = sa.func.coalesce(_clipped(r.c.score_pct), _percent(r.c.marks_obtained, r.c.out_of)).label("score")
        frame = self.frame(sa.select(r.c.student_id, r.c.subject_id, score), "exam_results")
        return frame.dropna(subset="score")

    # ------------------------------------------------------------ helpers

    def _items(self, term: Term, work: Work) -> sa.Subquery | None:
        """Work of the term that counts: weight 0 is optional, unless all work of the pairing weighs 0 or nothing."""
        relation = self.relations[f"{work}_definitions"]
        if relation is None:
            return None
        c = relation.c
        due = c.due_week if work == "assignment" else c.scheduled_week
        rows = sa.select(
            c[f"{work}_id"].label("item_id"), c.class_id, c.semester, c.subject_id, due.label("due_week"), c.max_marks
        )
        rows = rows.where(term.within(relation))
        weighted = [
            sa.select(other.c.class_id, other.c.semester).where(other.c.weight != 0)
            for other in (self.relations["assignment_definitions"], self.relations["quiz_definitions"])
            if other is not None and "weight" in other.present
        ]
        if "weight" in relation.present:
            pairs = sa.union(*weighted).subquery("weighted")
            optional = sa.exists().where(pairs.c.class_id == c.class_id, pairs.c.semester == c.semester)
            rows = rows.where(sa.or_(c.weight.is_(None), c.weight != 0, ~optional))
        return rows.subquery("items")

    def known_class(self, relation: Relation) -> Condition:
        """The SQL condition that a row's class is one that the college lists; false for a null class."""
        classes = cast(Relation, self.relations["classes"])
        listed = relation.c.class_id.in_(sa.select(classes.c.class_id).where(classes.c.class_id.is_not(None)))
        return sa.func.coalesce(listed, sa.false())

    def _highest(
        self,
        rows: sa.Select[Any],
        relation: Relation,
        term: Term,
        partition: tuple[str, ...],
        *,
        key: str = "id",
        renamed: dict[str, str] | None = None,
        tag: str = "",
    ) -> sa.Subquery:
        """The rows, one per natural key; the window function is only paid for where keys do repeat."""
        if not self.repeats(relation, term):
            return rows.subquery("rows")
        columns = rows.selected_columns
        names = [(renamed or {}).get(name, name) for name in partition]
        order = sa.func.row_number().over(
            partition_by=[columns[name] for name in names], order_by=highest_first(columns[key])
        )
        ranked = rows.add_columns(order.label("place")).subquery("ranked")
        return sa.select(ranked).where(ranked.c.place == 1).subquery(f"kept{tag.replace('-', '')}")

    def repeats(self, relation: Relation, term: Term) -> bool:
        """Whether any natural key of the relation occurs twice (in the term, where rows carry a semester)."""
        if relation.unique or not relation.table.natural:
            return False
        key = (relation.table.name, term.name)
        if key not in self._repeats:
            columns = [relation.c[name] for name in relation.table.natural]
            probe = sa.select(*columns).group_by(*columns).having(sa.func.count() > 1).limit(1)
            if "semester" in relation.table.names:
                probe = probe.where(term.within(relation))
            self._repeats[key] = len(self.frame(probe, relation.table.name)) > 0
        return self._repeats[key]

    def frame(self, select: sa.Select[Any], what: str) -> pd.DataFrame:
        """Run a query on the college's database.

        Raises:
            SettingsError: the database cannot answer; the message names the relation `what`.
        """
        try:
            return read(self.connection, select)
        except (sa.exc.DBAPIError, ValueError) as error:
            raise query_error(error, what) from error


def _clipped(percent: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.case((percent < 0, 0.0), (percent > 100, 100.0), else_=percent)


def _percent(marks: sa.ColumnElement[Any], out_of: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Marks as clipped percent; null where they are negative or the maximum is not above 0."""
    return sa.case((sa.and_(marks >= 0, out_of > 0), _clipped(marks * 100.0 / out_of)))


def _summed(r: sa.Subquery, items: sa.Subquery, work: Work, known_by: date, by_subject: bool) -> sa.Select[Any]:
    """Sums per student, item class, (subject,) and week due, over rows that count as done."""
    done = (
        sa.or_(r.c.handed_in.is_not(None), r.c.marks_obtained >= 0)
        if work == "assignment"
        else r.c.attempted.is_(sa.true())
    )
    judged = sa.or_(r.c.marked_on.is_(None), r.c.marked_on <= known_by)
    percent = _percent(r.c.marks_obtained, items.c.max_marks)
    mark = sa.case((judged, percent if work == "assignment" else sa.func.coalesce(_clipped(r.c.score), percent)))
    quality = sa.case((judged, _clipped(r.c.quality)))
    week = sa.func.coalesce(r.c.due_week_override, items.c.due_week)
    subject = items.c.subject_id if by_subject else sa.cast(sa.null(), sa.Text())
    keys = [r.c.student_id, items.c.class_id, items.c.semester, week]
    return (
        sa.select(
            r.c.student_id, items.c.class_id, items.c.semester, week.label("week"), subject.label("subject_id"),
            sa.func.count().label("done"),
            sa.func.count(mark).label("marked"),
            sa.func.sum(mark, type_=sa.Double).label("mark_sum"),
            sa.func.count(quality).label("judged"),
            sa.func.sum(quality, type_=sa.Double).label("quality_sum"),
            sa.func.max(sa.case((judged, _clipped(r.c.similarity))), type_=sa.Double).label("similarity"),
            sa.func.max(r.c.handed_in, type_=sa.Date).label("last_date"),
        )
        .select_from(sa.join(r, items, r.c.item_id == items.c.item_id))
        .where(done)
        .group_by(*keys, *([items.c.subject_id] if by_subject else []))
    )  # fmt: skip
