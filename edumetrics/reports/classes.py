"""The week for the head of department: classes side by side, no student named."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from edumetrics.reports import figures
from edumetrics.reports.figures import Picture
from edumetrics.reports.occasion import Occasion, cell
from edumetrics.reports.render import environment
from edumetrics.triage.situation import Row

# Of fewer students nothing is told apart: each number would be about someone.
LEAST = 10
# So many classes have room in one picture; those with most students listed come first.
PICTURED = 24


@dataclass(frozen=True)
class ClassWeek:
    """One class: counts and means of 0 to 100 as they are read, empty where there is nothing to tell."""

    name: str
    students: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class ClassesPage:
    """One teaching week, for the head of department."""

    title: str
    kicker: tuple[str, ...]
    summary: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[ClassWeek, ...]
    findings: tuple[tuple[str, str], ...]
    health: tuple[str, ...]
    picture: Picture | None


COLUMNS = ("On a list", "New on it", "Left it", "Looked after", "Attendance", "Recorded activity",
           "Academic performance")  # fmt: skip
MEASURES = ("weekly_att_pct", "effort_score", "academic_performance")


def classes_page(
    occasion: Occasion,
    weeks: pd.DataFrame,
    flags: pd.DataFrame,
    exits: pd.DataFrame,
    findings: pd.DataFrame,
    health: pd.DataFrame,
) -> ClassesPage:
    """The view model of a week.

    Args:
        occasion: the moment.
        weeks: class_id, sem_week, students, and the means of `MEASURES`, of the weeks so far.
        flags, exits, findings: the week's lists.
        health: data-health findings.
    """
    now = weeks[weeks["sem_week"] == occasion.week].set_index("class_id").sort_index()
    counts = pd.DataFrame(
        {
            "listed": flags.groupby("class_id").size(),
            "new": (flags["status"] == "new").groupby(flags["class_id"]).sum(),
            "left": exits.groupby("class_id").size(),
            "cared": flags["looked_after"].astype(bool).groupby(flags["class_id"]).sum(),
        }
    )
    now = now.join(counts).fillna(dict.fromkeys(counts.columns, 0))
    told = now[now["students"] >= LEAST]
    listed = int(told["listed"].sum())
    shown = told.assign(share=told["listed"] / told["students"]).sort_values(
        "share", ascending=False, kind="stable"
    )
    names = {name: occasion.people.classes.get(name) or name for name in now.index}
    chosen = weeks[weeks["class_id"].isin(sorted(shown.index[:PICTURED]))]
    return ClassesPage(
        title=f"Week {occasion.week}: {listed} of {int(told['students'].sum())} students are on a list",
        kicker=occasion.kicker(pd.Series(dtype="object"))[:1],
        summary=tuple(_summary(occasion, now, told)),
        columns=COLUMNS,
        rows=tuple(
            _row(names[str(name)], row)
            for name, row in zip(now.index, now.to_dict("records"), strict=True)
        ),
        findings=tuple(
            (names.get(row["class_id"], row["class_id"]), row["text"])
            for row in findings[findings["class_id"].isin(told.index)].to_dict("records")
        ),
        health=tuple(dict.fromkeys(health.loc[(health["class_id"] == "all"), "message"])),
        picture=figures.class_trends(chosen, names, occasion.calendar) if len(chosen) else None,
    )


def classes_html(page: ClassesPage) -> str:
    """The page as self-contained HTML."""
    return environment().get_template("classes.html.j2").render(page=page)


def _summary(occasion: Occasion, now: pd.DataFrame, told: pd.DataFrame) -> list[str]:
    new, left, cared = (int(told[name].sum()) for name in ("new", "left", "cared"))
    said = [f"{new} are new, {left} left, {cared} are being looked after."]
    few = len(now) - len(told)
    if few:
        classes = "class" if few == 1 else "classes"
        said.append(
            f"Of {occasion.words(few)} {classes} with fewer than {LEAST} students nothing is told."
        )
    return said


def _row(name: str, row: Row) -> ClassWeek:
    if row["students"] < LEAST:
        return ClassWeek(name, int(row["students"]), ("",) * len(COLUMNS))
    counted = tuple(str(int(row[key])) for key in ("listed", "new", "left", "cared"))
    units = ("%", "", "")
    return ClassWeek(
        name,
        int(row["students"]),
        (*counted, *(cell(row[key], unit) for key, unit in zip(MEASURES, units, strict=True))),
    )
