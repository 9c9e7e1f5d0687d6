"""The people of a simulated college: classes by intake, students, and their hidden traits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from edumetrics.params import Calendar
from edumetrics.weeks import CollegeWeek, find_slot_start

# A fixed year: the same seed gives the same college whatever the day is.
DEMO_YEAR = 2025
# An Indian engineering college: classes of sixty, a degree of four years, eight semesters.
CLASS_SIZE = 60
YEARS = 4
# As many as there are `AREAS`: each area gives one subject to a semester.
SUBJECTS = 5
BRANCHES = ("CS", "EC", "ME", "CE")
# Subject areas by place in the timetable: name, difficulty, and by how many points of 100 their
# papers are harder than average.
AREAS = (
    ("Mathematics", "Hard", 6.0),
    ("Theory", "Medium", 1.5),
    ("Methods", "Medium", 0.0),
    ("Practice", "Easy", -3.5),
    ("Communication", "Easy", -5.0),
)
# Names are common ones and combined at random, so that no student is a real person.
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
class SimulationPlan:
    """What to simulate.

    Attributes:
        students: the number of students in session.
        seed: the seed of all random numbers.
        position: the last complete week.
        semesters: how many completed semesters lie before the current one.
        calendar: how the college counts its weeks.
        demo: whether the college has what `demo.add_extras` adds.
    """

    students: int
    seed: int
    position: CollegeWeek
    semesters: int
    calendar: Calendar
    demo: bool = False

    @property
    def term(self) -> int:
        """The term in session, counted in half-years: twice the year, plus 1 for the even half."""
        return self.position.year * 2 + (self.position.find_slot(self.calendar) == "even")

    def compute_term_start(self, term: int) -> date:
        """Return the Monday on which a term begins, on or after the calendar's day."""
        offset = self.calendar.slots["even" if term % 2 else "odd"].offset
        day = find_slot_start(CollegeWeek(term // 2, offset + 1), self.calendar)
        # Python's remainder is never negative: this goes forward, and by 0 on a Monday.
        return day + timedelta(days=-day.weekday() % 7)

    @property
    def today(self) -> date:
        """The last day of the current week."""
        return self.compute_term_start(self.term) + timedelta(
            days=7 * self.position.compute_week(self.calendar) - 1
        )


@dataclass(frozen=True)
class SimulatedClass:
    """One class of one intake: the year it began, its number within that year, and its size."""

    plan: SimulationPlan
    year: int
    number: int
    size: int

    @property
    def branch(self) -> str:
        """The branch of study, such as `CS`."""
        return BRANCHES[self.number % len(BRANCHES)]

    @property
    def class_id(self) -> str:
        """The id of the class, such as `CS-2023-A`."""
        # 104 classes are four branches of 26 letters; beyond them a number stands for the letter.
        return (
            f"{self.branch}-{self.year}-{chr(ord('A') + self.number // len(BRANCHES))}"
            if self.number < 104
            else f"{self.branch}-{self.year}-{self.number}"
        )

    @property
    def advisor_id(self) -> str:
        """The id of the advisor; each class has its own."""
        return f"ADV{self.year % 100:02d}{self.number + 1:03d}"

    @property
    def students(self) -> list[str]:
        """The ids of the students, in order of place."""
        return [
            f"S{self.year % 100:02d}{self.number:04d}{place:02d}"
            for place in range(1, self.size + 1)
        ]

    def compute_semester(self, term: int) -> int:
        """Return the class's semester in a term: below 1 before it came, above 8 once it left."""
        return term - 2 * self.year + 1

    def create_rng(self, *stream: int) -> np.random.Generator:
        """Return a random generator for one purpose, independent of other classes and semesters."""
        # With one shared stream, one semester more would change every number drawn after it.
        return np.random.default_rng([self.plan.seed, self.year, self.number, *stream])


@dataclass(frozen=True)
class LatentTraits:
    """The hidden traits of a class, one entry per student: standard normal; `copier` is gamma."""

    ability: np.ndarray
    diligence: np.ndarray
    reader: np.ndarray
    borrower: np.ndarray
    copier: np.ndarray


def list_classes(plan: SimulationPlan) -> list[SimulatedClass]:
    """Return every class that is in session in at least one of the plan's terms."""
    total = max(1, round(plan.students / CLASS_SIZE))
    found = []
    first = plan.term - plan.semesters
    for year in range(first // 2 - YEARS + 1, plan.term // 2 + 1):
        # Classes are dealt out to the intakes in turn, so that every year has about as many.
        share = [place for place in range(total) if place % YEARS == year % YEARS]
        for number, place in enumerate(share):
            # The differences of rounded-down totals add up to exactly the number of students.
            size = plan.students * (place + 1) // total - plan.students * place // total
            batch = SimulatedClass(plan, year, number, size)
            if any(
                1 <= batch.compute_semester(term) <= 2 * YEARS
                for term in range(first, plan.term + 1)
            ):
                found.append(batch)
    return found


def draw_traits(batch: SimulatedClass) -> LatentTraits:
    """Draw the hidden traits of a class's students, which are the same in all their semesters."""
    rng = batch.create_rng()
    ability, own = rng.normal(0, 1, (2, batch.size))
    reader, borrower = rng.normal(0, 1, (2, batch.size))
    copier = rng.gamma(0.5, 2.0, batch.size)
    # Diligence has a correlation of 0.25 with ability, and a deviation of 1.
    return LatentTraits(
        ability, 0.25 * ability + np.sqrt(1 - 0.25**2) * own, reader, borrower, copier
    )


def build_class_tables(batch: SimulatedClass, leaving: np.ndarray) -> Frames:
    """Return a class's rows by relation; `leaving` is the day each student left (NaT for most)."""
    # One stream: the students are drawn before the advisor.
    rng = batch.create_rng(1)
    return {
        "students": _build_students(batch, leaving, rng),
        "classes": _build_class(batch),
        "advisors": _build_advisor(batch, rng),
        "class_subjects": _build_class_subjects(batch),
    }


def _build_students(
    batch: SimulatedClass, leaving: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    ids = batch.students
    names = [
        f"{FIRST_NAMES[i]} {LAST_NAMES[j]}"
        for i, j in rng.integers(0, len(FIRST_NAMES), (batch.size, 2))
    ]
    return pd.DataFrame(
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
            "joined_on": np.datetime64(batch.plan.compute_term_start(2 * batch.year), "D"),
            "withdrawn_on": leaving,
        }
    )


def _build_class(batch: SimulatedClass) -> pd.DataFrame:
    semester = batch.compute_semester(batch.plan.term)
    odd = semester if semester % 2 else semester - 1
    # A class that has finished is in neither half of the year.
    gone = semester > 2 * YEARS
    return pd.DataFrame(
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
        # Nullable integers: the None of a finished class would make floats of them.
    ).astype({"odd_sem": "Int64", "even_sem": "Int64"})


def _build_advisor(batch: SimulatedClass, rng: np.random.Generator) -> pd.DataFrame:
    first, last = rng.integers(0, len(FIRST_NAMES), 2)
    advisor = {
        "advisor_id": batch.advisor_id,
        "name": f"Dr. {FIRST_NAMES[first]} {LAST_NAMES[last]}",
        "email": f"{batch.advisor_id.lower()}@college.example",
        "class_id": batch.class_id,
    }
    return pd.DataFrame([advisor])


def _build_class_subjects(batch: SimulatedClass) -> pd.DataFrame:
    subjects = [
        f"{batch.branch}{semester}{place + 1:02d}"
        for semester in range(1, 2 * YEARS + 1)
        for place in range(SUBJECTS)
    ]
    return pd.DataFrame({"class_id": batch.class_id, "subject_id": subjects})
