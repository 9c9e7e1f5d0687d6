"""The command `edumetrics show`: query the analysis database, as a table, csv or json."""

from __future__ import annotations

import re
from typing import Any

import click

from edumetrics.cli.base import FORMAT, main
from edumetrics.cli.tables import print_table

WEEK = "Semester week; default: the newest, but every week of one student and of the log."
WEEKS = re.compile(r"(\d{1,2})-(\d{1,2})")
# Options that questions lack, or have, together.
PEOPLE = ("semester", "class_id", "advisor")
WEEK_OPTIONS = ("week", "weeks")
TWO_WEEKS = ("student", "first", "second")
SUBJECT = ("student", "subject", "label")


class WeekRange(click.ParamType[range]):
    """Several semester weeks, such as 5-10."""

    name = "FIRST-LAST"

    def convert(self, value: Any, param: Any, ctx: Any) -> range:
        """Return the weeks from the first to the last."""
        found = WEEKS.fullmatch(value) if isinstance(value, str) else None
        if found is None or int(found[1]) > int(found[2]):
            self.fail("say the first week and the last, such as 5-10.", param, ctx)
        return range(int(found[1]), int(found[2]) + 1)


# As over HTTP: larger numbers fit no column.
NUMBER = click.IntRange(1, 10_000)
# What is special about each option of a question.
OPTIONS: dict[str, dict[str, Any]] = {
    "term": {"help": "ISO date of the term's first week; default: the newest."},
    "week": {"type": NUMBER, "help": WEEK},
    "weeks": {"type": WeekRange(), "help": "Several weeks, such as 5-10."},
    "semester": {"type": NUMBER, "help": "Only students in this semester of their degree."},
    "class_id": {"help": "Only this class."},
    "advisor": {"help": "Only the students of this advisor (an id)."},
    "student": {"help": "Only this student (an id)."},
    "tier": {"help": "critical or Urgent, high or Soon, watch or Keep in view."},
    "subject": {"help": "Only this subject (an id)."},
    "label": {"help": "HIGH, MEDIUM or LOW."},
    "first": {
        "type": NUMBER,
        "help": "Semester week; default: the teaching week before the second.",
    },
    "second": {"type": NUMBER, "help": "Semester week; default: the newest."},
    "notes": {"is_flag": True, "help": "Show the notes too; they can hold what was confided."},
    "exam": {"help": "midterm or endterm; default: both."},
}
COMMON = ("term", "week", "weeks", "semester", "class_id", "advisor")


@main.group()
def show() -> None:
    """Show results from the analysis database."""


def _add_question(name: str, shows: str, *filters: str, without: tuple[str, ...] = ()) -> None:
    """Add a `show` command for a function of `analyst.queries`.

    Args:
        name: the function; its parameters have the names of the options.
        shows: what the command shows, for its help.
        filters: options that only some commands have.
        without: common options that the function has no parameter for.
    """

    def print_answer(fmt: str, **given: Any) -> None:
        # Here, not above: `analyst.queries` loads pandas, and `--help` must stay quick.
        from edumetrics.analyst import queries

        print_table(getattr(queries, name)(**given), fmt)

    named = [*(name for name in COMMON if name not in without), *filters]
    options = [click.Option([f"--{name.replace('_', '-')}"], **OPTIONS[name]) for name in named]
    command = click.Command(
        name.replace("_", "-"),
        callback=print_answer,
        params=[*options],
        help=f"Show {shows}.",
    )
    show.add_command(FORMAT(command))


# One line per question; the filters are the parameters that the function of `analyst.queries` has.
_add_question("flagged", "who is on a list, and why", "student", "tier")
_add_question("exits", "who is no longer on a list, and what improved", "student")
_add_question("class_findings", "what concerns a whole class", without=("advisor",))
_add_question("thresholds", "from which urgency on students are listed", without=("weeks", *PEOPLE))
_add_question("student_performance", "the metrics of students", "student")
_add_question("class_performance", "the medians of classes")
_add_question("changes", "what changed between two weeks", *TWO_WEEKS, without=WEEK_OPTIONS)
_add_question("pre_midterm", "predicted midterm scores", "student")
_add_question("pre_endterm", "predicted end-term scores", "student")
_add_question("risk_of_failing", "who may fail a subject", *SUBJECT)
_add_question("watchlist", "who to watch from week 1", "student", without=WEEK_OPTIONS)
_add_question("review", "predictions and results", "student", "exam", without=WEEK_OPTIONS)
_add_question(
    "log", "what people did about the lists", "student", "notes", without=("weeks", *PEOPLE)
)
_add_question("health", "what was wrong with the data", without=("weeks", "semester", "advisor"))
_add_question("did_it_help", "what followed a contact", without=(*WEEK_OPTIONS, *PEOPLE))
_add_question("given_up", "what drawing places cost", without=(*WEEK_OPTIONS, *PEOPLE))
