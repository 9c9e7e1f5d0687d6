"""The routes of the API: JSON, with bearer tokens (RFC 6750)."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model

from edumetrics import __version__
from edumetrics.analysis.store import get_utc_now
from edumetrics.analysis.week_state import CALIBRATE, find_last_run
from edumetrics.analyst import queries
from edumetrics.errors import Locked
from edumetrics.interventions.entries import KINDS
from edumetrics.service import access, contacts, sign_ins
from edumetrics.service.access import Forbidden
from edumetrics.service.accounts import ADVISOR, HEAD, OPERATOR, Account, check_password
from edumetrics.service.questions import PAGE, QUESTIONS, Answers, cut_page
from edumetrics.service.requests import (
    Here,
    LongText,
    Number,
    Text,
    get_workspace,
)
from edumetrics.settings import Settings

router = APIRouter(prefix="/api")
bearer = HTTPBearer(auto_error=False, description="The access token of POST /api/token/.")


# Stored without a zone, in UTC; told with it (RFC 3339).
Moment = Annotated[datetime, AfterValidator(lambda moment: moment.replace(tzinfo=UTC))]


class Body(BaseModel):
    """The body of a request: unknown names are refused, so that no typing error is lost."""

    model_config = ConfigDict(extra="forbid")


class Credentials(Body):
    """Who signs in."""

    username: Text
    password: Text


class RefreshToken(Body):
    """What renews an access token, once."""

    refresh: LongText


class Tokens(BaseModel):
    """An access token for 15 minutes, and the refresh token that gives the next one."""

    access: str
    refresh: str


class Said(BaseModel):
    """What is wrong, in one sentence."""

    detail: str


class FilterQuery(Body):
    """The filters of a question, and the page of the answer."""

    semester: Number | None = None
    week: Number | None = None
    class_id: Text | None = None
    advisor: Text | None = None
    student: Text | None = None
    page: Number = 1


class NewContact(Body):
    """A contact to log; the answers to what `edumetrics log` asks."""

    student: Text
    kind: Annotated[Text, Field(description=", ".join(KINDS), json_schema_extra={"enum": [*KINDS]})]
    notes: LongText = ""
    outcome: Text = ""
    helpful: bool | None = None
    until: date | None = None
    referral: Text = ""
    week: Number | None = None


class LoggedContact(BaseModel):
    """A logged contact."""

    student_id: str
    term: str
    sem_week: int
    kind: str
    outcome: str | None
    helpful: bool | None
    until: date | None
    referral: str | None
    logged_by: str | None


class LogRow(LoggedContact):
    """A logged contact as it is in the log; `notes` are the reader's own."""

    logged_at: Moment
    notes: str | None = None


class LoggedContacts(BaseModel):
    """A page of the log, the oldest entry first."""

    count: int
    page: int
    pages: int
    results: list[LogRow]


class Calibration(BaseModel):
    """How the newest calibration stands: started, done, failed or none."""

    status: str
    error: str | None = None


class Health(BaseModel):
    """Whether the service is alive, and how far the analysis is; no data."""

    status: str = "alive"
    version: str = __version__
    week: int | None
    last_run: Moment | None
    last_status: str | None


Refusals = dict[int | str, dict[str, Any]]
REFUSALS: Refusals = {
    code: {"model": Said, "description": said}
    for code, said in (
        (400, "The question cannot be answered."), (401, "Nobody is signed in."),
        (403, "The role does not allow it."), (404, "There is no such student among yours."),
        (422, "The request is not valid."), (503, "The analysis database cannot be reached."),
    )
}  # fmt: skip
NOT_SIGNED_IN: Refusals = {code: REFUSALS[code] for code in REFUSALS if code in (401, 422, 503)}
TOO_OFTEN: Refusals = {429: {"model": Said, "description": "Signing in failed too often."}}
ONLY_OPERATORS: Refusals = {403: REFUSALS[403], **NOT_SIGNED_IN}
BUSY: Refusals = {409: {"model": Said, "description": "Another run is at work."}}


def get_account(
    request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Account:
    """Return whose access token a request has.

    Raises:
        NotSignedIn: it has none that holds.
    """
    now = get_utc_now()
    if given is None:
        raise sign_ins.NotSignedIn
    claims = sign_ins.read_token(request.app.state.key, given.credentials, "access", now)
    return sign_ins.find_account(get_workspace(request).store, str(claims["sid"]), "api", now)


Who = Annotated[Account, Depends(get_account)]


@router.post("/token/", responses={**NOT_SIGNED_IN, **TOO_OFTEN})
def get_tokens(request: Request, workspace: Here, given: Credentials) -> Tokens:
    """Sign in: an access and a refresh token."""
    now = get_utc_now()
    account = check_password(workspace.store, given.username, given.password, now)
    made = sign_ins.start_sign_in(workspace.store, account, "api", now)
    return Tokens(**sign_ins.sign_tokens(request.app.state.key, made, now))


@router.post("/token/refresh/", responses=NOT_SIGNED_IN)
def refresh_tokens(request: Request, workspace: Here, given: RefreshToken) -> Tokens:
    """Renew both tokens; a refresh token that was used before ends all that came from it."""
    now, key = get_utc_now(), request.app.state.key
    claims = sign_ins.read_token(key, given.refresh, "refresh", now)
    store = workspace.store
    made = sign_ins.renew_sign_in(store, str(claims["sid"]), str(claims["jti"]), now)
    return Tokens(**sign_ins.sign_tokens(key, made, now))


def _has_tag(given: str, tag: str) -> bool:
    """Return whether `If-None-Match` names a tag, by the weak comparison of RFC 9110, 13.1.2."""
    known = {one.strip().removeprefix("W/") for one in given.split(",")}
    return bool(known & {tag, "*"})


def _add_question(name: str) -> None:
    """Add the route of a question."""
    question = QUESTIONS[name]

    def answer(
        request: Request,
        account: Who,
        asked: Annotated[FilterQuery, Query()],
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        answers: Answers = request.app.state.answers
        wanted = answers.ask(account, name, asked.model_dump(exclude_none=True))
        # Kept by whoever asks, and asked again with the tag: that costs one look at the ledger.
        headers = {"Cache-Control": "private, no-cache", "ETag": wanted.tag}
        if _has_tag(if_none_match or "", wanted.tag):
            return Response(status_code=304, headers=headers)
        content = answers.answer(wanted)
        return Response(content, media_type="application/json", headers=headers)

    row = question.row
    page = create_model(f"{row.__name__}Page", count=(int, ...), page=(int, ...),
                           pages=(int, ...), results=(list[row], ...))  # type: ignore[valid-type]  # fmt: skip
    router.add_api_route(
        f"/{name}/", answer, name=name, summary=question.about, operation_id=name,
        description=f"As `edumetrics show {name}`, {PAGE} rows a page.",
        responses={200: {"model": page}, 304: {"description": "Nothing has changed."},
                   **REFUSALS},
    )  # fmt: skip


for _name in QUESTIONS:
    _add_question(_name)


@router.get("/interventions/", responses=REFUSALS)
def list_contacts(
    workspace: Here, account: Who, page: Annotated[Number, Query()] = 1
) -> LoggedContacts:
    """List the log of the newest term: an advisor's own; for analysts all, without notes."""
    if account.role == HEAD:
        raise Forbidden
    own = account.role == ADVISOR
    limited = access.limit_store(workspace, account)
    rows = queries.log(notes=own, store=limited)
    if own:
        rows = rows[rows["logged_by"] == account.person]
    shown, pages = cut_page(rows, page)
    if len(shown):
        term = str(shown["term"].iloc[0])
        access.record_reads(workspace.store, account, shown["student_id"], term, "interventions")
    records = shown.astype("object").where(shown.notna(), None).to_dict("records")
    return LoggedContacts(count=len(rows), page=page, pages=pages,
                    results=[LogRow(**{str(k): v for k, v in one.items()})
                             for one in records])  # fmt: skip


@router.post(
    "/interventions/", status_code=201,
    responses={**REFUSALS, 200: {"model": LoggedContact, "description": "It was logged before."}},
)  # fmt: skip
def log_contact(
    workspace: Here,
    account: Who,
    given: NewContact,
    response: Response,
    idempotency_key: Annotated[Text | None, Header()] = None,
) -> LoggedContact:
    """Log a contact with one of your own students.

    Sent again with the same `Idempotency-Key`, it is logged once.
    """
    said = given.model_dump(exclude={"student", "kind"})
    entry, entered = contacts.log_contact(
        workspace, account, given.student, given.kind, idempotency_key, **said
    )
    response.status_code = 201 if entered else 200
    return LoggedContact.model_validate(entry, from_attributes=True)


@router.post("/calibrate/", status_code=202, responses={**ONLY_OPERATORS, **BUSY})
def start_calibration(
    request: Request, workspace: Here, account: Who, response: Response
) -> Calibration:
    """Recompute all semesters in the background; GET on this address says how it stands."""
    if account.role != OPERATOR:
        raise Forbidden
    # Held only for a moment: whoever holds it is at work.
    with workspace.store.require_lock():
        # A calibration that was started here a moment ago has not come to take the lock yet.
        if _is_calibrating(request):
            raise Locked("A calibration was started a moment ago: ask how it stands.")
        request.app.state.calibration = _start_calibrating(workspace.settings)
    response.headers["Location"] = "/api/calibrate/"
    return Calibration(status="started")


def _is_calibrating(request: Request) -> bool:
    """Return whether a calibration that was started here is at work, or about to begin."""
    started: subprocess.Popen[bytes] | None = request.app.state.calibration
    return started is not None and started.poll() is None


def _start_calibrating(chosen: Settings) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "edumetrics", "calibrate"],
        env={**os.environ, **chosen.environ},
        cwd=chosen.home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


@router.get("/calibrate/", responses=ONLY_OPERATORS)
def show_calibration(request: Request, workspace: Here, account: Who) -> Calibration:
    """Tell how the newest calibration stands."""
    if account.role != OPERATOR:
        raise Forbidden
    if _is_calibrating(request):
        return Calibration(status="started")
    run = find_last_run(workspace.store, CALIBRATE)
    if run is None:
        return Calibration(status="none")
    return Calibration(status=str(run["status"]), error=run["error"])


@router.get("/health", responses={503: REFUSALS[503]})
def show_health(workspace: Here) -> Health:
    """Tell whether the service is alive, and how far the analysis is."""
    at, store = workspace.store.read_college_week(), workspace.store
    newest = store.read_newest("run_log", "seq", 1)
    run = None if newest.empty else newest.iloc[0]
    week = None if at is None else at.compute_week(workspace.params.calendar)
    return Health(week=week, last_run=None if run is None else run["started_at"].to_pydatetime(),
                  last_status=None if run is None else str(run["status"]))  # fmt: skip
