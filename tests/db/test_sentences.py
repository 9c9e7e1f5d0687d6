"""The numbers in the sentences of lists are those of the college, by code that shares nothing with the reports."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from edumetrics.workspace import Workspace
from tests.independent import reading

N = r"(\d+(?:\.5)?)"
WEEKS = r"(weeks? [\d, and-]+)"
# Of each of these moments of a semester at least so many sentences are checked.
MOMENTS, LEAST = (
    {"grace": (1, 3), "before the midterm": (4, 7), "after it": (9, 12), "end": (13, 17)},
    40,
)
# Sentences without a number of a student's own, and those of which other tests compare every item.
ELSEWHERE = re.compile(
    r"Not in: |Results of earlier semesters|.* earlier semesters|.* last semester[;.]|.* of the subjects ahead|Nothing new this week\.|No lecture, work or visit|\d+ of the \d+ items"
)


class Known:
    """What an independent reading of a college knows of a student in a week."""

    def __init__(self, path: Path) -> None:
        self.metrics = reading.weekly_metrics(path)
        self.metrics["term"] = self.metrics["term"].astype(str).str[:10]
        self.rows = self.metrics.set_index(["term", "student_id", "sem_week"]).sort_index()
        self.classes = dict(list(self.metrics.groupby(["term", "sem_week", "class_id"])))
        with sqlite3.connect(path) as connection:
            self.exams = pd.read_sql(
                "SELECT student_id, semester, score_pct AS mark FROM exam_results "
                "JOIN exam_schedule USING (schedule_id) WHERE exam_type = 'endterm'", connection
            )  # fmt: skip

    def get(
        self, key: tuple[str, str, int], column: str, weeks: list[int] | None = None
    ) -> list[float]:
        """The values of a column in some weeks; in the week itself where none are named."""
        term, student, week = key
        return [float(self.rows.loc[(term, student, each), column]) for each in weeks or [week]]

    def get_class(self, key: tuple[str, str, int]) -> pd.DataFrame:
        """The rows of the student's class in that week."""
        return self.classes[key[0], key[2], self.rows.loc[key, "class_id"]]

    def middle(self, key: tuple[str, str, int], column: str) -> float:
        """The median of the class."""
        return float(self.get_class(key)[column].astype("float64").median())


def name_weeks(text: str) -> list[int]:
    spans = re.findall(r"(\d+)(?:-(\d+))?", text)
    return [
        week for low, high in spans for week in range(int(low), int(high or low) + 1) if week != 8
    ]


def near(told: str, wanted: float) -> bool:
    return abs(float(told) - wanted) <= 0.5 + 1e-6


def is_week(known: Known, key: tuple[str, str, int], attended: str, held: str, week: int) -> bool:
    of_week = [known.get(key, f"week_lectures_{name}", [week])[0] for name in ("attended", "held")]
    return of_week == [float(attended), float(held)]


def check_lectures(
    known: Known, key: tuple[str, str, int], attended: str, held: str, rest: str
) -> bool:
    last = 7 if key[2] == 9 else key[2] - 1
    right = is_week(known, key, attended, held, key[2])
    if found := re.search(f"{N} of {N} last week", rest):
        right &= is_week(known, key, *found.groups(), last)
    if found := re.search(f"{N}% in {WEEKS}", rest):
        weeks = name_weeks(found[2])
        shares = [
            sum(known.get(key, f"week_lectures_{name}", weeks)) for name in ("attended", "held")
        ]
        right &= near(found[1], 100 * shares[0] / shares[1])
    return right


def check_so_far(
    known: Known, key: tuple[str, str, int], rule: str, attended: str, held: str
) -> bool:
    row = known.rows.loc[key]
    out = row["lectures_to_attend"] > row["lectures_left"]
    return bool(out) and [row["lectures_attended"], row["lectures_held"]] == [
        float(attended),
        float(held),
    ]


def check_left(known: Known, key: tuple[str, str, int], can_miss: str, left: str, *_: str) -> bool:
    row, most = known.rows.loc[key], 0 if can_miss == "none" else int(can_miss)
    ends_at = (row["lectures_attended"] + row["lectures_left"] - most) / (
        row["lectures_held"] + row["lectures_left"]
    )
    one_more = ends_at - 1 / (row["lectures_held"] + row["lectures_left"])
    return int(left) == row["lectures_left"] and ends_at >= 0.75 > one_more


def compare_before(column: str) -> Callable[..., bool]:
    def check(known: Known, key: tuple[str, str, int], now: str, before: str, weeks: str) -> bool:
        usual = np.nanmean(known.get(key, column, name_weeks(weeks)))
        return near(now, known.get(key, column)[0]) and near(before, usual)

    return check


def compare_class(column: str) -> Callable[..., bool]:
    def check(known: Known, key: tuple[str, str, int], now: str, middle: str) -> bool:
        return near(now, known.get(key, column)[0]) and near(middle, known.middle(key, column))

    return check


def check_earlier(known: Known, key: tuple[str, str, int], now: str, middle: str) -> bool:
    row = known.rows.loc[key]
    before = (
        known.exams[known.exams["semester"] == row["semester"] - 1]
        .groupby("student_id")["mark"]
        .mean()
    )
    return near(now, before[key[1]]) and near(
        middle, before.reindex(known.get_class(key)["student_id"]).median()
    )


def check_silence(known: Known, key: tuple[str, str, int], days: str, *_: str) -> bool:
    return known.get(key, "days_since_submission") == [float(days)]


CHECKS: dict[str, Callable[..., bool]] = {
    rf"Attended {N} of {N} lectures?(.*)\.": check_lectures,
    rf"(75)% attendance went out of reach this week: attended {N} of {N}\.": check_so_far,
    rf"(75)% attendance is out of reach: attended {N} of {N}\.": check_so_far,
    r"Can miss (?:only )?(\d+|none) of (\d+) lectures? left(?: for 75%)?(.*)\.": check_left,
    rf"Average mark {N} of 100; {N} in {WEEKS}\.": compare_before("academic_performance"),
    rf"Recorded activity {N} of 100; {N} in {WEEKS}\.": compare_before("effort_score"),
    rf"Average mark {N} of 100 over \w+ weeks?; the class's middle is {N}\.": compare_class("academic_performance"),
    rf"Recorded activity {N} of 100 this week; the class's middle is {N}\.": compare_class("effort_score"),
    rf"Midterm {N} of 100; the class's middle was {N}\.": compare_class("midterm_score_pct"),
    rf"Last semester's average {N} of 100; the class's middle was {N}\.": check_earlier,
    r"Nothing handed in for (\d+) days; (.*)\.": check_silence,
}  # fmt: skip


@pytest.mark.slow
def test_every_number_of_a_sentence_is_the_colleges(demo: Workspace) -> None:
    known = Known(demo.settings.home / "college.db")
    seen: Counter[str] = Counter()
    for row in demo.store.read("weekly_flags").to_dict("records"):
        key = (row["term"], row["student_id"], row["sem_week"])
        for said in {record["text"] for record in row["reasons"]}:
            text = said.removeprefix("Nothing new this week; this remains. ")
            matches = [
                (found, check)
                for form, check in CHECKS.items()
                if (found := re.fullmatch(form, text))
            ]
            if not matches:
                assert ELSEWHERE.match(text) or re.fullmatch(
                    r"\w+ items? fell due this week; .*", text
                ), text
                continue
            [(found, check)] = matches
            assert check(known, key, *found.groups()), (key, text)
            seen[next(name for name, (low, high) in MOMENTS.items() if low <= key[2] <= high)] += 1
            seen[found.re.pattern] += 1
    assert all(seen[name] >= LEAST for name in MOMENTS), seen
    assert all(seen[form] for form in CHECKS), seen
