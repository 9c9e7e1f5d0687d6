"""Reasons hold up when the student asks "why me?": every number in a sentence is found in the data."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest
import yaml

from edumetrics.errors import SettingsError
from edumetrics.fields.reasons import COMPONENTS as WEIGHED
from edumetrics.fields.reasons import KINDS
from edumetrics.params import load
from edumetrics.settings import PROJECT
from edumetrics.triage.choice import get_kind
from edumetrics.workspace import Workspace

CATALOGUE = load(PROJECT / "params", "native").sentences
FORBIDDEN = re.compile(
    r"\b(watch|high|critical|risk|flag(ged)?|fail(s|ed|ing)?|lazy|disengaged|unmotivated|refus\w*|warning)\b",
    re.I,
)
COMPONENTS = {
    "attendance_fall": "week_lectures_attended", "attendance_low": "week_lectures_attended",
    "effort_fall": "effort_score", "academic_fall": "academic_performance",
    "effort_level": "effort_score", "academic_level": "academic_performance",
    "attendance_standing": "lectures_can_miss", "attendance_out_of_reach": "lectures_attended",
    "no_work": "days_since_submission", "low_attendance": "week_lectures_attended",
}  # fmt: skip


@pytest.fixture(scope="module")
def flags(demo: Workspace) -> pd.DataFrame:
    return demo.store.read("weekly_flags")


@pytest.fixture(scope="module")
def metrics(demo: Workspace) -> pd.DataFrame:
    return demo.store.read("weekly_metrics")


def told(flags: pd.DataFrame) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [(row, record) for row in flags.to_dict("records") for record in row["reasons"]]


def test_points_are_never_more_than_the_risk_score(
    flags: pd.DataFrame, metrics: pd.DataFrame
) -> None:
    risk = metrics.set_index(["student_id", "term", "sem_week"])["risk_score"]
    for row in flags.to_dict("records"):
        points = {r["code"]: r["points"] for r in row["reasons"] if r["code"] in WEIGHED}
        score = risk[row["student_id"], row["term"], row["sem_week"]]
        assert not points or sum(points.values()) <= score + 1e-9


def test_reasons_come_by_kind_and_everyone_has_one(flags: pd.DataFrame) -> None:
    for row in flags.to_dict("records"):
        kinds = [get_kind(record) for record in row["reasons"]]
        acted = kinds if row["listed_by"] != "watchlist" else kinds[2:]
        assert row["reasons"]
        # Only where results are all there is do they come first, and then it is said.
        if set(kinds) != {"background"} and row["listed_by"] != "watchlist":
            assert acted == sorted(acted, key=KINDS.index)
        assert row["diagnosis"].startswith(row["reasons"][0]["text"])
        assert {"code", "topic", "text", "value", "baseline", "points"} <= set(row["reasons"][0])


def test_sentences_say_nothing_that_blames_or_that_only_we_understand(flags: pd.DataFrame) -> None:
    steps = {step["text"] for step in flags["best_step"] if isinstance(step, dict)}
    texts = {record["text"] for _, record in told(flags)} | set(flags["diagnosis"]) | steps
    assert steps
    assert not [text for text in texts if FORBIDDEN.search(text)]
    assert not [text for text in texts if "  " in text or "{" in text or "nan" in text]


def test_singular_plural_and_weeks_named() -> None:
    say = CATALOGUE.say
    one = say("reasons", "attendance_standing", value=0, baseline=1, needed=1, rule="75")
    assert one == "Can miss none of 1 lecture left."
    named = {
        (5,): "week 5",
        (3, 4, 5, 6): "weeks 3-6",
        (5, 6, 7, 9): "weeks 5-7 and 9",
        (2, 4, 6): "weeks 2, 4 and 6",
    }
    assert {weeks: CATALOGUE.name_weeks(weeks) for weeks in named} == named


@pytest.mark.slow
def test_values_are_those_of_the_weekly_metrics(flags: pd.DataFrame, metrics: pd.DataFrame) -> None:
    rows = metrics.set_index(["student_id", "term", "sem_week"])
    classes = metrics.groupby(["class_id", "semester", "term", "sem_week"])
    medians = classes[["effort_score", "academic_performance"]].median()
    seen = set()
    for flag, record in told(flags):
        code = record["code"]
        if code in COMPONENTS:
            value = rows.loc[(flag["student_id"], flag["term"], flag["sem_week"]), COMPONENTS[code]]
            assert record["value"] == pytest.approx(value), record
            seen.add(code)
        if code in ("effort_level", "academic_level"):
            where = (flag["class_id"], flag["semester"], flag["term"], flag["sem_week"])
            assert record["baseline"] == pytest.approx(medians.loc[where, COMPONENTS[code]])
    assert seen >= set(COMPONENTS) - {"academic_fall", "attendance_out_of_reach"}


def test_the_week_out_of_reach_is_exact(
    flags: pd.DataFrame, metrics: pd.DataFrame, demo: Workspace
) -> None:
    calendar = demo.params.calendar
    rows = metrics.set_index(["student_id", "term", "sem_week"])
    seen = 0
    for flag, record in told(flags):
        if record["code"] != "out_of_reach_week":
            continue
        mine = rows.loc[(flag["student_id"], flag["term"])]
        window = [
            w
            for w in calendar.get_last_teaching_weeks(flag["sem_week"], 4)
            if mine.loc[w, "week_lectures_held"]
        ]
        missed = sum(
            mine.loc[w, "week_lectures_held"] - mine.loc[w, "week_lectures_attended"]
            for w in window
        )
        can_miss, total = mine.loc[flag["sem_week"], "lectures_can_miss"], 0.0
        for week in calendar.get_next_teaching_weeks(flag["sem_week"]):
            total += missed / len(window)
            if total > can_miss + 1e-9:
                assert record["value"] == week
                break
        else:
            raise AssertionError("it is not out of reach this semester")
        seen += 1
    assert seen > 20


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"no_work": None}, "reasons.no_work is missing"),
        ({"no_work": "Nothing for {{ days }} days."}, "uses days, which this sentence does not have"),
        ({"no_work": "Nothing for {{ value | words }} days."}, "No filter named 'words'"),
        ({"no_work": "Nothing for {{ value days."}, "reasons.no_work"),
        ({"no_work": "Nothing for {value} days."}, "write {{ value }} with two braces"),
        ({"motive": "Does not care."}, "reasons.motive is not a known sentence"),
    ],
)  # fmt: skip
def test_a_wrong_catalogue_is_one_sentence(
    change: dict[str, str | None], complaint: str, tmp_path: Any
) -> None:
    for name in ("calendar", "scoring", "triage", "forecast", "sentences"):
        (tmp_path / f"{name}.yml").write_text((PROJECT / "params" / f"{name}.yml").read_text())
    (tmp_path / "colleges").mkdir()
    (tmp_path / "colleges" / "native.yml").write_text(
        (PROJECT / "params" / "colleges" / "native.yml").read_text()
    )
    content = yaml.safe_load((tmp_path / "sentences.yml").read_text())
    reasons = {**content["reasons"], **change}
    content["reasons"] = {name: text for name, text in reasons.items() if text is not None}
    (tmp_path / "sentences.yml").write_text(yaml.safe_dump(content))
    with pytest.raises(SettingsError) as error:
        load(tmp_path, "native")
    assert complaint in str(error.value)
    assert "sentences.yml" in str(error.value)
    assert "\n" not in str(error.value)
