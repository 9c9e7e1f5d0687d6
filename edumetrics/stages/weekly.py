"""The weekly stage: every student's week, scored, stored and shown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from edumetrics import settings
from edumetrics.analysis import runs
from edumetrics.analysis.runs import Run
from edumetrics.analysis.store import Store, now
from edumetrics.college import health
from edumetrics.college.source import College, Term
from edumetrics.errors import Refused, SettingsError
from edumetrics.params import Params
from edumetrics.reports import figures, render, views
from edumetrics.scoring import weekly as scoring
from edumetrics.scoring.facts import Facts
from edumetrics.stages.facts import read_facts
from edumetrics.stages.workspace import Workspace, open_workspace
from edumetrics.weeks import Position

STAGE = "weekly"


@dataclass(frozen=True)
class Week:
    """One teaching week of one term, as read: what `compute` starts from.

    Attributes:
        facts: the cleaned frames, as known at the week's end.
        history: what earlier weeks stored of the metrics that baselines are made of.
        health: data-health findings (see `college.health.findings`).
        names: student_id, name, roll_number; for pages only.
        advisors: advisor_id, name, email, class_id.
        folder: where this week's reports go.
    """

    workspace: Workspace
    term: str
    number: int
    facts: Facts
    history: pd.DataFrame
    health: pd.DataFrame
    names: pd.DataFrame
    advisors: pd.DataFrame
    folder: Path


@dataclass(frozen=True)
class Scores:
    """A week and its metrics (the columns of weekly_metrics but term, run_id and computed_at)."""

    week: Week
    metrics: pd.DataFrame


def load(term: str = "", week: int = 0, folder: str = "") -> Week:
    """Read one week of the college.

    Args:
        term: ISO date of the term's first week; the term in session when empty.
        week: semester week; the last complete teaching week of the term when 0.
        folder: where reports go; chosen from term and week when empty.

    Returns:
        The week.

    Raises:
        SettingsError: the term or week does not exist, or a database cannot be used.
        Refused: the college has no data of the week yet.
    """
    workspace = open_workspace()
    with workspace.college() as college:
        position = college.position(workspace.today)
        chosen = find_term(college, term, position)
        until = position if chosen.current else None
        number = week or last_teaching_week(workspace.params, until, chosen)
        refuse_without_data(chosen, number)
        place = Path(folder) if folder else report_folder(workspace, chosen, position, number)
        return gather(
            workspace,
            college,
            chosen,
            number,
            place,
            replay=(number, chosen.current) != (position.week(workspace.params.calendar), True),
        )


def gather(
    workspace: Workspace,
    college: College,
    term: Term,
    number: int,
    folder: Path,
    *,
    replay: bool,
    until: int | None = None,
    with_health: bool = True,
) -> Week:
    """Read one week of a term through an open college.

    `replay` keeps the advisors stored for that week; `until` reads weekly counts further, once for all weeks;
    `with_health` looks for data-health findings.

    Raises:
        SettingsError: the week is not a teaching week.
    """
    calendar, scoring_params = workspace.params.calendar, workspace.params.scoring
    if number not in calendar.teaching_weeks:
        raise SettingsError(f"Week {number} is not a teaching week: they are {_listed(calendar.teaching_weeks)}.")
    window = calendar.teaching_weeks_before(number, scoring_params.baseline_weeks)
    return Week(
        workspace=workspace,
        term=term.name,
        number=number,
        facts=read_facts(college, term, number, _advised(college, workspace.store, term, number, replay=replay), until),
        history=workspace.store.history(term.name, window),
        health=health.findings(college, term, number) if with_health else health.nothing(),
        names=college.names,
        advisors=college.advisors,
        folder=folder,
    )


def compute(week: Week) -> Scores:
    """Score the week: pure, changes nothing."""
    params = week.workspace.params
    return Scores(week, scoring.metrics(week.facts, week.history, params.calendar, params.scoring))


def write(scores: Scores, *, write: bool = True, run_id: str = "") -> int:
    """Replace the week's slice of the analysis database, in one transaction with the ledger.

    Args:
        scores: what to store.
        write: when False nothing is stored and nothing is entered into the ledger.
        run_id: the ledger's entry, made by the batch; a new one when empty.

    Returns:
        Rows written.
    """
    if not write:
        return 0
    week = scores.week
    store = week.workspace.store
    run = (
        runs.resume(store, run_id)
        if run_id
        else runs.start(store, week.workspace.params, STAGE, week.term, week.number)
    )
    return save(store, run, scores)


def save(store: Store, run: Run, scores: Scores) -> int:
    """As `write`, for a run that has been entered into the ledger."""
    week, stamp = scores.week, now()
    metrics = scores.metrics.assign(term=week.term, run_id=run.run_id, computed_at=stamp)
    health_rows = week.health.assign(run_id=run.run_id, computed_at=stamp)
    with store.transaction() as connection:
        rows = store.replace(connection, "weekly_metrics", metrics, term=week.term, sem_week=week.number)
        store.replace(connection, "data_health", health_rows, run_id=run.run_id)
        runs.done(connection, run, rows)
    return rows


def health_table(week: Week) -> pd.DataFrame:
    """Data health to show: what is fresh, what is missing, what was wrong and what was done about it."""
    names = {"message": "what was found", "status": "status", "class_id": "class", "count": "rows"}
    return week.health[list(names)].rename(columns=names)


def summary(week: Week) -> pd.DataFrame:
    """What was read: term, week, students listed, and how much attendance and work is known."""
    facts = week.facts
    counts = {
        "term": week.term,
        "week": week.number,
        "classes": len(facts.pairings),
        "students listed": len(facts.students),
        "student-weeks of attendance": len(facts.attendance),
        "assignments set": len(facts.assignments),
        "quizzes set": len(facts.quizzes),
    }
    return pd.Series(counts, name="known at the week's end").to_frame()


def by_class(scores: Scores) -> pd.DataFrame:
    """Each class's week: students, and medians of attendance, recorded activity, marks and the rules' risk."""
    names = {
        "weekly_att_pct": "attended this week",
        "effort_score": "recorded activity",
        "academic_performance": "academic performance",
        "risk_score": "rules' risk",
    }
    groups = scores.metrics.groupby(["class_id", "semester"])
    table = groups[list(names)].median().rename(columns=names).round(0).astype("Int64")
    table.insert(0, "students", groups.size())
    return table.reset_index()


def distributions(scores: Scores) -> figures.Picture:
    """The distribution of recorded activity and academic performance."""
    return figures.distributions(scores.metrics)


def galaxy(scores: Scores) -> figures.Picture:
    """The student galaxy: recorded activity against academic performance, one point a student."""
    return figures.galaxy(scores.metrics)


def render_pages(scores: Scores, *, write: bool = True) -> list[Path]:
    """Write one page per advisor and return their paths; none when `write` is False.

    Raises:
        SettingsError: the reports folder cannot be written to.
    """
    if not write:
        return []
    week = scores.week
    folder = settings.private_folder(week.folder / "advisors")
    dates = week.facts.dates
    first_day = dates.loc[dates["week"] == week.number, "week_date"].mode()[0]
    calendar = week.workspace.params.calendar
    pages = views.advisor_pages(
        scores.metrics, week.names, week.advisors, week.health, week.number, first_day, calendar
    )
    return [
        render.write_page(folder / f"{render.file_name(page.advisor_id)}.html", render.advisor_page(page))
        for page in pages
    ]


def last_teaching_week(params: Params, position: Position | None, term: Term) -> int:
    """The last teaching week up to the college's position, or (None) of a completed term.

    Raises:
        SettingsError: the semester has not had one yet.
    """
    week = term.last_week if position is None else position.week(params.calendar)
    weeks = params.calendar.last_teaching_weeks(week, 1)
    if not weeks:
        raise SettingsError("The semester has no complete teaching week yet: come back after its first week.")
    return weeks[0]


def refuse_without_data(term: Term, week: int) -> None:
    """A week after the newest data is not scored: everyone would seem to have done nothing.

    A week without data in the midst of a semester is scored as it was: absent feeds are absent, not zero.

    Raises:
        Refused: no attendance, library or platform row of this week or a later one exists.
    """
    if week > term.last_week:
        newest = f"its newest records are of week {term.last_week}" if term.last_week else "it has no records yet"
        raise Refused(
            f"The college has no data of week {week} of the term of {term.name}; {newest}: load them, then run again."
        )


def report_folder(workspace: Workspace, term: Term, position: Position, week: int) -> Path:
    """Where the reports of a week go: by year and slot for the term in session, by its first day for another."""
    label = position.label(workspace.params.calendar) if term.current else term.name
    return workspace.settings.reports / label / f"week-{week:02d}" / STAGE


def find_term(college: College, name: str, position: Position) -> Term:
    """The term of that name; the one in session when the name is empty.

    Raises:
        SettingsError: there is no such term, or none is in session.
    """
    current = college.current_term(position)
    if current is not None and name in ("", current.name):
        return current
    terms = {term.name: term for term in college.terms(position)}
    if name not in terms:
        asked = f"There is no term {name}" if name else "No term is in session"
        raise SettingsError(f"{asked}: the terms are {_listed(list(terms)) or 'none'}.")
    return terms[name]


def _advised(college: College, store: Store, term: Term, week: int, *, replay: bool) -> pd.DataFrame:
    """The students with their advisor: today's, else the class's; in a replay the one stored for that week."""
    students, advisors = college.students, college.advisors
    own = students["advisor_id"].where(students["advisor_id"].isin(advisors["advisor_id"]))
    of_class = advisors.dropna(subset="class_id").sort_values("advisor_id").drop_duplicates("class_id")
    advisor = own.fillna(students["class_id"].map(of_class.set_index("class_id")["advisor_id"]))
    if replay:
        stored = store.read("weekly_metrics", ("student_id", "advisor_id"), term=term.name, sem_week=week)
        then = students[["student_id"]].merge(stored, on="student_id", how="left")["advisor_id"].to_numpy()
        advisor = advisor.where(pd.isna(then), then)
    return students.assign(advisor_id=advisor)


def _listed(values: tuple[int, ...] | list[str]) -> str:
    return ", ".join(str(value) for value in values)
