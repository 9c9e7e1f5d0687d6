"""Render view models as pages, mails and files.

The template engine escapes every string of a page and of the HTML part of a mail.
"""

from __future__ import annotations

import base64
import re
import textwrap
from dataclasses import dataclass
from functools import cache, partial
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from edumetrics import settings
from edumetrics.reports.figures import Picture
from edumetrics.reports.galaxy import Galaxy
from edumetrics.reports.model import EmailDraft, Reply, Report
from edumetrics.sentences import Sentences

# Columns of plain text: below the 78 that RFC 5322 recommends, with room for the marks of a quote.
LINE = 72
# What stands around a page that is a file.
FRAME = "frame.html.j2"
# In pixels.
PREVIEW_HEIGHT = 720


@dataclass(frozen=True)
class MailContext:
    """The parts of a mail that are not in its report.

    Attributes:
        reply_to: the address for replies and questions; empty where nobody takes them.
        page_url: the address of the report's page; empty where it is not published.
        college: the name of the college in the last line; may be empty.
        picture: the address of the galaxy: `cid:...`, or a data URL; empty for none.
        service_url: where the service is, which takes answers by links; empty where there is none.
        scorecard_url: the address of what the lists of last term were worth; empty where that page
            is not published.
    """

    reply_to: str = ""
    page_url: str = ""
    college: str = ""
    picture: str = ""
    service_url: str = ""
    scorecard_url: str = ""


@dataclass(frozen=True)
class Preview:
    """A mail to look at.

    It displays itself in JupyterLab in a frame of its own, and elsewhere as plain text.
    """

    subject: str
    html: str
    text: str

    def _repr_html_(self) -> str:
        style = f"width:100%;height:{PREVIEW_HEIGHT}px;border:1px solid #DDD8CD"
        # `srcdoc` is an attribute, so the whole mail is escaped once more. `sandbox` keeps a script
        # from running in the notebook.
        title, content = escape(self.subject), escape(self.html)
        return (
            f'<p><b>{title}</b></p><iframe sandbox title="{title}" srcdoc="{content}"'
            f' style="{style}"></iframe>'
        )

    def __str__(self) -> str:
        return f"Subject: {self.subject}\n\n{self.text}"


def render_template(
    name: str, sentences: Sentences, packages: tuple[str, ...] = (), /, **values: Any
) -> str:
    """Return a template with its values and, as `say`, the phrases of the catalogue.

    Args:
        name: the template.
        sentences: the catalogue.
        packages: further packages with templates, which come before those of reports.
        values: what the template uses.
    """
    say = partial(sentences.say, "reports")
    return (
        _get_environment(*packages).get_template(name).render(say=say, **{"frame": FRAME, **values})
    )


@cache
def _get_environment(*packages: str) -> Environment:
    """Return the environment of the templates; an unknown name in a template is an error.

    Escaping is on for every template except plain text (.txt).

    Args:
        packages: further packages with templates, which come before those of reports.
    """
    loader = ChoiceLoader([PackageLoader(one) for one in (*packages, "edumetrics.reports")])
    # Escaped plain text would show O&#39;Brien. A template without a file has no name (None).
    made = Environment(
        loader=loader, autoescape=lambda name: ".txt." not in (name or ""),
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= {
        "mailto": _format_mailto,
        "reply_to": _format_reply_link,
        "wrap": _wrap_text,
        "png": _encode_png,
        "prose": _escape_prose,
        "unbroken": _keep_ranges_whole,
    }
    return made


def render_page(report: Report) -> str:
    """Return a report as a self-contained HTML page."""
    return render_template("page.html.j2", report.sentences, report=report)


def render_mail_html(report: Report, mail: MailContext) -> str:
    """Return a report as the HTML part of a mail."""
    return render_template("mail.html.j2", report.sentences, report=report, mail=mail)


def render_mail_text(report: Report, mail: MailContext) -> str:
    """Return a report as the plain-text part of a mail."""
    return render_template("mail.txt.j2", report.sentences, report=report, mail=mail)


def render_preview(report: Report) -> Preview:
    """Return the mail of a report to look at, without reply links."""
    # Outside a mail there is no `cid:`: the picture is part of the HTML.
    mail = MailContext(picture=_encode_png(report.galaxy) if report.galaxy else "")
    return Preview(report.subject, render_mail_html(report, mail), render_mail_text(report, mail))


def _format_mailto(draft: EmailDraft) -> str:
    # RFC 6068: a line break in the body of a mailto link is CRLF.
    body = quote(draft.body.replace("\n", "\r\n"), safe="")
    return f"mailto:{quote(draft.to, safe='@')}?subject={quote(draft.subject, safe='')}&body={body}"


def _format_reply_link(reply: Reply, mail: MailContext) -> str:
    """Return a link to the service's page about a reply, or to an empty email with its subject."""
    if not mail.service_url:
        return f"mailto:{quote(mail.reply_to, safe='@')}?subject={quote(reply.subject, safe='')}"
    kind, _, code = reply.subject.rpartition(" ")
    return f"{mail.service_url}/reply/{code.strip('[]')}?kind={quote(kind.lower())}"


def _wrap_text(text: str, indent: str = "") -> str:
    """Return a text in lines of at most `LINE` columns; all lines but the first are indented."""
    # Long words stay whole: nobody can click on an address that is broken in two.
    return textwrap.fill(
        " ".join(text.split()),
        LINE,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _escape_prose(text: str) -> Markup:
    """Return a text escaped for a place between tags, where an apostrophe stays as it is."""
    return Markup(escape(text, quote=False))


def _keep_ranges_whole(text: str) -> Markup:
    """Return a text escaped, of which no line ends within a range such as 10-13."""
    # Each template says in its style what the class does: a style of its own would be repeated.
    return Markup(re.sub(r"\d+-\d+", r'<span class="n">\g<0></span>', str(Markup.escape(text))))


def _encode_png(picture: Galaxy | Picture) -> str:
    """Return a picture as a data URL, because a page fetches nothing."""
    drawn = picture.draw() if isinstance(picture, Galaxy) else picture
    return f"data:image/png;base64,{base64.b64encode(drawn.render_png()).decode()}"


def write_page(path: Path, html: str) -> Path:
    """Write a page whole or not at all, readable by its owner only, and return its path.

    Raises:
        SettingsError: the folder cannot be written to.
    """
    return settings.write_private_file(path, html.encode())


def escape_file_name(identifier: str) -> str:
    """Return an id as a safe file name.

    Letters, digits, dot, dash and underscore stay; any other character becomes % and its code point
    in hexadecimal digits.
    """
    # A leading dot would hide the file, and the id ".." would name a folder.
    return re.sub(r"[^A-Za-z0-9._-]|^\.", lambda match: f"%{ord(match[0]):x}", identifier)
