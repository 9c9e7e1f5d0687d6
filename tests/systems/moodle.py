"""A simulated college as Moodle holds it: courses, registers, assignments, quizzes, and their gradebook."""

from __future__ import annotations

import pandas as pd

from tests.foreign.native import Frames
from tests.systems.tables import Schema, to_seconds

ZONE = "Asia/Kolkata"
# The terms as course categories: ID number, first day.
TERMS = {"2025-odd": "2025-07-14", "2025-even": "2026-01-05"}
SCHEMA: Schema = {
    "user": "id id, name idnumber, name username, name firstname, name lastname, name email, small deleted, "
            "small suspended, int timemodified",
    "user_info_field": "id id, name shortname",
    "user_info_data": "id id, int userid, int fieldid, text data",
    "cohort": "id id, name idnumber, name name",
    "cohort_members": "id id, int cohortid, int userid, int timeadded",
    "groups": "id id, int courseid, name idnumber, name name",
    "groups_members": "id id, int groupid, int userid, int timeadded",
    "course_categories": "id id, name idnumber, name path",
    "course": "id id, int category, name fullname, name shortname, name idnumber",
    "enrol": "id id, int courseid, int status, int timemodified",
    "user_enrolments": "id id, int enrolid, int userid, int status, int timestart, int timeend, int timecreated, "
                       "int timemodified",
    "role": "id id, name shortname, name archetype",
    "role_assignments": "id id, int roleid, int contextid, int userid",
    "context": "id id, int contextlevel, int instanceid",
    "modules": "id id, name name",
    "course_modules": "id id, int course, int module, int instance, small visible, small deletioninprogress",
    "attendance": "id id, int course",
    "attendance_sessions": "id id, int attendanceid, int groupid, int sessdate, int lasttaken",
    "attendance_statuses": "id id, int attendanceid, name acronym, grade grade",
    "attendance_log": "id id, int sessionid, int studentid, int statusid",
    "assign": "id id, int course, name name, int allowsubmissionsfromdate, int duedate, small nosubmissions",
    "assign_submission": "id id, int assignment, int userid, int groupid, name status, int timemodified",
    "assign_overrides": "id id, int assignid, int groupid, int userid, int sortorder, int duedate",
    "assign_user_flags": "id id, int assignment, int userid, int extensionduedate",
    "quiz": "id id, int course, name name, int timeclose",
    "quiz_attempts": "id id, int quiz, int userid, small preview, name state, int timefinish",
    "quiz_overrides": "id id, int quiz, int groupid, int userid, int timeclose",
    "grade_items": "id id, int courseid, name itemname, name itemtype, name itemmodule, int iteminstance, "
                   "int itemnumber, small gradetype, grade grademax, grade grademin, grade gradepass, int hidden",
    "grade_grades": "id id, int itemid, int userid, grade finalgrade, int hidden, int excluded, int timemodified",
    "grade_grades_history": "id id, int itemid, int userid, grade finalgrade, int timemodified",
    "logstore_standard_log": "id id, int userid, int courseid, small edulevel, small anonymous, int realuserid, "
                             "int timecreated",
    "course_modules_completion": "id id, int coursemoduleid, int userid, small completionstate, int overrideby, "
                                 "int timemodified",
}  # fmt: skip
MODULES = {"assign": 1, "quiz": 2}


def _number(keys: pd.Series) -> dict[object, int]:
    """A number of its own for each value, from 1."""
    return {key: number for number, key in enumerate(sorted(set(keys)), 1)}


def tables(records: Frames) -> dict[str, pd.DataFrame]:
    """The tables of a Moodle in which a simulated college has taught."""
    students, subjects = records["students"], records["subjects"]
    people = _number(students["student_id"])
    taught = records["attendance"][["subject_id", "class_id", "week_date", "week"]]
    first = taught.assign(
        starts=taught["week_date"] - pd.to_timedelta(7 * (taught["week"] - 1), unit="D")
    )
    first = first.drop_duplicates(["subject_id", "class_id"])[["subject_id", "class_id", "starts"]]
    courses = _number(first["subject_id"])
    starts = first.set_index("subject_id")["starts"]
    categories = {pd.Timestamp(day): number for number, day in enumerate(TERMS.values(), 1)}
    titles = subjects.drop_duplicates("subject_id").set_index("subject_id")["subject_name"]
    made = {
        "user": students.assign(
            id=students["student_id"].map(people), idnumber=students["student_id"],
            username=students["student_id"].str.lower(), firstname=students["name"], lastname="",
        )[["id", "idnumber", "username", "firstname", "lastname"]],
        "course_categories": pd.DataFrame(
            {"id": [1, 2], "idnumber": list(TERMS), "path": ["/1", "/2"]}
        ),
        "course": pd.DataFrame({
            "id": list(courses.values()), "idnumber": list(courses),
            "category": [categories[starts[key]] for key in courses],
            "fullname": [titles[key] for key in courses], "shortname": list(courses),
        }),
        "enrol": pd.DataFrame({"id": list(courses.values()), "courseid": list(courses.values())}),
        "modules": pd.DataFrame({"id": list(MODULES.values()), "name": list(MODULES)}),
        # The newest line says how new the database is.
        "logstore_standard_log": pd.DataFrame(
            {"userid": [2], "edulevel": [0], "timecreated": [int(pd.Timestamp.now("UTC").timestamp())]}
        ),
    }  # fmt: skip
    takes = students[["student_id", "class_id"]].merge(first, on="class_id")
    made["user_enrolments"] = pd.DataFrame({
        "enrolid": takes["subject_id"].map(courses), "userid": takes["student_id"].map(people),
        "timestart": to_seconds(takes["starts"], ZONE, 0), "timecreated": 1,
    })  # fmt: skip
    made |= _write_registers(records["attendance"], courses, people)
    work = [_write_work(records, kind, courses, people, starts) for kind in MODULES]
    for part in work:
        for name, frame in part.items():
            before = made.get(name)
            made[name] = frame if before is None else pd.concat([before, frame], ignore_index=True)
    return made


def _write_registers(
    attendance: pd.DataFrame, courses: dict[object, int], people: dict[object, int]
) -> dict[str, pd.DataFrame]:
    """Sessions of a group for each lecture of a class, and who was there in how many of them."""
    keys = ["class_id", "subject_id", "week", "week_date"]
    held = attendance.groupby(keys)["lectures_held"].max().reset_index()
    sessions = held.loc[held.index.repeat(held["lectures_held"].astype("int64"))].reset_index(
        drop=True
    )
    sessions["lecture"] = sessions.groupby(keys).cumcount()
    sessions["id"] = range(1, len(sessions) + 1)
    day = sessions["week_date"] + pd.to_timedelta(sessions["lecture"] % 5, unit="D")
    sessions["sessdate"] = to_seconds(day, ZONE, 9) + 3600 * (sessions["lecture"] // 5)
    log = attendance.dropna(subset="present").merge(sessions, on=keys, suffixes=("", "_session"))
    log = log[log["lecture"] < log["lectures_held"]]
    course = sessions["subject_id"].map(courses)
    return {
        "attendance": pd.DataFrame({"id": list(courses.values()), "course": list(courses.values())}),
        "attendance_sessions": pd.DataFrame({
            "id": sessions["id"], "attendanceid": course, "sessdate": sessions["sessdate"],
            "lasttaken": sessions["sessdate"] + 3600,
        }),
        "attendance_statuses": pd.DataFrame(
            {"id": [1, 2, 3], "attendanceid": [0, 0, 0], "acronym": ["P", "A", "L"], "grade": [2.0, 0.0, 1.0]}
        ),
        "attendance_log": pd.DataFrame({
            "sessionid": log["id_session"], "studentid": log["student_id"].map(people),
            # Late is present, too.
            "statusid": (log["lecture"] >= log["present"]).map({True: 2, False: 1}).where(
                ~((log["lecture"] == 0) & (log["present"] > 2)), 3),
        }),
    }  # fmt: skip


def _write_work(
    records: Frames,
    kind: str,
    courses: dict[object, int],
    people: dict[object, int],
    starts: pd.Series,
) -> dict[str, pd.DataFrame]:
    """One kind of work with its course modules, what came in, and the gradebook."""
    long, due, day = (
        ("assignment", "due_week", "submission_date") if kind == "assign"
        else ("quiz", "scheduled_week", "attempt_date")
    )  # fmt: skip
    items, done = records[f"{long}_definitions"], records[f"{long}_submissions"]
    numbers, at = _number(items[f"{long}_id"]), items["subject_id"].map(starts)
    # A deadline is Sunday at midnight, which Moodle writes as Monday 00:00.
    ends = to_seconds(at + pd.to_timedelta(7 * items[due], unit="D"), ZONE, 0)
    number, course = items[f"{long}_id"].map(numbers), items["subject_id"].map(courses)
    mine, who = done[f"{long}_id"].map(numbers), done["student_id"].map(people)
    shift = 1_000_000 * MODULES[kind]
    marked = done["marks_obtained"].notna()
    grades = pd.DataFrame({
        "itemid": mine + shift, "userid": who, "finalgrade": done["marks_obtained"],
        "timemodified": to_seconds(done["marked_on"], ZONE),
    })[marked]  # fmt: skip
    own = {
        "assign": {
            "assign": pd.DataFrame({
                "id": number, "course": course, "name": items["title"], "duedate": ends,
                "allowsubmissionsfromdate": to_seconds(
                    at + pd.to_timedelta(7 * (items.get("assigned_week", items[due]) - 1), unit="D"), ZONE, 0),
            }),
            "assign_submission": pd.DataFrame({
                "assignment": mine, "userid": who, "status": "submitted",
                "timemodified": to_seconds(done[day], ZONE),
            }),
        },
        "quiz": {
            "quiz": pd.DataFrame({"id": number, "course": course, "name": items["title"], "timeclose": ends}),
            "quiz_attempts": pd.DataFrame({
                "quiz": mine, "userid": who, "state": "finished", "timefinish": to_seconds(done[day], ZONE),
            }),
        },
    }[kind]  # fmt: skip
    if kind == "quiz":
        own["quiz_attempts"] = own["quiz_attempts"][done["attempted"].astype("bool")]
    return own | {
        "course_modules": pd.DataFrame(
            {"id": number + shift, "course": course, "module": MODULES[kind], "instance": number, "visible": 1}
        ),
        "grade_items": pd.DataFrame({
            "id": number + shift, "courseid": course, "itemname": items["title"], "itemtype": "mod",
            "itemmodule": kind, "iteminstance": number, "gradetype": 1, "grademax": items["max_marks"],
            "grademin": 0.0,
        }),
        "grade_grades": grades.assign(id=range(shift, shift + len(grades))),
        "grade_grades_history": grades.assign(id=range(shift, shift + len(grades))),
    }  # fmt: skip
