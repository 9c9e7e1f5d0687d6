"""The portal in a real browser: on a phone and a desk, by keyboard, without scripts, by day and night."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from tests.service.conftest import ADVISOR, PASSWORD, Served
from tests.service.test_portal import code_of, listed

WIDTHS = (390, 1280)


@dataclass
class Visit:
    """A page that is open, what it asked for, and what it complained of."""

    page: Page
    served: Served
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        self.page.goto(self.served.url + path)
        return self.page

    def sign_in(self, username: str) -> Page:
        self.go("/sign-in").fill("#username", username)
        self.page.fill("#password", PASSWORD)
        self.page.click("button.go")
        return self.page


Open = Callable[..., Visit]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Open]:
    """A function that opens a browser of its own on a service."""
    opened: list[tuple[BrowserContext, Visit]] = []

    def start(served: Served, width: int = 1280, **more: Any) -> Visit:
        context = browser.new_context(viewport={"width": width, "height": 844}, **more)
        made = Visit(context.new_page(), served)
        made.page.on("request", lambda request: made.requests.append(request.url))
        made.page.on("pageerror", lambda error: made.errors.append(str(error)))
        made.page.on("console", lambda said: made.errors.append(said.text) if said.type in ("error", "warning") else None)  # fmt: skip
        opened.append((context, made))
        return made

    yield start
    for context, made in opened:
        context.close()
        # Nothing from elsewhere, and no complaint, whatever a test did.
        assert [
            url for url in made.requests if not url.startswith((made.served.url, "data:"))
        ] == []
        assert made.errors == []


def find_offences(page: Page) -> list[str]:
    """What axe finds, at levels A and AA."""
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    # The policy of the portal keeps every foreign script out, axe too: it is let in by the tool.
    found = Axe().run(page, options=options).response["violations"]
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


def pages_of(served: Served) -> dict[str, list[str]]:
    student = listed(served.workspace, ADVISOR)[0]
    return {
        "priya": ["/week", "/class", f"/student?id={student}", "/scorecard", "/password"],
        "dean": ["/head"],
        "ana": ["/advisors", f"/week?advisor={ADVISOR}", f"/student?id={student}"],
    }


# Each width and each scheme once; the other two pairs are proved.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "scheme"),
    [(390, "light"), (1280, "dark"),
     pytest.param(390, "dark", marks=pytest.mark.prove), pytest.param(1280, "light", marks=pytest.mark.prove)],
)  # fmt: skip
def test_every_page_is_accessible_and_fits(
    service: Served, visit: Open, width: int, scheme: str, screenshots: Path
) -> None:
    for who, addresses in pages_of(service).items():
        seen = visit(service, width, color_scheme=scheme, bypass_csp=True)
        assert find_offences(seen.go("/sign-in")) == []
        seen.sign_in(who)
        for address in addresses:
            page = seen.go(address)
            name = address.strip("/").partition("?")[0]
            page.screenshot(
                path=screenshots / f"portal-{who}-{name}-{width}-{scheme}.png", full_page=True
            )
            assert find_offences(page) == [], address
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
    seen = visit(service, width, color_scheme=scheme, bypass_csp=True)
    code = code_of(service.workspace, listed(service.workspace, ADVISOR)[0])
    page = seen.go(f"/reply/{code}?kind=talked")
    page.screenshot(path=screenshots / f"portal-reply-{width}-{scheme}.png")
    assert find_offences(page) == []


@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
def test_an_answer_on_a_card_is_entered_without_leaving_the_page(
    own_service: Served, visit: Open, width: int
) -> None:
    seen = visit(own_service, width)
    page = seen.sign_in("priya")
    card = page.locator("#s1")
    name = card.locator("h3").inner_text()
    with page.expect_response("**/answers"):
        card.get_by_role("button", name="Talked").click()
    card.get_by_text("Logged: Talked.").wait_for()
    assert page.url.endswith("/week")
    card.get_by_role("link", name="More on").click()
    page.get_by_text("Talked,").first.wait_for()
    assert page.locator("h1").inner_text().split("\n")[0] in name
    head = visit(own_service, width)
    head.sign_in("dean").get_by_text("Students contacted since the list of week 10").wait_for()


@pytest.mark.slow
def test_everything_works_without_scripts(own_service: Served, visit: Open) -> None:
    seen = visit(own_service, java_script_enabled=False)
    page = seen.sign_in("priya")
    page.locator("#s1").get_by_role("button", name="No answer").click()
    page.locator("#s1").get_by_text("Logged: No answer").wait_for()
    page.locator("#s1").get_by_role("link", name="More on").click()
    page.select_option("#kind", "referred")
    page.fill("#referral", "Writing centre")
    page.fill("#outcome", "Goes on Friday")
    page.get_by_role("button", name="Log a contact").click()
    page.get_by_text("Logged: Referred.").wait_for()
    assert page.get_by_text("to Writing centre · Goes on Friday").count() == 1
    page.get_by_role("button", name="Sign out").click()
    page.locator("#username").wait_for()


@pytest.mark.slow
def test_the_keyboard_is_enough(own_service: Served, visit: Open) -> None:
    seen = visit(own_service)
    page, keys = seen.go("/sign-in"), seen.page.keyboard
    keys.press("Tab")  # the link to the content
    keys.press("Tab")
    keys.type("priya")
    keys.press("Tab")
    keys.type(PASSWORD)
    keys.press("Enter")
    page.locator("#s1").wait_for()
    keys.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    keys.press("Enter")
    for _ in range(30):
        keys.press("Tab")
        if page.evaluate("document.activeElement.value") == "talked":
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    with page.expect_response("**/answers"):
        keys.press("Enter")
    page.locator("#s1").get_by_text("Logged: Talked.").wait_for()


@pytest.mark.parametrize("width", WIDTHS)
def test_what_is_pressed_is_large_enough(service: Served, visit: Open, width: int) -> None:
    seen = visit(service, width)
    seen.sign_in("priya")
    for address in pages_of(service)["priya"]:
        small = seen.go(address).evaluate(
            """() => [...document.querySelectorAll("button, select, input:not([type=hidden]), .bar-top a, .button")]
            .filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 44).map(e => e.outerHTML.slice(0, 100))"""
        )
        assert small == [], address


@pytest.mark.slow
def test_one_tap_and_one_button(own_service: Served, visit: Open) -> None:
    student = listed(own_service.workspace, ADVISOR)[2]
    seen = visit(own_service, 390)
    page = seen.go(f"/reply/{code_of(own_service.workspace, student)}?kind=known%20reason")
    page.get_by_role("button", name="Log: Known reason").click()
    page.get_by_text("Logged: Known reason.").wait_for()
    log = own_service.workspace.store.read("intervention_log", student_id=student, sem_week=10)
    assert "known reason" in set(log["kind"])
