"""A college scored in chunks of classes, several at a time, has the rows of one scored whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from edumetrics.analysis import run_log
from edumetrics.college import feeds
from edumetrics.database import create_writable_engine
from edumetrics.errors import SettingsError
from edumetrics.fields import TABLES
from edumetrics.inputs import parts
from edumetrics.inputs.terms import find_term
from edumetrics.stages import weekly
from edumetrics.workspace import Workspace

# The same week is computed several times over.
pytestmark = pytest.mark.slow

WRITTEN = (
    "weekly_metrics",
    "weekly_features",
    "weekly_flags",
    "list_exits",
    "class_findings",
    "risk_of_failing_prediction",
    "data_health",
)


def in_chunks(workspace: Workspace, size: int, **where: object) -> Workspace:
    batch = workspace.params.batch.model_copy(update={"chunk_students": size})
    params = workspace.params.model_copy(update={"batch": batch})
    return Workspace(replace(workspace.settings, **where), params, workspace.store)  # type: ignore[arg-type]


def week(workspace: Workspace, number: int) -> tuple[int, dict[str, pd.DataFrame]]:
    with workspace.open_college() as college:
        term = find_term(college, "", college.find_college_week(workspace.today))
        read = weekly.read_week(workspace, college, term, number, Path("unused"), replay=True)
    triaged = weekly.make_lists(weekly.compute(read))
    run = run_log.start_run(workspace.store, workspace.params, "weekly", term.name, number)
    weekly.STAGE.save(run, triaged)
    found = {}
    for name in WRITTEN:
        where = (
            {"run_id": run.run_id}
            if name == "data_health"
            else {"term": term.name, "sem_week": number}
        )
        keys = list(TABLES[name].key)
        found[name] = workspace.store.read(name, **where).drop(columns=["run_id", "computed_at"])
        keys = [key for key in keys if key in found[name]]
        found[name] = found[name].sort_values(keys, ignore_index=True)
    return len(read.parts), found


@pytest.fixture
def troubled(demo_copy: Workspace) -> Workspace:
    """Students who changed class, one without a class, one without an advisor, rows of unknown classes and students."""
    with create_writable_engine(demo_copy.settings.client_db_url).begin() as connection:
        for statement in (
            "UPDATE students SET class_id = (SELECT max(class_id) FROM classes) WHERE student_id IN (SELECT student_id FROM students ORDER BY student_id LIMIT 3)",
            "UPDATE students SET class_id = NULL WHERE student_id = (SELECT max(student_id) FROM students)",
            "UPDATE attendance SET class_id = 'unheard of' WHERE week = 5 AND student_id = (SELECT student_id FROM students ORDER BY student_id LIMIT 1 OFFSET 9)",
            "UPDATE attendance SET student_id = 'nobody' WHERE week = 4 AND student_id = (SELECT student_id FROM students ORDER BY student_id LIMIT 1 OFFSET 19)",
            "UPDATE assignment_submissions SET assignment_id = 'no item ' || id WHERE id IN (SELECT id FROM assignment_submissions ORDER BY id LIMIT 7)",
            "UPDATE assignment_submissions SET class_id = 'unheard of' WHERE id IN (SELECT id FROM assignment_submissions ORDER BY id DESC LIMIT 40)",
            "UPDATE quiz_submissions SET class_id = 'unheard of' WHERE substr(id, -1) = '7'",
            "DELETE FROM book_borrows WHERE class_id = (SELECT min(class_id) FROM classes)",
        ):
            connection.exec_driver_sql(statement)
    return demo_copy


def test_the_rows_are_the_same(troubled: Workspace) -> None:
    parts, whole = week(troubled, 10)
    assert parts == 1
    parts, chunked = week(in_chunks(troubled, 50, workers=2), 10)
    assert parts > 2
    assert len(whole["weekly_flags"]) > 10
    assert len(whole["risk_of_failing_prediction"]) > 0
    for name, frame in whole.items():
        pd.testing.assert_frame_equal(frame, chunked[name], obj=name)


def test_classes_that_share_anything_are_not_parted(troubled: Workspace) -> None:
    with in_chunks(troubled, 1).open_college() as college:
        term = find_term(college, "", college.find_college_week(troubled.today))
        students = college.students
        elsewhere = feeds.find_moved_students(college, term, 10)
        split = parts.split_classes(in_chunks(troubled, 1), term, 10, students, elsewhere)
        place = {name: n for n, classes in enumerate(split) for name in classes}
        assert sorted(place) == sorted(set(place))
        assert set(term.class_semesters["class_id"]) <= set(place)
        moved = students.sort_values("student_id").head(3)
        attended = college.read_registers(term.class_semesters, 10)
    for student, home in zip(moved["student_id"], moved["class_id"], strict=True):
        for other in set(attended.loc[attended["student_id"] == student, "class_id"]) & set(place):
            assert place[other] == place[home]
    with troubled.open_college() as college:
        one_list = students.assign(advisor_id="ADV")
        assert len(parts.split_classes(in_chunks(troubled, 1), term, 10, one_list, elsewhere)) == 1


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """A real Dask cluster of this machine: a scheduler and two worker processes; its address."""
    distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        local_directory=str(tmp_path),
    ) as running:
        yield str(running.scheduler_address)


@pytest.mark.prove
def test_a_dask_cluster_gives_the_same_rows(troubled: Workspace, cluster: str) -> None:
    _, whole = week(troubled, 10)
    parts, chunked = week(in_chunks(troubled, 50, backend="dask", scheduler=cluster), 10)
    assert parts > 2
    for name, frame in whole.items():
        pd.testing.assert_frame_equal(frame, chunked[name], obj=name)


def test_a_cluster_that_is_not_there(troubled: Workspace) -> None:
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    with pytest.raises(SettingsError, match="no Dask scheduler at tcp:"):
        week(in_chunks(troubled, 50, backend="dask", scheduler="tcp://127.0.0.1:1"), 10)
