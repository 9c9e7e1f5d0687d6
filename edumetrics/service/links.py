"""What links of mails and of students' pages open: one page and one button, without signing in.

The code in the link says who it is about, and to whom it was given. Opening it enters no answer;
that somebody read of a student is recorded.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response

from edumetrics.interventions.replies import ANSWERS, store_answer
from edumetrics.mail.student_page import SAYINGS
from edumetrics.reports.student_page import REPLY_LINK
from edumetrics.service import access, contacts, pages
from edumetrics.service.accounts import ADVISOR, Account
from edumetrics.service.browser import get_say, require_same_site, show_page
from edumetrics.service.portal import describe_answer
from edumetrics.service.requests import Here, LongText, Text

router = APIRouter()


# ---------------------------------------------------------------- one tap from the mail


@router.get("/reply/{code}")
def show_reply(request: Request, workspace: Here, code: Text, kind: Annotated[Text, Query()] = ""
               ) -> Response:  # fmt: skip
    """Show what a link of a mail would log, and one button: opening it logs nothing."""
    about = contacts.read_code(workspace, code, kind if kind in ANSWERS else ANSWERS[0])
    report = pages.read_report(workspace, str(about.logged_by)).report
    name, roll = pages.find_name(report, about.student_id)
    # Whoever has the link reads as the one whom it was given to.
    reader = Account(str(about.logged_by), ADVISOR, str(about.logged_by))
    access.record_reads(workspace.store, reader, [about.student_id], about.term, REPLY_LINK)
    words = {one: pages.name_kind(workspace, one) for one in ANSWERS}
    chosen = (kind,) if kind in ANSWERS else ANSWERS
    return show_page(
        request, "reply.html.j2", code=code, week=about.sem_week, kinds=chosen, words=words,
        name=f"{contacts.shorten_name(workspace, name)} {roll}".strip(), said="",
    )  # fmt: skip


@router.post("/reply/{code}")
def take_reply(
    request: Request, workspace: Here, code: Text, kind: Annotated[Text, Form()]
) -> Response:
    """Log what a link of a mail stands for, once."""
    require_same_site(request)
    entry = contacts.read_code(workspace, code, kind)
    earlier = store_answer(workspace.store, entry)
    said = describe_answer(workspace, earlier, entry.kind)
    return show_page(
        request, "reply.html.j2", code=code, week=entry.sem_week, kinds=(), words={}, name="",
        said=said,
    )  # fmt: skip


# ---------------------------------------------------------------- a student's own word


@router.get("/own/{code}")
def show_own(request: Request, workspace: Here, code: Text, said: Annotated[Text, Query()] = ""
             ) -> Response:  # fmt: skip
    """Show what a link of a student's page would say, and one button: opening it says nothing."""
    chosen = said if said in SAYINGS else SAYINGS[0]
    contacts.read_own_code(workspace, code, chosen)
    word = get_say(workspace)(f"own_link_{chosen.replace(' ', '_')}")
    return show_page(request, "own.html.j2", code=code, chosen=chosen, word=word, said="")


@router.post("/own/{code}")
def take_own(
    request: Request,
    workspace: Here,
    code: Text,
    said: Annotated[Text, Form()],
    notes: Annotated[LongText, Form()] = "",
) -> Response:
    """Enter what a student says, once, with what the student wrote."""
    require_same_site(request)
    entry = replace(contacts.read_own_code(workspace, code, said), notes=notes.strip() or None)
    earlier = store_answer(workspace.store, entry)
    told = get_say(workspace)("own_said" if earlier is None else "own_said_before")
    return show_page(request, "own.html.j2", code=code, chosen="", word="", said=told)
