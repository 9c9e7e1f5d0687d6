"""Keep what a page says beside it, so that the service shows the same report that was mailed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from edumetrics import settings
from edumetrics.analysis.written import FileRecord, Subject
from edumetrics.errors import EduMetricsError
from edumetrics.reports.model import Report
from edumetrics.sentences import Sentences

View = TypeVar("View")
# The catalogue is not part of what is kept: it is the college's own, and large.
CATALOGUE = "sentences"


def get_subject(report: Report) -> Subject:
    """Return whom all copies of a report are about."""
    return Subject(report.term, report.week, report.advisor_id)


def get_view_path(page: Path) -> Path:
    """Return where the view model of a page is kept."""
    return page.with_suffix(".json")


def write_view(page: Path, view: object) -> Path:
    """Write the view model of a page beside it, and return its path.

    Raises:
        SettingsError: the folder cannot be written to.
    """
    values = TypeAdapter[Any](type(view)).dump_python(view)
    content = json.dumps(_drop_catalogue(values), ensure_ascii=False)
    return settings.write_private_file(get_view_path(page), content.encode())


def read_view(files: FileRecord, kind: type[View], page: Path, sentences: Sentences) -> View | None:
    """Return the view model of a page; None where the page was not written.

    Args:
        files: the record of files.
        kind: the class of the view model.
        page: the path of the page.
        sentences: the catalogue, for the words of the page itself.

    Raises:
        ChangedFile: it is not the one that was written.
        EduMetricsError: another version of EduMetrics wrote it.
    """
    path = get_view_path(page)
    if not path.is_file():
        return None
    try:
        values = _add_catalogue(json.loads(files.read_unchanged(path)), sentences)
        return TypeAdapter(kind).validate_python(values)
    except ValueError as error:
        raise EduMetricsError(
            "The page was written by another version of EduMetrics: run the week again."
        ) from error


def read_text(page: Path, name: str) -> str:
    """Return one text of the view model of a page; empty where it cannot be read."""
    try:
        return str(json.loads(get_view_path(page).read_bytes())[name])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _drop_catalogue(values: Any) -> Any:
    """Return values with a mark in the place of every catalogue."""
    if isinstance(values, Mapping):
        return {
            key: None if key == CATALOGUE else _drop_catalogue(value)
            for key, value in values.items()
        }
    return [*map(_drop_catalogue, values)] if isinstance(values, list | tuple) else values


def _add_catalogue(values: Any, sentences: Sentences) -> Any:
    """Return values with the catalogue in the place of every mark."""
    if isinstance(values, dict):
        return {
            key: sentences if key == CATALOGUE else _add_catalogue(value, sentences)
            for key, value in values.items()
        }
    return (
        [_add_catalogue(one, sentences) for one in values] if isinstance(values, list) else values
    )
