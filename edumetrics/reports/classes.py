"""Build the weekly page for the head of department: which class needs attention, no names.

For each class it says whether it is the class or a few students.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from edumetrics.briefing.facts import BriefingRecord, make_fact
from edumetrics.briefing.kept import Briefings
from edumetrics.reports.class_falls import describe_falls
from edumetrics.reports.class_numbers import compute_means, describe_health
from edumetrics.reports.class_rows import ClassLists, ClassRows
from edumetrics.reports.context import Occasion, format_cell
from edumetrics.reports.render import render_template
from edumetrics.reports.sparklines import Panel, build_panel
from edumetrics.sentences import Sentences
from edumetrics.triage.rules import is_out_of_reach

# A class with fewer students has no numbers of its own: each number would be about someone.
LEAST = 10
# The counts of a class, each with the phrase of its label, in the order of the page.
COUNTS = {"listed": "column_listed", "new": "column_new", "back": "column_back",
          "left": "column_left", "cared": "column_cared", "contacts": "column_contacts",
          "waiting": "column_waiting", "out": "column_out"}  # fmt: skip

# The counts that depend on what advisors enter.
LOGGED = ["cared", "contacts", "waiting"]


@dataclass(frozen=True)
class ClassCard:
    """One class in one week.

    Attributes:
        name: the name of the class, or its id where it has no name.
        students: the number of students.
        whole: whether something was found about the class as a whole.
        verdict: whether it is the class or many students, in a sentence or more; empty where it is
            a few.
        listed: how many are on a list, then and now, in a sentence.
        counts, means: rows of a label and one text for each of the page's columns; a text is empty
            where nothing is known or told.
        panel: the weeks so far; None where there is nothing to draw.
    """

    name: str
    students: int
    whole: bool
    verdict: str
    listed: str
    counts: tuple[tuple[str, ...], ...]
    means: tuple[tuple[str, ...], ...]
    panel: Panel | None


@dataclass(frozen=True)
class ClassesPage:
    """One teaching week, for the head of department.

    Attributes:
        title: the subject of the mail.
        headline: which class needs attention, and whether it is the class or a few students.
        kicker, summary: the dates, and sentences on all classes.
        columns: the headings of the numbers.
        classes: in order of need.
        health: how fresh the data of all classes is, and what was wrong with it.
        meaning: what the numbers are, in sentences.
        sentences: the catalogue, for the words of the page itself.
        briefing: what a language model wrote from the summary; empty for nothing.
    """

    title: str
    headline: str
    kicker: tuple[str, ...]
    summary: tuple[str, ...]
    columns: tuple[str, ...]
    classes: tuple[ClassCard, ...]
    health: str
    meaning: str
    sentences: Sentences
    briefing: str = ""


def build_classes_page(occasion: Occasion, rows: ClassRows, briefings: Briefings) -> ClassesPage:
    """Return the view model of a week, with a paragraph of `briefings` where there is one."""
    now, before, earlier = (
        _count_students(lists) for lists in (rows.now, rows.before, rows.earlier)
    )
    if not earlier[LOGGED].to_numpy().any():
        # Where nobody entered anything, it is not known whom an advisor reached.
        earlier = earlier.drop(columns=LOGGED)
    # Totals leave out small classes too: a difference of two totals would give their numbers away.
    told = now[now["students"] >= LEAST]
    fell = describe_falls(occasion, rows.courses[rows.courses["students"] >= LEAST])
    found = (
        pd.concat([rows.findings[["class_id", "text"]], fell]).groupby("class_id")["text"].agg(list)
    )
    # What concerns a whole class comes first, then the largest share on a list.
    order = told.assign(
        whole=told.index.isin(found.index), share=told["listed"] / told["students"]
    ).sort_values(["whole", "share", "waiting"], ascending=False, kind="stable")
    tables = (now, before, earlier) if len(earlier) else (now, before)
    counted = tuple(dict(table.iterrows()) for table in tables)
    cards = tuple(
        _build_card(occasion, rows, str(name), found.get(name, []), counted) for name in order.index
    )
    totals = {name: int(told[name].sum()) for name in ("students", *COUNTS)}
    past = before[before.index.isin(told.index) & (before["students"] >= LEAST)]
    last = {name: int(past[name].sum()) for name in totals} if len(past) else {}
    say, weeks = occasion.say, occasion.params.triage.hand_over_after
    numbers = {name: totals[name] for name in ("listed", "students")}
    whole, first = [card.name for card in cards if card.whole], cards[0] if cards else None
    names = {
        "whole": occasion.params.sentences.join_words(whole) if whole else "",
        "count": len(whole),
        "first": first.name if first and numbers["listed"] else "",
    }
    health = rows.health[rows.health["class_id"] == "all"]
    return ClassesPage(
        title=say("classes_title", week=occasion.week, **names, **numbers),
        headline=say("classes_headline", told=len(cards), **names),
        # Only the line with the dates: the page is about every class.
        kicker=occasion.format_kicker(pd.Series(dtype="object"))[:1],
        summary=tuple(_build_summary(occasion, totals, last, len(now) - len(told))),
        # A class that was not told last week would be a rise.
        briefing=_write_paragraph(
            totals, last.get("listed") if len(past) == len(told) else None, briefings
        ),
        columns=(
            say("this_week"),
            say("last_week"),
            *([say("column_last_term")] if len(earlier) else []),
        ),
        classes=cards,
        health=describe_health(occasion, health),
        meaning=f"{say('classes_means', weeks=weeks)} {say('rule_means')}".strip(),
        sentences=occasion.params.sentences,
    )


def render_classes_page(page: ClassesPage) -> str:
    """Return the page as self-contained HTML."""
    return render_template("classes.html.j2", page.sentences, page=page)


def _count_students(lists: ClassLists) -> pd.DataFrame:
    """Return by class, in order of class_id, the number of students and each of `COUNTS`."""
    flags, classes = lists.flags, lists.metrics["class_id"]
    contacted = lists.metrics["student_id"].isin(lists.contacts)
    # Where there is no rule, nobody is beyond its reach.
    out = pd.Series(is_out_of_reach(lists.metrics), index=lists.metrics.index)
    counts = {
        "students": lists.metrics.groupby("class_id").size(),
        "listed": flags.groupby("class_id").size(),
        "new": (flags["status"] == "new").groupby(flags["class_id"]).sum(),
        "back": (flags["status"] == "returned").groupby(flags["class_id"]).sum(),
        "left": lists.exits.groupby("class_id").size(),
        "cared": flags["looked_after"].astype(bool).groupby(flags["class_id"]).sum(),
        "contacts": contacted.groupby(classes).sum(),
        "waiting": flags["hand_over"].astype(bool).groupby(flags["class_id"]).sum(),
        "out": out.groupby(classes).sum(),
    }
    # A class of which nobody is on a list has 0 there, not an unknown number.
    return pd.DataFrame(counts, index=sorted(classes.unique())).fillna(0).astype("int64")


def _build_card(
    occasion: Occasion,
    rows: ClassRows,
    name: str,
    found: list[str],
    counted: tuple[Mapping[Hashable, pd.Series], ...],
) -> ClassCard:
    """Return the card of a class.

    Args:
        occasion: the moment.
        rows: the stored rows.
        name: class_id.
        found: what was found about the class as a whole.
        counted: by class the counts of this week, and of each week that it is compared with.
    """
    say, own = occasion.say, counted[0][name]
    course = rows.courses[(rows.courses["class_id"] == name) & (rows.courses["students"] >= LEAST)]
    numbers = {"listed": int(own["listed"]), "students": int(own["students"])}
    columns = [_tell_counts(counts.get(name)) for counts in counted]
    limit, rule = occasion.params.triage.class_share_pct, occasion.calendar.attendance_rule_pct or 0
    many = 100 * own["listed"] > limit * own["students"]
    listed = {k: v.get("listed", "") for k, v in zip(("last", "term"), columns[1:], strict=False)}
    return ClassCard(
        name=occasion.people.classes.get(name) or name,
        students=numbers["students"],
        whole=bool(found),
        verdict=" ".join(
            (say("class_verdict", whole=bool(found), many=many, listed=numbers["listed"]), *found)
        ).strip(),
        listed=say("class_listed", **{"term": "", **listed}, **numbers),
        counts=tuple(
            (
                say(label, rule=f"{rule:g}"),
                *(column.get(key, "") for column in columns),
            )
            for key, label in COUNTS.items()
            if rule or key != "out"
        ),
        means=tuple(_build_means(occasion, rows, name, len(counted))),
        panel=build_panel(occasion.params.sentences, course, occasion.week, occasion.calendar),
    )


def _tell_counts(counts: pd.Series | None) -> dict[str, str]:
    """Return the counts of a class as texts; none where it was small, or was not there."""
    if counts is None or counts["students"] < LEAST:
        return {}
    return {str(key): str(value) for key, value in counts.items()}


def _build_means(
    occasion: Occasion, rows: ClassRows, name: str, columns: int
) -> Iterator[tuple[str, ...]]:
    """Yield the means of a class, as its advisors read them, and those of the term before."""
    group = rows.now.metrics[rows.now.metrics["class_id"] == name]
    past = rows.earlier.metrics[rows.earlier.metrics["class_id"] == name]
    if len(past) < LEAST:
        past = past.iloc[:0]
    for row, column in compute_means(occasion, group, rows.before.metrics):
        then = format_cell(past[column].mean(), row.unit)
        cells = (format_cell(value, row.unit) for value in (row.now, row.before))
        yield (row.label, *cells, then)[: columns + 1]


def _write_paragraph(totals: dict[str, int], last: int | None, briefings: Briefings) -> str:
    """Return what a language model wrote from the totals of the lists; empty for nothing."""
    found = (
        make_fact("classes_listed", value=totals["listed"], size=totals["students"], baseline=last),
        *(make_fact(f"classes_{name}", value=totals[name] or None)
          for name in ("new", "left", "contacts")),
    )  # fmt: skip
    return briefings.tell(BriefingRecord("classes", tuple(filter(None, found))))


def _build_summary(
    occasion: Occasion, totals: dict[str, int], last: dict[str, int], few: int
) -> Iterator[str]:
    """Yield sentences on the lists of all classes, and on how many classes are small.

    Args:
        occasion: the moment.
        totals: the students of all classes told, and each of `COUNTS`.
        last: the same of the week before; empty where it is not known.
        few: how many classes are too small to be told.
    """
    weeks = occasion.params.triage.hand_over_after
    if totals["students"]:
        yield occasion.say("classes_changes", weeks=weeks, last=last.get("listed"), **totals)
    if totals["out"]:
        rule, out = occasion.calendar.attendance_rule_pct, totals["out"]
        yield occasion.say("classes_out", rule=f"{rule:g}", out=out, students=totals["students"],
                           last=last.get("out"))  # fmt: skip
    if few:
        yield occasion.say("classes_small", count=few, least=LEAST)
