"""Build the other reports: before the semester, before an exam, and after its results."""

from __future__ import annotations

from typing import Any

import pandas as pd

from edumetrics.forecast.subjects import HIGH
from edumetrics.reports.context import (
    Occasion,
    build_table_row,
    describe_students,
    format_cell,
    is_known,
    normalize_text,
    round_value,
    split_by_capacity,
)
from edumetrics.reports.model import (
    Fact,
    NumberRow,
    Numbers,
    Report,
    Section,
    StudentEntry,
    Students,
    StudentTable,
)
from edumetrics.triage.reasons import select_reasons
from edumetrics.types import Row

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


def build_pre_semester_reports(occasion: Occasion, rows: pd.DataFrame) -> list[Report]:
    """Return one report for every advisor with students who have an earlier semester.

    A report says which students to say hello to first.

    Args:
        occasion: the moment.
        rows: pre_sem_watchlist with advisor_id (null for students without an advisor).

    Returns:
        The reports, in order of advisor_id.
    """
    reports = []
    for advisor, group in occasion.group_by_advisor(
        rows.sort_values("risk_probability_pct", ascending=False)
    ):
        # Entries are for the watchlist only; the numbers and the table are for all students.
        watched = group[group["on_watchlist"].astype(bool)]
        entries = [
            _build_watchlist_entry(occasion, advisor, row) for row in watched.to_dict("records")
        ]
        headline = (
            f"{_format_count(occasion, advisor, len(watched), len(group))}"
            " may be glad of an early hello."
            if entries
            else "Nobody stands out before the semester begins."
        )
        cells = tuple(
            build_table_row(
                row,
                *(format_cell(row[name], unit) for _, name, unit in HISTORY),
                format_cell(row["escalation_level"]),
            )
            for row in _sort_by_roll_number(group)
        )
        columns = (*(label for label, _, _ in HISTORY), "Weeks on a list last semester")
        sections = (
            *split_by_capacity(
                entries, occasion.params.triage.get_capacity(advisor), "Say hello first"
            ),
            _compare_numbers(group, rows, HISTORY, "From earlier semesters, the middle"),
            StudentTable("Your students", columns, cells),
        )
        lead = (
            "Earlier semesters suggest keeping in touch from the start. It is a reason to say"
            " hello, not a verdict: many with a history like this pass. Who has no earlier"
            " semester here is not on this list."
        )
        subject = f"Before the semester · {len(watched)} of {len(group)} students"
        reports.append(_build_report(occasion, advisor, group, subject, headline, lead, sections))
    return reports


def _build_watchlist_entry(occasion: Occasion, advisor: str, row: Row) -> StudentEntry:
    """Return a student of the watchlist, with a draft email that names no topic."""
    # Positive points raise the chance of failing; here nothing else is a reason to say hello.
    reasons = select_reasons([record for record in row["reasons"] if record["points"] > 0], REASONS)
    # The watchlist has the chance in percent, the other tables as a share of 0 to 1.
    return occasion.build_entry(
        row,
        _choose_tier(row["risk_probability_pct"] / 100),
        reasons=tuple(record["text"] for record in reasons),
        **occasion.write_drafts(row, advisor, []),
    )


def build_pre_exam_reports(
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
    at_risk: dict[Any, str] = subjects.groupby("student_id")["name"].agg(_join_subjects).to_dict()
    reports = []
    for advisor, group in occasion.group_by_advisor(
        rows.sort_values(["p_fail", "predicted"], ascending=[False, True])
    ):
        near = group[group["at_risk"].astype(bool)]
        forecast = group["p_fail"].notna().any()  # without a model p_fail is null for everyone
        entries = [
            _build_pre_exam_entry(
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
            f"{_format_count(occasion, advisor, len(near), len(group))}"
            f" may need help before the {exam}."
            if entries
            else f"Everyone is on course to pass the {exam}, as things stand."
        )
        cells = tuple(
            build_table_row(
                row,
                format_cell(row["predicted"]),
                _format_range(row),
                _format_chance(row),
                at_risk.get(row["student_id"], ""),
            )
            for row in _sort_by_roll_number(group)
        )
        compared = (("Predicted score", "predicted", ""), ("May fail", "may_fail", "%"))
        sections = (
            *split_by_capacity(
                entries,
                occasion.params.triage.get_capacity(advisor),
                f"Before the {exam}",
                f"{order} {BESIDE}",
            ),
            _compare_numbers(group, rows, compared, "As things stand"),
            StudentTable(
                "Your students",
                ("Predicted score", "Range", "Chance of failing", "Subjects at risk"),
                cells,
            ),
        )
        lead = (
            f"The {exam} is predicted from the weeks so far. {RANGE}" if forecast else NO_FORECAST
        )
        subject = f"Before the {exam} · {len(near)} of {len(group)} students · week {occasion.week}"
        reports.append(_build_report(occasion, advisor, group, subject, headline, lead, sections))
    return reports


def _join_subjects(names: pd.Series) -> str:
    """Return the first few names, and how many more there are."""
    more = f" and {len(names) - SUBJECTS} more" if len(names) > SUBJECTS else ""
    return ", ".join(names[:SUBJECTS]) + more


def _build_pre_exam_entry(
    occasion: Occasion, advisor: str, row: Row, at_risk: dict[Any, str], since: str
) -> StudentEntry:
    """Return a student before an exam; `since` says whether the student is on the week's list."""
    # Negative points lower the predicted score. One reason fewer: the facts have the numbers.
    against = [record for record in row["reasons"] if record["points"] < 0][: REASONS - 1]
    facts = [
        Fact(
            "Predicted:",
            f"{format_cell(row['predicted'])} of 100; the range is {_format_range(row)}.",
        )
    ]
    if is_known(row["p_fail"]):
        facts.append(Fact("Chance of failing:", f"{_format_chance(row)}."))
    # Only students with a subject at risk have a key.
    if row["student_id"] in at_risk:
        facts.append(Fact("Subjects at risk:", f"{at_risk[row['student_id']]}."))
    return occasion.build_entry(
        row,
        _choose_tier(row["p_fail"]),
        since=since,
        reasons=tuple(record["text"] for record in against),
        facts=tuple(facts),
        **occasion.write_drafts(row, advisor, [record["code"] for record in against]),
    )


def build_results_reports(occasion: Occasion, exam: str, rows: pd.DataFrame) -> list[Report]:
    """Return a report for every advisor on the results of an exam.

    A report says who did not pass and whether they had been on the list in time, and who came below
    or above the predicted range.

    Args:
        occasion: the moment.
        exam: its name in words.
        rows: exam_review with advisor_id; `failed` is null where the result is not known.
    """
    reports = []
    for advisor, group in occasion.group_by_advisor(rows.sort_values(["actual", "student_id"])):
        # A result that is not known is not a fail.
        failed = group["failed"].fillna(value=False).astype(bool)
        entries = [
            _build_result_entry(occasion, advisor, row) for row in group[failed].to_dict("records")
        ]
        # Those who failed have an entry already; a section without students is left out.
        outside = [
            Students(
                f"{word.capitalize()} the predicted range, and passed",
                note,
                tuple(lines),
                brief=True,
            )
            for word, note in (("below", PREDICTION), ("above", "A kind word is always welcome."))
            if (
                lines := [
                    _build_outside_entry(occasion, row)
                    for row in _select_verdict(group[~failed], word)
                ]
            )
        ]
        cells = tuple(
            build_table_row(
                row,
                format_cell(row["actual"]),
                format_cell(row["predicted"]),
                _format_range(row),
                normalize_text(row["verdict"]),
                format_cell(row["weeks_flagged"]),
            )
            for row in _sort_by_roll_number(group)
        )
        columns = ("Score", "Predicted", "Range", "Against the range", "Weeks on the list before")
        passed = "did not pass" if entries else "passed, as far as results are known"
        # The headline counts those who failed or, where nobody did, the results that are known.
        count = len(entries) or int(group["failed"].notna().sum())
        sections = (
            *split_by_capacity(
                entries,
                occasion.params.triage.get_capacity(advisor),
                "Who to talk to about what comes next",
            ),
            *outside,
            StudentTable("Your students", columns, cells),
        )
        headline = (
            f"After the {exam}:"
            f" {_format_count(occasion, advisor, count, len(group), capital=False)} {passed}."
        )
        subject = f"After the {exam} · {len(entries)} of {len(group)} students did not pass"
        lead = _build_results_lead(occasion, group, failed)
        reports.append(_build_report(occasion, advisor, group, subject, headline, lead, sections))
    return reports


def _build_results_lead(occasion: Occasion, group: pd.DataFrame, failed: pd.Series) -> str:
    """Return sentences on how many had been on the list, and on how far predictions held."""
    told = []
    if failed.any():
        listed = int((group.loc[failed, "weeks_flagged"] > 0).sum())
        told.append(
            f"{occasion.say_number(listed, capital=True)} of them had been on your list"
            " before the exam."
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


def _build_result_entry(occasion: Occasion, advisor: str, row: Row) -> StudentEntry:
    """Return a student who did not pass: score, prediction, and weeks on the list before."""
    facts = (
        [Fact("Score:", f"{format_cell(row['actual'])} of 100.")] if is_known(row["actual"]) else []
    )
    if is_known(row["predicted"]):
        facts.append(
            Fact(
                "Predicted:",
                f"{format_cell(row['predicted'])}; the range was {_format_range(row)}.",
            )
        )
    weeks = int(row["weeks_flagged"])
    first = format_cell(row["first_flagged_week"])
    count = f"in {occasion.say_number(weeks)} {'week' if weeks == 1 else 'weeks'}"
    listed = f"{count}, first in week {first}." if weeks else "not before the exam."
    # The code stands for the topic "marks": the draft may speak of marks, but it has no score.
    return occasion.build_entry(
        row,
        facts=(*facts, Fact("On your list:", listed)),
        **occasion.write_drafts(row, advisor, ["academic_level"]),
    )


def _build_outside_entry(occasion: Occasion, row: Row) -> StudentEntry:
    """Return a student who passed with a score outside the predicted range."""
    return occasion.build_entry(
        row,
        reasons=(
            f"Score {format_cell(row['actual'])} of 100;"
            f" the predicted range was {_format_range(row)}.",
        ),
    )


def _select_verdict(group: pd.DataFrame, word: str) -> list[Row]:
    """Return the rows with a verdict: below, within or above the predicted range."""
    return list(group[group["verdict"] == word].to_dict("records"))


def _build_report(
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
        reader=occasion.get_reader(advisor),
        classes=tuple(sorted(group["class_id"].unique())),
        subject=subject,
        kicker=occasion.format_kicker(group["class_id"]),
        headline=headline,
        lead=lead,
        sections=(*sections, occasion.build_closing()),
    )


def _format_count(
    occasion: Occasion, advisor: str, count: int, students: int, *, capital: bool = True
) -> str:
    """Return how many of an advisor's students, such as `Six of your 62 students`."""
    mine = describe_students(advisor, students)
    # "One of your one student" would be odd: a single student is named by the second part alone.
    if students > 1 or not count:
        return f"{occasion.say_number(count, capital=capital)} of {mine}"
    return mine[0].upper() + mine[1:] if capital else mine


def _compare_numbers(
    group: pd.DataFrame, rows: pd.DataFrame, measures: tuple[tuple[str, str, str], ...], about: str
) -> Numbers:  # fmt: skip
    """Return medians of an advisor's students beside those of all students.

    Args:
        group, rows: the advisor's students, and all students.
        measures: label, column, unit; `may_fail` is the share of students at risk, in percent.
        about: what the numbers are.
    """

    def compute_middle(frame: pd.DataFrame, name: str) -> int | None:
        # `may_fail` is no column: a median of yes and no would say nothing.
        return (
            round(100 * frame["at_risk"].astype(bool).mean())
            if name == "may_fail"
            else round_value(frame[name].median())
        )

    numbers = tuple(
        NumberRow(label, compute_middle(group, name), compute_middle(rows, name), unit)
        for label, name, unit in measures
    )
    return Numbers("In numbers", about, "Your students", "All students", numbers)


def _sort_by_roll_number(group: pd.DataFrame) -> list[Row]:
    """Return the rows in the order of a class register: by class and roll number."""
    # Roll numbers may be missing or repeated; the id makes the order the same in every run.
    return list(group.sort_values(["class_id", "roll_number", "student_id"]).to_dict("records"))


def _choose_tier(chance: float) -> str:
    """Return the tier of a chance of failing (0 to 1); `watch` for null."""
    # A comparison with NaN is false, so a student without a forecast is never at `high`.
    return "high" if chance >= HIGH else "watch"


def _format_range(row: Row) -> str:
    """Return the predicted range in words; empty where there is none."""
    return (
        f"{format_cell(row['low'])} to {format_cell(row['high'])}" if is_known(row["low"]) else ""
    )


def _format_chance(row: Row) -> str:
    """Return the chance of failing in words; empty where there is no forecast."""
    return f"{round(100 * row['p_fail'])} in 100" if is_known(row["p_fail"]) else ""
