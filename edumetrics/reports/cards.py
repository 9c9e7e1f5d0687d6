"""Build the cards and lines of the weekly report: who is on an advisor's list, and who left it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import pandas as pd

from edumetrics.fields.chances import BASELINE, HIGH, LOW
from edumetrics.params import Calendar
from edumetrics.reports.card_facts import EARLIER, WATCHLIST, select_first, select_shown
from edumetrics.reports.context import Occasion, find_next_exam, is_known
from edumetrics.reports.model import Fact, StudentEntry
from edumetrics.reports.sparklines import Panel
from edumetrics.triage.choice import Record, get_kind
from edumetrics.triage.exits import LEFT, REMAINING
from edumetrics.triage.situation import CONTACTS, NO_ANSWER, REFERRED, STUDENT_SAYS, TALK
from edumetrics.types import Row

# From so many words on a card is told in shorter sentences, and the most that it may have; names
# count, links do not. Eight cards then have fewer than 450.
CARD_WORDS, MOST_WORDS = 50, 60


@dataclass(frozen=True)
class CardBuilder:
    """What the cards and lines of a week are built from, for all advisors.

    Attributes:
        occasion: the moment.
        latest, caring: the last contact by student_id (see `find_last_contacts`), of any kind, and
            of the kinds after which a student is looked after.
        panels: the semester so far by student_id; None where there is nothing to draw.
        outlook: predicted, low, high, p_fail, subjects and subject_names by student_id, before an
            exam.
    """

    occasion: Occasion
    latest: Mapping[str, Row]
    caring: Mapping[str, Row]
    panels: Mapping[str, Panel | None]
    outlook: Mapping[str, Row]

    def build_card(self, advisor: str, row: Row, *, kept: bool) -> StudentEntry:
        """Return the card of a student to start with.

        Args:
            advisor: advisor_id of who signs the letter.
            row: weekly_flags with the student's name.
            kept: whether the place was kept for a new name.
        """
        contact = self.latest.get(row["student_id"])
        day = self.occasion.format_day(contact["logged_at"]) if contact else ""
        talked = day if contact and contact["kind"] == TALK else ""
        card = self._build_listed(
            row,
            since=self._describe_time_on_list(row, kept=kept),
            reasons=self._tell_facts(row),
            facts=(
                *_tell_step(row),
                *self._offer_office(row, contact),
                *self._tell_contact(contact),
            ),
            **self.occasion.write_drafts(row, advisor, row["reasons"], talked),
        )
        shorter = {
            record["text"]: record["short"] for record in row["reasons"] if "short" in record
        }
        return _shorten_card(card, row["reasons"], shorter, self._foretell(row))

    def build_line(self, row: Row) -> StudentEntry:
        """Return the line of a student who comes next, with the first fact."""
        since = self._describe_time_on_list(row)
        return self._build_listed(row, since=since, reasons=self._tell_first_fact(row))

    def build_shared_line(self, row: Row, first_advisor: str) -> StudentEntry:
        """Return the line of a student of whom the reader is the second advisor."""
        who = self.occasion.say_fact("shared_with", advisor=first_advisor)
        return self.occasion.build_entry(
            row,
            row["risk_tier"],
            since=self._describe_time_on_list(row),
            reasons=self._tell_first_fact(row),
            facts=(who,),
        )

    def build_care_line(self, row: Row) -> StudentEntry:
        """Return the line of a student in someone's care.

        A line has the first fact, the last contact with what followed, and when the care ends.
        """
        contact, latest = (some.get(row["student_id"]) for some in (self.caring, self.latest))
        # What a student says comes before an older contact: it waits for an answer.
        if latest is not None and latest["kind"] == STUDENT_SAYS:
            contact = latest
        facts = (*self._tell_contact(contact), *self._tell_end_of_care(contact))
        return self._build_listed(row, tier="", reasons=self._tell_first_fact(row), facts=facts)

    def _build_listed(self, row: Row, tier: str | None = None, **more: Any) -> StudentEntry:
        """Return the entry of a student on the reader's list, with a sheet to print."""
        return self.occasion.build_entry(
            row,
            row["risk_tier"] if tier is None else tier,
            # What a student may be handed has no forecast.
            handout=(
                *self._write(select_shown(row, grace=self._is_early)),
                *(fact.text for fact in _tell_step(row)),
            ),
            panel=self.panels.get(row["student_id"]),
            **more,
        )

    def _tell_first_fact(self, row: Row) -> tuple[str, ...]:
        """Return the fact of a line; before an exam the prediction where nothing else is known."""
        foretold = self._foretell(row)
        told = select_first(row, grace=self._is_early, foretold=bool(foretold))
        return self._write(told) or foretold[1:2]

    def _tell_facts(self, row: Row) -> tuple[str, ...]:
        """Return the facts of a card, in the order of their kinds; a prediction comes last."""
        foretold = self._foretell(row)
        told = select_shown(row, grace=self._is_early, foretold=bool(foretold))
        return (*self._write(told), *foretold[:1])

    @property
    def _is_early(self) -> bool:
        return self.occasion.week <= self.occasion.calendar.grace_weeks

    def _write(self, records: list[Record]) -> tuple[str, ...]:
        """Return the sentences of reasons; what earlier semesters say is one with its number."""
        texts = [record["text"] for record in records]
        if not self._is_early or not records or records[0]["code"] != WATCHLIST:
            return tuple(texts)
        known = texts[1] if [one["code"] for one in records[1:2]] == [EARLIER] else None
        # The number says more than that there is one, and is not the same on every card.
        first = self.occasion.say("card_watchlist", why=texts[0], fact=known)
        return (first, *texts[2 if known else 1 :])

    def _foretell(self, row: Row) -> tuple[str, ...]:
        """Return the predicted score with its range and the chance in words, in fewer and fewer.

        The first has the subjects at risk with what still counts towards them, the second their
        names alone, the last none. Empty where no exam is near, or nothing was predicted.
        """
        outlook = self.outlook.get(row["student_id"])
        if outlook is None:
            return ()
        exam, chance = find_next_exam(self.occasion.week, self.occasion.calendar), outlook["p_fail"]
        label = "high" if chance >= HIGH else "medium" if chance >= LOW else "low"
        return tuple(
            self.occasion.say(
                "card_outlook",
                exam=self.occasion.say(f"exam_{exam}") if exam else "",
                label=label,
                count=100 * chance,
                rough=outlook["model_id"] == BASELINE,
                subjects=subjects,
                **{name: outlook[name] for name in ("predicted", "low", "high")},
            )
            for subjects in (outlook["subjects"], outlook["subject_names"], "")
        )

    def _offer_office(self, row: Row, contact: Row | None) -> Iterator[Fact]:
        """Yield the office for what the card leads with, unless the student was sent to one."""
        topic = next((str(one.get("topic", "")) for one in row["reasons"]), "")
        office = self.occasion.params.referrals.find_office(topic)
        if office is not None and (contact is None or contact["kind"] != REFERRED):
            yield self.occasion.say_fact("can_help", office=office.name, contact=office.contact)

    def _tell_contact(self, contact: Row | None) -> Iterator[Fact]:
        """Yield the kind and date of the last contact, and the attendance that followed it."""
        if contact is None:
            return
        say, weeks = self.occasion.say, contact["weeks"]
        # Plain numbers without a cause: a rise after a contact does not show that it helped.
        yield self.occasion.say_fact(
            "fact_contact",
            kind=say("kind_referred_to", office=contact["referral"])
            if is_known(contact["referral"])
            else say(name_kind(contact["kind"], contact["outcome"])),
            day=self.occasion.format_day(contact["logged_at"]),
            weeks=self.occasion.params.sentences.name_weeks(weeks) if weeks else "",
            since=contact["since"],
        )

    def _tell_end_of_care(self, contact: Row | None) -> Iterator[Fact]:
        """Yield when the care ends, where a contact is known after which a student is cared for."""
        if contact is None:
            return
        occasion = self.occasion
        if is_known(contact["until"]):
            yield occasion.say_fact("back_after_day", day=occasion.format_day(contact["until"]))
            return
        # Without a date, care lasts for the next teaching weeks, as triage counts them.
        following = occasion.calendar.get_next_teaching_weeks(contact["sem_week"])
        covered = following[: occasion.params.triage.looked_after_weeks]
        if covered:
            yield occasion.say_fact("back_after_week", week=covered[-1])

    def _describe_time_on_list(self, row: Row, *, kept: bool = False) -> str:
        """Return in words how many weeks the student has been on the list, and the marks."""
        return self.occasion.say(
            "on_list",
            status=row["status"],
            weeks=int(row["weeks_on_list"]),
            kept=kept,
            waiting=bool(row["hand_over"]),
            tried=self.latest.get(row["student_id"], {}).get("kind") == NO_ANSWER,
        )


def build_exit_line(occasion: Occasion, row: Row) -> StudentEntry:
    """Return the line of a student who is no longer listed.

    Whoever left has what improved most, and the attendance rule where it went out of reach; of the
    others the line has what remains.
    """
    told = remaining = row["remaining"][:REMAINING]
    if row["kind"] == LEFT:
        told = [*row["improved"][:1], *filter(_is_lost, remaining)]
    return occasion.build_entry(row, reasons=tuple(record["text"] for record in told))


def tells_rule_lost(remaining: list[Record]) -> bool:
    """Return whether what remains has it that the attendance rule went out of reach."""
    return any(map(_is_lost, remaining[:REMAINING]))


def _is_lost(record: Record) -> bool:
    return bool(record["code"] == "out_of_reach")


def name_kind(kind: str, outcome: object = "") -> str:
    """Return the phrase of a kind of contact; of a student's word, that of what it says."""
    said = str(outcome) if kind == STUDENT_SAYS else kind
    return f"kind_{said.replace(' ', '_')}"


def find_last_contacts(
    contacts: pd.DataFrame, courses: pd.DataFrame, week: int, calendar: Calendar
) -> dict[str, Row]:  # fmt: skip
    """Return the last contact of each student, with the attendance that followed it.

    A contact belongs to the week whose list it answers.

    Args:
        contacts: student_id, sem_week, kind, until, logged_at.
        courses: student_id, sem_week, week_lectures_held, week_lectures_attended of the weeks so
            far.
        week: the newest week; contacts entered for it, or for a later week, are not known yet.
        calendar: which weeks are taught.

    Returns:
        By student_id: the columns of the contact; `weeks`, the teaching weeks after it in which
        lectures were held; and `since`, the attendance in them in percent, None without any.
    """
    # The week that a contact answers decides; the time of entry only breaks a tie.
    entered = contacts[contacts["sem_week"] < week].sort_values(["sem_week", "logged_at"])
    last = entered.drop_duplicates("student_id", keep="last")
    # One grouping, instead of a filter of the whole frame for each student.
    own = dict(list(courses[courses["student_id"].isin(last["student_id"])].groupby("student_id")))
    found: dict[str, Row] = {}
    for row in last.to_dict("records"):
        # The empty frame keeps the columns: its sums are 0.
        mine = own.get(row["student_id"], courses.iloc[:0])
        after = mine[
            (mine["sem_week"] > row["sem_week"])
            & (mine["week_lectures_held"] > 0)
            & mine["sem_week"].isin(calendar.teaching_weeks)
        ]
        held, attended = (
            float(after[f"week_lectures_{name}"].sum()) for name in ("held", "attended")
        )
        found[str(row["student_id"])] = {
            **row,
            "weeks": tuple(int(w) for w in after["sem_week"]),
            "since": 100 * attended / held if held else None,
        }
    return found


def select_caring(contacts: pd.DataFrame) -> pd.DataFrame:
    """Return the contacts after which a student is looked after."""
    return contacts[contacts["kind"].isin(CONTACTS)]


def _shorten_card(
    card: StudentEntry,
    records: list[Record],
    shorter: Mapping[str, str],
    foretold: tuple[str, ...],
) -> StudentEntry:
    """Return a card of at most `CARD_WORDS` words, as far as its facts have shorter sentences.

    Work loses its names last: they are what can be acted on. In a card that has more than
    `MOST_WORDS` all the same, what is predicted gets shorter; after that the card loses its last
    fact, but neither the first nor what is predicted.

    Args:
        card: the card.
        records: the student's reasons.
        shorter: by sentence, the same in fewer words.
        foretold: what is predicted, as the card has it, and the same in fewer and fewer words.
    """
    unfinished = {record["text"] for record in records if get_kind(record) == "unfinished"}
    told = list(card.reasons)
    rest = [card.name, card.roll_number, card.urgency, card.since]
    rest += [f"{fact.label} {fact.text}" for fact in card.facts]
    # The later ones first: the first fact is what an advisor reads.
    places = sorted(range(len(told)), key=lambda place: (told[place] in unfinished, -place))
    for place in places:
        if count_words([*rest, *told]) <= CARD_WORDS:
            break
        told[place] = shorter.get(told[place], told[place])
    for longer, fewer_words in pairwise(foretold):
        if count_words([*rest, *told]) > MOST_WORDS:
            told = [fewer_words if text == longer else text for text in told]
    loose = [n for n in range(1, len(told)) if card.reasons[n] not in foretold]
    if loose and count_words([*rest, *told]) > MOST_WORDS:
        fewer = [*told[: loose[-1]], *told[loose[-1] + 1 :]]
        # A single fact that is too long is no reason to leave out another.
        told = fewer if count_words([*rest, *fewer]) <= MOST_WORDS else told
    return replace(card, reasons=tuple(told))


def count_words(texts: Iterable[str]) -> int:
    """Return how many words some texts have."""
    return sum(len(text.split()) for text in texts)


def _tell_step(row: Row) -> Iterator[Fact]:
    """Yield the step that helps most, where there is one."""
    step = row["best_step"]
    # A null of the table may be None or NaN.
    if isinstance(step, dict):
        yield Fact("", step["text"])
