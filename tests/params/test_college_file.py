"""A college's file: its sources, its settings, and what it takes from a ready mapping."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edumetrics.database import expand_functions, expand_settings
from edumetrics.errors import SettingsError
from edumetrics.params import Params, load
from edumetrics.settings import PROJECT


def read(folder: Path, text: str) -> Params:
    shutil.copytree(PROJECT / "params", folder / "params", dirs_exist_ok=True)
    (folder / "params" / "colleges" / "own.yml").write_text(text)
    return load(folder / "params", "own")


def test_its_own_goes_before_that_of_the_ready_mapping(tmp_path: Path) -> None:
    own = read(
        tmp_path,
        "like: moodle\nsettings: {prefix: m_, time_zone: Europe/Rome}\n"
        "relations: {attendance: null}\ntriage: {late_days: 7}\n",
    )
    (source,) = own.college.list_sources()
    assert source.settings["prefix"] == "m_"
    assert source.settings["tutor_role"] == "personaltutor", "the others are as they were"
    assert "attendance" not in source.relations
    assert "students" in source.relations
    assert own.calendar.time_zone == "Europe/Rome", "the calendar takes settings, too"
    assert own.triage.late_days == 7


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("like: nowhere\nrelations: {}\n", "there is no ready mapping nowhere"),
        ("like: moodle\nsettings: {prefx: m_}\n", "moodle has no setting prefx"),
        ("relations: {students: {from: sis, select: students}}\n", "from sis, which is no source"),
        ("sources: {a: {url_env: A_DB_URL}, b: {url_env: B_DB_URL}}\nrelations: {students: students}\n",
         "must say from which source it is"),
        ("sources: {a: {url_env: A_DB_URL}}\nrelations: {students: {from: a}}\n", "has no select"),
        ("sources: {a: {url_env: password}}\nrelations: {}\n", "url_env"),
        ("sources: {a: {time_zone: Mars}}\nrelations: {}\n", "not a known time zone"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=says):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("mdl_", "mdl_"),
        ("it's", "it''s"),
        (3, "3"),
        ([], "''"),
        (["E", "o'k"], "'E', 'o''k'"),
        ([{"a": 1, "b": "x"}, {"a": None, "b": "y"}],
         "SELECT 1 AS a, 'x' AS b UNION ALL SELECT NULL AS a, 'y' AS b"),
    ],
)  # fmt: skip
def test_a_setting_stands_for_its_name(value: object, written: str) -> None:
    assert expand_settings("{one}", {"one": value}, "postgresql") == written


def test_a_name_that_is_no_setting_is_told_and_a_pattern_is_no_name() -> None:
    with pytest.raises(SettingsError, match=r"\{two\}, which is no setting"):
        expand_settings("{two}", {"one": 1}, "sqlite")
    assert expand_settings("x ~ '[0-9]{4}'", {}, "postgresql") == "x ~ '[0-9]{4}'"


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "mysql"])
def test_functions_may_stand_in_each_other(dialect: str) -> None:
    whole = expand_functions("{day({seconds(t.at)})}", dialect, "America/Chicago", "UTC")
    assert "{" not in whole
    assert "t.at" in whole
