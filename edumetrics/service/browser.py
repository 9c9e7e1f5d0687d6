"""What the pages of the portal share: their frame, who is signed in, and which forms are ours."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from fastapi import Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from edumetrics.analysis.store import get_utc_now
from edumetrics.reports.render import render_template
from edumetrics.service import sign_ins
from edumetrics.service.access import Forbidden
from edumetrics.service.accounts import ADVISOR, ANALYST, HEAD, OPERATOR
from edumetrics.service.requests import Here
from edumetrics.service.sign_ins import SignIn
from edumetrics.workspace import Workspace

# The package of the templates of the portal.
TEMPLATES = ("edumetrics.service",)
COOKIE, HOME, SIGN_IN = "edumetrics", "/", "/sign-in"
# The pages of each role: route and the phrase of its name; the first is where the role starts.
PAGES = {
    ADVISOR: (("/week", "portal_week"), ("/class", "portal_class"),
              ("/scorecard", "portal_scorecard")),
    HEAD: (("/head", "portal_head"), ("/scorecard", "portal_scorecard")),
    ANALYST: (("/advisors", "portal_advisors"), ("/head", "portal_head"),
              ("/scorecard", "portal_scorecard")),
}  # fmt: skip
PAGES[OPERATOR] = PAGES[ANALYST]


def write_policy(nonce: str) -> str:
    """Return the content security policy of an answer: only what it brings along itself."""
    return (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
        "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


def show_page(
    request: Request, template: str, signed: SignIn | None = None, status: int = 200, **values: Any
) -> HTMLResponse:
    """Return a page of the portal."""
    workspace: Workspace = request.app.state.workspace
    content = render_template(
        template, workspace.params.sentences, TEMPLATES, frame="portal.html.j2",
        nonce=request.state.nonce, here=request.url.path, signed=signed,
        nav=PAGES[signed.account.role] if signed else (), **values,
    )  # fmt: skip
    return HTMLResponse(content, status)


def show_refusal(request: Request, status: int, said: str, headers: dict[str, str]) -> Response:
    """Return the page that says why something did not work; who is not signed in may sign in."""
    if status == 401 and request.method == "GET":
        back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{SIGN_IN}?back={quote(back, safe='')}", 303)
    if status == 401:
        said = get_say(request.app.state.workspace)("portal_signed_out")
    response = show_page(request, "refused.html.j2", status=status, said=said)
    response.headers.update(headers)
    return response


def get_say(workspace: Workspace) -> Callable[..., str]:
    """Return what gives the phrases of the catalogue."""
    return partial(workspace.params.sentences.say, "reports")


def require_same_site(request: Request) -> None:
    """Refuse a form that another site has sent.

    Raises:
        Forbidden: it has.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    # Browsers send at least one of the two with a form; a program that sends none has no cookie
    # of anyone else.
    foreign = site not in (None, "same-origin", "none")
    if site is None and origin is not None:
        foreign = urlsplit(origin).netloc != request.headers.get("host")
    if foreign:
        raise Forbidden


def get_sign_in(request: Request, workspace: Here) -> SignIn:
    """Return who is signed in by the cookie.

    Raises:
        NotSignedIn: nobody is.
    """
    sign_in_id, _, secret = request.cookies.get(COOKIE, "").partition(".")
    account = sign_ins.find_account(workspace.store, sign_in_id, "portal", get_utc_now(), secret)
    return SignIn(sign_in_id, account, secret)


async def read_csrf(request: Request) -> str:
    """Return the token of a form."""
    return str((await request.form()).get("csrf", ""))


def get_form_sign_in(
    request: Request, workspace: Here, csrf: Annotated[str, Depends(read_csrf)]
) -> SignIn:
    """Return who has sent a form, and make sure that it is a form of ours.

    Raises:
        NotSignedIn: nobody is signed in.
        Forbidden: another site has sent the form.
    """
    require_same_site(request)
    signed = get_sign_in(request, workspace)
    if not hmac.compare_digest(csrf.encode(), signed.csrf.encode()):
        raise Forbidden
    return signed


Signed = Annotated[SignIn, Depends(get_sign_in)]
Sender = Annotated[SignIn, Depends(get_form_sign_in)]
