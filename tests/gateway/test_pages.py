"""What a person sees in a real browser: pages that work without scripts, by keyboard, in light and in dark."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.gateway.conftest import Forge, StartForge

NAME, PASSWORD = "Name", "Password"


@pytest.fixture
def forge(start_forge: StartForge) -> Forge:
    return start_forge(registry=True)


def sign_in(page: Page, forge: Forge, password: str) -> None:
    page.goto(f"{forge.at.url}/users/sign_in")
    page.get_by_label(NAME).fill("alice")
    page.get_by_label(PASSWORD).fill(password)
    page.keyboard.press("Enter")


def test_signing_in_by_keyboard_and_out_again(forge: Forge, page: Page) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(forge.at.url)
    page.get_by_role("link", name="Sign in").first.click()
    expect(page.get_by_label(NAME)).to_be_focused()
    page.keyboard.type("alice")
    page.keyboard.press("Tab")
    page.keyboard.type(forge.made.password)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Signed in as alice")).to_be_visible()
    expect(page.get_by_text(f"git clone {forge.at.url}/demo/hello.git")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert complaints == [], "the content security policy is kept by our own pages"


def test_a_wrong_password_is_said_and_the_name_kept(forge: Forge, page: Page) -> None:
    sign_in(page, forge, "guessed")
    expect(page.get_by_role("alert")).to_have_text("The name or the password is not right.")
    expect(page.get_by_label(NAME)).to_have_value("alice")
    expect(page.get_by_label(PASSWORD)).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/users/sign_in", "/users/password/new", "/users/password/edit"])
def test_every_text_can_be_read(forge: Forge, browser: Browser, scheme: str, path: str) -> None:
    with browser.new_context(viewport={"width": 360, "height": 640}, color_scheme=scheme) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(forge.at.url + path)
        assert page.evaluate("document.documentElement.scrollWidth <= 360"), "no sideways scrolling on a telephone"
        assert page.evaluate(CONTRASTS) == []
        assert page.locator("html").get_attribute("lang") == "en"
        assert page.locator("h1").count() == 1


CONTRASTS = """() => {
  const light = ([r, g, b]) => {
    const part = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const colour = text => text.match(/[\\d.]+/g).map(Number);
  const behind = node => {
    for (; node; node = node.parentElement) {
      const found = colour(getComputedStyle(node).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const node of document.querySelectorAll("h1, h2, p, a, label, button, span, code, strong")) {
    if (!node.innerText.trim()) continue;
    const [a, b] = [light(colour(getComputedStyle(node).color)), light(behind(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.push(`${ratio.toFixed(2)}: ${node.innerText.trim()}`);
  }
  return faint;
}"""
