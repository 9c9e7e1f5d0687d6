"""Colleges written row by row, opened on SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from edumetrics.college.terms import College
from edumetrics.database import create_college_engine, open_connection
from edumetrics.params import Calendar
from tests import colleges
from tests.analysis.rows import load_params

Open = Callable[..., College]


@pytest.fixture
def open_college(tmp_path: Path) -> Iterator[Open]:
    """A function that writes the rows of a college and opens it, with another calendar if given."""
    with ExitStack() as stack:

        def write_and_open(rows: colleges.Rows, calendar: Calendar | None = None) -> College:
            engine = create_college_engine(colleges.write(tmp_path / "college.db", rows))
            stack.callback(engine.dispose)
            params = load_params()
            if calendar is not None:
                params = params.model_copy(update={"calendar": calendar})
            return College(stack.enter_context(open_connection(engine, "CLIENT_DB_URL")), params)

        yield write_and_open
