"""Types that more than one package speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, ClassVar, Literal

Row = Mapping[Any, Any]
Exam = Literal["midterm", "endterm"]
EXAMS: tuple[Exam, Exam] = ("midterm", "endterm")
Work = Literal["assignment", "quiz"]
WORKS: tuple[Work, Work] = ("assignment", "quiz")
# The relations of what is set, and due in a week.
DEFINITIONS = tuple(f"{work}_definitions" for work in WORKS)


class FactsDisplay:
    """A result that displays what it is, not every row that it holds.

    It displays a line, or a small table in JupyterLab.

    Attributes:
        caption: what readers of notebooks see over it.
    """

    caption: ClassVar[str]

    def list_facts(self) -> dict[str, object]:
        """Return what there is to display, by name."""
        raise NotImplementedError

    def __repr__(self) -> str:
        facts = ", ".join(f"{name} {value}" for name, value in self.list_facts().items())
        return f"{self.caption}({facts})"

    def _repr_html_(self) -> str:
        cell = "<td style='text-align:left'>{}</td>"
        rows = "".join(
            f"<tr>{cell.format(escape(name))}{cell.format(escape(str(value)))}</tr>"
            for name, value in self.list_facts().items()
        )
        return f"<table><caption>{escape(self.caption)}</caption>{rows}</table>"
