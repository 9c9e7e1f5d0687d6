"""Simulate one semester of one class, and what the college records of it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from edumetrics.simulator.cohort import AREAS, SUBJECTS, Frames
from edumetrics.simulator.course import Course, FloatMatrix

# One entry per subject, as in `ASSIGNMENT_WEEKS` and `QUIZ_WEEKS`.
LECTURES_A_WEEK = (4, 4, 3, 3, 2)
# Two assignments fall due in every teaching week, and the subjects take turns. The exam weeks (8
# and 18) have none.
ASSIGNMENT_WEEKS = (
    (1, 3, 6, 9, 11, 14, 16),
    (1, 4, 6, 9, 12, 14, 17),
    (2, 4, 7, 10, 12, 15, 17),
    (2, 5, 7, 10, 13, 15),
    (3, 5, 11, 13, 16),
)
QUIZ_WEEKS = ((3, 7, 12, 16), (4, 9, 13), (5, 10, 14), (6, 11, 15), (2, 7, 13))
# Per cent of the maximum marks.
PASS_MARK = 40
# Mean number per week of the keenest students: without a cap the exponential gives absurd counts.
MOST_VISITS, MOST_LOANS = 7, 4


class Semester(Course):
    """The hidden course of one semester of one class, and the rows that the college records of it.

    The order in which random numbers are drawn is part of the result: a draw that is added or moved
    changes every simulated college, and with it every figure that tests and documents quote.
    """

    def build_frames(self) -> Frames:
        """Return everything that the college records of the whole semester, by relation."""
        return {
            "attendance": self._record_attendance(),
            **self._record_work("assignment", ASSIGNMENT_WEEKS),
            **self._record_work("quiz", QUIZ_WEEKS),
            **self._record_library(),
            **self._record_exams(),
        }

    def _list_subject_ids(self) -> list[str]:
        return [f"{self.batch.branch}{self.semester}{place + 1:02d}" for place in range(SUBJECTS)]

    def _record_attendance(self) -> pd.DataFrame:
        """Return one row per enrolled student, teaching week and subject."""
        # Attendance dips around week 10 and recovers before the end-term exam.
        season = -0.55 * np.exp(-(((self.weeks - 10) / 3.2) ** 2)) + 0.25 * (self.weeks >= 15)
        liking = self.rng.normal(0, 0.3, (self.batch.size, SUBJECTS))
        level = 1.68 + 0.95 * self.engagement[:, self.weeks] + season
        chance = 1 / (1 + np.exp(-(level[:, :, None] + liking[:, None, :])))
        # In 12% of the weeks one lecture of a subject is cancelled.
        held = np.maximum(
            np.array(LECTURES_A_WEEK) - (self.rng.random((len(self.weeks), SUBJECTS)) < 0.12), 1
        )
        # The lectures held are the same for all students of the class.
        held = np.broadcast_to(held, (self.batch.size, *held.shape))
        came = self.rng.binomial(held, chance)
        student, week, subject = np.nonzero(
            np.broadcast_to(self.is_enrolled(self.weeks)[:, :, None], held.shape)
        )
        number = self.weeks[week]
        return pd.DataFrame(
            {
                "student_id": np.array(self.batch.students)[student],
                "class_id": self.batch.class_id,
                "subject_id": np.array(self._list_subject_ids())[subject],
                "semester": self.semester,
                "week": number,
                "week_date": self.start + (7 * (number - 1)).astype("timedelta64[D]"),
                "lectures_held": held[student, week, subject],
                "present": came[student, week, subject],
            }
        )

    def _record_work(self, work: str, plan: tuple[tuple[int, ...], ...]) -> Frames:
        """Return definitions and submissions of one kind of work; `plan` is weeks by subject."""
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
                "subject_id": np.array(self._list_subject_ids())[subject],
                "semester": self.semester,
                "title": [
                    f"{AREAS[s][0]} {work} {n}"
                    for s, n in zip(subject, _count_within_groups(subject), strict=True)
                ],
                "max_marks": marks,
            }
        )
        due = (
            {"due_week": week, "assigned_week": np.maximum(week - 2, 1)}
            if work == "assignment"
            else {"scheduled_week": week}
        )
        rows = self._record_submissions(work, ids, week, subject, marks)
        return {f"{work}_definitions": definitions.assign(**due), f"{work}_submissions": rows}

    def _record_submissions(
        self, work: str, ids: np.ndarray, week: np.ndarray, subject: np.ndarray, marks: float
    ) -> pd.DataFrame:
        """Return one row per piece of work that a student handed in; missing work has no row.

        Args:
            work: assignment or quiz.
            ids: id of each item; `week` and `subject` are the week in which it is due and the
                number of its subject.
            week: see `ids`.
            subject: see `ids`.
            marks: the maximum marks of every item.
        """
        shape = (self.batch.size, len(week))
        will = self.engagement[:, week]
        base = 2.45 if work == "assignment" else 2.6
        chance = 1 / (1 + np.exp(-(base + 1.15 * will)))
        done = (self.rng.random(shape) < chance) & self.is_enrolled(week)
        # Days before (negative) or after the last day of the week in which the work is due. The
        # less engaged a student is, the more often the work is late. Quizzes cannot be late.
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
        # Quizzes are marked at once. Assignments wait for a teacher, some past the end of the week.
        wait = np.zeros(shape) if work == "quiz" else 1 + self.rng.gamma(1.2, 1.5, shape)
        marked = day + wait.astype("timedelta64[D]")
        percent = self._draw_coursework_marks(subject, will)
        student, item = np.nonzero(done)
        at = (student, item)
        rows = pd.DataFrame(
            {
                f"{work}_id": ids[item],
                "student_id": np.array(self.batch.students)[student],
                "class_id": self.batch.class_id,
                # Teachers give half marks.
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
            plagiarism_pct=self._draw_similarity(shape)[at],
        )

    def _draw_similarity(self, shape: tuple[int, int]) -> np.ndarray:
        """Return similarity reports in percent: mostly low, with copies by a few students."""
        honest = self.rng.gamma(1.6, 6.0, shape)
        copied = self.rng.random(shape) < 0.038 * self.latent.copier[:, None]
        return np.clip(np.where(copied, self.rng.uniform(50, 95, shape), honest), 0, 100).round(1)

    def _draw_coursework_marks(self, subject: np.ndarray, effort: np.ndarray) -> FloatMatrix:
        """Return marks of coursework in percent: part ability, part a knack that no exam rewards.

        The knack may be a helpful friend. It is why coursework foretells an exam only in part.
        """
        # Stream 8: the same knack for assignments and quizzes, drawn apart from all other numbers.
        knack = self.batch.create_rng(self.term, 8).normal(0, 1, self.batch.size)
        skill = 4.6 * self.latent.ability + 7.4 * knack
        expected = self.compute_expected_marks(subject, effort, skill) + 6.0
        return np.clip(expected + self.rng.normal(0, 12.0, expected.shape), 0, 100)

    def _record_library(self) -> Frames:
        """Return visits, one row per student and week with any, and loans, one row per loan."""
        rate = np.exp(
            0.2 + 0.3 * self.engagement[:, self.weeks] + 1.5 * self.latent.reader[:, None]
        )
        visits = self.rng.poisson(np.minimum(rate, MOST_VISITS))
        student, week = np.nonzero((visits > 0) & self.is_enrolled(self.weeks))
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
        loans = self.rng.poisson(np.minimum(lent, MOST_LOANS)) * self.is_enrolled(self.weeks)
        # As many rows per student and week as there were loans.
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

    def _record_exams(self) -> Frames:
        """Return schedule and results of both exams; nothing if the calendar has no exam week."""
        weeks = {"midterm": self.calendar.midterm_week, "endterm": self.calendar.endterm_week}
        planned = [(exam, week) for exam, week in weeks.items() if week is not None]
        if not planned:
            return {}
        return {
            "exam_schedule": pd.concat([self._schedule_exam(*one) for one in planned]),
            "exam_results": pd.concat([self._record_results(*one) for one in planned]),
        }

    def _list_exam_ids(self, exam: str) -> list[str]:
        prefix = f"{self.batch.class_id}-{self.semester}-{exam.upper()}"
        return [f"{prefix}-{place + 1}" for place in range(SUBJECTS)]

    def _schedule_exam(self, exam: str, week: int) -> pd.DataFrame:
        monday = self.start + np.timedelta64(7 * (week - 1), "D")
        return pd.DataFrame(
            {
                "schedule_id": self._list_exam_ids(exam),
                "class_id": self.batch.class_id,
                "semester": self.semester,
                "subject_id": self._list_subject_ids(),
                "exam_type": exam,
                "scheduled_week": week,
                "exam_date": monday + np.arange(SUBJECTS).astype("timedelta64[D]"),
                "max_marks": 100.0,
            }
        )

    def _record_results(self, exam: str, week: int) -> pd.DataFrame:
        """Return one row per paper and student who sits it."""
        percent = self._draw_exam_marks(week)
        sits = self.is_enrolled(np.array([week + 1]))[:, 0]
        student, paper = np.nonzero(np.broadcast_to(sits[:, None], percent.shape))
        score = percent[student, paper]
        return pd.DataFrame(
            {
                "schedule_id": np.array(self._list_exam_ids(exam))[paper],
                "student_id": np.array(self.batch.students)[student],
                "class_id": self.batch.class_id,
                "marks_obtained": score,
                "max_marks": 100.0,
                "score_pct": score,
                "pass_fail": np.where(score >= PASS_MARK, "P", "F"),
                # Results come nine days after the exam week ends.
                "result_date": self.start + np.timedelta64(7 * week + 8, "D"),
            }
        )

    def _compute_exam_effort(self, week: int) -> FloatMatrix:
        before = self.engagement[:, 1 : week + 1]
        # Half of the effort that counts is that of the last four weeks.
        effort = 0.5 * before.mean(axis=1) + 0.5 * before[:, -4:].mean(axis=1)
        return np.asarray(effort[:, None] * 0.95)

    def _draw_exam_marks(self, week: int) -> FloatMatrix:
        """Return marks in percent, students by papers, of the exam in a week."""
        effort, skill = self._compute_exam_effort(week), 9.5 * self.latent.ability
        # A student's form, the same in all papers: no record before the exam knows it.
        form = self.rng.normal(0, 3.5, (self.batch.size, 1))
        expected = self.compute_expected_marks(np.arange(SUBJECTS), effort, skill) - 0.6
        noise = self.rng.normal(0, 7.5, expected.shape)
        return np.clip(expected + form + noise, 0, 100).round(1)


def _count_within_groups(groups: np.ndarray) -> np.ndarray:
    """Number the items of each group 1, 2, 3, in order."""
    return pd.Series(groups).groupby(groups).cumcount().to_numpy() + 1
