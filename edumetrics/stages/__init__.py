"""The stages of the weekly batch. `STAGES` is the only list of them."""

from typing import Any

from edumetrics.stages import post_exam, pre_exam, pre_semester, weekly
from edumetrics.stages.base import Stage

# In the order in which one week runs them.
STAGES: tuple[Stage[Any, Any], ...] = (
    pre_semester.STAGE,
    weekly.STAGE,
    pre_exam.PRE_MIDTERM,
    pre_exam.PRE_ENDTERM,
    post_exam.STAGE,
)
BY_NAME: dict[str, Stage[Any, Any]] = {stage.name: stage for stage in STAGES}
