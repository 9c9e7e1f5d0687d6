"""Build the weekly page for the head of department: classes side by side, no student named."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from edumetrics.reports import figures
from edumetrics.reports.context import Occasion, format_cell
from edumetrics.reports.figures import Picture
from edumetrics.reports.render import render_template
from edumetrics.sentences import Sentences
from edumetrics.types import Row

# A class with fewer students has no numbers of its own: each number would be about someone.
LEAST = 10
# One picture has room for so many classes. The classes with the largest share of listed students
# are chosen.
PICTURED = 24


@dataclass(frozen=True)
class ClassWeek:
    """One class in one week.

    Attributes:
        name: the name of the class, or its id where it has no name.
        students: the number of students.
        cells: counts and means (0 to 100) as text, one for each of `COLUMNS`; empty for no value.
    """

    name: str
    students: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class ClassesPage:
    """One teaching week, for the head of department.

    Attributes:
        title, kicker, summary: the headline, the dates, and sentences on all classes.
        columns, rows: the table, one row a class.
        findings: the name of a class, and what was found about it.
        health: messages on the data of all classes.
        picture: the weeks so far; None where no class has enough students.
        sentences: the catalogue, for the words of the page itself.
    """

    title: str
    kicker: tuple[str, ...]
    summary: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[ClassWeek, ...]
    findings: tuple[tuple[str, str], ...]
    health: tuple[str, ...]
    picture: Picture | None
    sentences: Sentences


# `_build_row` fills the cells in this order: four counts, then one mean for each of `MEASURES`.
COLUMNS = ("column_listed", "column_new", "column_left", "column_cared", "label_attendance",
           "label_activity", "label_performance")  # fmt: skip
MEASURES = ("weekly_att_pct", "effort_score", "academic_performance")


def build_classes_page(
    occasion: Occasion,
    weeks: pd.DataFrame,
    flags: pd.DataFrame,
    exits: pd.DataFrame,
    findings: pd.DataFrame,
    health: pd.DataFrame,
) -> ClassesPage:
    """Return the view model of a week.

    Args:
        occasion: the moment.
        weeks: class_id, sem_week, students, and the means of `MEASURES`, of the weeks so far.
        flags, exits, findings: the week's lists.
        health: data-health findings.
    """
    now = weeks[weeks["sem_week"] == occasion.week].set_index("class_id").sort_index()
    counts = _count_students(flags, exits)
    # A class without a row in `counts` has nobody on a list: 0, not unknown. Null means stay null.
    now = now.join(counts).fillna(dict.fromkeys(counts.columns, 0))
    # Totals leave out small classes too: a difference of two totals would give their numbers away.
    told = now[now["students"] >= LEAST]
    # A stable sort keeps classes with equal shares in the order of class_id.
    shown = told.assign(share=told["listed"] / told["students"]).sort_values(
        "share", ascending=False, kind="stable"
    )
    names = {name: occasion.people.classes.get(name) or name for name in now.index}
    sentences = occasion.params.sentences
    chosen = weeks[weeks["class_id"].isin(sorted(shown.index[:PICTURED]))]
    return ClassesPage(
        title=occasion.say(
            "classes_title",
            week=occasion.week,
            listed=int(told["listed"].sum()),
            students=int(told["students"].sum()),
        ),
        # Only the line with the dates: the page is about every class.
        kicker=occasion.format_kicker(pd.Series(dtype="object"))[:1],
        summary=tuple(_build_summary(occasion, now, told)),
        columns=tuple(map(occasion.say, COLUMNS)),
        rows=tuple(
            _build_row(names[str(name)], row)
            for name, row in zip(now.index, now.to_dict("records"), strict=True)
        ),
        findings=tuple(
            (names.get(row["class_id"], row["class_id"]), row["text"])
            for row in findings[findings["class_id"].isin(told.index)].to_dict("records")
        ),
        health=tuple(dict.fromkeys(health.loc[(health["class_id"] == "all"), "message"])),
        picture=figures.draw_class_trends(sentences, chosen, names, occasion.calendar)
        if len(chosen)
        else None,
        sentences=sentences,
    )


def _count_students(flags: pd.DataFrame, exits: pd.DataFrame) -> pd.DataFrame:
    """Return by class how many students are listed, new, no longer listed, and looked after."""
    return pd.DataFrame(
        {
            "listed": flags.groupby("class_id").size(),
            "new": (flags["status"] == "new").groupby(flags["class_id"]).sum(),
            "left": exits.groupby("class_id").size(),
            "cared": flags["looked_after"].astype(bool).groupby(flags["class_id"]).sum(),
        }
    )


def render_classes_page(page: ClassesPage) -> str:
    """Return the page as self-contained HTML."""
    return render_template("classes.html.j2", page.sentences, page=page)


def _build_summary(occasion: Occasion, now: pd.DataFrame, told: pd.DataFrame) -> list[str]:
    """Return sentences on who is new, left or looked after, and on how many classes are small."""
    new, left, cared = (int(told[name].sum()) for name in ("new", "left", "cared"))
    said = [occasion.say("classes_changes", new=new, left=left, cared=cared)]
    few = len(now) - len(told)
    if few:
        said.append(occasion.say("classes_small", count=few, least=LEAST))
    return said


def _build_row(name: str, row: Row) -> ClassWeek:
    """Return the row of one class; all cells of a small class are empty."""
    if row["students"] < LEAST:
        return ClassWeek(name, int(row["students"]), ("",) * len(COLUMNS))
    counted = tuple(str(int(row[key])) for key in ("listed", "new", "left", "cared"))
    # Attendance is a percentage; the other two means are scores of 0 to 100.
    units = ("%", "", "")
    means = (format_cell(row[key], unit) for key, unit in zip(MEASURES, units, strict=True))
    return ClassWeek(name, int(row["students"]), (*counted, *means))
