"""Build the cards of the weekly report: the students on an advisor's list and those who left it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pandas as pd

from edumetrics.fields.reasons import REASONS
from edumetrics.forecast.subjects import LOW
from edumetrics.params import Calendar
from edumetrics.reports.context import Occasion, format_day, is_known, normalize_text
from edumetrics.reports.model import Fact, StudentEntry
from edumetrics.reports.sparklines import Panel
from edumetrics.triage.choice import Record
from edumetrics.triage.choice import choose_facts as select_reasons
from edumetrics.triage.situation import CONTACTS
from edumetrics.types import Row

# Codes of reasons about the weeks ahead, in the order of importance on a card.
AHEAD = [code for code, record in REASONS.items() if record.kind == "ahead"]
DEADLINE = AHEAD
FORECAST = [code for code in AHEAD if code.startswith("forecast")]
# In percent. A forecast below this chance adds nothing to the other reasons on a card.
TELLING = 100 * LOW
# The most reasons on a card.
SHOWN = 3
# An advisor reads a card between two lectures. Both limits are in words and include the links:
# the first is for one card, the second for all cards of *Start here* together.
CARD_WORDS, START_WORDS = 60, 480
# "Draft an email", "Talked", "No answer", "Known reason" and "Wrong flag".
LINK_WORDS = 10
# How many teaching weeks up to a contact are compared with the weeks after it.
PACE_WEEKS = 4


def build_cards(
    occasion: Occasion,
    advisor: str,
    flags: pd.DataFrame,
    contacts: dict[str, Row],
    panels: dict[str, Panel | None],
) -> tuple[StudentEntry, ...]:
    """Return a card for each student to start with; each card keeps to its number of words.

    Args:
        occasion, advisor: the moment, and the advisor (advisor_id) whose list it is.
        flags: rows of weekly_flags with names, in order of rank.
        contacts: the last contact by student_id (see `find_last_contacts`).
        panels: the semester so far by student_id; None where there is nothing to draw.

    Returns:
        The entries, in the order of `flags`.
    """
    # The cards of a long list are shorter. `max` avoids a division by zero for an empty list.
    budget = min(CARD_WORDS, START_WORDS // max(len(flags), 1))
    cards = []
    for row in flags.to_dict("records"):
        contact, panel = contacts.get(row["student_id"]), panels.get(row["student_id"])
        cards.append(_build_card(occasion, advisor, row, contact, panel, budget))
    return tuple(cards)


def build_lines(occasion: Occasion, flags: pd.DataFrame) -> tuple[StudentEntry, ...]:
    """Return a line for each student who comes next, with the strongest reason only."""
    return tuple(
        occasion.build_entry(
            row,
            row["risk_tier"],
            since=_describe_time_on_list(occasion, row),
            reasons=(choose_card_reasons(row["reasons"], 1)[0]["text"],),
        )
        for row in flags.to_dict("records")
    )


def build_care_lines(
    occasion: Occasion, flags: pd.DataFrame, contacts: dict[str, Row]
) -> tuple[StudentEntry, ...]:
    """Return a line for each student in someone's care.

    A line has the last contact, the plain numbers since then, and when the care ends.
    """
    return tuple(
        occasion.build_entry(row, facts=_describe_care(contacts.get(row["student_id"]), occasion))
        for row in flags.to_dict("records")
    )


def build_departure_lines(occasion: Occasion, left: pd.DataFrame) -> tuple[StudentEntry, ...]:
    """Return a line for each student who left the list, with what improved most."""
    return tuple(
        occasion.build_entry(row, reasons=tuple(record["text"] for record in row["improved"][:1]))
        for row in left.to_dict("records")
    )


def find_last_contacts(
    contacts: pd.DataFrame, courses: pd.DataFrame, week: int, calendar: Calendar
) -> dict[str, Row]:  # fmt: skip
    """Return the last contact of each student, with attendance before and after it.

    A contact belongs to the week whose list it answers: `before` includes that week (see
    `triage.flags`).

    Args:
        contacts: student_id, sem_week, kind, until, logged_at.
        courses: student_id, sem_week, week_lectures_held, week_lectures_attended of the weeks so
            far.
        week: the newest week; contacts entered for it, or for a later week, are not known yet.
        calendar: which weeks are taught.

    Returns:
        By student_id: the columns of the contact, and attendance in percent: `before` in up to
        four teaching weeks, `since` in all weeks after. None where no lecture was held.
    """
    # The week that a contact answers decides; the time of entry only breaks a tie.
    entered = contacts[contacts["sem_week"] < week].sort_values(["sem_week", "logged_at"])
    last = entered.drop_duplicates("student_id", keep="last")
    # One grouping, instead of a filter of the whole frame for each student.
    own = dict(list(courses[courses["student_id"].isin(last["student_id"])].groupby("student_id")))
    found: dict[str, Row] = {}
    for row in last.to_dict("records"):
        # The empty frame keeps the columns: its sums are 0, and attendance is None.
        mine = own.get(row["student_id"], courses.iloc[:0])
        before = calendar.get_last_teaching_weeks(row["sem_week"], PACE_WEEKS)
        found[str(row["student_id"])] = {
            **row,
            "before": _compute_attendance(mine[mine["sem_week"].isin(before)]),
            "since": _compute_attendance(mine[mine["sem_week"] > row["sem_week"]]),
        }
    return found


def _compute_attendance(weeks: pd.DataFrame) -> float | None:
    """Return the share of the lectures held that were attended, in percent; None for none held."""
    # A share of sums, not a mean of weekly shares: a week with two lectures must not count as much
    # as a week with twenty.
    held = weeks["week_lectures_held"].sum()
    return None if not held else 100 * float(weeks["week_lectures_attended"].sum()) / float(held)


def choose_card_reasons(records: list[Record], count: int) -> list[Record]:
    """Return the first `count_words` reasons that say what is wrong.

    A reason that says that the student is as good as the class, or better, is left out unless there
    is no other reason.
    """
    other = [record for record in records if not _is_at_class_level(record)]
    early = [record for record in other if REASONS[record["code"]].early]
    # Early signals have no points: `told` keeps them only where no other reason has any.
    weighed = [record for record in other if record["points"] > 0]
    return (
        select_reasons([*weighed, *early], count)
        if weighed or early
        else select_reasons(other or records, count)
    )


def _is_at_class_level(record: Record) -> bool:
    """Return whether a reason compares a student with the class, to whom the student is equal."""
    about = REASONS[record["code"]]
    both_known = record["value"] is not None and record["baseline"] is not None
    # Where more is worse, a higher value says nothing good.
    compared = about.versus_class and about.worse == "below"
    return compared and both_known and bool(record["value"] >= record["baseline"])


def _build_card(
    occasion: Occasion, advisor: str, row: Row, contact: Row | None, panel: Panel | None,
    budget: int,
) -> StudentEntry:  # fmt: skip
    """Return the card of one student; `budget` is its number of words."""
    reasons = choose_card_reasons(row["reasons"], SHOWN)
    codes = {record["code"] for record in reasons}
    # Reasons with one `says` say one thing: a card says it once.
    said = {REASONS[code].says for code in codes} - {""}
    ahead = [
        record
        for record in row["reasons"]
        if record["code"] in AHEAD
        and record["code"] not in codes
        and REASONS[record["code"]].says not in said
    ]
    ahead = [
        record for record in ahead if record["code"] not in FORECAST or record["value"] >= TELLING
    ]
    ahead.sort(key=lambda record: AHEAD.index(record["code"]))
    entry = occasion.build_entry(
        row, row["risk_tier"], since=_describe_time_on_list(occasion, row), panel=panel,
        **occasion.write_drafts(row, advisor, row["reasons"]),
    )  # fmt: skip
    # The number is the place on the card. The list below is in order of importance instead:
    # it decides what stays when there are too many words.
    why = [(0, record["text"]) for record in reasons]
    deadline = [(1, Fact("", record["text"])) for record in ahead if record["code"] in DEADLINE]
    rest = [(2, Fact("", record["text"])) for record in ahead if record["code"] not in DEADLINE]
    step, last = (3, _describe_step(occasion, row)), (4, _describe_contact(occasion, contact))
    return _fit_parts(
        entry, [*why[:1], last, *deadline, step, *why[1:2], *rest[:1], *why[2:], *rest[1:]], budget
    )


def _fit_parts(
    entry: StudentEntry, parts: list[tuple[int, str | Fact]], budget: int
) -> StudentEntry:
    """Return an entry with as many parts as it has words for; the other parts go into `more`.

    Args:
        entry: the entry without reasons and facts.
        parts: reasons (texts) and facts, the most important first, each with its place on the card.
        budget: the number of words for the card, links included.
    """
    left = (
        budget
        - LINK_WORDS
        - count_words([entry.name, entry.roll_number, entry.urgency, entry.since])
    )
    kept, more = [], []
    for n, (place, part) in enumerate(parts):
        said = part if isinstance(part, str) else f"{part.label} {part.text}".strip()
        # The first part always stays. A short part may still fit after a long one did not.
        if n == 0 or count_words([said]) <= left:
            kept.append((place, part))
            left -= count_words([said])
        else:
            more.append(said)
    kept.sort(key=lambda pair: pair[0])
    return replace(
        entry,
        reasons=tuple(part for _, part in kept if isinstance(part, str)),
        facts=tuple(part for _, part in kept if isinstance(part, Fact)),
        more=tuple(more),
    )


def count_words(texts: Iterable[str]) -> int:
    """Return how many words some texts have."""
    return sum(len(one.split()) for one in texts)


def _describe_step(occasion: Occasion, row: Row) -> Fact:
    """Return the step that takes the student off the list, or a kind word where no step does."""
    # `off_list_if` is a sentence of the college's sentences.yml, perhaps a translated one: the
    # comparison is with that file, not with English words.
    step = normalize_text(row["off_list_if"])
    if step == occasion.params.sentences.off_list["nothing"]:
        return occasion.say_fact("fact_stays")
    if step:
        return occasion.say_fact("fact_step", step=step)
    # After the last teaching week this is None, and `no_step` has a sentence for that.
    following = next(iter(occasion.calendar.get_next_teaching_weeks(occasion.week)), None)
    return Fact("", describe_no_step(occasion.params.sentences, row["reasons"], following))


def _describe_contact(occasion: Occasion, contact: Row | None) -> Fact:
    """Return the kind and date of the last contact, and attendance before and after it."""
    if contact is None:
        return occasion.say_fact("fact_no_contact")
    kind = occasion.say(f"kind_{contact['kind'].replace(' ', '_')}")
    day, before, since = format_day(contact["logged_at"]), contact["before"], contact["since"]
    # Plain numbers without a cause: a rise after a contact does not show that the contact helped.
    return occasion.say_fact("fact_contact", kind=kind, day=day, before=before, since=since)


def _describe_care(contact: Row | None, occasion: Occasion) -> tuple[Fact, ...]:
    """Return the last contact and the end of the care; empty where no contact is known."""
    if contact is None:
        return ()
    said = _describe_contact(occasion, contact)
    calendar, weeks = occasion.calendar, occasion.params.triage.looked_after_weeks
    if is_known(contact["until"]):
        return said, occasion.say_fact("back_after_day", day=format_day(contact["until"]))
    # Without a date, care lasts for the next teaching weeks, as in
    # `triage.flags.find_looked_after`.
    covered = calendar.get_next_teaching_weeks(contact["sem_week"])[:weeks]
    if contact["kind"] not in CONTACTS or not covered:
        return (said,)
    return said, occasion.say_fact("back_after_week", week=covered[-1])


def _describe_time_on_list(occasion: Occasion, row: Row) -> str:
    """Return in words for how long the student has been on the list."""
    # The level is 0 in grace weeks and 1 in the first week after them.
    return occasion.say("on_list", status=row["status"], weeks=int(row["escalation_level"]))
