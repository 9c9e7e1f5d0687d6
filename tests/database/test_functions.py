"""The functions that mappings may use say the same in every dialect."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from edumetrics.database import (
    create_college_engine,
    create_writable_engine,
    expand_functions,
    open_connection,
)
from edumetrics.errors import SettingsError

ZONE = "America/Los_Angeles"
# A minute before and after midnight in Los Angeles, in winter and in summer, and nothing.
MOMENTS = (1768204740, 1768204860, 1783925940, 1783926060, 0)
DAYS = ["2026-01-11", "2026-01-12", "2026-07-12", "2026-07-13", None]


@pytest.fixture(params=["sqlite", "postgres", "mysql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        made = f"sqlite:///{tmp_path / 'log.db'}"
    else:
        create: Callable[[], str] = request.getfixturevalue(f"{request.param}_url")
        made = create()
    engine = create_writable_engine(made)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE log (n INTEGER, x BIGINT)")
        for number, moment in enumerate(MOMENTS):
            connection.exec_driver_sql(f"INSERT INTO log VALUES ({number}, {moment})")
    engine.dispose()
    return made


def read(url: str, call: str) -> list[object]:
    engine = create_college_engine(url, ZONE)
    with open_connection(engine, "the test") as connection:
        text = expand_functions(
            f"SELECT {call} AS y FROM log ORDER BY n", engine.dialect.name, ZONE
        )
        found = list(connection.execute(sa.text(text)).scalars())
    engine.dispose()
    return [None if one is None else str(one) for one in found]


def test_seconds_are_days_of_the_college(url: str) -> None:
    assert read(url, "{day(x)}") == DAYS
    assert read(url, "{day((x))}") == DAYS
    assert read(url, "{text({day(x)})}") == DAYS


def test_seconds_are_moments_of_the_college(url: str) -> None:
    times = ["2026-01-11 23:59:00", "2026-01-12 00:01:00", "2026-07-12 23:59:00",
             "2026-07-13 00:01:00", None]  # fmt: skip
    assert read(url, "{moment(x)}") == times


def test_weeks_are_counted_from_a_first_day(url: str) -> None:
    starts = "'2026-01-05'" if url.startswith("sqlite") else "DATE '2026-01-05'"
    weeks = read(url, f"{{week(x, {starts})}}")
    assert [one and int(float(str(one))) for one in weeks] == [1, 2, 27, 28, None]


@pytest.mark.parametrize("text", ["{day(x}", "{day(x, y)}", "{week(x)}", "SELECT {day((x)}"])
def test_a_call_that_cannot_be_read_is_told(text: str) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        expand_functions(text, "sqlite", ZONE)


def test_other_text_stays_as_it_is() -> None:
    text = "SELECT '{dayx}' AS a, x FROM log -- {other(x)}"
    assert expand_functions(text, "sqlite", ZONE) == text
