"""The page on which a student reads what is held: words and numbers, and nobody else's name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from edumetrics.fields import TABLES
from edumetrics.fields.labels import label_column
from edumetrics.fields.plain_meanings import COMMON, FORECASTS, explain_column
from edumetrics.params import Params
from edumetrics.reports.card_facts import OUTLOOKS, select_first, select_shown
from edumetrics.reports.cards import name_kind
from edumetrics.reports.context import is_known, round_value
from edumetrics.reports.render import render_template
from edumetrics.triage.choice import Record
from edumetrics.triage.exits import LEFT

# What a week shows, in the order of the columns: the phrase of the heading, and the metric.
WEEK = {
    "own_work": "submission_pct",
    "own_mark": "week_mark_pct",
    "own_activity_column": "effort_score",
    "own_performance_column": "academic_performance",
}
# What the log of reads calls the page behind a link of a mail, which needs no account.
REPLY_LINK = "reply"
Rows = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Link:
    """A link with which a student says something: its word and its address."""

    word: str
    address: str


@dataclass(frozen=True)
class StoredTable:
    """A table that holds rows on the student.

    Attributes:
        about: what it holds, in a sentence.
        count: how many rows.
        columns: of each column the word and the meaning.
    """

    about: str
    count: str
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ListedWeek:
    """A week on an advisor's list, or the one after the last of them.

    Attributes:
        title: which week, and what is said of it.
        shown: the facts that the advisor was shown.
        foretold: whether a prediction stood beside them.
        others: the facts that were noted and not shown.
    """

    title: str
    shown: tuple[str, ...]
    foretold: bool = False
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class OwnPage:
    """What a student reads.

    Attributes:
        intro: whose page it is, and what it is.
        recorded, weeks: where the records are from, and a row of cells for each week.
        scores: how the two numbers are made, and what is said of forecasts.
        lists: the weeks on a list, and those in which the student came off it, newest first.
        log: what is in the log; empty where nothing is.
        seen: who has seen it.
        ask: what to do where something is wrong.
        links: with which the student says so; none where nobody would read it.
        until: until when the links work; empty without links.
        newest: of each value of the newest week the word, the value and the meaning.
        newest_title: which week that is.
        stored: every table with a row on the student.
        contact: whom to ask; may be empty.
        months: how long after the term it is kept.
    """

    intro: str
    recorded: str
    weeks: tuple[tuple[str, ...], ...]
    scores: tuple[str, ...]
    lists: tuple[ListedWeek, ...]
    log: str
    seen: tuple[str, ...]
    ask: str
    links: tuple[Link, ...]
    until: str
    newest: tuple[tuple[str, str, str], ...]
    newest_title: str
    stored: tuple[StoredTable, ...]
    contact: str
    months: int


@dataclass(frozen=True)
class Held:
    """What is held on one student, and how it is to be told.

    Attributes:
        name: the student, as on the roll.
        day: when the page is made, in words.
        rows: by table, every row on the student; tables without one are left out.
        mails: how many mails to the advisor were about the student.
        shared_mails: how many mails about the student another advisor had.
        links, until: see `OwnPage`.
        contact: whom to ask; may be empty.
        params: the parameters.
    """

    name: str
    day: str
    rows: Rows
    mails: int
    shared_mails: int
    links: tuple[Link, ...]
    until: str
    contact: str
    params: Params

    def say(self, name: str, /, **values: Any) -> str:
        """Return a phrase of the catalogue."""
        return self.params.sentences.say("reports", name, **values)

    def select_newest(self, table: str) -> pd.DataFrame:
        """Return the rows of a table of the newest term that has metrics, in order of weeks."""
        metrics = self.rows.get("weekly_metrics")
        frame = self.rows.get(table)
        if metrics is None or frame is None:
            return pd.DataFrame(columns=TABLES[table].names)
        newest: pd.DataFrame = frame[frame["term"] == metrics["term"].max()]
        return newest.sort_values("sem_week")


def build_student_page(held: Held) -> OwnPage:
    """Return the page of a student, about the newest term of which something is held."""
    say, params = held.say, held.params
    weeks = held.select_newest("weekly_metrics")
    newest = weeks.iloc[-1].to_dict() if len(weeks) else {}
    shown = params.batch.student_page
    platform = "lms_active_days" in weeks and bool(weeks["lms_active_days"].notna().any())
    return OwnPage(
        intro=say("own_intro", college=params.mail.college_name, name=held.name, day=held.day),
        recorded=say("own_recorded", platform=platform),
        weeks=tuple(_tell_week(row, say) for row in weeks.to_dict("records")),
        scores=tuple(_explain_scores(held, newest)),
        lists=tuple(_tell_lists(held)),
        log=_tell_log(held),
        seen=tuple(_tell_readers(held)),
        ask=say("own_wrong") if held.links else say("own_wrong_ask", contact=held.contact),
        links=held.links,
        until=say("own_link_until", day=held.until) if held.links else "",
        newest=tuple(_list_values(newest, shown.forecast, say("own_unknown"))),
        newest_title=say("own_newest", week=int(newest["sem_week"])) if newest else "",
        stored=tuple(_describe_table(name, frame, say) for name, frame in held.rows.items()),
        contact=held.contact,
        months=params.batch.retention.months,
    )


def render_student_page(page: OwnPage, params: Params) -> str:
    """Return a student's page as one self-contained HTML file."""
    return render_template("student.html.j2", params.sentences, page=page, headings=tuple(WEEK))


def _tell_week(row: dict[Any, Any], say: Callable[..., str]) -> tuple[str, ...]:
    """Return the cells of a week; what is not known is a dash."""
    held = round_value(row["week_lectures_held"])
    lectures = (
        say("own_lectures_value", attended=round_value(row["week_lectures_attended"]), held=held)
        if held
        else "–"
    )
    units = {"own_work": "%"}
    numbers = (
        f"{round_value(row[metric])}{units.get(phrase, '')}" if is_known(row[metric]) else "–"
        for phrase, metric in WEEK.items()
    )
    return (str(int(row["sem_week"])), lectures, *numbers)


def _explain_scores(held: Held, newest: dict[Any, Any]) -> Iterator[str]:
    """Yield how the two numbers are made, with the college's own weights, and about forecasts."""
    say, scoring = held.say, held.params.scoring
    weights = {name: w for name, w in scoring.effort_weights.model_dump().items() if w}
    parts = [
        say("own_part", name=say(f"own_part_{name}"), share=round(100 * w / sum(weights.values())))
        for name, w in sorted(weights.items(), key=lambda one: -one[1])
    ]
    mixed = f"{', '.join(parts[:-1])} {held.params.sentences.and_} {parts[-1]}"
    week = int(newest["sem_week"]) if newest else 0
    yield say("own_activity", parts=mixed if len(parts) > 1 else parts[0], week=week,
              value=round_value(newest.get("effort_score")))  # fmt: skip
    shares = [round(100 * w / sum(scoring.academic_weights)) for w in scoring.academic_weights]
    yield say("own_performance", shares=", ".join(f"{one}%" for one in shares), week=week,
              value=round_value(newest.get("academic_performance")))  # fmt: skip
    chance = newest.get("p_fail")
    if not held.params.batch.student_page.forecast:
        yield say("own_forecast_hidden")
    elif chance is not None and is_known(chance):
        yield say("own_forecast", week=week, chance=round(100 * float(chance)))


def _tell_lists(held: Held) -> Iterator[ListedWeek]:
    """Yield each week on a list of the newest term with its facts, and each that ended one."""
    say, found = held.say, dict[int, ListedWeek]()
    foretold = _find_foretold(held)
    for row in held.select_newest("weekly_flags").to_dict("records"):
        week = int(row["sem_week"])
        tier = say(f"tier_{row['risk_tier']}") if held.params.batch.student_page.tier else ""
        # A card shows some facts, a line the first.
        select = select_shown if row["within_capacity"] else select_first
        grace = week <= held.params.calendar.grace_weeks
        shown = select(row, grace=grace, foretold=week in foretold)
        found[week] = ListedWeek(
            title=say("own_list_week", week=week, tier=tier),
            shown=tuple(_list_texts(shown)),
            foretold=week in foretold and bool(row["within_capacity"]),
            others=tuple(_list_texts(one for one in row["reasons"] if one not in shown)),
        )
    for row in held.select_newest("list_exits").to_dict("records"):
        week = int(row["sem_week"])
        better = tuple(_list_texts(row["improved"])) if row["kind"] == LEFT else ()
        found[week] = ListedWeek(say("own_left", week=week), better)
    yield from (found[week] for week in sorted(found, reverse=True))


def _list_texts(records: Iterable[Record]) -> Iterator[str]:
    return (str(record["text"]) for record in records if record.get("text"))


def _find_foretold(held: Held) -> set[int]:
    """Return the weeks in which a prediction of an exam stood on the card."""
    weeks = set[int]()
    for table, score in OUTLOOKS.values() if held.params.triage.uses_models else ():
        rows = held.select_newest(table)
        weeks |= set(rows.dropna(subset=["p_fail", score, "low"])["sem_week"].astype("int64"))
    return weeks


def _tell_log(held: Held) -> str:
    """Return what is in the log, without notes, which may name others; empty for nothing."""
    entries = held.rows.get("intervention_log", pd.DataFrame()).to_dict("records")
    told = [
        held.say(
            "own_contact",
            kind=held.say(name_kind(row["kind"], row["outcome"])),
            week=int(row["sem_week"]),
        )
        for row in entries
    ]
    return held.say("own_contacts", contacts=", ".join(told)) if told else ""


def _tell_readers(held: Held) -> Iterator[str]:
    """Yield who has seen what is held, by what they are and not by name."""
    listed = held.select_newest("weekly_flags")
    exams = any(len(held.select_newest(table)) for table, _ in OUTLOOKS.values())
    yield held.say(
        "own_seen_advisor", mails=held.mails, lists=bool(len(listed)), exams=exams
    ).strip()
    if held.shared_mails:
        yield held.say("own_seen_shared", mails=held.shared_mails)
    handed = listed[listed["hand_over"].astype(bool)] if len(listed) else listed
    if len(handed) and held.params.triage.hand_over_to:
        weeks = tuple(sorted(int(week) for week in handed["sem_week"]))
        yield held.say("own_seen_handed", weeks=held.params.sentences.name_weeks(weeks))
    reads = held.rows.get("access_log", pd.DataFrame(columns=["what", "read_at"]))
    by_link = reads["what"] == REPLY_LINK
    if by_link.any():
        yield held.say("own_seen_links", count=int(by_link.sum()))
    reads = reads[~by_link]
    last = pd.Timestamp(reads["read_at"].max()) if len(reads) else None
    day = held.params.sentences.format_day(last) if last is not None else ""
    yield held.say("own_seen_reads", count=len(reads), day=day)
    yield held.say("own_seen_head")


def _list_values(
    newest: dict[Any, Any], forecasts: bool, unknown: str
) -> Iterator[tuple[str, str, str]]:
    """Yield word, value and meaning of each value of a week, but for what a forecast says."""
    for field in TABLES["weekly_metrics"].fields if newest else ():
        if field.name in COMMON or (field.name in FORECASTS and not forecasts):
            continue
        value = newest[field.name]
        text = f"{float(value):.0f}" if is_known(value) else unknown
        yield label_column(field.name), text, explain_column(field)


def _describe_table(name: str, frame: pd.DataFrame, say: Callable[..., str]) -> StoredTable:
    columns = (field for field in TABLES[name].fields if field.name not in COMMON)
    return StoredTable(
        about=say(f"own_table_{name}"),
        count=say("own_rows", count=len(frame)),
        columns=tuple((label_column(field.name), explain_column(field)) for field in columns),
    )
