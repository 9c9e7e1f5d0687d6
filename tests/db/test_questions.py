"""The platform's public questions: their examples are true, their refusals clear, and a class's answer needs no scan."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from edumetrics.analysis.store import Store
from edumetrics.analyst import effects, explore, predictions, queries
from edumetrics.errors import SettingsError
from edumetrics.fields import TABLES
from edumetrics.interventions import entries
from edumetrics.params import RiskWeights
from edumetrics.stages import weekly
from edumetrics.workspace import Workspace

QUESTIONS: dict[str, tuple[Callable[..., pd.DataFrame], str]] = {
    "flagged": (queries.flagged, "weekly_flags"),
    "student_performance": (queries.student_performance, "weekly_metrics"),
    "pre_midterm": (queries.pre_midterm, "pre_mid_term"),
    "pre_endterm": (queries.pre_endterm, "pre_end_term"),
    "risk_of_failing": (queries.risk_of_failing, "risk_of_failing_prediction"),
    "watchlist": (queries.watchlist, "pre_sem_watchlist"),
}
COPIES = 12


@pytest.mark.slow
@pytest.mark.parametrize(
    "module", [queries, predictions, effects, entries], ids=lambda module: module.__name__
)
def test_examples_are_true_of_the_demo_college(module: Any, environment: Workspace) -> None:
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0


@pytest.mark.parametrize("name", QUESTIONS)
def test_what_matches_nothing_is_empty_with_the_right_columns(
    name: str, environment: Workspace
) -> None:
    ask, table = QUESTIONS[name]
    wanted = [column for column in TABLES[table].names if column not in ("run_id", "computed_at")]
    # Over HTTP, where a store is given, a class of somebody else is as empty as none.
    nothing = ask(class_id="no such class", store=environment.store)
    assert nothing.columns.tolist() == wanted
    assert nothing.empty
    with pytest.raises(SettingsError, match="There is no class no such class"):
        ask(class_id="no such class")
    answer = ask(class_id="CS-2022-A")
    assert answer.columns.tolist() == wanted
    assert set(answer["class_id"]) == {"CS-2022-A"}


@pytest.mark.parametrize("name", QUESTIONS)
def test_what_does_not_exist_is_refused(name: str, environment: Workspace) -> None:
    ask, _ = QUESTIONS[name]
    for asked, why in (
        ({"student": "nobody"}, "There is no student nobody: check the id."),
        (
            {"week": 11},
            "Week 11 of the term of 2026-01-05 was not analysed: the newest is week 10.",
        ),
        ({"week": 0}, "Week 0 of the term of 2026-01-05 was not analysed: the newest is week 10."),
        (
            {"term": "1999-01-01"},
            "There is no term 1999-01-01: the terms are 2025-07-14, 2026-01-05.",
        ),
    ):
        if name == "watchlist" and "week" in asked:
            continue
        with pytest.raises(SettingsError) as refused:
            ask(**{"term": "2026-01-05", **asked})
        assert str(refused.value) == why


@pytest.mark.slow
def test_an_analyst_tries_another_weight(environment: Workspace) -> None:
    data = weekly.load(week=10)
    moved = explore.compare_weights(data, missed_work=60)
    assert set(moved["change"]) <= {"joins", "leaves"}
    list_at = environment.params.triage.list_at
    assert ((moved["risk_score"] >= list_at) != (moved["reweighed"] >= list_at)).all()
    assert len(moved)
    assert explore.compare_weights(data, missed_work=15).empty, "the weight that it has"
    with pytest.raises(SettingsError, match=r"colour: .*; the weights are attendance_standing,"):
        explore.compare_weights(data, colour=3)
    for weights in ({"missed_work": float("inf")}, dict.fromkeys(RiskWeights.model_fields, 0)):
        with pytest.raises(SettingsError, match="must be finite numbers, and at least one"):
            explore.compare_weights(data, **weights)
    with pytest.raises(SettingsError, match="There is no student nobody"):
        explore.plot_semester("nobody")
    path = explore.export(pd.DataFrame({"name": ["=1+1"]}), "../x")
    assert path.parent == environment.settings.home / "exports"
    assert path.read_text() == "name\n'=1+1\n"
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_results_say_in_a_line_what_they_are(environment: Workspace) -> None:
    data = weekly.load(week=10)
    lists = weekly.make_lists(weekly.compute(data))
    assert repr(data) == "Week(term 2026-01-05, week 10, students listed 240)"
    assert repr(lists).startswith("Triaged(term 2026-01-05, week 10, students scored ")
    assert "<td style='text-align:left'>on a list</td>" in lists._repr_html_()


@pytest.fixture(scope="module")
def large(demo: Workspace, postgres_url: Callable[[], str]) -> Store:
    """An analysis on PostgreSQL of a dozen demo colleges."""
    store = Store(postgres_url())
    store.migrate()
    for table in {table for _, table in QUESTIONS.values()}:
        rows = demo.store.read(table)
        copies = [rows.assign(student_id=rows["student_id"] + f"-{n}", class_id=rows["class_id"] + f"-{n}",
                              **({"advisor_id": rows["advisor_id"] + f"-{n}"} if "advisor_id" in rows else {}))
                  for n in range(COPIES)]  # fmt: skip
        with store.start_transaction() as connection:
            store.replace_slice(connection, table, pd.concat(copies, ignore_index=True))
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"ANALYZE {table}")
    return store


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "asked"),
    [
        ("weekly_metrics", {"term": "2026-01-05", "sem_week": 10, "class_id": "CS-2022-A-3"}),
        ("weekly_metrics", {"term": "2026-01-05", "sem_week": 10, "advisor_id": "ADV22001-3"}),
        ("weekly_metrics", {"term": "2026-01-05", "student_id": "S22000002-3"}),
        ("weekly_flags", {"term": "2026-01-05", "sem_week": 10, "advisor_id": "ADV22001-3"}),
        ("weekly_flags", {"term": "2026-01-05", "sem_week": 10, "class_id": "CS-2022-A-3"}),
        ("pre_mid_term", {"term": "2026-01-05", "sem_week": 7, "class_id": "CS-2022-A-3"}),
        ("pre_end_term", {"term": "2025-07-14", "sem_week": 17, "class_id": "CS-2022-A-3"}),
        (
            "risk_of_failing_prediction",
            {"term": "2026-01-05", "sem_week": 10, "class_id": "CS-2022-A-3"},
        ),
        ("pre_sem_watchlist", {"target_term": "2026-01-05", "class_id": "CS-2022-A-3"}),
    ],
)
def test_a_class_or_an_advisor_is_found_by_an_index(
    table: str, asked: dict[str, Any], large: Store
) -> None:
    select = large.select(table, None, **asked)
    text = select.compile(large.engine, compile_kwargs={"literal_binds": True})
    with large.engine.connect() as connection:
        plan = "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {text}"))
        assert (
            len(connection.execute(sa.text(str(text))).all())
            == len(large.read(table, None, **asked))
            > 0
        )
    assert "Seq Scan" not in plan, plan
    assert "Index" in plan


def test_what_has_another_explanation_is_no_case(environment: Workspace) -> None:
    flags = environment.store.read("weekly_flags", ("student_id", "sem_week"), term="2026-01-05")
    students = flags[flags["sem_week"] == 4]["student_id"].tolist()
    with environment.store.start_transaction() as connection:
        for n, student in enumerate(students):
            kind = ("talked", "known reason")[n % 2]
            connection.exec_driver_sql(
                "INSERT INTO intervention_log (student_id, term, sem_week, kind, logged_at) "
                "VALUES (?, '2026-01-05', 4, ?, '2026-02-01')",
                (student, kind),
            )
    found = queries.did_it_help()
    contacted = found.set_index("outcome")["contacted"]
    assert contacted.max() <= len(students[::2])
    assert found["said"].str.len().min() > 20
