"""The store replaces a slice and nothing else, and gives back what it was given."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from edumetrics.analysis import rollback
from edumetrics.analysis.store import Store
from edumetrics.errors import EduMetricsError, Locked, SettingsError
from edumetrics.fields import TABLES
from edumetrics.weeks import CollegeWeek
from tests.analysis.rows import make_rows, open_store, put

ODD, EVEN = "2025-07-14", "2026-01-05"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path)


def week(student: str, number: int, term: str = EVEN, **more: Any) -> dict[str, Any]:
    return {"student_id": student, "term": term, "sem_week": number, **more}


def replace(store: Store, table: str, rows: list[dict[str, Any]], **where: Any) -> int:
    frame = make_rows(table, *rows) if rows else pd.DataFrame()
    with store.start_transaction() as connection:
        return store.replace_slice(connection, table, frame, **where)


def read_keys(store: Store, table: str = "weekly_metrics") -> list[tuple[Any, ...]]:
    key = TABLES[table].key
    return list(store.read(table, key).itertuples(index=False, name=None))


# ------------------------------------------------------------ slices


def test_a_slice_is_replaced_and_every_other_row_stays(store: Store) -> None:
    put(store, "weekly_metrics", week("asha", 1), week("asha", 2), week("bala", 2),
        week("asha", 2, ODD))  # fmt: skip
    written = replace(store, "weekly_metrics", [week("chen", 2)], term=EVEN, sem_week=2)
    assert written == 1
    assert read_keys(store) == [
        ("asha", ODD, 2),
        ("asha", EVEN, 1),
        ("chen", EVEN, 2),
    ]


def test_replacing_twice_is_replacing_once(store: Store) -> None:
    rows = [week("asha", 1, effort_score=40.0), week("bala", 1)]
    replace(store, "weekly_metrics", rows, term=EVEN, sem_week=1)
    before = store.read("weekly_metrics")
    replace(store, "weekly_metrics", rows, term=EVEN, sem_week=1)
    pd.testing.assert_frame_equal(store.read("weekly_metrics"), before)


def test_no_row_empties_a_slice(store: Store) -> None:
    put(store, "weekly_metrics", week("asha", 1), week("asha", 2))
    assert replace(store, "weekly_metrics", [], term=EVEN, sem_week=1) == 0
    assert read_keys(store) == [("asha", EVEN, 2)]


def test_an_error_leaves_the_slice_as_it_was(store: Store) -> None:
    put(store, "weekly_metrics", week("asha", 1))
    twice = [week("bala", 1), week("bala", 1)]
    with pytest.raises(EduMetricsError, match=r"refused a write .* nothing was changed"):
        replace(store, "weekly_metrics", twice, term=EVEN, sem_week=1)
    assert read_keys(store) == [("asha", EVEN, 1)]


def test_an_error_in_a_transaction_takes_back_all_of_it(store: Store) -> None:
    class Stop(Exception):
        pass

    with pytest.raises(Stop), store.start_transaction() as connection:
        store.replace_slice(
            connection, "weekly_metrics", make_rows("weekly_metrics", week("asha", 1))
        )
        raise Stop
    assert store.read("weekly_metrics").empty


# ------------------------------------------------------------ reading


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("data_health", "examples", []),
        ("data_health", "examples", ["S1", "S2"]),
        ("model_runs", "metrics", {"weeks": {"4": 0.5}, "note": None}),
        ("list_exits", "improved",
            [{"code": "fall", "text": "Fiel von 80 auf 40 — „müde“", "points": 1.5}]),
        ("weekly_flags", "best_step", None),
    ],
)  # fmt: skip
def test_json_comes_back_as_it_was(table: str, column: str, value: Any, store: Store) -> None:
    put(store, table, {column: value})
    (found,) = store.read(table)[column]
    assert found == value


def test_letters_beyond_ascii_can_be_searched_in_stored_json(store: Store) -> None:
    put(
        store, "data_health", {"run_id": "r", "check": "c", "class_id": "C", "examples": ["Müller"]}
    )
    with store.start_transaction() as connection:
        found = connection.exec_driver_sql(
            "SELECT count(*) FROM data_health WHERE examples LIKE '%Müller%'"
        ).scalar()
    assert found == 1


def test_a_list_is_any_of_its_values_and_conditions_go_together(store: Store) -> None:
    put(store, "weekly_metrics", week("asha", 1), week("bala", 2), week("chen", 3),
        week("asha", 1, ODD))  # fmt: skip
    found = store.read("weekly_metrics", ("student_id",), term=EVEN, sem_week=[1, 3, 9])
    assert found["student_id"].tolist() == ["asha", "chen"]
    assert store.read("weekly_metrics", term=[]).empty


def test_rows_come_in_key_order_with_the_columns_asked_for(store: Store) -> None:
    put(store, "weekly_metrics", week("bala", 2), week("asha", 10), week("asha", 9))
    found = store.read("weekly_metrics", ("sem_week", "student_id"))
    assert list(found.columns) == ["sem_week", "student_id"]
    assert found["sem_week"].tolist() == [9, 10, 2], "asha first, and ten after nine"


def test_dtypes_are_those_of_the_fields_even_without_a_row(store: Store) -> None:
    empty = store.read("weekly_flags")
    assert list(empty.columns) == list(TABLES["weekly_flags"].names)
    put(store, "weekly_flags", week("asha", 4, within_capacity=False, urgency_score=12.5))
    full = store.read("weekly_flags")
    for name in ("student_id", "urgency_score", "within_capacity", "sem_week", "computed_at"):
        assert empty[name].dtype == full[name].dtype, name
    assert full.loc[0, "urgency_score"] == 12.5
    assert not full.loc[0, "within_capacity"]


def test_a_null_stays_null(store: Store) -> None:
    put(store, "weekly_metrics", week("asha", 1, lms_events=None, effort_score=None),
        week("bala", 1, lms_events=3, effort_score=0.0))  # fmt: skip
    found = store.read("weekly_metrics").set_index("student_id")
    assert pd.isna(found.loc["asha", "lms_events"])
    assert pd.isna(found.loc["asha", "effort_score"])
    assert found.loc["bala", ["lms_events", "effort_score"]].tolist() == [3, 0]


def test_the_newest_rows_come_first(store: Store) -> None:
    put(store, "weekly_metrics", *(week("asha", number) for number in (1, 3, 2)), week("bala", 9))
    found = store.read_newest("weekly_metrics", "sem_week", 2, student_id="asha")
    assert found["sem_week"].tolist() == [3, 2]


def test_the_highest_value_is_none_where_there_is_none(store: Store) -> None:
    put(store, "weekly_metrics", week("asha", 2), week("asha", 7, ODD))
    assert store.find_highest("weekly_metrics", "term") == EVEN
    assert store.find_highest("weekly_metrics", "sem_week", term=EVEN) == 2
    assert store.find_highest("weekly_metrics", "sem_week", term=[EVEN, ODD]) == 7
    assert store.find_highest("weekly_metrics", "sem_week", term="2027-01-04") is None
    assert store.has_rows("weekly_metrics", student_id="asha")
    assert not store.has_rows("weekly_metrics", student_id="bala")


def test_terms_are_listed_once_in_order_of_time(store: Store) -> None:
    assert store.list_terms() == []
    put(store, "weekly_metrics", week("asha", 1), week("bala", 1), week("asha", 1, ODD),
        week("asha", 1, "2024-07-15"))  # fmt: skip
    assert store.list_terms() == ["2024-07-15", ODD, EVEN]
    assert store.list_values("weekly_metrics", "student_id") == ["asha", "bala"]


def test_class_means_leave_out_nulls_and_later_weeks(store: Store) -> None:
    put(store, "weekly_metrics", week("asha", 1, class_id="C", effort_score=40.0),
        week("bala", 1, class_id="C", effort_score=None), week("chen", 1, class_id="D", effort_score=10.0),
        week("asha", 2, class_id="C", effort_score=50.0), week("asha", 3, class_id="C", effort_score=0.0))  # fmt: skip
    found = store.compute_class_means(EVEN, 2, ["effort_score"])
    assert list(found.itertuples(index=False, name=None)) == [
        ("C", 1, 2, 40.0),
        ("C", 2, 1, 50.0),
        ("D", 1, 1, 10.0),
    ]


def test_who_was_ever_listed_is_read_with_every_week_so_far(store: Store) -> None:
    put(store, "weekly_metrics", *(week(s, n) for s in ("asha", "bala") for n in (1, 2, 3)))
    put(store, "weekly_flags", week("asha", 2), week("bala", 3))
    by_week = store.read_listed_metrics(EVEN, 2, ["effort_score"])
    assert sorted(zip(by_week["student_id"], by_week["sem_week"], strict=True)) == [
        ("asha", 1),
        ("asha", 2),
    ]
    assert len(store.read_listed_metrics(EVEN, None, ["effort_score"])) == 6
    assert store.read_list_entries(EVEN, 3)["student_id"].tolist() == ["asha"]


def test_a_student_without_an_advisor_is_on_the_list_of_nobody(store: Store) -> None:
    put(store, "weekly_metrics", week("asha", 1, advisor_id="ADV"), week("asha", 2, advisor_id="ADV"),
        week("bala", 1, advisor_id=None), week("chen", 1, ODD, advisor_id="ADV"))  # fmt: skip
    found = store.read_advisors([EVEN])
    assert sorted(zip(found["student_id"], found["advisor_id"], strict=True)) == [
        ("asha", "ADV"),
        ("bala", "unassigned"),
    ]


# ------------------------------------------------------------ the position, and going back


def test_the_position_is_the_last_one_recorded(store: Store) -> None:
    assert store.read_college_week() is None
    for position in (CollegeWeek(2025, 27), CollegeWeek(2025, 28)):
        with store.start_transaction() as connection:
            store.set_college_week(connection, position)
    assert store.read_college_week() == CollegeWeek(2025, 28)
    with store.start_transaction() as connection:
        store.set_college_week(connection, None)
    assert store.read_college_week() is None


def fill(store: Store) -> None:
    """Store derived rows before, in and after week 5 of the even term, and what people entered."""
    for table in ("weekly_metrics", "weekly_flags"):
        put(store, table, week("asha", 9, ODD), week("asha", 5), week("asha", 6),
            week("asha", 1, "2026-07-13"))  # fmt: skip
    put(store, "exam_review", {"student_id": "asha", "term": EVEN, "exam_type": "midterm"},
        {"student_id": "asha", "term": ODD, "exam_type": "midterm"},
        {"student_id": "asha", "term": "2026-07-13", "exam_type": "midterm"})  # fmt: skip
    put(store, "model_runs", {"model_id": f"review-midterm-{EVEN}", "task": "review", "tested_term": EVEN},
        {"model_id": "review-midterm-2026-07-13", "task": "review", "tested_term": "2026-07-13"},
        {"model_id": "model", "task": "p_fail", "tested_term": "2026-07-13"})  # fmt: skip
    put(store, "pre_sem_watchlist", {"student_id": "asha", "target_term": EVEN},
        {"student_id": "asha", "target_term": "2026-07-13"})  # fmt: skip
    put(store, "run_log", {"run_id": "r", "term": EVEN, "sem_week": 6})
    put(store, "data_health", {"run_id": "r", "check": "c", "class_id": "C"})
    put(store, "intervention_log", week("asha", 6, id=1, kind="talked"))


def test_going_back_deletes_what_was_derived_for_later_weeks_and_terms(store: Store) -> None:
    fill(store)
    with store.start_transaction() as connection:
        deleted = rollback.delete_rows(connection, rollback.find_later(EVEN, 5))
    # Two weekly rows of each of two tables, and a review, its scorecard and a watchlist.
    assert deleted == 7
    for table in ("weekly_metrics", "weekly_flags"):
        assert read_keys(store, table) == [("asha", ODD, 9), ("asha", EVEN, 5)]
    assert store.list_values("exam_review", "term") == [ODD, EVEN]
    assert store.list_values("model_runs", "model_id") == ["model", f"review-midterm-{EVEN}"]
    assert store.list_values("pre_sem_watchlist", "target_term") == [EVEN]


def test_going_back_before_an_exam_deletes_its_review_and_scorecard(store: Store) -> None:
    fill(store)
    with store.start_transaction() as connection:
        rollback.delete_rows(connection, rollback.find_later(EVEN, 5, ["midterm"]))
    assert store.list_values("exam_review", "term") == [ODD]
    assert store.list_values("model_runs", "model_id") == ["model"]


def test_what_people_entered_and_the_ledger_survive_a_fresh_start(store: Store) -> None:
    fill(store)
    with store.start_transaction() as connection:
        rollback.delete_rows(connection, rollback.find_later(ODD, 1))
        rollback.delete_derived(connection)
    kept = [name for name in TABLES if len(store.read(name))]
    assert kept == ["intervention_log", "run_log", "data_health"]


# ------------------------------------------------------------ schema and lock


def test_migrating_again_changes_nothing(store: Store) -> None:
    put(store, "weekly_metrics", week("asha", 1))
    store.migrate()
    assert read_keys(store) == [("asha", EVEN, 1)]


def test_the_schema_has_the_tables_and_columns_of_the_dictionary(store: Store) -> None:
    inspector = sa.inspect(store.engine)
    assert set(inspector.get_table_names()) == {*TABLES, "alembic_version"}
    for name, table in TABLES.items():
        found = {column["name"]: column["nullable"] for column in inspector.get_columns(name)}
        assert found == {field.name: bool(field.null) for field in table.fields}, name
        assert tuple(inspector.get_pk_constraint(name)["constrained_columns"]) == table.key


def test_a_database_of_a_newer_version_is_left_alone(store: Store, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "analysis.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(SettingsError, match="written by a newer EduMetrics"):
        store.migrate()


def test_one_run_at_a_time_holds_the_lock(store: Store, tmp_path: Path) -> None:
    other = Store(f"sqlite:///{tmp_path / 'analysis.db'}")
    with store.require_lock():
        with pytest.raises(Locked, match="Another run is at work"), other.require_lock():
            raise AssertionError("two runs at work")
        put(store, "weekly_metrics", week("asha", 1))
    with other.require_lock():
        assert read_keys(other) == [("asha", EVEN, 1)], "the holder could write"
