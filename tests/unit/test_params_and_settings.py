from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from edumetrics import params, settings
from edumetrics.errors import SettingsError
from edumetrics.fields.phrases import PHRASES
from edumetrics.sentences import PARTS
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
        ("a: 2026-02-30", "cannot be read as YAML"),
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


def test_a_college_has_its_own_phrases_and_none_without_its_values(tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "params", tmp_path / "params")
    path = tmp_path / "params" / "colleges" / "native.yml"
    shipped = path.read_text()
    path.write_text(shipped + "\nsentences: {reports: {tier_high: Pronto}}\n")
    said = params.load(tmp_path / "params", "native").sentences
    assert (said.say("reports", "tier_high"), said.say("reports", "tier_critical")) == (
        "Pronto",
        "Urgent",
    )
    path.write_text(shipped + "\nsentences: {reports: {tier_high: '{{ name }}'}}\n")
    with pytest.raises(SettingsError, match=r"reports\.tier_high uses name"):
        params.load(tmp_path / "params", "native")


@pytest.mark.parametrize(
    ("count", "students", "advised", "capital", "said"),
    [
        (6, 62, True, True, "Six of your 62 students"),
        (1, 12, False, False, "one of 12 students without an advisor"),
        (0, 1, True, True, "No of your one student"),
        (0, 1, False, False, "no of one student without an advisor"),
    ],
)
def test_how_many_of_whose_students(
    count: int, students: int, advised: bool, capital: bool, said: str
) -> None:
    say = params.load(PROJECT / "params", "native").sentences.say
    values = {"count": count, "students": students, "advised": advised, "capital": capital}
    assert say("reports", "some_of", **values) == said


def test_every_phrase_is_said_and_no_other() -> None:
    """The names are literal in code and templates, or their beginning is."""
    package = PROJECT / "edumetrics"
    paths = [path for path in (*package.rglob("*.py"), *package.rglob("*.j2")) if path.is_file()]
    code = "\n".join(
        path.read_text() for path in paths if path.name not in ("phrases.py", "own_phrases.py")
    )
    literal = set(re.findall(r"""["']([a-z_0-9]+)["']""", code))
    begun = tuple(re.findall(r"""f["']([a-z_]+_)\{""", code))
    assert [name for name in PHRASES if name not in literal and not name.startswith(begun)] == []
    said = set(re.findall(r'\bsay(?:_fact)?\(\s*(?:"reports",\s*)?"([a-z_]+)"', code))
    assert said - set(PHRASES) - set(PARTS) == set()


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


@pytest.mark.parametrize("part", ["relations: [a]", "settings: text", "views: 3"])
def test_a_part_that_holds_no_names_is_one_sentence(part: str, tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "params", tmp_path / "params")
    college = tmp_path / "params" / "colleges" / "ours.yml"
    college.write_text(f"like: moodle\n{part}\n")
    with pytest.raises(
        SettingsError, match=f"{part.split(':', maxsplit=1)[0]}: write names and values"
    ):
        params.load(tmp_path / "params", "ours")


def test_a_notebook_takes_no_secret_from_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SECRET_KEY=hidden\nSMTP_URL=smtp://u:p@x\n")
    (tmp_path / ".env").chmod(0o600)
    home = {"EDUMETRICS_HOME": str(tmp_path)}
    assert settings.load(home).secret_key == "hidden"
    loaded = settings.load({**home, settings.NOTEBOOK: "1"})
    assert (loaded.secret_key, loaded.smtp_url) == ("", "")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("EDUMETRICS_COLLEGE=oulad\nCLIENT_DB_URL=sqlite:///a.db\n")
    (tmp_path / ".env").chmod(0o600)
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
