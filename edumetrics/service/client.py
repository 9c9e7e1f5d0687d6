"""A client of the service, for whoever has no access to its database: the questions as frames."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Literal, TypedDict, Unpack

import httpx
import pandas as pd

from edumetrics.errors import EduMetricsError, SettingsError

QuestionName = Literal[
    "flagged", "class-performance", "student-performance", "pre-midterm", "pre-endterm",
    "risk-of-failing", "watchlist",
]  # fmt: skip
SECONDS = 60.0
# The environment variable of the password: what is written into a notebook stays in it.
PASSWORD = "EDUMETRICS_PASSWORD"


class QuestionFilters(TypedDict, total=False):
    """Which rows a question is about; all are optional, and left out is any."""

    semester: int
    week: int
    class_id: str
    advisor: str
    student: str


class ContactToLog(TypedDict, total=False):
    """What may be said of a contact; see `interventions.log`. `until` is an ISO date."""

    notes: str
    outcome: str
    helpful: bool
    until: str
    referral: str
    week: int


class Client:
    """A sign-in to a service; as a context manager it closes its connections at the end."""

    def __init__(self, url: str, username: str, password: str = "") -> None:
        """Sign in.

        Args:
            url: where the service is.
            username: the account.
            password: its password; that of the environment where it is left out.

        Raises:
            SettingsError: there is no password, or the service does not take it or the name.
            EduMetricsError: the service cannot be reached.
        """
        password = password or os.environ.get(PASSWORD, "")
        if not password:
            raise SettingsError(
                f"There is no password for {username}: start this notebook or program with "
                f"{PASSWORD} in its environment."
            )
        self._http = httpx.Client(base_url=url.rstrip("/"), timeout=SECONDS)
        given = {"username": username, "password": password}
        self._tokens: Mapping[str, str] = self._send("POST", "/api/token/", json=given).json()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def ask(self, question: QuestionName, **filters: Unpack[QuestionFilters]) -> pd.DataFrame:
        """Return the answer to a question, all its pages; no rows where nothing matches.

        Raises:
            SettingsError: there is no such week or student for this account, or no such filter.
            EduMetricsError: the service cannot be reached.
        """
        rows: list[dict[str, Any]] = []
        page, pages = 1, 1
        while page <= pages:
            path, asked = f"/api/{question}/", {**filters, "page": page}
            answer = self._send_signed("GET", path, params=asked).json()
            rows += answer["results"]
            page, pages = page + 1, answer["pages"]
        return pd.DataFrame(rows)

    def log_contact(
        self, student: str, kind: str, **contact: Unpack[ContactToLog]
    ) -> dict[str, Any]:
        """Log a contact with a student, and return the entry.

        Raises:
            SettingsError: the entry is not valid, or the student is not among the account's.
            EduMetricsError: the service cannot be reached.
        """
        # Sent again after a lost connection, it stays one entry.
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        body = {"student": student, "kind": kind, **contact}
        made = self._send_signed("POST", "/api/interventions/", json=body, headers=headers)
        return dict(made.json())

    def _send_signed(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        """Send a request with the access token; an old one is renewed once."""
        for renewed in (False, True):
            signed = {**(headers or {}), "Authorization": f"Bearer {self._tokens['access']}"}
            response = self._request(method, path, headers=signed, **more)
            if response.status_code != 401 or renewed:
                break
            given = {"refresh": self._tokens["refresh"]}
            self._tokens = self._send("POST", "/api/token/refresh/", json=given).json()
        return _check(response)

    def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        return _check(self._request(method, path, **more))

    def _request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request, and once more where the connection breaks: nothing is entered twice."""
        for last in (False, True):
            try:
                return self._http.request(method, path, **more)
            except httpx.TransportError as error:
                if last:
                    raise EduMetricsError("The service cannot be reached: try again.") from error
        raise AssertionError("the second time ends the loop")


def _check(response: httpx.Response) -> httpx.Response:
    """Return an answer that is one; else raise the sentence of the service."""
    if response.is_success:
        return response
    said = str(response.json().get("detail", "The service refused the request."))
    raise (EduMetricsError if response.status_code >= 500 else SettingsError)(said)
