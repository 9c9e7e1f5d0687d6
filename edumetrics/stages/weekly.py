"""The weekly stage: every student's week, scored, stored and shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from edumetrics import settings
from edumetrics.analysis.runs import Run
from edumetrics.analysis.store import Store
from edumetrics.college import health
from edumetrics.college.source import College, Term
from edumetrics.errors import SettingsError
from edumetrics.fields import TABLES
from edumetrics.forecast import drift, subjects
from edumetrics.forecast.features import compared
from edumetrics.forecast.models import Linear, probability
from edumetrics.forecast.ranking import Forecasted, Known, forecasted
from edumetrics.params import Calendar
from edumetrics.reports import render, views
from edumetrics.scoring.facts import Facts
from edumetrics.scoring.observed import observe
from edumetrics.scoring.weekly import Scored, score
from edumetrics.stages import forecast, history, models, storing, training
from edumetrics.stages.facts import read_facts
from edumetrics.stages.forecast import Champion
from edumetrics.stages.memory import remember
from edumetrics.stages.models import Found
from edumetrics.stages.terms import find_term, last_teaching_week, listed, refuse_without_data, report_folder
from edumetrics.stages.workspace import Workspace, open_workspace
from edumetrics.triage.lists import Lists
from edumetrics.triage.lists import triage as draw_up
from edumetrics.triage.situation import Memory, Situation

STAGE = "weekly"
# In the first week there is too little to go by.
FORECAST_FROM = 2
NO_SUBJECTS = pd.DataFrame(columns=TABLES["risk_of_failing_prediction"].computed)


@dataclass(frozen=True)
class Week:
    """One teaching week of one term, as read: what `compute` starts from.

    Attributes:
        facts: the cleaned frames, as known at the week's end.
        history: what earlier weeks stored of the metrics that baselines are made of.
        memory: what earlier weeks remember of the lists, and what people entered.
        prior: what was known of students before the semester.
        later_half: whether the term is in a later slot of the academic year.
        champion: the forecast in use, if there is one yet.
        subjects: what is known of each student's subjects, where there is a model that needs it; else no rows.
        subject_model: that model.
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
    memory: Memory
    prior: pd.DataFrame
    later_half: bool
    champion: Champion
    subjects: pd.DataFrame
    subject_model: Found
    health: pd.DataFrame
    names: pd.DataFrame
    advisors: pd.DataFrame
    folder: Path


@dataclass(frozen=True)
class Scores:
    """A week, its scores, what forecasts are made from, the forecast (None where there is none), and by subject.

    `drift` is the population stability of the features against the terms that the forecast learnt from.
    """

    week: Week
    scored: Scored
    features: pd.DataFrame
    forecast: Forecasted | None
    by_subject: pd.DataFrame
    drift: pd.Series

    @property
    def metrics(self) -> pd.DataFrame:
        """The columns of weekly_metrics but term, run_id and computed_at."""
        return self.scored.metrics


@dataclass(frozen=True)
class Triaged:
    """A week, its scores, and the lists drawn up from them."""

    scores: Scores
    lists: Lists


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
        place = Path(folder) if folder else report_folder(workspace, chosen, position, number, STAGE)
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
        raise SettingsError(f"Week {number} is not a teaching week: they are {listed(calendar.teaching_weeks)}.")
    window = calendar.teaching_weeks_before(number, scoring_params.baseline_weeks)
    champion = forecast.champion(workspace, term.name)
    found = health.findings(college, term, number) if with_health else health.nothing()
    model = models.in_use(workspace, training.SUBJECT, term.name)
    students = _advised(college, workspace.store, term, number, replay=replay)
    asked = champion.model is not None and model.model is not None and number >= FORECAST_FROM
    return Week(
        workspace=workspace,
        term=term.name,
        number=number,
        facts=read_facts(college, term, number, students, until),
        history=workspace.store.history(term.name, window),
        memory=remember(workspace, term.name, number),
        prior=forecast.prior(workspace, college, term, number),
        later_half=_later_half(term, calendar),
        champion=champion,
        subjects=history.subjects_so_far(workspace, college, term, number, students) if asked else pd.DataFrame(),
        subject_model=model,
        health=_with_trouble(found, {"forecast: model": champion.trouble, "forecast: subjects": model.trouble}),
        names=college.names,
        advisors=college.advisors,
        folder=folder,
    )


def _with_trouble(found: pd.DataFrame, troubles: dict[str, str]) -> pd.DataFrame:
    for check, trouble in troubles.items():
        found = health.with_warning(found, check, trouble) if trouble else found
    return found


def compute(week: Week) -> Scores:
    """Score the week: pure, changes nothing."""
    params = week.workspace.params
    calendar, scoring = params.calendar, params.scoring
    scored = score(observe(week.facts, calendar, scoring), week.history, calendar, scoring)
    known = Known(week.prior, calendar, scoring, week.later_half)
    own = known.own(scored, week.history)
    made = compared(own, scored.metrics["student_id"])
    if week.champion.model is None or week.number < FORECAST_FROM:
        return Scores(week, scored, made, None, NO_SUBJECTS, pd.Series(dtype="float64"))
    model, keep = week.champion.model, params.forecast.smoothing
    index = drift.stability(week.champion.reference, made, week.number)
    said = drift.finding(index)
    if said:
        week = replace(week, health=health.with_warning(week.health, "forecast: drift", said))
    found = forecasted(model, known, own, made, week.history, week.number, keep)
    found = replace(found, drifted=bool(said))
    scored = replace(scored, metrics=scored.metrics.assign(p_fail=found.chance))
    return Scores(week, scored, made, found, _by_subject(week, scored.metrics, found), index)


def _by_subject(week: Week, metrics: pd.DataFrame, found: Forecasted) -> pd.DataFrame:
    """The rows of risk_of_failing_prediction but term, run_id and computed_at."""
    model = week.subject_model.model
    if week.subjects.empty or not isinstance(model, Linear):
        return NO_SUBJECTS
    known = metrics[["student_id", "sem_week", "semester"]].assign(logit=found.logit)
    rows = week.subjects.drop(columns=["sem_week", "semester"]).merge(known, on="student_id")
    chance = probability(model.logit(rows))
    rows = rows.assign(p_fail=chance, risk_label=subjects.label(chance), model_id=week.subject_model.model_id)
    return rows[list(NO_SUBJECTS.columns)].sort_values(["student_id", "subject_id"], ignore_index=True)


def triage(scores: Scores) -> Triaged:
    """Draw up the advisors' lists: pure, changes nothing."""
    week, params = scores.week, scores.week.workspace.params
    situation = Situation(
        scored=scores.scored,
        history=week.history,
        memory=week.memory,
        calendar=params.calendar,
        scoring=params.scoring,
        triage=params.triage,
        sentences=params.sentences,
        model=scores.forecast if week.champion.ranks(week.number) else None,
    )
    return Triaged(scores, draw_up(situation))


def write(triaged: Triaged, *, write: bool = True, run_id: str = "") -> int:
    """Replace the week's slices of the analysis database, in one transaction with the ledger.

    Args:
        triaged: what to store.
        write: when False nothing is stored and nothing is entered into the ledger.
        run_id: the ledger's entry, made by the batch; a new one when empty.

    Returns:
        Students scored.
    """
    if not write:
        return 0
    week = triaged.scores.week
    with storing.entered(week.workspace, STAGE, week.term, week.number, run_id) as run:
        return save(run, triaged)


def save(run: Run, triaged: Triaged) -> int:
    """As `write`, for a run that has been entered into the ledger."""
    scores, lists, week = triaged.scores, triaged.lists, triaged.scores.week
    there = {"term": week.term, "sem_week": week.number}
    own = {name: scores.metrics[name].to_numpy() for name in ("class_id", "advisor_id")}
    slices: storing.Slices = {
        "weekly_metrics": (scores.metrics, there),
        "weekly_features": (scores.features.assign(**own), there),
        "weekly_flags": (lists.flags, there),
        "list_exits": (lists.exits, there),
        "class_findings": (lists.findings, there),
        "risk_of_failing_prediction": (scores.by_subject, there),
        "data_health": (week.health, {"run_id": run.run_id}),
    }
    return storing.replace(week.workspace, run, slices)


def render_pages(triaged: Triaged, *, write: bool = True) -> list[Path]:
    """Write one page per advisor and return their paths; none when `write` is False.

    Raises:
        SettingsError: the reports folder cannot be written to.
    """
    if not write:
        return []
    scores, week = triaged.scores, triaged.scores.week
    folder = settings.private_folder(week.folder / "advisors")
    dates = week.facts.dates
    first_day = dates.loc[dates["week"] == week.number, "week_date"].mode()[0]
    calendar = week.workspace.params.calendar
    pages = views.advisor_pages(
        scores.metrics, triaged.lists, week.names, week.advisors, week.health, week.number, first_day, calendar
    )
    return [
        render.write_page(folder / f"{render.file_name(page.advisor_id)}.html", render.advisor_page(page))
        for page in pages
    ]


def _later_half(term: Term, calendar: Calendar) -> bool:
    """Whether the term began nearer to a later slot of the academic year than to the first."""
    start = pd.Timestamp(term.name)
    first = min(calendar.slots.values(), key=lambda slot: slot.offset)
    apart = {
        slot.offset: min(abs((start - pd.Timestamp(f"{start.year + year}-{slot.starts}")).days) for year in (-1, 0, 1))
        for slot in calendar.slots.values()
    }
    return min(apart, key=lambda offset: (apart[offset], offset)) != first.offset


def _advised(college: College, store: Store, term: Term, week: int, *, replay: bool) -> pd.DataFrame:
    """The students with their advisor: today's, else the class's; in a replay the one stored for that week."""
    students, advisors = college.students, college.advisors
    own = students["advisor_id"].where(students["advisor_id"].isin(advisors["advisor_id"]))
    of_class = advisors.dropna(subset="class_id").sort_values("advisor_id").drop_duplicates("class_id")
    advisor = own.where(own.notna(), students["class_id"].map(of_class.set_index("class_id")["advisor_id"]))
    if replay:
        stored = store.read("weekly_metrics", ("student_id", "advisor_id"), term=term.name, sem_week=week)
        then = students[["student_id"]].merge(stored, on="student_id", how="left")["advisor_id"].to_numpy()
        advisor = advisor.where(pd.isna(then), then)
    return students.assign(advisor_id=advisor)
