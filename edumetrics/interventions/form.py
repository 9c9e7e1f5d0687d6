"""A small form in JupyterLab (extra `lab`); it only calls `log`."""

from __future__ import annotations

from datetime import date
from html import escape
from typing import TYPE_CHECKING, Any

from edumetrics.errors import EduMetricsError, SettingsError
from edumetrics.interventions.entries import KINDS, log

if TYPE_CHECKING:
    from ipywidgets import VBox

# A checkbox cannot express that nobody said.
HELPFUL = {"not said": None, "yes": True, "no": False}


def form(student: str = "") -> VBox:
    """Return a form that enters one contact into the log.

    Args:
        student: the student_id that the form starts with.

    Raises:
        SettingsError: the extra `lab` is not installed.
    """
    # Imported here, because the package works without the extra `lab`.
    try:
        import ipywidgets as widgets
    except ImportError:
        raise SettingsError(
            "The form needs the extra `lab`: run pip install 'edumetrics[lab]'."
        ) from None
    fields = {
        "student": widgets.Text(value=student, description="Student"),
        "kind": widgets.Dropdown(options=KINDS, description="Kind"),
        "notes": widgets.Textarea(description="Notes", placeholder="Notes never leave the log."),
        "outcome": widgets.Text(description="Outcome"),
        "helpful": widgets.Dropdown(options=list(HELPFUL), description="Helpful"),
        "until": widgets.DatePicker(description="Until"),
        "by": widgets.Text(description="By", placeholder="Who had the contact."),
    }
    said, button = widgets.HTML(), widgets.Button(description="Log it", button_style="primary")

    def show_result(_: object) -> None:
        # A second click must not log the same contact again: first something has to change.
        button.disabled = True
        # The widget shows HTML, and the sentence can quote what somebody typed.
        said.value = escape(enter({name: field.value for name, field in fields.items()}))

    def allow_next(_: object) -> None:
        button.disabled = False

    button.on_click(show_result)
    for field in fields.values():
        field.observe(allow_next, "value")
    return widgets.VBox([*fields.values(), button, said])


def enter(values: dict[str, Any]) -> str:
    """Log the values of a form; return a sentence that says what was logged or what is wrong.

    Args:
        values: by name, the values of the fields of `form`.
    """
    until: date | None = values["until"]
    try:
        made = log(
            values["student"].strip(), values["kind"], notes=values["notes"],
            outcome=values["outcome"], helpful=HELPFUL[values["helpful"]], until=until,
            by=values["by"].strip(),
        )  # fmt: skip
    # The person who fills in the form needs the sentence, not a traceback.
    except EduMetricsError as error:
        return str(error)
    by = f", by {made.logged_by}" if made.logged_by else ""
    return (
        f"Logged: {made.kind}, {made.student_id}, on the list of week {made.sem_week}{by};"
        f" `queries.log(student={made.student_id!r})` shows it."
    )
