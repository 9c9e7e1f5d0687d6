"""Facts from the frames that a test is about: the others follow from them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pandas as pd

from edumetrics.scoring.facts import Facts

DAY = "datetime64[us]"


def complete(
    *,
    attendance: pd.DataFrame,
    assignments: pd.DataFrame,
    quizzes: pd.DataFrame,
    assignments_done: pd.DataFrame,
    quizzes_done: pd.DataFrame,
    extensions: pd.DataFrame,
    doubles: pd.DataFrame | None = None,
    quiz_extensions: pd.DataFrame | None = None,
    unmarked: Collection[str] = (),
    unsure_registers: pd.DataFrame | None = None,
    **frames: Any,
) -> Facts:
    """Return facts in which registers say where students sit, and a mark of each item is known.

    Args:
        attendance, assignments, quizzes, assignments_done, quizzes_done: as in `Facts`.
        extensions, quiz_extensions: those of assignments and of quizzes.
        doubles: student_id, week, class_id, where not the last register of a week says the class.
        unmarked: the items of which no mark of anybody is known.
        unsure_registers: as in `Facts`; none where not given.
        frames: the other fields of `Facts`.
    """
    seats = attendance.drop_duplicates(["student_id", "week"], keep="last")
    if doubles is not None and len(doubles):
        semesters = frames["class_semesters"]
        seats = pd.concat([seats, doubles.merge(semesters, on="class_id")])
        seats = seats.drop_duplicates(["student_id", "week"], keep="last")
    ends = frames["dates"].loc[frames["dates"]["week"] == frames["week"], "week_date"]
    days = list((ends + pd.Timedelta(days=6)).astype(DAY).drop_duplicates())
    empty = extensions.iloc[:0]
    return Facts(
        attendance=attendance,
        seats=seats[["student_id", "week", "class_id", "semester"]],
        unsure_registers=_make_unsure() if unsure_registers is None else unsure_registers,
        assignments=assignments,
        quizzes=quizzes,
        assignments_done=_add_unmarked(assignments_done, "done_unmarked", "done_unjudged"),
        quizzes_done=_add_unmarked(quizzes_done, "done_unmarked", "done_unjudged"),
        extensions={
            "assignment": extensions,
            "quiz": empty if quiz_extensions is None else quiz_extensions,
        },
        known_marks={
            "assignment": _make_known(assignments, days, unmarked),
            "quiz": _make_known(quizzes, days, unmarked),
        },
        **frames,
    )


def _add_unmarked(done: pd.DataFrame, *names: str) -> pd.DataFrame:
    return done.assign(**{name: 0 for name in names if name not in done})


def _make_known(
    items: pd.DataFrame, days: list[pd.Timestamp], unmarked: Collection[str]
) -> pd.DataFrame:
    ids = items.loc[~items["item_id"].isin(unmarked), "item_id"]
    parts = [
        pd.DataFrame({"item_id": ids, "marks": 1, "qualities": 1, "known_by": d}) for d in days
    ]
    return pd.concat(parts).astype({"item_id": "str", "known_by": DAY})


def _make_unsure() -> pd.DataFrame:
    kinds = {"student_id": "str", "week": "int64", "semester": "int64", "subject_id": "str",
             "held": "float64", "present": "float64"}  # fmt: skip
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
