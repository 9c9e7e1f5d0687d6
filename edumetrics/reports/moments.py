"""The other reports: before the semester, before an exam, and after its results."""

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

REASONS, SUBJECTS = 3, 3
BESIDE = "Your weekly list says who to talk to now; this is what the exam may bring."
HISTORY = (("Average over exams", "exam_avg_hist", ""), ("Attendance", "att_rate_hist", "%"),
           ("Assignments handed in", "assn_rate_hist", "%"))  # fmt: skip
NO_FORECAST = (
    "There is no forecast yet, because no such exam has been seen: the prediction is the marks so far, its range is"
    " wide, and nothing is said of the chance of failing."
)
RANGE = "The range is meant to hold four times in five."
PREDICTION = (
    "A score outside the range says something about the prediction, never about the student."
)


def pre_semester_reports(occasion: Occasion, rows: pd.DataFrame) -> list[Report]:
    """Who to say hello to first: one report for every advisor with students who have an earlier semester.

    Args:
        occasion: the moment.
        rows: pre_sem_watchlist with advisor_id.
    """
    reports = []
    for advisor, group in occasion.by_advisor(
        rows.sort_values("risk_probability_pct", ascending=False)
    ):
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
            "Earlier semesters suggest keeping in touch from the start. It is a reason to say hello, not a verdict:"
            " many with a history like this pass. Who has no earlier semester here is not on this list."
        )
        subject = f"Before the semester · {len(watched)} of {len(group)} students"
        reports.append(_report(occasion, advisor, group, subject, headline, lead, sections))
    return reports


def _watched(occasion: Occasion, advisor: str, row: Row) -> Entry:
    reasons = told([record for record in row["reasons"] if record["points"] > 0], REASONS)
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
    """Predicted scores with their ranges, the chance of failing, and the subjects at risk, for every advisor.

    Args:
        occasion: the moment.
        exam: its name in words.
        rows: pre_mid_term or pre_end_term with advisor_id; `predicted`, and `at_risk` (for the end-term: not a pass).
        subjects: student_id, name: the subjects in which a student is at a medium risk of failing or above, the
            likeliest first.
        listed: who is on the week's list.
    """
    at_risk: dict[Any, str] = subjects.groupby("student_id")["name"].agg(_some).to_dict()
    reports = []
    for advisor, group in occasion.by_advisor(
        rows.sort_values(["p_fail", "predicted"], ascending=[False, True])
    ):
        near = group[group["at_risk"].astype(bool)]
        forecast = group["p_fail"].notna().any()
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
            table_row(
                row,
                cell(row["predicted"]),
                _range(row),
                _chance(row),
                at_risk.get(row["student_id"], ""),
            )
            for row in _by_name(group)
        )
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
    """The first few names, and how many more there are."""
    more = f" and {len(names) - SUBJECTS} more" if len(names) > SUBJECTS else ""
    return ", ".join(names[:SUBJECTS]) + more


def _ahead(
    occasion: Occasion, advisor: str, row: Row, at_risk: dict[Any, str], since: str
) -> Entry:
    against = [record for record in row["reasons"] if record["points"] < 0][: REASONS - 1]
    facts = [Fact("Predicted:", f"{cell(row['predicted'])} of 100; the range is {_range(row)}.")]
    if known(row["p_fail"]):
        facts.append(Fact("Chance of failing:", f"{_chance(row)}."))
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
    """Who did not pass and had been on the list in time, and who came below or above the predicted range.

    Args:
        occasion: the moment.
        exam: its name in words.
        rows: exam_review with advisor_id.
    """
    reports = []
    for advisor, group in occasion.by_advisor(rows.sort_values(["actual", "student_id"])):
        failed = group["failed"].fillna(value=False).astype(bool)
        entries = [_result(occasion, advisor, row) for row in group[failed].to_dict("records")]
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
            table_row(row, cell(row["actual"]), cell(row["predicted"]), _range(row), text(row["verdict"]),
                 cell(row["weeks_flagged"]))
            for row in _by_name(group)
        )  # fmt: skip
        columns = ("Score", "Predicted", "Range", "Against the range", "Weeks on the list before")
        passed = "did not pass" if entries else "passed, as far as results are known"
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
        headline = f"After the {exam}: {_of(occasion, advisor, count, len(group), capital=False)} {passed}."
        subject = f"After the {exam} · {len(entries)} of {len(group)} students did not pass"
        lead = _looking_back(occasion, group, failed)
        reports.append(_report(occasion, advisor, group, subject, headline, lead, sections))
    return reports


def _looking_back(occasion: Occasion, group: pd.DataFrame, failed: pd.Series) -> str:
    told = []
    if failed.any():
        listed = int((group.loc[failed, "weeks_flagged"] > 0).sum())
        told.append(
            f"{occasion.words(listed, capital=True)} of them had been on your list before the exam."
        )
    verdicts = group["verdict"].dropna()
    if len(verdicts):
        within = int((verdicts == "within").sum())
        told.append(
            f"{within} of {len(verdicts)} scores fell within the predicted range; four in five are meant to."
        )
    else:
        told.append("Nothing had been predicted for this exam.")
    return " ".join(told)


def _result(occasion: Occasion, advisor: str, row: Row) -> Entry:
    facts = [Fact("Score:", f"{cell(row['actual'])} of 100.")] if known(row["actual"]) else []
    if known(row["predicted"]):
        facts.append(Fact("Predicted:", f"{cell(row['predicted'])}; the range was {_range(row)}."))
    weeks = int(row["weeks_flagged"])
    first = cell(row["first_flagged_week"])
    count = f"in {occasion.words(weeks)} {'week' if weeks == 1 else 'weeks'}"
    listed = f"{count}, first in week {first}." if weeks else "not before the exam."
    return occasion.entry(
        row,
        facts=(*facts, Fact("On your list:", listed)),
        **occasion.drafts(row, advisor, ["academic_level"]),
    )


def _outside(occasion: Occasion, row: Row) -> Entry:
    return occasion.entry(
        row,
        reasons=(f"Score {cell(row['actual'])} of 100; the predicted range was {_range(row)}.",),
    )


def _of_verdict(group: pd.DataFrame, word: str) -> list[Row]:
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
    mine = whose(advisor, students)
    if students > 1 or not count:
        return f"{occasion.words(count, capital=capital)} of {mine}"
    return mine[0].upper() + mine[1:] if capital else mine


def _beside(
    group: pd.DataFrame, rows: pd.DataFrame, measures: tuple[tuple[str, str, str], ...], about: str
) -> Numbers:  # fmt: skip
    """Medians of one's own students beside everyone's; `may_fail` is a share."""

    def middle(frame: pd.DataFrame, name: str) -> int | None:
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
    return list(group.sort_values(["class_id", "roll_number", "student_id"]).to_dict("records"))


def _tier(chance: float) -> str:
    return "high" if chance >= HIGH else "watch"


def _range(row: Row) -> str:
    return f"{cell(row['low'])} to {cell(row['high'])}" if known(row["low"]) else ""


def _chance(row: Row) -> str:
    return f"{round(100 * row['p_fail'])} in 100" if known(row["p_fail"]) else ""
