"""A small form in JupyterLab (extra `lab`); everything it does is done by `log`."""

from __future__ import annotations

from datetime import date
from html import escape
from typing import TYPE_CHECKING, Any

from edumetrics.errors import EduMetricsError, SettingsError
from edumetrics.interventions.entries import KINDS, log

if TYPE_CHECKING:
    from ipywidgets import VBox

HELPFUL = {"not said": None, "yes": True, "no": False}


def form(student: str = "") -> VBox:
    """A form that enters one contact into the log.

    Args:
        student: student_id to begin with.

    Raises:
        SettingsError: the extra `lab` is not installed.
    """
    try:
        import ipywidgets as widgets
    except ImportError:
        raise SettingsError(
            "The form needs the extra lab: pip install 'edumetrics[lab]'."
        ) from None
    fields = {
        "student": widgets.Text(value=student, description="Student"),
        "kind": widgets.Dropdown(options=KINDS, description="Kind"),
        "notes": widgets.Textarea(description="Notes", placeholder="They never leave the log."),
        "outcome": widgets.Text(description="Outcome"),
        "helpful": widgets.Dropdown(options=list(HELPFUL), description="Helpful"),
        "until": widgets.DatePicker(description="Until"),
    }
    said, button = widgets.HTML(), widgets.Button(description="Log it", button_style="primary")

    def entered(_: object) -> None:
        said.value = escape(enter({name: field.value for name, field in fields.items()}))

    button.on_click(entered)
    return widgets.VBox([*fields.values(), button, said])


def enter(values: dict[str, Any]) -> str:
    """Log what a form says; returns a sentence about it."""
    until: date | None = values["until"]
    try:
        made = log(
            values["student"].strip(), values["kind"], notes=values["notes"], outcome=values["outcome"],
            helpful=HELPFUL[values["helpful"]], until=until,
        )  # fmt: skip
    except EduMetricsError as error:
        return str(error)
    return f"Logged: {made.kind}, {made.student_id}, on the list of week {made.sem_week}."
