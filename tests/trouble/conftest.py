"""Two simulated colleges, copies of which are damaged."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

from edumetrics.database import create_writable_engine
from edumetrics.params import Calendar
from edumetrics.simulator import generate, write
from tests.built_once import once

WEEK = 7
SEEDS = {"base": (60, 7), "two": (120, 3)}


class Seen(NamedTuple):
    """What EduMetrics makes of a college at the end of its week 7."""

    metrics: pd.DataFrame
    findings: pd.DataFrame

    def of(self, student: str = "S24000001") -> pd.Series:
        return self.metrics.loc[student]

    def find(self, start: str) -> pd.DataFrame:
        """The findings whose check begins with some words."""
        return self.findings[self.findings["check"].str.startswith(start)]

    @property
    def stops(self) -> list[str]:
        return list(self.findings.loc[self.findings["status"] == "block", "message"])


@pytest.fixture(scope="session")
def colleges(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By name, a college of 60 or of 120 students in week 7 of its first recorded semester."""

    def build(folder: Path) -> None:
        for name, (students, seed) in SEEDS.items():
            plan = generate.plan_demo(students, 7, Calendar(), seed=seed)
            url = f"sqlite:///{folder / name}.db"
            write.write_simulation(create_writable_engine(url), plan, quiet=True)

    folder = once(tmp_path_factory, "trouble", build)
    return {name: folder / f"{name}.db" for name in SEEDS}
