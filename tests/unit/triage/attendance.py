"""Attendance of students by week: it goes up and down around each student's own level."""

from __future__ import annotations

import numpy as np
import pandas as pd

from edumetrics.params import Calendar

CALENDAR, ATTENDANCE = Calendar(), "weekly_att_pct"


def draw_attendance(rng: np.random.Generator, students: int) -> tuple[np.ndarray, np.ndarray]:
    """Each student's own level, and the percentages of students by teaching weeks."""
    weeks = CALENDAR.teaching_weeks
    own = np.clip(rng.normal(72, 10, students), 20, 95)
    noise = rng.normal(0, 12, (students, len(weeks)))
    for t in range(1, len(weeks)):
        noise[:, t] += 0.4 * noise[:, t - 1]
    return own, own[:, None] + noise


def to_metrics(values: np.ndarray, ids: np.ndarray) -> pd.DataFrame:
    """The same as rows of metrics; the lower attendance is, the higher is the risk."""
    wide = pd.DataFrame(values, index=ids, columns=list(CALENDAR.teaching_weeks))
    rows = wide.stack().rename(ATTENDANCE).reset_index()
    rows.columns = ["student_id", "sem_week", ATTENDANCE]
    risk = 100 - rows[ATTENDANCE]
    return rows.assign(risk_score=risk, effort_score=np.nan, academic_performance=np.nan)
