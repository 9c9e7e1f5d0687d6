"""Build the mail of a head of department: what the page about classes says first."""

from __future__ import annotations

from edumetrics.params import Head
from edumetrics.reports.classes import ClassesPage
from edumetrics.reports.context import Occasion
from edumetrics.reports.model import Prose, Report

# The label of these mails in the log of deliveries.
STAGE = "head"


def build_head_report(occasion: Occasion, head: Head, page: ClassesPage) -> Report:
    """Return the report that goes out with the page: its headline, findings and health."""
    say = occasion.say
    findings = tuple(f"{name}: {text}" for name, text in page.findings)
    return Report(
        stage=STAGE,
        term=occasion.term,
        week=occasion.week,
        advisor_id=head.reader,
        reader=say("head_reader"),
        classes=head.classes,
        subject=page.title,
        kicker=page.kicker,
        headline=f"{page.title}.",
        lead=" ".join(page.summary),
        sections=(
            *((Prose(say("classes_findings"), findings),) if findings else ()),
            *((Prose(say("freshness_title"), page.health),) if page.health else ()),
            Prose(say("reading_title"), (say("classes_reading"),)),
        ),
        sentences=page.sentences,
    )
