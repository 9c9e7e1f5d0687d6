"""Build the other reports: before the semester, before an exam, and after its results."""

from __future__ import annotations

from typing import Any

import pandas as pd

from edumetrics.forecast.subjects import HIGH
from edumetrics.reports.context import (
    Occasion,
    build_table_row,
    format_cell,
    is_known,
    round_value,
)
from edumetrics.reports.model import (
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
# Phrase of the label, column of pre_sem_watchlist, unit.
HISTORY = (("column_exam_average", "exam_avg_hist", ""), ("label_attendance", "att_rate_hist", "%"),
           ("column_handed_in", "assn_rate_hist", "%"))  # fmt: skip
# Phrase of the label, column of the predictions, unit.
PREDICTED = (("column_predicted_score", "predicted", ""), ("column_may_fail", "may_fail", "%"))
# The phrases of the columns of two tables.
PREDICTION_COLUMNS = ("column_predicted_score", "column_range", "column_chance", "column_subjects")
RESULT_COLUMNS = ("column_score", "column_predicted", "column_range", "column_verdict",
                  "column_weeks_before")  # fmt: skip


def build_pre_semester_reports(occasion: Occasion, rows: pd.DataFrame) -> list[Report]:
    """Return one report for every advisor with students who have an earlier semester.

    A report says which students to say hello to first.

    Args:
        occasion: the moment.
        rows: pre_sem_watchlist with advisor_id (null for students without an advisor).

    Returns:
        The reports, in order of advisor_id.
    """
    reports, say = [], occasion.say
    for advisor, group in occasion.group_by_advisor(
        rows.sort_values("risk_probability_pct", ascending=False)
    ):
        # Entries are for the watchlist only; the numbers and the table are for all students.
        watched = group[group["on_watchlist"].astype(bool)]
        entries = [
            _build_watchlist_entry(occasion, advisor, row) for row in watched.to_dict("records")
        ]
        who = occasion.describe_count(advisor, len(watched), len(group))
        headline = say("pre_sem_headline", who=who) if entries else say("pre_sem_nobody")
        cells = tuple(
            build_table_row(
                row,
                *(format_cell(row[name], unit) for _, name, unit in HISTORY),
                format_cell(row["escalation_level"]),
            )
            for row in _sort_by_roll_number(group)
        )
        columns = (*(say(label) for label, _, _ in HISTORY), say("column_weeks_listed"))
        sections = (
            *occasion.split_by_capacity(advisor, entries, say("pre_sem_title")),
            _compare_numbers(occasion, group, rows, HISTORY, say("pre_sem_about")),
            StudentTable(say("table_title"), columns, cells),
        )
        lead = say("pre_sem_lead")
        subject = say("pre_sem_subject", watched=len(watched), students=len(group))
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
    at_risk = {
        student: _join_subjects(occasion, names)
        for student, names in subjects.groupby("student_id")["name"]
    }
    reports, say = [], occasion.say
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
                say("pre_exam_listed") if row["student_id"] in listed else "",
            )
            for row in near.to_dict("records")
        ]
        who = occasion.describe_count(advisor, len(near), len(group))
        headline = (
            say("pre_exam_headline", who=who, exam=exam)
            if entries
            else say("pre_exam_nobody", exam=exam)
        )
        sections = (
            *occasion.split_by_capacity(
                advisor,
                entries,
                say("pre_exam_title", exam=exam),
                # Before an exam an advisor has two lists: the note says how they differ.
                say("pre_exam_note", forecast=forecast),
            ),
            _compare_numbers(occasion, group, rows, PREDICTED, say("pre_exam_about")),
            _build_prediction_table(occasion, group, at_risk),
        )
        lead = say("pre_exam_lead", forecast=forecast, exam=exam)
        subject = say(
            "pre_exam_subject", exam=exam, near=len(near), students=len(group), week=occasion.week
        )
        reports.append(_build_report(occasion, advisor, group, subject, headline, lead, sections))
    return reports


def _build_prediction_table(
    occasion: Occasion, group: pd.DataFrame, at_risk: dict[Any, str]
) -> StudentTable:
    """Return the table of an advisor's students before an exam."""
    cells = tuple(
        build_table_row(
            row,
            format_cell(row["predicted"]),
            _format_range(occasion, row),
            _format_chance(occasion, row),
            at_risk.get(row["student_id"], ""),
        )
        for row in _sort_by_roll_number(group)
    )
    columns = tuple(map(occasion.say, PREDICTION_COLUMNS))
    return StudentTable(occasion.say("table_title"), columns, cells)


def _join_subjects(occasion: Occasion, names: pd.Series) -> str:
    """Return the first few names, and how many more there are."""
    named, more = ", ".join(names[:SUBJECTS]), max(len(names) - SUBJECTS, 0)
    return occasion.say("subjects", named=named, more=more)


def _build_pre_exam_entry(
    occasion: Occasion, advisor: str, row: Row, at_risk: dict[Any, str], since: str
) -> StudentEntry:
    """Return a student before an exam; `since` says whether the student is on the week's list."""
    # Negative points lower the predicted score. One reason fewer: the facts have the numbers.
    against = [record for record in row["reasons"] if record["points"] < 0][: REASONS - 1]
    score, limits = format_cell(row["predicted"]), _format_range(occasion, row)
    facts = [occasion.say_fact("fact_predicted", score=score, limits=limits)]
    if is_known(row["p_fail"]):
        facts.append(occasion.say_fact("fact_chance", chance=_format_chance(occasion, row)))
    # Only students with a subject at risk have a key.
    if row["student_id"] in at_risk:
        facts.append(occasion.say_fact("fact_subjects", subjects=at_risk[row["student_id"]]))
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
    reports, say = [], occasion.say
    for advisor, group in occasion.group_by_advisor(rows.sort_values(["actual", "student_id"])):
        # A result that is not known is not a fail.
        failed = group["failed"].fillna(value=False).astype(bool)
        entries = [
            _build_result_entry(occasion, advisor, row) for row in group[failed].to_dict("records")
        ]
        # The headline counts those who failed or, where nobody did, the results that are known.
        count = len(entries) or int(group["failed"].notna().sum())
        sections = (
            *occasion.split_by_capacity(advisor, entries, say("results_title")),
            # Those who failed have an entry already.
            *_build_outside(occasion, group[~failed]),
            _build_results_table(occasion, group),
        )
        who = occasion.describe_count(advisor, count, len(group), capital=False)
        headline = say("results_headline", exam=exam, who=who, failed=bool(entries))
        subject = say("results_subject", exam=exam, failed=len(entries), students=len(group))
        lead = _build_results_lead(occasion, group, failed)
        reports.append(_build_report(occasion, advisor, group, subject, headline, lead, sections))
    return reports


def _build_outside(occasion: Occasion, group: pd.DataFrame) -> tuple[Section, ...]:
    """Return sections of who came below or above the range; none without students."""
    found = (
        Students(
            occasion.say(f"results_{verdict}_title"),
            occasion.say(f"results_{verdict}_note"),
            tuple(
                _build_outside_entry(occasion, row)
                for row in group[group["verdict"] == verdict].to_dict("records")
            ),
            brief=True,
        )
        for verdict in ("below", "above")
    )
    return tuple(section for section in found if section.entries)


def _build_results_table(occasion: Occasion, group: pd.DataFrame) -> StudentTable:
    """Return the table of an advisor's students after an exam."""
    cells = tuple(
        build_table_row(
            row,
            format_cell(row["actual"]),
            format_cell(row["predicted"]),
            _format_range(occasion, row),
            occasion.say(f"verdict_{row['verdict']}") if is_known(row["verdict"]) else "",
            format_cell(row["weeks_flagged"]),
        )
        for row in _sort_by_roll_number(group)
    )
    columns = tuple(map(occasion.say, RESULT_COLUMNS))
    return StudentTable(occasion.say("table_title"), columns, cells)


def _build_results_lead(occasion: Occasion, group: pd.DataFrame, failed: pd.Series) -> str:
    """Return sentences on how many had been on the list, and on how far predictions held."""
    told = []
    if failed.any():
        listed = int((group.loc[failed, "weeks_flagged"] > 0).sum())
        told.append(occasion.say("results_listed", count=listed))
    # A student without a score or without a prediction has no verdict.
    verdicts = group["verdict"].dropna()
    if len(verdicts):
        within = int((verdicts == "within").sum())
        told.append(occasion.say("results_within", within=within, scores=len(verdicts)))
    else:
        told.append(occasion.say("results_unpredicted"))
    return " ".join(told)


def _build_result_entry(occasion: Occasion, advisor: str, row: Row) -> StudentEntry:
    """Return a student who did not pass: score, prediction, and weeks on the list before."""
    facts = []
    if is_known(row["actual"]):
        facts.append(occasion.say_fact("fact_score", score=format_cell(row["actual"])))
    if is_known(row["predicted"]):
        score, limits = format_cell(row["predicted"]), _format_range(occasion, row)
        facts.append(occasion.say_fact("fact_was_predicted", score=score, limits=limits))
    weeks, first = int(row["weeks_flagged"]), format_cell(row["first_flagged_week"])
    facts.append(occasion.say_fact("fact_on_list", weeks=weeks, first=first))
    # The code stands for the topic "marks": the draft may speak of marks, but it has no score.
    return occasion.build_entry(
        row,
        facts=tuple(facts),
        **occasion.write_drafts(row, advisor, ["academic_level"]),
    )


def _build_outside_entry(occasion: Occasion, row: Row) -> StudentEntry:
    """Return a student who passed with a score outside the predicted range."""
    score, limits = format_cell(row["actual"]), _format_range(occasion, row)
    said = occasion.say("results_outside", score=score, limits=limits)
    return occasion.build_entry(row, reasons=(said,))


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
        sentences=occasion.params.sentences,
    )


def _compare_numbers(
    occasion: Occasion,
    group: pd.DataFrame,
    rows: pd.DataFrame,
    measures: tuple[tuple[str, str, str], ...],
    about: str,
) -> Numbers:
    """Return medians of an advisor's students beside those of all students.

    Args:
        occasion: the moment.
        group, rows: the advisor's students, and all students.
        measures: phrase of the label, column, unit; `may_fail` is the share of students at risk, in
            percent.
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
        NumberRow(
            occasion.say(label), compute_middle(group, name), compute_middle(rows, name), unit
        )
        for label, name, unit in measures
    )
    say = occasion.say
    return Numbers(say("compared_title"), about, say("compared_own"), say("compared_all"), numbers)


def _sort_by_roll_number(group: pd.DataFrame) -> list[Row]:
    """Return the rows in the order of a class register: by class and roll number."""
    # Roll numbers may be missing or repeated; the id makes the order the same in every run.
    return list(group.sort_values(["class_id", "roll_number", "student_id"]).to_dict("records"))


def _choose_tier(chance: float) -> str:
    """Return the tier of a chance of failing (0 to 1); `watch` for null."""
    # A comparison with NaN is false, so a student without a forecast is never at `high`.
    return "high" if chance >= HIGH else "watch"


def _format_range(occasion: Occasion, row: Row) -> str:
    """Return the predicted 80% range in words; empty where there is none."""
    low, high = format_cell(row["low"]), format_cell(row["high"])
    return occasion.say("range", low=low, high=high) if is_known(row["low"]) else ""


def _format_chance(occasion: Occasion, row: Row) -> str:
    """Return the chance of failing in words; empty where there is no forecast."""
    return occasion.say("chance", count=100 * row["p_fail"]) if is_known(row["p_fail"]) else ""
