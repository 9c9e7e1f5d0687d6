"""An entry is checked before it is stored; the same entry is found again, and only added to."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from edumetrics.errors import SettingsError
from edumetrics.interventions.entries import (
    KINDS,
    EntryChecker,
    Intervention,
    find_same_entry,
    store,
    update_entry,
)
from edumetrics.workspace import Workspace
from tests.analysis.rows import open_small_workspace
from tests.interventions.conftest import TERM

TALKED = Intervention("asha", TERM, 10, "talked")


def read_log(workspace: Workspace) -> list[dict[Any, Any]]:
    return workspace.store.read("intervention_log").to_dict("records")


# ------------------------------------------------------------ checked


def test_an_entry_is_about_the_newest_week_unless_it_says_another(analysed: Workspace) -> None:
    desk = EntryChecker(analysed)
    assert desk.check_entry("asha", "talked") == TALKED
    assert desk.check_entry("asha", "talked", week=9).sem_week == 9
    assert desk.check_entry("bala", "talked", week=1).sem_week == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_may_have_capitals_and_spaces(kind: str, analysed: Workspace) -> None:
    written = f"  {kind.title().replace(' ', '   ')}\t"
    assert EntryChecker(analysed).check_entry("asha", written).kind == kind


def test_texts_lose_their_spaces_and_empty_ones_are_none(analysed: Workspace) -> None:
    desk = EntryChecker(analysed)
    full = desk.check_entry("asha", "talked", notes=" bus strike\n", outcome=" well ", by="ADV")
    assert (full.notes, full.outcome, full.logged_by) == ("bus strike", "well", "ADV")
    bare = desk.check_entry("asha", "talked", notes="  ", outcome="", by="")
    assert (bare.notes, bare.outcome, bare.logged_by) == (None, None, None)


@pytest.mark.parametrize("days", [0, 1, 366])
def test_a_student_may_be_looked_after_for_up_to_a_year(days: int, analysed: Workspace) -> None:
    until = analysed.today + timedelta(days=days)
    assert EntryChecker(analysed).check_entry("asha", "talked", until=until).until == until


@pytest.mark.parametrize("days", [-1, 367])
def test_a_day_outside_the_next_year_is_refused(days: int, analysed: Workspace) -> None:
    until = analysed.today + timedelta(days=days)
    with pytest.raises(SettingsError, match=f"{until.isoformat()} is in the past or more than a"):
        EntryChecker(analysed).check_entry("asha", "talked", until=until)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"kind": "shouted"}, "There is no such kind: the kinds are talked, "),
        ({"kind": ""}, "There is no such kind: the kinds are talked, "),
        ({"week": 11}, "Week 11 has not been analysed yet: choose a week from 1 to 10."),
        ({"week": 0}, "Week 0 has not been analysed yet: choose a week from 1 to 10."),
        ({"week": 8}, "Week 8 is not a teaching week and has no list: choose a teaching week."),
        ({"notes": "a\0"}, "The text contains a null character: remove it and try again."),
        ({"outcome": "\0"}, "The text contains a null character: remove it and try again."),
        ({"by": "A\0B"}, "The text contains a null character: remove it and try again."),
        (
            {"student": "old"},
            "There is no student with this id in the term of 2026-01-05: check the id.",
        ),
        (
            {"student": "ASHA"},
            "There is no student with this id in the term of 2026-01-05: check the id.",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    said: dict[str, Any], why: str, analysed: Workspace
) -> None:
    given = {"student": "asha", "kind": "talked", **said}
    with pytest.raises(SettingsError) as refused:
        EntryChecker(analysed).check_entry(given.pop("student"), given.pop("kind"), **given)
    assert str(refused.value).startswith(why)
    assert read_log(analysed) == []


def test_nothing_can_be_entered_before_anything_was_analysed(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Nothing has been analysed yet: run `edumetrics run`"):
        EntryChecker(open_small_workspace(tmp_path / "new"))


# ------------------------------------------------------------ stored


def test_entries_are_stored_with_the_time_and_all_they_say(analysed: Workspace) -> None:
    full = replace(
        TALKED, notes="bus", outcome="well", helpful=False, until=date(2026, 4, 1), logged_by="ADV"
    )
    assert store(analysed.store, [full, replace(TALKED, student_id="bala")]) == 2
    first, second = read_log(analysed)
    assert (first["notes"], first["outcome"], first["helpful"], first["until"]) == (
        "bus",
        "well",
        False,
        pd.Timestamp("2026-04-01"),
    )
    assert not pd.isna(first["logged_at"])
    assert [second[name] for name in ("student_id", "kind", "sem_week")] == ["bala", "talked", 10]
    for name in ("notes", "outcome", "helpful", "until", "logged_by"):
        assert pd.isna(second[name]), name


def test_storing_nothing_stores_nothing(analysed: Workspace) -> None:
    assert store(analysed.store, []) == 0
    assert read_log(analysed) == []


def test_the_same_entry_is_found_whatever_became_known_since(analysed: Workspace) -> None:
    noted = replace(TALKED, notes="bus", logged_by="ADV")
    store(analysed.store, [TALKED, noted])
    assert find_same_entry(analysed.store, TALKED) == 1
    assert find_same_entry(analysed.store, replace(noted, outcome="well", helpful=True)) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"student_id": "bala"},
        {"term": "2025-07-14"},
        {"sem_week": 9},
        {"kind": "called"},
        {"notes": "bus"},
        {"logged_by": "ADV"},
    ],
)
def test_an_entry_that_differs_is_another_one(other: dict[str, Any], analysed: Workspace) -> None:
    store(analysed.store, [TALKED])
    assert find_same_entry(analysed.store, replace(TALKED, **other)) is None


def test_what_is_known_later_is_added_and_what_was_said_stays(analysed: Workspace) -> None:
    store(analysed.store, [replace(TALKED, outcome="well"), TALKED])
    later = replace(TALKED, outcome="badly", helpful=False)
    assert update_entry(analysed.store, 1, later)
    assert not update_entry(analysed.store, 1, later), "nothing is new the second time"
    assert not update_entry(analysed.store, 1, TALKED), "nor is what nobody said"
    first, second = read_log(analysed)
    assert (first["outcome"], first["helpful"]) == ("well", False)
    assert pd.isna(second["outcome"]), "another entry is not touched"
