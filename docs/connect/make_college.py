"""Make the college of the tutorial: a year of records as they come out of spreadsheets, in one SQLite file.

Northfield has no week counter, writes dates as 05/01/2026, puts a student's code and name into one
cell and its marks under percent signs. Usage: `python docs/connect/make_college.py northfield.db`
"""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from edumetrics.params import Calendar
from edumetrics.simulator import generate

Sheets = dict[str, pd.DataFrame]
STUDENTS, SEED, WEEKS = 120, 11, 10


def main() -> None:
    """Write the file that is named on the command line; an existing one is not touched."""
    if len(sys.argv) != 2 or Path(sys.argv[1]).exists():
        sys.exit("Usage: python make_college.py NEW_FILE.db")
    plan = generate.plan_demo(STUDENTS, SEED, Calendar(), weeks=WEEKS)
    parts = list(generate.simulate_classes(plan))
    names = dict.fromkeys(name for part in parts for name in part)
    records = {
        name: pd.concat([part[name] for part in parts if name in part], ignore_index=True)
        for name in names
    }
    write(Path(sys.argv[1]), sheets(records))


def write(path: Path, made: Sheets) -> None:
    """One table a sheet, every cell a text."""
    with sqlite3.connect(path) as connection:
        for name, sheet in made.items():
            sheet.astype("str").to_sql(name, connection, index=False)
    connection.close()


def sheets(records: Sheets) -> Sheets:
    """The sheets of a college, from the frames of its canonical relations."""
    return {**_people(records), **_weekly(records), **_work(records), **_exams(records)}


def _people(records: Sheets) -> Sheets:
    students = records["students"].merge(
        records["advisors"], on="advisor_id", suffixes=("", "_advisor")
    )
    students = students.merge(
        records["classes"][["class_id", "name"]], on="class_id", suffixes=("", "_class")
    )
    classes = records["classes"]
    master = pd.DataFrame(
        {
            "Roll No": students["roll_number"],
            "Student": students["student_id"] + " / " + students["name"],
            "Class": students["name_class"],
            "Sex": students["gender"].map({"F": "Female", "M": "Male"}),
            "E-mail": students["email"],
            "Admitted": day(students["joined_on"]),
            "Left": day(students["withdrawn_on"]),
            "Mentor": students["name_advisor"] + " <" + students["email_advisor"] + ">",
        }
    )
    sections = pd.DataFrame(
        {
            "Class": classes["name"],
            "Branch": classes["branch"],
            "Batch": classes["batch_start_year"],
            "Odd sem": "Sem " + classes["odd_sem"].astype("str"),
            "Even sem": "Sem " + classes["even_sem"].astype("str"),
        }
    )
    taught = records["class_subjects"].merge(records["subjects"], on="subject_id")
    taught = taught.merge(classes[["class_id", "name"]], on="class_id")
    timetable = pd.DataFrame(
        {
            "Class": taught["name"],
            "Code": taught["subject_id"],
            "Subject": taught["subject_name"],
            "Sem": "Sem " + taught["semester"].astype("str"),
            "Credits": taught["credits"],
            "Level": taught["difficulty"],
        }
    )
    begins = (
        records["attendance"]
        .assign(odd=records["attendance"]["semester"] % 2)
        .groupby("odd")["week_date"]
        .min()
    )
    calendar = pd.DataFrame(
        [("Odd semester begins", begins[1]), ("Even semester begins", begins[0])],
        columns=["Event", "Date"],
    )
    calendar["Date"] = day(calendar["Date"])
    return {
        "Student Master": master,
        "Classes": sections,
        "Timetable": timetable,
        "Academic Calendar": calendar,
    }


def _weekly(records: Sheets) -> Sheets:
    roll = records["students"].set_index("student_id")["roll_number"]
    registers, visits, loans = (
        records[name] for name in ("attendance", "library_visits", "book_borrows")
    )
    return {
        "Attendance": pd.DataFrame(
            {
                "Roll No": registers["student_id"].map(roll),
                "Code": registers["subject_id"],
                "Week of": day(registers["week_date"]),
                "Held": registers["lectures_held"],
                "Attended": registers["present"],
                "%": (100 * registers["present"] / registers["lectures_held"]).round(1),
            }
        ),
        "Library Visits": pd.DataFrame(
            {
                "Roll No": visits["student_id"].map(roll),
                "Week of": day(visits["week_date"]),
                "Visits": visits["physical_visits"],
            }
        ),
        "Library Loans": pd.DataFrame(
            {
                "Roll No": loans["student_id"].map(roll),
                "Issued": day(loans["borrow_date"]),
                "Returned": day(loans["return_date"]),
            }
        ),
    }


def _work(records: Sheets) -> Sheets:
    roll = records["students"].set_index("student_id")["roll_number"]
    classes = records["classes"].set_index("class_id")["name"]
    begins = (
        records["attendance"]
        .groupby(["class_id", "semester"])["week_date"]
        .min()
        .rename("begins")
        .reset_index()
    )
    items, marks = [], []
    for kind, due in (("assignment", "due_week"), ("quiz", "scheduled_week")):
        set_ = records[f"{kind}_definitions"].merge(begins, on=["class_id", "semester"])
        done = records[f"{kind}_submissions"]
        items.append(
            pd.DataFrame(
                {
                    "Paper": set_[f"{kind}_id"],
                    "Class": set_["class_id"].map(classes),
                    "Code": set_["subject_id"],
                    "Kind": kind.title(),
                    "Title": set_["title"],
                    # Work is collected on the Friday of its week.
                    "Due": day(set_["begins"] + pd.to_timedelta(7 * set_[due] - 3, unit="D")),
                    "Out of": set_["max_marks"],
                }
            )
        )
        marks.append(
            pd.DataFrame(
                {
                    "Paper": done[f"{kind}_id"],
                    "Roll No": done["student_id"].map(roll),
                    "Submitted": day(
                        done["submission_date" if kind == "assignment" else "attempt_date"]
                    ),
                    "Marks": done["marks_obtained"]
                    .map("{:g}".format)
                    .where(done["marks_obtained"].notna(), ""),
                    "Checked on": day(done["marked_on"]),
                    "Quality": percent(done.get("quality_pct", pd.Series(np.nan, done.index))),
                    "Similarity": percent(
                        done.get("plagiarism_pct", pd.Series(np.nan, done.index))
                    ),
                }
            )
        )
    return {"Papers": pd.concat(items), "Internal Marks": pd.concat(marks)}


def _exams(records: Sheets) -> Sheets:
    roll = records["students"].set_index("student_id")["roll_number"]
    classes = records["classes"].set_index("class_id")["name"]
    exams, results = records["exam_schedule"], records["exam_results"]
    papers = pd.DataFrame(
        {
            "Paper": exams["schedule_id"],
            "Class": exams["class_id"].map(classes),
            "Code": exams["subject_id"],
            "Exam": exams["exam_type"].map({"midterm": "Mid", "endterm": "Final"}),
            "Date": day(exams["exam_date"]),
            "Out of": exams["max_marks"],
        }
    )
    declared = pd.DataFrame(
        {
            "Paper": results["schedule_id"],
            "Roll No": results["student_id"].map(roll),
            "Marks": results["marks_obtained"],
            "Result": results["pass_fail"].map({"P": "PASS", "F": "FAIL"}),
            "Declared": day(results["result_date"]),
        }
    )
    return {"Exam Papers": papers, "Exam Results": declared}


def day(dates: pd.Series) -> pd.Series:
    """Dates as Northfield writes them; nothing where there is none."""
    return pd.to_datetime(dates).dt.strftime("%d/%m/%Y").fillna("")


def percent(numbers: pd.Series) -> pd.Series:
    """Numbers with a percent sign behind them; nothing where there is none."""
    return numbers.map("{:g}%".format).where(numbers.notna(), "")


if __name__ == "__main__":
    main()
