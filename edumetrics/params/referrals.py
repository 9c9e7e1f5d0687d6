"""`referrals.yml`: the offices that a card offers by name, and what each is for."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from edumetrics.params.base import ParameterModel


class Office(ParameterModel):
    """An office, or a person, to whom an advisor may refer a student.

    Attributes:
        name: as a card and the log have it.
        topics: what it is for: a card whose leading fact is about one of them offers it.
        contact: how it is reached: an address, a room, hours; may be empty.
    """

    name: str = Field(min_length=1, max_length=60)
    topics: tuple[Literal["attendance", "work", "marks", "activity"], ...]
    contact: str = Field(default="", max_length=80)


class Referrals(ParameterModel):
    """`referrals.yml`."""

    offices: tuple[Office, ...] = ()

    def find_office(self, topic: str) -> Office | None:
        """Return the first office for a topic; None where there is none."""
        return next((office for office in self.offices if topic in office.topics), None)
