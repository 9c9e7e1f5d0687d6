"""Rendering: view models into files, every string escaped by the template engine."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from edumetrics.errors import SettingsError
from edumetrics.reports.views import AdvisorPage


@cache
def environment() -> Environment:
    """The templates, with escaping always on and unknown names refused."""
    loader = PackageLoader("edumetrics.reports", "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def advisor_page(page: AdvisorPage) -> str:
    """One advisor's page as self-contained HTML."""
    return environment().get_template("advisor_page.html.j2").render(page=page)


def write_page(path: Path, html: str) -> Path:
    """Write a page whole or not at all, readable by its owner only, and return its path.

    Raises:
        SettingsError: the folder cannot be written to.
    """
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.write_text(html, encoding="utf-8")
        draft.chmod(0o600)
        os.replace(draft, path)  # noqa: PTH105 - atomic, and says so
    except OSError as error:
        raise SettingsError(f"Cannot write {path} ({error.strerror}): make the reports folder writable.") from error
    return path


def file_name(identifier: str) -> str:
    """An id as a safe file name: letters, digits, dot, dash and underscore, the rest as their code points."""
    return re.sub(r"[^A-Za-z0-9._-]|^\.", lambda match: f"%{ord(match[0]):x}", identifier)


def safe_csv(frame: pd.DataFrame) -> str:
    """A frame as CSV that a spreadsheet will not take for formulas: a text beginning like one gets an apostrophe."""
    texts = frame.select_dtypes(["object", "str"]).columns
    return str(frame.assign(**{name: frame[name].map(_cell) for name in texts}).to_csv(index=False))


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
