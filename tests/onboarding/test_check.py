"""What `edumetrics check` asks of a large college: no more than it needs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edumetrics.onboarding import check


@pytest.fixture
def _on_simulated(simulated: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDUMETRICS_HOME", str(tmp_path))
    monkeypatch.setenv("CLIENT_DB_URL", simulated)
    monkeypatch.setenv("DEFAULT_DB_URL", f"sqlite:///{tmp_path / 'analysis.db'}")


def read_lists_line() -> str:
    return next(line for line in check.check_college() if line.startswith("Lists of week"))


@pytest.mark.usefixtures("_on_simulated")
def test_lists_are_made_of_some_classes_of_a_large_college(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert re.search(r", \d+ students, if they were made now:$", read_lists_line())
    monkeypatch.setattr(check, "SAMPLED", 40)
    told = re.search(r", (\d+) of (\d+) students, if they were made now:$", read_lists_line())
    assert told
    assert 0 < int(told[1]) < int(told[2])
