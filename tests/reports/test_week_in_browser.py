"""The weekly mail and page of 62 students in a real browser: how tall they are, what a thumb can hit, what is printed."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page
from pypdf import PdfReader

from edumetrics.reports import render
from tests.reports.full_week import make_full_report
from tests.reports.test_in_browser import CONTRAST, look

SCREEN = 844
MAIL = render.MailContext(
    "early-alert@riverbend.example", "https://reports.riverbend.example/week-07", "Riverbend"
)
# From the top of a section's heading to the top of the next one's.
HEIGHT = """title => {
  const heads = [...document.querySelectorAll("h2")], n = heads.findIndex(h => h.textContent === title);
  return heads[n + 1].getBoundingClientRect().top - heads[n].getBoundingClientRect().top;
}"""
# What can be tapped and is smaller than a thumb; links within a sentence may be.
SMALL = """() => [...document.querySelectorAll("a, button, summary")].filter(e => e.checkVisibility())
  .filter(e => e.getBoundingClientRect().height < 44 || e.getBoundingClientRect().width < 44).map(e => e.textContent)"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The mail and the page of the week, as files."""
    report, folder = make_full_report(), tmp_path_factory.mktemp("week")
    made = {"mail": render.render_mail_html(report, MAIL), "page": render.render_page(report)}
    for name, text in made.items():
        (folder / f"{name}.html").write_text(text)
    return {name: folder / f"{name}.html" for name in made}


def list_boxes(page: Page, text: str) -> list[dict[str, Any]]:
    found = [link.bounding_box() for link in page.get_by_role("link", name=text, exact=True).all()]
    return [dict(box) for box in found if box is not None]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 390, 1280])
@pytest.mark.parametrize("name", ["mail", "page"])
def test_it_can_be_read_at_any_width_by_day_and_by_night(
    name: str,
    width: int,
    scheme: Literal["light", "dark"],
    browser: Browser,
    files: dict[str, Path],
    screenshots: Path,
) -> None:
    seen = look(browser, files[name], width, scheme)
    seen.page.screenshot(path=screenshots / f"week-{name}-{width}-{scheme}.png", full_page=True)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    assert seen.page.evaluate(CONTRAST) == []
    assert seen.errors == []
    assert [url for url in seen.requests if not url.startswith(("file:", "data:"))] == []
    seen.page.close()


def test_eight_cards_are_four_screens_and_the_mail_seven(
    browser: Browser, files: dict[str, Path]
) -> None:
    page = look(browser, files["mail"], 390).page
    assert page.evaluate(HEIGHT, "Start here") <= 4 * SCREEN
    assert page.evaluate("document.documentElement.scrollHeight") <= 7 * SCREEN
    page.close()


def test_the_replies_of_a_card_stand_on_one_row_of_a_small_phone(
    browser: Browser, files: dict[str, Path]
) -> None:
    page = look(browser, files["mail"], 360).page
    rows = [
        list_boxes(page, text) for text in ("Talked", "No answer", "Known reason", "Wrong flag")
    ]
    assert [len(row) for row in rows] == [8, 8, 8, 8]
    for card in zip(*rows, strict=True):
        assert len({box["y"] for box in card}) == 1
        assert all(box["height"] >= 44 and box["width"] >= 44 for box in card)
    assert all(box["height"] >= 44 for box in list_boxes(page, "Draft an email"))
    page.close()


def test_everything_on_the_page_can_be_hit_by_a_thumb(
    browser: Browser, files: dict[str, Path]
) -> None:
    page = look(browser, files["page"], 390).page
    page.locator(".fold summary").click()
    assert page.evaluate(SMALL) == []
    page.close()


def test_the_table_is_folded_on_a_phone_only(browser: Browser, files: dict[str, Path]) -> None:
    for width, shown in ((390, False), (1280, True)):
        page = look(browser, files["page"], width).page
        assert page.locator(".sortable").is_visible() == shown
        page.close()


def test_on_paper_each_listed_student_has_a_sheet_and_nobody_else_is_on_it(
    browser: Browser, files: dict[str, Path]
) -> None:
    page = look(browser, files["page"]).page
    sheets = [sheet.extract_text() for sheet in PdfReader(io.BytesIO(page.pdf(format="A4"))).pages]
    rolls = [entry.roll_number for entry in make_full_report().entries if entry.handout]
    assert len(rolls) == 13
    for roll, sheet in zip(rolls, sheets, strict=True):
        assert [other for other in rolls if other in sheet] == [roll]
        assert "Riverbend College" in sheet
        assert "31 August to 6 September" in sheet
    page.close()
