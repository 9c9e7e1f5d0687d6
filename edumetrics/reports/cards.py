"""Cards: what the weekly report says of each student on an advisor's list, and of those who left it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pandas as pd

from edumetrics.forecast.subjects import LOW
from edumetrics.params import Calendar
from edumetrics.reports.model import Entry, Fact
from edumetrics.reports.occasion import Occasion, day, known, text
from edumetrics.reports.panels import Panel
from edumetrics.triage.flags import CONTACTS
from edumetrics.triage.reasons import OUT_OF_REACH, Record, no_step, told
from edumetrics.triage.situation import Row

# What lies ahead, by how much it matters on a card.
DEADLINE = ("attendance_standing", "attendance_out_of_reach")
FORECAST = ("forecast", "forecast_drift")
AHEAD = (*DEADLINE, "out_of_reach_week", *FORECAST, "open_work")
# What says where a student stands; of someone who stands as well as the class does it says nothing.
LEVELS = ("academic_level", "effort_level", "forecast_marks", "forecast_work", "forecast_attendance",
          "forecast_activity", "forecast_midterm", "forecast_earlier")  # fmt: skip
# What puts a student on the list in the first weeks, when no number does yet.
EARLY = ("watchlist", "early_signal")
# From this chance on a forecast says something that the card does not.
TELLING = 100 * LOW
REASONS = 3
# A card is read between two lectures: so many words, its links included; and so many for all of *Start here*.
CARD_WORDS, START_WORDS = 60, 480
LINK_WORDS = 10
PACE_WEEKS = 4


def cards(
    occasion: Occasion,
    advisor: str,
    flags: pd.DataFrame,
    contacts: dict[str, Row],
    panels: dict[str, Panel | None],
) -> tuple[Entry, ...]:
    """Who to start with, each on a card that keeps to its number of words.

    Args:
        occasion, advisor: the moment, and whose list it is.
        flags: rows of weekly_flags with names, in order of rank.
        contacts: the last contact by student_id (see `last_contacts`).
        panels: the semester so far by student_id.
    """
    budget = min(CARD_WORDS, START_WORDS // max(len(flags), 1))
    return tuple(
        _card(
            occasion,
            advisor,
            row,
            contacts.get(row["student_id"]),
            panels.get(row["student_id"]),
            budget,
        )
        for row in flags.to_dict("records")
    )


def lines(occasion: Occasion, flags: pd.DataFrame) -> tuple[Entry, ...]:
    """Who comes next: the strongest reason only."""
    return tuple(
        occasion.entry(
            row,
            row["risk_tier"],
            since=_since(occasion, row),
            reasons=(telling(row["reasons"], 1)[0]["text"],),
        )
        for row in flags.to_dict("records")
    )


def looked_after(
    occasion: Occasion, flags: pd.DataFrame, contacts: dict[str, Row]
) -> tuple[Entry, ...]:
    """Who is in someone's care: the last contact, the plain numbers since, and until when."""
    return tuple(
        occasion.entry(row, facts=_care(contacts.get(row["student_id"]), occasion))
        for row in flags.to_dict("records")
    )


def departures(occasion: Occasion, left: pd.DataFrame) -> tuple[Entry, ...]:
    """Who left the list, and what improved most."""
    return tuple(
        occasion.entry(row, reasons=tuple(record["text"] for record in row["improved"][:1]))
        for row in left.to_dict("records")
    )


def last_contacts(
    contacts: pd.DataFrame, courses: pd.DataFrame, week: int, calendar: Calendar
) -> dict[str, Row]:  # fmt: skip
    """The last contact of each student, and attendance in up to four teaching weeks before it and since, in percent.

    A contact belongs to the week whose list it answers: what came before includes that week (see `triage.flags`).

    Args:
        contacts: student_id, sem_week, kind, until, logged_at.
        courses: student_id, sem_week, week_lectures_held, week_lectures_attended of the weeks so far.
        week: the newest; contacts entered for it, or later, are not known yet.
        calendar: which weeks are taught.
    """
    entered = contacts[contacts["sem_week"] < week].sort_values(["sem_week", "logged_at"])
    last = entered.drop_duplicates("student_id", keep="last")
    own = dict(list(courses[courses["student_id"].isin(last["student_id"])].groupby("student_id")))
    found: dict[str, Row] = {}
    for row in last.to_dict("records"):
        mine = own.get(row["student_id"], courses.iloc[:0])
        before = calendar.last_teaching_weeks(row["sem_week"], PACE_WEEKS)
        found[str(row["student_id"])] = {
            **row,
            "before": _attended(mine[mine["sem_week"].isin(before)]),
            "since": _attended(mine[mine["sem_week"] > row["sem_week"]]),
        }
    return found


def _attended(weeks: pd.DataFrame) -> float | None:
    held = weeks["week_lectures_held"].sum()
    return None if not held else 100 * float(weeks["week_lectures_attended"].sum()) / float(held)


def telling(records: list[Record], count: int) -> list[Record]:
    """The first reasons that say what is the matter; never that a student is as good as the class, or better."""
    other = [record for record in records if not _as_good(record)]
    early = [record for record in other if record["code"] in EARLY]
    weighed = [record for record in other if record["points"] > 0]
    return told([*weighed, *early], count) if weighed or early else told(other or records, count)


def _as_good(record: Record) -> bool:
    known = record["value"] is not None and record["baseline"] is not None
    return record["code"] in LEVELS and known and record["value"] >= record["baseline"]


def _card(
    occasion: Occasion, advisor: str, row: Row, contact: Row | None, panel: Panel | None, budget: int
) -> Entry:  # fmt: skip
    reasons = telling(row["reasons"], REASONS)
    codes = {record["code"] for record in reasons}
    # Who has just been told that the rule is out of reach need not read it again.
    said = codes | (OUT_OF_REACH if codes & OUT_OF_REACH else set())
    ahead = [
        record
        for record in row["reasons"]
        if record["code"] in AHEAD and record["code"] not in said
    ]
    ahead = [
        record for record in ahead if record["code"] not in FORECAST or record["value"] >= TELLING
    ]
    ahead.sort(key=lambda record: AHEAD.index(record["code"]))
    open_work = next(
        (record["value"] for record in row["reasons"] if record["code"] == "open_work"), 0
    )
    entry = occasion.entry(
        row, row["risk_tier"], since=_since(occasion, row), panel=panel,
        **occasion.drafts(row, advisor, [record["code"] for record in reasons], int(open_work or 0)),
    )  # fmt: skip
    why = [(0, record["text"]) for record in reasons]
    deadline = [(1, Fact("", record["text"])) for record in ahead if record["code"] in DEADLINE]
    rest = [(2, Fact("", record["text"])) for record in ahead if record["code"] not in DEADLINE]
    step, last = (3, _step(occasion, row)), (4, _contact(contact))
    return _fitted(
        entry, [*why[:1], last, *deadline, step, *why[1:2], *rest[:1], *why[2:], *rest[1:]], budget
    )


def _fitted(entry: Entry, parts: list[tuple[int, str | Fact]], budget: int) -> Entry:
    """An entry with as many of its parts as there are words for; what has no room is `more`.

    Args:
        entry: without reasons and facts.
        parts: reasons (texts) and facts, the most important first, each with its place on the card.
        budget: how many words there are for the card, links included.
    """
    left = budget - LINK_WORDS - count([entry.name, entry.roll_number, entry.urgency, entry.since])
    kept, more = [], []
    for n, (place, part) in enumerate(parts):
        said = part if isinstance(part, str) else f"{part.label} {part.text}".strip()
        if n == 0 or count([said]) <= left:
            kept.append((place, part))
            left -= count([said])
        else:
            more.append(said)
    kept.sort(key=lambda pair: pair[0])
    return replace(
        entry,
        reasons=tuple(part for _, part in kept if isinstance(part, str)),
        facts=tuple(part for _, part in kept if isinstance(part, Fact)),
        more=tuple(more),
    )


def count(texts: Iterable[str]) -> int:
    """How many words some texts have."""
    return sum(len(one.split()) for one in texts)


def _step(occasion: Occasion, row: Row) -> Fact:
    """What would take the student off the list, or a kind word where no single step does."""
    step = text(row["off_list_if"])
    if step == occasion.params.sentences.off_list["nothing"]:
        return Fact("Off the list", "next week if things stay as they are.")
    if step:
        return Fact("Off the list:", f"{step}.")
    following = next(iter(occasion.calendar.next_teaching_weeks(occasion.week)), None)
    return Fact("", no_step(occasion.params.sentences, row["reasons"], following))


def _contact(contact: Row | None) -> Fact:
    """Kind and date of the last contact, and the plain numbers since; no word on what caused what."""
    if contact is None:
        return Fact("No contact", "yet.")
    before, since = contact["before"], contact["since"]
    numbers = (
        ""
        if before is None or since is None
        else f"; attendance since then: {before:.0f}% → {since:.0f}%"
    )
    return Fact(f"{contact['kind'].capitalize()},", f"{day(contact['logged_at'])}{numbers}.")


def _care(contact: Row | None, occasion: Occasion) -> tuple[Fact, ...]:
    if contact is None:
        return ()
    calendar, weeks = occasion.calendar, occasion.params.triage.looked_after_weeks
    if known(contact["until"]):
        return _contact(contact), Fact("", f"Back in view after {day(contact['until'])}.")
    covered = calendar.next_teaching_weeks(contact["sem_week"])[:weeks]
    if contact["kind"] not in CONTACTS or not covered:
        return (_contact(contact),)
    return _contact(contact), Fact("", f"Back in view after week {covered[-1]}.")


def _since(occasion: Occasion, row: Row) -> str:
    if row["status"] == "new":
        return "new"
    if row["status"] == "returned":
        return "back on the list"
    weeks = int(row["escalation_level"])
    return f"{occasion.words(weeks)} weeks running" if weeks > 1 else "since last week"
