"""The application: routes, errors as sentences, and the headers of every answer."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from edumetrics import __version__
from edumetrics.analysis.written import ChangedFile
from edumetrics.boundaries import keep_trace
from edumetrics.errors import EduMetricsError, Locked, SettingsError
from edumetrics.service import api, browser, links, portal, sign_ins
from edumetrics.service.access import Forbidden, UnknownStudent
from edumetrics.service.accounts import TooManyFailures, WrongPassword
from edumetrics.service.questions import Answers, NotThere
from edumetrics.service.requests import stamp_exclusions
from edumetrics.workspace import Workspace

Call = Callable[[Request], Awaitable[Response]]
# Larger bodies than any form of ours, and far smaller than what would hurt.
MOST_BYTES = 64 * 1024
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Codes of cards and ids are part of addresses: no other site is told of them.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # What is about people stays in no cache; an entity tag saves the answer, not the question.
    "Cache-Control": "no-store",
}
# The first kind that fits an error says its status.
STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (ChangedFile, 503), (TooManyFailures, 429), (WrongPassword, 401), (sign_ins.NotSignedIn, 401),
    (Forbidden, 403), (UnknownStudent, 404), (NotThere, 404), (Locked, 409), (SettingsError, 400),
    (EduMetricsError, 503),
)  # fmt: skip


def create_app(workspace: Workspace) -> FastAPI:
    """Return the application on a workspace.

    Raises:
        SettingsError: the home cannot hold the key that signs tokens.
    """
    # FastAPI's own page of documentation loads scripts from elsewhere.
    app = FastAPI(title="EduMetrics", version=__version__, openapi_url="/api/openapi.json",
                  docs_url=None, redoc_url=None)  # fmt: skip
    app.state.workspace = workspace
    app.state.answers = Answers(workspace)
    app.state.stamp = stamp_exclusions(workspace)
    app.state.calibration = None
    app.state.key = sign_ins.load_key(workspace.settings.data)
    app.include_router(api.router)
    app.include_router(portal.router, include_in_schema=False)
    app.include_router(links.router, include_in_schema=False)
    app.middleware("http")(_protect)
    for kind, _ in STATUSES:
        app.add_exception_handler(kind, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse_request)
    app.add_exception_handler(HTTPException, _refuse)
    app.add_exception_handler(Exception, _keep_defect)
    return app


def configure_server(app: FastAPI, host: str, port: int) -> uvicorn.Config:
    """Return how the application is served.

    The server trusts no header of a proxy by itself, tells nobody what it is, keeps no log of who
    asked what beside the one in the database, and finishes what it has begun when it is ended.
    """
    return uvicorn.Config(app, host=host, port=port, proxy_headers=False, server_header=False,
                          access_log=False, log_level="warning",
                          timeout_graceful_shutdown=20)  # fmt: skip


async def _protect(request: Request, call: Call) -> Response:
    """Refuse large bodies, and add the headers that every answer has."""
    request.state.nonce = secrets.token_urlsafe(16)
    length = request.headers.get("content-length", "0")
    chunked = "transfer-encoding" in request.headers
    # Nothing that reads a body here needs to be told its length only later.
    if chunked or not (length.isascii() and length.isdigit()) or int(length) > MOST_BYTES:
        response: Response = JSONResponse({"detail": "The request is too large."}, 413)
    else:
        response = await call(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    policy = browser.write_policy(request.state.nonce)
    response.headers["Content-Security-Policy"] = policy
    return response


def _is_alive(workspace: Workspace) -> bool:
    try:
        with workspace.store.connect():
            return True
    except EduMetricsError:
        return False


def _refuse(request: Request, error: Exception) -> Response:
    """Answer with the sentence of an error and its status."""
    status = next((code for kind, code in STATUSES if isinstance(error, kind)), 500)
    said, headers = str(error), dict[str, str]()
    if isinstance(error, HTTPException):
        status, said = error.status_code, HTTPStatus(error.status_code).phrase + "."
        headers |= error.headers or {}
    # A database that has gone is no fault of the question.
    if status in (400, 404) and not _is_alive(request.app.state.workspace):
        status, said = 503, "The analysis database cannot be reached: try again later."
    if isinstance(error, TooManyFailures):
        headers["Retry-After"] = str(error.seconds)
    return _tell(request, status, said, headers)


def _refuse_request(request: Request, error: Exception) -> Response:
    """Say which part of a request is wrong, without the value that somebody typed."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if isinstance(part, str))
    said = f"{where} is not valid: {first['msg']}."
    if first["type"] == "extra_forbidden":
        said = f"There is no {where} here: leave it out."
    return _tell(request, 422, said, {})


def _keep_defect(request: Request, error: Exception) -> Response:
    """Answer a defect of ours with a sentence; its places in the code are kept in the home.

    This is the outermost handler of the service.
    """
    workspace: Workspace = request.app.state.workspace
    kept = keep_trace(error, workspace.settings.home)
    logging.getLogger(__name__).error("Unexpected %s: see %s.", type(error).__name__, kept)
    said = "Something unexpected happened here: tell whoever runs EduMetrics."
    return _tell(request, 500, said, {})


def _tell(request: Request, status: int, said: str, headers: dict[str, str]) -> Response:
    """Answer with a sentence: JSON to programs, a page to people."""
    if not request.url.path.startswith("/api"):
        return browser.show_refusal(request, status, said, headers)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse({"detail": said}, status, headers)
