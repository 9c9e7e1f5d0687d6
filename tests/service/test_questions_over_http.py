"""Each answer equals `queries`, row by row, for each role; and nobody gets a row of another's student."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from edumetrics.analyst import queries
from edumetrics.batch import pipeline, progress
from edumetrics.errors import Refused
from edumetrics.service import access
from edumetrics.service.accounts import Account
from edumetrics.service.questions import PAGE, QUESTIONS
from tests.service.conftest import ACCOUNTS, ADVISOR, COLLEAGUE, HEADED, Served

ROLES = {name: Account(name, role, person) for name, role, person in ACCOUNTS}
FILTERS: list[dict[str, Any]] = [{}, {"semester": 8}, {"week": 7}, {"class_id": HEADED}, {"week": 7, "class_id": HEADED}]  # fmt: skip


def rows_of(served: Served, who: str, name: str, filters: dict[str, Any]) -> list[dict[str, Any]]:
    """All pages of an answer."""
    first = served.ask(who, f"/api/{name}/", params=filters)
    assert first.status_code == 200, first.text
    answer = first.json()
    rows = answer["results"]
    for page in range(2, answer["pages"] + 1):
        rows += served.ask(who, f"/api/{name}/", params={**filters, "page": page}).json()["results"]
    assert len(rows) == answer["count"]
    return list(rows)


def as_json(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return list(json.loads(frame.to_json(orient="records", date_format="iso", double_precision=15)))


@pytest.mark.slow
@pytest.mark.parametrize("who", ROLES)
@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_is_that_of_queries_for_the_rows_that_the_role_may_read(
    service: Served, name: str, who: str
) -> None:
    workspace, answered = service.workspace, 0
    for filters in FILTERS:
        whole = QUESTIONS[name].answer(**filters, store=workspace.store)
        rows = rows_of(service, who, name, filters)
        if name == "class-performance":
            limited = access.limit_store(workspace, ROLES[who])
            expected = queries.class_performance(**filters, store=limited)
        else:
            expected = whole[[may_read(service, who, row) for row in whole.to_dict("records")]]
        assert rows == as_json(expected)
        answered += len(rows)
    assert answered or who == "head" or name == "pre-endterm"


def may_read(service: Served, who: str, row: dict[Any, Any]) -> bool:
    """The rule again, from the college's own tables and not from the service's code."""
    if who in ("dean", "ana", "ops"):
        return True
    if who == "head":
        return bool(row["class_id"] == HEADED)
    return row["student_id"] in students_of(service, ROLES[who].person)


@cache
def students_of(service: Served, advisor: str) -> set[str]:
    with service.workspace.open_college() as college:
        own = college.students.query("advisor_id == @advisor")["student_id"]
    return set(own)


def test_a_student_of_another_is_as_unknown_as_one_that_does_not_exist(service: Served) -> None:
    own, other = (sorted(students_of(service, ROLES[who].person)) for who in ("priya", "arun"))
    for name in QUESTIONS:
        if name == "class-performance":
            continue
        mine = service.ask("priya", f"/api/{name}/", params={"student": own[0]})
        foreign = service.ask("priya", f"/api/{name}/", params={"student": other[0]})
        nobody = service.ask("priya", f"/api/{name}/", params={"student": "S-nobody"})
        assert mine.status_code == 200
        assert foreign.status_code == nobody.status_code == 404
        assert foreign.text == nobody.text and other[0] not in foreign.text


def test_an_answer_comes_in_pages_and_unchanged_answers_are_not_sent_again(service: Served) -> None:
    first = service.ask("ana", "/api/student-performance/")
    second = service.ask("ana", "/api/student-performance/?page=2")
    beyond = service.ask("ana", "/api/student-performance/?page=99")
    assert len(first.json()["results"]) == PAGE and beyond.json()["results"] == []
    assert first.json()["results"][-1] != second.json()["results"][0]
    assert first.headers["etag"] != second.headers["etag"]
    tag = {"If-None-Match": first.headers["etag"]}
    again = service.ask("ana", "/api/student-performance/", headers=tag)
    assert (again.status_code, again.content) == (304, b"")
    assert service.ask("ops", "/api/student-performance/", headers=tag).status_code == 200


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("week=9999", 404, "was not analysed"),
        ("week=zero", 422, "week"),
        ("weak=7", 422, "weak"),
        ("page=0", 422, "page"),
        ("class_id=%00", 422, "class_id is not valid"),
        ("student=" + "x" * 300, 422, "student"),
    ],
)
def test_a_wrong_question_is_refused_in_a_sentence(
    service: Served, query: str, status: int, said: str
) -> None:
    response = service.ask("ana", f"/api/flagged/?{query}")
    assert response.status_code == status and said in response.json()["detail"]


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_can_be_asked_about_an_advisor(service: Served, name: str) -> None:
    rows = rows_of(service, "ana", name, {"advisor": ADVISOR})
    assert rows and rows == as_json(
        QUESTIONS[name].answer(advisor=ADVISOR, store=service.workspace.store)
    )
    if name != "class-performance":
        assert {row["student_id"] for row in rows} <= students_of(service, ADVISOR)
        student = rows[0]["student_id"]
        both = rows_of(service, "ana", name, {"advisor": ADVISOR, "student": student})
        assert {row["student_id"] for row in both} == {student}
        assert rows_of(service, "ana", name, {"advisor": COLLEAGUE, "student": student}) == []


def test_the_documentation_names_every_column_and_loads_nothing(service: Served) -> None:
    described = service.ask("ana", "/api/openapi.json").json()
    for name, question in QUESTIONS.items():
        rows = service.ask("ana", f"/api/{name}/").json()["results"]
        schema = described["components"]["schemas"][question.row.__name__]["properties"]
        assert all(set(row) == set(schema) for row in rows)
        assert all(schema[column]["description"] for column in schema)
    assert (
        service.ask("ana", "/docs").status_code == service.ask("ana", "/redoc").status_code == 404
    )


def test_every_reading_of_a_student_is_recorded(own_service: Served) -> None:
    shown = own_service.ask("priya", "/api/flagged/").json()["results"]
    own_service.ask("priya", "/api/class-performance/")
    log = own_service.workspace.store.read("access_log")
    assert set(log["student_id"]) == {row["student_id"] for row in shown}
    assert set(log["username"]) == {"priya"} and set(log["what"]) == {"flagged"}
    one = shown[0]["student_id"]
    own_service.ask("priya", f"/api/class-performance/?student={one}")
    log = own_service.workspace.store.read("access_log", what="class-performance")
    assert log["student_id"].tolist() == [one]


def test_an_exclusion_holds_at_once_in_a_service_that_is_at_work(own_service: Served) -> None:
    student = sorted(students_of(own_service, ADVISOR))[0]
    path = f"/api/student-performance/?student={student}"
    before = own_service.ask("ana", path)
    assert before.json()["count"] > 0
    scoring = own_service.workspace.settings.params / "scoring.yml"
    scoring.write_text(scoring.read_text().replace("exclusions: []", f'exclusions: ["{student}"]'))
    tag = {"If-None-Match": before.headers["etag"]}
    after = own_service.ask("ana", path, headers=tag)
    assert after.status_code == 404, "nor is the old answer confirmed"
    assert own_service.sign_in("priya").get("/student", params={"id": student}).status_code == 404


@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', "*"])
def test_an_unchanged_answer_is_not_sent_again_however_it_is_asked(
    service: Served, form: str
) -> None:
    tag = service.ask("ana", "/api/flagged/").headers["etag"]
    again = service.ask("ana", "/api/flagged/", headers={"If-None-Match": form.format(tag)})
    assert again.status_code == 304


def test_a_key_stands_for_one_contact(own_service: Served) -> None:
    student, route = sorted(students_of(own_service, ADVISOR))[0], "/api/interventions/"

    def log(kind: str, key: str) -> int:
        body, headers = {"student": student, "kind": kind}, {"Idempotency-Key": key}
        return own_service.ask("priya", route, "POST", json=body, headers=headers).status_code

    assert [log("talked", "k"), log("talked", "k"), log("called", "k")] == [201, 200, 400]
    assert [log("emailed", ""), log("referred", "")] == [201, 201], "an empty key is none"


def test_health_is_public_and_holds_no_data(service: Served) -> None:
    import httpx

    told = httpx.get(f"{service.url}/api/health").json()
    assert (told["status"], told["week"], told["last_status"]) == ("alive", 10, "done")
    assert set(told) == {"status", "version", "week", "last_run", "last_status"}


@pytest.mark.slow
def test_a_shared_student_is_read_by_both_advisors(own_service: Served) -> None:
    workspace = own_service.workspace
    shared = sorted(students_of(own_service, ROLES["arun"].person))[5]
    with sa.create_engine(workspace.settings.client_db_url).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE students ADD COLUMN second_advisor_id TEXT")
        connection.exec_driver_sql(
            "UPDATE students SET second_advisor_id = ? WHERE student_id = ?", (ADVISOR, shared)
        )
    asked = {"student": shared}
    assert own_service.ask("priya", "/api/student-performance/", params=asked).status_code == 404
    pipeline.run(workspace, progress.skip_line, week=10)
    mine = own_service.ask("priya", "/api/student-performance/", params=asked)
    assert mine.status_code == 200
    assert {row["student_id"] for row in mine.json()["results"]} == {shared}
    assert own_service.ask("arun", "/api/student-performance/", params=asked).status_code == 200


@pytest.mark.slow
def test_what_was_rolled_back_is_answered_no_more(own_service: Served) -> None:
    workspace = own_service.workspace
    assert own_service.ask("ana", "/api/flagged/").json()["results"][0]["sem_week"] == 10
    with sa.create_engine(workspace.settings.client_db_url).begin() as connection:
        connection.exec_driver_sql("UPDATE sim_state SET current_week = current_week - 1")
    # Its mail is held: the college's records go on to week 10.
    with pytest.raises(Refused, match="rolled back"):
        pipeline.run(workspace, progress.skip_line, roll_back=True)
    assert own_service.ask("ana", "/api/flagged/").json()["results"][0]["sem_week"] == 9


@pytest.mark.slow
def test_the_log_is_an_advisors_own_with_notes_and_an_analysts_whole_without(
    own_service: Served,
) -> None:
    for who in ("priya", "arun"):
        student = sorted(students_of(own_service, ROLES[who].person))[0]
        body = {"student": student, "kind": "referred", "referral": "Dean", "notes": f"confided to {who}", "helpful": True, "until": own_service.workspace.today.isoformat(), "week": 9}  # fmt: skip
        made = own_service.ask(who, "/api/interventions/", "POST", json=body)
        assert made.status_code == 201 and made.json()["sem_week"] == 9
    mine = own_service.ask("priya", "/api/interventions/").json()
    assert [row["notes"] for row in mine["results"]] == ["confided to priya"]
    assert mine["results"][0]["helpful"] is True and mine["results"][0]["until"] == body["until"]
    assert mine["results"][0]["referral"] == made.json()["referral"] == "Dean"
    everything = own_service.ask("ana", "/api/interventions/")
    assert everything.json()["count"] == len(queries.log(store=own_service.workspace.store))
    assert "confided" not in everything.text
    assert own_service.ask("head", "/api/interventions/").status_code == 403
    assert own_service.ask("ana", "/api/interventions/", "POST", json=body).status_code == 403


@pytest.mark.parametrize("change", [{"kind": "hugged"}, {"week": 99}, {"until": "2001-01-01"}])
def test_a_wrong_contact_is_refused_in_a_sentence(service: Served, change: dict[str, Any]) -> None:
    student = sorted(students_of(service, ADVISOR))[0]
    body = {"student": student, "kind": "talked", **change}
    response = service.ask("priya", "/api/interventions/", "POST", json=body)
    assert response.status_code == 400 and response.json()["detail"].endswith(".")
