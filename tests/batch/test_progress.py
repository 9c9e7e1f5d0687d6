"""Progress is told in lines for a person, or as one JSON object a line for a log collector."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from edumetrics.batch import progress
from edumetrics.errors import Refused

LINE = "[1/2] weekly, week 3: 60 rows, 2 pages."


def test_a_line_for_a_person_is_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    progress.choose_reporter("text")(LINE, rows=60)
    assert capsys.readouterr() == (f"{LINE}\n", "")


def test_a_line_for_a_log_is_json_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    progress.choose_reporter("json")("Müde — week 3", rows=60, stage="weekly")
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert "Müde — week 3" in out, "letters are not escaped"
    told = json.loads(out)
    assert before <= datetime.fromisoformat(told.pop("at")) <= datetime.now(UTC)
    assert told == {"message": "Müde — week 3", "rows": 60, "stage": "weekly"}


def test_a_line_break_in_a_message_stays_in_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    progress.print_json("one\ntwo")
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["message"] == "one\ntwo"


def test_nothing_is_printed_for_callers_from_code(capsys: pytest.CaptureFixture[str]) -> None:
    progress.skip_line(LINE, rows=60)
    assert capsys.readouterr() == ("", "")


def test_an_error_is_in_a_json_log(capsys: pytest.CaptureFixture[str]) -> None:
    progress.log_error(Refused("Mail is held."))
    told = json.loads(capsys.readouterr().out)
    assert (told["message"], told["level"], told["exit_status"]) == ("Mail is held.", "error", 3)


def test_nothing_in_a_line_can_act_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    progress.print_line("week \x1b[2J\u202e7\x07 is done")
    assert capsys.readouterr().out == "week \\x1b[2J\\x202e7\\x07 is done\n"


def test_steps_come_in_order_and_without_a_bar_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert list(progress.show_progress(iter("abc"))) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")
