"""A naive reading of the weekly metrics, straight from a college's SQLite database.

An independent reading of the specification: it shares no code with the package it checks. Rules, weights and
calendar are repeated here on purpose, since a shared helper would carry the same mistake to both sides of a
comparison. It goes row by row and student by student, with the default parameters only; plainness comes before speed.

Where the text allows two readings, a comment that begins with "Reading:" says which one was chosen.
"""

import math
import sqlite3
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

Row = dict[str, Any]
Pair = tuple[str, int]  # class, semester
ItemKey = tuple[str, str]  # "a" (assignment) or "q" (quiz), id

WEEKS = 18
TEACHING = [week for week in range(1, WEEKS + 1) if week not in (8, 18)]
SLOT_OFFSET = {"odd": 0, "even": 18}
ONE_TERM = timedelta(weeks=8)
ATTENDANCE_RULE = Fraction(3, 4)
SAFE_MARK = 40 + 15
EFFORT_WEIGHTS = (25, 20, 20, 15, 10, 10)
MARK_WEIGHTS = (40, 30, 30)
RISK_WEIGHTS = (20, 20, 15, 12, 10, 10, 8, 5)

COLUMNS = {
    "student_id": "str",
    "term": "str",
    "sem_week": "int64",
    "semester": "int64",
    "class_id": "str",
    "library_visits": "float64",
    "book_borrows": "float64",
    "assn_quality_pct": "float64",
    "assn_plagiarism_pct": "float64",
    "weekly_att_pct": "float64",
    "week_lectures_held": "float64",
    "week_lectures_attended": "float64",
    "assn_submit_rate": "float64",
    "quiz_attempt_rate": "float64",
    "submission_pct": "float64",
    "effort_score": "float64",
    "effort_coverage": "float64",
    "week_mark_pct": "float64",
    "academic_performance": "float64",
    "quiz_avg_pct": "float64",
    "assn_avg_pct": "float64",
    "midterm_score_pct": "float64",
    "overall_att_pct": "float64",
    "lectures_held": "float64",
    "lectures_attended": "float64",
    "lectures_left": "float64",
    "lectures_to_attend": "float64",
    "lectures_can_miss": "float64",
    "risk_of_detention": "float64",
    "days_since_submission": "int64",
    "lms_active_days": "float64",
    "lms_events": "float64",
    "risk_score": "float64",
    "risk_coverage": "float64",
}


# -------------------------------------------------------------------- small helpers
def as_day(value: Any) -> date | None:
    """The date part. Reading: a time of day never matters."""
    return None if value in (None, "") else date.fromisoformat(str(value)[:10])


def clip(value: float, low: float = 0.0, high: float = 1.0) -> float:
    return max(low, min(high, value))


def percentage(value: float | None) -> float | None:
    return None if value is None else clip(float(value), 0.0, 100.0)


def share_of(marks: float | None, top: float | None) -> float | None:
    """Marks as a percentage. Reading: negative marks, or a maximum not above 0, leave the work unmarked."""
    if marks is None or marks < 0 or top is None or top <= 0:
        return None
    return percentage(100 * marks / top)


def mean(values: Iterable[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return math.fsum(present) / len(present) if present else None


def weighted(weights: Sequence[int], values: Sequence[float | None]) -> tuple[float | None, int]:
    """The mean over the values present, and the weight they have together."""
    present = [
        (weight, value) for weight, value in zip(weights, values, strict=True) if value is not None
    ]
    total = sum(weight for weight, _ in present)
    return (
        math.fsum(weight * value for weight, value in present) / total if total else None
    ), total


def last_weeks(week: int, count: int) -> list[int]:
    """The last teaching weeks up to and including a week, latest first."""
    return [w for w in reversed(TEACHING) if w <= week][:count]


def known_on(day: date | None, end: date) -> bool:
    return day is None or day <= end


def highest_id(rows: Iterable[Row], key: Callable[[Row], Hashable]) -> list[Row]:
    best: dict[Hashable, Row] = {}
    for row in rows:
        kept = best.get(key(row))
        if kept is None or row["id"] > kept["id"]:
            best[key(row)] = row
    return list(best.values())


def group(rows: Iterable[Row], key: Callable[[Row], Hashable]) -> dict[Hashable, list[Row]]:
    groups: dict[Hashable, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return dict(groups)


def beta_binomial_cdf(trials: int, highest: int, alpha: Fraction, beta: Fraction) -> float:
    """P(X <= highest), exactly, in integers. Reading: alpha or beta of 0 is a point mass, which the sum gives."""
    unit = math.lcm(alpha.denominator, beta.denominator)
    a, b = int(alpha * unit), int(beta * unit)
    rising_a, rising_b, rising_sum = [1], [1], 1
    for i in range(trials):
        rising_a.append(rising_a[-1] * (a + i * unit))
        rising_b.append(rising_b[-1] * (b + i * unit))
        rising_sum *= a + b + i * unit
    total = sum(
        math.comb(trials, k) * rising_a[k] * rising_b[trials - k] for k in range(highest + 1)
    )
    return float(Fraction(total, rising_sum))


# -------------------------------------------------------------------- the rows of the college
class College:
    """The relations as lists of rows. Rows of unknown students, classes or items are dropped before all else."""

    def __init__(self, path: Path) -> None:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        self.tables = {
            name
            for (name,) in connection.execute("select name from sqlite_master where type = 'table'")
        }

        def read(table: str) -> list[Row]:
            if table not in self.tables:
                return []
            rows = [dict(row) for row in connection.execute(f'select * from "{table}"')]
            for row in rows:
                row.update(
                    {k: str(v) for k, v in row.items() if k.endswith("_id") and v is not None}
                )
            return rows

        def known(table: str) -> list[Row]:
            rows = read(table)
            return [
                r
                for r in rows
                if r["student_id"] in self.students and r["class_id"] in self.classes
            ]

        def definitions(table: str, key: str) -> dict[str, Row]:
            return {r[key]: r for r in read(table) if r["class_id"] in self.classes}

        self.classes = {r["class_id"]: r for r in read("classes")}
        self.students = {r["student_id"]: r for r in read("students")}
        self.attendance = known("attendance")
        self.library = known("library_visits")
        self.borrows = known("book_borrows")
        self.lms = known("lms_activity")
        self.assignments = definitions("assignment_definitions", "assignment_id")
        self.quizzes = definitions("quiz_definitions", "quiz_id")
        self.exams = definitions("exam_schedule", "schedule_id")
        self.submissions = [
            r for r in known("assignment_submissions") if r["assignment_id"] in self.assignments
        ]
        self.attempts = [r for r in known("quiz_submissions") if r["quiz_id"] in self.quizzes]
        self.results = [r for r in known("exam_results") if r["schedule_id"] in self.exams]
        self.excuses = read("excuses")
        self.enrolments = read("enrolments")
        self.current_week = int(read("sim_state")[0]["current_week"])
        connection.close()


# -------------------------------------------------------------------- time
class Calendar:
    """Dates of the weeks, terms, and the last week of every class and semester."""

    def __init__(self, college: College) -> None:
        self.dates: dict[Pair, dict[int, date]] = defaultdict(dict)
        self.last_seen: dict[Pair, int] = defaultdict(int)
        for rows in (college.attendance, college.library, college.lms):  # in order of preference
            self.read_dates(rows)
        slot = "odd" if college.current_week <= SLOT_OFFSET["even"] else "even"
        self.current_week = college.current_week - SLOT_OFFSET[slot]
        current = {
            (c, row[f"{slot}_sem"])
            for c, row in college.classes.items()
            if row[f"{slot}_sem"] is not None
        }
        # Reading: a current class without any date starts with the earliest of the other current classes.
        starts = [self.monday(pair, 1) for pair in current if pair in self.dates]
        for pair in current - set(self.dates) if starts else ():
            self.dates[pair][1] = min(starts)
        self.terms: dict[date, dict[str, Pair]] = defaultdict(dict)
        self.term: dict[Pair, date] = {}
        self.name_terms()
        # Reading: the current week holds for every class, also for one that started later. A past semester lasts as
        # long as it has rows.
        self.current_term = max((self.term[p] for p in current if p in self.term), default=None)
        self.last_week = {
            p: self.current_week if p in current else min(self.last_seen[p], WEEKS)
            for p in self.dates
        }

    def read_dates(self, rows: list[Row]) -> None:
        """Reading: unmarked registers date a week too."""
        latest: dict[Pair, dict[int, date]] = defaultdict(dict)
        for row in rows:
            pair, week, day = (
                (row["class_id"], row["semester"]),
                row["week"],
                as_day(row["week_date"]),
            )
            self.last_seen[pair] = max(self.last_seen[pair], week)
            if day is not None:
                latest[pair][week] = max(day, latest[pair].get(week, day))
        for pair, days in latest.items():
            self.dates[pair] = days | self.dates[pair]

    def name_terms(self) -> None:
        name: date | None = None
        for pair in sorted(self.dates, key=lambda p: (self.monday(p, 1), p)):
            start = self.monday(pair, 1)
            # Reading: eight weeks from the first start of the term, not from the start before.
            if name is None or start - name > ONE_TERM:
                name = start
            if pair[0] in self.terms[name]:
                raise ValueError(f"two semesters of a class in one term: {pair}")
            self.term[pair] = name
            self.terms[name][pair[0]] = pair

    def monday(self, pair: Pair, week: int) -> date:
        days = self.dates[pair]
        # Reading: of two weeks with a date that are equally near, the earlier one.
        near = min(days, key=lambda w: (abs(w - week), w))
        return days[near] + timedelta(weeks=week - near)

    def end(self, pair: Pair, week: int) -> date:
        return self.monday(pair, week) + timedelta(6)

    def term_of(self, row: Row) -> date | None:
        return self.term.get((row["class_id"], row["semester"]))


# -------------------------------------------------------------------- people
class People:
    """Who is in which class, enrolled, or excused."""

    def __init__(self, college: College, calendar: Calendar) -> None:
        self.students, self.calendar = college.students, calendar
        # Reading: an unmarked register, and a row of an exam week, still show where a student sits.
        self.seen = group(college.attendance, lambda r: (r["student_id"], calendar.term_of(r)))
        self.has_enrolments = "enrolments" in college.tables
        self.enrolments = group(college.enrolments, lambda r: (r["student_id"], r["semester"]))
        self.excused_days: dict[str, set[date]] = defaultdict(set)
        for row in college.excuses:
            first, last = as_day(row["from"]), as_day(row["to"])
            last = first if row["to"] is None else last  # one day without it
            if first and last:
                days = {first + timedelta(i) for i in range((last - first).days + 1)}
                self.excused_days[row["student_id"]] |= (
                    days  # Reading: excuses add up, each day once.
                )
        self.memory: dict[tuple[str, date, int], Pair | None] = {}

    def class_in(self, student: str, term: date, week: int) -> Pair | None:
        """Reading: registers are counted row by row, repeated ones too, and unmarked ones."""
        key = (student, term, week)
        if key not in self.memory:
            rows = [r for r in self.seen.get((student, term), ()) if r["week"] <= week]
            every = self.seen.get((student, term), ())
            home, own = self.students[student]["class_id"], self.own_semester(student, term, every)
            rows = [r for r in rows if r["semester"] == own]
            chosen = home
            if rows:
                newest = [r for r in rows if r["week"] == max(r["week"] for r in rows)]
                counts = Counter(r["class_id"] for r in newest)
                most = {c for c, n in counts.items() if n == max(counts.values())}
                latest = max(
                    (r for r in newest if r["class_id"] in most), key=lambda r: int(r["id"])
                )
                chosen = home if home in most else latest["class_id"]
            self.memory[key] = self.calendar.terms[term].get(chosen)
        return self.memory[key]

    def own_semester(self, student: str, term: date, rows: Iterable[Row]) -> int | None:
        """Reading: with most registers means in the whole term; of two semesters with as many, the later one. Also
        where the class of today has no semester in the current term."""
        home = self.calendar.terms[term].get(self.students[student]["class_id"])
        if home is not None and term == self.calendar.current_term:
            return home[1]
        counts = Counter(r["semester"] for r in rows)
        return max(counts, key=lambda s: (counts[s], s), default=None)

    def members(self, term: date, week: int) -> dict[Pair, list[str]]:
        """Reading: who joined on the last day of the week is in; who left on it is out."""
        members: dict[Pair, list[str]] = defaultdict(list)
        for student, row in sorted(self.students.items()):
            pair = self.class_in(student, term, week)
            if pair is None or week > self.calendar.last_week[pair]:
                continue
            end = self.calendar.end(pair, week)
            left = as_day(row.get("withdrawn_on"))
            if known_on(as_day(row.get("joined_on")), end) and (left is None or left > end):
                members[pair].append(student)
        return members

    def is_away(self, student: str, term: date, week: int) -> bool:
        """Excused, or the week was over before the student joined.

        Reading: the days of the week are those of the student's class in it.
        """
        days, pair = self.excused_days.get(student), self.class_in(student, term, week)
        if pair is None:
            return False
        joined = as_day(self.students[student].get("joined_on"))
        if joined is not None and self.calendar.end(pair, week) < joined:
            return True
        if not days:
            return False
        monday = self.calendar.monday(pair, week)
        return sum(monday + timedelta(i) in days for i in range(7)) >= 3

    def is_enrolled(
        self, student: str, pair: Pair, subject: str, week: int, semester: int | None = None
    ) -> bool:
        """Reading: decided on the last day of the week; without a row for the semester, all subjects are taken."""
        rows = self.enrolments.get((student, semester or pair[1]))
        if not self.has_enrolments or not rows:
            return True
        end = self.calendar.end(pair, week)
        for row in rows:
            last = as_day(row["to"])
            if (
                row["subject_id"] == subject
                and known_on(as_day(row["from"]), end)
                and (last is None or last >= end)
            ):
                return True
        return False


# -------------------------------------------------------------------- assignments and quizzes
class Piece(NamedTuple):
    """A student's row for an item, as known on some day."""

    submitted: bool
    day: date | None
    mark: float | None
    quality: float | None = None
    similarity: float | None = None


class Work:
    """What is due, and what is known of it."""

    def __init__(self, college: College, calendar: Calendar, people: People) -> None:
        self.college, self.calendar, self.people = college, calendar, people
        self.items = {("a", key): row for key, row in college.assignments.items()}
        self.items |= {("q", key): row for key, row in college.quizzes.items()}
        by_class: dict[Pair, list[ItemKey]] = defaultdict(list)
        for item, row in self.items.items():
            by_class[row["class_id"], row["semester"]].append(item)
        self.by_class = {pair: self.without_optional(items) for pair, items in by_class.items()}
        self.counting = {item for items in self.by_class.values() for item in items}
        self.submissions = group(college.submissions, lambda r: r["student_id"])
        self.attempts = group(college.attempts, lambda r: r["student_id"])
        # Reading: an extension has no date of its own, so it holds in every week, whenever the work came in.
        self.extensions: dict[tuple[str, ItemKey], Row] = {}
        for kind, rows, key in (
            ("a", college.submissions, "assignment_id"),
            ("q", college.attempts, "quiz_id"),
        ):
            for row in highest_id(rows, lambda r, key=key: (r["student_id"], r[key])):
                self.extensions[row["student_id"], (kind, row[key])] = row
        self.marked: dict[tuple[str, str, date], bool] = {}
        self.memory: dict[tuple[str, date], dict[ItemKey, Piece]] = {}

    def without_optional(self, items: list[ItemKey]) -> list[ItemKey]:
        """Reading: a null weight is ordinary work. "All work" is assignments and quizzes of all weeks together."""
        weights = {item: self.items[item].get("weight") for item in items}
        if all(weight in (None, 0) for weight in weights.values()):
            return items
        return [item for item in items if weights[item] != 0]

    def due(self, student: str, term: date, week: int) -> list[ItemKey]:
        pair = self.people.class_in(student, term, week)
        if week not in TEACHING or pair is None or self.people.is_away(student, term, week):
            return []
        return [
            item
            for item in self.by_class.get(pair, ())
            if self.due_week(student, item) == week
            and self.people.is_enrolled(student, pair, self.items[item]["subject_id"], week)
        ]

    def due_week(self, student: str, item: ItemKey) -> int | None:
        """Reading: class, excuse and enrolment are judged in the new week; work moved to an exam week is never due."""
        row = self.extensions.get((student, item), {})
        if row.get("exempt"):
            return None
        moved = row.get("due_week_override")
        column = "due_week" if item[0] == "a" else "scheduled_week"
        return int(self.items[item][column] if moved is None else moved)

    def is_known(self, item: ItemKey, what: str, end: date) -> bool:
        """Whether the mark (or quality) of any student of the college is known for an item on a day."""
        key = (item, what, end)
        if key not in self.marked:
            rows, column = (
                (self.college.submissions, "assignment_id")
                if item[0] == "a"
                else (self.college.attempts, "quiz_id")
            )
            students = {row["student_id"] for row in rows if row[column] == item[1]}
            self.marked[key] = any(
                getattr(self.known(student, end)[item], what) is not None
                for student in students
                if item in self.known(student, end)
            )
        return self.marked[key]

    def known(self, student: str, end: date) -> dict[ItemKey, Piece]:
        if (student, end) not in self.memory:
            rows = [
                r
                for r in self.submissions.get(student, ())
                # Reading: what has no day of its own does not exist before its mark is known.
                if known_on(as_day(r["submission_date"]) or as_day(r.get("marked_on")), end)
            ]
            pieces = {
                ("a", r["assignment_id"]): self.assignment(r, end)
                for r in highest_id(rows, lambda r: r["assignment_id"])
            }
            rows = [
                r
                for r in self.attempts.get(student, ())
                if known_on(as_day(r["attempt_date"]) or as_day(r.get("marked_on")), end)
            ]
            pieces |= {
                ("q", r["quiz_id"]): self.quiz(r, end)
                for r in highest_id(
                    # A finished attempt goes before an unfinished one.
                    [r | {"id": (bool(r["attempted"]), r["id"])} for r in rows],
                    lambda r: r["quiz_id"],
                )
            }
            self.memory[student, end] = pieces
        return self.memory[student, end]

    def assignment(self, row: Row, end: date) -> Piece:
        day, marks = as_day(row["submission_date"]), row["marks_obtained"]
        judged = known_on(as_day(row.get("marked_on")), end)
        # Reading: undated work that will be marked later is not submitted until then. Marks below 0 are no marks.
        submitted = day is not None or (judged and marks is not None and marks >= 0)
        if not judged:
            return Piece(submitted, day, None)
        mark = share_of(marks, self.college.assignments[row["assignment_id"]]["max_marks"])
        return Piece(
            submitted, day, mark, percentage(row["quality_pct"]), percentage(row["plagiarism_pct"])
        )

    def quiz(self, row: Row, end: date) -> Piece:
        """Reading: an attempt counts by `attempted` alone; null is no attempt, even beside a mark."""
        mark = None
        if known_on(as_day(row.get("marked_on")), end):
            mark = percentage(row["score_pct"])
            if mark is None:
                mark = share_of(
                    row["marks_obtained"], self.college.quizzes[row["quiz_id"]]["max_marks"]
                )
        return Piece(bool(row["attempted"]), as_day(row["attempt_date"]), mark)


def is_submitted(item: ItemKey, known: dict[ItemKey, Piece]) -> bool:
    return item in known and known[item].submitted


def mean_mark(
    items: Iterable[ItemKey], known: dict[ItemKey, Piece], work: Work, end: date
) -> float | None:
    """Not submitted counts 0 once some mark of the item is known; submitted but unmarked is left out."""
    return mean(
        known[item].mark
        if is_submitted(item, known)
        else (0.0 if work.is_known(item, "mark", end) else None)
        for item in items
    )


def submit_rate(items: Sequence[ItemKey], known: dict[ItemKey, Piece]) -> float | None:
    return 100 * sum(is_submitted(item, known) for item in items) / len(items) if items else None


# -------------------------------------------------------------------- attendance
class Attendance:
    """Lectures held and attended, by student, term, semester and week."""

    def __init__(self, college: College, calendar: Calendar, people: People) -> None:
        self.people = people
        self.counts: dict[tuple[Any, ...], tuple[Fraction, Fraction]] = {}

        # Reading: duplicates are settled within a term, so a repeated semester does not replace the first one.
        def key(row: Row) -> Hashable:
            return (
                row["student_id"],
                row["subject_id"],
                row["semester"],
                row["week"],
                calendar.term_of(row),
            )

        # Reading: duplicates first, so an unmarked register with the highest id leaves out an older marked one. Rows
        # of a former class in the same semester stay the student's.
        for row in highest_id(college.attendance, key):
            present, held = row["present"], row["lectures_held"]
            if present is None or present < 0 or held is None:
                continue
            term = calendar.term_of(row)
            if term is None:
                continue
            pair = people.class_in(row["student_id"], term, row["week"])
            if pair and not people.is_enrolled(
                row["student_id"], pair, row["subject_id"], row["week"], row["semester"]
            ):
                continue
            place = (row["student_id"], term, row["week"])
            before = self.counts.get(place, (Fraction(0), Fraction(0)))
            self.counts[place] = (
                before[0] + Fraction(held), before[1] + Fraction(min(present, held)),
            )  # fmt: skip

    def week(self, student: str, term: date, week: int) -> tuple[Fraction, Fraction]:
        if week not in TEACHING or self.people.is_away(student, term, week):
            return Fraction(0), Fraction(0)
        return self.counts.get((student, term, week), (Fraction(0), Fraction(0)))


# -------------------------------------------------------------------- library, borrows, learning platform
class Feed:
    """Rows by student and week, and the weeks in which the college has any."""

    def __init__(self, rows: list[Row], calendar: Calendar, week_column: str) -> None:
        self.rows = group(
            rows, lambda r: (r["student_id"], calendar.term_of(r), r["semester"], r[week_column])
        )
        self.weeks = {(calendar.term_of(r), r[week_column]) for r in rows}

    def week(self, student: str, term: date, semester: int, week: int) -> list[Row] | None:
        """A student's rows, or None without the feed.

        Reading: the feed is there when any class of the same term has a row in one of the last four teaching weeks,
        by the number of the week; for the learning platform too. The rows of a former class stay the student's.
        """
        if not any((term, w) in self.weeks for w in last_weeks(week, 4)):
            return None
        return self.rows.get((student, term, semester, week), [])


# -------------------------------------------------------------------- the metrics
@dataclass
class WeekRow:
    """A row in the making: its columns, and what the risk score needs besides."""

    student: str
    pair: Pair
    term: date
    week: int
    end: date
    values: Row
    missed: float | None = None
    needed: int | None = None


class Metrics:
    """First every row by itself, then what depends on the class's rows of the week and on earlier rows."""

    def __init__(self, path: Path) -> None:
        self.college = college = College(path)
        self.calendar = calendar = Calendar(college)
        self.people = People(college, calendar)
        self.work = Work(college, calendar, self.people)
        self.attendance = Attendance(college, calendar, self.people)
        self.library = Feed(highest_id(college.library, self.library_key), calendar, "week")
        self.borrows = Feed(college.borrows, calendar, "borrow_week")
        self.lms = Feed(college.lms, calendar, "week")
        self.results = group(college.results, lambda r: r["student_id"])
        self.stored: dict[tuple[date, int, str], Row] = {}

    def library_key(self, row: Row) -> Hashable:
        return row["student_id"], row["semester"], row["week"], self.calendar.term_of(row)

    def run(self) -> list[Row]:
        for term in sorted(self.calendar.terms):
            for week in TEACHING:
                for pair, students in self.people.members(term, week).items():
                    self.store_class(pair, term, week, students)
        return [self.stored[key] for key in sorted(self.stored)]

    def store_class(self, pair: Pair, term: date, week: int, students: list[str]) -> None:
        rows = [self.first_pass(student, pair, term, week) for student in students]
        held = sum(row.values["lectures_held"] for row in rows)
        attended = sum(row.values["lectures_attended"] for row in rows)
        rate = Fraction(attended) / Fraction(held) if held else None
        efforts = [
            row.values["effort_score"]
            for row in rows
            # Of fewer signals no class figure is made.
            if row.values["effort_score"] is not None and row.values["effort_coverage"] >= 0.3
        ]
        median = statistics.median(efforts) if efforts else None
        for row in rows:
            row.values["risk_of_detention"] = self.risk_of_detention(row, rate)
            self.add_risk_score(row, median)
            self.stored[term, week, row.student] = row.values

    def first_pass(self, student: str, pair: Pair, term: date, week: int) -> WeekRow:
        values: Row = dict.fromkeys(COLUMNS)
        values.update(
            student_id=student,
            term=term.isoformat(),
            sem_week=week,
            semester=pair[1],
            class_id=pair[0],
        )
        row = WeekRow(student, pair, term, week, self.calendar.end(pair, week), values)
        known = self.work.known(student, row.end)
        due = {w: self.work.due(student, term, w) for w in TEACHING if w <= week}
        self.add_feeds(row)
        self.add_standing(row)
        self.add_work_signals(row, due[week], known)
        self.add_effort(row)
        self.add_marks(row, due, known)
        values["midterm_score_pct"] = self.midterm(row)
        values["days_since_submission"] = self.silence(row, known)
        return row

    # ---------------------------------------------------------------- signals of the week
    def add_feeds(self, row: WeekRow) -> None:
        place, values = (row.student, row.term, row.pair[1], row.week), row.values
        if (visits := self.library.week(*place)) is not None:
            # Reading: a null count is 0.
            values["library_visits"] = sum(r["physical_visits"] or 0 for r in visits)
        if (borrows := self.borrows.week(*place)) is not None:
            values["book_borrows"] = len(
                borrows
            )  # Reading: borrows have no natural key, so each row counts.
        if (activity := self.lms.week(*place)) is not None:
            # A row without a subject is the union, and stands for the others.
            activity = [r for r in activity if r["subject_id"] is None] or activity
            values["lms_active_days"] = min(7, max((r["active_days"] for r in activity), default=0))
            values["lms_events"] = sum(r["events"] for r in activity)

    def add_work_signals(
        self, row: WeekRow, due: list[ItemKey], known: dict[ItemKey, Piece]
    ) -> None:
        assignments, quizzes = [i for i in due if i[0] == "a"], [i for i in due if i[0] == "q"]
        submitted = [i for i in assignments if is_submitted(i, known)]
        row.values["assn_quality_pct"] = mean(
            known[i].quality
            if i in submitted
            else (0.0 if self.work.is_known(i, "quality", row.end) else None)
            for i in assignments
        )
        checked = [s for i in submitted if (s := known[i].similarity) is not None]
        row.values["assn_plagiarism_pct"] = max(checked, default=None)
        row.values["assn_submit_rate"] = submit_rate(assignments, known)
        row.values["quiz_attempt_rate"] = submit_rate(quizzes, known)
        row.values["submission_pct"] = submit_rate(due, known)

    def add_effort(self, row: WeekRow) -> None:
        values = row.values
        visits, borrows, similarity = (
            values["library_visits"],
            values["book_borrows"],
            values["assn_plagiarism_pct"],
        )
        signals = (
            None if visits is None else 100 * min(visits, 5) / 5,
            None if borrows is None else 100 * min(borrows, 2) / 2,
            values["assn_quality_pct"],
            None if similarity is None else 100 - similarity,
            values["weekly_att_pct"],
            values["submission_pct"],
        )
        values["effort_score"], weight = weighted(EFFORT_WEIGHTS, signals)
        values["effort_coverage"] = weight / 100  # Reading: a fraction; 0 where nothing is present.

    # ---------------------------------------------------------------- marks
    def add_marks(
        self, row: WeekRow, due: dict[int, list[ItemKey]], known: dict[ItemKey, Piece]
    ) -> None:
        values, window = row.values, last_weeks(row.week, 3)
        marks = [mean_mark(due[week], known, self.work, row.end) for week in window]
        values["week_mark_pct"] = marks[0]
        values["academic_performance"] = weighted(MARK_WEIGHTS[: len(marks)], marks)[0]
        so_far = [item for items in due.values() for item in items]
        values["quiz_avg_pct"] = mean_mark(
            [i for i in so_far if i[0] == "q"], known, self.work, row.end
        )
        values["assn_avg_pct"] = mean_mark(
            [i for i in so_far if i[0] == "a"], known, self.work, row.end
        )
        recent = [item for week in window for item in due[week]]
        row.missed = (
            sum(not is_submitted(item, known) for item in recent) / len(recent) if recent else None
        )

    def midterm(self, row: WeekRow) -> float | None:
        """Reading: the mean over the subjects known so far; every exam of the term counts, a course repeated with
        juniors too."""
        known = []
        for result in self.results.get(row.student, ()):
            exam, day = self.college.exams[result["schedule_id"]], as_day(result["result_date"])
            if exam["exam_type"] != "midterm":
                continue
            out = row.week > exam["scheduled_week"] if day is None else day <= row.end
            if out and self.calendar.term_of(exam) == row.term:
                known.append(result)
        subjects: dict[str, list[float]] = defaultdict(list)
        # Reading: duplicate results are settled like submissions. The schedule's maximum stands in for a null one.
        for result in highest_id(known, lambda r: r["schedule_id"]):
            exam, score = self.college.exams[result["schedule_id"]], percentage(result["score_pct"])
            if score is None:
                top = exam["max_marks"] if result["max_marks"] is None else result["max_marks"]
                score = share_of(result["marks_obtained"], top)
            # Reading: absent, where anybody has a score of this paper that is known by now.
            if score is None and result["pass_fail"] == "F" and self.is_scored(exam, row):
                score = 0.0
            if score is not None:
                subjects[exam["subject_id"]].append(score)
        return mean(mean(scores) for scores in subjects.values())

    def is_scored(self, exam: Row, row: WeekRow) -> bool:
        for rows in self.results.values():
            for result in rows:
                day = as_day(result["result_date"])
                out = row.week > exam["scheduled_week"] if day is None else day <= row.end
                top = exam["max_marks"] if result["max_marks"] is None else result["max_marks"]
                scores = percentage(result["score_pct"]), share_of(result["marks_obtained"], top)
                if (
                    result["schedule_id"] == exam["schedule_id"]
                    and out
                    and any(score is not None for score in scores)
                ):
                    return True
        return False

    def silence(self, row: WeekRow, known: dict[ItemKey, Piece]) -> int:
        """Reading: optional and undated work does not break it; all other work of the semester and term does,
        whatever its class and week. The first day is that of the student's own class, not the term's name."""
        days = [self.calendar.monday(row.pair, 1)]
        joined = as_day(self.people.students[row.student].get("joined_on"))
        days = [max(days[0], joined)] if joined else days
        handed_in = []
        for item, piece in known.items():
            definition = self.work.items[item]
            same = (
                definition["semester"] == row.pair[1]
                and self.calendar.term_of(definition) == row.term
            )
            if same and item in self.work.counting and piece.submitted and piece.day is not None:
                handed_in.append(piece.day)
        return (row.end - max(handed_in or days)).days

    # ---------------------------------------------------------------- attendance standing
    def add_standing(self, row: WeekRow) -> None:
        """Reading: without rows the counts are 0, and everything derived from them is null."""
        values = row.values
        weeks = [self.attendance.week(row.student, row.term, w) for w in TEACHING if w <= row.week]
        held, attended = weeks[-1]
        values.update(week_lectures_held=float(held), week_lectures_attended=float(attended))
        values["weekly_att_pct"] = float(100 * attended / held) if held else None
        held, attended = sum(h for h, _ in weeks), sum(a for _, a in weeks)
        values.update(lectures_held=float(held), lectures_attended=float(attended))
        with_lectures = sum(h > 0 for h, _ in weeks)
        if with_lectures:
            weeks_left = sum(w > row.week for w in TEACHING)
            left = (2 * held * weeks_left + with_lectures) // (2 * with_lectures)
            row.needed = math.ceil(ATTENDANCE_RULE * (held + left) - attended)
            to_attend = max(row.needed, 0)
            values["overall_att_pct"] = float(100 * attended / held)
            values.update(
                lectures_left=left,
                lectures_to_attend=to_attend,
                lectures_can_miss=max(left - to_attend, 0),
            )

    def risk_of_detention(self, row: WeekRow, rate: Fraction | None) -> float | None:
        """Reading: a week's lectures are averaged over the student's own weeks, excused ones left out."""
        needed, left = row.needed, row.values["lectures_left"]
        if needed is None or rate is None or row.week < 4:
            return None
        if needed <= 0:
            return 0.0
        if needed > left:
            return 100.0
        weeks = [self.attendance.week(row.student, row.term, w) for w in last_weeks(row.week, 4)]
        held, attended = sum(h for h, _ in weeks), sum(a for _, a in weeks)
        alpha, beta = 4 * rate, 4 * (1 - rate)
        if held:
            per_week = held / sum(h > 0 for h, _ in weeks)
            alpha, beta = alpha + attended / per_week, beta + (held - attended) / per_week
        return 100 * beta_binomial_cdf(left, needed - 1, alpha, beta)

    # ---------------------------------------------------------------- risk
    def baseline(self, row: WeekRow, column: str) -> float | None:
        """Reading: stored rows of the same semester and term, whatever the class; a null is not present."""
        earlier = [
            self.stored.get((row.term, week, row.student)) for week in last_weeks(row.week - 1, 4)
        ]
        same = [r[column] for r in earlier if r is not None and r["semester"] == row.pair[1]]
        present = [value for value in same if value is not None]
        return mean(present) if len(present) >= 2 else None

    def fall(self, row: WeekRow, column: str, scale: float | None = None) -> float | None:
        """The fall below the baseline as a share of the scale, or else of the baseline itself."""
        before, now = self.baseline(row, column), row.values[column]
        if before is None or now is None:
            return None
        return clip((before - now) / (max(before, 1) if scale is None else scale))

    def add_risk_score(self, row: WeekRow, median: float | None) -> None:
        values = row.values
        standing, level, effort = (
            values["risk_of_detention"],
            values["academic_performance"],
            values["effort_score"],
        )
        components = (
            None if standing is None else standing / 100,
            None if level is None else clip((SAFE_MARK - level) / SAFE_MARK),
            row.missed,
            self.fall(row, "weekly_att_pct", 40),
            None if median is None or effort is None else clip((median - effort) / 40),
            self.fall(row, "effort_score", 30),
            self.fall(row, "academic_performance", 30),
            self.fall(row, "lms_active_days"),
        )
        share, weight = weighted(RISK_WEIGHTS, components)
        values["risk_score"] = None if share is None else 100 * share
        values["risk_coverage"] = weight / 100


def weekly_metrics(path: Path) -> pd.DataFrame:
    """Every student's weekly metrics, in order of term, week and student; null is NaN."""
    return pd.DataFrame(Metrics(path).run(), columns=list(COLUMNS)).astype(COLUMNS)
