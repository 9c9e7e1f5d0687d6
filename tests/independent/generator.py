"""Small made-up colleges in the native schema, written straight to SQLite.

An independent generator: it shares no code with the package it checks, nor with that package's own simulator. The
table definitions and the calendar are repeated here on purpose, so that a mistake in the package cannot hide by
being made on both sides of a comparison. The data need not be plausible: each variant crowds the cases that the
specification names into a few classes.

    clean    complete data, with nothing optional
    dirty    duplicates, unmarked registers, impossible values, unknown ids
    people   moves between classes, repeaters, leavers, joiners, classes that start apart
    work     weights, extensions, dates of marking, undated and late work
    options  enrolments, excuses and activity on the learning platform
    absent   feeds that are missing or stop; which ones depends on the seed modulo 6
    all      everything at once
"""

import random
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

VARIANTS = ("clean", "dirty", "people", "work", "options", "absent", "all", "shapes")

Row = dict[str, Any]
Stays = list[tuple[int, str | None]]  # (from week, class or None), the first entry from week 1

SCHEMA = {
    "classes": "class_id TEXT PRIMARY KEY, name TEXT, year_of_study INTEGER, section TEXT, branch TEXT, "
    "batch_start_year INTEGER, total_students INTEGER, odd_sem INTEGER, even_sem INTEGER",
    "advisors": "advisor_id TEXT PRIMARY KEY, name TEXT, email TEXT, class_id TEXT",
    "students": "student_id TEXT PRIMARY KEY, class_id TEXT, advisor_id TEXT, name TEXT, roll_number TEXT, "
    "gender TEXT, email TEXT, parent_email TEXT, phone TEXT, archetype TEXT",
    "subjects": "subject_id TEXT PRIMARY KEY, subject_name TEXT, semester INTEGER, credits INTEGER, "
    "difficulty TEXT, subject_type TEXT",
    "class_subjects": "id INTEGER PRIMARY KEY, class_id TEXT, subject_id TEXT, teacher_name TEXT",
    "sim_state": "id INTEGER PRIMARY KEY, current_week INTEGER, sim_year INTEGER, last_updated TEXT",
    "attendance": "id INTEGER PRIMARY KEY, student_id TEXT, class_id TEXT, subject_id TEXT, semester INTEGER, "
    "week INTEGER, week_date DATE, lectures_held INTEGER, present INTEGER, absent INTEGER, late INTEGER, "
    "attendance_pct REAL",
    "assignment_definitions": "assignment_id TEXT PRIMARY KEY, class_id TEXT, subject_id TEXT, semester INTEGER, "
    "title TEXT, assigned_week INTEGER, due_week INTEGER, max_marks REAL",
    "assignment_submissions": "id INTEGER PRIMARY KEY, assignment_id TEXT, student_id TEXT, class_id TEXT, "
    "status TEXT, submission_date TEXT, latency_hours REAL, marks_obtained REAL, quality_pct REAL, "
    "plagiarism_pct REAL",
    "quiz_definitions": "quiz_id TEXT PRIMARY KEY, class_id TEXT, subject_id TEXT, semester INTEGER, title TEXT, "
    "scheduled_week INTEGER, quiz_date DATE, max_marks REAL, duration_mins INTEGER",
    "quiz_submissions": "id INTEGER PRIMARY KEY, quiz_id TEXT, student_id TEXT, class_id TEXT, attempted INTEGER, "
    "attempt_date TEXT, marks_obtained REAL, score_pct REAL",
    "library_visits": "id INTEGER PRIMARY KEY, student_id TEXT, class_id TEXT, semester INTEGER, week INTEGER, "
    "week_date DATE, physical_visits INTEGER",
    "book_borrows": "borrow_id INTEGER PRIMARY KEY, student_id TEXT, class_id TEXT, semester INTEGER, "
    "book_title TEXT, borrow_date DATE, return_date DATE, borrow_week INTEGER, return_week INTEGER",
    "exam_schedule": "schedule_id TEXT PRIMARY KEY, class_id TEXT, semester INTEGER, subject_id TEXT, "
    "exam_type TEXT, scheduled_week INTEGER, exam_date DATE, max_marks REAL, duration_mins INTEGER",
    "exam_results": "id INTEGER PRIMARY KEY, schedule_id TEXT, student_id TEXT, class_id TEXT, marks_obtained REAL, "
    "max_marks REAL, score_pct REAL, pass_fail TEXT, grade TEXT, result_date DATE",
}
OPTIONAL_RELATIONS = {
    "enrolments": 'student_id TEXT, subject_id TEXT, semester INTEGER, "from" DATE, "to" DATE',
    "excuses": 'student_id TEXT, "from" DATE, "to" DATE',
    "lms_activity": "student_id TEXT, subject_id TEXT, semester INTEGER, week INTEGER, class_id TEXT, "
    "week_date DATE, active_days INTEGER, events INTEGER",
}
PEOPLE_COLUMNS = {"students": ", joined_on DATE, withdrawn_on DATE, prior_attempts INTEGER"}
WORK_COLUMNS = {
    "assignment_submissions": ", marked_on DATE, due_week_override INTEGER",
    "quiz_submissions": ", marked_on DATE",
    "assignment_definitions": ", weight REAL",
    "quiz_definitions": ", weight REAL",
}
SHAPE_COLUMNS = {
    "assignment_submissions": ", due_week_override INTEGER, exempt INTEGER",
    "quiz_submissions": ", due_week_override INTEGER, exempt INTEGER",
}
NUMBERED = {
    "class_subjects": "id",
    "attendance": "id",
    "assignment_submissions": "id",
    "quiz_submissions": "id",
    "library_visits": "id",
    "exam_results": "id",
    "book_borrows": "borrow_id",
}

ODD_START = date(2025, 7, 7)  # a Monday
MIDTERM, ENDTERM = 8, 18
CLASSES = (
    ("C1A", 1),
    ("C1B", 1),
    ("C2A", 3),
    ("C2B", 3),
    ("C3A", 5),
)  # with the odd semester of each
WORK_WEEKS = [2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 5, 6, 7, 9, 10, 11, 12]


@dataclass
class Term:
    """One slot of one year, with the semester each class is in."""

    key: str
    start: date
    semesters: dict[str, int]
    weeks: int  # weeks with data


@dataclass
class Student:
    """A student's row, and the hidden facts that shape the data."""

    row: Row
    ability: float
    trend: float
    home: str
    stays: dict[str, Stays] = field(default_factory=dict)  # by term

    @property
    def id(self) -> str:
        return str(self.row["student_id"])

    def class_in(self, term: Term, week: int) -> str | None:
        return [class_id for since, class_id in self.stays[term.key] if since <= week][-1]

    def classes_of(self, term: Term) -> list[str]:
        return [class_id for _, class_id in self.stays[term.key] if class_id]


@dataclass
class Feeds:
    """What is missing: last weeks with data (by class and term, or by term), and classes without a feed at all."""

    no_attendance: set[tuple[str, str]] = field(default_factory=set)
    no_library: set[tuple[str, str]] = field(default_factory=set)
    attendance: dict[tuple[str, str], int] = field(default_factory=dict)
    library: dict[str, int] = field(default_factory=dict)
    borrows: dict[str, int] = field(default_factory=dict)
    lms: dict[str, int] = field(default_factory=dict)
    submissions: dict[str, int] = field(default_factory=dict)  # definitions go on
    no_work: set[str] = field(default_factory=set)  # no definitions either
    quality: dict[str, int] = field(default_factory=dict)


@dataclass
class Item:
    """An assignment ("a") or a quiz ("q")."""

    kind: str
    id: str
    class_id: str
    semester: int
    subject: str
    week: int
    max_marks: float


def clip(value: float) -> float:
    return min(1, max(0, value))


class College:
    """All rows of one college, drawn in a fixed order from one seeded source."""

    def __init__(
        self, seed: int, variant: str, week: int, size: int = 1, begun: bool = False
    ) -> None:
        self.seed, self.variant, self.week = seed, variant, week
        self.size, self.begun = size, begun  # begun: whether the term after next has one week
        self.random = random.Random(f"{seed}-{variant}")
        self.rows: dict[str, list[Row]] = {name: [] for name in (*SCHEMA, *OPTIONAL_RELATIONS)}
        self.electives: dict[tuple[str, str, int], list[tuple[int, int, int]]] = {}
        self.lectures: dict[tuple[str, str, str, int], int] = {}
        self.items = 0
        classes = CLASSES[: self.random.choice([3, 4, 5])]
        self.class_ids = [class_id for class_id, _ in classes]
        self.delay = dict.fromkeys(self.class_ids, 0)  # weeks by which a class starts later
        if self.has("people"):
            self.delay["C1B"] = self.random.choice([1, 2])
            self.delay["C2A"] = self.random.choice([0, 1, 2])
        self.add_subjects()
        self.students = [
            student for class_id, odd in classes for student in self.add_class(class_id, odd)
        ]
        self.terms = [
            Term("odd", ODD_START, dict(classes), 18),
            Term(
                "even",
                ODD_START + timedelta(weeks=26),
                {c: odd + 1 for c, odd in classes},
                week + 1,
            ),
        ]
        if begun:
            self.terms.append(
                Term(
                    "next",
                    ODD_START + timedelta(weeks=52),
                    {c: odd + 2 for c, odd in classes},
                    1,
                )
            )
        if self.has("people"):  # a class alone in the term before
            self.terms.insert(0, Term("prev", ODD_START - timedelta(weeks=26), {"C2A": 2}, 18))
        self.term = {term.key: term for term in self.terms}

    # ---------------------------------------------------------------- helpers
    def has(self, variant: str) -> bool:
        return self.variant in (variant, "all") or (self.variant, variant) == ("shapes", "options")

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def add(self, relation: str, **values: Any) -> Row:
        self.rows[relation].append(values)
        return values

    def monday(self, term: Term, class_id: str, week: int) -> date:
        return term.start + timedelta(weeks=self.delay[class_id] + week - 1)

    def takes(self, student: Student, term: Term, semester: int, subject: str, week: int) -> bool:
        """Two compulsory subjects, and one elective at a time out of the others."""
        if not self.has("options"):
            return True
        index = self.subjects[semester].index(subject)
        chosen = self.electives.get((student.id, term.key, semester), [(2, 1, 18), (3, 1, 18)])
        return index < 2 or any(index == i and first <= week <= last for i, first, last in chosen)

    # ---------------------------------------------------------------- classes, subjects, students
    def add_subjects(self) -> None:
        count = {
            semester: self.random.choice([3, 4]) for semester in range(1, 9 if self.begun else 7)
        }
        if self.has("options"):
            count = dict.fromkeys(count, 4)
        self.subjects = {s: [f"S{s}{i}" for i in range(1, n + 1)] for s, n in count.items()}
        for semester, names in self.subjects.items():
            for subject in names:
                self.add(
                    "subjects",
                    subject_id=subject,
                    subject_name=f"Subject {subject}",
                    semester=semester,
                    credits=self.random.choice([2, 3, 4]),
                    difficulty=self.random.choice(["Easy", "Medium", "Hard", None]),
                    subject_type="core",
                )

    def add_class(self, class_id: str, odd: int) -> list[Student]:
        size, year = self.random.randint(12, 20) * self.size, (odd + 1) // 2
        later = 2 if self.begun else 0
        self.add(
            "classes",
            class_id=class_id,
            name=f"Class {class_id}",
            year_of_study=year,
            section=class_id[-1],
            branch="CSE",
            batch_start_year=2026 - year,
            total_students=size,
            odd_sem=odd + later,
            even_sem=odd + 1 + later,
        )
        for k in (1, 2):
            name = f"{class_id}{k}"
            email = f"adv{name}@x.test"
            self.add(
                "advisors",
                advisor_id=f"ADV{name}",
                name=f"Advisor {name}",
                email=email,
                class_id=class_id,
            )
        semesters = (odd, odd + 1, odd + 2) if self.begun else (odd, odd + 1)
        for subject in [name for semester in semesters for name in self.subjects[semester]]:
            self.add("class_subjects", class_id=class_id, subject_id=subject, teacher_name="T")
        return [self.add_student(class_id, i) for i in range(size)]

    def add_student(self, class_id: str, number: int) -> Student:
        student_id = f"{class_id}-{number:02d}"
        row = self.add(
            "students",
            student_id=student_id,
            class_id=class_id,
            advisor_id=f"ADV{class_id}{1 + number % 2}",
            name=f"Student {student_id}",
            roll_number=f"R{student_id}",
            email=f"{student_id}@x.test",
        )
        student = Student(
            row, self.random.betavariate(5, 2), self.random.uniform(-0.04, 0.02), class_id
        )
        if self.chance(0.08):
            student.ability = self.random.uniform(0.05, 0.4)
        if self.chance(0.05):
            student.ability = 1.0
        if self.has("people") and self.chance(0.08):
            row["advisor_id"] = None
        return student

    # ---------------------------------------------------------------- people
    def settle_people(self) -> None:
        for student in self.students:
            student.stays = {
                term.key: [(1, student.home if student.home in term.semesters else None)]
                for term in self.terms
            }
        if not self.has("people"):
            return
        homes = {c: [s for s in self.students if s.home == c] for c in self.class_ids}
        pool = {c: self.random.sample(members, len(members)) for c, members in homes.items()}
        self.move_students(pool)
        self.add_repeaters(pool)
        for class_id in self.class_ids:
            for term in (self.term["even"], self.term["odd"]):
                for offset in self.random.sample([-6, -3, 0, 1], 2):  # days from the end of a week
                    if len(pool[class_id]) >= 3:
                        self.withdraw(pool[class_id].pop(), term, offset)
                if len(pool[class_id]) > 3 and self.chance(0.8):
                    self.join_late(pool[class_id], term)

    def move_students(self, pool: dict[str, list[Student]]) -> None:
        """Moves within the current semester (both ways, in an exam week, of a late starter), before it, and back."""
        moves = [
            ("C1A", "C1B", self.random.randint(3, 7)),
            ("C1B", "C1A", self.random.randint(9, 11)),
            ("C1A", "C1B", MIDTERM),
            ("C1B", "C1A", 5),
        ]
        for number, (source, target, week) in enumerate(moves):
            student = pool[source].pop()
            student.row["class_id"] = target
            student.stays["even"] = [(1, source), (week, target)]
            if number == 3:
                student.stays["even"] = [(1, None), (3, source), (week, target)]
        in_past_semester = pool["C1A"].pop()
        in_past_semester.row["class_id"] = "C1B"
        in_past_semester.stays.update(odd=[(1, "C1A"), (10, "C1B")], even=[(1, "C1B")])
        between_semesters = pool["C1B"].pop()
        between_semesters.row["class_id"] = "C1A"
        between_semesters.stays["even"] = [(1, "C1A")]
        back_and_forth = pool["C1A"].pop()
        back_and_forth.stays["even"] = [(1, "C1A"), (4, "C1B"), (6, "C1A")]

    def add_repeaters(self, pool: dict[str, list[Student]]) -> None:
        """Repeaters of semester 2: in C2A a year ago, in C1A now, and between the two nowhere or in either."""
        between: list[str | None] = [None, "C1A", "C2A"]
        for k in range(2):
            student = pool["C2A"].pop()
            student.row.update(class_id="C1A", prior_attempts=1)
            choice = (self.seed + k) % 3 if self.seed % 3 == 0 else k % 2
            student.stays = {
                "prev": [(1, "C2A")],
                "odd": [(1, between[choice])],
                "even": [(1, "C1A")],
            }

    def withdraw(self, student: Student, term: Term, offset: int) -> None:
        week = self.random.randint(3, self.week if term.key == "even" else 16)
        student.row["withdrawn_on"] = self.monday(term, student.home, week) + timedelta(6 + offset)
        student.stays[term.key] = [(1, student.home), (week + (offset > 0), None)]
        if term.key == "odd":
            student.stays["even"] = [(1, None)]

    def join_late(self, pool: list[Student], term: Term) -> None:
        offset = self.random.choice([-6, -2, 0, 1])
        student, week = pool.pop(), self.random.randint(2, 10)
        student.row["joined_on"] = self.monday(term, student.home, week) + timedelta(6 + offset)
        for key in student.stays:
            if key == term.key:
                student.stays[key] = [(1, None), (week + (offset > 0), student.home)]
            elif key == "prev" or term.key == "even":
                student.stays[key] = [(1, None)]

    # ---------------------------------------------------------------- enrolments, excuses
    def add_options(self) -> None:
        if not self.has("options"):
            return
        for student in self.students:
            for term in self.terms:
                for semester in sorted({term.semesters[c] for c in student.classes_of(term)}):
                    self.enrol(student, term, semester)
            if self.chance(0.3):
                self.excuse(student)
        unique: list[Row] = []  # a repeater would otherwise have the rows of a semester twice
        for row in self.rows["enrolments"]:
            if row not in unique:
                unique.append(row)
        self.rows["enrolments"] = unique

    def enrol(self, student: Student, term: Term, semester: int) -> None:
        def add(index: int, since: date | None = None, until: date | None = None) -> None:
            subject = self.subjects[semester][index]
            days = {"from": since, "to": until}
            self.add(
                "enrolments", student_id=student.id, subject_id=subject, semester=semester, **days
            )

        key, elective = (student.id, term.key, semester), self.random.choice([2, 3])
        if self.chance(0.1):  # changes the elective within the semester
            week = self.random.randint(4, 9)
            change = self.monday(term, student.classes_of(term)[0], week)
            self.electives[key] = [(elective, 1, week - 1), (5 - elective, week, 18)]
            add(elective, until=change - timedelta(1))
            add(5 - elective, since=change)
        else:
            self.electives[key] = [(elective, 1, 18)]
            add(elective)
        add(0)
        add(1)

    def excuse(self, student: Student) -> None:
        term = self.term[self.random.choice(["odd", "even", "even"])]
        week = self.random.randint(1, self.week)
        class_id = student.class_in(term, week)
        if not class_id:
            return
        for _ in range(self.random.choice([1, 1, 2])):
            since = self.monday(term, class_id, week) + timedelta(self.random.randint(-2, 6))
            until = since + timedelta(self.random.randint(0, 9))
            self.add("excuses", student_id=student.id, **{"from": since, "to": until})

    # ---------------------------------------------------------------- missing feeds
    def missing_feeds(self) -> Feeds:
        feeds = Feeds()
        if not self.has("absent"):
            return feeds
        first, second, last = self.class_ids[0], self.class_ids[1], self.class_ids[-1]
        match self.seed % 6:
            case 0:
                feeds.no_attendance = {(last, "even"), (last, "odd")}
                feeds.lms = {"even": 4}
            case 1:
                feeds.no_library = {(second, "odd")}
                feeds.library = {"even": 0}
                feeds.borrows = {"even": 4, "odd": 0}
                feeds.attendance = {(first, "even"): 6}
            case 2:
                feeds.library = {"even": 3, "odd": 9}
                feeds.borrows = {"even": 0, "odd": 0}
                feeds.no_work = {"even"}
            case 3:
                feeds.no_library = {(second, "even")}
                feeds.no_attendance = {(last, "even")}
                feeds.borrows = {"even": 4, "odd": 0}
                feeds.submissions = {"even": 6}
            case 4:
                feeds.library = {"even": 5}
                feeds.lms = {"even": 4}
                feeds.attendance = {(second, "odd"): 11, (last, "even"): 0}
                feeds.quality = {"even": 5}
            case _:
                feeds.library = {"even": 3, "odd": 9}
                feeds.attendance = {(first, "even"): 6}
                feeds.submissions = {"even": 6}
        return feeds

    # ---------------------------------------------------------------- weekly data
    def plan_lectures(self) -> None:
        for term in self.terms:
            for class_id, semester in term.semesters.items():
                for subject in self.subjects[semester]:
                    for week in range(1, 18):
                        none = week == MIDTERM or self.chance(0.07)
                        held = 0 if none else self.random.choice([2, 3, 3, 4])
                        self.lectures[term.key, class_id, subject, week] = held
                if self.chance(0.3):  # a week without any lecture
                    week = self.random.choice([2, 5, 7, 10, 12])
                    for subject in self.subjects[semester]:
                        self.lectures[term.key, class_id, subject, week] = 0

    def add_weeks(self, feeds: Feeds) -> None:
        for term in self.terms:
            for week in range(1, min(term.weeks, 18) + 1):
                for student in self.students:
                    if class_id := student.class_in(term, week):
                        self.add_week(student, term, class_id, week, feeds)

    def add_week(
        self, student: Student, term: Term, class_id: str, week: int, feeds: Feeds
    ) -> None:
        """One student's attendance, library visits, borrows and activity in one week."""
        ability = clip(student.ability + student.trend * (week if term.key == "even" else 0))
        if self.chance(0.03):
            ability = 0
        if week == ENDTERM:
            return
        place, semester = (class_id, term.key), term.semesters[class_id]
        common: Row = {"student_id": student.id, "class_id": class_id, "semester": semester}
        dated: Row = common | {"week": week, "week_date": self.monday(term, class_id, week)}
        registered = place not in feeds.no_attendance and week <= feeds.attendance.get(place, 99)
        if registered and not (self.has("people") and self.chance(0.01)):
            self.add_attendance(student, term, ability, dated)
        counted = place not in feeds.no_library and week <= feeds.library.get(term.key, 99)
        if (
            counted
            and (self.chance(0.8) or place in feeds.no_attendance)
            and (week != MIDTERM or self.chance(0.3))
        ):
            visits = min(9, int(self.random.expovariate(1 / (4 * ability + 0.3))))
            self.add("library_visits", **dated, physical_visits=visits)
        if week <= feeds.borrows.get(term.key, 99) and self.chance(ability):
            for _ in range(self.random.choice([0, 0, 0, 1, 1, 2, 3])):
                day = dated["week_date"] + timedelta(self.random.randint(0, 6))
                self.add(
                    "book_borrows", **common, book_title="B", borrow_date=day, borrow_week=week
                )
        if self.has("options") and term.key != "prev" and week <= feeds.lms.get(term.key, 99):
            self.add_activity(student, term, ability, dated)

    def add_attendance(self, student: Student, term: Term, ability: float, dated: Row) -> None:
        week, semester = dated["week"], dated["semester"]
        for subject in self.subjects[semester]:
            held = self.lectures[term.key, dated["class_id"], subject, week]
            if week == MIDTERM:  # a few rows in the exam week, which must not count
                stray = self.has("dirty") and self.chance(0.05)
                moved = self.has("people") and student.stays[term.key][-1][0] == MIDTERM
                if not stray and not moved:
                    continue
                held = 2
            if not self.takes(student, term, semester, subject, week):
                continue
            if held == 0 and not self.chance(0.1):
                continue
            present = sum(self.chance(ability) for _ in range(held))
            self.add(
                "attendance",
                **dated,
                subject_id=subject,
                lectures_held=held,
                present=present,
                absent=held - present,
                late=0,
                attendance_pct=100 * present / held if held else None,
            )

    def add_activity(self, student: Student, term: Term, ability: float, dated: Row) -> None:
        choices = [0, 1, 2, 3, 4, 5, 6, 7] + ([9] if self.has("dirty") else [])
        for subject in self.subjects[dated["semester"]]:
            taken = self.takes(student, term, dated["semester"], subject, dated["week"])
            if taken and self.chance(0.2 + 0.7 * ability):
                days, events = self.random.choice(choices), self.random.randint(0, 80)
                self.add(
                    "lms_activity", **dated, subject_id=subject, active_days=days, events=events
                )

    # ---------------------------------------------------------------- assignments and quizzes
    def add_work(self, feeds: Feeds) -> None:
        for term in self.terms:
            if term.key in feeds.no_work:
                continue
            for number, (class_id, semester) in enumerate(sorted(term.semesters.items())):
                weightless = term.key != "prev" and number == self.seed % len(term.semesters)
                counts = {"a": self.random.randint(7, 11), "q": self.random.randint(5, 9)}
                for kind, count in counts.items():
                    for _ in range(count):
                        item = self.add_item(kind, term, class_id, semester, weightless)
                        for student in self.students:
                            self.add_submission(student, term, item, feeds)

    def add_item(
        self, kind: str, term: Term, class_id: str, semester: int, weightless: bool
    ) -> Item:
        """A definition. Where the college weights its work, one class has only weights of 0 or null."""
        self.items += 1
        subject = self.random.choice(self.subjects[semester])
        week = self.random.choice(WORK_WEEKS + ([MIDTERM] * 3 if self.has("work") else []))
        max_marks = self.random.choice([10, 20, 25, 50, 100])
        if self.has("dirty") and self.chance(0.08):
            max_marks = self.random.choice([0, -5])
        weight = None
        if self.has("work"):
            weight = self.random.choice(
                [0, 0, None] if weightless else [0, 0, 5, 10, 10, 20, 2.5, None]
            )
        item = Item(
            kind, f"{kind.upper()}{self.items:04d}", class_id, semester, subject, week, max_marks
        )
        common: Row = {
            "class_id": class_id,
            "subject_id": subject,
            "semester": semester,
            "title": item.id,
        }
        common |= {"max_marks": max_marks, "weight": weight}
        if kind == "a":
            assigned = max(1, week - 2)
            self.add(
                "assignment_definitions",
                assignment_id=item.id,
                assigned_week=assigned,
                due_week=week,
                **common,
            )
        else:
            day = self.monday(term, class_id, week) + timedelta(3)
            planned: Row = {"scheduled_week": week, "quiz_date": day, "duration_mins": 30}
            self.add("quiz_definitions", quiz_id=item.id, **planned, **common)
        return item

    def add_submission(self, student: Student, term: Term, item: Item, feeds: Feeds) -> None:
        """At most one row of a student for an item; a few for work of another class or of a subject not taken."""
        if student.class_in(term, item.week) != item.class_id and not self.chance(0.1):
            return
        if item.class_id not in student.classes_of(term):
            return
        if not self.takes(
            student, term, item.semester, item.subject, item.week
        ) and not self.chance(0.05):
            return
        due, extension = item.week, None
        if self.has("work") and item.kind == "a" and self.chance(0.06):
            due = extension = item.week + self.random.choice([1, 2, 3])
        current = term is self.terms[-1]
        horizon = term.weeks if current else term.weeks + 9
        if due > horizon and not self.chance(0.15):
            return
        if item.week > feeds.submissions.get(term.key, 99):
            return
        ability = clip(student.ability)
        common: Row = {"student_id": student.id, "class_id": item.class_id}
        if not self.chance(0.15 + 0.85 * ability):
            if self.chance(0.3) or extension:
                self.add_empty_row(item, common, extension)
            return
        end = self.monday(term, item.class_id, due) + timedelta(6)
        day, undated, marks = self.draw_hand_in(item, ability, end)
        if self.has("work"):
            common["marked_on"] = self.draw_marking_day(day, end, marks)
        if item.kind == "a":
            judged = item.week <= feeds.quality.get(term.key, 99)
            self.add_assignment_row(
                item,
                common | {"due_week_override": extension},
                ability,
                day,
                undated,
                marks,
                judged,
            )
        else:
            self.add_quiz_row(item, common, day, undated, marks)

    def add_empty_row(self, item: Item, common: Row, extension: int | None) -> None:
        if item.kind == "a":
            status = self.random.choice(["missing", "pending", "submitted"])
            row: Row = {"assignment_id": item.id, "status": status, "due_week_override": extension}
            self.add(
                "assignment_submissions", **row, submission_date=None, marks_obtained=None, **common
            )
        else:
            attempted = self.random.choice([0, 0, None] if self.has("dirty") else [0])
            row = {"quiz_id": item.id, "attempted": attempted}
            self.add(
                "quiz_submissions",
                **row,
                attempt_date=None,
                marks_obtained=None,
                score_pct=None,
                **common,
            )

    def draw_hand_in(
        self, item: Item, ability: float, end: date
    ) -> tuple[date, bool, float | None]:
        """The day, whether the row hides it, and the marks."""
        work = self.has("work")
        if self.chance(0.15 if work else 0.06):
            day = end + timedelta(self.random.randint(1, 16))
        else:
            day = end - timedelta(self.random.choice([0, 0, 0, 1, 2, 3, 4, 5, 6, 6, 9, 12]))
        undated = work and self.chance(0.1) and item.max_marks > 0
        marks: float | None
        if item.max_marks > 0:
            marks = round(item.max_marks * clip(self.random.gauss(0.25 + 0.6 * ability, 0.15)), 1)
        else:
            marks = self.random.choice([3, 5, None])
        if self.chance(0.12 if work else 0.03) and not (undated and self.chance(0.7)):
            marks = None
        return day, undated, marks

    def draw_marking_day(self, day: date, end: date, marks: float | None) -> date | None:
        soon = day + timedelta(self.random.randint(1, 6))
        later = day + timedelta(self.random.randint(5, 25))
        marked_on = self.random.choice([None, None, day, soon, later, end, end + timedelta(1)])
        return marked_on if marks is not None or self.chance(0.5) else None

    def stamp(self, day: date) -> str:
        """A day as text, mostly with a time of day."""
        if not self.chance(0.6):
            return day.isoformat()
        return f"{day.isoformat()} {self.random.choice(['00:00:00', '09:30:00', '23:59:59', '14:05:10'])}"

    def add_assignment_row(
        self,
        item: Item,
        common: Row,
        ability: float,
        day: date,
        undated: bool,
        marks: float | None,
        judged: bool,
    ) -> None:
        status = self.random.choice(["submitted", "late", "missing"])
        stamp = None if undated else self.stamp(day)
        quality = similarity = None
        if judged and not self.chance(0.1):
            quality = round(100 * clip(self.random.gauss(0.3 + 0.6 * ability, 0.15)), 1)
        if not self.chance(0.25):
            similarity = round(min(100, self.random.expovariate(1 / 12)), 1)
        row: Row = {
            "assignment_id": item.id,
            "status": status,
            "submission_date": stamp,
            "marks_obtained": marks,
        }
        self.add(
            "assignment_submissions",
            **row,
            quality_pct=quality,
            plagiarism_pct=similarity,
            **common,
        )

    def add_quiz_row(
        self, item: Item, common: Row, day: date, undated: bool, marks: float | None
    ) -> None:
        """The score as a percentage, as marks, or both."""
        score = None
        if marks is not None and item.max_marks > 0 and self.chance(0.6):
            score = round(100 * marks / item.max_marks, 2)
        stamp = None if undated else self.stamp(day)
        shown = marks if score is None or self.chance(0.7) else None
        row: Row = {
            "quiz_id": item.id,
            "attempted": 1,
            "attempt_date": stamp,
            "marks_obtained": shown,
        }
        self.add("quiz_submissions", **row, score_pct=score, **common)

    # ---------------------------------------------------------------- exams
    def add_exams(self) -> None:
        for term in self.terms:
            for class_id, semester in sorted(term.semesters.items()):
                for exam_type, week in (("midterm", MIDTERM), ("endterm", ENDTERM)):
                    for subject in self.subjects[semester]:
                        self.items += 1
                        monday = self.monday(term, class_id, week)
                        exam = self.add(
                            "exam_schedule",
                            schedule_id=f"E{self.items:04d}",
                            class_id=class_id,
                            semester=semester,
                            subject_id=subject,
                            exam_type=exam_type,
                            scheduled_week=week,
                            exam_date=monday + timedelta(2),
                            max_marks=self.random.choice([50, 100]),
                            duration_mins=120,
                        )
                        if term is not self.terms[-1] or week < term.weeks:
                            self.add_results(term, exam, monday)

    def add_results(self, term: Term, exam: Row, monday: date) -> None:
        published = self.random.choice(
            [None, 7, 8, 13, 14, 20]
        )  # days after the Monday of the exam week
        week, top = exam["scheduled_week"], exam["max_marks"]
        for student in self.students:
            if student.class_in(term, week) != exam["class_id"]:
                continue
            if not self.takes(
                student, term, exam["semester"], exam["subject_id"], week
            ) or self.chance(0.05):
                continue
            marks: float | None = round(
                top * clip(self.random.gauss(0.2 + 0.6 * student.ability, 0.12)), 1
            )
            if self.chance(0.04):
                marks = None
            form = self.random.choice([0, 1, 2])  # marks only, percentage only, both
            result: Row = {
                "schedule_id": exam["schedule_id"],
                "student_id": student.id,
                "class_id": exam["class_id"],
            }
            result["max_marks"] = top if self.chance(0.7) else None
            result["marks_obtained"] = marks if form != 1 else None
            result["score_pct"] = None if marks is None or form == 0 else 100 * marks / top
            result["pass_fail"] = None if marks is None else "PF"[marks < 0.4 * top]
            result["result_date"] = None
            if published is not None and not self.chance(0.1):
                result["result_date"] = monday + timedelta(
                    published + self.random.choice([0, 0, 0, 7])
                )
            self.add("exam_results", **result)

    def number_rows(self) -> None:
        for relation, column in NUMBERED.items():
            for number, row in enumerate(self.rows[relation], 1):
                row[column] = number


class Dirt:
    """Wrong data. Added after the rows are numbered, so that a duplicate always has the higher id."""

    def __init__(self, college: College) -> None:
        self.college, self.rows = college, college.rows
        self.random, self.chance = college.random, college.chance

    def spread(self) -> None:
        self.spoil_attendance()
        self.spoil_library()
        self.duplicate("assignment_submissions", 0.06, self.change_assignment)
        self.duplicate("quiz_submissions", 0.06, self.change_quiz)
        self.duplicate("exam_results", 0.05, self.change_result)
        self.spoil_assignments()
        self.spoil_quizzes()
        self.spoil_results()
        self.add_unknown_ids()

    def duplicate(self, relation: str, share: float, change: Callable[[Row], None]) -> None:
        """Copies with other values; a tenth of them twice. Some rows are spared, to keep their meaning plain."""
        rows = self.rows[relation]
        for row in self.random.sample(rows, int(share * len(rows))):
            if row.get("due_week_override") is not None or row.get("physical_visits", 0) is None:
                continue
            copy = self.add_copy(rows, row, change)
            if self.chance(0.1):
                self.add_copy(rows, copy, change)

    def add_copy(self, rows: list[Row], row: Row, change: Callable[[Row], None]) -> Row:
        copy = dict(row)
        change(copy)
        copy["id"] = len(rows) + 1
        rows.append(copy)
        return copy

    def change_register(self, row: Row) -> None:
        row["present"] = self.random.randint(0, row["lectures_held"])
        row["lectures_held"] += self.random.choice([0, 0, 1])

    def change_visits(self, row: Row) -> None:
        row["physical_visits"] = self.random.randint(0, 7)

    def change_assignment(self, row: Row) -> None:
        row["marks_obtained"] = self.random.choice([None, 1.0, 5.0, 8.0, 9.5])
        row["quality_pct"] = self.random.choice([None, 20.0, 77.0])
        row["plagiarism_pct"] = self.random.choice([None, 3.0, 60.0])
        row["submission_date"] = self.shift(row["submission_date"])

    def change_quiz(self, row: Row) -> None:
        row["attempt_date"] = self.shift(row["attempt_date"])
        row["marks_obtained"] = self.random.choice([None, 1.0, 6.0])
        row["score_pct"] = self.random.choice([None, 33.0, 90.0])
        if self.chance(0.15):
            row["attempted"] = 0

    def change_result(self, row: Row) -> None:
        row["marks_obtained"] = self.random.choice([None, 11.0, 40.0])
        row["score_pct"] = self.random.choice([None, 22.0, 81.0])
        if row["result_date"]:
            row["result_date"] += timedelta(self.random.choice([0, 7, 14]))

    def shift(self, stamp: str | None) -> str | None:
        if stamp is None:
            return None
        return (
            date.fromisoformat(stamp[:10]) + timedelta(self.random.choice([-3, 0, 4, 7, 9, 15]))
        ).isoformat()

    def spoil_attendance(self) -> None:
        self.duplicate("attendance", 0.03, self.change_register)
        rows = self.rows["attendance"]
        for row in rows:
            lot = self.random.random()
            if lot < 0.02:
                row["present"] = None
            elif lot < 0.03:
                row["present"] = -self.random.randint(1, 3)
            elif lot < 0.05:
                row["present"] = row["lectures_held"] + self.random.randint(1, 3)
            elif lot < 0.06:
                row["attendance_pct"] = self.random.choice([140.0, -3.0])
            elif lot < 0.061 and row["week"] > 1:
                row["week_date"] += timedelta(self.random.choice([1, 2]))
        registers = [
            (class_id, week)
            for class_id in self.college.class_ids
            for week in range(2, self.college.week)
        ]
        for class_id, week in self.random.sample(registers, 2):  # left unmarked for the whole class
            for row in rows:
                if (row["class_id"], row["week"]) == (class_id, week) and row["semester"] % 2 == 0:
                    row["present"] = None

    def spoil_library(self) -> None:
        for row in self.rows["library_visits"]:
            if self.chance(0.01):
                row["physical_visits"] = None
        self.duplicate("library_visits", 0.04, self.change_visits)

    def spoil_assignments(self) -> None:
        unmarkable = {
            d["assignment_id"] for d in self.rows["assignment_definitions"] if d["max_marks"] <= 0
        }
        for row in self.rows["assignment_submissions"]:
            lot = self.random.random()
            if lot < 0.02:
                row["quality_pct"] = self.random.choice([120.0, -8.0])
            elif lot < 0.04:
                row["plagiarism_pct"] = self.random.choice([130.0, -1.0])
            elif lot < 0.06:
                row["marks_obtained"] = -self.random.choice([1.0, 4.0])
            elif lot < 0.08:
                row["marks_obtained"] = 400.0
            if row["assignment_id"] in unmarkable and row["submission_date"] is None:
                row["marks_obtained"] = None

    def spoil_quizzes(self) -> None:
        for row in self.rows["quiz_submissions"]:
            lot = self.random.random()
            if lot < 0.03:
                row["score_pct"] = self.random.choice([140.0, -10.0])
            elif lot < 0.05:
                row.update(marks_obtained=-2.0, score_pct=None)
            elif lot < 0.06:
                row.update(marks_obtained=400.0, score_pct=None)

    def spoil_results(self) -> None:
        for row in self.rows["exam_results"]:
            lot = self.random.random()
            if lot < 0.03:
                row["score_pct"] = self.random.choice([105.0, -6.0])
            elif lot < 0.05:
                row.update(marks_obtained=-3.0, score_pct=None)
            elif lot < 0.07:
                row.update(max_marks=0.0, score_pct=None)

    def add_unknown_ids(self) -> None:
        keys = {
            "attendance": [],
            "library_visits": [],
            "assignment_submissions": ["assignment_id"],
            "quiz_submissions": ["quiz_id"],
            "exam_results": ["schedule_id"],
            "book_borrows": [],
        }
        for relation, item in keys.items():
            rows = self.rows[relation]
            for column in ["student_id", "class_id", *item] if rows else []:
                for row in self.random.sample(rows, min(4, len(rows))):
                    stray = row | {
                        column: f"NOPE{self.random.randint(1, 3)}",
                        NUMBERED[relation]: len(rows) + 1,
                    }
                    if relation == "attendance" and column == "class_id":
                        stray["present"] = 0
                    rows.append(stray)


class Shapes:
    """What counts for some students only: exemptions, extensions, halves, unions, courses repeated with juniors."""

    def __init__(self, college: College) -> None:
        self.college, self.rows = college, college.rows
        self.random, self.chance = college.random, college.chance

    def add(self) -> None:
        for relation in ("assignment_submissions", "quiz_submissions"):
            for row in self.rows[relation]:
                row["exempt"] = 1 if self.chance(0.05) else self.random.choice([None, 0])
                row["due_week_override"] = self.random.randint(2, 12) if self.chance(0.06) else None
        self.add_halves()
        for row in self.rows["excuses"]:
            if self.chance(0.4):
                row["to"] = None
        self.add_unions()
        self.add_juniors()
        self.leave_attempts()
        for row in self.rows["exam_results"]:
            if self.chance(0.08):
                row.update(score_pct=None, marks_obtained=None, pass_fail="F")

    def add_halves(self) -> None:
        for row in self.rows["attendance"]:
            if row["present"] and self.chance(0.2):
                row["present"] -= 0.5
            if row["lectures_held"] and self.chance(0.05):
                row["lectures_held"] -= 0.5

    def add_unions(self) -> None:
        """The days of all subjects together: as many as that of the highest, or more."""
        groups: dict[tuple[Any, ...], list[Row]] = {}
        for row in self.rows["lms_activity"]:
            key = row["student_id"], row["semester"], row["week"], row["class_id"]
            groups.setdefault(key, []).append(row)
        for rows in groups.values():
            if self.chance(0.5):
                days = min(7, sum(row["active_days"] for row in rows))
                union = rows[0] | {"subject_id": None, "active_days": days, "events": 7 * days}
                self.rows["lms_activity"].append(union)

    def add_juniors(self) -> None:
        """Some students of a class sit in one subject of a class below, all term, or more often than in their own."""
        rows = self.rows["attendance"]
        pupils = sorted({r["student_id"] for r in rows if r["class_id"] == "C2A"})[:4]
        for number, student in enumerate(pupils):
            for row in [r for r in rows if r["class_id"] == "C1A"]:
                first = row["student_id"] == next(
                    r["student_id"] for r in rows if r["class_id"] == "C1A"
                )
                if first and (number < 3 or self.chance(0.5)):
                    copy = row | {"id": len(rows) + 1, "student_id": student}
                    rows.append(copy)

    def leave_attempts(self) -> None:
        """A later attempt that was not finished."""
        rows = self.rows["quiz_submissions"]
        for row in self.random.sample(rows, len(rows) // 20):
            rows.append(
                row
                | {"id": len(rows) + 1, "attempted": 0, "marks_obtained": None, "score_pct": None}
            )


def _schema(college: College) -> dict[str, str]:
    schema = dict(SCHEMA)
    more_columns = {"people": PEOPLE_COLUMNS, "work": WORK_COLUMNS, "shapes": SHAPE_COLUMNS}
    for variant, columns in more_columns.items():
        # The shapes are a variant of their own.
        if college.has(variant) and (variant != "shapes" or college.variant == "shapes"):
            schema |= {relation: SCHEMA[relation] + more for relation, more in columns.items()}
    return schema | OPTIONAL_RELATIONS if college.has("options") else schema


def _write(path: Path, college: College) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    for relation, definition in _schema(college).items():
        columns = [part.split()[0].strip('"') for part in definition.split(",")]
        names, marks = ", ".join(f'"{c}"' for c in columns), ", ".join("?" * len(columns))
        values = (
            [v.isoformat() if isinstance(v := row.get(c), date) else v for c in columns]
            for row in college.rows[relation]
        )
        connection.execute(f'create table "{relation}" ({definition})')
        connection.executemany(f'insert into "{relation}" ({names}) values ({marks})', values)
    connection.commit()
    connection.close()


def build(
    path: Path, seed: int, variant: str, week: int = 12, size: int = 1, begun: bool = False
) -> None:
    """Write one college, replacing any file at `path`.

    Args:
        path: the file.
        seed: each seed gives another college.
        variant: which cases it crowds.
        week: the current week (3 to 17) of its even semester.
        size: how many times as many students each class has.
        begun: whether the term after has begun: then two terms are complete, and the current week is
            the first of the third. Nobody moves, and no feed is missing.
    """
    if variant not in VARIANTS:
        raise ValueError(f"unknown variant {variant!r}")
    if begun and variant in ("people", "absent", "all"):
        raise ValueError(f"variant {variant!r} ends in its even semester")
    college = College(seed, variant, 17 if begun else week, size, begun)
    college.settle_people()
    college.add_options()
    feeds = college.missing_feeds()
    college.plan_lectures()
    college.add_weeks(feeds)
    college.add_work(feeds)
    college.add_exams()
    college.number_rows()
    if college.has("dirty"):
        Dirt(college).spread()
    if variant == "shapes":
        Shapes(college).add()
    current, year = (1, 2026) if begun else (18 + week, 2025)
    college.add("sim_state", id=1, current_week=current, sim_year=year, last_updated=None)
    _write(path, college)
