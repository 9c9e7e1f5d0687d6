"""A deadline late on Sunday, on a server that knows the offset of today and no others."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from edumetrics.params import Calendar, Params
from tests.colleges import native_params
from tests.trouble.conftest import Damage

LONDON = ZoneInfo("Europe/London")
# An hour before and after the clocks' change of 29 March 2026, in weeks 7 and 13 of the term.
WINTER, SUMMER = (
    datetime(2026, 2, 22, 23, 59, tzinfo=LONDON),
    datetime(2026, 3, 30, 0, 30, tzinfo=LONDON),
)
MOMENTS = {"CS-2024-A-4-A01": WINTER, "CS-2024-A-4-A02": SUMMER}
STATEMENTS = (
    "ALTER TABLE assignment_definitions ADD COLUMN due_at INTEGER",
    "UPDATE assignment_definitions SET due_at = strftime('%s', '2026-01-05 12:00', (7 * due_week - 4) || ' days')",
    *(
        f"UPDATE assignment_definitions SET due_at = {int(moment.timestamp())} "
        f"WHERE assignment_id = '{item}'"
        for item, moment in MOMENTS.items()
    ),
)
BY_SERVER = "FLOOR(DATEDIFF(FROM_UNIXTIME(due_at), '2026-01-05') / 7) + 1"


def in_london(due_week: str) -> Params:
    """A college whose deadlines are seconds since 1970."""
    params = native_params(
        assignment_definitions="SELECT assignment_id, class_id, subject_id, semester, title, max_marks, "
        f"{due_week} AS due_week FROM assignment_definitions"
    )
    calendar = Calendar.model_validate(
        params.calendar.model_dump() | {"time_zone": "Europe/London"}
    )
    return params.model_copy(update={"calendar": calendar})


@pytest.mark.slow
def test_the_one_that_moves_is_told(damage: Damage) -> None:
    seen = damage(*STATEMENTS, engine="mariadb", params=in_london(BY_SERVER))
    rows = seen.findings[seen.findings["check"] == "assignment_definitions: offset"]
    [row] = rows.to_dict("records")
    today = datetime.now(UTC).astimezone(LONDON).utcoffset()
    moved = [item for item, moment in MOMENTS.items() if moment.utcoffset() != today]
    assert (row["status"], row["count"], row["examples"]) == ("warn", 1, moved)


@pytest.mark.slow
def test_by_the_functions_of_a_mapping_none_moves(damage: Damage) -> None:
    own = in_london("{week(due_at, '2026-01-05')}")
    for engine in ("mariadb", "sqlite"):
        seen = damage(*STATEMENTS, engine=engine, params=own)
        assert seen.find("offset") == []
