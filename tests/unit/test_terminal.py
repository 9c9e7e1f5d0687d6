"""What a terminal shows: tables that fit, colour where it means something, help that explains every option."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator

import click
import pandas as pd
import pytest
from click.testing import CliRunner

from edumetrics.cli import main
from edumetrics.cli.base import GROUPS
from edumetrics.cli.tables import format_table

FRAME = pd.DataFrame(
    {
        "term": ["2026-01-05"] * 2,
        "student_id": ["S1", "S2"],
        "overall_att_pct": [34.54, None],
        "academic_performance": [51.0, 22.3],
        "risk_tier": ["critical", "watch"],
        "p_fail": [0.614, 0.1],
        "diagnosis": ["Not in: Methods assignments 3 and 4, due weeks 7 and 10.", None],
    }
)


@pytest.mark.parametrize("width", [30, 40, 60, 80, 100])
def test_no_line_is_wider_than_the_window(width: int) -> None:
    lines = format_table(FRAME, "table", width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert any("S1" in line for line in lines)


def test_columns_that_do_not_fit_are_named_and_none_is_left_out_of_a_pipe() -> None:
    narrow = " ".join(format_table(FRAME, "table", width=40).split())
    assert "No room for" in narrow
    assert "p_fail" in narrow
    heading = format_table(FRAME, "table").splitlines()[0].split()
    assert heading == [
        "term",
        "student_id",
        "overall_att_pct",
        "academic_performance",
        "risk_tier",
        "p_fail",
    ]


def test_a_line_is_a_row_and_numbers_are_rounded() -> None:
    lines = format_table(FRAME, "table").splitlines()
    assert lines[1].split() == ["2026-01-05", "S1", "34.5", "51.0", "critical", "0.61"]
    assert lines[-1].split() == ["2026-01-05", "S2", "-", "22.3", "watch", "0.10"]


def test_what_all_rows_have_alike_is_told_once_on_a_terminal() -> None:
    lines = format_table(FRAME, "table", width=100).splitlines()
    assert lines[0] == "term 2026-01-05"
    assert lines[0].split()[1] not in "".join(lines[1:])
    assert "2026-01-05  S1" in format_table(FRAME.head(1), "table", width=100)


def test_colour_is_for_what_asks_to_act_and_never_in_a_pipe() -> None:
    coloured = format_table(FRAME, "table", width=100, colour=True)
    assert coloured.count("\x1b[31m\x1b[1mcritical") == 1
    assert coloured.count("\x1b[0m") == 1, "nothing else is coloured"
    assert "\x1b" not in format_table(FRAME, "table", width=100)


def test_no_value_acts_on_the_terminal() -> None:
    frame = FRAME.assign(student_id=["\x1b[31mred", "two\nlines"])
    lines = format_table(frame, "table", width=200, colour=True).splitlines()
    assert "\\x1b[31mred" in "".join(lines)
    assert len([line for line in lines if line.endswith(("0.61", "0.10"))]) == 2


def walk(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, one in command.commands.items():
            yield from walk(one, f"{path} {name}")


COMMANDS = dict(walk(main, "edumetrics"))


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_and_option_is_explained(path: str) -> None:
    command = COMMANDS[path]
    assert command.help
    unexplained = [
        one.opts for one in command.params if isinstance(one, click.Option) and not one.help
    ]
    assert unexplained == []


def test_every_command_stands_in_one_group_of_the_help() -> None:
    grouped = [name for names in GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(main.commands)
    told = CliRunner().invoke(main, ["--help"]).output
    assert all(f"{title}:" in told for title in GROUPS)
    assert "More:" not in told


def test_a_range_of_weeks_is_two_weeks_in_order() -> None:
    for wrong in ("10-5", "5", "5-", "a-b"):
        done = CliRunner().invoke(main, ["show", "flagged", "--weeks", wrong])
        assert (done.exit_code, "such as 5-10" in done.output) == (2, True)


@pytest.mark.slow
@pytest.mark.process
def test_the_window_of_a_real_terminal_is_what_counts(environment: object) -> None:
    ours, theirs = pty.openpty()
    environ = {**os.environ, "COLUMNS": "72", "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "edumetrics", "show", "flagged", "--advisor", "ADV22001"]
    with subprocess.Popen(command, stdout=theirs, env=environ) as running:
        os.close(theirs)
        told = b""
        while chunk := _read(ours):
            told += chunk
        assert running.wait() == 0
    os.close(ours)
    plain = click.unstyle(told.decode())
    assert "\x1b[" in told.decode()
    assert max(map(len, plain.splitlines())) <= 72
    assert "diagnosis:" in plain


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:
        # Linux says so where the other side is closed.
        return b""
