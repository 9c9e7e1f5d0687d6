"""Requests that nobody would make: none gives a row of another's student, none ends in a defect."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edumetrics.batch import pipeline, progress
from edumetrics.service import accounts, pages
from edumetrics.service.questions import QUESTIONS
from edumetrics.workspace import Workspace
from tests.conftest import workspace_at
from tests.service.conftest import PASSWORD, Served, serve
from tests.service.test_questions_over_http import ROLES, students_of
from tests.simulated import simulate

# The routes that answer about students; the portal's as well.
API = [*(f"/api/{name}/" for name in QUESTIONS), "/api/interventions/", "/api/calibrate/", "/api/health", "/api/nowhere/"]  # fmt: skip
PORTAL = [
    "/",
    "/week",
    "/class",
    "/student",
    "/head",
    "/scorecard",
    "/advisors",
    "/password",
    "/reply/x",
]
VERBS = st.sampled_from(["GET"] * 6 + ["POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
MORE = 10_000


def every_student(workspace: Workspace) -> frozenset[str]:
    with workspace.open_college() as college:
        return frozenset(college.students["student_id"])


def values(served: Served) -> st.SearchStrategy[str]:
    students = sorted(every_student(served.workspace))
    with served.workspace.open_college() as college:
        advisors = sorted(set(college.advisors["advisor_id"]))
        classes = sorted(set(college.classes["class_id"]))
    return st.one_of(
        st.sampled_from(students), st.sampled_from(advisors), st.sampled_from(classes),
        st.integers(-5, 10**20).map(str), st.text(max_size=12), st.sampled_from(["", "*", "%", "' OR 1=1 --", "null", "\0", "../.."]),
    )  # fmt: skip


def tampered(token: str) -> st.SearchStrategy[str]:
    """Mostly the token itself; else one that was cut, changed or is somebody's idea of one."""
    cut = st.integers(1, len(token) - 1)
    changed = cut.map(lambda n: token[:n] + ("A" if token[n] != "A" else "B") + token[n + 1 :])
    shorter = cut.map(lambda n: token[:n])
    return st.one_of(*[st.just(token)] * 6, changed, shorter, st.just("x.y.z"), st.just("-"))


def try_requests(served: Served, advisors: dict[str, str], count: int) -> dict[int, int]:
    """Send random requests of advisors, by username; return how many had each status."""
    own = {who: students_of(served, advisor) for who, advisor in advisors.items()}
    everyone, seen = every_student(served.workspace), dict[int, int]()
    tokens = {who: served.get_tokens(who)["access"] for who in own}
    some = values(served)
    filters = st.dictionaries(
        st.sampled_from(["semester", "week", "class_id", "advisor", "student", "page", "id", "kind", "back", "x"]), some, max_size=4
    )  # fmt: skip
    clients = {who: served.sign_in(who) for who in own}
    stranger = httpx.Client(base_url=served.url, timeout=60)

    @settings(
        max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.data())
    def send(data: st.DataObject) -> None:
        who = data.draw(st.sampled_from(sorted(own)))
        if data.draw(st.booleans()):
            route = data.draw(st.sampled_from(API))
            token = data.draw(tampered(tokens[who]))
            more: dict[str, Any] = {"headers": {"Authorization": f"Bearer {token}"}}
            client = stranger
        else:
            route, more, client = data.draw(st.sampled_from(PORTAL)), {}, clients[who]
        query = data.draw(filters)
        asked = "&".join(
            f"{quote(key)}={quote(value.encode('utf-8', 'replace'), safe='')}"
            for key, value in query.items()
        )
        verb = data.draw(VERBS)
        # Nothing is entered here: a service to read from stays as it is.
        if verb == "POST":
            more["content"] = data.draw(st.binary(max_size=40))
        response = client.request(verb, f"{route}?{asked}", **more)
        seen[response.status_code] = seen.get(response.status_code, 0) + 1
        assert response.status_code < 500, (verb, route, asked, response.text)
        foreign = everyone - own[who]
        # What was typed may be told back in an address, never an answer about it.
        if response.status_code == 200 and route != "/":
            assert not {
                one
                for one in foreign
                if f'"{one}"' in response.text
                or f">{one}<" in response.text
                or f'id={one}"' in response.text
            }

    send()
    return seen


@pytest.mark.slow
def test_random_requests_give_no_row_of_another(service: Served) -> None:
    # So many that chance alone does not miss what is asked of each kind of answer.
    seen = try_requests(service, {who: ROLES[who].person for who in ("priya", "arun")}, 1000)
    assert seen[200] > 60 and seen[401] > 20 and seen.get(404, 0) + seen[422] > 50


@pytest.mark.prove
def test_ten_thousand_random_requests_of_ten_advisors_give_no_row_of_another(
    tmp_path: Path,
) -> None:
    workspace = workspace_at(tmp_path)
    simulate(workspace, 600, 3, week=10)
    pipeline.run(workspace, progress.skip_line, week=10)
    advisors = {f"user-{advisor}": advisor for advisor, _, _ in pages.list_advisors(workspace)}
    assert len(advisors) == 10
    for username, advisor in advisors.items():
        accounts.add_account(
            workspace.store, workspace.params, username, "advisor", advisor, PASSWORD
        )
    with serve(workspace) as served:
        seen = try_requests(served, advisors, MORE)
    assert sum(seen.values()) >= MORE and seen[200] > 1000


@pytest.mark.slow
def test_schemathesis_finds_nothing(own_service: Served) -> None:
    """Every request that the description allows, and many that it does not, are answered as it says."""
    schema = schemathesis.openapi.from_url(f"{own_service.url}/api/openapi.json")
    token = own_service.get_tokens("ops")["access"]
    # Each would start a process, or make a name wait.
    kept = schema.exclude(path="/api/calibrate/", method="POST").exclude(path_regex="/api/token/.*")
    tried = 0
    for operation in kept.get_all_operations():
        check = call_each(operation.ok(), token)
        check()
        tried += 1
    assert tried == len(QUESTIONS) + 4


def call_each(operation: Any, token: str) -> Callable[[], None]:
    @settings(
        max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy())
    def check(case: Any) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {token}"})

    return check


@pytest.mark.slow
def test_wrong_passwords_that_come_at_once_are_counted_one_by_one(own_service: Served) -> None:
    url, wrong = f"{own_service.url}/api/token/", {"username": "arun", "password": "wrong"}
    with ThreadPoolExecutor(12) as pool:
        tries = pool.map(lambda _: httpx.post(url, json=wrong, timeout=60).status_code, range(12))
        assert sorted(tries) == [401] * 5 + [429] * 7


@pytest.mark.slow
def test_many_wrong_passwords_make_only_that_name_wait(own_service: Served) -> None:
    url = f"{own_service.url}/api/token/"
    codes = [
        httpx.post(url, json={"username": "arun", "password": "wrong"}).status_code
        for _ in range(7)
    ]
    assert codes == [401] * 5 + [429] * 2
    waiting = httpx.post(url, json={"username": "arun", "password": PASSWORD})
    assert waiting.status_code == 429 and 1 <= int(waiting.headers["retry-after"]) <= 30
    assert own_service.ask("priya", "/api/flagged/").status_code == 200
