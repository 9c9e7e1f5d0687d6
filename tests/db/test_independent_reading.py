"""Every weekly metric agrees with an independent reading of the scoring text, on colleges of an independent generator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from edumetrics.batch import pipeline
from tests.conftest import workspace_at
from tests.independent import generator, reading

KEY = ["student_id", "term", "sem_week"]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("variant", generator.VARIANTS)
def test_metrics_agree_with_an_independent_reading(variant: str, seed: int, tmp_path: Path) -> None:
    path = tmp_path / "college.db"
    generator.build(path, seed, variant)
    workspace = workspace_at(tmp_path / "home", f"sqlite:///{path}")
    pipeline.calibrate(workspace, lambda line: None)
    ours = workspace.store.read("weekly_metrics").sort_values(KEY, ignore_index=True)
    theirs = reading.weekly_metrics(path).sort_values(KEY, ignore_index=True)
    assert ours[KEY].to_numpy().tolist() == theirs[KEY].to_numpy().tolist()
    for column in theirs.columns.drop(KEY):
        compare(ours, theirs, column)


def compare(ours: pd.DataFrame, theirs: pd.DataFrame, column: str) -> None:
    if column == "class_id":
        assert ours[column].tolist() == theirs[column].tolist()
        return
    got, wanted = ours[column].to_numpy("float64"), theirs[column].to_numpy("float64")
    wrong = ~np.isclose(got, wanted, rtol=1e-9, atol=1e-9, equal_nan=True)
    examples = pd.DataFrame({**{k: ours[k] for k in KEY}, "got": got, "wanted": wanted})[wrong].head()
    assert not wrong.any(), f"{column}:\n{examples}"
