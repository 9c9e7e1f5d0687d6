"""What the operator decides: the gate, retention, time limits, and mail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from edumetrics.params.base import ParameterModel
from edumetrics.types import Exam

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TIME = re.compile(rf"(?:{'|'.join(WEEKDAYS)}) (?:[01]?\d|2[0-3]):[0-5]\d")
_LINK = re.compile(r"https?://\S+")


class Gate(ParameterModel):
    """The limits at which the gate holds mail back, after a week is computed and before mail."""

    # Registers have stopped below this share of their usual rows, other feeds when they have none.
    # Both count only where at least `feed_rows` rows are usual.
    feed_stopped_pct: float = Field(default=20, ge=0, le=100)
    feed_rows: PositiveInt = 20
    # The share of the registers of a week that nobody marked.
    unmarked_pct: float = Field(default=50, gt=0, le=100)
    # The share of the rows of a week that are in a feed twice.
    repeated_pct: float = Field(default=50, gt=0, le=100)
    # The share on the lists grew by so many points, and to so many times as much. Small groups vary
    # by chance, so at least `flagged_students` students are needed.
    flagged_jump: float = Field(default=20, gt=0)
    flagged_times: float = Field(default=2, ge=1)
    flagged_students: PositiveInt = 10
    # When more of the classes are held, the data as a whole are in doubt: then all are held.
    classes_pct: float = Field(default=50, gt=0, le=100)


class Retention(ParameterModel):
    """How long data about students are kept, and which of them stay afterwards."""

    # Counted from the end of the term.
    months: PositiveInt = 12
    # If true, the weekly metrics stay under pseudonyms, for training.
    keep_metrics: bool = False


class CollegeWaits(ParameterModel):
    """How long a statement to the college's database may take."""

    # Minutes for each statement, seconds for what someone else has locked.
    statement_timeout: PositiveInt = 10
    lock_timeout: PositiveInt = 10


class StudentPageParams(ParameterModel):
    """What a student's own page says beyond the records, and whom it says to ask."""

    # The word of a list (Urgent, Soon, Keep in view), and the chance of failing or leaving.
    tier: bool = False
    forecast: bool = False
    # An address, or a room; REPLY_TO where empty.
    contact: str = ""


class BatchParams(ParameterModel):
    """`batch.yml`: what the operator of the batch decides."""

    timeout_minutes: dict[str, PositiveInt] = {}
    # Bounds memory: a larger college is scored in chunks of whole classes.
    chunk_students: PositiveInt = 40_000
    # Whether the run report of a stage shows the code of its notebook.
    report_code: bool = False
    college: CollegeWaits = CollegeWaits()
    gate: Gate = Gate()
    retention: Retention = Retention()
    student_page: StudentPageParams = StudentPageParams()


class Offer(ParameterModel):
    """When students may come to an advisor: times of every week, or a link to book one.

    `mail.yml` has the list or the link itself, without the names that these have here.
    """

    times: tuple[str, ...] = ()
    link: str = ""

    @model_validator(mode="before")
    @classmethod
    def _name_form(cls, given: Any) -> Any:
        if isinstance(given, str):
            return {"link": given}
        if isinstance(given, list):
            return {"times": [str(time).lower() for time in given]}
        return given

    @model_validator(mode="after")
    def _check_form(self) -> Self:
        # A letter offers a choice of two; more would be a timetable.
        if len(self.times) > 2 or not all(map(_TIME.fullmatch, self.times)):
            raise ValueError("write at most two times, each as `tuesday 14:00`")
        if self.link and not _LINK.fullmatch(self.link):
            raise ValueError("a link begins with https://")
        return self


class AfterExam(ParameterModel):
    """What comes next for who failed an exam, by subject_id; `default` is for every subject."""

    resits: Mapping[str, date] = {}
    # Whom to see about it, in words.
    see: Mapping[str, str] = {}


class Head(ParameterModel):
    """Who heads which classes: all of them where none is named. Without an address: no mail."""

    address: str = ""
    classes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What tells the head from other heads: the address, or else the classes."""
        return self.address or "+".join(self.classes) or "all"

    @property
    def reader(self) -> str:
        """What the log of deliveries and the folders of pages call the head."""
        # No advisor_id of a college begins like this.
        return f"head:{self.name}"


class Deputy(ParameterModel):
    """Who has the mail of an advisor who is away, until a day, that day included."""

    advisor: str
    address: str
    until: date


class MailParams(ParameterModel):
    """`mail.yml`: what is mailed, and how."""

    # No mail to an advisor is sent until someone sets this to `send`.
    mode: Literal["outbox", "send"] = "outbox"
    mail_detail: Literal["full", "initials", "counts"] = "full"
    college_name: str = ""
    # Whether a mail contains its picture, and whether it attaches the page (`full` only).
    pictures: bool = True
    attach_page: bool = False
    # Drafts to parents also need the permission in the data of the college, student by student.
    parents: bool = False
    # What a letter to a student offers, by advisor_id; `default` is for all other advisors.
    offers: dict[str, Offer | None] = {}
    # Who has the page about classes, without names of students; with an address as a mail a week.
    heads: tuple[Head, ...] = ()
    # Who has the mail of an advisor who is away.
    deputies: tuple[Deputy, ...] = ()
    # What the review of an exam says comes next; nothing where the college does not say.
    after_results: Mapping[Exam, AfterExam] = {}
    # How many days the answer links of a mail work.
    reply_days: int = Field(default=28, ge=1, le=366)
    timeout_seconds: float = Field(default=30, gt=0)
    # The pause doubles after each attempt.
    attempts: PositiveInt = 4
    backoff_seconds: float = Field(default=2, ge=0)

    def find_deputies(self, today: date) -> dict[str, Deputy]:
        """Return who has an advisor's mail on a day, by advisor_id of who is away."""
        return {one.advisor: one for one in self.deputies if one.until >= today}

    def get_offer(self, advisor: str) -> Offer:
        """Return when students may come to an advisor; empty where nobody said."""
        # An advisor with null offers nothing, whatever the default is.
        return self.offers.get(advisor, self.offers.get("default")) or Offer()
