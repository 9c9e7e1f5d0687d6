"""A Canvas copy on PostgreSQL and on MariaDB: the same rows, and each trap read right."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
import yaml
from click.testing import CliRunner

from edumetrics.cli import main
from edumetrics.college.terms import College
from edumetrics.database import create_college_engine, open_snapshot
from edumetrics.params import load
from edumetrics.settings import PROJECT
from tests.systems import canvas

Frames = dict[str, pd.DataFrame]


def build(dialect: str, url: str) -> None:
    engine = sa.create_engine(
        sa.make_url(url).set(drivername="postgresql+psycopg2") if dialect == "postgresql" else url
    )
    with engine.begin() as connection:
        for statement in canvas.statements(dialect):
            connection.exec_driver_sql(statement.replace("%", "%%"))
    engine.dispose()


def read(folder: Path, url: str) -> Frames:
    """Every relation, through what `map --like canvas` drafts."""
    drafted = CliRunner().invoke(main, ["map", "--like", "canvas", url], catch_exceptions=False)
    assert drafted.exit_code == 0, drafted.output
    (folder / "colleges" / "own.yml").write_text(drafted.output)
    params = load(folder, "own")
    assert yaml.safe_load(drafted.output)["settings"]["terms"][0]["weeks"] == 19
    engine = create_college_engine(url, params.calendar.time_zone)
    with open_snapshot(engine, "X") as connection:
        college = College(connection, params)
        found = {
            name: college.read_frame(
                sa.select(*(relation.c[n] for n in relation.table.names)), name
            )
            for name, relation in college.relations.items()
            if relation is not None
        }
    engine.dispose()
    return found


@pytest.fixture(scope="module")
def found(
    postgres_url: Callable[[], str],
    mysql_url: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Frames]]:
    folder = tmp_path_factory.mktemp("canvas") / "params"
    shutil.copytree(PROJECT / "params", folder)
    frames = {}
    for dialect, make in (("postgresql", postgres_url), ("mariadb", mysql_url)):
        url = make()
        build(dialect, url)
        frames[dialect] = read(folder, url)
    yield frames


@pytest.mark.slow
def test_both_engines_have_the_same_rows(found: dict[str, Frames]) -> None:
    for name, frame in found["postgresql"].items():
        other = found["mariadb"][name]
        order = list(frame.columns)
        pd.testing.assert_frame_equal(
            frame.sort_values(order, ignore_index=True), other.sort_values(order, ignore_index=True)
        )
    assert all(len(found["postgresql"][name]) for name in ("students", "assignment_submissions"))


def test_who_is_a_student_and_who_advises(found: dict[str, Frames]) -> None:
    frames = found["postgresql"]
    assert sorted(frames["students"]["student_id"]) == ["S001", "S002", "canvas-3"]
    assert frames["advisors"]["advisor_id"].tolist() == ["T100"]
    assert frames["subjects"]["subject_id"].tolist() == ["100"], (
        "what is not published is not taught"
    )


def test_deadlines_are_days_of_the_college(found: dict[str, Frames]) -> None:
    items = found["postgresql"]["assignment_definitions"].set_index("assignment_id")["due_week"]
    assert items.to_dict() == {"500-10": 1, "501-10": 3, "507-10": 9}
    quizzes = found["postgresql"]["quiz_definitions"].set_index("quiz_id")["scheduled_week"]
    assert quizzes.to_dict() == {"502-10": 2, "503-10": 3}


def test_what_was_done_and_what_is_known_of_it(found: dict[str, Frames]) -> None:
    done = found["postgresql"]["assignment_submissions"].set_index("id")
    assert done.loc["500-1", "marks_obtained"] == 8
    assert done.loc["500-1", "marked_on"] == pd.Timestamp("2026-09-22"), "when it was shown"
    assert done.loc["500-1", "submission_date"] == pd.Timestamp("2026-09-13")
    assert done.loc["500-2", ["marks_obtained", "submission_date"]].isna().all(), (
        "the policy's zero is no mark"
    )
    assert done.loc["500-2", "due_week_override"] == 2
    assert bool(done.loc["500-3", "exempt"])
    quizzes = found["postgresql"]["quiz_submissions"].set_index("id")
    assert quizzes.loc["502-1", "marks_obtained"] == 15
    assert pd.isna(quizzes.loc["502-2", "marks_obtained"]), "it waits for review"
    assert pd.isna(quizzes.loc["503-1", "marks_obtained"]), "it is not shown yet"
    results = found["postgresql"]["exam_results"].set_index("id")
    assert results["pass_fail"].to_dict() == {"506-1": "P", "506-2": "F"}
