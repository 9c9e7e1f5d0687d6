"""Who is on an advisor's list: scores, hard rules and capacity."""

from __future__ import annotations

from typing import Self

from pydantic import Field, PositiveInt, model_validator

from edumetrics.params.base import ParameterModel


class LowAttendance(ParameterModel):
    """A student attended few lectures this week."""

    # Where few lectures were held, the percentage says little: so many must have been held.
    enabled: bool = True
    at_most_pct: float = Field(default=30, ge=0, le=100)
    lectures: PositiveInt = 3


class NoWork(ParameterModel):
    """A student handed in nothing for `days` days, while at least `items` items fell due."""

    enabled: bool = True
    days: PositiveInt = 14
    items: PositiveInt = 2


class OutOfReach(ParameterModel):
    """The attendance rule went out of reach this week."""

    enabled: bool = True


class Similarity(ParameterModel):
    """The similarity report on work due this week is high."""

    # Off unless a college wants it: a report is not a finding of misconduct.
    enabled: bool = False
    at_least_pct: float = Field(default=50, ge=0, le=100)


class Rules(ParameterModel):
    """The hard rules: each puts a student on the list, whatever the score is."""

    low_attendance: LowAttendance = LowAttendance()
    no_work: NoWork = NoWork()
    out_of_reach: OutOfReach = OutOfReach()
    similarity: Similarity = Similarity()


class Triage(ParameterModel):
    """`triage.yml`: who is on an advisor's list, and how many fit into a week."""

    # Risk scores from which a student is on the list, and from which the level is higher.
    watch: float = Field(default=45, gt=0, le=100)
    high: float = Field(default=60, gt=0, le=100)
    critical: float = Field(default=75, gt=0, le=100)
    # Hysteresis: a student whose score varies around `watch` does not go off and on the list.
    staying_margin: float = Field(default=5, ge=0)
    # Conversations that an advisor has time for in a week; `capacities` has the exceptions.
    capacity: PositiveInt = 8
    capacities: dict[str, PositiveInt] = {}
    # Who gets the list of students without an advisor. None: the operator.
    unassigned_to: str | None = None
    # Places kept for students who were never on the list, so that long cases do not take them all.
    new_names: int = Field(default=2, ge=0)
    # So many weeks on the list raise Watch to High, once, unless the score falls.
    raise_at_level: PositiveInt = 3
    # How many teaching weeks a contact without an end date counts for.
    looked_after_weeks: PositiveInt = 2
    # When more of a class has one leading reason, that is a finding about the class.
    class_share_pct: float = Field(default=40, gt=0, le=100)
    class_minimum: PositiveInt = 3
    # A reason is stated only if it adds so many points to the risk score.
    reason_points: float = Field(default=1, gt=0)
    # Where a model ranks, students with this chance of failing or leaving are always on the list.
    sure_chance: float = Field(default=0.6, gt=0, le=1)
    rules: Rules = Rules()

    @model_validator(mode="after")
    def _check_thresholds(self) -> Self:
        if not self.watch <= self.high <= self.critical:
            raise ValueError("watch, high and critical must ascend")
        return self

    def get_capacity(self, advisor: str) -> int:
        """Return how many students an advisor can reach in a week.

        Students without an advisor (empty) get the capacity of the person who reads their list.
        """
        return self.capacities.get(advisor or self.unassigned_to or "", self.capacity)

    @property
    def staying(self) -> float:
        """The score above which a student on last week's list stays."""
        return self.watch - self.staying_margin
