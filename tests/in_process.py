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
from edumetrics.stages import BY_NAME


def execute(
    stage: str,
    parameters: Mapping[str, Any],
    folder: Path,
    *,
    environ: Mapping[str, str] | None = None,
    **_: Any,
) -> dict[str, int]:
    """Carry out a stage as its notebook does, but for the tables and figures."""
    declarations.check_parameters(stage, parameters)
    create_private_folder(folder)
    chosen = BY_NAME[stage]
    told = {name: value for name, value in parameters.items() if name not in ("write", "run_id")}
    with mock.patch.dict(os.environ, environ or {}):
        done = chosen.compute(chosen.load(**told))
        rows = chosen.write(done, run_id=str(parameters.get("run_id", "")))
        return {"rows": rows, "pages": len(chosen.render_pages(done))}


@contextmanager
def executor() -> Iterator[Execute]:
    """What `pipeline.DEFAULT_EXECUTOR` is in tests that are not marked `process`."""
    yield execute
