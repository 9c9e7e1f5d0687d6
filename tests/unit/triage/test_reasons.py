"""Reasons hold up when the student asks "why me?": every number in a sentence is found in the data."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from edumetrics.errors import SettingsError
from edumetrics.fields.reasons import LAST_WEEK, RULES
from edumetrics.params import load
from edumetrics.settings import PROJECT
from edumetrics.workspace import Workspace

CATALOGUE = load(PROJECT / "params", "native").sentences
WORDS = {word: number for number, word in enumerate(CATALOGUE.numbers)}
FORBIDDEN = re.compile(
    r"\b(watch|high|critical|risk|score|flag(ged)?|fail(s|ed|ing)?|lazy|disengaged|unmotivated|refus\w*|warning)\b",
    re.I,
)
COMPONENTS = {
    "attendance_fall": "weekly_att_pct", "effort_fall": "effort_score", "academic_fall": "academic_performance",
    "effort_level": "effort_score", "academic_level": "academic_performance",
    "attendance_standing": "lectures_can_miss", "attendance_out_of_reach": "lectures_attended",
    "no_work": "days_since_submission", "low_attendance": "week_lectures_attended", "out_of_reach": "lectures_attended",
}  # fmt: skip


@pytest.fixture(scope="module")
def flags(demo: Workspace) -> pd.DataFrame:
    return demo.store.read("weekly_flags")


@pytest.fixture(scope="module")
def metrics(demo: Workspace) -> pd.DataFrame:
    return demo.store.read("weekly_metrics")


def told(flags: pd.DataFrame) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [(row, record) for row in flags.to_dict("records") for record in row["reasons"]]


def numbers(text: str) -> set[float]:
    digits = {float(found) for found in re.findall(r"\d+(?:\.\d)?", text)}
    return digits | {
        float(WORDS[word])
        for word in re.findall(r"[a-z]+", text.lower())
        if word in WORDS and word != "no"
    }


def test_every_number_in_a_sentence_is_found_in_the_data(
    demo: Workspace, flags: pd.DataFrame, metrics: pd.DataFrame
) -> None:
    rows = {(m["student_id"], m["term"], m["sem_week"]): m for m in metrics.to_dict("records")}
    calendar, scoring = demo.params.calendar, demo.params.scoring
    for flag, record in told(flags):
        week = flag["sem_week"]
        mine = rows[flag["student_id"], flag["term"], week]
        known = {round(record[name]) for name in ("value", "baseline") if record[name] is not None}
        known |= {round(record["baseline"] or 0, 1)}
        known |= {
            mine[name]
            for name in (
                "lectures_left",
                "lectures_to_attend",
                "lectures_held",
                "lectures_attended",
            )
        }
        known |= {100, calendar.attendance_rule_pct, min(scoring.missed_work_weeks, week)}
        if record["code"] == "out_of_reach_week":
            window = calendar.get_last_teaching_weeks(week, scoring.detention_weeks)
            past = [rows[flag["student_id"], flag["term"], w] for w in window]
            held = sum(row["week_lectures_held"] for row in past)
            known |= {held, held - sum(row["week_lectures_attended"] for row in past), len(window)}
        if "week" in record["text"]:
            known |= {w for w in calendar.teaching_weeks if w <= week} | {
                calendar.midterm_week,
                calendar.endterm_week,
            }
        assert numbers(record["text"]) <= {float(value) for value in known}, record


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
    assert seen == set(COMPONENTS)


def test_a_fall_is_told_against_the_mean_of_the_weeks_that_it_names(
    demo: Workspace, flags: pd.DataFrame, metrics: pd.DataFrame
) -> None:
    rows = metrics.set_index(["student_id", "term", "sem_week"])
    falls = [
        (f, r)
        for f, r in told(flags)
        if r["code"] in ("attendance_fall", "effort_fall", "academic_fall")
    ]
    for flag, record in falls:
        named = re.search(r"\(weeks ([^)]*)\)", record["text"])
        assert named
        weeks: list[int] = []
        for part in re.split(r", | and ", named[1]):
            first, _, last = part.partition("-")
            weeks += range(int(first), int(last or first) + 1)
        column = COMPONENTS[record["code"]]
        values = [rows.loc[(flag["student_id"], flag["term"], week), column] for week in weeks]
        assert not np.isnan(values).any()
        assert record["baseline"] == pytest.approx(np.mean(values))
        assert set(weeks) <= set(
            demo.params.calendar.get_teaching_weeks_before(flag["sem_week"], 4)
        )
    assert len(falls) > 50


def test_points_add_up_to_the_risk_score(
    flags: pd.DataFrame, metrics: pd.DataFrame, demo: Workspace
) -> None:
    risk = metrics.set_index(["student_id", "term", "sem_week"])["risk_score"]
    rules = {*RULES, *(name + LAST_WEEK for name in RULES)}
    small = demo.params.triage.reason_points * len(demo.params.scoring.risk_weights.model_dump())
    for row in flags[flags["ranked_by"] == "rules"].to_dict("records"):
        points = sum(record["points"] for record in row["reasons"] if record["code"] not in rules)
        score = risk[row["student_id"], row["term"], row["sem_week"]]
        assert score - small <= points <= score + 1e-9


def test_the_strongest_reason_comes_first_and_everyone_has_one(flags: pd.DataFrame) -> None:
    for row in flags.to_dict("records"):
        points = [record["points"] for record in row["reasons"]]
        assert all(a >= b for a, b in pairwise(points))
        assert set(row["reasons"][0]) == {"code", "text", "value", "baseline", "points"}
        assert row["diagnosis"].startswith(row["reasons"][0]["text"])


def test_sentences_say_nothing_that_blames_or_that_only_we_understand(flags: pd.DataFrame) -> None:
    # What happened to others in earlier semesters is a plain fact about them.
    texts = (
        {record["text"] for _, record in told(flags) if record["code"] != "forecast"}
        | set(flags["diagnosis"])
        | set(flags["off_list_if"].dropna())
    )
    assert not [text for text in texts if FORBIDDEN.search(text)]
    assert not [text for text in texts if "  " in text or "{" in text or "nan" in text]


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


def test_singular_plural_and_weeks_named() -> None:
    say = CATALOGUE.say
    one = say("reasons", "attendance_standing", value=0, baseline=1, needed=1, rule="75")
    assert one == "Must attend 1 of the 1 lecture left to reach 75%; can miss 0."
    assert (
        say("reasons", "open_work", value=1, weeks=3)
        == "One assignment of the last three weeks is still open."
    )
    assert (
        say("reasons", "open_work", value=12, weeks=1)
        == "12 assignments of the last one week are still open."
    )
    named = {
        (5,): "week 5",
        (3, 4, 5, 6): "weeks 3-6",
        (5, 6, 7, 9): "weeks 5-7 and 9",
        (2, 4, 6): "weeks 2, 4 and 6",
    }
    assert {weeks: CATALOGUE.name_weeks(weeks) for weeks in named} == named


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
