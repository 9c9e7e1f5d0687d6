"""Parameters: frozen models of the files in `params/`; unknown keys are refused."""

from __future__ import annotations

import hashlib
import json
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
# The template of an email that an advisor may send; a folder of parameters may have its own.
LETTER = "letter.txt.j2"
# A day that every year has: so 29 February is refused.
MONTH_DAY = (
    r"^((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])"
    r"|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))$"
)
# A home may have parameter files from before these two existed: then their defaults apply.
LATER = ("batch", "mail")


class ParameterModel(BaseModel):
    """The base of all parameter models: frozen, unknown keys forbidden."""

    # Otherwise a misspelt key would silently leave the default in force.
    model_config = ConfigDict(frozen=True, extra="forbid")


class SlotDates(ParameterModel):
    """One half of the year: its offset in global weeks, and the first day of its week 1."""

    offset: int = Field(ge=0)
    starts: str = Field(
        pattern=MONTH_DAY,
        description="month-day of the first day of week 1, used without sim_state",
    )


class Calendar(ParameterModel):
    """`calendar.yml`: how a college counts its weeks. Weeks are semester weeks, numbered from 1."""

    weeks_per_semester: PositiveInt = 18
    # Exam weeks have no teaching and no due work. None: the college has no such exam week.
    midterm_week: PositiveInt | None = 8
    endterm_week: PositiveInt | None = 18
    vacation_weeks: tuple[PositiveInt, ...] = ()
    # In the first weeks little is known yet: no score puts a student on a list then.
    grace_weeks: int = Field(default=3, ge=0)
    slots: dict[Slot, SlotDates] = {
        "odd": SlotDates(offset=0, starts="07-14"),
        "even": SlotDates(offset=18, starts="01-05"),
    }
    # The zone of the college: timestamps with a zone are read in it.
    time_zone: str = "Asia/Kolkata"
    # The percentage of lectures that a student must attend. None: the college has no such rule.
    attendance_rule_pct: float | None = Field(default=75, gt=0, le=100)

    @model_validator(mode="after")
    def _check_calendar(self) -> Self:
        if self.time_zone not in available_timezones():
            raise ValueError(f"time_zone {self.time_zone!r} is not a known time zone")
        if max(self.vacation_weeks, default=0) > self.weeks_per_semester:
            raise ValueError(f"a vacation week is after the last week, {self.weeks_per_semester}")
        if not self.teaching_weeks:
            raise ValueError("no teaching week is left after exam and vacation weeks")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the college."""
        return ZoneInfo(self.time_zone)

    # Works on a frozen model, because the value goes into `__dict__` without an assignment.
    @cached_property
    def teaching_weeks(self) -> tuple[int, ...]:
        """The weeks that are neither exam nor vacation weeks, ascending."""
        other = {self.midterm_week, self.endterm_week, *self.vacation_weeks}
        return tuple(week for week in range(1, self.weeks_per_semester + 1) if week not in other)

    def get_last_teaching_weeks(self, week: int, count: int) -> tuple[int, ...]:
        """Return the last `count` teaching weeks up to and including `week`, latest first.

        There are fewer near the start of the semester.
        """
        return tuple(sorted((w for w in self.teaching_weeks if w <= week), reverse=True)[:count])

    def get_teaching_weeks_before(self, week: int, count: int) -> tuple[int, ...]:
        """Return the last `count` teaching weeks before `week`, without it, latest first.

        There are fewer near the start of the semester.
        """
        return self.get_last_teaching_weeks(week - 1, count)

    def get_next_teaching_weeks(self, week: int) -> tuple[int, ...]:
        """Return the teaching weeks after `week`, without it, ascending."""
        return tuple(w for w in self.teaching_weeks if w > week)

    def count_teaching_weeks_left(self, week: int) -> int:
        """Return the number of teaching weeks after `week`, without it."""
        return len(self.get_next_teaching_weeks(week))


class EffortWeights(ParameterModel):
    """Weights of the six effort signals; only their proportions matter."""

    library_visits: NonNegativeFloat = 25
    book_borrows: NonNegativeFloat = 20
    assignment_quality: NonNegativeFloat = 20
    clean_work: NonNegativeFloat = 15
    attendance: NonNegativeFloat = 10
    submission: NonNegativeFloat = 10


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


class Forecast(ParameterModel):
    """`forecast.yml`: how models are fitted, and when their forecasts are used."""

    # With fewer known outcomes there is no model. `least_fails` also holds for those who passed.
    least_students: PositiveInt = 60
    least_fails: PositiveInt = 15
    # The inverse strength of the regularisation of the linear model.
    linear_c: float = Field(default=0.02, gt=0)
    # The linear model of a week also learns from so many weeks on either side of it.
    window: int = Field(default=1, ge=0)
    trees: PositiveInt = 400
    tree_leaves: int = Field(default=6, ge=2)
    learning_rate: float = Field(default=0.03, gt=0)
    # A leaf with many rows gives steadier chances; small colleges get a smaller number.
    leaf_students: PositiveInt = 300
    # Bounds memory and time: beyond this, models learn from a sample of students.
    most_rows: PositiveInt = 150_000
    # The part of last week's logit that a list keeps. At 1 it would never change.
    smoothing: float = Field(default=0.3, ge=0, lt=1)
    # For past terms: marks without a date count as known so many days after the work was handed in.
    marking_lag_days: int = Field(default=0, ge=0)
    # Fixed, so that the same data give the same forecasts.
    seed: int = Field(default=1, ge=0)


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


class BatchParams(ParameterModel):
    """`batch.yml`: what the operator of the batch decides."""

    timeout_minutes: dict[str, PositiveInt] = {}
    # Bounds memory: a larger college is scored in chunks of whole classes.
    chunk_students: PositiveInt = 80_000
    # Whether the run report of a stage shows the code of its notebook.
    report_code: bool = False
    gate: Gate = Gate()
    retention: Retention = Retention()


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
    # How many days the answer links of a mail work.
    reply_days: PositiveInt = 28
    timeout_seconds: float = Field(default=30, gt=0)
    # The pause doubles after each attempt.
    attempts: PositiveInt = 4
    backoff_seconds: float = Field(default=2, ge=0)


class CollegeFile(ParameterModel):
    """`colleges/NAME.yml`: where each relation comes from, and which parameters differ.

    `views` are SELECTs that several relations share.
    """

    # None: the college does not have this relation.
    relations: dict[str, str | None]
    # The names become names in SQL, so only plain identifiers are allowed.
    views: dict[Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")], str] = {}
    # Checked only after they are merged with the general files.
    calendar: dict[str, Any] = {}
    triage: dict[str, Any] = {}
    forecast: dict[str, Any] = {}
    batch: dict[str, Any] = {}
    mail: dict[str, Any] = {}
    sentences: dict[str, Any] = {}


class Params(ParameterModel):
    """All parameters of a run."""

    calendar: Calendar = Calendar()
    scoring: Scoring = Scoring()
    triage: Triage = Triage()
    forecast: Forecast = Forecast()
    batch: BatchParams = BatchParams()
    mail: MailParams = MailParams()
    letter: str = ""
    sentences: Sentences
    college: CollegeFile

    def hash_values(self) -> str:
        """Return a hexadecimal fingerprint of all values: equal parameters have equal ones."""
        # Sorted, because a college may write its own values in any order.
        values = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(values.encode()).hexdigest()


M = TypeVar("M", bound=BaseModel)


def load(folder: Path, college: str) -> Params:
    """Read the parameter files of a college.

    Args:
        folder: the folder that holds `calendar.yml`, `scoring.yml` and `colleges/`.
        college: the name of a file in `colleges/`, without its extension.

    Raises:
        SettingsError: a file is missing or is not YAML, a key is unknown, or a value is out of
            range. The message names the file and the key.
    """
    path = folder / "colleges" / f"{college}.yml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.yml"))) or "none"
        raise SettingsError(
            f"There is no file {path}: set EDUMETRICS_COLLEGE to a known college ({known})."
        )
    college_file = _validate_values(CollegeFile, _read_mapping(path), path)

    def load_part(model: type[M], name: str) -> M:
        own = getattr(college_file, name, {})
        general = folder / f"{name}.yml"
        said = {} if name in LATER and not general.exists() else _read_mapping(general)
        # Where the college's file changes a part, a wrong value most likely comes from there.
        return _validate_values(model, _apply_overrides(said, own), path if own else general)

    return Params(
        calendar=load_part(Calendar, "calendar"),
        scoring=load_part(Scoring, "scoring"),
        triage=load_part(Triage, "triage"),
        forecast=load_part(Forecast, "forecast"),
        batch=load_part(BatchParams, "batch"),
        mail=load_part(MailParams, "mail"),
        letter=_read_letter(folder),
        sentences=load_part(Sentences, "sentences"),
        college=college_file,
    )


def _read_letter(folder: Path) -> str:
    """Return the template of an advisor's email: the folder's own, else the project's."""
    own = folder / LETTER
    path = own if own.exists() else PROJECT / "params" / LETTER
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: restore it from the project.") from error


def _apply_overrides(general: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return general values with those of a college, which win.

    A mapping such as rules or reasons is merged name by name, one level down. Calendar slots are
    replaced as a whole.
    """
    merged = dict(general)
    for name, value in own.items():
        # Merged slots would give a college with one slot a year the other one back.
        both = (
            isinstance(value, Mapping)
            and isinstance(general.get(name), Mapping)
            and name != "slots"
        )
        merged[name] = {**general[name], **value} if both else value
    return merged


def _read_mapping(path: Path) -> dict[str, Any]:
    """Return the names and values in a YAML file."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            f"The parameter file {path} is missing: restore it from the project."
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(
            # The parser's message has several lines; a message here is one sentence.
            f"{path} cannot be read as YAML ({' '.join(str(error).split())})."
        ) from error
    if not isinstance(content, Mapping):
        raise SettingsError(
            f"{path} must hold names and values: write lines such as `name: value`."
        )
    return dict(content)


def _validate_values(model: type[M], values: dict[str, Any], path: Path) -> M:
    """Return a model of the values in a file; the error names the first wrong key."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise SettingsError(f"{path}: {where}: {first['msg']}.") from error
