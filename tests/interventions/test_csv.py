"""A table of contacts: each row is entered, or refused with its line and one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from edumetrics.errors import SettingsError
from edumetrics.interventions.csv_import import ImportResult, Refusal, import_csv
from edumetrics.workspace import Workspace
from tests.analysis.rows import open_small_workspace

SAME = "The same contact was entered before."


def enter(workspace: Workspace, text: str | bytes) -> ImportResult:
    path = workspace.settings.home / "contacts.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return import_csv(path, workspace)


def read_log(workspace: Workspace) -> list[dict[Any, Any]]:
    return workspace.store.read("intervention_log").to_dict("records")


# ------------------------------------------------------------ accepted


def test_two_columns_are_enough(analysed: Workspace) -> None:
    result = enter(analysed, "student_id,kind\nasha,talked\n bala ,No Answer\n")
    assert (result.entered, result.refused, result.before) == (2, [], [])
    assert [(row["student_id"], row["kind"], row["sem_week"]) for row in read_log(analysed)] == [
        ("asha", "talked", 10),
        ("bala", "no answer", 10),
    ]


def test_every_column_is_stored_in_any_order(analysed: Workspace) -> None:
    until = analysed.today.isoformat()
    enter(
        analysed,
        "kind,until,sem_week,helpful,outcome,notes,logged_by,student_id\n"
        f'called,{until},9,Yes,will come,"a bus strike,\nand rain", ADV ,asha\n',
    )
    (row,) = read_log(analysed)
    assert (row["student_id"], row["kind"], row["sem_week"]) == ("asha", "called", 9)
    assert (row["outcome"], row["notes"], row["logged_by"]) == (
        "will come",
        "a bus strike,\nand rain",
        "ADV",
    )
    assert (row["helpful"], row["until"]) == (True, pd.Timestamp(until))


@pytest.mark.parametrize(
    ("cell", "helpful"),
    [("yes", True), (" TRUE ", True), ("1", True), ("no", False), ("False", False), ("0", False),
     ("", None), ("  ", None)],
)  # fmt: skip
def test_helpful_is_yes_no_or_nothing(cell: str, helpful: bool | None, analysed: Workspace) -> None:
    assert enter(analysed, f"student_id,kind,helpful\nasha,talked,{cell}\n").entered == 1
    (row,) = read_log(analysed)
    assert (None if pd.isna(row["helpful"]) else bool(row["helpful"])) is helpful


def test_a_file_from_excel_is_read(analysed: Workspace) -> None:
    result = enter(analysed, b"\xef\xbb\xbfstudent_id,kind,notes\r\nasha,talked,M\xc3\xbcde\r\n")
    assert result.entered == 1
    assert read_log(analysed)[0]["notes"] == "Müde"


def test_a_table_without_rows_enters_nothing(analysed: Workspace) -> None:
    result = enter(analysed, "student_id,kind\n")
    assert list(result.format_lines()) == ["0 entered, 0 entered before, 0 refused."]


# ------------------------------------------------------------ entered before


def test_a_row_is_entered_once_in_one_table_and_in_the_next(analysed: Workspace) -> None:
    text = "student_id,kind,notes\nasha,talked,bus\nasha,Talked,bus\nasha,talked,\n"
    first = enter(analysed, text)
    assert (first.entered, first.before) == (2, [Refusal("line 3", SAME)])
    again = enter(analysed, text)
    assert (again.entered, len(again.before)) == (0, 3)
    assert len(read_log(analysed)) == 2


def test_an_outcome_that_is_known_later_completes_the_entry(analysed: Workspace) -> None:
    enter(analysed, "student_id,kind\nasha,talked\n")
    later = enter(analysed, "student_id,kind,outcome,helpful\nasha,talked,well,yes\n")
    assert (later.entered, later.completed, later.before) == (0, 1, [])
    assert list(later.format_lines()) == ["0 entered, 1 completed, 0 entered before, 0 refused."]
    (row,) = read_log(analysed)
    assert (row["outcome"], row["helpful"]) == ("well", True)
    other = enter(analysed, "student_id,kind,outcome\nasha,talked,badly\n")
    assert (other.completed, other.before) == (0, [Refusal("line 2", SAME)])
    assert read_log(analysed)[0]["outcome"] == "well", "what was said is not changed"


# ------------------------------------------------------------ refused


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("nobody,talked,,,", "There is no student with this id in the term of 2026-01-05: check the id."),
        (",talked,,,", "There is no student with this id in the term of 2026-01-05: check the id."),
        ("asha,shouted,,,", "There is no such kind: the kinds are talked, emailed, called, "
         "referred, no answer, known reason, wrong flag."),
        ("asha,talked,maybe,,", "helpful is neither yes nor no: write one, or leave it empty."),
        ("asha,talked,,28/09/2026,",
         "until is no day: write one such as 2026-09-28, or leave it empty."),
        ("asha,talked,,2020-01-01,", "2020-01-01 is in the past or more than a year ahead:"
         " choose a day within the next year for `until`."),
        ("asha,talked,,,ten", "sem_week is no number: write a week's number, or leave it empty."),
        ("asha,talked,,,-1", "sem_week is no number: write a week's number, or leave it empty."),
        ("asha,talked,,,²", "sem_week is no number: write a week's number, or leave it empty."),
        ("asha,talked,,,8",
         "Week 8 is not a teaching week and has no list: choose a teaching week."),
        ("asha,talked,,,12", "Week 12 has not been analysed yet: choose a week from 1 to 10."),
        ("asha,talked,,", "The row has more or fewer cells than the table has columns."),
        ("asha,talked,,,,x", "The row has more or fewer cells than the table has columns."),
    ],
)  # fmt: skip
def test_a_row_that_is_not_valid_is_refused_and_the_others_are_entered(
    row: str, why: str, analysed: Workspace
) -> None:
    text = f"student_id,kind,helpful,until,sem_week\nbala,talked,,,\n{row}\nasha,called,,,\n"
    result = enter(analysed, text)
    assert result.refused == [Refusal("line 3", why)]
    assert [entry["student_id"] for entry in read_log(analysed)] == ["bala", "asha"]
    assert list(result.format_lines()) == [
        "2 entered, 0 entered before, 1 refused.",
        f"line 3: {why}",
    ]


def test_a_line_is_that_on_which_the_row_ends(analysed: Workspace) -> None:
    result = enter(analysed, 'student_id,kind,notes\nasha,talked,"two\nlines"\nnobody,talked,\n')
    assert [refusal.where for refusal in result.refused] == ["line 4"]


@pytest.mark.parametrize(
    "heading",
    ["student_id", "student_id,kind,note", "student_id,kind,kind", "Student_id,kind", "", "a;b"],
)
def test_a_table_with_other_columns_is_refused_whole(heading: str, analysed: Workspace) -> None:
    with pytest.raises(SettingsError) as refused:
        enter(analysed, f"{heading}\nasha,talked\n")
    assert str(refused.value).endswith(
        "contacts.csv must have the columns kind, student_id, can also have helpful, logged_by,"
        " notes, outcome, referral, sem_week, until, and must have no column twice."
    )
    assert read_log(analysed) == []


@pytest.mark.parametrize(
    "content",
    [b"student_id,kind\n\xff\xfe,talked\n", b'student_id,kind\nasha,"talked" now\n'],
    ids=["another encoding", "a quote within a cell"],
)
def test_what_is_no_csv_in_utf_8_is_refused_whole(content: bytes, analysed: Workspace) -> None:
    with pytest.raises(SettingsError, match=r"contacts\.csv cannot be read as CSV in UTF-8"):
        enter(analysed, content)
    assert read_log(analysed) == []


def test_a_file_that_is_not_there_is_refused(analysed: Workspace, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"missing\.csv cannot be read as CSV in UTF-8"):
        import_csv(tmp_path / "missing.csv", analysed)


def test_a_table_is_refused_before_anything_was_analysed(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Nothing has been analysed yet"):
        enter(open_small_workspace(tmp_path / "new"), "student_id,kind\nasha,talked\n")
