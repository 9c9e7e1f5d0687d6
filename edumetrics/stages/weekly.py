"""The weekly stage: every student's week, scored, stored and shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.io.formats.style import Styler

from edumetrics import settings
from edumetrics.analysis import runs
from edumetrics.analysis.runs import Run
from edumetrics.analysis.store import Store, now
from edumetrics.college import health
from edumetrics.college.source import College, Term
from edumetrics.errors import SettingsError
from edumetrics.forecast.features import features
from edumetrics.forecast.models import Calibrated, probability
from edumetrics.params import Calendar
from edumetrics.reports import figures, render, views
from edumetrics.scoring.facts import Facts
from edumetrics.scoring.observed import observe
from edumetrics.scoring.weekly import Scored, score
from edumetrics.stages import forecast
from edumetrics.stages.facts import read_facts
from edumetrics.stages.memory import remember
from edumetrics.stages.terms import find_term, last_teaching_week, listed, refuse_without_data, report_folder
from edumetrics.stages.workspace import Workspace, open_workspace
from edumetrics.triage.lists import Lists
from edumetrics.triage.lists import triage as draw_up
from edumetrics.triage.situation import Memory, Situation
from edumetrics.triage.stability import stability as measured

STAGE = "weekly"
# In the first week there is too little to go by.
FORECAST_FROM = 2


@dataclass(frozen=True)
class Week:
    """One teaching week of one term, as read: what `compute` starts from.

    Attributes:
        facts: the cleaned frames, as known at the week's end.
        history: what earlier weeks stored of the metrics that baselines are made of.
        memory: what earlier weeks remember of the lists, and what people entered.
        prior: what was known of students before the semester.
        later_half: whether the term is in a later slot of the academic year.
        model_id, model: the forecast in use; empty and None where there is none yet.
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
    model_id: str
    model: Calibrated | None
    health: pd.DataFrame
    names: pd.DataFrame
    advisors: pd.DataFrame
    folder: Path


@dataclass(frozen=True)
class Scores:
    """A week, its scores, and what forecasts are made from."""

    week: Week
    scored: Scored
    features: pd.DataFrame

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
    model_id, model, trouble = forecast.champion(workspace, term.name)
    found = health.findings(college, term, number) if with_health else health.nothing()
    return Week(
        workspace=workspace,
        term=term.name,
        number=number,
        facts=read_facts(college, term, number, _advised(college, workspace.store, term, number, replay=replay), until),
        history=workspace.store.history(term.name, window),
        memory=remember(workspace, term.name, number),
        prior=forecast.prior(workspace, college, term, number),
        later_half=_later_half(term, calendar),
        model_id=model_id,
        model=model,
        health=health.with_warning(found, "forecast: model", trouble) if trouble else found,
        names=college.names,
        advisors=college.advisors,
        folder=folder,
    )


def compute(week: Week) -> Scores:
    """Score the week: pure, changes nothing."""
    calendar, scoring = week.workspace.params.calendar, week.workspace.params.scoring
    scored = score(observe(week.facts, calendar, scoring), week.history, calendar, scoring)
    made = features(scored, week.history, week.prior, calendar, scoring, later_half=week.later_half)
    if week.model is None or week.number < FORECAST_FROM:
        return Scores(week, scored, made)
    chance = probability(week.model.logit(made.assign(sem_week=week.number)))
    return Scores(week, replace(scored, metrics=scored.metrics.assign(p_fail=chance)), made)


def triage(scores: Scores) -> Triaged:
    """Draw up the advisors' lists: pure, changes nothing."""
    week, params = scores.week, scores.week.workspace.params
    situation = Situation(
        scores.scored, week.history, week.memory, params.calendar, params.scoring, params.triage, params.sentences
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
    store = week.workspace.store
    run = (
        runs.resume(store, run_id)
        if run_id
        else runs.start(store, week.workspace.params, STAGE, week.term, week.number)
    )
    return save(store, run, triaged)


def save(store: Store, run: Run, triaged: Triaged) -> int:
    """As `write`, for a run that has been entered into the ledger."""
    week, lists = triaged.scores.week, triaged.lists
    written: dict[str, Any] = {"run_id": run.run_id, "computed_at": now()}
    slices = {
        "weekly_metrics": triaged.scores.metrics,
        "weekly_features": triaged.scores.features.assign(
            **{name: triaged.scores.metrics[name].to_numpy() for name in ("sem_week", "class_id", "advisor_id")}
        ),
        "weekly_flags": lists.flags,
        "list_exits": lists.exits,
        "class_findings": lists.findings,
    }
    with store.transaction() as connection:
        rows = [
            store.replace(
                connection, table, frame.assign(term=week.term, **written), term=week.term, sem_week=week.number
            )
            for table, frame in slices.items()
        ]
        store.replace(connection, "data_health", week.health.assign(**written), run_id=run.run_id)
        runs.done(connection, run, sum(rows))
    return rows[0]


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


def start_here(triaged: Triaged, advisor: str = "") -> Styler:
    """One list as the advisor acts on it, to look at: who is within capacity, most urgent first, and why in full.

    `queries.flagged` gives the same as a frame.

    Args:
        triaged: the week's lists.
        advisor: only this advisor's; the first advisor's with a list when empty.
    """
    flags = triaged.lists.flags
    flags = flags[flags["within_capacity"]]
    chosen = advisor or next(iter(sorted(flags["advisor_id"].dropna().unique())), "")
    names = {
        "triage_rank": "place",
        "student_id": "student",
        "risk_tier": "tier",
        "status": "status",
        "escalation_level": "weeks running",
        "diagnosis": "why",
        "off_list_if": "off the list if the student",
    }
    mine = flags[flags["advisor_id"] == chosen].sort_values("triage_rank")
    shown = mine[list(names)].rename(columns=names).set_index("place")
    style = shown.style.format(na_rep="", escape="html").set_uuid("start-here")
    return style.set_table_styles([{"selector": "td, th", "props": "text-align: left; vertical-align: top"}])


def forecast_evidence(week: Week) -> pd.DataFrame:
    """What the forecast in use, the rules and the baselines were worth in this week of a term they had not seen.

    Empty in a college's first semester: there is no term yet to learn from, and lists go by the rules.
    """
    return forecast.evidence(week.workspace, week.model_id, week.number)


def lists_by_advisor(triaged: Triaged) -> pd.DataFrame:
    """How long each advisor's list is, how much of it fits into the week, who is new, and who left."""
    flags = triaged.lists.flags
    groups = flags.assign(new=flags["status"] == "new").fillna({"advisor_id": "without advisor"}).groupby("advisor_id")
    table = groups.agg(
        listed=("student_id", "size"),
        within_capacity=("within_capacity", "sum"),
        new=("new", "sum"),
        looked_after=("looked_after", "sum"),
    )
    left = triaged.lists.exits.fillna({"advisor_id": "without advisor"}).groupby("advisor_id").size()
    table["left"] = left.reindex(table.index).fillna(0).astype("int64")
    return table.rename(columns=lambda name: name.replace("_", " "))


def class_findings(triaged: Triaged) -> pd.DataFrame:
    """What concerns a whole class rather than any one student."""
    return triaged.lists.findings[["class_id", "text"]].rename(columns={"class_id": "class", "text": "finding"})


def stability(triaged: Triaged) -> pd.DataFrame:
    """How steady the lists of this semester are, this week's included."""
    week = triaged.scores.week
    places = pd.concat([week.memory.lists, triaged.lists.flags[["student_id", "sem_week"]]])
    return measured(places, week.workspace.params.calendar).round(2)


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
