"""Weights and scales of the weekly metrics."""

from __future__ import annotations

from pydantic import Field, NonNegativeFloat, PositiveInt

from edumetrics.params.base import ParameterModel


class EffortWeights(ParameterModel):
    """Weights of the effort signals; only their proportions matter."""

    library_visits: NonNegativeFloat = 25
    book_borrows: NonNegativeFloat = 20
    assignment_quality: NonNegativeFloat = 20
    clean_work: NonNegativeFloat = 15
    attendance: NonNegativeFloat = 10
    submission: NonNegativeFloat = 10
    # For colleges whose platform is their best witness.
    platform: NonNegativeFloat = 0


class RiskWeights(ParameterModel):
    """Weights of the eight risk components; only their proportions matter."""

    attendance_standing: NonNegativeFloat = 20
    academic_level: NonNegativeFloat = 20
    missed_work: NonNegativeFloat = 15
    attendance_fall: NonNegativeFloat = 12
    effort_level: NonNegativeFloat = 10
    effort_fall: NonNegativeFloat = 10
    academic_fall: NonNegativeFloat = 8
    platform_silence: NonNegativeFloat = 5


class RiskScales(ParameterModel):
    """How many points of a difference count as a full risk component."""

    # These are divisors, so none may be 0.
    attendance_fall: float = Field(default=40, gt=0)
    effort_level: float = Field(default=40, gt=0)
    effort_fall: float = Field(default=30, gt=0)
    academic_fall: float = Field(default=30, gt=0)


class Scoring(ParameterModel):
    """`scoring.yml`: weights and scales of the weekly metrics."""

    effort_weights: EffortWeights = EffortWeights()
    # Visits and loans a week that count as 100; more add nothing.
    library_visits_full: PositiveInt = 5
    book_borrows_full: PositiveInt = 2
    platform_full: PositiveInt = 5
    # Below this share of the weights an effort score is stored and never told.
    least_coverage: float = Field(default=0.3, ge=0, le=1)
    # A feed without any row in so many teaching weeks is absent: it is not counted as zero.
    feed_weeks: PositiveInt = 4
    # This teaching week, the one before, and the one before that.
    academic_weights: tuple[NonNegativeFloat, ...] = (40, 30, 30)
    pass_mark: float = Field(default=40, gt=0, le=100)
    # The academic level starts to count at pass mark + margin: before a student fails.
    academic_margin: float = Field(default=15, ge=0)
    missed_work_weeks: PositiveInt = 3
    # A baseline is the mean of so many earlier teaching weeks; one value alone is too little.
    baseline_weeks: PositiveInt = 4
    baseline_minimum: PositiveInt = 2
    # Earlier, too few lectures have been held to estimate a risk.
    detention_from_week: PositiveInt = 4
    detention_weeks: PositiveInt = 4
    # The prior: the attendance of the class counts as much as so many weeks of the student's own.
    detention_prior_weeks: float = Field(default=4, gt=0)
    risk_weights: RiskWeights = RiskWeights()
    risk_scales: RiskScales = RiskScales()
    exclusions: tuple[str, ...] = Field(default=(), description="students who are never scored")

    @property
    def full_counts(self) -> dict[str, int]:
        """By effort signal that is a count: how many a week count as 100."""
        ending = "_full"
        names = [name for name in type(self).model_fields if name.endswith(ending)]
        return {name.removesuffix(ending): getattr(self, name) for name in names}
