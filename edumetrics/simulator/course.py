"""The hidden course of a semester of one class: engagement, leavers, and what each could score."""

from __future__ import annotations

import numpy as np

from edumetrics.simulator.cohort import AREAS, SUBJECTS, LatentTraits, SimulatedClass

TRAJECTORIES = ("steady", "collapse", "recover", "fade", "surge")
# In the order of TRAJECTORIES; most students are steady.
TRAJECTORY_SHARES = (0.70, 0.09, 0.06, 0.10, 0.05)

FloatMatrix = np.ndarray[tuple[int, int], np.dtype[np.float64]]


class Course:
    """One semester of one class as it happens, whether the college records it or not."""

    def __init__(
        self, batch: SimulatedClass, term: int, latent: LatentTraits, leaving: np.ndarray
    ) -> None:
        self.batch, self.term, self.latent = batch, term, latent
        self.semester = batch.compute_semester(term)
        self.calendar = batch.plan.calendar
        self.start = np.datetime64(batch.plan.compute_term_start(term), "D")
        self.rng = batch.create_rng(term)
        # Before this semester's leavers are drawn: who left earlier cannot leave again.
        self.present = np.isnat(leaving)
        self.mood = self.rng.normal(0, 0.5, batch.size)
        self.engagement = self._draw_engagement()
        self.weeks = np.array(self.calendar.teaching_weeks)
        self.leaves = self._draw_leaving_days(leaving)

    def _draw_engagement(self) -> FloatMatrix:
        """Return engagement, students by weeks 0 to 18, with mean near 0 and deviation near 1.

        It is the sum of diligence, mood, a trajectory and a random walk that returns to its mean.
        """
        level = 0.75 * self.latent.diligence[:, None] + 0.5 * self.mood[:, None]
        return np.asarray(level + self._draw_trajectories() + self._draw_wander())

    def _draw_trajectories(self) -> FloatMatrix:
        size, last = self.batch.size, self.calendar.weeks_per_semester
        week = np.arange(last + 1)[None, :]
        kind = self.rng.choice(len(TRAJECTORIES), size, p=TRAJECTORY_SHARES)[:, None]
        turn, depth = self.rng.uniform(4, 12, (size, 1)), self.rng.uniform(1.2, 2.6, (size, 1))
        shapes = self._compute_shapes(week, turn, depth)
        return np.select([kind == number for number in range(len(TRAJECTORIES))], shapes)

    def _compute_shapes(
        self, week: np.ndarray, turn: np.ndarray, depth: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        """Return the course of each trajectory, in the order of TRAJECTORIES."""
        last = self.calendar.weeks_per_semester
        # A logistic step down, `depth` deep and centred on week `turn`: some three weeks wide.
        drop = -depth / (1 + np.exp(-1.6 * (week - turn)))
        # To recover is the step turned round: low first, then up.
        return (
            np.zeros_like(drop),
            drop,
            -depth - drop - 0.2,
            -depth * 0.8 * week / last,
            depth * 0.5 * week / last,
        )

    def _draw_wander(self) -> FloatMatrix:
        size, last = self.batch.size, self.calendar.weeks_per_semester
        wander = np.zeros((size, last + 1))
        # Autoregressive: a good week makes the next one likely to be good as well.
        for now in range(1, last + 1):
            wander[:, now] = 0.75 * wander[:, now - 1] + self.rng.normal(0, 0.3, size)
        return wander

    def _draw_leaving_days(self, leaving: np.ndarray) -> np.ndarray:
        """Return the day on which each student leaves (NaT for most); enter it into `leaving`."""
        # Few leave, and those mostly with low engagement in the middle of the semester. The divisor
        # makes up for the mean of the exponential, so that the share stays near 2.2%.
        low = self.engagement[:, 6:13].mean(axis=1) + 0.3 * self.latent.ability
        chance = 0.022 * np.exp(-0.9 * low) / np.exp(0.4)
        goes = self.present & (self.rng.random(self.batch.size) < chance)
        week = self.rng.integers(4, 16, self.batch.size)
        day = self.start + (7 * week + self.rng.integers(0, 7, self.batch.size)).astype(
            "timedelta64[D]"
        )
        leaving[goes] = day[goes]
        # A copy: later semesters go on writing into the array of the class.
        return leaving.copy()

    def is_enrolled(self, week: np.ndarray) -> np.ndarray:
        """Return whether each student (rows) is still enrolled when a week (columns) begins."""
        begins = self.start + (7 * (week - 1)).astype("timedelta64[D]")
        return np.asarray(np.isnat(self.leaves)[:, None] | (self.leaves[:, None] > begins[None, :]))

    def compute_expected_marks(
        self, subject: np.ndarray, effort: np.ndarray, skill: np.ndarray
    ) -> FloatMatrix:
        """Return expected marks in percent, students by items, before the noise of each item.

        They depend on skill, mood, effort, the difficulty of the subject, and the student's gift.
        """
        hard = np.array([area[2] for area in AREAS])[subject]
        centre = 53.0 + (skill + 5.5 * self.mood)[:, None] + 4.2 * effort - hard[None, :]
        return np.asarray(centre + self._gift[:, subject])

    @property
    def _gift(self) -> FloatMatrix:
        """How much better or worse each student is at each subject, in points of 100."""
        # A stream of its own gives the same numbers at every call.
        return self.batch.create_rng(self.term, 7).normal(0, 4.5, (self.batch.size, SUBJECTS))
