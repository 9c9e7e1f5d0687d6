"""The tables and figures of the weekly notebook: each function makes one, for one cell."""

from __future__ import annotations

import pandas as pd
from pandas.io.formats.style import Styler

from edumetrics.fields import FEATURES
from edumetrics.forecast.contest import FAIL
from edumetrics.inputs.week import Week
from edumetrics.modelling import champion, registry
from edumetrics.reports import figures
from edumetrics.reports import galaxy as stars
from edumetrics.reports.tables import show_table
from edumetrics.sentences import Sentences
from edumetrics.stages.weekly import WeekLists, WeekScores
from edumetrics.triage.stability import measure_stability as measured

# The scores that a forecast is drawn beside.
COMPARED = ("rules", "attendance only")


def build_health_table(week: Week) -> pd.DataFrame:
    """Return the data-health findings: what is fresh, missing or wrong, and how it was handled."""
    names = {"message": "what was found", "status": "status", "class_id": "class", "count": "rows"}
    return week.health[list(names)].rename(columns=names)


def build_summary(week: Week) -> pd.DataFrame:
    """Return what was read: term, week, students, and how much attendance and work is known."""
    counts: dict[str, object] = {
        "term": week.term,
        "week": week.number,
        "classes": week.whole.class_semesters["class_id"].nunique(),
    }
    counts |= week.parts[0].count_records(week)
    return pd.Series(counts, name="known at the week's end").to_frame()


def build_class_table(scores: WeekScores) -> pd.DataFrame:
    """Return by class the students, and medians of attendance, activity, marks and rules' risk."""
    names = {
        "weekly_att_pct": "attended this week",
        "effort_score": "recorded activity",
        "academic_performance": "academic performance",
        "risk_score": "rules' risk",
    }
    groups = scores.metrics.groupby(["class_id", "semester"])
    # `Int64` shows whole numbers and still has a missing value, which `int64` has not.
    table = groups[list(names)].median().rename(columns=names).round(0).astype("Int64")
    table.insert(0, "students", groups.size())
    return table.reset_index()


def plot_distributions(scores: WeekScores) -> figures.Picture:
    """Return a figure of the distributions of recorded activity and academic performance."""
    return figures.draw_distributions(_get_sentences(scores.week), scores.metrics)


def plot_galaxy(scores: WeekScores) -> figures.Picture | None:
    """Return the student galaxy: recorded activity against academic performance, a point a student.

    None where there are no data.
    """
    found = stars.build_galaxy(_get_sentences(scores.week), scores.metrics)
    return None if found is None else found.draw()


def _get_sentences(week: Week) -> Sentences:
    return week.workspace.params.sentences


def build_start_list(triaged: WeekLists, advisor: str = "") -> Styler:
    """Return one advisor's list: the students within capacity, most urgent first, with reasons.

    `analyst.queries.flagged` returns the same as a frame.

    Args:
        triaged: the week's lists.
        advisor: the advisor_id; the first advisor with a list when empty.
    """
    flags = triaged.lists.flags
    flags = flags[flags["within_capacity"]]
    chosen = advisor or next(iter(sorted(flags["advisor_id"].dropna().unique())), "")
    names = {
        "triage_rank": "place",
        "student_id": "student",
        "risk_tier": "tier",
        "status": "status",
        "weeks_on_list": "weeks on the list",
        "diagnosis": "why",
        "step": "what would help most",
    }
    # Without any advisor there is still one list, of the students whose advisor_id is null.
    own = flags["advisor_id"] == chosen if chosen else flags["advisor_id"].isna()
    mine = flags[own].sort_values("triage_rank")
    # Null where no step helps enough.
    steps = [step["text"] if isinstance(step, dict) else "" for step in mine["best_step"]]
    mine = mine.assign(step=pd.Series(steps, index=mine.index, dtype="object"))
    return show_table(mine[list(names)].rename(columns=names), "start-here")


def compare_forecasts(week: Week) -> Styler:
    """Return how well the forecast, the rules and the baselines did in this week of an unseen term.

    The table is empty in a college's first semester: there is no term to learn from yet, and lists
    follow the rules.
    """
    table = champion.collect_evidence(week.workspace, week.champion.trained_terms, week.number)
    return show_table(
        table.rename(columns=lambda name: name.replace("_", " ")), "evidence", digits=2
    )


def plot_forecast_precision(week: Week) -> figures.Picture | None:
    """Return a figure of precision at capacity by week of the tested term; None without forecast.

    The forecast in use comes first.
    """
    tried = registry.read_candidates(week.workspace, FAIL, week.champion.trained_terms)
    # False sorts before True, so the champion comes first.
    ordered = sorted(tried, key=lambda row: not row["champion"])
    return (
        figures.draw_precision(
            _get_sentences(week),
            {row["model"]: pd.DataFrame(row["metrics"]["by_week"]) for row in ordered},
        )
        if tried
        else None
    )


def plot_forecast_reliability(week: Week) -> figures.Picture | None:
    """Return a figure of forecast against outcome in the tested term; None without a forecast."""
    tried = registry.read_candidates(week.workspace, FAIL, week.champion.trained_terms)
    used = [row["metrics"]["reliability"] for row in tried if row["champion"]]
    if not used:
        return None
    return figures.draw_reliability(
        _get_sentences(week), pd.DataFrame(used[0]), "axis_forecast_leaving", scale=100
    )


def build_forecast_classes(week: Week) -> Styler:
    """Return by class of the tested term the mean forecast, the outcome and the error, percent."""
    tried = registry.read_candidates(week.workspace, FAIL, week.champion.trained_terms)
    used = [row["metrics"]["by_class"] for row in tried if row["champion"]]
    table = pd.DataFrame(
        used[0] if used else [], columns=["class_id", "forecast", "happened", "error"]
    )
    table[["forecast", "happened", "error"]] *= 100
    return show_table(table.rename(columns={"class_id": "class"}), "by-class")


def build_subject_table(scores: WeekScores, count: int = 10) -> Styler:
    """Return the `count` subjects most at risk: their students, and how many at each level of risk.

    The table is empty where there is no model yet.
    """
    rows = scores.by_subject
    counts = pd.crosstab(rows["subject_id"], rows["risk_label"])
    # A level that no student has this week would otherwise have no column.
    table = counts.reindex(columns=["LOW", "MEDIUM", "HIGH"], fill_value=0)
    table.insert(0, "students", table.sum(axis=1))
    ordered = (
        table.sort_values(["HIGH", "MEDIUM"], ascending=False, kind="stable")
        .reset_index()
        .head(count)
    )
    names = {"subject_id": "subject", "LOW": "low", "MEDIUM": "medium", "HIGH": "high"}
    return show_table(ordered.rename(columns=names).rename_axis(columns=None), "subjects")


def build_drift_table(scores: WeekScores, count: int = 5) -> Styler:
    """Return the `count` features whose distribution differs most from the training terms'.

    The measure is the population stability index: 0 means no difference, and a shift above 0.25 is
    called significant. The table is empty where there is no forecast.
    """
    index = scores.drift.head(count)
    meaning = [FEATURES[str(name)].meaning for name in index.index]
    columns = {"feature": index.index, "meaning": meaning, "stability index": index.to_numpy()}
    return show_table(pd.DataFrame(columns), "drift", digits=2)


def count_by_advisor(triaged: WeekLists) -> pd.DataFrame:
    """Return by advisor the length of the list, places within capacity, new names and exits."""
    flags = triaged.lists.flags
    # groupby drops null keys: students without an advisor get a name of their own.
    groups = (
        flags.assign(new=flags["status"] == "new")
        .fillna({"advisor_id": "without advisor"})
        .groupby("advisor_id")
    )
    table = groups.agg(
        listed=("student_id", "size"),
        within_capacity=("within_capacity", "sum"),
        new=("new", "sum"),
        looked_after=("looked_after", "sum"),
    )
    left = (
        triaged.lists.exits.fillna({"advisor_id": "without advisor"}).groupby("advisor_id").size()
    )
    table["left"] = left.reindex(table.index).fillna(0).astype("int64")
    return table.rename(columns=lambda name: name.replace("_", " "))


def list_class_findings(triaged: WeekLists) -> pd.DataFrame:
    """Return the findings that concern a whole class and not a single student."""
    return triaged.lists.findings[["class_id", "text"]].rename(
        columns={"class_id": "class", "text": "finding"}
    )


def measure_stability(triaged: WeekLists) -> pd.DataFrame:
    """Return how stable the lists of this semester are, including this week's."""
    week = triaged.scores.week
    # `week.places` ends before this week, whose lists may not be stored yet.
    places = pd.concat([week.places, triaged.lists.flags[["student_id", "sem_week"]]])
    return measured(places, week.workspace.params.calendar).round(2)
