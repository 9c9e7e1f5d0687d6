"""Stages carried out in this process: what is not about notebooks need not start a kernel."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from edumetrics.batch import parameters as declarations
from edumetrics.batch.pipeline import Execute
from edumetrics.settings import create_private_folder
from edumetrics.stages import post_exam, pre_exam, pre_semester, weekly


def _pages(stage: str, told: dict[str, Any], run_id: str) -> dict[str, int]:
    """What the notebook of a stage does, but for its tables and figures."""
    if stage == weekly.STAGE:
        lists = weekly.make_lists(weekly.compute(weekly.load(**told)))
        return _summary(weekly.write(lists, run_id=run_id), weekly.render_pages(lists))
    if stage == pre_semester.STAGE:
        watched = pre_semester.compute(pre_semester.load(**told))
        return _summary(
            pre_semester.write(watched, run_id=run_id), pre_semester.render_pages(watched)
        )
    if stage == post_exam.STAGE:
        review = post_exam.compute(post_exam.load(**told))
        rows = post_exam.write(review, run_id=run_id)
        return _summary(rows, post_exam.render_pages(review))
    exam = next(exam for exam, name in pre_exam.STAGES.items() if name == stage)
    predicted = pre_exam.compute(pre_exam.load(exam, **told))
    return _summary(pre_exam.write(predicted, run_id=run_id), pre_exam.render_pages(predicted))


def _summary(rows: int, pages: list[Path]) -> dict[str, int]:
    return {"rows": rows, "pages": len(pages)}


def execute(
    stage: str,
    parameters: Mapping[str, Any],
    folder: Path,
    *,
    environ: Mapping[str, str] | None = None,
    **_: Any,
) -> dict[str, int]:
    """Carry out a stage as `batch.notebook.run_notebook` would, without a notebook to look at afterwards."""
    declarations.check_parameters(stage, parameters)
    create_private_folder(folder)
    told = {name: value for name, value in parameters.items() if name not in ("write", "run_id")}
    with mock.patch.dict(os.environ, environ or {}):
        return _pages(stage, told, str(parameters.get("run_id", "")))


@contextmanager
def executor() -> Iterator[Execute]:
    """What `pipeline.DEFAULT_EXECUTOR` is in tests that are not marked `process`."""
    yield execute
