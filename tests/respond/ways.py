"""Real clients that try a way into a forge that is served: each answers whether it leads in."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
from playwright.sync_api import Page

from stockade.directory.pkce import challenge_of
from tests.gateway.authenticator import App
from tests.gateway.images import Skopeo
from tests.servers.processes import wait_until
from tests.ssh.conftest import House

REFS = "/demo/hello.git/info/refs?service=git-upload-pack"
BACK = "https://board.example.net/cb"
VERIFIER = "a-verifier-of-at-least-forty-three-characters"


@dataclass
class Clients:
    """Git, ssh, skopeo, and HTTP as programs and browsers speak it, each against the same forge."""

    house: House
    skopeo: Skopeo
    password: str
    codes: list[str] = field(default_factory=list)
    app: App | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.house.forge.port}"

    # ── programs ─────────────────────────────────────────────────────────────────────────────────

    def git(self, secret: str, login: str = "alice") -> bool:
        url = f"http://{login}:{secret}@127.0.0.1:{self.house.forge.port}/demo/hello.git"
        return self.house.git.run("ls-remote", url).returncode == 0

    def basic(self, secret: str, login: str = "alice") -> bool:
        return httpx2.get(self.url + REFS, auth=(login, secret)).status_code == 200

    def bearer(self, secret: str) -> bool:
        return httpx2.get(self.url + REFS, headers={"authorization": f"Bearer {secret}"}).status_code == 200

    def ssh(self, key: str) -> bool:
        return self.house.run(key, "ls-remote", self.house.url).returncode == 0

    def registry(self, login: str, secret: str) -> bool:
        into = self.house.base / f"pulled-{time.monotonic_ns()}"
        signed_in = self.skopeo.login(login, secret).returncode == 0
        return signed_in and self.skopeo.pull("demo/hello/app:v1", into).returncode == 0

    # ── a browser, by its forms ──────────────────────────────────────────────────────────────────

    def session(self, cookie: str) -> bool:
        return "Signed in as <strong>alice" in httpx2.get(self.url, headers={"cookie": cookie}).text

    def posted(self, browser: httpx2.Client, where: str, page: str = "", **form: str) -> httpx2.Response:
        """A form as our pages have it, filled in and sent."""
        found = re.search(r'name="authenticity_token" value="([^"]*)"', browser.get(page or where).text)
        assert found, page
        return browser.post(where, data={"authenticity_token": found[1], **form})

    def signs_in(self, browser: httpx2.Client) -> httpx2.Response:
        """The first step."""
        form = {"user[login]": "alice", "user[password]": self.password}
        return self.posted(browser, "/users/sign_in", **form)

    def by_password(self) -> bool:
        with httpx2.Client(base_url=self.url) as browser:
            return self.signs_in(browser).status_code == 303

    def by_second_step(self, code: Callable[[], str]) -> bool:
        """Both steps, the second by a code, which is used up only where it is asked for."""
        with httpx2.Client(base_url=self.url) as browser:
            if self.signs_in(browser).headers.get("location") != "/users/sign_in":
                return False
            shown = self.posted(browser, "/users/sign_in", **{"user[otp_attempt]": code()})
            return shown.status_code == 303 and "Signed in as" in browser.get("/").text

    def by_app(self) -> bool:
        assert self.app is not None
        return self.by_second_step(self.app.code)

    def by_recovery_code(self) -> bool:
        return self.by_second_step(self.codes.pop)

    def resets(self, code: str) -> bool:
        """A code that works is not used up by a password that is too short."""
        with httpx2.Client(base_url=self.url) as browser:
            form = {"user[reset_password_token]": code, "user[password]": "short"}
            answer = self.posted(browser, "/users/password", "/users/password/edit", **form)
            return answer.status_code == 422 and "does not work" not in answer.text

    def mailed(self, address: str) -> str:
        """The code that a forgotten password is answered with, to an address; nothing when there is none."""
        state = self.house.base / "state"
        log, outbox = state / "security.log", state / "outbox"
        told, before = _asked_for_codes(log), set(outbox.glob("*.eml"))
        with httpx2.Client(base_url=self.url) as browser:
            self.posted(browser, "/users/password", "/users/password/new", **{"user[email]": address})
        wait_until(lambda: len(_asked_for_codes(log)) > len(told), "the request on record")
        if '"success"' not in _asked_for_codes(log)[-1]:
            return ""
        wait_until(lambda: bool(set(outbox.glob("*.eml")) - before), "the message")
        return next(_code_in(file, address) for file in set(outbox.glob("*.eml")) - before)

    # ── applications ─────────────────────────────────────────────────────────────────────────────

    def consented(self, cookie: str, client: str) -> str:
        """A code that the holder of this session gives to an application."""
        challenge = f"code_challenge={challenge_of(VERIFIER)}&code_challenge_method=S256"
        where = f"/oauth/authorize?response_type=code&client_id={client}&{challenge}"
        name, _, value = cookie.partition("=")
        with httpx2.Client(base_url=self.url, cookies={name: value}) as browser:
            answer = self.posted(browser, where, decision="allow", **{"as": "alice"})
            return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]

    def token(self, application: tuple[str, str], **form: str) -> dict[str, str]:
        """What ``/oauth/token`` answers."""
        answer: dict[str, str] = httpx2.post(f"{self.url}/oauth/token", data=form, auth=application).json()
        return answer

    def redeemed(self, application: tuple[str, str], code: str) -> dict[str, str]:
        return self.token(application, grant_type="authorization_code", code=code, code_verifier=VERIFIER)

    def known(self, application: tuple[str, str]) -> bool:
        """Whether the application is known by its secret, whatever it asks for."""
        return self.token(application, grant_type="refresh_token", refresh_token="none")["error"] == "invalid_grant"


def _asked_for_codes(log: Path) -> list[str]:
    return [line for line in log.read_text().splitlines() if '"password.reset.request"' in line]


def _code_in(file: Path, address: str) -> str:
    message = message_from_bytes(file.read_bytes())
    assert message["To"] == address
    found = re.search(r"^Code: ([\w-]{43})\s*$", str(message.get_payload()), re.MULTILINE)
    assert found, message
    return found[1]


class SecurityKey:
    """A key in a real browser, which is touched whenever it is asked."""

    def __init__(self, page: Page, clients: Clients) -> None:
        self.page, self.clients = page, clients
        devtools = page.context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        kind = {"protocol": "ctap2", "transport": "usb", "hasResidentKey": False, "hasUserVerification": False}
        devtools.send("WebAuthn.addVirtualAuthenticator", {"options": kind | {"automaticPresenceSimulation": True}})

    def signs_in(self) -> None:
        self.page.context.clear_cookies()
        self.page.goto(f"{self.clients.url}/users/sign_in")
        self.page.get_by_label("Name").fill("alice")
        self.page.get_by_label("Password", exact=True).fill(self.clients.password)
        with self.page.expect_navigation():
            self.page.get_by_role("button", name="Sign in", exact=True).click()

    def enrolled(self) -> list[str]:
        """Add the key; the recovery codes that come with the first factor."""
        self.page.goto(f"{self.clients.url}/users/two_factor/key")
        with self.page.expect_navigation():
            self.page.get_by_role("button", name="Add it").click()
        return self.page.locator("pre.codes").inner_text().split()

    def works(self) -> bool:
        self.signs_in()
        touch = self.page.get_by_role("button", name="Use my security key")
        if not touch.is_visible():
            return False
        with self.page.expect_navigation():
            touch.click()
        return self.page.get_by_text("Signed in as alice").is_visible()

    @property
    def cookie(self) -> str:
        """The browser's session, as it is sent along."""
        kept = {str(each["name"]): str(each["value"]) for each in self.page.context.cookies()}
        name = next(name for name in kept if name.endswith("stockade_session"))
        return f"{name}={kept[name]}"
