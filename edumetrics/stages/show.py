"""What the weekly notebook shows of a week: one call a cell, a table or a figure each."""

from __future__ import annotations

import pandas as pd
from pandas.io.formats.style import Styler

from edumetrics.fields import FEATURES
from edumetrics.reports import figures
from edumetrics.reports import galaxy as stars
from edumetrics.reports.tables import readable
from edumetrics.stages import forecast, models, training
from edumetrics.stages.week import Week
from edumetrics.stages.weekly import Scores, Triaged
from edumetrics.triage.stability import stability as measured

# What a forecast is drawn beside.
COMPARED = ("rules", "attendance only")


def health_table(week: Week) -> pd.DataFrame:
    """Data health to show: what is fresh, what is missing, what was wrong and what was done about it."""
    names = {"message": "what was found", "status": "status", "class_id": "class", "count": "rows"}
    return week.health[list(names)].rename(columns=names)


def summary(week: Week) -> pd.DataFrame:
    """What was read: term, week, students listed, and how much attendance and work is known."""
    counts: dict[str, object] = {
        "term": week.term,
        "week": week.number,
        "classes": week.whole.pairings["class_id"].nunique(),
    }
    if week.records is None:
        counts |= {"students listed": len(week.names), "chunks of classes": len(week.chunks)}
    else:
        facts = week.records.facts
        counts |= {
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


def galaxy(scores: Scores) -> figures.Picture | None:
    """The student galaxy: recorded activity against academic performance, one point a student; None without data."""
    found = stars.galaxy(scores.metrics)
    return None if found is None else found.picture()


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
    own = flags["advisor_id"] == chosen if chosen else flags["advisor_id"].isna()
    mine = flags[own].sort_values("triage_rank")
    return readable(mine[list(names)].rename(columns=names), "start-here")


def forecast_evidence(week: Week) -> Styler:
    """What the forecast in use, the rules and the baselines were worth in this week of a term they had not seen.

    Empty in a college's first semester: there is no term yet to learn from, and lists go by the rules.
    """
    table = forecast.evidence(week.workspace, week.champion.trained_terms, week.number)
    return readable(table.rename(columns=lambda name: name.replace("_", " ")), "evidence", digits=2)


def forecast_precision(week: Week) -> figures.Picture | None:
    """Precision at capacity by week of the tested term: the forecast in use first; None where there is none."""
    tried = models.rivals(week.workspace, training.FAIL, week.champion.trained_terms)
    ordered = sorted(tried, key=lambda row: not row["champion"])
    return (
        figures.precision(
            {row["model"]: pd.DataFrame(row["metrics"]["by_week"]) for row in ordered}
        )
        if tried
        else None
    )


def forecast_reliability(week: Week) -> figures.Picture | None:
    """The forecast in use against what happened in the tested term; None where there is none."""
    tried = models.rivals(week.workspace, training.FAIL, week.champion.trained_terms)
    used = [row["metrics"]["reliability"] for row in tried if row["champion"]]
    return (
        figures.reliability(pd.DataFrame(used[0]), "chance of failing or leaving, %", scale=100)
        if used
        else None
    )


def forecast_by_class(week: Week) -> Styler:
    """By class of the tested term: what was forecast on average, what happened, and the difference, in percent."""
    tried = models.rivals(week.workspace, training.FAIL, week.champion.trained_terms)
    used = [row["metrics"]["by_class"] for row in tried if row["champion"]]
    table = pd.DataFrame(
        used[0] if used else [], columns=["class_id", "forecast", "happened", "error"]
    )
    table[["forecast", "happened", "error"]] *= 100
    return readable(table.rename(columns={"class_id": "class"}), "by-class")


def subjects_at_risk(scores: Scores, count: int = 10) -> Styler:
    """The subjects most at risk: how many take each, and how many are at a medium or high risk of failing it.

    Empty where there is no model yet.
    """
    rows = scores.by_subject
    counts = pd.crosstab(rows["subject_id"], rows["risk_label"])
    table = counts.reindex(columns=["LOW", "MEDIUM", "HIGH"], fill_value=0)
    table.insert(0, "students", table.sum(axis=1))
    ordered = (
        table.sort_values(["HIGH", "MEDIUM"], ascending=False, kind="stable")
        .reset_index()
        .head(count)
    )
    names = {"subject_id": "subject", "LOW": "low", "MEDIUM": "medium", "HIGH": "high"}
    return readable(ordered.rename(columns=names).rename_axis(columns=None), "subjects")


def forecast_drift(scores: Scores, count: int = 5) -> Styler:
    """The features whose distribution differs most from the training terms': population stability index, 0 is alike.

    Above 0.25 a shift is called significant. Empty where there is no forecast.
    """
    index = scores.drift.head(count)
    meaning = [FEATURES[str(name)].meaning for name in index.index]
    table = pd.DataFrame(
        {"feature": index.index, "meaning": meaning, "stability index": index.to_numpy()}
    )
    return readable(table, "drift", digits=2)


def lists_by_advisor(triaged: Triaged) -> pd.DataFrame:
    """How long each advisor's list is, how much of it fits into the week, who is new, and who left."""
    flags = triaged.lists.flags
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


def class_findings(triaged: Triaged) -> pd.DataFrame:
    """What concerns a whole class rather than any one student."""
    return triaged.lists.findings[["class_id", "text"]].rename(
        columns={"class_id": "class", "text": "finding"}
    )


def stability(triaged: Triaged) -> pd.DataFrame:
    """How steady the lists of this semester are, this week's included."""
    week = triaged.scores.week
    places = pd.concat([week.places, triaged.lists.flags[["student_id", "sem_week"]]])
    return measured(places, week.workspace.params.calendar).round(2)
