"""Build the mail of a head of department: what the page about classes says first."""

from __future__ import annotations

from edumetrics.params import Head
from edumetrics.reports.classes import ClassesPage
from edumetrics.reports.context import Occasion
from edumetrics.reports.model import Prose, Report

# The label of these mails in the log of deliveries.
STAGE = "head"


def build_head_report(occasion: Occasion, head: Head, page: ClassesPage) -> Report:
    """Return the report that goes out with the page: its answer, each class, and health."""
    say = occasion.say
    classes = tuple(
        say("classes_line", name=card.name, verdict=card.verdict, listed=card.listed)
        for card in page.classes
    )
    told = page.briefing, say("briefing_by")
    return Report(
        stage=STAGE,
        term=occasion.term,
        week=occasion.week,
        advisor_id=head.reader,
        reader=say("head_reader"),
        classes=head.classes,
        subject=page.title,
        kicker=page.kicker,
        headline=page.headline,
        lead=" ".join(page.summary),
        sections=(
            *((Prose(say("briefing_title"), told),) if page.briefing else ()),
            *((Prose(say("head_by_class"), classes),) if classes else ()),
            Prose(say("freshness_title"), (page.health,)),
            Prose(say("reading_title"), (f"{page.meaning} {say('classes_reading')}",)),
        ),
        sentences=page.sentences,
    )
