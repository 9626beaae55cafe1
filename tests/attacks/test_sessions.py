"""Stealing, planting and keeping sessions."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx2
import pytest

from stockade.directory import Account
from stockade.gateway.app import build
from stockade.gateway.identity import identify
from stockade.gateway.outbox import outbox
from stockade.gateway.site import Site
from stockade.guard.gate import Guard
from tests.gateway.conftest import Forge
from tests.gateway.running import serving
from tests.servers.processes import wait_until

HTTPS = {"x-forwarded-proto": "https", "x-forwarded-for": "192.0.2.1"}
HOME = "<strong>alice</strong>"


@pytest.fixture
def browser(forge: Forge) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=forge.at.url) as client:
        yield client


def post(browser: httpx2.Client, path: str, fields: dict[str, str], **headers: str) -> httpx2.Response:
    page = browser.get("/users/sign_in" if path == "/users/sign_in" else "/users/password/new", headers=headers)
    found = re.search(r'name="authenticity_token" value="([^"]*)"', page.text)
    assert found
    return browser.post(path, data={"authenticity_token": found[1], **fields}, headers=headers)


def sign_in(browser: httpx2.Client, password: object) -> httpx2.Response:
    return post(browser, "/users/sign_in", {"user[login]": "alice", "user[password]": str(password)})


def test_a_session_that_somebody_planted_is_not_the_one_opened(forge: Forge, browser: httpx2.Client) -> None:
    browser.cookies.set("stockade_session", "planted")
    sign_in(browser, forge.made.password)
    session = [c.value for c in browser.cookies.jar if c.name == "stockade_session" and c.value != "planted"]
    assert len(session) == 1
    planted = httpx2.get(f"{forge.at.url}/", headers={"cookie": "stockade_session=planted"})
    assert HOME not in planted.text


def test_over_https_a_neighbouring_host_can_plant_no_session(forge: Forge) -> None:
    """A cookie without the prefix may come from any host of the domain."""
    account: Account = forge.directory.account("alice")
    cookie = forge.directory.open_session(account, 1_700_000_000.0, 1e9)
    guard = Guard(trusted_proxies=["127.0.0.1"], identify=identify)
    with serving(build(Site(guard, forge.directory))) as gateway:
        for name, known in (("__Host-stockade_session", True), ("stockade_session", False)):
            page = httpx2.get(f"{gateway.url}/", headers={**HTTPS, "cookie": f"{name}={cookie}"})
            assert (HOME in page.text) is known


@pytest.mark.parametrize("where", ["//evil.example", "https://evil.example/", "/\\evil.example", "%2f%2fevil.example"])
def test_nobody_is_sent_elsewhere_after_signing_in(forge: Forge, browser: httpx2.Client, where: str) -> None:
    fields = {"user[login]": "alice", "user[password]": str(forge.made.password), "return_to": where, "next": where}
    answer = post(browser, "/users/sign_in", fields, referer="https://evil.example/", host="127.0.0.1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_who_asks_for_another_password_cannot_name_the_site(forge: Forge) -> None:
    """The owner gets a message that somebody else asked for; it must not lead to where that somebody waits."""
    messages = forge.state / "messages"
    site = Site(Guard(identify=identify), forge.directory, deliver=outbox(messages))
    with serving(build(site)) as gateway, httpx2.Client(base_url=gateway.url) as browser:
        answer = post(browser, "/users/password", {"user[email]": "alice"}, host="evil.example")
        assert answer.status_code == 200
        wait_until(lambda: any(messages.glob("*.eml")), "the message")
        [file] = messages.iterdir()
        assert "evil.example" not in file.read_text()
        assert "/users/password/edit" in file.read_text()


def test_names_and_errors_are_text_on_every_page(forge: Forge, browser: httpx2.Client) -> None:
    script = "<script>alert(1)</script>"
    answer = post(browser, "/users/sign_in", {"user[login]": f'"{script}', "user[password]": script})
    assert answer.status_code == 401
    assert script not in answer.text
    odd = httpx2.get(f"{forge.at.url}/users/sign_in", headers={"host": "x'(a)!"})
    assert "x'(a)!" not in odd.text
