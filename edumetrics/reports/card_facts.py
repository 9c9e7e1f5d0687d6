"""Which of the reasons that are stored of a student a report shows."""

from __future__ import annotations

from edumetrics.triage.choice import SHOWN, Record, choose_facts, get_kind, is_told_once
from edumetrics.types import Row

# The kinds of facts that stand beside a prediction only where there is room.
LEFT_OUT = ("ahead", "background")
# The table of the predictions before each exam, and its column of the score.
OUTLOOKS = {
    "midterm": ("pre_mid_term", "predicted_midterm_score"),
    "endterm": ("pre_end_term", "predicted_endterm_score"),
}
# The reasons that say why a student is on the list from the start.
WATCHLIST, EARLIER = "watchlist", "earlier_level"


def select_shown(row: Row, *, grace: bool, foretold: bool = False) -> list[Record]:
    """Return the reasons that a card shows, in the order of their kinds.

    Args:
        row: weekly_flags.
        grace: whether it is one of the first weeks, in which what listed the student comes first.
        foretold: whether a prediction stands on the card: it has the last place.

    Returns:
        At most `SHOWN` reasons, less one beside a prediction. The watchlist and what it knows of
        earlier semesters are two reasons in one place.
    """
    if foretold:
        return _select_beside_prediction(row)
    records = row["reasons"]
    if not grace:
        return choose_facts(records)
    fired = _list_fired(row)
    why = next((record for record in records if record["code"] in fired), None)
    if why is not None:
        rest = [record for record in records if record is not why]
        return [why, *choose_facts(rest, SHOWN - 1)]
    known = [
        record for code in (WATCHLIST, EARLIER) for record in records if record["code"] == code
    ]
    if not known or known[0]["code"] != WATCHLIST:
        return choose_facts(records)
    # What was known before the semester is in the first place already.
    rest = [record for record in records if get_kind(record) != "background"]
    return [*known, *choose_facts(rest, SHOWN - 1)]


def select_first(row: Row, *, grace: bool, foretold: bool = False) -> list[Record]:
    """Return the reason of a line: what is told only once, or else the first of a card."""
    once = [record for record in row["reasons"] if is_told_once(record)]
    shown = select_shown(row, grace=grace, foretold=foretold)
    together = grace and [one["code"] for one in shown[:2]] == [WATCHLIST, EARLIER]
    return once[:1] or shown[: 2 if together else 1]


def _select_beside_prediction(row: Row) -> list[Record]:
    """Return the reasons beside a prediction, which is what lies ahead."""
    records, fired = row["reasons"], _list_fired(row)
    # What lists the student is told in any case; other deadlines only fill a place.
    told = [record for record in records if record["code"] in fired][: SHOWN - 1]
    free = [record for record in records if record not in told]
    acted = [record for record in free if get_kind(record) not in LEFT_OUT]
    others = [record for record in free if record not in acted]
    told += choose_facts(acted, SHOWN - 1 - len(told))
    told += others[: SHOWN - 1 - len(told)]
    return sorted(told, key=records.index)


def _list_fired(row: Row) -> set[str]:
    return {rule["code"] for rule in row["rules"]}
