"""The portal without a browser: who may open what, which forms are taken, and what is logged once."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest

from edumetrics.interventions.entries import KINDS
from edumetrics.mail.tokens import SELF, ReplyTarget, sign_token
from edumetrics.service import pages
from edumetrics.workspace import Workspace
from tests.service.conftest import ADVISOR, COLLEAGUE, SECRET, Served
from tests.service.test_questions_over_http import students_of

TERM, WEEK = "2026-01-05", 10
ROUTES = ("/week", "/class", "/student", "/head", "/scorecard", "/advisors", "/password")


def csrf_of(text: str) -> str:
    return re.findall(r'name="csrf" value="([0-9a-f]+)"', text)[0]


def listed(workspace: Workspace, advisor: str) -> list[str]:
    report = pages.read_report(workspace, advisor).report
    assert report is not None
    return [entry.student_id for entry in report.entries if entry.number]


@pytest.mark.parametrize("route", ROUTES)
def test_who_is_not_signed_in_is_asked_to_and_comes_back(service: Served, route: str) -> None:
    response = httpx.get(f"{service.url}{route}?id=S1")
    assert response.status_code == 303
    assert response.headers["location"] == f"/sign-in?back=%2F{route[1:]}%3Fid%3DS1"


@pytest.mark.parametrize(
    "back", ["//evil.example", "/\\evil.example", "https://evil.example", "evil"]
)
def test_nobody_is_sent_to_another_site(service: Served, back: str) -> None:
    given = {"username": "priya", "password": "a password of some length", "back": back}
    response = httpx.post(f"{service.url}/sign-in", data=given)
    assert (response.status_code, response.headers["location"]) == (303, "/")


@pytest.mark.parametrize(
    ("who", "may"),
    [("priya", {"/week", "/class", "/scorecard"}), ("head", {"/head", "/scorecard"}), ("ana", {"/head", "/scorecard", "/advisors"}), ("ops", {"/head", "/scorecard", "/advisors"})],
)  # fmt: skip
def test_each_role_opens_its_own_pages(service: Served, who: str, may: set[str]) -> None:
    client = service.sign_in(who)
    for route in ("/week", "/class", "/head", "/scorecard", "/advisors"):
        assert client.get(route).status_code == (200 if route in may else 403), route
    own = students_of(service, ADVISOR)
    student = client.get("/student", params={"id": sorted(own)[0]})
    assert student.status_code == (403 if who == "head" else 200)


def test_an_advisor_opens_no_page_of_a_colleague(service: Served) -> None:
    client = service.sign_in("priya")
    assert client.get("/week", params={"advisor": COLLEAGUE}).status_code == 403
    other = client.get("/student", params={"id": sorted(students_of(service, COLLEAGUE))[0]})
    nobody = client.get("/student", params={"id": "S-nobody"})
    assert other.status_code == nobody.status_code == 404
    assert "There is no such student among yours" in other.text


def test_analysts_open_every_advisors_week_and_log_nothing(service: Served) -> None:
    client = service.sign_in("ana")
    text = client.get("/week", params={"advisor": ADVISOR}).text
    assert 'action="/answers"' not in text and "Start here" in text
    student = client.get("/student", params={"id": listed(service.workspace, ADVISOR)[0]})
    assert 'name="notes"' not in student.text
    form = {"csrf": csrf_of(student.text), "student": "S1", "week": "10", "kind": "talked"}
    assert client.post("/answers", data=form).status_code == 403


def test_the_page_is_the_report_that_was_mailed(service: Served) -> None:
    folder = next(service.workspace.settings.reports.glob("*/week-10/advisors"))
    mailed = (folder / f"{ADVISOR}.html").read_text()
    shown = service.sign_in("priya").get("/week").text
    for heading in re.findall(r"<h[123]>.*?</h[123]>", mailed):
        assert heading in shown
    facts = re.findall(r"<li>([^<]+)</li>", mailed)
    assert len(facts) > 20 and all(fact in shown for fact in facts)


def test_a_week_that_was_not_checked_or_is_held_is_not_shown(own_college: Workspace) -> None:
    store = own_college.store
    assert pages.read_report(own_college, ADVISOR).report is not None
    with store.start_transaction() as connection:
        connection.exec_driver_sql(
            "UPDATE run_log SET status = 'refused' WHERE stage = 'gate' AND seq = (SELECT max(seq) FROM run_log WHERE stage = 'gate')"
        )
        connection.exec_driver_sql(
            'INSERT INTO data_health (run_id, "check", class_id, status, count, examples, message, computed_at)'
            " SELECT run_id, 'registers.missing', 'all', 'block', 1, '[]', 'No register has come in.', started_at FROM run_log"
            " WHERE stage = 'gate' AND status = 'refused'"
        )
    held = pages.read_report(own_college, ADVISOR)
    assert held.report is None and "No register has come in." in held.why
    with store.start_transaction() as connection:
        connection.exec_driver_sql("DELETE FROM run_log WHERE stage = 'gate'")
    unchecked = pages.read_report(own_college, ADVISOR)
    assert unchecked.report is None and "has not been checked yet" in unchecked.why


@pytest.mark.slow
def test_an_answer_is_on_the_card_on_the_page_of_the_student_and_at_the_head(
    own_service: Served,
) -> None:
    client, workspace = own_service.sign_in("priya"), own_service.workspace
    week = client.get("/week").text
    student = listed(workspace, ADVISOR)[0]
    form = {
        "csrf": csrf_of(week),
        "student": student,
        "week": "10",
        "kind": "talked",
        "number": "1",
    }
    quiet = own_service.sign_in("dean").get("/head").text
    shown = client.post("/answers", data=form).text
    assert "Logged: Talked," in shown
    assert "Talked," in client.get("/student", params={"id": student}).text
    counted = own_service.sign_in("dean").get("/head").text
    assert "Students contacted since the list of week 10" in counted and counted != quiet
    # Said again it is nothing new; said otherwise it corrects.
    for kind, said in (
        ("talked", "Logged before: Talked."),
        ("no answer", "Logged: No answer, instead of Talked."),
    ):
        answer = client.post(
            "/answers", data={**form, "kind": kind}, headers={"Accept": "application/json"}
        )
        assert answer.json()["said"].startswith(said)
    log = workspace.store.read(
        "intervention_log", student_id=student, sem_week=10, logged_by=ADVISOR
    )
    assert log["kind"].tolist() == ["no answer"]


@pytest.mark.slow
def test_a_form_sent_twice_is_one_entry_and_notes_reach_no_page(own_service: Served) -> None:
    client, workspace = own_service.sign_in("priya"), own_service.workspace
    student = sorted(students_of(own_service, ADVISOR))[3]
    text = client.get("/student", params={"id": student}).text
    key = re.findall(r'name="key" value="([0-9a-f]+)"', text)[0]
    before = len(workspace.store.read("intervention_log"))
    form = {"csrf": csrf_of(text), "id": student, "kind": "called", "key": key, "outcome": "Comes on Friday", "notes": "confided <b>something</b>",
            "helpful": "yes", "until": (workspace.today + timedelta(days=9)).isoformat()}  # fmt: skip
    first, second = client.post("/student", data=form), client.post("/student", data=form)
    assert first.status_code == second.status_code == 200
    assert "Comes on Friday" in first.text and "It helped" in first.text
    assert "confided" not in first.text + client.get("/week").text
    log = workspace.store.read("intervention_log").sort_values("id")
    assert len(log) == before + 1
    row = log.iloc[-1]
    assert (row["kind"], row["notes"], row["logged_by"], row["helpful"]) == (
        "called",
        form["notes"],
        ADVISOR,
        True,
    )


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [({"kind": "hugged"}, 400, "There is no such kind"), ({"until": "soon"}, 400, "The day is not valid"), ({"until": "2001-01-01"}, 400, "in the past"),
     ({"id": "S-nobody"}, 404, "no such student"), ({"csrf": ""}, 403, "Your role does not allow"), ({"csrf": "é"}, 403, "not allow"), ({"notes": "x" * 5000}, 422, "notes")],
)  # fmt: skip
def test_a_wrong_form_is_refused_and_nothing_is_logged(
    service: Served, change: dict[str, str], status: int, said: str
) -> None:
    client = service.sign_in("priya")
    student = sorted(students_of(service, ADVISOR))[3]
    text = client.get("/student", params={"id": student}).text
    before = len(service.workspace.store.read("intervention_log"))
    form = {"csrf": csrf_of(text), "id": student, "kind": "called", "key": "k", **change}
    response = client.post("/student", data=form)
    assert response.status_code == status and said in response.text
    assert len(service.workspace.store.read("intervention_log")) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}],
)  # fmt: skip
@pytest.mark.parametrize("route", ["/sign-in", "/sign-out", "/answers", "/student", "/password"])
def test_a_form_of_another_site_is_refused(
    service: Served, route: str, headers: dict[str, str]
) -> None:
    client = service.sign_in("priya")
    token = csrf_of(client.get("/week").text)
    form = {"csrf": token, "username": "priya", "password": "a password of some length", "id": "S1", "student": "S1", "week": "1", "kind": "talked", "key": "k", "old": "x", "new": "y"}  # fmt: skip
    assert client.post(route, data=form, headers=headers).status_code == 403
    assert client.get("/week").url.path == "/week"  # still signed in


def test_a_token_of_one_sign_in_is_none_of_another(service: Served) -> None:
    mine, other = service.sign_in("priya"), service.sign_in("priya")
    form = {"csrf": csrf_of(other.get("/week").text)}
    assert mine.post("/sign-out", data=form).status_code == 403


def test_signing_out_ends_a_copy_of_the_cookie_too(service: Served) -> None:
    client = service.sign_in("priya")
    copy = httpx.Client(base_url=service.url, cookies=dict(client.cookies))
    assert copy.get("/week").status_code == 200
    client.post("/sign-out", data={"csrf": csrf_of(client.get("/week").text)})
    assert copy.get("/week").status_code == 303


def test_a_page_whose_values_were_changed_is_not_shown(own_service: Served) -> None:
    client, reports = own_service.sign_in("priya"), own_service.workspace.settings.reports
    (view,) = reports.glob(f"*/week-{WEEK:02}/advisors/{ADVISOR}.json")
    view.write_text(view.read_text().replace("Urgent", "Fine"))
    assert own_service.sign_in("arun").get("/week").status_code == 200, "another's page"
    changed = client.get("/week")
    assert changed.status_code == 503 and "was changed after it was written" in changed.text


@pytest.mark.slow
def test_a_changed_password_ends_every_sign_in(own_service: Served) -> None:
    client, elsewhere = own_service.sign_in("priya"), own_service.sign_in("priya")
    form = {"csrf": csrf_of(client.get("/password").text), "old": "a password of some length"}
    short = client.post("/password", data={**form, "new": "short"})
    assert short.status_code == 400 and "15 to 200 characters" in short.text
    wrong = client.post("/password", data={**form, "old": "x", "new": "a new and longer password"})
    assert wrong.status_code == 400 and "is wrong" in wrong.text
    changed = client.post("/password", data={**form, "new": "a new and longer password"})
    assert "The password is changed" in changed.text
    assert elsewhere.get("/week").url.path == "/sign-in"


@pytest.mark.parametrize(
    "route",
    ["/sign-in", "/week", "/api/health", "/api/flagged/", "/nowhere", "/reply/x", "/api/nowhere"],
)
def test_every_answer_has_the_headers_that_protect_it(service: Served, route: str) -> None:
    headers = service.sign_in("priya").get(route).headers
    policy = headers["content-security-policy"]
    assert (
        "default-src 'none'" in policy
        and "unsafe" not in policy
        and "frame-ancestors 'none'" in policy
    )
    assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin" and "server" not in headers
    # Who asks the API keeps an answer with its tag, and asks again.
    assert headers["cache-control"] in ("no-store", "private, no-cache")


def test_the_cookie_is_hidden_from_scripts_and_other_sites(service: Served) -> None:
    given = {"username": "priya", "password": "a password of some length"}
    cookie = httpx.post(f"{service.url}/sign-in", data=given).headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie


def test_a_large_body_is_refused_unread(service: Served) -> None:
    response = httpx.post(f"{service.url}/sign-in", content=b"x" * 100_000)
    assert (response.status_code, response.json()["detail"]) == (413, "The request is too large.")


# ------------------------------------------------------------ one tap from the mail


def code_of(
    workspace: Workspace, student: str, advisor: str = ADVISOR, days: int = 5, week: int = WEEK
) -> str:
    about = ReplyTarget(advisor, student, TERM, week)
    return sign_token(SECRET, about, workspace.today + timedelta(days=days))


def answers(served: Served, student: str) -> list[str]:
    log = served.workspace.store.read(
        "intervention_log", student_id=student, sem_week=WEEK, logged_by=ADVISOR
    )
    return list(log["kind"])


@pytest.mark.slow
def test_opening_a_link_logs_nothing_and_its_button_logs_once(own_service: Served) -> None:
    student = listed(own_service.workspace, ADVISOR)[1]
    url = f"{own_service.url}/reply/{code_of(own_service.workspace, student)}"
    for method in ("GET", "HEAD", "GET", "OPTIONS"):
        httpx.request(method, url, params={"kind": "talked"})
    assert answers(own_service, student) == []
    log = own_service.workspace.store.read("access_log", student_id=student, what="reply")
    assert set(log["username"]) == {ADVISOR}, "whoever opens it has read the name"
    opened = httpx.get(url, params={"kind": "talked"}).text
    assert (
        "Nothing is logged until you press" in opened
        and "Log: Talked" in opened
        and "Log: No answer" not in opened
    )
    assert "Logged: Talked." in httpx.post(url, data={"kind": "talked"}).text
    assert "Logged before: Talked." in httpx.post(url, data={"kind": "talked"}).text
    assert answers(own_service, student) == ["talked"]
    assert "instead of Talked" in httpx.post(url, data={"kind": "wrong flag"}).text
    assert answers(own_service, student) == ["wrong flag"]


def test_eight_taps_at_once_are_one_answer(own_service: Served) -> None:
    from concurrent.futures import ThreadPoolExecutor

    student = listed(own_service.workspace, ADVISOR)[1]
    url = f"{own_service.url}/reply/{code_of(own_service.workspace, student)}"
    with ThreadPoolExecutor(8) as pool:
        said = list(
            pool.map(lambda _: httpx.post(url, data={"kind": "talked"}, timeout=60).text, range(8))
        )
    assert sum("Logged: Talked." in text for text in said) == 1
    assert sum("Logged before: Talked." in text for text in said) == 7
    assert answers(own_service, student) == ["talked"]


@pytest.mark.parametrize(
    ("change", "said"),
    [({"days": -1}, "The code expired on"), ({"advisor": COLLEAGUE}, "was not made here"), ({"week": 9, "days": 400}, "was not made here")],
)  # fmt: skip
def test_a_code_that_does_not_hold_is_refused_in_one_sentence(
    service: Served, change: dict[str, Any], said: str
) -> None:
    student = listed(service.workspace, ADVISOR)[1]
    code = code_of(service.workspace, student, **change)
    for response in (
        httpx.get(f"{service.url}/reply/{code}"),
        httpx.post(f"{service.url}/reply/{code}", data={"kind": "talked"}),
    ):
        assert response.status_code == 400 and said in response.text
    assert answers(service, student) == []


@pytest.mark.parametrize(
    "code",
    [
        "x",
        "7-2N4-Q4KD-T8RM-B2HV-M6WX",
        "10-000-0000-0000-0000-0000",
        "%00",
        "😀",
        "10-ZZZ-0000-0000-0000-0000",
    ],
)
def test_junk_is_no_code(service: Served, code: str) -> None:
    response = httpx.get(f"{service.url}/reply/{code}")
    assert response.status_code in (400, 422) and "Traceback" not in response.text


def test_a_reply_by_mail_and_a_tap_are_one_answer(own_service: Served) -> None:
    import mailbox

    from edumetrics.interventions import import_mail

    workspace = own_service.workspace
    student = listed(workspace, ADVISOR)[1]
    code = code_of(workspace, student)
    box = mailbox.Maildir(workspace.settings.home / "replies")
    box.add(f"Subject: Talked [{code}]\n\n")
    httpx.post(f"{own_service.url}/reply/{code}", data={"kind": "talked"})
    assert len(import_mail(workspace.settings.home / "replies", workspace).before) == 1
    assert answers(own_service, student) == ["talked"]


def test_kinds_have_words(service: Served) -> None:
    assert {pages.name_kind(service.workspace, kind) for kind in KINDS} == {
        "Talked",
        "Emailed",
        "Called",
        "Referred",
        "No answer",
        "Known reason",
        "Wrong flag",
    }


def test_a_student_says_by_a_link_what_is_wrong_and_only_once(own_service: Served) -> None:
    student, store = listed(own_service.workspace, ADVISOR)[1], own_service.workspace.store
    url = f"{own_service.url}/own/{code_of(own_service.workspace, student, advisor=SELF)}"
    shown = httpx.get(url, params={"said": "there is a reason"})
    assert (shown.status_code, "There is a reason" in shown.text) == (200, True)
    assert student not in shown.text
    assert store.read("intervention_log", student_id=student, kind="student_says").empty
    told = {"said": "there is a reason", "notes": "I had the flu."}
    assert "Thank you" in httpx.post(url, data=told).text
    assert "You have said so before" in httpx.post(url, data=told).text
    (row,) = store.read("intervention_log", student_id=student, kind="student_says").to_dict(
        "records"
    )
    assert (row["outcome"], row["notes"], row["logged_by"]) == (
        "there is a reason",
        "I had the flu.",
        SELF,
    )
    for wrong in ({"said": "talked"}, {"said": "nothing"}):
        assert httpx.post(url, data=wrong).status_code == 400
    reply = f"{own_service.url}/reply/{code_of(own_service.workspace, student, advisor=SELF)}"
    assert httpx.post(reply, data={"kind": "talked"}).status_code == 400
