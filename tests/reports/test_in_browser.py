"""What people see: every report in a real browser, on a phone and on a desk, by day and by night, and on paper."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page
from pypdf import PdfReader

from edumetrics.reports.model import Students
from tests.conftest import workspace_at
from tests.reports.conftest import ADVISOR, MOMENTS, reports_of

NAMES = [f"{stage}-{kind}" for stage in MOMENTS for kind in ("page", "mail")] + [
    "department",
    "run",
]
PAGES = [name for name in NAMES if name.endswith("-page")]
# Every piece of text that can be seen, and its contrast with what is behind it (WCAG 2.2, 1.4.3).
CONTRAST = """() => {
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => { const [x, y, z] = [r, g, b].map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * x + .7152 * y + .0722 * z; };
  const behind = element => { for (let e = element; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), element = walker.currentNode.parentElement;
    if (!text || text === "\\u00a0" || !element.checkVisibility() || ["SCRIPT", "STYLE"].includes(element.tagName)) continue;
    const style = getComputedStyle(element), ink = parse(element.namespaceURI.includes("svg") ? style.fill : style.color);
    // A number in the galaxy stands on its mark.
    const mark = element.previousElementSibling, ground = mark && mark.matches(".m") ? parse(getComputedStyle(mark).fill) : behind(element);
    const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x), ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) found.push(`${text.slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return found;
}"""


@dataclass
class Seen:
    """A page that is open, what it asked the network for, and what it complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def look(
    browser: Browser, path: Path, width: int = 1280, scheme: Literal["light", "dark"] = "light"
) -> Seen:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    seen = Seen(page)
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on(
        "console",
        lambda message: (
            seen.errors.append(message.text) if message.type in ("error", "warning") else None
        ),
    )
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on(
        "dialog", lambda dialog: (seen.errors.append(f"dialog: {dialog.message}"), dialog.dismiss())
    )
    page.goto(path.as_uri())
    return seen


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_read(
    name: str,
    width: int,
    scheme: Literal["light", "dark"],
    browser: Browser,
    shown: dict[str, Path],
    screenshots: Path,
) -> None:
    seen = look(browser, shown[name], width, scheme)
    seen.page.screenshot(path=screenshots / f"{name}-{width}-{scheme}.png", full_page=True)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width, (
        "no horizontal scroll"
    )
    assert seen.errors == []
    assert [url for url in seen.requests if not url.startswith(("file:", "data:"))] == []
    assert len([url for url in seen.requests if url.startswith("file:")]) == 1
    assert seen.page.evaluate(CONTRAST) == []
    assert seen.page.evaluate(
        "[...document.images].every(image => image.complete && image.naturalWidth > 0 && image.alt)"
    )
    assert seen.page.title()
    assert seen.page.evaluate("document.documentElement.lang") == "en"
    seen.page.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_table_sorts(width: int, browser: Browser, shown: dict[str, Path]) -> None:
    page = look(browser, shown["weekly-page"], width).page
    rows = "[...document.querySelectorAll('.sortable tbody tr')].map(row => row.cells[{}].innerText.trim())"

    def column(n: int) -> list[Any]:
        return list(page.evaluate(rows.format(n)))

    if width == 390:
        page.locator(".fold summary").click()
    attended = page.get_by_role("button", name="Attended to date")
    attended.click()
    once = [float(text.rstrip("%").split()[-1]) for text in column(2) if "–" not in text]
    assert once == sorted(once)
    assert len(set(once)) > 5
    assert page.evaluate("document.querySelector('th[aria-sort]').ariaSort") == "ascending"
    attended.click()
    twice = [float(text.rstrip("%").split()[-1]) for text in column(2) if "–" not in text]
    assert twice == sorted(once, reverse=True)
    page.get_by_role("button", name="Student", exact=True).click()
    names = [text.split("\n")[0] for text in column(0)]
    assert names == sorted(names, key=str.casefold)
    page.close()


def test_the_page_reads_without_its_script(browser: Browser, shown: dict[str, Path]) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(shown["weekly-page"].as_uri())
    assert page.locator(".sortable tbody tr").count() > 40
    assert page.locator(".card h3").first.is_visible()
    context.close()


# A week of nothing but results has lines only.
@pytest.mark.parametrize("stage", [stage for stage in MOMENTS if stage != "post_analysis"])
def test_on_paper_each_student_has_a_sheet(
    stage: str, browser: Browser, shown: dict[str, Path], judged: Path
) -> None:
    report = reports_of(workspace_at(judged), *MOMENTS[stage])[ADVISOR]
    first = next(
        section
        for section in report.sections
        if isinstance(section, Students) and not section.brief
    )
    page = look(browser, shown[f"{stage}-page"]).page
    page.emulate_media(media="print")
    assert not page.locator(".act").first.is_visible(), "paper has no buttons"
    sheets = [sheet.extract_text() for sheet in PdfReader(io.BytesIO(page.pdf(format="A4"))).pages]
    rolls = [entry.roll_number for entry in first.entries]
    mine = [[n for n, sheet in enumerate(sheets) if roll in sheet] for roll in rolls]
    assert all(mine)
    sheets_of_cards = [where[0] for where in mine]
    assert len(set(sheets_of_cards)) == len(rolls), "a sheet each"
    for roll, n in zip(rolls, sheets_of_cards, strict=True):
        assert [other for other in rolls if other in sheets[n]] == [roll], "and nobody else on it"
    page.close()


def test_a_card_can_be_held_by_a_thumb(browser: Browser, shown: dict[str, Path]) -> None:
    """Targets of at least 44 pixels (WCAG 2.2, 2.5.5)."""
    page = look(browser, shown["weekly-mail"], 390).page
    for link in page.locator("a", has_text="Draft an email").all():
        box = link.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    page.close()
