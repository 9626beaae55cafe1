"""Debian's Chromium, driven by Playwright: what a person sees in a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.servers.processes import program

_QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

_PATIENT = 60_000  # milliseconds: what is expected comes, on a machine however busy

expect.set_options(timeout=_PATIENT)


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
        context.set_default_timeout(_PATIENT)
        yield context.new_page()
