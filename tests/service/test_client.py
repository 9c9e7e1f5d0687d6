"""The client in the notebook: frames as `queries` gives them, tokens renewed, contacts logged once."""

from __future__ import annotations

from typing import get_args

import httpx
import papermill
import pytest

from edumetrics.analyst import queries
from edumetrics.errors import EduMetricsError, SettingsError
from edumetrics.service.client import Client, QuestionName
from edumetrics.service.questions import QUESTIONS
from edumetrics.settings import PROJECT
from tests.service.conftest import ADVISOR, HEADED, PASSWORD, Served
from tests.service.test_portal import listed


def test_the_client_knows_every_question() -> None:
    assert list(get_args(QuestionName)) == list(QUESTIONS)


def test_answers_are_frames_of_all_pages(service: Served) -> None:
    with Client(service.url, "ana", PASSWORD) as client:
        answer = client.ask("student-performance")
        expected = queries.student_performance(store=service.workspace.store)
        assert (
            answer["student_id"].tolist() == expected["student_id"].tolist() and len(answer) > 200
        )
        assert client.ask("flagged", class_id="nowhere").empty


def test_an_old_token_is_renewed_and_a_wrong_password_is_a_sentence(service: Served) -> None:
    with Client(service.url, "priya", PASSWORD) as client:
        client._tokens = {**client._tokens, "access": "old"}
        assert not client.ask("flagged").empty
    with pytest.raises(SettingsError, match="The username or the password is wrong"):
        Client(service.url, "priya", "wrong")
    with pytest.raises(SettingsError, match="There is no such student among yours"):
        Client(service.url, "priya", PASSWORD).ask("flagged", student="S-nobody")
    with pytest.raises(EduMetricsError, match="cannot be reached"):
        Client("http://127.0.0.1:9", "priya", PASSWORD)


def test_a_contact_is_logged_once_though_the_connection_breaks(own_service: Served) -> None:
    student = listed(own_service.workspace, ADVISOR)[0]
    before = len(own_service.workspace.store.read("intervention_log"))
    with Client(own_service.url, "priya", PASSWORD) as client:
        send, broken = client._http.request, []

        def break_once(method: str, path: str, **more: object) -> httpx.Response:
            response = send(method, path, **more)  # type: ignore[arg-type]
            if method == "POST" and not broken:
                broken.append(response.status_code)
                raise httpx.ReadError("the connection broke after the service had answered")
            return response

        client._http.request = break_once  # type: ignore[method-assign]
        entry = client.log_contact(
            student,
            "talked",
            outcome="Will catch up",
            until=own_service.workspace.today.isoformat(),
        )
    assert broken == [201] and entry["logged_by"] == ADVISOR
    assert len(own_service.workspace.store.read("intervention_log")) == before + 1


def test_without_a_password_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDUMETRICS_PASSWORD", raising=False)
    with pytest.raises(SettingsError, match="There is no password for priya"):
        Client("http://127.0.0.1:1", "priya")


@pytest.mark.process
def test_the_notebook_runs(
    service: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("EDUMETRICS_PASSWORD", PASSWORD)
    told = {"url": service.url, "username": "priya", "class_id": HEADED}
    done = papermill.execute_notebook(
        PROJECT / "notebooks" / "service.ipynb", f"{tmp_path}/done.ipynb", told, progress_bar=False
    )
    shown = [cell for cell in done.cells if cell.cell_type == "code" and cell.outputs]
    assert len(shown) >= 3 and PASSWORD not in str(done)
