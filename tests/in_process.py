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
from edumetrics.stages import post_analysis, pre_exam, pre_sem, weekly


def _pages(stage: str, told: dict[str, Any], run_id: str) -> dict[str, int]:
    """What the notebook of a stage does, but for its tables and figures."""
    if stage == weekly.STAGE:
        lists = weekly.make_lists(weekly.compute(weekly.load(**told)))
        return _summary(weekly.write(lists, run_id=run_id), weekly.render_pages(lists))
    if stage == pre_sem.STAGE:
        watched = pre_sem.compute(pre_sem.load(**told))
        return _summary(pre_sem.write(watched, run_id=run_id), pre_sem.render_pages(watched))
    if stage == post_analysis.STAGE:
        review = post_analysis.compute(post_analysis.load(**told))
        rows = post_analysis.write(review, run_id=run_id)
        return _summary(rows, post_analysis.render_pages(review))
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
    """Carry out a stage as `batch.execute.run_notebook` would, without a notebook to look at afterwards."""
    declarations.check_parameters(stage, parameters)
    create_private_folder(folder)
    told = {name: value for name, value in parameters.items() if name not in ("write", "run_id")}
    with mock.patch.dict(os.environ, environ or {}):
        return _pages(stage, told, str(parameters.get("run_id", "")))


@contextmanager
def executor() -> Iterator[Execute]:
    """What `pipeline.DEFAULT_EXECUTOR` is in tests that are not marked `process`."""
    yield execute
