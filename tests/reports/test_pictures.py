"""The pictures of the documentation show what is rendered today.

A picture keeps the fingerprint of the page that it was taken of: letters look different on every machine, and the page does not.
UPDATE_SNAPSHOTS=1 takes them anew.
"""

from __future__ import annotations

import hashlib
import io
import os

import pandas as pd
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import Browser

from edumetrics.reports import render
from edumetrics.settings import PROJECT
from tests.reports.full_week import make_full_report, make_full_rows

PICTURES = PROJECT / "docs" / "pictures"
SIZES = {"mail": (390, 844), "page": (820, 844)}


def _make_weeks() -> dict[str, pd.DataFrame]:
    """Weeks that go with what the cards say: five good ones, a bad one, and the last."""
    rows = make_full_rows()
    held = rows.courses["week_lectures_held"].iloc[0]
    place = rows.courses.groupby("sem_week").cumcount()
    attended = {6: 4 + place % 3, 7: place % 5}
    courses = rows.courses.assign(
        weekly_att_pct=[
            100 * attended[week][n] / held if week in attended else 80.0 + (7 * week + n) % 12
            for n, week in enumerate(rows.courses["sem_week"])
        ]
    )
    by_student = courses.groupby("student_id")["weekly_att_pct"]
    courses["overall_att_pct"] = by_student.transform(lambda one: one.expanding().mean())
    courses["academic_performance"] = 62.0 - 4 * courses["sem_week"] + place % 7
    last = rows.last.assign(weekly_att_pct=rows.last["weekly_att_pct"] - 9)
    return {"courses": courses, "last": last}


def _render(name: str) -> str:
    report = make_full_report(**_make_weeks())
    return render.render_page(report) if name == "page" else render.render_preview(report).html


@pytest.mark.parametrize("name", SIZES)
def test_a_picture_shows_the_page_of_today(name: str, browser: Browser) -> None:
    html, path = _render(name), PICTURES / f"{name}.png"
    print_of_today = hashlib.sha256(html.encode()).hexdigest()
    if os.environ.get("UPDATE_SNAPSHOTS"):
        width, height = SIZES[name]
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_content(html)
        taken = Image.open(io.BytesIO(page.screenshot())).convert(
            "P", palette=Image.Palette.ADAPTIVE
        )
        kept = PngInfo()
        kept.add_text("page", print_of_today)
        path.parent.mkdir(exist_ok=True)
        taken.save(path, pnginfo=kept, optimize=True)
        page.close()
    picture = Image.open(path)
    assert picture.size == SIZES[name]
    assert picture.info["page"] == print_of_today, "take it anew: UPDATE_SNAPSHOTS=1"
