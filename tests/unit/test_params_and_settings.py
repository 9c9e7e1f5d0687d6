from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edumetrics import params, settings
from edumetrics.errors import SettingsError
from edumetrics.settings import PROJECT


def test_the_shipped_files_say_what_the_models_default_to() -> None:
    loaded = params.load(PROJECT / "params", "native")
    assert loaded.calendar == params.Calendar()
    assert loaded.scoring == params.Scoring()


def test_a_college_overrides_the_calendar() -> None:
    loaded = params.load(PROJECT / "params", "oulad")
    assert loaded.calendar.weeks_per_semester == 39
    assert loaded.calendar.attendance_rule_pct is None
    assert loaded.calendar.teaching_weeks == tuple(range(1, 40))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("effort_wieghts: {}", "effort_wieghts"),
        ("pass_mark: -3", "pass_mark"),
        ("- a\n- b", "must hold names and values"),
        ("a: [", "cannot be read as YAML"),
    ],
)
def test_a_wrong_parameter_file_is_named_in_one_sentence(
    text: str, message: str, tmp_path: Path
) -> None:
    shutil.copytree(PROJECT / "params", tmp_path / "params")
    (tmp_path / "params" / "scoring.yml").write_text(text)
    with pytest.raises(SettingsError, match=message) as error:
        params.load(tmp_path / "params", "native")
    assert "scoring.yml" in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_college_lists_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="native, oulad"):
        params.load(PROJECT / "params", "nowhere")


def test_equal_parameters_have_equal_fingerprints() -> None:
    first = params.load(PROJECT / "params", "native")
    other = first.model_copy(update={"scoring": params.Scoring(pass_mark=41)})
    assert (
        first.hash_values()
        == params.load(PROJECT / "params", "native").hash_values()
        != other.hash_values()
    )


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("EDUMETRICS_COLLEGE=oulad\nCLIENT_DB_URL=sqlite:///a.db\n")
    loaded = settings.load({"EDUMETRICS_HOME": str(tmp_path), "CLIENT_DB_URL": "sqlite:///b.db"})
    assert (loaded.college, loaded.client_db_url) == (
        "oulad",
        f"sqlite:///{tmp_path.resolve()}/b.db",
    ), "within the home"


def test_urls_stay_out_of_the_repr(tmp_path: Path) -> None:
    loaded = settings.load(
        {"EDUMETRICS_HOME": str(tmp_path), "CLIENT_DB_URL": "postgresql://u:hunter2@h/d"}
    )
    assert "hunter2" not in repr(loaded)


def test_a_notebook_folder_finds_the_home_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "params").mkdir()
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert settings.load({}).home == tmp_path.resolve()


def test_a_home_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not a folder"):
        settings.load({"EDUMETRICS_HOME": str(tmp_path / "missing")})
