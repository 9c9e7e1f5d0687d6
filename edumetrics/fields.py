"""One record per column: type, unit, bounds, meaning, and what null means.

`RELATIONS` are the canonical relations of the college database (read), `TABLES` those of the analysis database
(written). SQL columns, dtypes and bounds all come from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["text", "int", "float", "bool", "date", "time", "json"]


@dataclass(frozen=True)
class Field:
    """A column. `null` says what null means; empty where the column is never null."""

    name: str
    kind: Kind
    meaning: str
    null: str = ""
    unit: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Table:
    """A relation or table. `natural` is what must be unique in a college's data; the highest `key` wins otherwise.

    `optional` relations are used where they exist. `unread` columns may be mapped, but are never asked for.
    """

    name: str
    meaning: str
    key: tuple[str, ...]
    fields: tuple[Field, ...]
    natural: tuple[str, ...] = ()
    optional: bool = False
    unread: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Field:
        """The field of that name; KeyError when there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(f"{self.name} has no column {name}")

    @property
    def names(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(field.name for field in self.fields)

    @property
    def computed(self) -> list[str]:
        """The columns of a derived table that scoring and triage fill in; the stage adds the others."""
        return [name for name in self.names if name not in ("term", "run_id", "computed_at")]


UNKNOWN = "not known"
# Columns by which someone could be known; what shows samples of a college's rows masks them.
PERSONAL = frozenset({"id", "borrow_id", "student_id", "roll_number", "email", "parent_email", "advisor_id", "teacher_name",
                      "gender"})  # fmt: skip
PERSONAL_NAMES = ("students", "advisors")


def _text(name: str, meaning: str, null: str = "") -> Field:
    return Field(name, "text", meaning, null)


def _int(
    name: str,
    meaning: str,
    null: str = "",
    unit: str = "",
    low: float | None = 0,
    high: float | None = None,
) -> Field:
    return Field(name, "int", meaning, null, unit, low, high)


def _float(
    name: str,
    meaning: str,
    null: str = "",
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
) -> Field:
    return Field(name, "float", meaning, null, unit, low, high)


def _pct(name: str, meaning: str, null: str = "") -> Field:
    return Field(name, "float", meaning, null, "percent", 0, 100)


def _share(name: str, meaning: str, null: str = "") -> Field:
    return Field(name, "float", meaning, null, "share", 0, 1)


def _date(name: str, meaning: str, null: str = "") -> Field:
    return Field(name, "date", meaning, null)


def _json(name: str, meaning: str, null: str = "") -> Field:
    return Field(name, "json", meaning, null)


def _bool(name: str, meaning: str, null: str = "") -> Field:
    return Field(name, "bool", meaning, null)


_STUDENT = _text("student_id", "the student")
_CLASS = _text("class_id", "the class")
_SUBJECT = _text("subject_id", "the subject")
_SEMESTER = _int("semester", "which semester of the degree", low=1)
_MARKED_ON = _date("marked_on", "the day the mark became known", "the day of the submission")
_WEIGHT = _float(
    "weight", "weight in the subject's mark; 0 is optional work", "counts like any other", low=0
)

# fmt: off
_RELATIONS = (
    Table("classes", "classes", ("class_id",), (
        _CLASS, _text("name", "its name", UNKNOWN), _int("year_of_study", "which year of the degree", UNKNOWN), _text("section", "section", UNKNOWN),
        _text("branch", "branch", UNKNOWN), _int("batch_start_year", "the year the batch began", UNKNOWN), _int("total_students", "its size", UNKNOWN),
        _int("odd_sem", "its semester in the odd slot", "not in session"), _int("even_sem", "its semester in the even slot", "not in session"),
    )),
    Table("advisors", "advisors", ("advisor_id",), (
        _text("advisor_id", "the advisor"), _text("name", "name", UNKNOWN), _text("email", "where mail goes", UNKNOWN), _text("class_id", "the class advised", "students name their advisor"),
    )),
    Table("students", "students", ("student_id",), (
        _STUDENT, _text("class_id", "the class today", UNKNOWN), _text("advisor_id", "the advisor today", "the class's advisor"), _text("name", "name", UNKNOWN),
        _text("roll_number", "roll number", UNKNOWN), _text("gender", "read only to audit fairness", UNKNOWN), _text("email", "the student's mail", UNKNOWN),
        _text("parent_email", "read only where parent contact is enabled and permitted", UNKNOWN),
        _date("joined_on", "first day", "from the start"), _date("withdrawn_on", "the day of leaving", "has not left"),
        _int("prior_attempts", "earlier attempts", UNKNOWN), _float("credits", "credits studied", UNKNOWN), _float("entry_score", "prior marks, higher is better", UNKNOWN),
        _bool("parent_contact_permitted", "whether parents may be written to", "no"),
    ), unread=("phone", "archetype")),
    Table("subjects", "subjects", ("subject_id",), (
        _SUBJECT, _text("subject_name", "name", UNKNOWN), _SEMESTER, _float("credits", "credits", UNKNOWN), _text("difficulty", "Easy, Medium or Hard", UNKNOWN), _text("subject_type", "type", UNKNOWN),
    )),
    Table("class_subjects", "which class takes which subject", ("id",), (
        _text("id", "row id"), _CLASS, _SUBJECT, _text("teacher_name", "teacher", UNKNOWN),
    )),
    Table("sim_state", "where the college's week counter stands", ("id",), (
        _text("id", "always 1"), _int("current_week", "the last complete global week", high=None), _int("sim_year", "year"), _date("last_updated", "when it moved", UNKNOWN),
    )),
    Table("attendance", "registers, one row per student, subject and week", ("id",), (
        _text("id", "row id"), _STUDENT, _CLASS, _SUBJECT, _SEMESTER, _int("week", "semester week"), _date("week_date", "first day of the week"),
        _int("lectures_held", "lectures held"), _int("present", "lectures attended, late arrivals included", "an unmarked register"),
    ), natural=("student_id", "subject_id", "semester", "week"), unread=("absent", "late", "attendance_pct")),
    Table("assignment_definitions", "assignments set", ("assignment_id",), (
        _text("assignment_id", "the assignment"), _CLASS, _SUBJECT, _SEMESTER, _text("title", "title", UNKNOWN), _int("assigned_week", "week it was set", UNKNOWN),
        _int("due_week", "week it is due", "never due"), _float("max_marks", "marks to be had", "unmarked"), _WEIGHT,
    )),
    Table("assignment_submissions", "assignments handed in", ("id",), (
        _text("id", "row id"), _text("assignment_id", "the assignment"), _STUDENT, _CLASS, _date("submission_date", "day it was handed in", "in time where there are marks, else not handed in"),
        _float("marks_obtained", "marks", "not marked"), _pct("quality_pct", "quality as judged", "not judged"), _pct("plagiarism_pct", "similarity report", "not checked"),
        _MARKED_ON, _int("due_week_override", "an extension: the week it is due for this student", "no extension"),
    ), natural=("student_id", "assignment_id"), unread=("status", "latency_hours")),
    Table("quiz_definitions", "quizzes set", ("quiz_id",), (
        _text("quiz_id", "the quiz"), _CLASS, _SUBJECT, _SEMESTER, _text("title", "title", UNKNOWN), _int("scheduled_week", "week it is due", "never due"),
        _date("quiz_date", "day", UNKNOWN), _float("max_marks", "marks to be had", "unmarked"), _WEIGHT,
    ), unread=("duration_mins",)),
    Table("quiz_submissions", "quizzes attempted", ("id",), (
        _text("id", "row id"), _text("quiz_id", "the quiz"), _STUDENT, _CLASS, _bool("attempted", "whether it was attempted", "not attempted"), _date("attempt_date", "day of the attempt", "in time"),
        _float("marks_obtained", "marks", "not marked"), _pct("score_pct", "score", "marks decide"), _MARKED_ON,
    ), natural=("student_id", "quiz_id")),
    Table("library_visits", "visits to the library by week", ("id",), (
        _text("id", "row id"), _STUDENT, _CLASS, _SEMESTER, _int("week", "semester week"), _date("week_date", "first day of the week", UNKNOWN), _int("physical_visits", "visits", "none"),
    ), natural=("student_id", "semester", "week")),
    Table("book_borrows", "books borrowed", ("borrow_id",), (
        _text("borrow_id", "row id"), _STUDENT, _CLASS, _SEMESTER, _date("borrow_date", "day", UNKNOWN), _date("return_date", "day it came back", "still out"),
        _int("borrow_week", "semester week"), _int("return_week", "semester week", "still out"),
    ), unread=("book_title",)),
    Table("exam_schedule", "examinations", ("schedule_id",), (
        _text("schedule_id", "the examination of one subject"), _CLASS, _SEMESTER, _SUBJECT, _text("exam_type", "midterm or endterm"), _int("scheduled_week", "semester week", UNKNOWN),
        _date("exam_date", "day", UNKNOWN), _float("max_marks", "marks to be had", UNKNOWN),
    ), unread=("duration_mins",)),
    Table("exam_results", "results of examinations", ("id",), (
        _text("id", "row id"), _text("schedule_id", "the examination"), _STUDENT, _CLASS, _float("marks_obtained", "marks", UNKNOWN), _float("max_marks", "marks to be had", "as scheduled"),
        _pct("score_pct", "score", "marks decide"), _text("pass_fail", "P or F", UNKNOWN), _text("grade", "grade", UNKNOWN), _date("result_date", "day it became known", "the teaching week after the exam"),
    ), natural=("student_id", "schedule_id")),
    Table("enrolments", "which subjects a student takes", ("student_id", "subject_id", "semester"), (
        _STUDENT, _SUBJECT, _SEMESTER, _date("from", "first day", "from the start"), _date("to", "last day", "to the end"),
    ), optional=True),
    Table("excuses", "excused absences; reasons are never read", ("student_id", "from", "to"), (
        _STUDENT, _date("from", "first day"), _date("to", "last day"),
    ), optional=True),
    Table("lms_activity", "activity on the learning platform by week", ("student_id", "subject_id", "semester", "week"), (
        _STUDENT, _SUBJECT, _SEMESTER, _int("week", "semester week", low=None), _CLASS, _date("week_date", "first day of the week", UNKNOWN),
        _int("active_days", "days with any activity", "none", "days", 0, 7), _int("events", "clicks", "none"),
    ), optional=True),
)
# fmt: on
RELATIONS: dict[str, Table] = {table.name: table for table in _RELATIONS}

_RUN_ID = _text("run_id", "the run that wrote this row (run_log)")
_COMPUTED_AT = Field("computed_at", "time", "when, in UTC")
_TERM = _text("term", "the term: ISO date of the first day of its week 1")
_WEEK = _int("sem_week", "semester week", unit="week", low=1)
_ADVISOR = _text("advisor_id", "the advisor in that week", "no advisor")
_MODEL = _text("model_id", "the model that said so (model_runs), or 'baseline'")
_REASONS = _json(
    "reasons",
    "records {code, text, value, baseline, points}, strongest first; points are what it adds to the risk score, to the log-odds of failing, or to the predicted score",
)
_NO_RULE = "no attendance rule, or no lecture held yet"
_NO_MODEL = "no model yet"


class Feature(NamedTuple):
    """What forecasts are made from.

    `direction` says which way a higher value should push the chance of failing (0: not known); `topic` under which
    heading people are told of it (empty: they are not).
    """

    meaning: str
    direction: int
    topic: str


FEATURES: dict[str, Feature] = {
    "mark": Feature("mean mark of the work marked so far, percent", -1, "marks"),
    "mark_gap": Feature(
        "mean mark of the work marked so far, less the class's, percent", -1, "marks"
    ),
    "mark_with_zeros": Feature("mean mark so far, missing work counting 0, percent", -1, "marks"),
    "mark_with_zeros_rank": Feature("its rank in the class", -1, "marks"),
    "mark_recent": Feature("the same, recent weeks weighing more, percent", -1, "marks"),
    "mark_recent_rank": Feature("its rank in the class", -1, "marks"),
    "handed_in": Feature("share of the work due so far that is handed in", -1, "work"),
    "handed_in_rank": Feature("its rank in the class", -1, "work"),
    "missed_recent": Feature("share of the work of the last three weeks that is not", 1, "work"),
    "earliness": Feature(
        "weeks before the end of its week that work is handed in, missing work counting as three late",
        -1,
        "promptness",
    ),
    "earliness_rank": Feature("its rank in the class", -1, "promptness"),
    "late": Feature("share of the work handed in that came after its week", 1, "promptness"),
    "attendance": Feature("share of lectures attended so far", -1, "attendance"),
    "attendance_recent": Feature("share of lectures attended over four weeks", -1, "attendance"),
    "attendance_recent_rank": Feature("its rank in the class", -1, "attendance"),
    "attendance_week": Feature("share of lectures attended this week", -1, "attendance"),
    "attendance_change": Feature(
        "attendance this week less that of the four weeks before, percent", -1, "attendance"
    ),
    "effort": Feature("recorded activity this week", -1, "activity"),
    "effort_rank": Feature(
        "recent weeks' recorded activity: its rank in the class", -1, "activity"
    ),
    "effort_change": Feature(
        "recorded activity this week less that of the four weeks before", -1, "activity"
    ),
    "active_days_rank": Feature(
        "recent weeks' days on the platform: their rank in the class", -1, "activity"
    ),
    "clicks_rank": Feature("recent weeks' clicks: their rank in the class", -1, "activity"),
    "visits_rank": Feature("recent weeks' library visits: their rank in the class", -1, "activity"),
    "weeks_active": Feature("weeks of the last four with any activity", -1, "activity"),
    "days_idle_rank": Feature(
        "days since anything was handed in: their rank in the class", 1, "promptness"
    ),
    "risk": Feature("the rules' risk score", 1, ""),
    "midterm": Feature("mean midterm score, percent", -1, "midterm"),
    "midterm_gap": Feature("the same, less the class's", -1, "midterm"),
    "prior_mean": Feature("mean end-term score of the semester before, percent", -1, "earlier"),
    "prior_fails": Feature("subjects failed in the semester before", 1, "earlier"),
    "prior_attempts": Feature("earlier attempts", 1, "earlier"),
    "credits": Feature("credits studied", 0, "earlier"),
    "entry_score_rank": Feature("prior marks: their rank in the class", -1, "earlier"),
    "work_due": Feature("how many items fell due so far", 0, ""),
    "semester_gone": Feature("share of the semester's teaching weeks that are over", 0, ""),
    "later_half": Feature("whether it is the later half of the year", 0, ""),
}


def _derived(name: str, meaning: str, key: tuple[Field, ...], *fields: Field) -> Table:
    return Table(
        name, meaning, tuple(field.name for field in key), (*key, *fields, _RUN_ID, _COMPUTED_AT)
    )


# fmt: off
_TABLES = (
    _derived("weekly_metrics", "what one teaching week of one student looked like, as known at its end", (_STUDENT, _TERM, _WEEK),
        _SEMESTER, _CLASS, _ADVISOR,
        _float("library_visits", "visits to the library this week", "no library feed", "visits", 0),
        _float("book_borrows", "books borrowed this week", "no loans feed", "books", 0),
        _pct("assn_quality_pct", "mean quality of assignments due this week, 0 for one not handed in", "none due, or none judged"),
        _pct("assn_plagiarism_pct", "highest similarity report among assignments due this week", "none handed in, or none checked"),
        _pct("weekly_att_pct", "lectures attended this week", "no lecture held"),
        _int("week_lectures_held", "lectures held this week", unit="lectures"),
        _int("week_lectures_attended", "lectures attended this week", unit="lectures"),
        _pct("assn_submit_rate", "assignments handed in, of those due this week", "none due"),
        _pct("quiz_attempt_rate", "quizzes attempted, of those due this week", "none due"),
        _pct("submission_pct", "assignments and quizzes done, of those due this week", "none due"),
        _pct("effort_score", "recorded activity: weighted mean of the signals present", "no signal present"),
        _share("effort_coverage", "weight of the signals present"),
        _pct("week_mark_pct", "mean mark of the work due this week, 0 for work not handed in", "nothing due, or nothing marked yet"),
        _pct("academic_performance", "weighted mean of the last three teaching weeks' marks", "no mark in three weeks"),
        _pct("quiz_avg_pct", "mean over all quizzes due so far, 0 for one not attempted", "none due, or none marked"),
        _pct("assn_avg_pct", "mean over all assignments due so far, 0 for one not handed in", "none due, or none marked"),
        _pct("midterm_score_pct", "mean midterm score over subjects", "no result known yet"),
        _pct("overall_att_pct", "lectures attended, of those held this semester", "no lecture held yet"),
        _int("lectures_held", "lectures held this semester", unit="lectures"),
        _int("lectures_attended", "lectures attended this semester", unit="lectures"),
        _int("lectures_left", "lectures still to come, at the pace so far", _NO_RULE, "lectures"),
        _int("lectures_to_attend", "lectures still to be attended to meet the attendance rule; more than are left when it is out of reach", _NO_RULE, "lectures"),
        _int("lectures_can_miss", "of those, how many can be missed", _NO_RULE, "lectures"),
        _pct("risk_of_detention", "chance of ending below the attendance rule; it orders students", _NO_RULE + ", or before week 4"),
        _int("days_since_submission", "days from the latest work handed in, else from the semester's first day, to the week's end", unit="days", low=None),
        _int("lms_active_days", "days active on the learning platform this week", "no platform feed", "days", 0, 7),
        _int("lms_events", "clicks on the learning platform this week", "no platform feed", "clicks"),
        _pct("risk_score", "rules' risk: weighted mean of the components present, higher is worse", "no component present"),
        _share("risk_coverage", "weight of the components present"),
        _share("p_fail", "chance of failing or leaving", _NO_MODEL),
    ),
    _derived("weekly_features", "what forecasts are made from, as known at the end of a week", (_STUDENT, _TERM, _WEEK), _CLASS, _ADVISOR,
        *(_float(name, meaning, "nothing to go by") for name, (meaning, _, _) in FEATURES.items()),
    ),
    _derived("weekly_flags", "who was on an advisor's list, and why", (_STUDENT, _TERM, _WEEK),
        _SEMESTER, _CLASS, _ADVISOR, _text("risk_tier", "watch, high or critical"), _float("urgency_score", "what the list is ranked by", "", "", 0, 100),
        _text("ranked_by", "rules or model"), _int("triage_rank", "place on the advisor's list", low=1), _bool("within_capacity", "whether the advisor has time this week"),
        _text("status", "new, continuing, escalated or returned"), _int("escalation_level", "consecutive teaching weeks on the list, grace weeks not counted"),
        _int("first_flagged_week", "first week on the list this semester", low=1), _bool("looked_after", "someone is in contact with the student"),
        _text("diagnosis", "the top reasons as one paragraph"), _REASONS, _text("off_list_if", "the smallest change that would take the student off the list", "no action suffices"),
    ),
    _derived("list_exits", "who left an advisor's list, and what improved", (_STUDENT, _TERM, _WEEK),
        _SEMESTER, _CLASS, _ADVISOR, _int("weeks_on_list", "consecutive teaching weeks on the list before, grace weeks included"), _json("improved", "records of what improved"),
    ),
    _derived("class_findings", "what concerns a whole class", (_CLASS, _TERM, _WEEK, _text("code", "which finding")),
        _SEMESTER, _int("students_affected", "how many"), _text("text", "the finding as a sentence"),
    ),
    _derived("pre_mid_term", "midterm predictions", (_STUDENT, _TERM, _WEEK),
        _SEMESTER, _CLASS, _pct("predicted_midterm_score", "predicted score"), _pct("low", "lower end of the 80% range"), _pct("high", "upper end of the 80% range"),
        _share("p_fail", "chance of failing", _NO_MODEL), _bool("at_risk", "whether failing is at least a medium risk"), _REASONS, _MODEL,
    ),
    _derived("pre_end_term", "end-term predictions", (_STUDENT, _TERM, _WEEK),
        _SEMESTER, _CLASS, _pct("predicted_endterm_score", "predicted score"), _pct("low", "lower end of the 80% range"), _pct("high", "upper end of the 80% range"),
        _share("p_fail", "chance of failing", _NO_MODEL), _text("outlook", "pass, borderline or fail"), _REASONS, _MODEL,
    ),
    _derived("risk_of_failing_prediction", "chance of failing each subject", (_STUDENT, _TERM, _WEEK, _SUBJECT),
        _SEMESTER, _CLASS, _share("p_fail", "chance of failing the subject"), _text("risk_label", "LOW, MEDIUM or HIGH"), _MODEL,
    ),
    _derived("pre_sem_watchlist", "who to watch from week 1", (_STUDENT, _text("target_term", "the term ahead")),
        _int("target_semester", "the semester ahead", low=1), _CLASS, _pct("risk_probability_pct", "chance of failing the semester ahead"), _int("escalation_level", "weeks on the list last semester"),
        _pct("max_plagiarism", "highest similarity report last semester", "none checked"), _pct("att_rate_hist", "attendance so far", "none held"), _pct("assn_rate_hist", "assignments handed in so far", "none due"),
        _pct("exam_avg_hist", "mean exam score so far", "no exam yet"), _int("hard_subject_count", "hard subjects ahead"), _bool("on_watchlist", "whether to watch"), _REASONS, _MODEL,
    ),
    _derived("exam_review", "predictions held against results", (_STUDENT, _TERM, _text("exam_type", "midterm or endterm")),
        _SEMESTER, _CLASS, _pct("predicted", "predicted score", "not predicted"), _pct("low", "lower end of the range", "not predicted"), _pct("high", "upper end of the range", "not predicted"),
        _pct("actual", "score", "no score"), _float("residual", "actual less predicted", "not predicted, or no score"), _text("verdict", "below, within or above the predicted range", "not predicted, or no score"),
        _share("p_fail", "chance of failing as predicted", _NO_MODEL), _bool("failed", "whether the student failed", "not known"), _int("weeks_flagged", "weeks on the list"), _int("first_flagged_week", "first week on the list", "never"),
    ),
    Table("intervention_log", "what people did; never touched by recalculation", ("id",), (
        _int("id", "row id"), _STUDENT, _TERM, _WEEK, _text("kind", "talked, emailed, called, referred, no answer, known reason, wrong flag"), _text("notes", "notes; they never leave this table", "none"),
        _text("outcome", "outcome", "none yet"), _bool("helpful", "whether it helped", "not said"), _date("until", "looked after until", "two teaching weeks"), _text("logged_by", "who", UNKNOWN), Field("logged_at", "time", "when, in UTC"),
    )),
    _derived("subject_difficulty", "how many passed a subject", (_SUBJECT, _TERM),
        _SEMESTER, _int("total_students", "students with a result"), _int("students_passed", "students who passed"), _pct("pass_rate", "share who passed", "no result"), _text("difficulty_label", "Easy, Medium or Hard", "no result"),
    ),
    _derived("model_runs", "every model tried", (_text("model_id", "the model"),),
        _text("task", "which question it answers"), _text("trained_terms", "terms it learnt from"), _text("tested_term", "the term it was tried on", "none to try it on"), _int("rows", "training rows"),
        _json("features", "its features"), _json("metrics", "how it did, by week"), _bool("champion", "whether it is in use"), _text("artefact", "file under the home folder", "not kept"), _text("artefact_sha256", "its fingerprint", "not kept"),
    ),
    Table("analysis_state", "how far the analysis has come", ("id",), (
        _int("id", "always 1"), _int("sim_year", "year"), _int("global_week", "last week analysed", high=36), Field("updated_at", "time", "when, in UTC"),
    )),
    Table("run_log", "one row per run of a stage", ("run_id",), (
        _RUN_ID, _text("stage", "stage"), _text("term", "term", "not about one term"), _int("sem_week", "semester week", "not about one week"), _text("status", "started, done, failed or refused"),
        Field("started_at", "time", "when, in UTC"), Field("finished_at", "time", "when, in UTC", "still running, or killed"), _text("params_sha256", "fingerprint of the parameters"), _text("version", "of EduMetrics"),
        _int("rows_written", "rows", "not finished"), _text("error", "what went wrong, without personal data", "nothing"),
    )),
    Table("data_health", "what was wrong or missing in the college's data", ("run_id", "check", "class_id"), (
        _RUN_ID, _text("check", "relation and kind of finding"), _text("class_id", "the class; 'all' for the whole college"), _text("status", "ok, warn or block"), _int("count", "rows concerned"),
        _json("examples", "up to five row ids"), _text("message", "the finding as a sentence"), _COMPUTED_AT,
    )),
    Table("delivery_log", "what was sent to whom", ("id",), (
        _int("id", "row id"), _text("advisor_id", "the advisor"), _text("stage", "stage"), _TERM, _WEEK, _text("channel", "smtp or outbox"), _text("recipient", "address"), _text("content_sha256", "fingerprint of what was sent"),
        _text("status", "sent, failed, held or 'not sent: past'"), Field("sent_at", "time", "when, in UTC", "not sent"), _text("error", "what went wrong", "nothing"),
    )),
)
# fmt: on
TABLES: dict[str, Table] = {table.name: table for table in _TABLES}
WEEKLY_METRICS = TABLES["weekly_metrics"]


def dictionary() -> str:
    """The data dictionary in Markdown: every table of the analysis, and every column that is read of a college."""
    parts = ["# Data dictionary\n", "Made from `edumetrics/fields.py` by `make docs`.\n"]
    for title, tables in (("The analysis", TABLES), ("What is read of the college", RELATIONS)):
        parts.append(f"## {title}\n")
        for table in tables.values():
            parts.append(f"### {table.name}\n\n{table.meaning[0].upper()}{table.meaning[1:]}.\n")
            parts.append("| column | type | meaning | unit | empty means |\n|---|---|---|---|---|")
            parts += [_row(table, field) for field in table.fields]
            unread = ", ".join(f"`{name}`" for name in table.unread)
            parts.append(f"\nNever read: {unread}.\n" if unread else "")
    return "\n".join(parts)


def _row(table: Table, field: Field) -> str:
    name = f"**{field.name}**" if field.name in table.key else field.name
    bounds = "" if field.low is None or field.high is None else f" {field.low:g} to {field.high:g}"
    return f"| {name} | {field.kind} | {field.meaning} | {field.unit}{bounds} | {field.null} |"
