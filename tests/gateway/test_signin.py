"""Signing in and out, forms, cookies and password resets, as a browser without scripts does them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from threading import Event

import httpx2
import pytest

from stockade.gateway.app import build
from stockade.gateway.identity import identify
from stockade.gateway.site import Site
from stockade.guard.gate import Guard
from tests.gateway.conftest import Forge, StartForge
from tests.gateway.running import serving
from tests.gateway.wire import spoken
from tests.servers.processes import wait_until

OLD_FORM = "This form was too old"


@pytest.fixture
def browser(forge: Forge) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=forge.at.url, follow_redirects=True) as client:
        yield client


def field(page: str, name: str = "authenticity_token") -> str:
    found = re.search(rf'name="{re.escape(name)}" value="([^"]*)"', page)
    assert found, page
    return found[1]


def sign_in(browser: httpx2.Client, name: str, password: str) -> httpx2.Response:
    token = field(browser.get("/users/sign_in").text)
    form = {"authenticity_token": token, "user[login]": name, "user[password]": password}
    return browser.post("/users/sign_in", data=form)


def test_who_signs_in_sees_their_repositories_and_can_leave(forge: Forge, browser: httpx2.Client) -> None:
    assert "demo/hello" not in browser.get("/").text
    page = sign_in(browser, "alice", forge.made.password)
    assert page.url.path == "/"
    assert "<strong>alice</strong>" in page.text
    assert f"git clone {forge.at.url}/demo/hello.git" in page.text
    left = browser.post("/users/sign_out", data={"authenticity_token": field(page.text)})
    assert left.url.path == "/users/sign_in"
    assert not [name for name in browser.cookies if "session" in name]
    assert forge.directory.sessions("alice") == []


def test_a_wrong_password_is_a_401_that_says_nothing_about_the_name(forge: Forge, browser: httpx2.Client) -> None:
    wrong, unknown = sign_in(browser, "alice", "guessed"), sign_in(browser, "nobody-here", "guessed")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace("alice", "nobody-here") == unknown.text
    assert "basic" not in wrong.headers["www-authenticate"].lower(), "no dialog of the browser's own"


def test_a_blocked_user_cannot_sign_in_and_is_signed_out_at_once(forge: Forge, browser: httpx2.Client) -> None:
    sign_in(browser, "alice", forge.made.password)
    forge.directory.block("alice")
    assert "alice" not in browser.get("/").text
    refused = sign_in(browser, "alice", forge.made.password)
    assert refused.status_code == 403
    assert "The account alice is blocked." in refused.text


def test_a_banned_user_cannot_sign_in(forge: Forge, browser: httpx2.Client) -> None:
    forge.guard.ban("user:alice")
    assert sign_in(browser, "alice", forge.made.password).status_code == 403


def test_the_eleventh_try_in_a_minute_is_told_when_to_come_back(browser: httpx2.Client) -> None:
    spellings = [
        b"/users/sign_in",
        b"//users/%73ign_in/",
        b"/./users//sign_in",
        b"/users/x/../sign_in",
        b"/users/sign_in;a",
    ]
    kind = b"Content-Type: application/x-www-form-urlencoded"
    posts = [b"POST %s HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: 3\r\n\r\na=b" % (p, kind) for p in spellings * 2]
    answers = spoken(browser.base_url.port or 0, *posts, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert [answer.status for answer in answers] == [403] * 10 + [200], "a form without its token"
    late = browser.post("/users/password", data={})
    assert late.status_code == 429
    assert int(late.headers["retry-after"]) > 0


def test_the_session_cookie_is_for_this_host_and_no_script(forge: Forge, browser: httpx2.Client) -> None:
    browser.follow_redirects = False
    answer = sign_in(browser, "alice", forge.made.password)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("stockade_session=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie


def test_over_https_the_cookies_are_secure(forge: Forge) -> None:
    guard = Guard(trusted_proxies=["127.0.0.1"], identify=identify)
    with serving(build(Site(guard, forge.directory))) as gateway:
        said = {"x-forwarded-proto": "https", "x-forwarded-host": "git.example.org", "x-forwarded-for": "192.0.2.1"}
        answer = httpx2.get(f"{gateway.url}/users/sign_in", headers=said)
        assert answer.headers["set-cookie"].startswith("__Host-stockade_form=")
        assert "Secure" in answer.headers["set-cookie"]
        assert "git.example.org" in answer.text
    believed = httpx2.get(f"{forge.at.url}/users/sign_in", headers=said)
    assert "Secure" not in believed.headers["set-cookie"], "nobody is believed unless declared"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "multipart/form-data; boundary=x"}, 415),
    ],
)
def test_a_form_from_elsewhere_is_refused(
    forge: Forge, browser: httpx2.Client, headers: dict[str, str], status: int
) -> None:
    token = field(browser.get("/users/sign_in").text)
    content = f"authenticity_token={token}&user%5Blogin%5D=alice&user%5Bpassword%5D={forge.made.password}"
    headers = {"content-type": "application/x-www-form-urlencoded", **headers}
    assert browser.post("/users/sign_in", content=content, headers=headers).status_code == status


def test_a_form_whose_token_is_not_its_cookies_is_refused(browser: httpx2.Client) -> None:
    browser.get("/users/sign_in")
    for token in ("", "other", "ä"):
        answer = browser.post("/users/sign_in", data={"authenticity_token": token, "user[login]": "alice"})
        assert answer.status_code == 403
        assert OLD_FORM in answer.text
    assert "stockade_session" not in browser.cookies


def test_long_and_odd_forms_are_refused(browser: httpx2.Client) -> None:
    browser.get("/users/sign_in")
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert browser.post("/users/sign_in", content=b"a" * 70_000, headers=kind).status_code == 413
    assert browser.post("/users/sign_in", content=b"a=b&" * 50, headers=kind).status_code == 400
    assert browser.post("/users/sign_in", content=b"\xff=\xfe", headers=kind).status_code == 400


def test_what_people_type_is_shown_as_text(browser: httpx2.Client) -> None:
    page = sign_in(browser, '"><script>alert(1)</script>', "guessed").text
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_pages_hold_browsers_to_them(browser: httpx2.Client) -> None:
    headers = browser.get("/users/sign_in").headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert browser.head("/users/sign_in").status_code == 200
    assert browser.put("/users/sign_in").status_code == 405


def test_a_forgotten_password_is_reset_by_the_code_in_the_message(forge: Forge, browser: httpx2.Client) -> None:
    sign_in(browser, "alice", forge.made.password)
    with httpx2.Client(base_url=forge.at.url) as elsewhere:
        token = field(elsewhere.get("/users/password/new").text)
        known = elsewhere.post("/users/password", data={"authenticity_token": token, "user[email]": "alice"})
        unknown = elsewhere.post("/users/password", data={"authenticity_token": token, "user[email]": "nobody"})
        assert known.text == unknown.text
        code = code_sent(forge.state / "outbox")
        form = {"authenticity_token": token, "user[reset_password_token]": code, "user[password]": "short"}
        weak = elsewhere.post("/users/password", data=form)
        assert (weak.status_code, "8 to 1024 characters" in weak.text) == (422, True)
        form["user[password]"] = "a much better one"
        assert "Your password is changed" in elsewhere.post("/users/password", data=form).text
        again = elsewhere.post("/users/password", data=form)
        assert (again.status_code, "does not work" in again.text) == (422, True)
    assert "<strong>alice</strong>" not in browser.get("/").text, "signed out everywhere"
    assert "<strong>alice</strong>" in sign_in(browser, "alice", "a much better one").text


def test_who_has_an_account_is_answered_as_soon_as_who_has_none(start_forge: StartForge) -> None:
    """The code is made and sent afterwards: how long that takes would tell."""
    free, sent = Event(), list[str]()

    def deliver(address: str, _text: str) -> None:
        assert free.wait(60)
        sent.append(address)

    forge = start_forge(deliver=deliver)
    with httpx2.Client(base_url=forge.at.url) as browser:
        token = field(browser.get("/users/password/new").text)
        for name in ("alice", "nobody", "alice"):
            form = {"authenticity_token": token, "user[email]": name}
            assert "a code is on its way" in browser.post("/users/password", data=form).text
        assert sent == []
        free.set()
        wait_until(lambda: len(sent) == 2, "the messages")
    assert sent == ["alice@example.org", "alice@example.org"]


def code_sent(outbox: Path) -> str:
    wait_until(lambda: any(outbox.glob("*.eml")), "the message")
    [file] = outbox.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    message = message_from_bytes(file.read_bytes())
    assert message["To"] == "alice@example.org"
    found = re.search(r"Code: (\S+)", str(message.get_payload()))
    assert found
    return found[1]


def test_a_stale_cookie_is_nobodys_and_two_cookies_are_the_first(forge: Forge, browser: httpx2.Client) -> None:
    sign_in(browser, "alice", forge.made.password)
    good = browser.cookies["stockade_session"]
    home = f"{forge.at.url}/"
    assert "alice" not in httpx2.get(home, headers={"cookie": "stockade_session=stale"}).text
    assert "alice" in httpx2.get(home, headers={"cookie": f"a=b; stockade_session={good}; stockade_session=x"}).text
