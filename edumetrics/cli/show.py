"""The command `edumetrics show`: query the analysis database, as a table, csv or json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from edumetrics.cli.base import main

if TYPE_CHECKING:
    import pandas as pd

# The columns that fit a terminal, in this order. The formats csv and json have every column.
SHOWN = (
    "term", "sem_week", "student_id", "class_id", "semester", "students", "weekly_att_pct",
    "overall_att_pct", "lectures_can_miss", "submission_pct", "effort_score",
    "academic_performance", "risk_score", "advisor_id", "triage_rank", "risk_tier",
    "urgency_score", "status", "escalation_level", "within_capacity", "looked_after",
    "predicted_midterm_score", "predicted_endterm_score", "outcome", "contacted", "compared",
    "difference", "low", "high", "said", "p_fail", "at_risk", "outlook", "subject_id",
    "risk_label", "target_term", "risk_probability_pct", "on_watchlist",
)  # fmt: skip


@main.group()
def show() -> None:
    """Show results from the analysis database."""


def _add_question(name: str, *filters: str, without: tuple[str, ...] = ()) -> None:
    """Add a `show` command for a function of `analyst.queries`.

    Args:
        name: the function; its parameters have the names of the options.
        filters: options that only some commands have.
        without: common options that the function has no parameter for.
    """

    def print_answer(fmt: str, **given: Any) -> None:
        # Here, not above: `analyst.queries` loads pandas, and `--help` must stay quick.
        from edumetrics.analyst import queries

        click.echo(format_table(getattr(queries, name)(**given), fmt), nl=False)

    options = [
        click.Option(["--term"], help="ISO date of the term's first week; default: the newest."),
        click.Option(["--semester"], type=int),
        click.Option(["--week"], type=int, help="Semester week; default: the newest."),
        click.Option(["--class-id"]),
        click.Option(["--advisor"]),
        *(click.Option([f"--{name}"]) for name in filters),
        click.Option(
            ["--format", "fmt"],
            type=click.Choice(["table", "csv", "json"]),
            default="table",
            show_default=True,
        ),
    ]
    options = [option for option in options if option.name not in without]
    command = name.replace("_", "-")
    show.add_command(
        click.Command(
            command,
            callback=print_answer,
            params=list(options),
            help=f"Show {command.replace('-', ' ')} by week.",
        )
    )


# One line per question; the filters are the parameters that the function of `analyst.queries` has.
_add_question("flagged", "student", "tier")
_add_question("student_performance", "student")
_add_question("class_performance")
_add_question("pre_midterm", "student", without=("advisor",))
_add_question("pre_endterm", "student", without=("advisor",))
_add_question("risk_of_failing", "student", "subject", "label", without=("advisor",))
_add_question("watchlist", "student", without=("advisor", "week"))
_add_question("did_it_help", without=("semester", "week", "class_id", "advisor"))


def format_table(frame: pd.DataFrame, fmt: str) -> str:
    """Return a frame as text: a table for people, csv or json for programs."""
    if fmt == "json":
        return (
            str(frame.to_json(orient="records", date_format="iso", indent=1, force_ascii=False))
            + "\n"
        )
    if fmt == "csv":
        # A spreadsheet would run a cell that begins like a formula.
        from edumetrics.reports.render import export_safe_csv

        return export_safe_csv(frame)
    if frame.empty:
        return "Nothing matches.\n"
    return (
        frame[[name for name in SHOWN if name in frame]].to_string(
            index=False,
            float_format="{:.1f}".format,
            na_rep="-",
            formatters={"p_fail": _format_probability},
        )
        + "\n"
    )


def _format_probability(p: float) -> str:
    """Return a probability with two decimals; the format of other numbers has only one."""
    # Only NaN differs from itself.
    return "-" if p != p else f"{p:.2f}"  # noqa: PLR0124 - NaN
