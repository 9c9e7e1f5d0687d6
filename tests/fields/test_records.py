"""The records are complete: whatever one of them names exists."""

from __future__ import annotations

from string import ascii_lowercase

import pytest

from edumetrics import params
from edumetrics.fields import (
    COUNTED_FEEDS,
    FEATURES,
    FEEDS,
    FINDING_COLUMNS,
    PERSONAL,
    PERSONAL_NAMES,
    RELATIONS,
    TABLES,
    WEEKLY_METRICS,
    RelationRecord,
    TableRecord,
)
from edumetrics.fields.dictionary import write_dictionary
from edumetrics.fields.reasons import COMPONENTS, REASONS, RULES, ReasonRecord
from edumetrics.params import Params, RiskWeights, Rules
from edumetrics.scoring.risk import BASELINE_METRICS
from edumetrics.settings import PROJECT

EVERY = [*TABLES.values(), *RELATIONS.values()]
COLUMNS = [(table, field) for table in EVERY for field in table.fields]
NUMBERS = ("int", "float")


@pytest.fixture(scope="module")
def native() -> Params:
    return params.load(PROJECT / "params", "native")


@pytest.mark.parametrize("table", EVERY, ids=lambda table: table.name)
def test_a_table_has_columns_and_a_key_among_them(table: TableRecord) -> None:
    assert table.key
    assert set(table.key) <= set(table.names)
    assert len(set(table.names)) == len(table.names), "a name is a column once"
    assert table.meaning


@pytest.mark.parametrize("table", EVERY, ids=lambda table: table.name)
def test_a_key_is_never_null(table: TableRecord) -> None:
    # A row of the platform without a subject is the union over all; an excuse may be for one day.
    may = {"lms_activity": {"subject_id"}, "excuses": {"to"}}.get(table.name, set())
    assert [name for name in table.key if table[name].null and name not in may] == []


def test_every_column_says_what_it_means() -> None:
    unclear = [f"{table.name}.{field.name}" for table, field in COLUMNS if not field.meaning]
    assert unclear == []


def test_a_column_that_has_bounds_is_a_number_and_they_ascend() -> None:
    wrong = [
        f"{table.name}.{field.name}"
        for table, field in COLUMNS
        if (field.low is not None or field.high is not None)
        and (field.kind not in NUMBERS or (field.high or float("inf")) <= (field.low or 0))
    ]
    assert wrong == []


def test_percentages_and_shares_have_their_bounds() -> None:
    highest = {"percent": 100, "share": 1}
    units = [(field.low, field.high, highest[field.unit]) for _, field in COLUMNS if field.unit in highest]  # fmt: skip
    assert len(units) > 40
    assert [(low, high) for low, high, bound in units if (low, high) != (0, bound)] == []


def test_a_column_that_many_tables_have_is_of_one_kind() -> None:
    kinds: dict[str, set[str]] = {}
    for table in TABLES.values():
        for field in table.fields:
            kinds.setdefault(field.name, set()).add(field.kind)
    assert {name: found for name, found in kinds.items() if len(found) > 1} == {}


def test_names_are_plain_in_every_database() -> None:
    letters = set(ascii_lowercase + "_0123456789")
    names = {name for table in EVERY for name in (table.name, *table.names)}
    assert [name for name in sorted(names) if not set(name) <= letters] == []


def test_a_record_answers_for_its_own_columns_only() -> None:
    assert RELATIONS["students"]["class_id"].meaning == "the class today"
    with pytest.raises(KeyError, match="students has no column phone"):
        RELATIONS["students"]["phone"]


def test_the_stage_adds_the_term_and_the_run() -> None:
    added = set(WEEKLY_METRICS.names) - set(WEEKLY_METRICS.computed)
    assert added == {"term", "run_id", "computed_at"}


RELATION = pytest.mark.parametrize("relation", RELATIONS.values(), ids=lambda record: record.name)


@RELATION
def test_a_relation_names_columns_that_it_has(relation: RelationRecord) -> None:
    single = [relation.week, relation.day, relation.known]
    named = {*relation.natural, *relation.entry, *filter(None, single)}
    named |= {column for column, _ in relation.refers}
    named |= {count.column for count in relation.counts}
    assert named - set(relation.names) == set()


@RELATION
def test_a_column_that_dates_a_row_is_a_date_and_a_week_is_a_number(
    relation: RelationRecord,
) -> None:
    dates = {relation[name].kind for name in (relation.day, relation.known) if name}
    weeks = {relation[relation.week].kind} if relation.week else set()
    assert (dates <= {"date"}, weeks <= {"int"}) == (True, True)


@RELATION
def test_a_relation_refers_to_relations_that_have_the_column(relation: RelationRecord) -> None:
    missing = [
        (column, other)
        for column, other in relation.refers
        if other not in RELATIONS or column not in RELATIONS[other].names
    ]
    assert missing == []


@RELATION
def test_a_parent_is_referred_to_and_has_the_semester(relation: RelationRecord) -> None:
    if relation.parent:
        parent = RELATIONS[relation.parent]
        assert "semester" in parent.names
        assert "semester" not in relation.names
        assert parent.name in {other for _, other in relation.refers}


@RELATION
def test_a_week_is_one_of_a_semester(relation: RelationRecord) -> None:
    assert relation.week == "" or "semester" in relation.names


@RELATION
def test_what_is_never_read_is_no_column(relation: RelationRecord) -> None:
    assert set(relation.unread) & set(relation.names) == set()


@RELATION
def test_a_feed_has_a_week_a_day_and_an_entry(relation: RelationRecord) -> None:
    assert relation.feed == bool(relation.entry)
    if relation.feed:
        assert relation.week in relation.entry
        assert relation.day
        assert relation.label
        assert {"student_id", "class_id"} <= set(relation.entry)
    else:
        assert relation.counts == ()


def test_a_relation_that_no_college_can_do_without_is_not_optional() -> None:
    assert [r.name for r in RELATIONS.values() if r.essential and r.optional] == []


def test_what_a_feed_counts_is_a_column_of_the_metrics_for_one_feed_only() -> None:
    metrics = [count.metric for name in COUNTED_FEEDS for count in RELATIONS[name].counts]
    assert len(set(metrics)) == len(metrics) == 4
    assert set(metrics) <= set(WEEKLY_METRICS.names)
    assert [name for name in metrics if not WEEKLY_METRICS[name].null] == [], "a feed may be absent"
    assert set(COUNTED_FEEDS) < set(FEEDS)


def test_a_count_of_days_is_bounded_like_its_column() -> None:
    for name in COUNTED_FEEDS:
        for count in RELATIONS[name].counts:
            if count.how == "highest":
                assert WEEKLY_METRICS[count.metric].high == RELATIONS[name][count.column].high


def test_personal_columns_and_relations_exist() -> None:
    read = {name for relation in RELATIONS.values() for name in relation.names}
    assert set() == PERSONAL - read
    assert set(PERSONAL_NAMES) <= set(RELATIONS)
    assert all("name" in RELATIONS[relation].names for relation in PERSONAL_NAMES)


def test_every_id_of_a_person_is_personal() -> None:
    keys = {key for name in PERSONAL_NAMES for key in RELATIONS[name].key}
    mails = {name for r in RELATIONS.values() for name in r.names if name.endswith("email")}
    assert keys | mails <= PERSONAL


REASON = pytest.mark.parametrize("reason", REASONS.values(), ids=lambda record: record.code)


@REASON
def test_a_reason_has_a_sentence_and_a_leading_one_a_finding(
    reason: ReasonRecord, native: Params
) -> None:
    assert native.sentences.reasons[reason.code]
    assert (reason.code in native.sentences.findings) == reason.leads


@REASON
def test_a_sentence_can_be_said_with_the_names_of_its_record(
    reason: ReasonRecord, native: Params
) -> None:
    values = dict.fromkeys(reason.mentions, 3)
    sentence = native.sentences.say("reasons", reason.code, **values)
    assert sentence.strip() == sentence != ""
    assert "{" not in sentence


@REASON
def test_a_reason_that_is_compared_says_with_what(reason: ReasonRecord) -> None:
    if reason.worse:
        assert {"value", "baseline"} <= reason.mentions
    if reason.metric:
        assert {"value", "baseline"} <= reason.mentions
    assert reason.apart > 0
    assert [code for code in reason.covers if code not in REASONS] == []


def test_rules_and_components_are_those_of_the_parameters() -> None:
    assert set(RULES) == Rules.model_fields.keys()
    assert set(COMPONENTS) == RiskWeights.model_fields.keys()


def test_a_fall_is_measured_by_a_metric_with_a_baseline() -> None:
    metrics = {record.metric for record in REASONS.values() if record.metric}
    assert metrics == set(BASELINE_METRICS)
    assert metrics <= set(WEEKLY_METRICS.names)


def test_what_the_forecast_goes_by_has_a_reason_for_each_topic() -> None:
    topics = {feature.topic for feature in FEATURES.values()} - {""}
    assert {f"forecast_{topic}" for topic in topics} <= REASONS.keys()
    assert {feature.direction for feature in FEATURES.values()} == {-1, 0, 1}
    told = [name for name, f in FEATURES.items() if f.topic and not f.direction]
    assert told == ["credits"], "which way credits push is not known"


def test_what_the_watchlist_goes_by_is_a_column_of_it() -> None:
    named = {c.removeprefix("history_") for c in REASONS if c.startswith("history_")}
    assert named <= set(TABLES["pre_sem_watchlist"].names)
    assert len(named) == 6


def test_features_are_columns_of_their_table() -> None:
    assert set(FEATURES) <= set(TABLES["weekly_features"].names)


def test_a_finding_has_what_does_not_belong_to_the_run() -> None:
    assert FINDING_COLUMNS == ("check", "class_id", "status", "count", "examples", "message")


def test_the_dictionary_has_a_line_for_every_column() -> None:
    text = write_dictionary()
    for table in EVERY:
        assert f"### {table.name}\n" in text
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(lines) == len(COLUMNS) + len(EVERY), "each table has a line of headings too"
    assert "| **student_id** | text | the student |  |  |" in lines
    assert (
        "| p_fail | float | chance of failing or leaving | share 0 to 1 | no model yet |" in lines
    )
    assert "Never read: `phone`, `archetype`." in text
