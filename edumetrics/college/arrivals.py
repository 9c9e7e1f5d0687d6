"""Check what arrived in a week: feeds that stopped, files imported twice, work that is missing."""

from __future__ import annotations

import pandas as pd

from edumetrics.college import counts, feeds
from edumetrics.college.findings import make_empty_findings
from edumetrics.college.terms import College, Term
from edumetrics.college.work import read_done_work
from edumetrics.college.work_items import read_items
from edumetrics.fields import EVERYWHERE, FINDING_COLUMNS, RELATIONS
from edumetrics.params import Gate
from edumetrics.types import WORKS

# Where so many percent of the registers with an absence are as in the week before, last week's file
# was imported under a new number. Fewer than so many such registers may agree by chance.
SAME_PCT, SAME_MISSED = 98, 20
# Loans that were imported twice are about twice as many as usual, and fewer in a quiet week.
MANY = 1.6
# Work stopped arriving where nothing came this week, but before at least so many pieces came, and
# at least this percentage of what was due.
HANDED_IN_LEAST, HANDED_IN_PCT = 10, 30
# With a larger share of work without a date, nothing can be said about the newest week.
UNDATED = 0.5


def check_feed(
    college: College, term: Term, feed: str, weeks: tuple[int, ...], gate: Gate
) -> pd.DataFrame:
    """Return findings about a feed that stopped or was imported twice, and unmarked registers.

    Args:
        college: the college's database, open.
        term: the week's term.
        feed: the relation.
        weeks: the teaching weeks to compare, the checked one first.
        gate: the thresholds.
    """
    week, before = weeks[0], list(weeks[1:])
    counted = counts.count_rows_by_week(college, term, feed, weeks)
    if counted.empty:
        return make_empty_findings()
    # A week without any row is missing here; `stopped` below finds it.
    newest = counted[counted["week"] == week].set_index("class_id")
    share = 100 * newest["unmarked"] / newest["rows"]
    sentence = "Nobody marked {share:.0f}% of the registers{whose} in week {week}."
    unmarked = (share > gate.unmarked_pct) & (newest["rows"] >= gate.feed_rows)
    marked = make_findings(
        f"{feed}: unmarked", unmarked, sentence, count=newest["unmarked"], share=share, week=week
    )
    by_class = counted.pivot_table(
        index="class_id", columns="week", values="rows", aggfunc="sum", fill_value=0
    )
    # A week in which no class has a row must count as 0, not be missing.
    by_class = by_class.reindex(columns=list(weeks), fill_value=0)
    by_class.loc[EVERYWHERE] = by_class.sum()
    # Weeks without a row do not count: else a feed that stays away would soon be the usual case.
    usual = by_class[before].where(by_class[before] > 0).median(axis=1)
    # Registers are about as many every week. Visits and loans vary, so only none at all counts.
    least = gate.feed_stopped_pct / 100 * usual if feed == "attendance" else 1
    stopped = (usual >= gate.feed_rows) & (by_class[week] < least)
    sentence = (
        RELATIONS[feed].label + "{whose}: {count} rows in week {week}, {usual:.0f} in a usual week."
    )
    quiet = make_findings(
        f"{feed}: stopped", stopped, sentence, count=by_class[week], usual=usual, week=week
    )
    return pd.concat([marked, quiet, _check_double_import(college, term, feed, week, usual, gate)])


def _check_double_import(
    college: College, term: Term, feed: str, week: int, usual: pd.Series, gate: Gate
) -> pd.DataFrame:
    """Return findings about a week of a feed that was imported twice.

    Half of the rows of such a week repeat another row. Two equal loans of one student are normal,
    so loans need more evidence: nearly all of them repeat, and they are many more than usual.
    """
    counted = feeds.count_repeated_rows(college, term, feed, week).set_index("class_id")
    loans = RELATIONS[feed].repeats
    least = SAME_PCT if loans else gate.repeated_pct
    # Without a usual number (NaN) the comparison is False, so such a class has no finding.
    many = counted["rows"] >= MANY * usual.reindex(counted.index) if loans else counted["rows"] > 0
    twice = (
        # A complete second import repeats half of the rows: twice the repetitions is the share.
        (200 * counted["repeated"] >= least * counted["rows"])
        & (counted["rows"] >= gate.feed_rows)
        & many
    )
    sentence = (
        RELATIONS[feed].label
        + "{whose}: {count} of the {rows} rows of week {week} repeat another; imported twice?"
    )
    return make_findings(
        f"{feed}: imported twice",
        twice,
        sentence,
        count=counted["repeated"],
        rows=counted["rows"],
        week=week,
    )


def check_repeated_week(college: College, term: Term, window: tuple[int, ...]) -> pd.DataFrame:
    """Return findings where all registers equal those of the week before.

    One file was then imported under two week numbers.
    """
    if len(window) < 2:
        return make_empty_findings()
    week, before = window[:2]
    sums = feeds.compare_weeks(college, term, week, before).set_index("class_id")
    # The college as a whole is tested too: it has enough registers where single classes do not.
    sums.loc[EVERYWHERE] = sums.sum()
    same = (100 * sums["same"] >= SAME_PCT * sums["missed"]) & (sums["missed"] >= SAME_MISSED)
    sentence = (
        "Attendance{whose}: week {week} is week {before} again, register by register;"
        " imported twice?"
    )
    return make_findings(
        "attendance: last week's", same, sentence, count=sums["same"], week=week, before=before
    )


def check_submissions(college: College, term: Term, window: tuple[int, ...]) -> pd.DataFrame:
    """Return findings where work was due and none was recorded, in classes that had much before."""
    week, day = window[0], term.list_week_ends(window[0])["week_end"].max().date()
    found = []
    for work in WORKS:
        feed = f"{work}_submissions"
        items = read_items(college, term, work)
        done = read_done_work(college, term, work, day)
        # Work without a date counts once it is marked, so this week's cannot be known yet.
        if items.empty or done.empty or done["last_date"].isna().mean() > UNDATED:
            continue
        due, before = (
            items[items["due_week"].isin(weeks)].groupby("class_id").size()
            for weeks in ([week], window[1:])
        )
        came, earlier = (
            done[done["week"].isin(weeks)]
            .groupby("class_id")["done"]
            .sum()
            .reindex(due.index, fill_value=0)
            for weeks in ([week], window[1:])
        )
        # Every item was due for every student of the class.
        size = done.groupby("class_id")["student_id"].nunique()
        usual = HANDED_IN_PCT / 100 * (before * size).reindex(due.index, fill_value=0)
        silent = (came == 0) & (earlier >= HANDED_IN_LEAST) & (earlier >= usual)
        sentence = (
            RELATIONS[feed].label + "{whose}: nothing in week {week}, in which {count} fell due."
        )
        found.append(make_findings(f"{feed}: stopped", silent, sentence, count=due, week=week))
    return pd.concat(found) if found else make_empty_findings()


def make_findings(
    check: str, hit: pd.Series, sentence: str, *, count: pd.Series, **values: object
) -> pd.DataFrame:
    """Return one blocking finding for each class that is hit.

    Args:
        check: the name of the check.
        hit: by class_id, whether there is a finding; `all` stands for the whole college.
        sentence: the message; it may use {whose}, {count} and the names of `values`.
        count: by class_id, the number of rows or students concerned.
        values: one value, or a series of values by class_id.
    """
    rows: list[tuple[object, ...]] = []
    # A finding about the whole college makes those about its classes redundant.
    for name in [EVERYWHERE] if hit.get(EVERYWHERE, False) else hit.index[hit]:
        own = {
            key: value[name] if isinstance(value, pd.Series) else value
            for key, value in values.items()
        }
        whose = "" if name == EVERYWHERE else f" of {name}"
        text = sentence.format(whose=whose, count=int(count[name]), **own)
        rows.append((check, name, "block", int(count[name]), [], text))
    return pd.DataFrame(rows, columns=list(FINDING_COLUMNS))
