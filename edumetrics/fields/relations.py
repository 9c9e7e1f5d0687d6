"""The canonical relations of the college database, which is read and never written."""

from __future__ import annotations

from edumetrics.fields.record import (
    CLASS,
    SEMESTER,
    STUDENT,
    SUBJECT,
    UNKNOWN,
    Count,
    RelationRecord,
    day,
    flag,
    integer,
    number,
    percent,
    text,
)

# Columns by which someone could be known; what shows samples of a college's rows masks them.
PERSONAL = frozenset({
    "id", "borrow_id", "student_id", "roll_number", "email", "parent_email", "advisor_id",
    "teacher_name", "gender",
})  # fmt: skip
PERSONAL_NAMES = ("students", "advisors")
_MARKED_ON = day("marked_on", "the day the mark became known", "the day of the submission")
_WEIGHT = number(
    "weight", "weight in the subject's mark; 0 is optional work", "counts like any other", low=0
)
_EXTENSION = integer(
    "due_week_override", "an extension: the week it is due for this student", "no extension"
)
_EXEMPT = flag("exempt", "whether the item is not due for this student", "it is due")

# fmt: off
_RELATIONS = (
    RelationRecord("classes", "classes", ("class_id",), (
        CLASS,
        text("name", "its name", UNKNOWN),
        integer("year_of_study", "which year of the degree", UNKNOWN),
        text("section", "section", UNKNOWN),
        text("branch", "branch", UNKNOWN),
        integer("batch_start_year", "the year the batch began", UNKNOWN),
        integer("total_students", "its size", UNKNOWN),
        integer("odd_sem", "its semester in the odd slot", "not in session"),
        integer("even_sem", "its semester in the even slot", "not in session"),
    ), essential=True),
    RelationRecord(
        "class_terms", "the semester of a class in each part of the year", ("class_id", "slot"), (
        CLASS,
        text("slot", "the part of the year, as the calendar names it"),
        SEMESTER,
    ), optional=True, refers=(("class_id", "classes"),)),
    RelationRecord("advisors", "advisors", ("advisor_id",), (
        text("advisor_id", "the advisor"),
        text("name", "name", UNKNOWN),
        text("email", "where mail goes", UNKNOWN),
        text("class_id", "the class advised", "students name their advisor"),
    ), essential=True),
    RelationRecord("students", "students", ("student_id",), (
        STUDENT,
        text("class_id", "the class today", UNKNOWN),
        text("advisor_id", "the advisor today", "the class's advisor"),
        text("second_advisor_id", "another advisor, whose mail names the student too", "nobody"),
        text("name", "name", UNKNOWN),
        text("roll_number", "roll number", UNKNOWN),
        text("gender", "read only to audit fairness", UNKNOWN),
        text("email", "the student's mail", UNKNOWN),
        text("parent_email", "read only where parent contact is enabled and permitted", UNKNOWN),
        day("joined_on", "first day", "from the start"),
        day("withdrawn_on", "the day of leaving", "has not left", ends="null"),
        integer("prior_attempts", "earlier attempts", UNKNOWN),
        number("credits", "credits studied", UNKNOWN),
        number("entry_score", "prior marks, higher is better", UNKNOWN),
        flag("parent_contact_permitted", "whether parents may be written to", "no"),
    ), unread=("phone", "archetype"), essential=True,
       refers=(("class_id", "classes"), ("advisor_id", "advisors"))),
    RelationRecord("subjects", "subjects", ("subject_id",), (
        SUBJECT,
        text("subject_name", "name", UNKNOWN),
        SEMESTER,
        number("credits", "credits", UNKNOWN),
        text("difficulty", "Easy, Medium or Hard", UNKNOWN),
        text("subject_type", "type", UNKNOWN),
    )),
    RelationRecord("class_subjects", "which class takes which subject", ("id",), (
        text("id", "row id"),
        CLASS,
        SUBJECT,
        text("teacher_name", "teacher", UNKNOWN),
    )),
    RelationRecord("sim_state", "where the college's week counter stands", ("id",), (
        text("id", "always 1"),
        integer("current_week", "the last complete global week", high=None),
        integer("sim_year", "year"),
        day("last_updated", "when it moved", UNKNOWN),
    )),
    RelationRecord("attendance", "registers, one row per student, subject and week", ("id",), (
        text("id", "row id"),
        STUDENT,
        CLASS,
        SUBJECT,
        SEMESTER,
        integer("week", "semester week"),
        day("week_date", "first day of the week"),
        number("lectures_held", "lectures held, halves too", low=0, wide=1000),
        number("present", "lectures attended, late arrivals included", "an unmarked register",
               low=0, wide=1000),
    ), natural=("student_id", "subject_id", "semester", "week"),
       unread=("absent", "late", "attendance_pct"), label="Attendance", week="week",
       day="week_date", feed=True,
       refers=(("student_id", "students"), ("subject_id", "subjects")),
       entry=("student_id", "class_id", "semester", "subject_id", "week")),
    RelationRecord("assignment_definitions", "assignments set", ("assignment_id",), (
        text("assignment_id", "the assignment"),
        CLASS,
        SUBJECT,
        SEMESTER,
        text("title", "title", UNKNOWN),
        integer("assigned_week", "week it was set", UNKNOWN),
        integer("due_week", "week it is due", "never due"),
        number("max_marks", "marks to be had", "unmarked", wide=100_000),
        _WEIGHT,
    ), label="Assignments set", week="due_week",
       refers=(("class_id", "classes"), ("subject_id", "subjects"), ("subject_id", "enrolments"))),
    RelationRecord("assignment_submissions", "assignments handed in", ("id",), (
        text("id", "row id"),
        text("assignment_id", "the assignment"),
        STUDENT,
        CLASS,
        day("submission_date", "day it was handed in",
            "in time where there are marks, else not handed in"),
        number("marks_obtained", "marks", "not marked", wide=100_000),
        percent("quality_pct", "quality as judged", "not judged"),
        percent("plagiarism_pct", "similarity report", "not checked"),
        _MARKED_ON,
        _EXTENSION,
        _EXEMPT,
    ), natural=("student_id", "assignment_id"), unread=("status", "latency_hours"),
       label="Assignments handed in", parent="assignment_definitions", day="submission_date",
       known="marked_on",
       refers=(("student_id", "students"), ("assignment_id", "assignment_definitions"))),
    RelationRecord("quiz_definitions", "quizzes set", ("quiz_id",), (
        text("quiz_id", "the quiz"),
        CLASS,
        SUBJECT,
        SEMESTER,
        text("title", "title", UNKNOWN),
        integer("scheduled_week", "week it is due", "never due"),
        day("quiz_date", "day", UNKNOWN),
        number("max_marks", "marks to be had", "unmarked", wide=100_000),
        _WEIGHT,
    ), unread=("duration_mins",), label="Quizzes set", week="scheduled_week", day="quiz_date",
       refers=(("class_id", "classes"), ("subject_id", "subjects"), ("subject_id", "enrolments"))),
    RelationRecord("quiz_submissions", "quizzes attempted", ("id",), (
        text("id", "row id"),
        text("quiz_id", "the quiz"),
        STUDENT,
        CLASS,
        flag("attempted", "whether it was attempted", "not attempted"),
        day("attempt_date", "day of the attempt", "in time"),
        number("marks_obtained", "marks", "not marked", wide=100_000),
        percent("score_pct", "score", "marks decide"),
        _MARKED_ON,
        _EXTENSION,
        _EXEMPT,
    ), natural=("student_id", "quiz_id"), label="Quizzes attempted", parent="quiz_definitions",
       day="attempt_date", known="marked_on", finished="attempted",
       refers=(("student_id", "students"), ("quiz_id", "quiz_definitions"))),
    RelationRecord("library_visits", "visits to the library by week", ("id",), (
        text("id", "row id"),
        STUDENT,
        CLASS,
        SEMESTER,
        integer("week", "semester week"),
        day("week_date", "first day of the week", UNKNOWN),
        integer("physical_visits", "visits", "none", wide=10_000),
    ), natural=("student_id", "semester", "week"), label="Library visits", week="week",
       day="week_date", feed=True, refers=(("class_id", "classes"), ("student_id", "students")),
       entry=("student_id", "class_id", "semester", "week"),
       counts=(Count("library_visits", "physical_visits", "sum"),)),
    RelationRecord("book_borrows", "books borrowed", ("borrow_id",), (
        text("borrow_id", "row id"),
        STUDENT,
        CLASS,
        SEMESTER,
        day("borrow_date", "day", UNKNOWN),
        day("return_date", "day it came back", "still out"),
        integer("borrow_week", "semester week"),
        integer("return_week", "semester week", "still out"),
    ), natural=("borrow_id",), unread=("book_title",), label="Library loans",
       week="borrow_week", day="borrow_date", feed=True,
       refers=(("class_id", "classes"), ("student_id", "students")),
       entry=("student_id", "class_id", "semester", "borrow_week"),
       counts=(Count("book_borrows", "borrow_id", "rows"),)),
    RelationRecord("exam_schedule", "examinations", ("schedule_id",), (
        text("schedule_id", "the examination of one subject"),
        CLASS,
        SEMESTER,
        SUBJECT,
        text("exam_type", "midterm or endterm"),
        integer("scheduled_week", "semester week", UNKNOWN),
        day("exam_date", "day", UNKNOWN),
        number("max_marks", "marks to be had", UNKNOWN, wide=100_000),
    ), unread=("duration_mins",), week="scheduled_week", day="exam_date",
       refers=(("class_id", "classes"), ("subject_id", "subjects"))),
    RelationRecord("exam_results", "results of examinations", ("id",), (
        text("id", "row id"),
        text("schedule_id", "the examination"),
        STUDENT,
        CLASS,
        number("marks_obtained", "marks", UNKNOWN, wide=100_000),
        number("max_marks", "marks to be had", "as scheduled", wide=100_000),
        percent("score_pct", "score", "marks decide"),
        text("pass_fail", "P or F", UNKNOWN),
        text("grade", "grade", UNKNOWN),
        day("result_date", "day it became known", "the teaching week after the exam"),
    ), natural=("student_id", "schedule_id"), label="Exam results", parent="exam_schedule",
       day="result_date", known="result_date",
       refers=(("student_id", "students"), ("schedule_id", "exam_schedule"))),
    RelationRecord(
        "enrolments", "which subjects a student takes",
        ("student_id", "subject_id", "semester"), (
        STUDENT,
        SUBJECT,
        SEMESTER,
        day("from", "first day", "from the start"),
        day("to", "last day", "to the end", ends="null"),
    ), optional=True, refers=(("student_id", "students"), ("subject_id", "subjects"))),
    RelationRecord(
        "excuses", "excused absences; reasons are never read",
        ("student_id", "from", "to"), (
        STUDENT,
        day("from", "first day"),
        day("to", "last day", "one day only", ends="last day"),
    ), optional=True, refers=(("student_id", "students"),)),
    RelationRecord(
        "lms_activity", "activity on the learning platform by week",
        ("student_id", "subject_id", "semester", "week"), (
        STUDENT,
        text("subject_id", "the subject", "the union over all subjects"),
        SEMESTER,
        integer("week", "semester week", low=None),
        CLASS,
        day("week_date", "first day of the week", UNKNOWN),
        integer("active_days", "days with any activity", "none", "days", 0, 7, wide=1000),
        integer("events", "clicks", "none", wide=10_000_000),
    ), optional=True, label="Platform activity", week="week", day="week_date", feed=True,
       refers=(("class_id", "classes"), ("student_id", "students")),
       entry=("student_id", "class_id", "semester", "subject_id", "week"),
       counts=(Count("lms_active_days", "active_days", "highest"),
               Count("lms_events", "events", "sum")), unites=True),
)
# fmt: on
RELATIONS: dict[str, RelationRecord] = {record.name: record for record in _RELATIONS}
# The relations that come week by week.
FEEDS = tuple(record.name for record in _RELATIONS if record.feed)
# Those of which scoring counts something; where one has no row for weeks, it is absent.
COUNTED_FEEDS = tuple(record.name for record in _RELATIONS if record.counts)
