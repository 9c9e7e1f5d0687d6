"""Write a student's own page, with the two links by which the student says that it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from edumetrics import settings
from edumetrics.analysis.delivery_log import SMTP
from edumetrics.analysis.week_state import find_newest_week
from edumetrics.analysis.written import Subject
from edumetrics.errors import SettingsError
from edumetrics.mail import tokens
from edumetrics.mail.tokens import SELF, ReplyTarget
from edumetrics.mentions import read_names, read_student_rows
from edumetrics.reports import render
from edumetrics.reports.student_page import Held, Link, build_student_page, render_student_page
from edumetrics.workspace import Workspace

# What a student may say: the words before the code, as a reply to a mail has them.
SAYINGS = ("something here is wrong", "there is a reason")
# What tells the mails of lists apart.
MAIL = ["term", "sem_week", "advisor_id"]


def write_student_page(workspace: Workspace, student: str) -> Path:
    """Write a student's page into the folder `exports` of the home, and return its path.

    The links work for `reply_days` (`mail.yml`). Without a key, or without an address or a service
    that takes them, the page says whom to ask instead.

    Raises:
        SettingsError: nothing is held on such a student, or the folder cannot be written to.
    """
    whole = replace(workspace, store=workspace.store.show_all())
    rows = read_student_rows(whole, student)
    if not rows:
        raise SettingsError("Nothing is held on a student with this id: check it.")
    _, names = read_names(workspace, student)
    last_day = workspace.today + timedelta(days=workspace.params.mail.reply_days)
    mails, shared = _count_mails(workspace, student, rows)
    sentences = workspace.params.sentences
    page = build_student_page(
        Held(
            name=names[0] if names else student,
            day=f"{sentences.format_day(workspace.today)} {workspace.today.year}",
            rows=rows,
            mails=mails,
            shared_mails=shared,
            links=_make_links(workspace, student, last_day),
            until=sentences.format_day(last_day),
            contact=workspace.params.batch.student_page.contact or workspace.settings.reply_to,
            params=workspace.params,
        )
    )
    folder = settings.create_private_folder(workspace.settings.home / "exports")
    path = folder / f"student-{render.escape_file_name(student)}.html"
    render.write_page(path, render_student_page(page, workspace.params))
    subject = Subject("", 0, f"export {path.name}")
    workspace.files.add({path: subject}, "export")
    workspace.files.set_people({subject: [student]})
    return path


def _count_mails(
    workspace: Workspace, student: str, rows: Mapping[str, pd.DataFrame]
) -> tuple[int, int]:
    """Return how many mails told of the student on a list: to the advisor, and to another one."""
    if "weekly_flags" not in rows:
        return 0, 0
    # What lies in the outbox alone has told nobody.
    sent = workspace.store.read("delivery_log", tuple(MAIL), status="sent", channel=SMTP)
    told = rows["weekly_flags"][MAIL].merge(sent.drop_duplicates(), on=MAIL[:2])
    own = told["advisor_id_x"] == told["advisor_id_y"]
    # Another's report is about the student only where this is a second advisor.
    about = set(workspace.store.read("written_about", ("about",), student_id=student)["about"])
    others = told.loc[~own, [*MAIL[:2], "advisor_id_y"]].itertuples(index=False, name=None)
    return int(own.sum()), sum(Subject(*mail).key in about for mail in others)


def _make_links(workspace: Workspace, student: str, last_day: date) -> tuple[Link, ...]:
    """Return the two links of a student; none where nobody would read what they say."""
    used, secret = workspace.settings, tokens.check_secret(workspace.settings.secret_key)
    term, week = find_newest_week(workspace.store)
    if not secret or not (used.service_url or used.reply_to) or not week:
        return ()
    code = tokens.sign_token(secret, ReplyTarget(SELF, student, term, week), last_day)
    say = workspace.params.sentences.say
    return tuple(
        Link(
            say("reports", f"own_link_{said.replace(' ', '_')}"),
            f"{used.service_url}/own/{quote(code)}?said={quote(said)}"
            if used.service_url
            # An empty mail: its subject says everything.
            else f"mailto:{used.reply_to}?subject={quote(f'{said.capitalize()} [{code}]')}",
        )
        for said in SAYINGS
    )
