"""Debian's Chromium, driven by Playwright: what a person sees in a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.servers.processes import program

_QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless browser for the module, whose tests must be synchronous: Playwright keeps its own loop running."""
    with sync_playwright() as playwright:
        binary = program("chromium", "chromium")
        browser = playwright.chromium.launch(executable_path=binary, headless=True, args=list(_QUIET))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page in a context of its own: no cookies, 800 by 600."""
    with browser.new_context(viewport={"width": 800, "height": 600}) as context:
        yield context.new_page()
