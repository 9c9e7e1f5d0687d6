"""A made-up college worth trusting: students whose records behave as published studies say that records behave.

Each student has a latent ability and diligence; each semester adds a mood of its own and a trajectory (steady, collapse,
recover, fade, surge) to a weekly engagement that wanders. Attendance, work, library use and marks follow from these
with noise, so that no record gives a student away. `tests/unit/college/test_simulator.py` holds the result to
published values. Whole semesters are generated and then cut at the current week as a college would know them, so that
a college advanced by a week only ever gains what that week brought.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd

from edumetrics.params import Calendar
from edumetrics.weeks import Position, slot_start

CLASS_SIZE = 60
DEMO_YEAR = 2025
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
LECTURES_A_WEEK = (4, 4, 3, 3, 2)
TRAJECTORIES = ("steady", "collapse", "recover", "fade", "surge")
TRAJECTORY_SHARES = (0.70, 0.09, 0.06, 0.10, 0.05)
ASSIGNMENT_WEEKS = ((2, 6, 11, 15), (3, 7, 12, 16), (4, 9, 13, 17), (5, 10, 14), (3, 9, 15))
QUIZ_WEEKS = ((4, 10, 14), (5, 11, 15), (6, 12, 16), (7, 13), (2, 12))
PASS_MARK = 40
_FIRST = "Aarav Aditi Ananya Arjun Diya Farhan Gauri Harsh Ishaan Kavya Lakshmi Manav Meera Neha Nikhil Pooja Rahul Riya Rohan Sana Sneha Tanvi Varun Yash Zoya".split()
_LAST = "Agarwal Bose Chandra Das Fernandes Ghosh Gupta Iyer Jain Joshi Khan Kulkarni Menon Mishra Nair Patel Pillai Rao Reddy Roy Shah Sharma Singh Varma Verma".split()

Frames = dict[str, pd.DataFrame]
FloatMatrix = np.ndarray[tuple[int, int], np.dtype[np.float64]]


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


def demo_plan(students: int, seed: int, calendar: Calendar, *, weeks: int = 10, semesters: int = 1) -> Plan:
    """A college in its even semester, after so many complete weeks of it."""
    offset = calendar.slots["even"].offset
    return Plan(students, seed, Position(DEMO_YEAR, offset + weeks), semesters, calendar)


def advanced(plan: Plan, weeks: int) -> Plan:
    """The same college so many weeks later; what has become past since then is kept."""
    end = Position(plan.position.year + 1 + weeks // 36, 36)
    later = list(plan.position.until(end, plan.calendar))[weeks - 1]
    moved = replace(plan, position=later)
    return replace(moved, semesters=plan.semesters + moved.term - plan.term)


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
        return [f"S{self.year % 100:02d}{self.number:04d}{place:02d}" for place in range(1, self.size + 1)]

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


def generate(plan: Plan) -> Iterator[Frames]:
    """The college, class by class: frames of the canonical relations, ready to be appended to their tables."""
    yield _shared(plan)
    for batch in batches(plan):
        latent = _latent(batch)
        leaving = np.full(batch.size, np.datetime64("NaT"), dtype="datetime64[D]")
        frames: Frames = {}
        for term in range(max(plan.term - plan.semesters, 2 * batch.year), plan.term + 1):
            if batch.semester(term) <= 2 * YEARS:
                part = Semester(batch, term, latent, leaving).frames()
                frames = {name: pd.concat([frames[name], f]) if name in frames else f for name, f in part.items()}
        frames |= _people(batch, leaving)
        yield {name: _known(name, frame, plan) for name, frame in frames.items()}


class Semester:
    """One semester of one class."""

    def __init__(self, batch: Batch, term: int, latent: Latent, leaving: np.ndarray) -> None:
        self.batch, self.term, self.latent = batch, term, latent
        self.semester = batch.semester(term)
        self.calendar = batch.plan.calendar
        self.start = np.datetime64(batch.plan.starts(term), "D")
        self.rng = batch.rng(term)
        self.present = np.isnat(leaving)
        self.mood = self.rng.normal(0, 0.42, batch.size)
        self.engagement = self._engagement()
        self.weeks = np.array(self.calendar.teaching_weeks)
        self.leaves = self._leave(leaving)

    def frames(self) -> Frames:
        """Everything that the college records of the semester."""
        return {
            "attendance": self._attendance(),
            **self._work("assignment", ASSIGNMENT_WEEKS),
            **self._work("quiz", QUIZ_WEEKS),
            **self._library(),
            **self._exams(),
        }

    # ------------------------------------------------------------ what drives it

    def _engagement(self) -> FloatMatrix:
        """Students by weeks 0..18: diligence, mood, trajectory and a wandering part; mean 0, deviation about 1."""
        size, last = self.batch.size, self.calendar.weeks_per_semester
        week = np.arange(last + 1)[None, :]
        kind = self.rng.choice(len(TRAJECTORIES), size, p=TRAJECTORY_SHARES)[:, None]
        turn, depth = self.rng.uniform(4, 12, (size, 1)), self.rng.uniform(1.2, 2.6, (size, 1))
        drop = -depth / (1 + np.exp(-1.6 * (week - turn)))
        shapes = (np.zeros_like(drop), drop, -depth - drop - 0.2, -depth * 0.8 * week / last, depth * 0.5 * week / last)
        path = np.select([kind == number for number in range(len(TRAJECTORIES))], shapes)
        wander = np.zeros((size, last + 1))
        for now in range(1, last + 1):
            wander[:, now] = 0.75 * wander[:, now - 1] + self.rng.normal(0, 0.36, size)
        return np.asarray(0.75 * self.latent.diligence[:, None] + 0.5 * self.mood[:, None] + path + wander)

    def _leave(self, leaving: np.ndarray) -> np.ndarray:
        """The day each student leaves (NaT for most); entered into the class's own record."""
        low = self.engagement[:, 6:13].mean(axis=1) + 0.3 * self.latent.ability
        chance = 0.022 * np.exp(-0.9 * low) / np.exp(0.4)
        goes = self.present & (self.rng.random(self.batch.size) < chance)
        week = self.rng.integers(4, 16, self.batch.size)
        day = self.start + (7 * week + self.rng.integers(0, 7, self.batch.size)).astype("timedelta64[D]")
        leaving[goes] = day[goes]
        return leaving.copy()

    def _there(self, week: np.ndarray) -> np.ndarray:
        """Whether a student (rows) is still enrolled when a week (columns) begins."""
        begins = self.start + (7 * (week - 1)).astype("timedelta64[D]")
        return np.asarray(np.isnat(self.leaves)[:, None] | (self.leaves[:, None] > begins[None, :]))

    def _subject_ids(self) -> list[str]:
        return [f"{self.batch.branch}{self.semester}{place + 1:02d}" for place in range(SUBJECTS)]

    # ------------------------------------------------------------ what is recorded

    def _attendance(self) -> pd.DataFrame:
        season = -0.55 * np.exp(-(((self.weeks - 10) / 3.2) ** 2)) + 0.25 * (self.weeks >= 15)
        liking = self.rng.normal(0, 0.3, (self.batch.size, SUBJECTS))
        level = 1.68 + 0.95 * self.engagement[:, self.weeks] + season
        chance = 1 / (1 + np.exp(-(level[:, :, None] + liking[:, None, :])))
        held = np.maximum(np.array(LECTURES_A_WEEK) - (self.rng.random((len(self.weeks), SUBJECTS)) < 0.12), 1)
        held = np.broadcast_to(held, (self.batch.size, *held.shape))
        came = self.rng.binomial(held, chance)
        student, week, subject = np.nonzero(np.broadcast_to(self._there(self.weeks)[:, :, None], held.shape))
        number = self.weeks[week]
        return pd.DataFrame(
            {
                "student_id": np.array(self.batch.students)[student],
                "class_id": self.batch.class_id,
                "subject_id": np.array(self._subject_ids())[subject],
                "semester": self.semester,
                "week": number,
                "week_date": self.start + (7 * (number - 1)).astype("timedelta64[D]"),
                "lectures_held": held[student, week, subject],
                "present": came[student, week, subject],
            }
        )

    def _work(self, work: str, plan: tuple[tuple[int, ...], ...]) -> Frames:
        """Definitions and submissions of assignments or quizzes."""
        subject = np.repeat(np.arange(SUBJECTS), [len(weeks) for weeks in plan])
        week = np.concatenate([np.array(weeks) for weeks in plan])
        ids = np.array(
            [f"{self.batch.class_id}-{self.semester}-{work[0].upper()}{n + 1:02d}" for n in range(len(week))]
        )
        marks = 20.0 if work == "assignment" else 10.0
        definitions = pd.DataFrame(
            {
                f"{work}_id": ids,
                "class_id": self.batch.class_id,
                "subject_id": np.array(self._subject_ids())[subject],
                "semester": self.semester,
                "title": [f"{AREAS[s][0]} {work} {n}" for s, n in zip(subject, _within(subject), strict=True)],
                "max_marks": marks,
            }
        )
        due = (
            {"due_week": week, "assigned_week": np.maximum(week - 2, 1)}
            if work == "assignment"
            else {"scheduled_week": week}
        )
        rows = self._handed_in(work, ids, week, subject, marks)
        return {f"{work}_definitions": definitions.assign(**due), f"{work}_submissions": rows}

    def _handed_in(
        self, work: str, ids: np.ndarray, week: np.ndarray, subject: np.ndarray, marks: float
    ) -> pd.DataFrame:
        shape = (self.batch.size, len(week))
        will = self.engagement[:, week]
        base = 2.45 if work == "assignment" else 2.6
        chance = 1 / (1 + np.exp(-(base + 1.15 * will)))
        done = (self.rng.random(shape) < chance) & self._there(week)
        # Days before (negative) or after the end of the week in which it is due; the less engaged hand in later.
        spread = self.rng.gamma(1.3, 2.4, shape)
        late = self.rng.random(shape) < 0.10 / (1 + np.exp(0.9 * will))
        offset = (
            np.where(late, 1 + np.round(spread * 0.9), -np.minimum(np.round(spread), 6))
            if work == "assignment"
            else -self.rng.integers(0, 5, shape)
        )
        day = self.start + (7 * week - 1)[None, :].astype("timedelta64[D]") + offset.astype("timedelta64[D]")
        # Quizzes mark themselves; assignments wait for a teacher, some past the week's end.
        wait = np.zeros(shape) if work == "quiz" else 1 + self.rng.gamma(1.2, 1.5, shape)
        marked = day + wait.astype("timedelta64[D]")
        percent = self._coursework(subject, will)
        student, item = np.nonzero(done)
        at = (student, item)
        rows = pd.DataFrame({f"{work}_id": ids[item], "student_id": np.array(self.batch.students)[student], "class_id": self.batch.class_id,
                             "marks_obtained": np.round(percent[at] / 100 * marks * 2) / 2, "marked_on": marked[at]})  # fmt: skip
        if work == "quiz":
            return rows.assign(attempted=True, attempt_date=day[at], score_pct=100 * rows["marks_obtained"] / marks)
        quality = np.clip(percent + self.rng.normal(2, 7, shape), 0, 100)
        return rows.assign(
            submission_date=day[at], quality_pct=quality[at].round(1), plagiarism_pct=self._similarity(shape)[at]
        )

    def _similarity(self, shape: tuple[int, int]) -> np.ndarray:
        """Similarity reports in percent: mostly low, a few copies, more of them from some students."""
        honest = self.rng.gamma(1.6, 6.0, shape)
        copied = self.rng.random(shape) < 0.038 * self.latent.copier[:, None]
        return np.clip(np.where(copied, self.rng.uniform(50, 95, shape), honest), 0, 100).round(1)

    def _percent(self, subject: np.ndarray, effort: np.ndarray, skill: np.ndarray) -> FloatMatrix:
        """Expected marks in percent, students by items, from skill, mood, effort and the subject's difficulty."""
        hard = np.array([area[2] for area in AREAS])[subject]
        centre = 53.0 + (skill + 4.5 * self.mood)[:, None] + 4.2 * effort - hard[None, :]
        return np.asarray(centre + self._gift[:, subject])

    def _coursework(self, subject: np.ndarray, effort: np.ndarray) -> FloatMatrix:
        """Marks of work done at leisure: half ability, half a knack (or a helpful friend) that no exam rewards."""
        knack = self.batch.rng(self.term, 8).normal(0, 1, self.batch.size)
        expected = self._percent(subject, effort, 4.0 * self.latent.ability + 6.5 * knack) + 6.0
        return np.clip(expected + self.rng.normal(0, 15.0, expected.shape), 0, 100)

    @property
    def _gift(self) -> FloatMatrix:
        """How much better or worse each student is at each subject, points."""
        return self.batch.rng(self.term, 7).normal(0, 4.5, (self.batch.size, SUBJECTS))

    def _library(self) -> Frames:
        rate = np.exp(-0.25 + 0.25 * self.engagement[:, self.weeks] + 0.85 * self.latent.reader[:, None])
        visits = self.rng.poisson(rate)
        student, week = np.nonzero((visits > 0) & self._there(self.weeks))
        ids = np.array(self.batch.students)
        day = self.start + (7 * (self.weeks - 1)).astype("timedelta64[D]")
        seen = pd.DataFrame({"student_id": ids[student], "class_id": self.batch.class_id, "semester": self.semester, "week": self.weeks[week],
                             "week_date": day[week], "physical_visits": visits[student, week]})  # fmt: skip
        taste = 0.2 * self.latent.ability[:, None] + 0.75 * self.latent.borrower[:, None]
        loans = self.rng.poisson(np.exp(-1.15 + 0.15 * self.engagement[:, self.weeks] + taste)) * self._there(
            self.weeks
        )
        student, week = (np.repeat(axis, loans[np.nonzero(loans)]) for axis in np.nonzero(loans))
        out = day[week] + self.rng.integers(0, 6, len(week)).astype("timedelta64[D]")
        kept = self.rng.integers(3, 22, len(week)).astype("timedelta64[D]")
        number = self.weeks[week]
        borrows = pd.DataFrame({"student_id": ids[student], "class_id": self.batch.class_id, "semester": self.semester, "borrow_date": out, "return_date": out + kept,
                                "borrow_week": number, "return_week": ((out + kept - self.start).astype(int) // 7) + 1})  # fmt: skip
        return {"library_visits": seen, "book_borrows": borrows}

    def _exams(self) -> Frames:
        schedules, results = [], []
        for exam, week in (("midterm", self.calendar.midterm_week), ("endterm", self.calendar.endterm_week)):
            if week is None:
                continue
            before = self.engagement[:, 1 : week + 1]
            effort = np.broadcast_to(
                (0.5 * before.mean(axis=1) + 0.5 * before[:, -4:].mean(axis=1))[:, None] * 1.25,
                (self.batch.size, SUBJECTS),
            )
            # How well the day went is shared by a student's papers: no record before the exam knows it.
            form = self.rng.normal(0, 6.0, (self.batch.size, 1))
            expected = self._percent(np.arange(SUBJECTS), effort, 9.5 * self.latent.ability) - 0.3
            percent = np.clip(expected + form + self.rng.normal(0, 7.5, expected.shape), 0, 100).round(1)
            ids = np.array(
                [f"{self.batch.class_id}-{self.semester}-{exam.upper()}-{place + 1}" for place in range(SUBJECTS)]
            )
            day = self.start + np.timedelta64(7 * (week - 1), "D") + np.arange(SUBJECTS).astype("timedelta64[D]")
            schedules.append(pd.DataFrame({"schedule_id": ids, "class_id": self.batch.class_id, "semester": self.semester, "subject_id": self._subject_ids(),
                                           "exam_type": exam, "scheduled_week": week, "exam_date": day, "max_marks": 100.0}))  # fmt: skip
            sits = self._there(np.array([week + 1]))[:, 0]
            student, paper = np.nonzero(np.broadcast_to(sits[:, None], percent.shape))
            score = percent[student, paper]
            known = self.start + np.timedelta64(7 * week + 8, "D")
            results.append(pd.DataFrame({"schedule_id": ids[paper], "student_id": np.array(self.batch.students)[student], "class_id": self.batch.class_id,
                                         "marks_obtained": score, "max_marks": 100.0, "score_pct": score,
                                         "pass_fail": np.where(score >= PASS_MARK, "P", "F"), "result_date": known}))  # fmt: skip
        return {"exam_schedule": pd.concat(schedules), "exam_results": pd.concat(results)} if schedules else {}


def _within(groups: np.ndarray) -> np.ndarray:
    """1, 2, 3 … within each run of equal groups."""
    return pd.Series(groups).groupby(groups).cumcount().to_numpy() + 1


def _latent(batch: Batch) -> Latent:
    rng = batch.rng()
    ability, own = rng.normal(0, 1, (2, batch.size))
    reader, borrower = rng.normal(0, 1, (2, batch.size))
    copier = rng.gamma(0.5, 2.0, batch.size)
    return Latent(ability, 0.25 * ability + np.sqrt(1 - 0.25**2) * own, reader, borrower, copier)


def _people(batch: Batch, leaving: np.ndarray) -> Frames:
    plan, rng = batch.plan, batch.rng(1)
    ids = batch.students
    semester = batch.semester(plan.term)
    odd = semester if semester % 2 else semester - 1
    gone = semester > 2 * YEARS
    names = [f"{_FIRST[i]} {_LAST[j]}" for i, j in rng.integers(0, len(_FIRST), (batch.size, 2))]
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
        {"class_id": [batch.class_id], "name": [batch.class_id.replace("-", " ")], "year_of_study": [(semester + 1) // 2], "section": [batch.class_id[-1]],
         "branch": [batch.branch], "batch_start_year": [batch.year], "total_students": [batch.size],
         "odd_sem": [None if gone else odd], "even_sem": [None if gone else odd + 1]}
    ).astype({"odd_sem": "Int64", "even_sem": "Int64"})  # fmt: skip
    number = rng.integers(0, len(_FIRST), 2)
    advisors = pd.DataFrame({"advisor_id": [batch.advisor_id], "name": [f"Dr. {_FIRST[number[0]]} {_LAST[number[1]]}"],
                             "email": [f"{batch.advisor_id.lower()}@college.example"], "class_id": [batch.class_id]})  # fmt: skip
    taken = pd.DataFrame(
        {
            "class_id": batch.class_id,
            "subject_id": [f"{batch.branch}{s}{p + 1:02d}" for s in range(1, 2 * YEARS + 1) for p in range(SUBJECTS)],
        }
    )
    return {"students": students, "classes": classes, "advisors": advisors, "class_subjects": taken}


def _shared(plan: Plan) -> Frames:
    """What belongs to no class: the subjects and the week counter."""
    rows = [
        (f"{branch}{semester}{place + 1:02d}", f"{area} {semester}", semester, 4.0, difficulty)
        for branch in BRANCHES
        for semester in range(1, 2 * YEARS + 1)
        for place, (area, difficulty, _) in enumerate(AREAS)
    ]
    subjects = pd.DataFrame(rows, columns=["subject_id", "subject_name", "semester", "credits", "difficulty"])
    state = pd.DataFrame(
        {
            "id": [1],
            "current_week": [plan.position.global_week],
            "sim_year": [plan.position.year],
            "last_updated": [np.datetime64(plan.today, "D")],
        }
    )
    return {"subjects": subjects, "sim_state": state}


def _known(name: str, frame: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """What the college knows of a relation on the plan's last day: later rows do not exist, later marks are null."""
    today = np.datetime64(plan.today, "D")
    dates = {"attendance": "week_date", "library_visits": "week_date", "book_borrows": "borrow_date", "assignment_submissions": "submission_date",
             "quiz_submissions": "attempt_date", "exam_results": "result_date"}  # fmt: skip
    if name in dates:
        frame = frame[frame[dates[name]] <= today]
    later = {
        "return_date": ("return_date", "return_week"),
        "marked_on": ("marked_on", "marks_obtained", "quality_pct", "plagiarism_pct", "score_pct"),
        "withdrawn_on": ("withdrawn_on",),
    }
    for column, hidden in later.items():
        if column in frame.columns:
            open_ = frame[column] > today
            frame = frame.assign(**{h: frame[h].where(~open_) for h in hidden if h in frame.columns})
    return frame
