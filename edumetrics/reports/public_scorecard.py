"""A page for each completed term that a stranger may read: what lists and forecast were worth.

Nobody is on it: see `forecast.public_scorecard` for which numbers are published. The same data
give the same page on any machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from edumetrics import settings
from edumetrics.analysis.written import Subject
from edumetrics.errors import SettingsError
from edumetrics.forecast import list_shares
from edumetrics.forecast.public_scorecard import (
    PAGE,
    PublishedShare,
    is_large,
    publish_calibration,
    publish_shares,
    round_to_tens,
)
from edumetrics.forecast.scorecard import compute_lead_time
from edumetrics.modelling.evaluate import SentLists, read_sent_lists
from edumetrics.params import Params
from edumetrics.reports.render import render_template
from edumetrics.workspace import Workspace

TIERS = (*list_shares.TIERS.values(), list_shares.UNLISTED)
PLACES = (list_shares.START, list_shares.NEXT, list_shares.UNLISTED)
# How anybody repeats the measures on data that are public.
OULAD = (
    "edumetrics import oulad PATH sqlite:///oulad.db",
    "export CLIENT_DB_URL=sqlite:///oulad.db EDUMETRICS_COLLEGE=oulad",
    "edumetrics calibrate",
    "edumetrics evaluate --format csv",
)


@dataclass(frozen=True)
class PublicScorecard:
    """What is published of a term.

    Attributes:
        term: its first day, in words.
        college: the college; may be empty.
        about: sentences: how many students, how many failed or left, who was ever listed, and how
            early.
        tiers, places, alone: shares by word of the list, by place, and of as many places given by
            one number alone.
        calibration: forecast, outcome (percent), students; none where there was no forecast.
        calibration_week: the week of the forecasts.
        conditions: of a time-consistent evaluation: what it asks, and how it holds here.
        commands: that repeat the measures on public data.
    """

    term: str
    college: str
    about: tuple[str, ...]
    tiers: tuple[PublishedShare, ...]
    places: tuple[PublishedShare, ...]
    alone: tuple[PublishedShare, ...]
    calibration: tuple[tuple[int, int, int], ...]
    calibration_week: int
    conditions: tuple[tuple[str, str], ...]
    commands: tuple[str, ...] = OULAD


def write_scorecards(workspace: Workspace, folder: Path) -> list[Path]:
    """Write a page for each completed term into a folder, and return the paths, oldest term first.

    Raises:
        SettingsError: no term is complete and has lists, or the folder cannot be written to.
    """
    pages = {sent.term: build_scorecard(workspace, sent) for sent in read_sent_lists(workspace)}
    if not pages:
        raise SettingsError(
            "No completed term has lists and known results yet: run `edumetrics calibrate` first."
        )
    settings.create_private_folder(folder)
    found = []
    for term, page in sorted(pages.items()):
        path = folder / PAGE.format(term=term)
        text = render_template("scorecard.html.j2", workspace.params.sentences, page=page)
        # Anybody may read it, a web server too.
        settings.write_private_file(path, text.encode(), 0o644)
        workspace.files.add({path: Subject(term, 0, f"export {path.name}")}, "export")
        found.append(path)
    return found


def build_scorecard(workspace: Workspace, sent: SentLists) -> PublicScorecard:
    """Return what is published of a completed term."""
    params = workspace.params
    rows, groups = list_shares.group_weeks(
        sent.metrics, sent.flags, sent.failed, params.triage, params.forecast
    )
    shares = {one.name: one for one in publish_shares(groups, (TIERS, PLACES))}
    weeks = sorted(rows.loc[rows["p_fail"].notna(), "sem_week"].unique())
    middle = int(weeks[len(weeks) // 2]) if weeks else 0
    return PublicScorecard(
        term=f"{params.sentences.format_day(pd.Timestamp(sent.term))} {sent.term[:4]}",
        college=params.mail.college_name,
        about=tuple(_tell_about(params, sent, rows)),
        tiers=tuple(shares[name] for name in TIERS),
        places=tuple(shares[name] for name in PLACES),
        alone=tuple(one for name, one in shares.items() if name not in (*TIERS, *PLACES)),
        calibration=publish_calibration(rows[rows["sem_week"] == middle]) if middle else (),
        calibration_week=middle,
        conditions=tuple(_list_conditions(params, trained=bool(weeks))),
    )


def _tell_about(params: Params, sent: SentLists, rows: pd.DataFrame) -> Iterator[str]:
    """Yield how many students there were, who was ever listed, and how early."""
    say = params.sentences.say
    each = rows.drop_duplicates("student_id")
    students, failed = round_to_tens(len(each)), each["failed"].astype(bool)
    share = round(100 * float(failed.mean())) if is_large(failed) else None
    yield say("reports", "public_students", students=students, share=share)
    listed = each["student_id"].isin(sent.ever["student_id"])
    if all(is_large(part) for part in (listed, listed[failed], listed[~failed])):
        reach = list_shares.measure_reach(sent.metrics, sent.ever, sent.failed)
        fails, everyone = (round(100 * reach[name]) for name in ("fails_listed", "all_listed"))
        yield say("reports", "public_reach", fails=fails, everyone=everyone)
        last = params.calendar.endterm_week or params.calendar.weeks_per_semester
        weeks = round(compute_lead_time(sent.ever, sent.failed, last))
        yield say("reports", "public_lead", weeks=weeks)


def _list_conditions(params: Params, *, trained: bool) -> Iterator[tuple[str, str]]:
    """Yield the conditions of a time-consistent evaluation, and how each holds for a term."""
    say = params.sentences.say
    for name in ("cut_off", "information", "risk_set", "validation"):
        yield (
            say("reports", f"public_{name}_asks"),
            say("reports", f"public_{name}", trained=trained),
        )
