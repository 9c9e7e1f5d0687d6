"""The portal: the pages of advisors and heads, rendered here, with plain forms."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import date
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from markupsafe import Markup
from pydantic import BaseModel

from edumetrics.analysis.store import Store, get_utc_now
from edumetrics.analysis.week_state import find_newest_week
from edumetrics.errors import SettingsError
from edumetrics.interventions.entries import KINDS
from edumetrics.interventions.replies import ANSWERS
from edumetrics.reports.model import Numbers, StudentEntry, StudentTable
from edumetrics.reports.render import render_template
from edumetrics.service import access, accounts, contacts, pages, sign_ins
from edumetrics.service.access import Forbidden
from edumetrics.service.accounts import ADVISOR, ANALYST, HEAD, OPERATOR, Account, WrongPassword
from edumetrics.service.browser import (
    COOKIE,
    HOME,
    PAGES,
    SIGN_IN,
    TEMPLATES,
    Sender,
    Signed,
    get_say,
    require_same_site,
    show_page,
)
from edumetrics.service.requests import Here, LongText, Text
from edumetrics.service.sign_ins import SignIn
from edumetrics.workspace import Workspace

router = APIRouter()


class ContactForm(BaseModel):
    """The form of a contact, as browsers send it: what is not filled in is empty."""

    id: Text
    kind: Text
    key: Text
    outcome: Text = ""
    notes: LongText = ""
    helpful: Text = ""
    until: Text = ""
    referral: Text = ""


# ---------------------------------------------------------------- signing in


@router.get(SIGN_IN)
def show_sign_in(request: Request, workspace: Here, back: Text = HOME, changed: bool = False
                 ) -> Response:  # fmt: skip
    """Show the form to sign in; whom the college's single sign-on names is signed in."""
    chosen = workspace.settings
    trusted = request.client is not None and request.client.host == chosen.sso_proxy
    name = request.headers.get(chosen.sso_header) if chosen.sso_header and trusted else None
    account = accounts.find_open_account(workspace.store, name) if name else None
    if account is not None:
        return _sign_in(request, account, back)
    return show_page(request, "sign_in.html.j2", back=back, said="", changed=changed)


@router.post(SIGN_IN)
def sign_in(
    request: Request,
    workspace: Here,
    username: Annotated[Text, Form()],
    password: Annotated[str, Form(max_length=1000)],
    back: Annotated[Text, Form()] = HOME,
) -> Response:
    """Sign in with a name and a password."""
    require_same_site(request)
    try:
        account = accounts.check_password(workspace.store, username, password, get_utc_now())
    except (WrongPassword, accounts.TooManyFailures) as error:
        status = 401 if isinstance(error, WrongPassword) else 429
        return show_page(
            request, "sign_in.html.j2", status=status, back=back, said=str(error), changed=False
        )
    return _sign_in(request, account, back)


def _sign_in(request: Request, account: Account, back: str) -> Response:
    workspace: Workspace = request.app.state.workspace
    made = sign_ins.start_sign_in(workspace.store, account, "portal", get_utc_now())
    # Only to a page of ours: browsers take two slashes, or a backslash, for another site.
    inside = back.startswith("/") and not back.startswith(("//", "/\\"))
    response = RedirectResponse(back if inside else HOME, 303)
    response.set_cookie(
        COOKIE, f"{made.sign_in_id}.{made.secret}", httponly=True, samesite="lax",
        secure=workspace.settings.service_url.startswith("https:"),
        max_age=int(sign_ins.PORTAL.total_seconds()),
    )  # fmt: skip
    return response


@router.post("/sign-out")
def sign_out(workspace: Here, signed: Sender) -> Response:
    """End the sign-in, also for a copy of its cookie."""
    sign_ins.end_sign_in(workspace.store, signed.sign_in_id, get_utc_now())
    response = RedirectResponse(SIGN_IN, 303)
    response.delete_cookie(COOKIE)
    return response


@router.get("/password")
def show_password(request: Request, signed: Signed) -> Response:
    """Show the form to change the password."""
    return show_page(request, "password.html.j2", signed, said="", least=accounts.LEAST_PASSWORD)


@router.post("/password")
def change_password(
    request: Request,
    workspace: Here,
    signed: Sender,
    old: Annotated[str, Form(max_length=1000)],
    new: Annotated[str, Form(max_length=1000)],
) -> Response:
    """Change the password, which ends every sign-in of the account."""
    name = signed.account.username
    try:
        accounts.check_password(workspace.store, name, old, get_utc_now())
        accounts.set_password(workspace.store, name, new)
    except SettingsError as error:
        values = {"said": str(error), "least": accounts.LEAST_PASSWORD}
        return show_page(request, "password.html.j2", signed, status=400, **values)
    return RedirectResponse(f"{SIGN_IN}?changed=true", 303)


# ---------------------------------------------------------------- pages


@router.get(HOME)
def show_start(signed: Signed) -> Response:
    """Go to where a role starts."""
    return RedirectResponse(PAGES[signed.account.role][0][0], 303)


def _read_report(workspace: Workspace, account: Account, advisor: str, what: str
                 ) -> pages.StoredReport:  # fmt: skip
    """Return the report of an advisor to the advisor, or to whoever reads all; it is recorded.

    Raises:
        Forbidden: it is someone else's.
    """
    own = account.role == ADVISOR and advisor in ("", account.person)
    if not own and not (advisor and account.role in (ANALYST, OPERATOR)):
        raise Forbidden
    stored = pages.read_report(workspace, account.person if own else advisor)
    if stored.report is not None:
        named = [entry.student_id for entry in stored.report.entries]
        named += [row.student_id for table in stored.report.sections
                  if isinstance(table, StudentTable) for row in table.rows]  # fmt: skip
        access.record_reads(workspace.store, account, named, stored.report.term, what)
    return stored


@router.get("/week")
def show_week(request: Request, workspace: Here, signed: Signed, advisor: Text = "") -> Response:
    """Show the newest report, with buttons that report back."""
    stored = _read_report(workspace, signed.account, advisor, "my week")
    return _show_report(request, workspace, signed, stored)


@router.get("/class")
def show_class(request: Request, workspace: Here, signed: Signed, advisor: Text = "") -> Response:
    """Show the class in numbers, the galaxy and the table of every student."""
    stored = _read_report(workspace, signed.account, advisor, "my class")
    return _show_report(request, workspace, signed, stored, only=(Numbers, StudentTable))


def _show_report(
    request: Request, workspace: Workspace, signed: SignIn, stored: pages.StoredReport,
    only: tuple[type, ...] = (),
) -> Response:  # fmt: skip
    if stored.report is None:
        title = get_say(workspace)("portal_class" if only else "portal_week")
        return show_page(request, "empty.html.j2", signed, said=stored.why, title=title)
    report = stored.report
    if only:
        sections = tuple(s for s in report.sections if isinstance(s, only))
        headline = get_say(workspace)("portal_class")
        report = replace(report, sections=sections, headline=headline, lead="")
    answered = pages.list_answers(workspace, report)
    kinds = ANSWERS if signed.account.role == ADVISOR else ()
    words = {kind: pages.name_kind(workspace, kind) for kind in kinds}

    def answer(one: StudentEntry) -> Markup:
        return Markup(render_template(
            "answer.html.j2", workspace.params.sentences, TEMPLATES, one=one, report=report,
            signed=signed, kinds=kinds, words=words, said=answered.get(one.student_id, ""),
            address=_address,
        ))  # fmt: skip

    return show_page(
        request, "week.html.j2", signed, report=report, answer=answer, address=_address
    )


def _address(student: str) -> str:
    return f"/student?id={quote(student, safe='')}"


@router.post("/answers")
def answer_card(
    request: Request,
    workspace: Here,
    signed: Sender,
    student: Annotated[Text, Form()],
    week: Annotated[int, Form(ge=1, le=60)],
    kind: Annotated[Text, Form()],
    number: Annotated[int, Form(ge=0, le=10_000)] = 0,
) -> Response:
    """Enter the answer to a card, as a reply by mail would."""
    contacts.require_own(workspace, signed.account, student)
    earlier, entry = contacts.answer(workspace, signed.account, student, week, kind)
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"said": describe_answer(workspace, earlier, entry)})
    return RedirectResponse(f"/week#s{number}", 303)


def describe_answer(workspace: Workspace, earlier: str | None, kind: str) -> str:
    """Return in a sentence what an answer changed."""
    say, word = get_say(workspace), pages.name_kind(workspace, kind)
    if earlier is None:
        return say("portal_logged", kind=word)
    if earlier == kind:
        return say("portal_before", kind=word)
    return say("portal_corrected", kind=word, earlier=pages.name_kind(workspace, earlier))


def _limit(workspace: Workspace, account: Account, student: str) -> Store:
    """Return the rows that an account may read, of which a student has some.

    Raises:
        Forbidden: heads see no student.
        UnknownStudent: the student is not among the account's.
    """
    if account.role == HEAD:
        raise Forbidden
    limited = access.limit_store(workspace, account)
    access.require_student(limited, student)
    return limited


@router.get("/student")
def show_student(
    request: Request, workspace: Here, signed: Signed, id: Text, logged: Text = ""
) -> Response:
    """Show one student's semester, and the form to log a contact."""
    limited = _limit(workspace, signed.account, id)
    page = pages.build_student_page(workspace, limited, id)
    term, _ = find_newest_week(workspace.store)
    access.record_reads(workspace.store, signed.account, [id], term, "student")
    say = get_say(workspace)
    said = say("portal_logged", kind=pages.name_kind(workspace, logged)) if logged in KINDS else ""
    kinds = [(kind, pages.name_kind(workspace, kind)) for kind in KINDS]
    return show_page(
        request, "student.html.j2", signed, page=page, kinds=kinds, said=said,
        # Sent twice, one form is one entry.
        key=secrets.token_hex(16), own=signed.account.role == ADVISOR,
        offices=[office.name for office in workspace.params.referrals.offices],
        address=_address,
    )  # fmt: skip


@router.post("/student")
def log_contact(workspace: Here, signed: Sender, given: Annotated[ContactForm, Form()]) -> Response:
    """Log a contact with a student."""
    try:
        day = date.fromisoformat(given.until) if given.until else None
    except ValueError:
        raise SettingsError("The day is not valid: choose one such as 2026-09-28.") from None
    entry, _ = contacts.log_contact(
        workspace, signed.account, given.id, given.kind, given.key, outcome=given.outcome,
        notes=given.notes, helpful={"yes": True, "no": False}.get(given.helpful), until=day,
        referral=given.referral,
    )  # fmt: skip
    return RedirectResponse(f"{_address(given.id)}&logged={quote(entry.kind)}", 303)


@router.get("/head")
def show_head(request: Request, workspace: Here, signed: Signed) -> Response:
    """Show which class needs attention, and what was logged since."""
    account = signed.account
    if account.role == ADVISOR:
        raise Forbidden
    # Whoever reads all reads the page about all classes.
    everything = Account(account.username, HEAD, accounts.ALL_CLASSES)
    head = access.find_head(workspace, account if account.role == HEAD else everything)
    page = pages.read_classes_page(workspace, head)
    say = get_say(workspace)
    if page is None:
        said, title = say("portal_head_none"), say("portal_head")
        return show_page(request, "empty.html.j2", signed, said=said, title=title)
    week, counts = pages.count_contacts(workspace, head.classes)
    told = [say("portal_head_count", name=name, count=count) for name, count in counts.items()]
    live = say("portal_head_live", week=week, classes=", ".join(told)) if told else say(
        "portal_head_quiet", week=week
    )  # fmt: skip
    return show_page(request, "head.html.j2", signed, page=page, live=live)


@router.get("/scorecard")
def show_scorecard(request: Request, workspace: Here, signed: Signed) -> Response:
    """Show how predictions and lists did at the last exam."""
    page = pages.read_scorecard(workspace)
    if page is None:
        say = get_say(workspace)
        said, title = say("portal_no_scorecard"), say("portal_scorecard")
        return show_page(request, "empty.html.j2", signed, said=said, title=title)
    return show_page(request, "department.html.j2", signed, page=page)


@router.get("/advisors")
def show_advisors(request: Request, workspace: Here, signed: Signed) -> Response:
    """List the advisors, each with the report that was mailed."""
    if signed.account.role not in (ANALYST, OPERATOR):
        raise Forbidden
    return show_page(request, "advisors.html.j2", signed, advisors=pages.list_advisors(workspace))
