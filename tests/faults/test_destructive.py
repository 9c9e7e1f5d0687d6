"""Nothing is removed unless somebody asks for it; what is removed is kept, or is there until its successor is."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from edumetrics.batch import backfill, beside, progress
from edumetrics.cli import main
from edumetrics.database import create_writable_engine
from edumetrics.errors import EduMetricsError, SettingsError
from edumetrics.forecast.backtest import FAIL
from edumetrics.modelling import registry
from edumetrics.workspace import Workspace
from tests.faults.test_killed import contents

TERM = "2026-01-05"


def edumetrics(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


def set_week(workspace: Workspace, week: int, year: int = 2025) -> None:
    with create_writable_engine(workspace.settings.client_db_url).begin() as connection:
        connection.exec_driver_sql(
            "UPDATE sim_state SET current_week = ?, sim_year = ?", (week, year)
        )


@pytest.mark.slow
def test_a_college_that_is_behind_is_asked_about(environment: Workspace) -> None:
    set_week(environment, 25)
    before = contents(environment.store)
    for _ in range(2):
        result = edumetrics("run")
        assert result.exit_code == 3
        assert "behind the analysis" in result.stderr
        assert "`edumetrics run --roll-back`" in result.stderr
        assert not set(contents(environment.store)["weekly_metrics"]["sem_week"]) < set(
            before["weekly_metrics"]["sem_week"]
        )
    pd.testing.assert_frame_equal(
        contents(environment.store)["weekly_metrics"], before["weekly_metrics"]
    )
    assert "With --roll-back" in edumetrics("run", "--dry-run").output


@pytest.mark.slow
def test_what_a_roll_back_removes_is_kept(environment: Workspace) -> None:
    set_week(environment, 25)
    gone = environment.store.read("weekly_metrics", term=TERM, sem_week=[9, 10])
    assert "were removed, and are kept in" in edumetrics("run", "--roll-back").output
    assert environment.store.find_highest("weekly_metrics", "sem_week", term=TERM) == 7
    (kept,) = (environment.settings.home / "removed").glob("*/weekly_metrics.csv")
    back = pd.read_csv(kept, dtype={"student_id": str})
    assert sorted(back["student_id"]) == sorted(gone["student_id"])
    assert kept.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "place", [(37, 2025), (-1, 2025), (10**9, 2025), (5, 99999), (5, 0), (5, -3)]
)
def test_a_position_outside_of_the_calendar_is_refused(
    place: tuple[int, int], environment: Workspace
) -> None:
    set_week(environment, *place)
    for command in ("run", "status", "check"):
        result = edumetrics(command)
        assert result.exit_code in (2, 3), result.output
        assert "a week that the calendar does not have" in result.stderr + result.output
        assert "Unexpected" not in result.stderr


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "1700-05-05"])
def test_a_day_in_no_year_of_ours_is_refused(day: str, environment: Workspace) -> None:
    with create_writable_engine(environment.settings.client_db_url).begin() as connection:
        connection.exec_driver_sql("DELETE FROM sim_state")
    result = edumetrics("run", "--as-of", day)
    assert result.exit_code == 2
    assert result.stderr.startswith("The day is before 1990 or after 2100")
    with environment.open_college() as college, pytest.raises(SettingsError):
        college.find_college_week(date.fromisoformat(day))


def test_from_scratch_is_asked_about(environment: Workspace) -> None:
    before = contents(environment.store)
    result = edumetrics("calibrate", "--from-scratch")
    assert (result.exit_code, result.stderr) == (
        2,
        "--from-scratch replaces the whole analysis: say so with --yes.\n",
    )
    for name, frame in contents(environment.store).items():
        pd.testing.assert_frame_equal(frame, before[name])


@pytest.mark.prove
def test_a_calibration_from_scratch_that_breaks_off_leaves_the_old_analysis(
    environment: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, model = contents(environment.store), load(environment)
    assert model[1:] == (True, "")

    def break_off(*_: object) -> None:
        raise EduMetricsError("It broke.")

    with monkeypatch.context() as patched:
        patched.setattr(beside, "swap_derived", break_off)
        patched.setattr(backfill.beside, "swap_derived", break_off)
        with pytest.raises(EduMetricsError, match="It broke"):
            backfill.calibrate(environment, progress.skip_line, from_scratch=True)
    for name, frame in contents(environment.store).items():
        pd.testing.assert_frame_equal(frame, before[name])
    assert load(environment) == model, "the models in use are those of before"
    assert not list(environment.settings.data.glob("*"))
    backfill.calibrate(environment, progress.skip_line, from_scratch=True)
    pd.testing.assert_frame_equal(
        contents(environment.store)["weekly_metrics"], before["weekly_metrics"]
    )
    assert load(environment) == model
    named = {path.name for path in (environment.settings.home / registry.FOLDER).glob("*.json")}
    stored = environment.store.read("model_runs")["artefact"].dropna()
    assert named == {name.partition("/")[2] for name in stored}


def load(workspace: Workspace) -> tuple[str, bool, str]:
    found = registry.load_model(workspace, FAIL, TERM)
    return found.model_id, found.model is not None, found.trouble
