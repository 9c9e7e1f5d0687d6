"""Parameters: frozen models of the files in `params/`; unknown keys are refused."""

from edumetrics.params.base import ParameterModel
from edumetrics.params.batch import (
    WEEKDAYS,
    AfterExam,
    BatchParams,
    Deputy,
    Gate,
    Head,
    MailParams,
    Offer,
    Retention,
)
from edumetrics.params.calendar import Calendar, Slot, SlotDates
from edumetrics.params.college import ONLY, CollegeFile, SourceDatabase, SourceMapping
from edumetrics.params.files import LETTER, Params, find_ready, load, load_ready
from edumetrics.params.forecast import Forecast
from edumetrics.params.scoring import EffortWeights, RiskScales, RiskWeights, Scoring
from edumetrics.params.triage import Deadline, LowAttendance, NoWork, Rules, Similarity, Triage

__all__ = [
    "LETTER",
    "ONLY",
    "WEEKDAYS",
    "AfterExam",
    "BatchParams",
    "Calendar",
    "CollegeFile",
    "Deadline",
    "Deputy",
    "EffortWeights",
    "Forecast",
    "Gate",
    "Head",
    "LowAttendance",
    "MailParams",
    "NoWork",
    "Offer",
    "ParameterModel",
    "Params",
    "Retention",
    "RiskScales",
    "RiskWeights",
    "Rules",
    "Scoring",
    "Similarity",
    "Slot",
    "SlotDates",
    "SourceDatabase",
    "SourceMapping",
    "Triage",
    "find_ready",
    "load",
    "load_ready",
]
