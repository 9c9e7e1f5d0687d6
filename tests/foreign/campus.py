"""A college on a learning platform: seconds since 1970, numbers for everything, one row a lecture, a gate at the library.

The tables are those of Moodle with its attendance plugin, as far as they matter, and two of a library system. Who
advises whom, and when someone came and left, stands in profile fields: texts in a table of names and values.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

Frames = dict[str, pd.DataFrame]
ZONE = "Asia/Kolkata"


def tables(records: Frames) -> Frames:
    """The platform's tables, from the frames of the canonical relations."""
    people = _people(records)
    user = people["mdl_user"].set_index("username")["id"]
    courses = _courses(records)
    return {
        **people,
        **_cohorts(records, user),
        "mdl_course": courses.drop(columns=["cohort", "begins"]),
        "mdl_course_categories": pd.DataFrame(
            {"id": range(1, 9), "name": [f"Semester {n}" for n in range(1, 9)]}
        ),
        "mdl_enrol": pd.DataFrame(
            {
                "id": courses["id"] + 900,
                "enrol": "cohort",
                "courseid": courses["id"],
                "customint1": courses["cohort"],
            }
        ),
        **_attendance(records, courses, user),
        **_work(records, courses, user),
        **_exams(records, courses, user),
        **_library(records),
    }


def seconds(dates: pd.Series, hour: int = 0) -> pd.Series:
    """Days, at an hour of the college's time, as seconds since 1970; 0 where there is none, as Moodle has it."""
    local = (pd.to_datetime(dates) + pd.Timedelta(hours=hour)).dt.tz_localize(ZONE)
    since = (local - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(seconds=1)
    return since.fillna(0).astype("int64")


def _people(records: Frames) -> Frames:
    students, advisors = records["students"], records["advisors"]
    names = pd.concat(
        [students["name"], advisors["name"].str.replace("Dr. ", "")], ignore_index=True
    )
    ids = pd.concat([students["student_id"], advisors["advisor_id"]], ignore_index=True)
    user = pd.DataFrame(
        {
            "id": np.arange(len(names)) + 101,
            "username": ids.str.lower(),
            "idnumber": pd.concat(
                [students["roll_number"], pd.Series("", advisors.index)], ignore_index=True
            ),
            "firstname": names.str.partition(" ")[0],
            "lastname": names.str.partition(" ")[2],
            "email": pd.concat([students["email"], advisors["email"]], ignore_index=True),
            "deleted": 0,
        }
    )
    left = (
        seconds(students["withdrawn_on"]).astype("str").where(students["withdrawn_on"].notna(), "")
    )
    fields = {
        "mentor": students["advisor_id"].str.lower(),
        "gender": students["gender"],
        "joined": seconds(students["joined_on"]).astype("str"),
        "left": left,
    }
    data = pd.concat(
        [
            pd.DataFrame(
                {"userid": user["id"].iloc[: len(students)], "fieldid": number, "data": values}
            )
            for number, values in enumerate(fields.values(), start=1)
        ],
        ignore_index=True,
    )
    return {
        "mdl_user": user,
        "mdl_user_info_field": pd.DataFrame({"id": range(1, 5), "shortname": list(fields)}),
        "mdl_user_info_data": data[data["data"] != ""].reset_index(names="id"),
    }


def _cohorts(records: Frames, user: pd.Series) -> Frames:
    classes = records["classes"]
    number = pd.Series(range(1, len(classes) + 1), classes["class_id"])
    students = records["students"]
    return {
        "mdl_cohort": pd.DataFrame(
            {
                "id": number.to_numpy(),
                "name": classes["name"].to_numpy(),
                "idnumber": classes["class_id"].to_numpy(),
            }
        ),
        "mdl_cohort_members": pd.DataFrame(
            {
                "id": range(1, len(students) + 1),
                "cohortid": students["class_id"].map(number),
                "userid": students["student_id"].str.lower().map(user),
            }
        ),
    }


def _courses(records: Frames) -> pd.DataFrame:
    """One course for each class, subject and semester that has begun."""
    held = records["attendance"]
    begins = (
        held.groupby(["class_id", "semester"])["week_date"].min().rename("begins").reset_index()
    )
    courses = (
        held[["class_id", "subject_id", "semester"]]
        .drop_duplicates()
        .merge(begins, on=["class_id", "semester"])
    )
    courses = courses.sort_values(["class_id", "semester", "subject_id"], ignore_index=True)
    names = records["subjects"].set_index("subject_id")["subject_name"]
    cohort = pd.Series(range(1, len(records["classes"]) + 1), records["classes"]["class_id"])
    return pd.DataFrame(
        {
            "id": courses.index + 1,
            "category": courses["semester"],
            "shortname": courses["subject_id"] + "@" + courses["class_id"],
            "fullname": courses["subject_id"].map(names),
            "idnumber": courses["subject_id"],
            "startdate": seconds(courses["begins"]),
            "cohort": courses["class_id"].map(cohort),
            "begins": courses["begins"],
        }
    )


def _course_of(frame: pd.DataFrame, courses: pd.DataFrame) -> pd.Series:
    return (frame["subject_id"] + "@" + frame["class_id"]).map(courses.set_index("shortname")["id"])


def _attendance(records: Frames, courses: pd.DataFrame, user: pd.Series) -> Frames:
    """A session for each lecture, and a line in its log for each student: present, late or absent."""
    held = records["attendance"].assign(course=lambda f: _course_of(f, courses))
    lectures = held.groupby(["course", "week_date"])["lectures_held"].max().reset_index()
    sessions = lectures.loc[lectures.index.repeat(lectures["lectures_held"])]
    sessions = sessions.assign(
        nth=sessions.groupby(["course", "week_date"]).cumcount()
    ).reset_index(drop=True)
    sessions["id"] = sessions.index + 5001
    day = sessions["week_date"] + pd.to_timedelta(sessions["nth"] % 5, unit="D")
    logged = held[["course", "week_date", "student_id", "present"]].merge(
        sessions, on=["course", "week_date"]
    )
    came = logged["nth"] < logged["present"]
    # Of those who came the last is late: late arrivals count as present.
    status = np.where(came, np.where(logged["nth"] == logged["present"] - 1, 3, 1), 2)
    return {
        "mdl_attendance": pd.DataFrame(
            {"id": courses["id"] + 300, "course": courses["id"], "name": "Attendance"}
        ),
        "mdl_attendance_statuses": pd.DataFrame({"id": [1, 2, 3], "acronym": ["P", "A", "L"]}),
        "mdl_attendance_sessions": pd.DataFrame(
            {
                "id": sessions["id"],
                "attendanceid": sessions["course"] + 300,
                "sessdate": seconds(day, 9),
            }
        ),
        "mdl_attendance_log": pd.DataFrame(
            {
                "id": np.arange(len(logged)) + 1,
                "sessionid": logged["id"],
                "studentid": logged["student_id"].str.lower().map(user),
                "statusid": status,
            }
        ),
    }


def _due(frame: pd.DataFrame, week: str, courses: pd.DataFrame) -> pd.Series:
    """The Friday evening of a week of the course."""
    begins = _course_of(frame, courses).map(courses.set_index("id")["begins"])
    return seconds(begins + pd.to_timedelta(7 * frame[week] - 3, unit="D"), 17)


def _work(records: Frames, courses: pd.DataFrame, user: pd.Series) -> Frames:
    set_, done = records["assignment_definitions"], records["assignment_submissions"]
    quizzes, tries = records["quiz_definitions"], records["quiz_submissions"]
    assign = pd.Series(range(1, len(set_) + 1), set_["assignment_id"])
    quiz = pd.Series(range(1, len(quizzes) + 1), quizzes["quiz_id"])
    marked = done[done["marks_obtained"].notna()]
    known = tries["marks_obtained"].notna()
    return {
        "mdl_assign": pd.DataFrame(
            {"id": assign.to_numpy(), "course": _course_of(set_, courses).to_numpy(), "name": set_["title"].to_numpy(),
             "duedate": _due(set_, "due_week", courses).to_numpy(), "grade": set_["max_marks"].to_numpy()}
        ),
        "mdl_assign_submission": pd.DataFrame(
            {"id": range(1, len(done) + 1), "assignment": done["assignment_id"].map(assign), "status": "submitted",
             "userid": done["student_id"].str.lower().map(user), "timemodified": seconds(done["submission_date"], 20),
             "latest": 1}
        ),
        "mdl_assign_grades": pd.DataFrame(
            {"id": range(1, len(marked) + 1), "assignment": marked["assignment_id"].map(assign),
             "userid": marked["student_id"].str.lower().map(user), "grade": marked["marks_obtained"],
             "timemodified": seconds(marked["marked_on"], 11)}
        ),
        "mdl_gradingform_instances": pd.DataFrame(
            {"id": range(1, len(marked) + 1), "itemid": range(1, len(marked) + 1), "rawgrade": marked["quality_pct"]}
        ),
        "mdl_plagiarism_files": pd.DataFrame(
            {"id": range(1, len(marked) + 1), "assignment": marked["assignment_id"].map(assign),
             "userid": marked["student_id"].str.lower().map(user), "similarityscore": marked["plagiarism_pct"]}
        ),
        "mdl_quiz": pd.DataFrame(
            {"id": quiz.to_numpy(), "course": _course_of(quizzes, courses).to_numpy(),
             "name": quizzes["title"].to_numpy(),
             "timeclose": _due(quizzes, "scheduled_week", courses).to_numpy(), "grade": quizzes["max_marks"].to_numpy()}
        ),
        "mdl_quiz_attempts": pd.DataFrame(
            {"id": range(1, len(tries) + 1), "quiz": tries["quiz_id"].map(quiz), "state": "finished",
             "userid": tries["student_id"].str.lower().map(user), "timefinish": seconds(tries["attempt_date"], 15),
             "sumgrades": tries["marks_obtained"], "timegraded": seconds(tries["marked_on"].where(known), 16)}
        ),
    }  # fmt: skip


def _exams(records: Frames, courses: pd.DataFrame, user: pd.Series) -> Frames:
    exams, results = records["exam_schedule"], records["exam_results"]
    exams = exams[_course_of(exams, courses).notna()]
    item = pd.Series(range(1, len(exams) + 1), exams["schedule_id"])
    return {
        "mdl_grade_items": pd.DataFrame(
            {"id": item.to_numpy(), "courseid": _course_of(exams, courses).astype("int64").to_numpy(),
             "itemtype": "manual", "idnumber": exams["exam_type"].to_numpy(), "grademax": exams["max_marks"].to_numpy(),
             "gradepass": 40.0, "locktime": seconds(exams["exam_date"], 10).to_numpy()}
        ),
        "mdl_grade_grades": pd.DataFrame(
            {"id": range(1, len(results) + 1), "itemid": results["schedule_id"].map(item),
             "userid": results["student_id"].str.lower().map(user), "finalgrade": results["marks_obtained"],
             "passed": (results["pass_fail"] == "P").astype("int64"),
             "timemodified": seconds(results["result_date"], 18)}
        ),
    }  # fmt: skip


def _library(records: Frames) -> Frames:
    """A line for each passage of the gate, and for each loan, by card number (which is the roll number)."""
    roll = records["students"].set_index("student_id")["roll_number"]
    visits = records["library_visits"]
    passed = visits.loc[visits.index.repeat(visits["physical_visits"])]
    passed = passed.assign(nth=passed.groupby(level=0).cumcount()).reset_index(drop=True)
    day = passed["week_date"] + pd.to_timedelta(passed["nth"] % 6, unit="D")
    loans = records["book_borrows"]
    return {
        "koha_gate": pd.DataFrame(
            {
                "id": passed.index + 1,
                "cardnumber": passed["student_id"].map(roll),
                "passed_at": day + pd.Timedelta(hours=12),
            }
        ),
        "koha_issues": pd.DataFrame(
            {
                "issue_id": range(1, len(loans) + 1),
                "cardnumber": loans["student_id"].map(roll),
                "issuedate": pd.to_datetime(loans["borrow_date"]) + pd.Timedelta(hours=13),
                "returndate": pd.to_datetime(loans["return_date"]) + pd.Timedelta(hours=14),
            }
        ),
    }
