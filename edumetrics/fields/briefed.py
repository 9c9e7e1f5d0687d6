"""One record per kind of fact that a briefing may tell, whatever is kept about it beside.

A language model sees the kind and the names of the fields, never a value. The phrases that fill the
fields are in `params/sentences.yml` (part `briefing`), the forms of sentences around them in
`params/briefing.yml`. Both are checked whole against these records when parameters load.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edumetrics.fields.reasons import REASONS

# Where the value is beside what it is compared with; `sign` is found out from the two numbers.
Turn = Literal["up", "down", "sign", ""]
# What a briefing is of: a card, an advisor's week, or all classes of a head.
About = Literal["card", "week", "classes"]


@dataclass(frozen=True)
class FactKind:
    """A kind of fact.

    Attributes:
        name: what phrases, forms and prompts call it.
        fields: the fields that a sentence may refer to; each is filled with a phrase that is true
            wherever it stands.
        about: which briefings have it: of a card, of an advisor's week, or of all classes.
        turn: where its value is beside the baseline; empty where the two are not compared.
    """

    name: str
    fields: tuple[str, ...]
    about: About = "card"
    turn: Turn = ""


VALUE, BOTH = ("value",), ("value", "baseline")
# A report of similarity, and what lists a student from the start, are not for a model to tell.
_KINDS = (
    FactKind("lectures_week", VALUE),
    FactKind("lectures_so_far", VALUE),
    FactKind("lectures_left", VALUE),
    FactKind("pace", VALUE),
    FactKind("silent_days", VALUE),
    FactKind("due_this_week", VALUE),
    FactKind("not_in", ("names",)),
    FactKind("not_in_count", VALUE),
    FactKind("marks_fall", BOTH, turn="down"),
    FactKind("activity_fall", BOTH, turn="down"),
    FactKind("platform_fall", BOTH, turn="down"),
    FactKind("marks_class", BOTH, turn="sign"),
    FactKind("midterm_class", BOTH, turn="sign"),
    FactKind("earlier_class", BOTH, turn="sign"),
    FactKind("activity_class", BOTH, turn="sign"),
    FactKind("week_start", VALUE, "week"),
    FactKind("week_new", VALUE, "week"),
    FactKind("week_attendance", BOTH, "week", turn="sign"),
    FactKind("week_activity", BOTH, "week", turn="sign"),
    FactKind("week_marks", BOTH, "week", turn="sign"),
    FactKind("topic_attendance", VALUE, "week"),
    FactKind("topic_work", VALUE, "week"),
    FactKind("topic_marks", VALUE, "week"),
    FactKind("topic_activity", VALUE, "week"),
    FactKind("classes_listed", BOTH, "classes", turn="sign"),
    FactKind("classes_new", VALUE, "classes"),
    FactKind("classes_left", VALUE, "classes"),
    FactKind("classes_contacts", VALUE, "classes"),
)
FACT_KINDS: dict[str, FactKind] = {kind.name: kind for kind in _KINDS}
# By the code of a reason that a model may tell: its kind.
KIND_OF_REASON = {code: FACT_KINDS[record.fact] for code, record in REASONS.items() if record.fact}
# What the phrases of fields may mention.
FACT_PHRASES = {
    f"{kind.name}_{field}": frozenset({"value", "baseline", "names", "size"})
    for kind in _KINDS
    for field in kind.fields
}
