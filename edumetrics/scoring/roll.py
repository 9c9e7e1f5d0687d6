"""The roll of a week: which students are scored, in which class, and which weeks are excused."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from edumetrics.scoring.facts import Facts

# A week is excused as a whole, or not at all: from so many days.
EXCUSED_DAYS = 3
# As an index it takes the last row; `_find_first_days` adds one for it.
NO_CLASS = -1
Matrix = np.ndarray[tuple[int, int], np.dtype[np.int64]]
FloatMatrix = np.ndarray[tuple[int, int], np.dtype[np.float64]]
Flags = np.ndarray[tuple[int, int], np.dtype[np.bool_]]
Vector = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True)
class Roll:
    """The students who are scored in a week, in order of student_id.

    Attributes:
        week: the semester week.
        frame: student_id, class_id, semester, advisor_id, week_end (last day, midnight).
        classes: the class of each student in each week, as an index into `class_semesters`; -1
            where the student has none.
        class_semesters: class_id, semester; `classes` holds values of its index.
        starts: the first day of each week for each student, in days since 1970; 0 where the
            student has no class.
        first_day: the first day of the semester of each student's class, or the day of joining
            where that is later, in days since 1970.
        away: the weeks that count neither for nor against a student, students by weeks: excuses
            cover at least three of their days, or they ended before the student joined.
    """

    week: int
    frame: pd.DataFrame
    classes: Matrix
    class_semesters: pd.DataFrame
    starts: Matrix
    first_day: Vector
    away: Flags

    def take(self, rows: Vector) -> Roll:
        """Return the same roll with some rows only, in the order of `rows`."""
        # Class semesters stay whole, because `classes` holds indexes into them.
        arrays = ("classes", "starts", "first_day", "away")
        frame = self.frame.iloc[rows].reset_index(drop=True)
        return replace(self, frame=frame, **{name: getattr(self, name)[rows] for name in arrays})

    def find_rows(self, students: pd.Series) -> Vector:
        """Return the row of each student in the roll; -1 for students who are not on it."""
        return np.asarray(pd.Index(self.frame["student_id"]).get_indexer(pd.Index(students)))

    def find_class_semesters(self, frame: pd.DataFrame) -> Vector:
        """Return each row's class semester as an index into `class_semesters`; -1 for others."""
        return _find_codes(self.class_semesters, frame)


def build_roll(facts: Facts) -> Roll:
    """Build the roll of a week.

    A student is on the roll if the class of the week (see `facts.Facts.seats`) is scored,
    `withdrawn_on` is null or after the last day of the week, and `joined_on` is null or not after
    it.
    """
    class_semesters = facts.class_semesters[["class_id", "semester"]].reset_index(drop=True)
    students = facts.students.sort_values("student_id", ignore_index=True)
    classes = _find_classes_by_week(facts, students, class_semesters)
    days = _find_first_days(facts, class_semesters)
    # Indexing with both arrays gives each student the dates of their own class in each week.
    starts = np.where(classes == NO_CLASS, 0, days[classes, np.arange(facts.week + 1)])
    last_day = pd.Series(pd.to_datetime(starts[:, facts.week] + 6, unit="D"))
    # Negated comparisons, because null compares as false: a student without dates is enrolled.
    enrolled = ~(students["withdrawn_on"] <= last_day) & ~(students["joined_on"] > last_day)
    on_roll = np.asarray((classes[:, facts.week] != NO_CLASS) & enrolled)
    now = class_semesters.iloc[classes[on_roll, facts.week]]
    frame = pd.DataFrame(
        {
            "student_id": students.loc[on_roll, "student_id"].to_numpy(),
            "class_id": now["class_id"].to_numpy(),
            "semester": now["semester"].to_numpy(),
            "advisor_id": students.loc[on_roll, "advisor_id"].to_numpy(),
            "week_end": last_day[on_roll].to_numpy(),
        }
    )
    classes, starts = classes[on_roll], starts[on_roll]
    joined = _convert_to_days(pd.to_datetime(students.loc[on_roll, "joined_on"]))
    first_day = np.maximum(days[classes[:, facts.week], 1], joined)
    roll = Roll(
        facts.week,
        frame,
        classes,
        class_semesters,
        starts,
        first_day,
        # An unknown day is long before all others.
        starts + 6 < joined[:, None],
    )
    return roll if facts.excuses is None else _apply_excuses(roll, facts.excuses)


def _find_classes_by_week(
    facts: Facts, students: pd.DataFrame, class_semesters: pd.DataFrame
) -> Matrix:
    """Return each student's class by week, as an index into `class_semesters`; -1 for none."""
    index = pd.Index(students["student_id"])
    classes = np.full((len(students), facts.week + 1), NO_CLASS, dtype=np.int64)
    seats = facts.seats[facts.seats["week"] <= facts.week]
    rows = index.get_indexer(pd.Index(seats["student_id"]))
    codes = _find_codes(class_semesters, seats)
    kept = (rows >= 0) & (codes >= 0)
    classes[rows[kept], seats["week"].to_numpy()[kept]] = codes[kept]
    today = students[["class_id"]].merge(
        class_semesters.reset_index(names="code"), on="class_id", how="left"
    )["code"]
    # The unused column 0 holds the class of today: it applies until the first register.
    classes[:, 0] = today.fillna(NO_CLASS).to_numpy()
    # The last week with a class, up to each week: a forward fill along the weeks.
    latest = np.maximum.accumulate(
        np.where(classes == NO_CLASS, 0, np.arange(facts.week + 1)), axis=1
    )
    return np.take_along_axis(classes, latest, axis=1)


def _find_codes(class_semesters: pd.DataFrame, frame: pd.DataFrame) -> Vector:
    """Return the row of each class_id, semester in `class_semesters`; -1 where there is none."""
    # class_id is unique there, so a look-up by class and a test of the semester are enough.
    code = np.asarray(
        pd.Index(class_semesters["class_id"]).get_indexer(pd.Index(frame["class_id"]))
    )
    # The extra element serves index -1 (an unknown class), also if there are no rows at all.
    semesters = np.append(class_semesters["semester"].to_numpy(), 0)
    return np.where(semesters[code] == frame["semester"].to_numpy(), code, NO_CLASS)


def _find_first_days(facts: Facts, class_semesters: pd.DataFrame) -> Matrix:
    """Return the first day of each week (columns 0..week) of each class semester.

    Days count from 1970. The last row is 0: it stands for no class.
    """
    days = np.zeros((len(class_semesters) + 1, facts.week + 1), dtype=np.int64)
    known = facts.dates[facts.dates["week"].between(1, facts.week)]
    codes = _find_codes(class_semesters, known)
    day = known["week_date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    days[codes[codes >= 0], known["week"].to_numpy()[codes >= 0]] = day[codes >= 0]
    return days


def _apply_excuses(roll: Roll, excuses: pd.DataFrame) -> Roll:
    """Return a roll with the weeks of which excuses cover at least `EXCUSED_DAYS` days."""
    # Without a last day, an excuse is for one day.
    spans = excuses.dropna(subset=["student_id", "from"])
    spans = spans.assign(to=spans["to"].fillna(spans["from"]))
    rows = roll.find_rows(spans["student_id"])
    # Only days of the semester are listed, so that a wrong end date years away does no harm.
    first, last = roll.starts[roll.starts > 0].min(initial=2**31), roll.starts.max(initial=0) + 6
    begin, end = (
        np.maximum(_convert_to_days(spans["from"]), first),
        np.minimum(_convert_to_days(spans["to"]), last),
    )
    spans = pd.DataFrame({"row": rows, "from": begin, "to": end})
    spans = spans[(spans["row"] >= 0) & (spans["to"] >= spans["from"])]
    lengths = (spans["to"] - spans["from"] + 1).to_numpy()
    # One number per day, from 0 within each span: all spans are expanded without a loop.
    offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    # Two excuses for one day excuse it once, so days are made unique.
    days = pd.DataFrame(
        {
            "row": np.repeat(spans["row"], lengths),
            "day": np.repeat(spans["from"], lengths) + offsets,
        }
    ).drop_duplicates()
    row, day = days["row"].to_numpy(), days["day"].to_numpy()
    covered = np.zeros_like(roll.starts)
    for week in range(1, roll.week + 1):
        start = roll.starts[row, week]
        inside = (day >= start) & (day <= start + 6)
        np.add.at(covered[:, week], row[inside], 1)
    return replace(roll, away=roll.away | (covered >= EXCUSED_DAYS))


def _convert_to_days(column: pd.Series) -> Vector:
    """Return dates as days since 1970."""
    return column.to_numpy().astype("datetime64[D]").astype(np.int64)


def is_enrolled(roll: Roll, enrolments: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """Return, for each row, whether the student is enrolled in the subject on the week's last day.

    Both ends of an enrolment are inclusive. A student without any known enrolment in the semester
    takes all subjects, and what has no subject is for all.

    Args:
        roll: the roll.
        enrolments: student_id, subject_id, semester, from, to; a null end is open.
        rows: row, week, subject_id; and perhaps semester, where it is not the student's own.
    """
    if rows.empty:
        return np.zeros(0, dtype=bool)
    mine = enrolments.assign(row=roll.find_rows(enrolments["student_id"]))
    mine = mine[mine["row"] >= 0]
    own = roll.frame["semester"].to_numpy()
    wanted = rows[["row", "week", "subject_id"]].reset_index(drop=True).reset_index(names="order")
    wanted["semester"] = rows["semester"].to_numpy() if "semester" in rows else own[wanted["row"]]
    wanted["end"] = pd.to_datetime(roll.starts[wanted["row"], wanted["week"]] + 6, unit="D")
    known = mine[["row", "semester"]].drop_duplicates()
    matched = wanted.merge(
        mine[["row", "semester", "subject_id", "from", "to"]], on=["row", "semester", "subject_id"]
    )
    # Negated comparisons, because null compares as false: an open end excludes nothing.
    matched = matched[~(matched["from"] > matched["end"]) & ~(matched["to"] < matched["end"])]
    free = ~wanted["order"].isin(wanted.merge(known, on=["row", "semester"])["order"])
    # What is of no subject is for the whole class: nobody could have left it.
    free |= wanted["subject_id"].isna()
    return np.asarray(wanted["order"].isin(matched["order"]) | free)
