"""Parameters: frozen models of the files in `params/`, unknown keys refused."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from edumetrics.errors import SettingsError
from edumetrics.sentences import Sentences
from edumetrics.settings import PROJECT

Slot = Literal["odd", "even"]
LETTER = "letter.txt.j2"
MONTH_DAY = r"^((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))$"
# Homes may have parameter files that are older than these.
LATER = ("batch", "mail")


class Model(BaseModel):
    """Frozen, unknown keys forbidden."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SlotDates(Model):
    """One half of the year: its offset in global weeks, and the first day of its week 1 in each year."""

    offset: int = Field(ge=0)
    starts: str = Field(
        pattern=MONTH_DAY,
        description="month-day of the first day of week 1, used without sim_state",
    )


class Calendar(Model):
    """`calendar.yml`: how a college counts its weeks. Weeks are semester weeks, numbered from 1."""

    weeks_per_semester: PositiveInt = 18
    midterm_week: PositiveInt | None = 8
    endterm_week: PositiveInt | None = 18
    vacation_weeks: tuple[PositiveInt, ...] = ()
    grace_weeks: int = Field(default=3, ge=0)
    slots: dict[Slot, SlotDates] = {
        "odd": SlotDates(offset=0, starts="07-14"),
        "even": SlotDates(offset=18, starts="01-05"),
    }
    time_zone: str = "Asia/Kolkata"
    attendance_rule_pct: float | None = Field(default=75, gt=0, le=100)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.time_zone not in available_timezones():
            raise ValueError(f"time_zone {self.time_zone!r} is not a known time zone")
        if max(self.vacation_weeks, default=0) > self.weeks_per_semester:
            raise ValueError(f"a vacation week is after the last week, {self.weeks_per_semester}")
        if not self.teaching_weeks:
            raise ValueError("no teaching week is left after exam and vacation weeks")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The college's time zone."""
        return ZoneInfo(self.time_zone)

    @cached_property
    def teaching_weeks(self) -> tuple[int, ...]:
        """The weeks that are neither exam nor vacation weeks, ascending."""
        other = {self.midterm_week, self.endterm_week, *self.vacation_weeks}
        return tuple(week for week in range(1, self.weeks_per_semester + 1) if week not in other)

    def last_teaching_weeks(self, week: int, count: int) -> tuple[int, ...]:
        """The last `count` teaching weeks up to and including `week`, latest first; fewer near the start."""
        return tuple(sorted((w for w in self.teaching_weeks if w <= week), reverse=True)[:count])

    def teaching_weeks_before(self, week: int, count: int) -> tuple[int, ...]:
        """The `count` teaching weeks before `week`, exclusive, latest first; fewer near the start."""
        return self.last_teaching_weeks(week - 1, count)

    def next_teaching_weeks(self, week: int) -> tuple[int, ...]:
        """The teaching weeks after `week`, exclusive, in order."""
        return tuple(w for w in self.teaching_weeks if w > week)

    def teaching_weeks_left(self, week: int) -> int:
        """How many teaching weeks come after `week`, exclusive."""
        return len(self.next_teaching_weeks(week))


class EffortWeights(Model):
    """Weights of the six effort signals; only their proportions matter."""

    library_visits: NonNegativeFloat = 25
    book_borrows: NonNegativeFloat = 20
    assignment_quality: NonNegativeFloat = 20
    clean_work: NonNegativeFloat = 15
    attendance: NonNegativeFloat = 10
    submission: NonNegativeFloat = 10


class RiskWeights(Model):
    """Weights of the eight risk components; only their proportions matter."""

    attendance_standing: NonNegativeFloat = 20
    academic_level: NonNegativeFloat = 20
    missed_work: NonNegativeFloat = 15
    attendance_fall: NonNegativeFloat = 12
    effort_level: NonNegativeFloat = 10
    effort_fall: NonNegativeFloat = 10
    academic_fall: NonNegativeFloat = 8
    platform_silence: NonNegativeFloat = 5


class RiskScales(Model):
    """How many points of a fall count as a full component."""

    attendance_fall: float = Field(default=40, gt=0)
    effort_level: float = Field(default=40, gt=0)
    effort_fall: float = Field(default=30, gt=0)
    academic_fall: float = Field(default=30, gt=0)


class Scoring(Model):
    """`scoring.yml`: weights and scales of the weekly metrics."""

    effort_weights: EffortWeights = EffortWeights()
    library_visits_full: PositiveInt = 5
    book_borrows_full: PositiveInt = 2
    feed_weeks: PositiveInt = 4
    academic_weights: tuple[NonNegativeFloat, ...] = (40, 30, 30)
    pass_mark: float = Field(default=40, gt=0, le=100)
    academic_margin: float = Field(default=15, ge=0)
    missed_work_weeks: PositiveInt = 3
    baseline_weeks: PositiveInt = 4
    baseline_minimum: PositiveInt = 2
    detention_from_week: PositiveInt = 4
    detention_weeks: PositiveInt = 4
    detention_prior_weeks: float = Field(default=4, gt=0)
    risk_weights: RiskWeights = RiskWeights()
    risk_scales: RiskScales = RiskScales()
    exclusions: tuple[str, ...] = Field(default=(), description="students who are never scored")


class LowAttendance(Model):
    """Few of this week's lectures attended."""

    enabled: bool = True
    at_most_pct: float = Field(default=30, ge=0, le=100)
    lectures: PositiveInt = 3


class NoWork(Model):
    """Nothing handed in for so many days, while so many items fell due."""

    enabled: bool = True
    days: PositiveInt = 14
    items: PositiveInt = 2


class OutOfReach(Model):
    """The attendance rule went out of reach this week."""

    enabled: bool = True


class Similarity(Model):
    """A similarity report on work due this week. Off unless a college wants it: a report is not a finding."""

    enabled: bool = False
    at_least_pct: float = Field(default=50, ge=0, le=100)


class Rules(Model):
    """Hard rules: each puts a student on the list whatever the score."""

    low_attendance: LowAttendance = LowAttendance()
    no_work: NoWork = NoWork()
    out_of_reach: OutOfReach = OutOfReach()
    similarity: Similarity = Similarity()


class Triage(Model):
    """`triage.yml`: who is on an advisor's list, and how many fit into a week."""

    watch: float = Field(default=45, gt=0, le=100)
    high: float = Field(default=60, gt=0, le=100)
    critical: float = Field(default=75, gt=0, le=100)
    staying_margin: float = Field(default=5, ge=0)
    capacity: PositiveInt = 8
    capacities: dict[str, PositiveInt] = {}
    unassigned_to: str | None = None
    new_names: int = Field(default=2, ge=0)
    raise_at_level: PositiveInt = 3
    looked_after_weeks: PositiveInt = 2
    class_share_pct: float = Field(default=40, gt=0, le=100)
    class_minimum: PositiveInt = 3
    reason_points: float = Field(default=1, gt=0)
    sure_chance: float = Field(default=0.6, gt=0, le=1)
    rules: Rules = Rules()

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if not self.watch <= self.high <= self.critical:
            raise ValueError("watch, high and critical must ascend")
        return self

    def capacity_of(self, advisor: str) -> int:
        """How many an advisor can reach in a week; for students without one (empty) their list's reader's."""
        return self.capacities.get(advisor or self.unassigned_to or "", self.capacity)

    @property
    def staying(self) -> float:
        """The score above which a student on last week's list stays."""
        return self.watch - self.staying_margin


class Forecast(Model):
    """`forecast.yml`: how models are fitted, and when they are believed."""

    least_students: PositiveInt = 60
    least_fails: PositiveInt = 15
    linear_c: float = Field(default=0.02, gt=0)
    window: int = Field(default=1, ge=0)
    trees: PositiveInt = 400
    tree_leaves: int = Field(default=6, ge=2)
    learning_rate: float = Field(default=0.03, gt=0)
    leaf_students: PositiveInt = 300
    most_rows: PositiveInt = 150_000
    smoothing: float = Field(default=0.3, ge=0, lt=1)
    marking_lag_days: int = Field(default=0, ge=0)
    seed: int = Field(default=1, ge=0)


class Timeouts(Model):
    """How many minutes each stage's notebook may take."""

    pre_sem: PositiveInt = 30
    weekly: PositiveInt = 30
    pre_mid: PositiveInt = 30
    pre_end: PositiveInt = 30
    post_analysis: PositiveInt = 30


class Gate(Model):
    """What holds mail back: between computing a week and sending it."""

    feed_stopped_pct: float = Field(default=20, ge=0, le=100)
    feed_rows: PositiveInt = 20
    unmarked_pct: float = Field(default=50, gt=0, le=100)
    repeated_pct: float = Field(default=50, gt=0, le=100)
    flagged_jump: float = Field(default=20, gt=0)
    flagged_times: float = Field(default=2, ge=1)
    flagged_students: PositiveInt = 10
    classes_pct: float = Field(default=50, gt=0, le=100)


class Retention(Model):
    """How long what was written about students is kept, and what is kept of it afterwards."""

    months: PositiveInt = 12
    keep_metrics: bool = False


class Batch(Model):
    """`batch.yml`: what the operator decides."""

    timeout_minutes: Timeouts = Timeouts()
    chunk_students: PositiveInt = 80_000
    report_code: bool = False
    gate: Gate = Gate()
    retention: Retention = Retention()


class Mail(Model):
    """`mail.yml`: what is mailed, and how."""

    mode: Literal["outbox", "send"] = "outbox"
    mail_detail: Literal["full", "initials", "counts"] = "full"
    college_name: str = ""
    pictures: bool = True
    attach_page: bool = False
    parents: bool = False
    reply_days: PositiveInt = 28
    timeout_seconds: float = Field(default=30, gt=0)
    attempts: PositiveInt = 4
    backoff_seconds: float = Field(default=2, ge=0)


class CollegeFile(Model):
    """`colleges/NAME.yml`: where each relation comes from (`views` are SELECTs to share), and what else differs."""

    relations: dict[str, str | None]
    views: dict[Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")], str] = {}
    calendar: dict[str, Any] = {}
    triage: dict[str, Any] = {}
    forecast: dict[str, Any] = {}
    batch: dict[str, Any] = {}
    mail: dict[str, Any] = {}
    sentences: dict[str, Any] = {}


class Params(Model):
    """Every parameter of a run."""

    calendar: Calendar = Calendar()
    scoring: Scoring = Scoring()
    triage: Triage = Triage()
    forecast: Forecast = Forecast()
    batch: Batch = Batch()
    mail: Mail = Mail()
    letter: str = ""
    sentences: Sentences
    college: CollegeFile

    def sha256(self) -> str:
        """A fingerprint of all values, in hexadecimal; equal parameters have equal fingerprints."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


M = TypeVar("M", bound=BaseModel)


def load(folder: Path, college: str) -> Params:
    """Read the parameter files of a college.

    Args:
        folder: the folder that holds `calendar.yml`, `scoring.yml` and `colleges/`.
        college: the name of a file in `colleges/`, without its ending.

    Raises:
        SettingsError: a file is missing or is not YAML, or a key is unknown or a value out of range; the message names
            file and key.
    """
    path = folder / "colleges" / f"{college}.yml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.yml"))) or "none"
        raise SettingsError(f"EDUMETRICS_COLLEGE names no file {path}: known colleges are {known}.")
    college_file = _model(CollegeFile, _mapping(path), path)

    def part(model: type[M], name: str) -> M:
        own = getattr(college_file, name, {})
        general = folder / f"{name}.yml"
        said = {} if name in LATER and not general.exists() else _mapping(general)
        return _model(model, _overridden(said, own), path if own else general)

    return Params(
        calendar=part(Calendar, "calendar"),
        scoring=part(Scoring, "scoring"),
        triage=part(Triage, "triage"),
        forecast=part(Forecast, "forecast"),
        batch=part(Batch, "batch"),
        mail=part(Mail, "mail"),
        letter=_letter(folder),
        sentences=part(Sentences, "sentences"),
        college=college_file,
    )


def _letter(folder: Path) -> str:
    """The template of the email that an advisor may send: the folder's own, else the project's."""
    own = folder / LETTER
    path = own if own.exists() else PROJECT / "params" / LETTER
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: restore it from the project.") from error


def _overridden(general: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """What a college says itself wins, one level down (rules, reasons) name by name; its calendar slots as a whole."""
    merged = dict(general)
    for name, value in own.items():
        both = (
            isinstance(value, Mapping)
            and isinstance(general.get(name), Mapping)
            and name != "slots"
        )
        merged[name] = {**general[name], **value} if both else value
    return merged


def _mapping(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            f"The parameter file {path} is missing: restore it from the project."
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(
            f"{path} cannot be read as YAML ({' '.join(str(error).split())})."
        ) from error
    if not isinstance(content, Mapping):
        raise SettingsError(f"{path} must hold names and values.")
    return dict(content)


def _model(model: type[M], values: dict[str, Any], path: Path) -> M:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise SettingsError(f"{path}: {where}: {first['msg']}.") from error
