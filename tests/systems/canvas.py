"""The copy of a Canvas that `dap syncdb` keeps, with a small college in it that has every trap."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

# Columns and types as the client makes them, only what is read: E is an enumeration, A an array of one, ! is not null.
STATE = "E(active,deleted)!"
SCHEMA = {
    "accounts": "id bigint!; name varchar(255)",
    "account_users": f"id bigint!; user_id bigint!; workflow_state {STATE}; account_id bigint!; role_id bigint!",
    "assignment_groups": "id bigint!; group_weight double precision",
    "assignments": "id bigint!; workflow_state E(unpublished,published,deleted)!; due_at ts; unlock_at ts; "
                   "points_possible double precision; submission_types A(none,not_graded,on_paper,online_quiz,"
                   "discussion_topic,online_upload,external_tool,wiki_page)!; assignment_group_id bigint; "
                   "context_id bigint!; omit_from_final_grade bool!; title varchar(255); parent_assignment_id bigint",
    "communication_channels": "id bigint!; path varchar(255)!; path_type varchar(255)!; user_id bigint!; "
                              "workflow_state E(unconfirmed,active,retired)!; position integer",
    "course_sections": f"id bigint!; name varchar(255)!; course_id bigint!; workflow_state {STATE}",
    "courses": "id bigint!; workflow_state E(created,claimed,available,completed,deleted)!; account_id bigint!; "
               "sis_source_id varchar(255); group_weighting_scheme varchar(255); enrollment_term_id bigint!; "
               "name varchar(255)",
    "enrollment_terms": f"id bigint!; workflow_state {STATE}; sis_source_id varchar(255); start_at ts; end_at ts",
    "enrollments": "id bigint!; user_id bigint!; created_at ts!; workflow_state E(invited,active,inactive,completed,"
                   "deleted)!; role_id bigint!; course_id bigint!; completed_at ts; course_section_id bigint!; "
                   "associated_user_id bigint; type E(StudentEnrollment,TeacherEnrollment,TaEnrollment,"
                   "ObserverEnrollment,StudentViewEnrollment)!",
    "group_categories": "id bigint!; name varchar(255); deleted_at ts",
    "group_memberships": "id bigint!; user_id bigint!; workflow_state E(accepted,invited,deleted)!; group_id bigint!",
    "groups": "id bigint!; name varchar(255); workflow_state E(available,deleted)!; group_category_id bigint",
    "pseudonyms": "id bigint!; integration_id varchar(255); user_id bigint!; workflow_state E(active,deleted,"
                  "suspended)!; unique_id varchar(255)!; sis_user_id varchar(255)",
    "roles": "id bigint!; name varchar(255)!",
    "scores": f"id bigint!; workflow_state {STATE}; enrollment_id bigint!; grading_period_id bigint; "
              "final_score double precision; course_score bool!; override_score double precision",
    "submissions": "id bigint!; user_id bigint!; workflow_state E(graded,pending_review,submitted,unsubmitted,"
                   "deleted)!; assignment_id bigint!; posted_at ts; score double precision; attempt integer; "
                   "submitted_at ts; graded_at ts; cached_due_date ts; excused bool; late_policy_status varchar(16); "
                   "seconds_late_override bigint; cached_quiz_lti bool!; cached_tardiness varchar(16)",
    "users": "id bigint!; workflow_state E(deleted,registered)!; name varchar(255)",
    "web_logs": "id bigint!; timestamp ts!; user_id bigint; real_user_id bigint; course_id bigint",
}  # fmt: skip
NOTHING = "__dap_unspecified__"
DUE = "2026-09-14 04:59:00"  # Sunday 13 September, 23:59 in Chicago


def rows() -> dict[str, list[dict[str, Any]]]:
    """The rows of every table; moments are UTC."""
    made: dict[str, list[dict[str, Any]]] = {name: [] for name in SCHEMA}

    def add(table: str, **values: Any) -> None:
        made[table].append({"id": len(made[table]) + 1, **values})

    add("accounts", id=10, name="Computing")
    add("roles", id=5, name="Advisor")
    add("account_users", user_id=21, workflow_state="active", account_id=10, role_id=5)
    add("enrollment_terms", workflow_state="active", sis_source_id="2026F", start_at="2026-09-07 05:00:00",
        end_at="2027-01-17 06:00:00")  # fmt: skip
    for number, state in ((100, "available"), (103, "claimed")):
        add(
            "courses",
            id=number,
            workflow_state=state,
            account_id=10,
            enrollment_term_id=1,
            name=f"Course {number}",
        )
        add("course_sections", id=10 * number, name="A", course_id=number, workflow_state="active")
    # Cy has no SIS id, Del is deleted, and Canvas made a test student.
    for number, sis, state in ((1, "S001", "registered"), (2, "S002", "registered"), (3, None, "registered"),
                               (4, "S004", "deleted"), (5, None, "registered"), (21, "T100", "registered")):  # fmt: skip
        add("users", id=number, workflow_state=state, name=f"Person {number}")
        add(
            "pseudonyms",
            user_id=number,
            workflow_state="active",
            unique_id=f"u{number}",
            sis_user_id=sis,
        )
        kind = "StudentViewEnrollment" if number == 5 else "StudentEnrollment"
        if number != 21:
            add("enrollments", user_id=number, created_at="2026-08-20 12:00:00", workflow_state="active", role_id=1,
                course_id=100, course_section_id=1000, type=kind)  # fmt: skip
    add("assignment_groups", group_weight=100.0)

    def work(
        number: int, title: str, kind: str, due: str | None, points: float = 10.0, **more: Any
    ) -> None:
        add("assignments", id=number, **{
            "workflow_state": "published", "due_at": due, "points_possible": points, "submission_types": [kind],
            "assignment_group_id": 1, "context_id": 100, "omit_from_final_grade": False, "title": title, **more,
        })  # fmt: skip

    work(500, "Essay", "online_upload", DUE)
    work(501, "Dates of sections only", "online_upload", None)
    work(502, "Quiz", "online_quiz", "2026-09-20 20:00:00", 20.0)
    work(503, "New quiz", "external_tool", "2026-09-21 20:00:00", 20.0)
    work(504, "Draft", "online_upload", DUE, workflow_state="unpublished")
    work(505, "Roll Call Attendance", "external_tool", None, 100.0)
    work(506, "Midterm exam", "on_paper", "2026-10-20 20:00:00", 50.0)
    work(507, "After the change of the clock", "online_upload", "2026-11-09 05:59:00")

    def submit(item: int, user: int, state: str = "graded", **more: Any) -> None:
        add("submissions", **{
            "user_id": user, "workflow_state": state, "assignment_id": item, "cached_quiz_lti": item == 503, **more,
        })  # fmt: skip

    shown = {"graded_at": "2026-09-20 12:00:00", "posted_at": "2026-09-22 12:00:00"}
    submit(
        500,
        1,
        score=8.0,
        submitted_at="2026-09-14 04:00:00",
        attempt=1,
        cached_due_date=DUE,
        **shown,
    )
    # An extension, and the zero that the late policy writes for what is missing.
    submit(
        500,
        2,
        score=0.0,
        cached_due_date="2026-09-21 04:59:00",
        cached_tardiness="missing",
        **shown,
    )
    submit(500, 3, excused=True, cached_due_date=DUE, **shown)
    submit(500, 5, score=10.0, submitted_at="2026-09-10 04:00:00", cached_due_date=DUE, **shown)
    submit(
        501,
        1,
        "submitted",
        submitted_at="2026-09-25 04:00:00",
        cached_due_date="2026-09-28 04:59:00",
    )
    submit(
        502,
        1,
        score=15.0,
        submitted_at="2026-09-20 19:00:00",
        cached_due_date="2026-09-20 20:00:00",
        **shown,
    )
    submit(502, 2, "pending_review", score=5.0, submitted_at="2026-09-20 19:00:00",
           cached_due_date="2026-09-20 20:00:00")  # fmt: skip
    # Marked, and not shown to the student yet.
    submit(503, 1, score=12.0, submitted_at="2026-09-20 20:00:00", graded_at="2026-09-24 20:00:00",
           cached_due_date="2026-09-21 20:00:00")  # fmt: skip
    for user, score in ((1, 30.0), (2, 20.0)):
        submit(506, user, score=score, graded_at="2026-10-22 20:00:00", posted_at="2026-10-25 20:00:00",
               cached_due_date="2026-10-20 20:00:00")  # fmt: skip
    submit(
        507,
        1,
        "submitted",
        submitted_at="2026-11-09 05:30:00",
        cached_due_date="2026-11-09 05:59:00",
    )
    return made


def statements(dialect: str) -> Iterator[str]:
    """What creates and fills the copy, in PostgreSQL (a schema, types) or MySQL (two underscores)."""
    maria = dialect != "postgresql"
    if not maria:
        yield "CREATE SCHEMA canvas"
        yield "CREATE SCHEMA canvas_logs"
    filled = rows()
    for name, columns in SCHEMA.items():
        schema = "canvas_logs" if name == "web_logs" else "canvas"
        table = f"`{schema}__{name}`" if maria else f'{schema}."{name}"'
        declared = []
        for entry in columns.split("; "):
            column, kind = entry.rstrip("!").split(" ", 1)
            if kind[:2] in ("E(", "A("):
                words = ", ".join(f"'{word}'" for word in (NOTHING, *kind[2:-1].split(",")))
                typed = f'{schema}."{name}__{column}"'
                if not maria:
                    yield f"CREATE TYPE {typed} AS ENUM ({words})"
                many = kind[0] == "A"
                kind = (
                    ("json" if many else f"ENUM ({words})")
                    if maria
                    else typed + ("[]" if many else "")
                )
            plain = {"ts": ("timestamp", "datetime"), "bool": ("boolean", "tinyint")}
            kind = plain.get(kind, (kind, kind))[maria]
            quoted = f"`{column}`" if maria else f'"{column}"'
            declared.append(f"{quoted} {kind}{' NOT NULL' if entry.endswith('!') else ''}")
        yield f"CREATE TABLE {table} ({', '.join(declared)})"
        for row in filled[name]:
            names = ", ".join(f"`{key}`" if maria else f'"{key}"' for key in row)
            values = ", ".join(_format(value, maria=maria) for value in row.values())
            yield f"INSERT INTO {table} ({names}) VALUES ({values})"


def _format(value: Any, *, maria: bool) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(int(value)) if maria else str(value).upper()
    if isinstance(value, list):
        return f"'{json.dumps(value)}'" if maria else f"'{{{','.join(value)}}}'"
    return f"'{value}'" if isinstance(value, str) else str(value)
