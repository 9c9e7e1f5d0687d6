"""Who is in a simulated college: its classes by intake, its students, and what no college can see of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from edumetrics.params import Calendar
from edumetrics.weeks import Position, slot_start

CLASS_SIZE = 60
YEARS = 4
SUBJECTS = 5
BRANCHES = ("CS", "EC", "ME", "CE")
# Subject areas by place in the timetable, with difficulty and how many points harder than average its papers are.
AREAS = (
    ("Mathematics", "Hard", 6.0),
    ("Theory", "Medium", 1.5),
    ("Methods", "Medium", 0.0),
    ("Practice", "Easy", -3.5),
    ("Communication", "Easy", -5.0),
)
_FIRST = (
    "Aarav Aditi Ananya Arjun Diya Farhan Gauri Harsh Ishaan Kavya Lakshmi Manav",
    "Meera Neha Nikhil Pooja Rahul Riya Rohan Sana Sneha Tanvi Varun Zoya",
)
_LAST = (
    "Agarwal Bose Chandra Das Fernandes Ghosh Gupta Iyer Jain Joshi Khan Kulkarni",
    "Menon Mishra Nair Patel Pillai Rao Reddy Roy Shah Sharma Singh Verma",
)
FIRST_NAMES, LAST_NAMES = (tuple(" ".join(lines).split()) for lines in (_FIRST, _LAST))

Frames = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Plan:
    """What to simulate: `students` in session, at a position, with so many semesters behind it."""

    students: int
    seed: int
    position: Position
    semesters: int
    calendar: Calendar

    @property
    def term(self) -> int:
        """The term in session, counted in half-years."""
        return self.position.year * 2 + (self.position.slot(self.calendar) == "even")

    def starts(self, term: int) -> date:
        """The Monday on which a term begins."""
        offset = self.calendar.slots["even" if term % 2 else "odd"].offset
        day = slot_start(Position(term // 2, offset + 1), self.calendar)
        return day + timedelta(days=-day.weekday() % 7)

    @property
    def today(self) -> date:
        """The last day of the current week."""
        return self.starts(self.term) + timedelta(days=7 * self.position.week(self.calendar) - 1)


@dataclass(frozen=True)
class Batch:
    """One class of one intake."""

    plan: Plan
    year: int
    number: int
    size: int

    @property
    def branch(self) -> str:
        """The branch of study."""
        return BRANCHES[self.number % len(BRANCHES)]

    @property
    def class_id(self) -> str:
        """Such as `CS-2023-A`."""
        return (
            f"{self.branch}-{self.year}-{chr(ord('A') + self.number // len(BRANCHES))}"
            if self.number < 104
            else f"{self.branch}-{self.year}-{self.number}"
        )

    @property
    def advisor_id(self) -> str:
        """The class's advisor."""
        return f"ADV{self.year % 100:02d}{self.number + 1:03d}"

    @property
    def students(self) -> list[str]:
        """Student ids."""
        return [
            f"S{self.year % 100:02d}{self.number:04d}{place:02d}"
            for place in range(1, self.size + 1)
        ]

    def semester(self, term: int) -> int:
        """The semester that the class is in; below 1 before it came, above 8 once it has left."""
        return term - 2 * self.year + 1

    def rng(self, *stream: int) -> np.random.Generator:
        """A stream of random numbers of its own, so that no other class or semester disturbs it."""
        return np.random.default_rng([self.plan.seed, self.year, self.number, *stream])


@dataclass(frozen=True)
class Latent:
    """What no college can see, one entry per student."""

    ability: np.ndarray
    diligence: np.ndarray
    reader: np.ndarray
    borrower: np.ndarray
    copier: np.ndarray


def batches(plan: Plan) -> list[Batch]:
    """Every class that is in session in one of the plan's terms."""
    total = max(1, round(plan.students / CLASS_SIZE))
    found = []
    first = plan.term - plan.semesters
    for year in range(first // 2 - YEARS + 1, plan.term // 2 + 1):
        share = [place for place in range(total) if place % YEARS == year % YEARS]
        for number, place in enumerate(share):
            size = plan.students * (place + 1) // total - plan.students * place // total
            batch = Batch(plan, year, number, size)
            if any(1 <= batch.semester(term) <= 2 * YEARS for term in range(first, plan.term + 1)):
                found.append(batch)
    return found


def latent(batch: Batch) -> Latent:
    """Draw what drives the students of a class, once for all their semesters."""
    rng = batch.rng()
    ability, own = rng.normal(0, 1, (2, batch.size))
    reader, borrower = rng.normal(0, 1, (2, batch.size))
    copier = rng.gamma(0.5, 2.0, batch.size)
    return Latent(ability, 0.25 * ability + np.sqrt(1 - 0.25**2) * own, reader, borrower, copier)


def people(batch: Batch, leaving: np.ndarray) -> Frames:
    """The class, its students (with the day that each left, NaT for most), its advisor and its subjects."""
    plan, rng = batch.plan, batch.rng(1)
    ids = batch.students
    semester = batch.semester(plan.term)
    odd = semester if semester % 2 else semester - 1
    gone = semester > 2 * YEARS
    names = [
        f"{FIRST_NAMES[i]} {LAST_NAMES[j]}"
        for i, j in rng.integers(0, len(FIRST_NAMES), (batch.size, 2))
    ]
    arrived = np.datetime64(plan.starts(2 * batch.year), "D")
    students = pd.DataFrame(
        {
            "student_id": ids,
            "class_id": batch.class_id,
            "advisor_id": batch.advisor_id,
            "name": names,
            "roll_number": [
                f"{batch.year % 100:02d}{batch.branch}{batch.number // len(BRANCHES)}{place:02d}"
                for place in range(1, batch.size + 1)
            ],
            "gender": rng.choice(["F", "M"], batch.size, p=[0.45, 0.55]),
            "email": [f"{student.lower()}@students.example" for student in ids],
            "joined_on": arrived,
            "withdrawn_on": leaving,
        }
    )
    classes = pd.DataFrame(
        {
            "class_id": [batch.class_id],
            "name": [batch.class_id.replace("-", " ")],
            "year_of_study": [(semester + 1) // 2],
            "section": [batch.class_id[-1]],
            "branch": [batch.branch],
            "batch_start_year": [batch.year],
            "total_students": [batch.size],
            "odd_sem": [None if gone else odd],
            "even_sem": [None if gone else odd + 1],
        }
    ).astype({"odd_sem": "Int64", "even_sem": "Int64"})
    number = rng.integers(0, len(FIRST_NAMES), 2)
    advisors = pd.DataFrame(
        {
            "advisor_id": [batch.advisor_id],
            "name": [f"Dr. {FIRST_NAMES[number[0]]} {LAST_NAMES[number[1]]}"],
            "email": [f"{batch.advisor_id.lower()}@college.example"],
            "class_id": [batch.class_id],
        }
    )
    subjects = [
        f"{batch.branch}{s}{place + 1:02d}"
        for s in range(1, 2 * YEARS + 1)
        for place in range(SUBJECTS)
    ]
    taken = pd.DataFrame({"class_id": batch.class_id, "subject_id": subjects})
    return {"students": students, "classes": classes, "advisors": advisors, "class_subjects": taken}
