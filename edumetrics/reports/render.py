"""Rendering: view models into pages, mails and files, every string escaped by the template engine."""

from __future__ import annotations

import base64
import json
import re
import textwrap
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from edumetrics import settings
from edumetrics.reports.figures import Picture
from edumetrics.reports.galaxy import Galaxy
from edumetrics.reports.model import Draft, Reply, Report

LINE = 72
PREVIEW_HEIGHT = 720


@dataclass(frozen=True)
class Mail:
    """What a mail says beside the report.

    Attributes:
        reply_to: where replies and questions go; empty where nobody takes them.
        page_url: where the page of the report is; empty where it is not published.
        college: as the last line names it.
        picture: where the galaxy is found: `cid:...`; empty for none.
    """

    reply_to: str = ""
    page_url: str = ""
    college: str = ""
    picture: str = ""


@dataclass(frozen=True)
class Preview:
    """A mail to look at: it displays itself in JupyterLab, in a frame of its own, and reads as plain text elsewhere."""

    subject: str
    html: str
    text: str

    def _repr_html_(self) -> str:
        style = f"width:100%;height:{PREVIEW_HEIGHT}px;border:1px solid #DDD8CD"
        title, content = escape(self.subject), escape(self.html)
        return f'<p><b>{title}</b></p><iframe sandbox title="{title}" srcdoc="{content}" style="{style}"></iframe>'

    def __str__(self) -> str:
        return f"Subject: {self.subject}\n\n{self.text}"


@cache
def environment() -> Environment:
    """The templates: escaping is on but for plain text (.txt), and unknown names are refused."""
    loader = PackageLoader("edumetrics.reports", "templates")
    made = Environment(
        loader=loader, autoescape=lambda name: ".txt." not in (name or ""), undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= {"mailto": _mailto, "reply_to": _reply_to, "wrap": _wrapped, "png": _png}
    return made


def page(report: Report) -> str:
    """A report as a self-contained page."""
    return environment().get_template("page.html.j2").render(report=report)


def mail_html(report: Report, mail: Mail) -> str:
    """A report as the HTML part of a mail."""
    return environment().get_template("mail.html.j2").render(report=report, mail=mail)


def mail_text(report: Report, mail: Mail) -> str:
    """The same as plain text."""
    return environment().get_template("mail.txt.j2").render(report=report, mail=mail)


def preview(report: Report) -> Preview:
    """The mail of a report, to look at; without reply links."""
    mail = Mail(picture=_png(report.galaxy) if report.galaxy else "")
    return Preview(report.subject, mail_html(report, mail), mail_text(report, mail))


def _mailto(draft: Draft) -> str:
    """A link that opens a draft."""
    body = quote(draft.body.replace("\n", "\r\n"), safe="")
    return f"mailto:{quote(draft.to, safe='@')}?subject={quote(draft.subject, safe='')}&body={body}"


def _reply_to(reply: Reply, address: str) -> str:
    return f"mailto:{quote(address, safe='@')}?subject={quote(reply.subject, safe='')}"


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(
        " ".join(text.split()),
        LINE,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _png(picture: Galaxy | Picture) -> str:
    """A picture as part of a page that fetches nothing."""
    drawn = picture.picture() if isinstance(picture, Galaxy) else picture
    return f"data:image/png;base64,{base64.b64encode(drawn.png()).decode()}"


def write_page(path: Path, html: str) -> Path:
    """Write a page whole or not at all, readable by its owner only, and return its path.

    Raises:
        SettingsError: the folder cannot be written to.
    """
    return settings.private_write(path, html.encode())


def file_name(identifier: str) -> str:
    """An id as a safe file name: letters, digits, dot, dash and underscore, the rest as their code points."""
    return re.sub(r"[^A-Za-z0-9._-]|^\.", lambda match: f"%{ord(match[0]):x}", identifier)


def safe_csv(frame: pd.DataFrame) -> str:
    """A frame as CSV that a spreadsheet will not take for formulas: a text beginning like one gets an apostrophe."""
    texts = frame.select_dtypes(["object", "str"]).columns
    return str(frame.assign(**{name: frame[name].map(_cell) for name in texts}).to_csv(index=False))


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    return (
        f"'{value}"
        if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
        else value
    )
