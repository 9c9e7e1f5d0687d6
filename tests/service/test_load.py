"""The service under load (`benchmarks/service.py` prints what it measures)."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import service

STUDENTS, USERS, SECONDS = 6000, 50, 120


@pytest.mark.prove
def test_fifty_users_of_a_large_college_are_answered_while_a_week_is_run(tmp_path: Path) -> None:
    load = service.measure(tmp_path, STUDENTS, USERS, SECONDS)
    assert load.errors == [] and set(load.statuses) == {200}
    assert load.run_status == 0
    # Stable: what is kept in memory has a limit.
    assert load.memory[-1] < 1.5 * load.memory[1]
