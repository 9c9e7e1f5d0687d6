"""The rows of the list: status, weeks, care and hand-over, and who has a place this week."""

from __future__ import annotations

import numpy as np
import pandas as pd

from edumetrics.fields.reasons import REASONS, RULES
from edumetrics.params.triage import Triage
from edumetrics.triage.choice import collect_topics
from edumetrics.triage.flags import ListDecision
from edumetrics.triage.situation import (
    CONTACTS,
    NO_ANSWER,
    NOBODY,
    STUDENT_SAYS,
    TIERS,
    WRONG_FLAG,
    Bools,
    Situation,
)

# The rules about what lies ahead: there is little time, whoever was on last week's list.
DEADLINES = tuple(code for code in RULES if REASONS[code].kind == "ahead")


def build_rows(situation: Situation, decision: ListDecision) -> pd.DataFrame:
    """Return the rows of weekly_flags without their texts and places, in order of student_id.

    Returns:
        The columns of weekly_flags that are neither texts nor about places, `row` (each student's
        row in the roll) and `fresh` (whether a place is kept for the student, where needed).
    """
    row = np.flatnonzero(decision.on_list)
    metrics = situation.scored.metrics.iloc[row]
    names = ("student_id", "semester", "class_id", "advisor_id")
    frame = pd.DataFrame({name: metrics[name].to_numpy() for name in names})
    since = decision.news.since
    told = [
        [{"code": n, "since_week": int(since[n][place])} for n in RULES if since[n][place]]
        for place in row
    ]
    earlier = situation.memory.lists.groupby("student_id")["sem_week"]
    grace = situation.is_in_grace(situation.week)
    level = situation.get_last_value("escalation_level", 0).astype(np.int64) + (not grace)
    return frame.assign(
        row=row,
        urgency_score=decision.urgency[row],
        ranked_by=situation.ranked_by,
        risk_tier=np.array(TIERS, dtype=object)[decision.tier[row]],
        status=_classify_status(situation, decision)[row],
        escalation_level=0 if grace else level[row],
        weeks_on_list=1
        + frame["student_id"].map(earlier.size()).fillna(0).astype("int64").to_numpy(),
        # A student on no earlier list is listed for the first time this week.
        first_flagged_week=frame["student_id"]
        .map(earlier.min())
        .fillna(situation.week)
        .astype("int64")
        .to_numpy(),
        rules=pd.Series(told, dtype="object"),
        listed_by=decision.listed_by[row],
        fresh=_find_fresh(situation, decision)[row],
        # In grace weeks the watchlist's risk and a score are two scales: news comes first.
        first=(decision.listed_by[row] == "rule") if grace else np.zeros(len(row), dtype=bool),
        sem_week=situation.week,
    )


def _classify_status(situation: Situation, decision: ListDecision) -> np.ndarray:
    """Return escalated, continuing, returned or new, for everyone on the roll."""
    earlier = situation.is_in(situation.memory.lists["student_id"])
    # The first case that holds counts: a student whose tier rose was on last week's list too, and
    # everyone on last week's list was on an earlier list.
    cases = [decision.rose, decision.was_on, earlier]
    return np.select(cases, ["escalated", "continuing", "returned"], "new").astype(object)


def _find_fresh(situation: Situation, decision: ListDecision) -> Bools:
    """Return for whom places are kept: names that last week's list did not have.

    They must be near the list threshold, or the attendance deadline newly near.
    """
    new = ~decision.was_on
    if situation.is_in_grace(situation.week):
        return new
    near = decision.urgency >= situation.thresholds.staying_at
    due = [decision.news.get_new(code, situation.week) for code in DEADLINES]
    return np.asarray(np.any([new & near, *due], axis=0))


def find_looked_after(
    situation: Situation, decision: ListDecision, topics: list[frozenset[str]], row: np.ndarray
) -> Bools:
    """Return which of the listed students are being looked after.

    A contact counts until its date, or for the next teaching weeks where it has none. It counts
    from the week after the week it was entered for, because it answers that week's list. It ends
    when a rule newly fires or the tier rises, and stays ended until there is a newer contact. A
    wrong flag counts for longer, and only for the topics of the card that it answers. A student's
    own word counts like a wrong flag, as long as a contact, until the advisor answers, and once for
    each topic in a term.

    Args:
        situation: the week.
        decision: what is decided about everyone.
        topics: of each listed student, what the facts of this week's card are about.
        row: the rows of the listed students in the roll.
    """
    new_rule = np.any([decision.news.get_new(n, situation.week) for n in RULES], axis=0)
    triage = situation.triage
    talked = _find_entries(situation, CONTACTS, triage.looked_after_weeks)
    wrong = _find_entries(situation, (WRONG_FLAG,), triage.wrong_flag_weeks)
    said = _find_sayings(situation)
    wrong = pd.concat([wrong, said], ignore_index=True)
    disputed = _collect_disputed(situation, wrong[wrong["covers"]])
    other = np.array(
        [bool(mine - disputed.get(str(situation.students[n]), frozenset()))
         for mine, n in zip(topics, row, strict=True)],
        dtype=bool,
    )  # fmt: skip
    # A contact that ended earlier is not stored. It shows in an earlier list: the student was on
    # it without being looked after, although the latest contact was older than that list.
    lists = situation.memory.lists
    last_bare = lists[~lists["looked_after"].astype(bool)].groupby("student_id")["sem_week"].max()

    def find_covered(entries: pd.DataFrame) -> Bools:
        latest = entries.groupby("student_id")["sem_week"].max()
        weeks = (one.reindex(situation.students).to_numpy("float64") for one in (last_bare, latest))
        # NaN, for no such week or entry, compares as False.
        ended = np.greater(*weeks)
        return np.asarray(situation.is_in(entries.loc[entries["covers"], "student_id"]) & ~ended)

    # Each kind on its own: a student's word does not revive a talk that has ended.
    contact = find_covered(talked) & ~new_rule & ~decision.rose
    return np.asarray(contact[row] | (find_covered(wrong)[row] & ~other))


def _find_entries(situation: Situation, kinds: tuple[str, ...], weeks: int) -> pd.DataFrame:
    """Return student_id, sem_week, covers: earlier entries of some kinds, and whether they count.

    Args:
        situation: the week.
        kinds: the kinds of entries.
        weeks: how many teaching weeks an entry without a date counts for.
    """
    contacts = situation.memory.contacts
    contacts = contacts[contacts["kind"].isin(kinds) & (contacts["sem_week"] < situation.week)]
    ends = situation.scored.observed.roll.frame.set_index("student_id")["week_end"]
    mine = contacts.assign(week_end=contacts["student_id"].map(ends)).dropna(subset="week_end")
    covered = situation.calendar.get_teaching_weeks_before(situation.week, weeks)
    # An entry of week s covers this week when fewer than `weeks` teaching weeks lie between.
    recent = mine["sem_week"] >= (covered[-1] if len(covered) == weeks else 0)
    # Classes may count their weeks from different days: the week's last day is the student's own.
    until = pd.to_datetime(mine["until"]) >= pd.to_datetime(mine["week_end"])
    covers = np.where(mine["until"].isna(), recent, until).astype(bool)
    return mine[["student_id", "sem_week"]].assign(covers=covers)


def _find_sayings(situation: Situation) -> pd.DataFrame:
    """Return the students' own words, as `_find_entries` does; each topic counts once in a term.

    What the advisor has answered since counts no more.
    """
    said = _find_entries(situation, (STUDENT_SAYS,), situation.triage.looked_after_weeks)
    if said.empty:
        return said
    contacts = situation.memory.contacts
    answers = contacts[(contacts["kind"] != STUDENT_SAYS) & (contacts["sem_week"] < situation.week)]
    answered = said["student_id"].map(answers.groupby("student_id")["sem_week"].max())
    said = said[~(answered > said["sem_week"])].sort_values(["student_id", "sem_week"])
    known: dict[str, frozenset[str]] = {}
    again = []
    for row in said.to_dict("records"):
        topics = _collect_disputed(situation, pd.DataFrame([row])).get(row["student_id"])
        before = known.get(row["student_id"])
        again.append(before is not None and (topics or frozenset()) <= before)
        known[row["student_id"]] = (before or frozenset()) | (topics or frozenset())
    return said.assign(covers=said["covers"] & ~np.array(again, dtype=bool))


def _collect_disputed(situation: Situation, wrong: pd.DataFrame) -> dict[str, frozenset[str]]:
    """Return by student the topics of the cards that some wrong flags answer."""
    found: dict[str, frozenset[str]] = {}
    # A card called wrong in a later week, or too long ago, says nothing about this one.
    cards = situation.memory.cards.merge(wrong[["student_id", "sem_week"]].drop_duplicates())
    for student, records in zip(cards["student_id"], cards["reasons"], strict=True):
        found[str(student)] = found.get(str(student), frozenset()) | collect_topics(records)
    return found


def find_hand_over(situation: Situation, frame: pd.DataFrame) -> Bools:
    """Return who has had a place for some teaching weeks running without an answer.

    Args:
        situation: the week; "No answer" in the log is no answer.
        frame: student_id, within_capacity: this week's list.
    """
    weeks = situation.calendar.get_last_teaching_weeks(
        situation.week, situation.triage.hand_over_after
    )
    before, lists = list(weeks[1:]), situation.memory.lists
    placed = lists[lists["within_capacity"].astype(bool) & lists["sem_week"].isin(before)]
    counts = frame["student_id"].map(placed.groupby("student_id").size()).fillna(0)
    contacts = situation.memory.contacts
    # An entry of this week answers this list: a replayed week may not know it.
    in_time = contacts["sem_week"].between(weeks[-1], situation.week, inclusive="left")
    answered = contacts[~contacts["kind"].isin((NO_ANSWER, STUDENT_SAYS)) & in_time]
    enough = len(weeks) == situation.triage.hand_over_after
    waiting = (counts == len(before)) & ~frame["student_id"].isin(answered["student_id"])
    return np.asarray(frame["within_capacity"].astype(bool) & waiting & enough)


def rank(frame: pd.DataFrame, triage: Triage) -> pd.DataFrame:
    """Rank each advisor's list and allot the advisor's capacity.

    Some places go to fresh names, where there are any: the last of the others give way to them.

    Args:
        frame: student_id, advisor_id (NaN: the list of students without an advisor),
            urgency_score, weeks_on_list, looked_after, fresh, first (whether the student comes
            before everyone else).
        triage: the capacities, and how many places are kept for fresh names.

    Returns:
        The rows in order of student_id, with triage_rank (1 is first), within_capacity, and kept
        (whether the place is one that is kept for fresh names).
    """
    # student_id comes last, so that equal students always have the same order.
    order = frame.assign(advisor=frame["advisor_id"].fillna(NOBODY)).sort_values(
        ["advisor", "looked_after", "first", "urgency_score", "weeks_on_list", "student_id"],
        ascending=[True, True, False, False, False, True],
    )
    order["triage_rank"] = order.groupby("advisor").cumcount() + 1
    # Students who are looked after come after the others, and take no place of the capacity.
    places = order[~order["looked_after"]].copy()
    capacity = np.array([triage.get_capacity(name) for name in places["advisor"]], dtype=np.int64)
    # One place is never kept for fresh names: the most urgent student always has it.
    kept = np.minimum(triage.new_names, capacity - 1)
    fresh = places["fresh"].astype(bool)
    sure = fresh & (places.groupby(["advisor", fresh]).cumcount() < kept)
    # Fresh names beyond the places kept compete with everyone else.
    others = places.assign(sure=sure).groupby(["advisor", "sure"]).cumcount()
    left = capacity - sure.groupby(places["advisor"]).transform("sum")
    inside = places.index[sure | (others < left)]
    return (
        order.assign(
            within_capacity=order.index.isin(inside), kept=order.index.isin(places.index[sure])
        )
        .drop(columns="advisor")
        .sort_values("student_id", ignore_index=True)
    )
