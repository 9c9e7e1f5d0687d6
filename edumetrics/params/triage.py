"""Who is on an advisor's list: urgency, the list threshold, rules and capacity."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from edumetrics.params.base import ParameterModel

# What stood in `triage.yml` under the rule before this one, and what to do with each key now.
REPLACED = {
    "watch": "`list_at` (used until a term is complete; then the list threshold is fitted)",
    "high": "`soon`",
    "critical": "`urgent`",
    "raise_at_level": "nothing (the tier follows the urgency alone)",
    "reason_points": "`reading_error`",
    "sure_chance": "`list_share`",
    "rules.out_of_reach": "`rules.deadline` (a rule out of reach is told once and lists nobody)",
}


class LowAttendance(ParameterModel):
    """A student attended few lectures this week, who attended most of them before."""

    enabled: bool = True
    at_most_pct: float = Field(default=30, ge=0, le=100)
    # Where few lectures were held, the percentage says little: so many must have been held.
    lectures: PositiveInt = 3
    # In the four teaching weeks before, so much was attended: lower, and it is no news.
    usual_pct: float = Field(default=50, ge=0, le=100)


class NoWork(ParameterModel):
    """A student handed in nothing for `days` days, while at least `items` items fell due."""

    enabled: bool = True
    days: PositiveInt = 14
    items: PositiveInt = 2


class Deadline(ParameterModel):
    """The chance of ending below the attendance rule rose so far, and it can still be met."""

    enabled: bool = True
    at_least: float = Field(default=0.9, gt=0, le=1)


class Similarity(ParameterModel):
    """The similarity report on work due this week is high."""

    # Off unless a college wants it: a report is not a finding of misconduct.
    enabled: bool = False
    at_least_pct: float = Field(default=50, ge=0, le=100)


class Rules(ParameterModel):
    """The rules: each lists a student as news of a week, whatever the urgency is."""

    low_attendance: LowAttendance = LowAttendance()
    no_work: NoWork = NoWork()
    deadline: Deadline = Deadline()
    similarity: Similarity = Similarity()


class Triage(ParameterModel):
    """`triage.yml`: who is on an advisor's list, and how many fit into a week."""

    # Whether a forecast ranks the lists once it has proved better, or the rules always do; then
    # no watchlist, outlook or chance of a model is on a list, a card or a mail either.
    ranking: Literal["model", "rules"] = "model"
    # The share of students that urgency and staying alone are to list; rules come on top.
    list_share: float = Field(default=0.15, gt=0, lt=1)
    # The list threshold until a term is complete, in points of urgency.
    list_at: float = Field(default=45, gt=0, le=100)
    # The urgencies from which a listed student is called Urgent and Soon. Shown chances are cut
    # at the same places, so that words and numbers agree.
    urgent: float = Field(default=60, gt=0, le=100)
    soon: float = Field(default=35, gt=0, le=100)
    # Hysteresis: whoever is listed stays while the urgency is above the threshold less this.
    staying_margin: float = Field(default=8, ge=0)
    # How much of the rest of the way to 100 a nearing attendance deadline adds to a chance.
    detention_weight: float = Field(default=0.3, ge=0, le=1)
    # Conversations that an advisor has time for in a week; `capacities` has the exceptions.
    capacity: PositiveInt = 8
    capacities: dict[str, PositiveInt] = {}
    # Who gets the list of students without an advisor. None: the operator.
    unassigned_to: str | None = None
    # How many of an advisor's last places are drawn by lot among students of nearly equal urgency,
    # so that what a place did can be told (`docs/effects.md`); and how near, in points.
    drawn_places: int = Field(default=0, ge=0)
    drawn_within: float = Field(default=6, gt=0)
    # Places kept for names that were not on last week's list, so that long cases do not take all.
    new_names: int = Field(default=2, ge=0)
    # After so many teaching weeks with a place and without an answer a student is handed over to
    # this address. None: the card is marked, and nobody is written to.
    hand_over_after: PositiveInt = 3
    hand_over_to: str | None = None
    # How many teaching weeks a contact without an end date counts for, and a wrong flag.
    looked_after_weeks: PositiveInt = 2
    wrong_flag_weeks: PositiveInt = 4
    # When more of a class is listed for one leading reason, that is a finding about the class;
    # when a rule fires for more of a class than this in a week, too, and it then lists nobody.
    class_share_pct: float = Field(default=40, gt=0, le=100)
    rule_share_pct: float = Field(default=20, gt=0, le=100)
    # In a small class two students are a large share: a finding needs so many.
    class_minimum: PositiveInt = 3
    # A fact that is worse than the class, or than before, by less than so many points is no reason.
    reading_error: float = Field(default=5, ge=0)
    # How many days after its due date an assignment still counts as open.
    late_days: PositiveInt = 21
    rules: Rules = Rules()

    @model_validator(mode="before")
    @classmethod
    def _name_replaced_keys(cls, given: Any) -> Any:
        """Refuse keys of the rule before this one, saying in one sentence what replaced each."""
        if not isinstance(given, dict):
            return given
        rules = given.get("rules")
        there = {*given, *(f"rules.{name}" for name in (rules if isinstance(rules, dict) else ()))}
        old = [f"`{key}` is now {new}" for key, new in REPLACED.items() if key in there]
        if old:
            raise ValueError(f"the list is made by urgency now: {'; '.join(old)}")
        return given

    @model_validator(mode="after")
    def _check_thresholds(self) -> Self:
        if not self.soon <= self.urgent:
            raise ValueError("soon must not be above urgent")
        return self

    @property
    def uses_models(self) -> bool:
        """Whether a model may touch a list, a card or a mail."""
        return self.ranking == "model"

    def get_capacity(self, advisor: str) -> int:
        """Return how many students an advisor can reach in a week.

        Students without an advisor (empty) get the capacity of the person who reads their list.
        """
        return self.capacities.get(advisor or self.unassigned_to or "", self.capacity)
