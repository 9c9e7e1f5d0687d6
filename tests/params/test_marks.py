"""A file that only grows: what it remembers, and how it bears a disk that was full."""

from __future__ import annotations

from pathlib import Path

import pytest

from edumetrics.errors import SettingsError
from edumetrics.marks import Marks


def test_the_last_word_counts_and_names_nobody(tmp_path: Path) -> None:
    marks = Marks(tmp_path, "some.log")
    assert marks.find(("asha", 7)) == ""
    marks.add(("asha", 7), "handed over")
    marks.add(("ravi", 7), "handed over")
    marks.add(("asha", 7), "refused")
    for read in (marks, Marks(tmp_path, "some.log")):
        assert (read.find(("asha", 7)), read.find(("ravi", 7))) == ("refused", "handed over")
        assert read.find(("asha7",)) == "", "a separator keeps parts apart"
    text = (tmp_path / "some.log").read_text()
    assert "asha" not in text
    assert "ravi" not in text
    for name in ("some.log", ".key"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0


def test_a_line_that_was_cut_off_swallows_no_other(tmp_path: Path) -> None:
    Marks(tmp_path, "some.log").add(("asha",), "handed over")
    path = tmp_path / "some.log"
    path.write_bytes(path.read_bytes()[:-8])
    marks = Marks(tmp_path, "some.log")
    marks.add(("ravi",), "handed over")
    assert Marks(tmp_path, "some.log").find(("ravi",)) == "handed over"


def test_another_home_has_other_fingerprints(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    one, other = (Marks(tmp_path / name, "some.log") for name in ("one", "other"))
    assert one.compute_mark(("asha",)) != other.compute_mark(("asha",))


def test_a_home_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "some.log").mkdir()
    with pytest.raises(SettingsError, match="Cannot write"):
        Marks(tmp_path, "some.log").add(("asha",), "x")
