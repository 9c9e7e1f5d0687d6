"""Make the weekly exports of the tutorial: roster, courses, assignments, registers and gradebooks as CSV files.

Usage: `python docs/connect/make_sheets.py FOLDER WEEK`, for what is on record at the end of that week.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from edumetrics.params import Calendar
from edumetrics.simulator import generate

Frames = dict[str, pd.DataFrame]
STUDENTS, SEED, WEEKS = 120, 11, 10
FIRST = pd.Timestamp("2026-01-05")


def main() -> None:
    """Write the files of a week into a folder."""
    if len(sys.argv) != 3 or not sys.argv[2].isdigit():
        sys.exit("Usage: python make_sheets.py FOLDER WEEK")
    parts = list(
        generate.simulate_classes(generate.plan_demo(STUDENTS, SEED, Calendar(), weeks=WEEKS))
    )
    names = dict.fromkeys(name for part in parts for name in part)
    records = {
        name: pd.concat([part[name] for part in parts if name in part], ignore_index=True)
        for name in names
    }
    write(cut(records, int(sys.argv[2])), Path(sys.argv[1]))


def cut(records: Frames, week: int) -> Frames:
    """What was on record at the end of a week of the even semester, without days of work."""
    end = FIRST + pd.Timedelta(days=7 * week - 1)
    now = records["attendance"]
    classes = records["classes"].set_index("class_id")["even_sem"]
    held = now[(now["week_date"] >= FIRST) & (now["week"] <= week)]
    kept = {name: records[name] for name in ("classes", "advisors", "subjects", "class_subjects")}
    kept["students"] = records["students"].drop(columns=["joined_on", "withdrawn_on"])
    kept["attendance"] = held
    for kind, day in (("assignment", "submission_date"), ("quiz", "attempt_date")):
        items = records[f"{kind}_definitions"]
        items = items[items["semester"] == items["class_id"].map(classes)]
        done = records[f"{kind}_submissions"]
        done = done[done[f"{kind}_id"].isin(items[f"{kind}_id"]) & (done["marked_on"] <= end)]
        kept[f"{kind}_definitions"] = items
        kept[f"{kind}_submissions"] = done.drop(
            columns=[day, "marked_on", "quality_pct", "plagiarism_pct", "score_pct"],
            errors="ignore",
        )
    return kept


def write(records: Frames, folder: Path) -> None:
    """Write the files of a week: a folder of CSV files."""
    folder.mkdir(parents=True, exist_ok=True)
    students, advisors = records["students"], records["advisors"]
    people = students.merge(
        advisors[["advisor_id", "name", "email"]], on="advisor_id", suffixes=("", "_a")
    )
    pd.DataFrame({
        "Student ID": people["student_id"], "Name": people["name"], "Class": people["class_id"],
        "Email": people["email"], "Advisor": people["advisor_id"], "Advisor name": people["name_a"],
        "Advisor email": people["email_a"],
    }).to_csv(folder / "roster.csv", index=False)  # fmt: skip
    register = records["attendance"]
    courses = register.drop_duplicates("subject_id")[["subject_id", "class_id"]]
    titles = (
        records["subjects"].drop_duplicates("subject_id").set_index("subject_id")["subject_name"]
    )
    pd.DataFrame({
        "Course": courses["subject_id"], "Class": courses["class_id"],
        "Title": courses["subject_id"].map(titles),
    }).to_csv(folder / "courses.csv", index=False)  # fmt: skip
    names = students.set_index("student_id")["name"]
    for course, rows in register.groupby("subject_id"):
        _write_register(rows, names).to_csv(folder / f"register_{course}.csv", index=False)
    _write_gradebooks(records, names, folder)


def _write_register(rows: pd.DataFrame, names: pd.Series) -> pd.DataFrame:
    """A column for each session, as the register of a course is exported."""
    wide = {"Student ID": {}, "Last name": {}, "First name": {}}
    for row in rows.sort_values("week").itertuples():
        wide["Student ID"][row.student_id] = row.student_id
        wide["Last name"][row.student_id] = names[row.student_id].split()[-1]
        wide["First name"][row.student_id] = names[row.student_id].split()[0]
        for lecture in range(int(row.lectures_held)):
            day = (row.week_date + pd.Timedelta(days=lecture % 5)).date()
            mark = "P" if lecture < row.present else "A"
            wide.setdefault(f"{day} {9 + lecture // 5}.00AM All", {})[row.student_id] = mark
    return pd.DataFrame(wide)


def _write_gradebooks(records: Frames, names: pd.Series, folder: Path) -> None:
    """A column for each item, with what it is out of in the first row; and the list of all items."""
    listed = []
    parts: dict[str, list[pd.DataFrame]] = {}
    for kind, due in (("assignment", "due_week"), ("quiz", "scheduled_week")):
        items, done = records[f"{kind}_definitions"], records[f"{kind}_submissions"]
        for item in items.to_dict("records"):
            number, course = item[f"{kind}_id"], item["subject_id"]
            day = (FIRST + pd.Timedelta(days=7 * int(item[due]) - 1)).date()
            listed.append((number, item["title"], course, kind, day))
            marks = done[done[f"{kind}_id"] == number].set_index("student_id")["marks_obtained"]
            column = pd.concat([pd.Series({"": item["max_marks"]}), marks])
            parts.setdefault(course, []).append(column.rename(f"{item['title']} ({number})"))
    pd.DataFrame(listed, columns=["ID", "Title", "Course", "Kind", "Due"]).to_csv(
        folder / "assignments.csv", index=False
    )
    for course, columns in parts.items():
        book = pd.concat(columns, axis=1).rename_axis("SIS User ID").reset_index()
        shown = book["SIS User ID"].map(names).fillna("    Points Possible")
        book.insert(0, "Student", shown)
        book.insert(1, "ID", range(len(book)))
        book.to_csv(folder / f"gradebook_{course}.csv", index=False)


if __name__ == "__main__":
    main()
