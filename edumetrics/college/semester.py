"""What happens in one semester of one simulated class, and what the college records of it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from edumetrics.college.cohort import AREAS, SUBJECTS, Batch, Frames, Latent

LECTURES_A_WEEK = (4, 4, 3, 3, 2)
TRAJECTORIES = ("steady", "collapse", "recover", "fade", "surge")
TRAJECTORY_SHARES = (0.70, 0.09, 0.06, 0.10, 0.05)
# Two assignments fall due every teaching week, the subjects taking turns.
ASSIGNMENT_WEEKS = (
    (1, 3, 6, 9, 11, 14, 16),
    (1, 4, 6, 9, 12, 14, 17),
    (2, 4, 7, 10, 12, 15, 17),
    (2, 5, 7, 10, 13, 15),
    (3, 5, 11, 13, 16),
)
QUIZ_WEEKS = ((3, 7, 12, 16), (4, 9, 13), (5, 10, 14), (6, 11, 15), (2, 7, 13))
PASS_MARK = 40
MOST_VISITS, MOST_LOANS = 7, 4  # a week, on average, of the keenest

FloatMatrix = np.ndarray[tuple[int, int], np.dtype[np.float64]]


class Semester:
    """One semester of one class."""

    def __init__(self, batch: Batch, term: int, latent: Latent, leaving: np.ndarray) -> None:
        self.batch, self.term, self.latent = batch, term, latent
        self.semester = batch.semester(term)
        self.calendar = batch.plan.calendar
        self.start = np.datetime64(batch.plan.starts(term), "D")
        self.rng = batch.rng(term)
        self.present = np.isnat(leaving)
        self.mood = self.rng.normal(0, 0.5, batch.size)
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
        shapes = (
            np.zeros_like(drop),
            drop,
            -depth - drop - 0.2,
            -depth * 0.8 * week / last,
            depth * 0.5 * week / last,
        )
        path = np.select([kind == number for number in range(len(TRAJECTORIES))], shapes)
        wander = np.zeros((size, last + 1))
        for now in range(1, last + 1):
            wander[:, now] = 0.75 * wander[:, now - 1] + self.rng.normal(0, 0.3, size)
        return np.asarray(
            0.75 * self.latent.diligence[:, None] + 0.5 * self.mood[:, None] + path + wander
        )

    def _leave(self, leaving: np.ndarray) -> np.ndarray:
        """The day each student leaves (NaT for most); entered into the class's own record."""
        low = self.engagement[:, 6:13].mean(axis=1) + 0.3 * self.latent.ability
        chance = 0.022 * np.exp(-0.9 * low) / np.exp(0.4)
        goes = self.present & (self.rng.random(self.batch.size) < chance)
        week = self.rng.integers(4, 16, self.batch.size)
        day = self.start + (7 * week + self.rng.integers(0, 7, self.batch.size)).astype(
            "timedelta64[D]"
        )
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
        held = np.maximum(
            np.array(LECTURES_A_WEEK) - (self.rng.random((len(self.weeks), SUBJECTS)) < 0.12), 1
        )
        held = np.broadcast_to(held, (self.batch.size, *held.shape))
        came = self.rng.binomial(held, chance)
        student, week, subject = np.nonzero(
            np.broadcast_to(self._there(self.weeks)[:, :, None], held.shape)
        )
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
            [
                f"{self.batch.class_id}-{self.semester}-{work[0].upper()}{n + 1:02d}"
                for n in range(len(week))
            ]
        )
        marks = 20.0 if work == "assignment" else 10.0
        definitions = pd.DataFrame(
            {
                f"{work}_id": ids,
                "class_id": self.batch.class_id,
                "subject_id": np.array(self._subject_ids())[subject],
                "semester": self.semester,
                "title": [
                    f"{AREAS[s][0]} {work} {n}"
                    for s, n in zip(subject, _within(subject), strict=True)
                ],
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
        day = (
            self.start
            + (7 * week - 1)[None, :].astype("timedelta64[D]")
            + offset.astype("timedelta64[D]")
        )
        # Quizzes mark themselves; assignments wait for a teacher, some past the week's end.
        wait = np.zeros(shape) if work == "quiz" else 1 + self.rng.gamma(1.2, 1.5, shape)
        marked = day + wait.astype("timedelta64[D]")
        percent = self._coursework(subject, will)
        student, item = np.nonzero(done)
        at = (student, item)
        rows = pd.DataFrame(
            {
                f"{work}_id": ids[item],
                "student_id": np.array(self.batch.students)[student],
                "class_id": self.batch.class_id,
                "marks_obtained": np.round(percent[at] / 100 * marks * 2) / 2,
                "marked_on": marked[at],
            }
        )
        if work == "quiz":
            return rows.assign(
                attempted=True, attempt_date=day[at], score_pct=100 * rows["marks_obtained"] / marks
            )
        quality = np.clip(percent + self.rng.normal(2, 7, shape), 0, 100)
        return rows.assign(
            submission_date=day[at],
            quality_pct=quality[at].round(1),
            plagiarism_pct=self._similarity(shape)[at],
        )

    def _similarity(self, shape: tuple[int, int]) -> np.ndarray:
        """Similarity reports in percent: mostly low, a few copies, more of them from some students."""
        honest = self.rng.gamma(1.6, 6.0, shape)
        copied = self.rng.random(shape) < 0.038 * self.latent.copier[:, None]
        return np.clip(np.where(copied, self.rng.uniform(50, 95, shape), honest), 0, 100).round(1)

    def _percent(self, subject: np.ndarray, effort: np.ndarray, skill: np.ndarray) -> FloatMatrix:
        """Expected marks in percent, students by items, from skill, mood, effort and the subject's difficulty."""
        hard = np.array([area[2] for area in AREAS])[subject]
        centre = 53.0 + (skill + 5.5 * self.mood)[:, None] + 4.2 * effort - hard[None, :]
        return np.asarray(centre + self._gift[:, subject])

    def _coursework(self, subject: np.ndarray, effort: np.ndarray) -> FloatMatrix:
        """Marks of work done at leisure: half ability, half a knack (or a helpful friend) that no exam rewards."""
        knack = self.batch.rng(self.term, 8).normal(0, 1, self.batch.size)
        expected = self._percent(subject, effort, 4.6 * self.latent.ability + 7.4 * knack) + 6.0
        return np.clip(expected + self.rng.normal(0, 12.0, expected.shape), 0, 100)

    @property
    def _gift(self) -> FloatMatrix:
        """How much better or worse each student is at each subject, points."""
        return self.batch.rng(self.term, 7).normal(0, 4.5, (self.batch.size, SUBJECTS))

    def _library(self) -> Frames:
        rate = np.exp(
            0.2 + 0.3 * self.engagement[:, self.weeks] + 1.5 * self.latent.reader[:, None]
        )
        visits = self.rng.poisson(np.minimum(rate, MOST_VISITS))
        student, week = np.nonzero((visits > 0) & self._there(self.weeks))
        ids = np.array(self.batch.students)
        day = self.start + (7 * (self.weeks - 1)).astype("timedelta64[D]")
        seen = pd.DataFrame(
            {
                "student_id": ids[student],
                "class_id": self.batch.class_id,
                "semester": self.semester,
                "week": self.weeks[week],
                "week_date": day[week],
                "physical_visits": visits[student, week],
            }
        )
        taste = 0.5 * self.latent.ability[:, None] + 1.7 * self.latent.borrower[:, None]
        lent = np.exp(-1.0 + 0.2 * self.engagement[:, self.weeks] + taste)
        loans = self.rng.poisson(np.minimum(lent, MOST_LOANS)) * self._there(self.weeks)
        student, week = (np.repeat(axis, loans[np.nonzero(loans)]) for axis in np.nonzero(loans))
        out = day[week] + self.rng.integers(0, 6, len(week)).astype("timedelta64[D]")
        kept = self.rng.integers(3, 22, len(week)).astype("timedelta64[D]")
        number = self.weeks[week]
        borrows = pd.DataFrame(
            {
                "student_id": ids[student],
                "class_id": self.batch.class_id,
                "semester": self.semester,
                "borrow_date": out,
                "return_date": out + kept,
                "borrow_week": number,
                "return_week": ((out + kept - self.start).astype(int) // 7) + 1,
            }
        )
        return {"library_visits": seen, "book_borrows": borrows}

    def _exams(self) -> Frames:
        schedules, results = [], []
        for exam, week in (
            ("midterm", self.calendar.midterm_week),
            ("endterm", self.calendar.endterm_week),
        ):
            if week is None:
                continue
            before = self.engagement[:, 1 : week + 1]
            effort = np.broadcast_to(
                (0.5 * before.mean(axis=1) + 0.5 * before[:, -4:].mean(axis=1))[:, None] * 0.95,
                (self.batch.size, SUBJECTS),
            )
            # How well the day went is shared by a student's papers: no record before the exam knows it.
            form = self.rng.normal(0, 3.5, (self.batch.size, 1))
            expected = self._percent(np.arange(SUBJECTS), effort, 9.5 * self.latent.ability) - 0.6
            percent = np.clip(
                expected + form + self.rng.normal(0, 7.5, expected.shape), 0, 100
            ).round(1)
            ids = np.array(
                [
                    f"{self.batch.class_id}-{self.semester}-{exam.upper()}-{place + 1}"
                    for place in range(SUBJECTS)
                ]
            )
            day = (
                self.start
                + np.timedelta64(7 * (week - 1), "D")
                + np.arange(SUBJECTS).astype("timedelta64[D]")
            )
            schedules.append(
                pd.DataFrame(
                    {
                        "schedule_id": ids,
                        "class_id": self.batch.class_id,
                        "semester": self.semester,
                        "subject_id": self._subject_ids(),
                        "exam_type": exam,
                        "scheduled_week": week,
                        "exam_date": day,
                        "max_marks": 100.0,
                    }
                )
            )
            sits = self._there(np.array([week + 1]))[:, 0]
            student, paper = np.nonzero(np.broadcast_to(sits[:, None], percent.shape))
            score = percent[student, paper]
            known = self.start + np.timedelta64(7 * week + 8, "D")
            results.append(
                pd.DataFrame(
                    {
                        "schedule_id": ids[paper],
                        "student_id": np.array(self.batch.students)[student],
                        "class_id": self.batch.class_id,
                        "marks_obtained": score,
                        "max_marks": 100.0,
                        "score_pct": score,
                        "pass_fail": np.where(score >= PASS_MARK, "P", "F"),
                        "result_date": known,
                    }
                )
            )
        return (
            {"exam_schedule": pd.concat(schedules), "exam_results": pd.concat(results)}
            if schedules
            else {}
        )


def _within(groups: np.ndarray) -> np.ndarray:
    """1, 2, 3 … within each run of equal groups."""
    return pd.Series(groups).groupby(groups).cumcount().to_numpy() + 1
