"""Build the other reports: before the semester, before an exam, and after its results."""

from __future__ import annotations

from typing import Any

import pandas as pd

from edumetrics.forecast.subjects import HIGH
from edumetrics.reports.model import Entry, Fact, Number, Numbers, Report, Section, Students, Table
from edumetrics.reports.occasion import (
    Occasion,
    cell,
    in_order,
    known,
    table_row,
    text,
    whole,
    whose,
)
from edumetrics.triage.reasons import told
from edumetrics.triage.situation import Row

# The most reasons of an entry, and the most subjects named in one.
REASONS, SUBJECTS = 3, 3
# Before an exam an advisor has two lists: this sentence says how they differ.
BESIDE = "Your weekly list says who to talk to now; this is what the exam may bring."
# Label, column of pre_sem_watchlist, unit.
HISTORY = (("Average over exams", "exam_avg_hist", ""), ("Attendance", "att_rate_hist", "%"),
           ("Assignments handed in", "assn_rate_hist", "%"))  # fmt: skip
NO_FORECAST = (
    "There is no forecast yet, because no such exam has been seen: the prediction is the marks"
    " so far, its range is wide, and nothing is said of the chance of failing."
)
# `low` to `high` is the 80% range.
RANGE = "The range is meant to hold four times in five."
PREDICTION = (
    "A score outside the range says something about the prediction, never about the student."
)


def pre_semester_reports(occasion: Occasion, rows: pd.DataFrame) -> list[Report]:
    """Return one report for every advisor with students who have an earlier semester.

    A report says which students to say hello to first.

    Args:
        occasion: the moment.
        rows: pre_sem_watchlist with advisor_id (null for students without an advisor).

    Returns:
        The reports, in order of advisor_id.
    """
    reports = []
    for advisor, group in occasion.by_advisor(
        rows.sort_values("risk_probability_pct", ascending=False)
    ):
        # Entries are for the watchlist only; the numbers and the table are for all students.
        watched = group[group["on_watchlist"].astype(bool)]
        entries = [_watched(occasion, advisor, row) for row in watched.to_dict("records")]
        headline = (
            f"{_of(occasion, advisor, len(watched), len(group))} may be glad of an early hello."
            if entries
            else "Nobody stands out before the semester begins."
        )
        cells = tuple(
            table_row(
                row,
                *(cell(row[name], unit) for _, name, unit in HISTORY),
                cell(row["escalation_level"]),
            )
            for row in _by_name(group)
        )
        columns = (*(label for label, _, _ in HISTORY), "Weeks on a list last semester")
        sections = (
            *in_order(entries, occasion.params.triage.capacity_of(advisor), "Say hello first"),
            _beside(group, rows, HISTORY, "From earlier semesters, the middle"),
            Table("Your students", columns, cells),
        )
        lead = (
            "Earlier semesters suggest keeping in touch from the start. It is a reason to say"
            " hello, not a verdict: many with a history like this pass. Who has no earlier"
            " semester here is not on this list."
        )
        subject = f"Before the semester · {len(watched)} of {len(group)} students"
        reports.append(_report(occasion, advisor, group, subject, headline, lead, sections))
    return reports


def _watched(occasion: Occasion, advisor: str, row: Row) -> Entry:
    """Return a student of the watchlist, with a draft email that names no topic."""
    # Positive points raise the chance of failing; here nothing else is a reason to say hello.
    reasons = told([record for record in row["reasons"] if record["points"] > 0], REASONS)
    # The watchlist has the chance in percent, the other tables as a share of 0 to 1.
    return occasion.entry(
        row,
        _tier(row["risk_probability_pct"] / 100),
        reasons=tuple(record["text"] for record in reasons),
        **occasion.drafts(row, advisor, []),
    )


def pre_exam_reports(
    occasion: Occasion,
    exam: str,
    rows: pd.DataFrame,
    subjects: pd.DataFrame,
    listed: frozenset[str] = frozenset(),
) -> list[Report]:
    """Return a report for every advisor: predicted scores, chances of failing, subjects at risk.

    Args:
        occasion, exam: the moment, and the name of the exam in words.
        rows: pre_mid_term or pre_end_term with advisor_id; `predicted` (with its range low to
            high), p_fail (null without a forecast), `at_risk` (for the end-term: not a pass).
        subjects: student_id, name: the subjects in which a student is at a medium risk of failing
            or above, the likeliest first.
        listed: student_id of who is on the week's list.
    """
    at_risk: dict[Any, str] = subjects.groupby("student_id")["name"].agg(_some).to_dict()
    reports = []
    for advisor, group in occasion.by_advisor(
        rows.sort_values(["p_fail", "predicted"], ascending=[False, True])
    ):
        near = group[group["at_risk"].astype(bool)]
        forecast = group["p_fail"].notna().any()  # without a model p_fail is null for everyone
        entries = [
            _ahead(
                occasion,
                advisor,
                row,
                at_risk,
                "on this week's list" if row["student_id"] in listed else "",
            )
            for row in near.to_dict("records")
        ]
        order = "The likeliest to fail first." if forecast else "The lowest prediction first."
        headline = (
            f"{_of(occasion, advisor, len(near), len(group))} may need help before the {exam}."
            if entries
            else f"Everyone is on course to pass the {exam}, as things stand."
        )
        cells = tuple(
            table_row(row, cell(row["predicted"]), _range(row), _chance(row),
                      at_risk.get(row["student_id"], ""))
            for row in _by_name(group)
        )  # fmt: skip
        compared = (("Predicted score", "predicted", ""), ("May fail", "may_fail", "%"))
        sections = (
            *in_order(
                entries,
                occasion.params.triage.capacity_of(advisor),
                f"Before the {exam}",
                f"{order} {BESIDE}",
            ),
            _beside(group, rows, compared, "As things stand"),
            Table(
                "Your students",
                ("Predicted score", "Range", "Chance of failing", "Subjects at risk"),
                cells,
            ),
        )
        lead = (
            f"The {exam} is predicted from the weeks so far. {RANGE}" if forecast else NO_FORECAST
        )
        subject = f"Before the {exam} · {len(near)} of {len(group)} students · week {occasion.week}"
        reports.append(_report(occasion, advisor, group, subject, headline, lead, sections))
    return reports


def _some(names: pd.Series) -> str:
    """Return the first few names, and how many more there are."""
    more = f" and {len(names) - SUBJECTS} more" if len(names) > SUBJECTS else ""
    return ", ".join(names[:SUBJECTS]) + more


def _ahead(
    occasion: Occasion, advisor: str, row: Row, at_risk: dict[Any, str], since: str
) -> Entry:
    """Return a student before an exam; `since` says whether the student is on the week's list."""
    # Negative points lower the predicted score. One reason fewer: the facts have the numbers.
    against = [record for record in row["reasons"] if record["points"] < 0][: REASONS - 1]
    facts = [Fact("Predicted:", f"{cell(row['predicted'])} of 100; the range is {_range(row)}.")]
    if known(row["p_fail"]):
        facts.append(Fact("Chance of failing:", f"{_chance(row)}."))
    # Only students with a subject at risk have a key.
    if row["student_id"] in at_risk:
        facts.append(Fact("Subjects at risk:", f"{at_risk[row['student_id']]}."))
    return occasion.entry(
        row,
        _tier(row["p_fail"]),
        since=since,
        reasons=tuple(record["text"] for record in against),
        facts=tuple(facts),
        **occasion.drafts(row, advisor, [record["code"] for record in against]),
    )


def after_results_reports(occasion: Occasion, exam: str, rows: pd.DataFrame) -> list[Report]:
    """Return a report for every advisor on the results of an exam.

    A report says who did not pass and whether they had been on the list in time, and who came below
    or above the predicted range.

    Args:
        occasion: the moment.
        exam: its name in words.
        rows: exam_review with advisor_id; `failed` is null where the result is not known.
    """
    reports = []
    for advisor, group in occasion.by_advisor(rows.sort_values(["actual", "student_id"])):
        # A result that is not known is not a fail.
        failed = group["failed"].fillna(value=False).astype(bool)
        entries = [_result(occasion, advisor, row) for row in group[failed].to_dict("records")]
        # Those who failed have an entry already; a section without students is left out.
        outside = [
            Students(
                f"{word.capitalize()} the predicted range, and passed",
                note,
                tuple(lines),
                brief=True,
            )
            for word, note in (("below", PREDICTION), ("above", "A kind word is always welcome."))
            if (lines := [_outside(occasion, row) for row in _of_verdict(group[~failed], word)])
        ]
        cells = tuple(
            table_row(row, cell(row["actual"]), cell(row["predicted"]), _range(row),
                      text(row["verdict"]), cell(row["weeks_flagged"]))
            for row in _by_name(group)
        )  # fmt: skip
        columns = ("Score", "Predicted", "Range", "Against the range", "Weeks on the list before")
        passed = "did not pass" if entries else "passed, as far as results are known"
        # The headline counts those who failed or, where nobody did, the results that are known.
        count = len(entries) or int(group["failed"].notna().sum())
        sections = (
            *in_order(
                entries,
                occasion.params.triage.capacity_of(advisor),
                "Who to talk to about what comes next",
            ),
            *outside,
            Table("Your students", columns, cells),
        )
        headline = (
            f"After the {exam}:"
            f" {_of(occasion, advisor, count, len(group), capital=False)} {passed}."
        )
        subject = f"After the {exam} · {len(entries)} of {len(group)} students did not pass"
        lead = _looking_back(occasion, group, failed)
        reports.append(_report(occasion, advisor, group, subject, headline, lead, sections))
    return reports


def _looking_back(occasion: Occasion, group: pd.DataFrame, failed: pd.Series) -> str:
    """Return sentences on how many had been on the list, and on how far predictions held."""
    told = []
    if failed.any():
        listed = int((group.loc[failed, "weeks_flagged"] > 0).sum())
        told.append(
            f"{occasion.words(listed, capital=True)} of them had been on your list before the exam."
        )
    # A student without a score or without a prediction has no verdict.
    verdicts = group["verdict"].dropna()
    if len(verdicts):
        within = int((verdicts == "within").sum())
        told.append(
            f"{within} of {len(verdicts)} scores fell within the predicted range;"
            " four in five are meant to."
        )
    else:
        told.append("Nothing had been predicted for this exam.")
    return " ".join(told)


def _result(occasion: Occasion, advisor: str, row: Row) -> Entry:
    """Return a student who did not pass: score, prediction, and weeks on the list before."""
    facts = [Fact("Score:", f"{cell(row['actual'])} of 100.")] if known(row["actual"]) else []
    if known(row["predicted"]):
        facts.append(Fact("Predicted:", f"{cell(row['predicted'])}; the range was {_range(row)}."))
    weeks = int(row["weeks_flagged"])
    first = cell(row["first_flagged_week"])
    count = f"in {occasion.words(weeks)} {'week' if weeks == 1 else 'weeks'}"
    listed = f"{count}, first in week {first}." if weeks else "not before the exam."
    # The code stands for the topic "marks": the draft may speak of marks, but it has no score.
    return occasion.entry(
        row,
        facts=(*facts, Fact("On your list:", listed)),
        **occasion.drafts(row, advisor, ["academic_level"]),
    )


def _outside(occasion: Occasion, row: Row) -> Entry:
    """Return a student who passed with a score outside the predicted range."""
    return occasion.entry(
        row,
        reasons=(f"Score {cell(row['actual'])} of 100; the predicted range was {_range(row)}.",),
    )


def _of_verdict(group: pd.DataFrame, word: str) -> list[Row]:
    """Return the rows with a verdict: below, within or above the predicted range."""
    return list(group[group["verdict"] == word].to_dict("records"))


def _report(
    occasion: Occasion,
    advisor: str,
    group: pd.DataFrame,
    subject: str,
    headline: str,
    lead: str,
    sections: tuple[Section, ...],
) -> Report:
    """Return the report of one advisor from the parts that differ between the moments."""
    return Report(
        stage=occasion.stage,
        term=occasion.term,
        week=occasion.week,
        advisor_id=advisor,
        reader=occasion.reader(advisor),
        classes=tuple(sorted(group["class_id"].unique())),
        subject=subject,
        kicker=occasion.kicker(group["class_id"]),
        headline=headline,
        lead=lead,
        sections=(*sections, occasion.closing()),
    )


def _of(
    occasion: Occasion, advisor: str, count: int, students: int, *, capital: bool = True
) -> str:
    """Return how many of an advisor's students, such as `Six of your 62 students`."""
    mine = whose(advisor, students)
    # "One of your one student" would be odd: a single student is named by the second part alone.
    if students > 1 or not count:
        return f"{occasion.words(count, capital=capital)} of {mine}"
    return mine[0].upper() + mine[1:] if capital else mine


def _beside(
    group: pd.DataFrame, rows: pd.DataFrame, measures: tuple[tuple[str, str, str], ...], about: str
) -> Numbers:  # fmt: skip
    """Return medians of an advisor's students beside those of all students.

    Args:
        group, rows: the advisor's students, and all students.
        measures: label, column, unit; `may_fail` is the share of students at risk, in percent.
        about: what the numbers are.
    """

    def middle(frame: pd.DataFrame, name: str) -> int | None:
        # `may_fail` is no column: a median of yes and no would say nothing.
        return (
            round(100 * frame["at_risk"].astype(bool).mean())
            if name == "may_fail"
            else whole(frame[name].median())
        )

    numbers = tuple(
        Number(label, middle(group, name), middle(rows, name), unit)
        for label, name, unit in measures
    )
    return Numbers("In numbers", about, "Your students", "All students", numbers)


def _by_name(group: pd.DataFrame) -> list[Row]:
    """Return the rows in the order of a class register: by class and roll number."""
    # Roll numbers may be missing or repeated; the id makes the order the same in every run.
    return list(group.sort_values(["class_id", "roll_number", "student_id"]).to_dict("records"))


def _tier(chance: float) -> str:
    """Return the tier of a chance of failing (0 to 1); `watch` for null."""
    # A comparison with NaN is false, so a student without a forecast is never at `high`.
    return "high" if chance >= HIGH else "watch"


def _range(row: Row) -> str:
    """Return the predicted range in words; empty where there is none."""
    return f"{cell(row['low'])} to {cell(row['high'])}" if known(row["low"]) else ""


def _chance(row: Row) -> str:
    """Return the chance of failing in words; empty where there is no forecast."""
    return f"{round(100 * row['p_fail'])} in 100" if known(row["p_fail"]) else ""
