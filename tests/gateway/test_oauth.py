"""OAuth as applications and people meet it: Authlib for the one, forms and a real browser for the other."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from authlib.integrations.base_client.errors import OAuthError  # type: ignore[import-untyped]
from authlib.integrations.requests_client import OAuth2Session  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

from stockade.directory import Credential, Scope
from stockade.directory.pkce import challenge_of
from stockade.gateway.identity import identify
from stockade.guard.gate import Guard
from tests.gateway.authenticator import App
from tests.gateway.conftest import Forge, starting
from tests.gateway.test_pages import CONTRASTS
from tests.gateway.test_second_factor import picture
from tests.gateway.test_signin import field, sign_in

READ = [Scope.READ_REPOSITORY, Scope.READ_REGISTRY]
BACK = "https://board.example.net/done"
VERIFIER = "a-verifier-of-at-least-forty-three-characters"
MONTH = 30 * 86400.0
REFS = "/demo/hello.git/info/refs?service=git-upload-pack"


@dataclass
class Stage:
    """A forge, an application of ci-bot's, and alice's browser."""

    forge: Forge
    browser: httpx2.Client
    made: Credential
    secret: str
    how: str = "client_secret_basic"

    @property
    def client(self) -> str:
        return str(self.made.username)

    def session(self, **more: object) -> OAuth2Session:
        """The application, as Authlib is it."""
        return OAuth2Session(
            self.client, self.secret, token_endpoint_auth_method=self.how, redirect_uri=BACK,
            scope="read_repository", code_challenge_method="S256", **more,
        )  # fmt: skip

    def ask(self, **more: str | None) -> httpx2.Response:
        """What the browser is answered that was sent here with these parameters."""
        asked = {"response_type": "code", "client_id": self.client, "redirect_uri": BACK, "state": "a state & more"}
        told = {name: value for name, value in (asked | more).items() if value is not None}
        return self.browser.get(f"/oauth/authorize?{urlencode(told)}")

    def told(self, **more: str | None) -> dict[str, str]:
        """What the application is told at once, with these parameters."""
        return answered(self.ask(**more))

    def say(self, page: httpx2.Response, decision: str, **more: str) -> httpx2.Response:
        action = re.search(r'<form method="post" action="([^"]*)">', page.text)
        assert action, page.text
        form = {"authenticity_token": field(page.text), "as": "alice", "decision": decision, **more}
        return self.browser.post(unescape(action[1]), data=form)

    def code(self, **more: str | None) -> str:
        return answered(self.say(self.ask(**more), "allow"))["code"]

    def token(self, **form: str | None) -> httpx2.Response:
        told = {name: value for name, value in form.items() if value is not None}
        return httpx2.post(f"{self.forge.at.url}/oauth/token", data=told, auth=(self.client, self.secret))

    def redeem(self, code: str, **more: str | None) -> httpx2.Response:
        return self.token(**{"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, **more})

    def reads(self, access: str) -> int:
        return httpx2.get(self.forge.at.url + REFS, headers={"authorization": f"Bearer {access}"}).status_code


def answered(answer: httpx2.Response) -> dict[str, str]:
    """The parameters that a redirect to the application carries."""
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(BACK)
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forge]:
    """One for all: each test has an application and a browser of its own."""
    with starting(tmp_path_factory.mktemp("oauth")) as start:
        yield start(guard=Guard(identify=identify), refresh_idle=MONTH)


@pytest.fixture
def stage(forge: Forge) -> Iterator[Stage]:
    made, secret = forge.directory.create_application("ci-bot", "Board", BACK, READ)
    with httpx2.Client(base_url=forge.at.url) as browser:
        yield Stage(forge, browser, made, str.__str__(secret))
    forge.directory.revoke(made.ref)


@pytest.fixture
def inside(stage: Stage) -> Stage:
    """The same when alice has signed in."""
    assert sign_in(stage.browser, "alice", stage.forge.made.password).status_code == 303
    return stage


@pytest.mark.parametrize("how", ["client_secret_basic", "client_secret_post"])
def test_an_application_is_let_in_refreshed_and_given_back(stage: Stage, how: str) -> None:
    stage.how = how
    session, at = stage.session(), stage.forge.at.url
    known = httpx2.get(f"{at}/.well-known/oauth-authorization-server").json()
    url, state = session.create_authorization_url(known["authorization_endpoint"], code_verifier=VERIFIER)
    assert stage.browser.get(url).headers["location"] == "/users/sign_in"
    arrived = sign_in(stage.browser, "alice", stage.forge.made.password)
    page = stage.browser.get(arrived.headers["location"])
    assert "Let Board act for you?" in page.text
    assert "Read repositories" in page.text
    assert "Pull container images" not in page.text
    assert page.headers["content-security-policy"].count("form-action 'self' https://board.example.net;") == 1
    assert page.headers["x-frame-options"] == "DENY"
    back = stage.say(page, "allow")
    assert answered(back)["iss"] == known["issuer"] == at
    got = session.fetch_token(
        known["token_endpoint"], authorization_response=back.headers["location"], state=state, code_verifier=VERIFIER
    )
    assert (got["token_type"], got["expires_in"], got["scope"]) == ("Bearer", 7200, "read_repository")
    assert session.get(at + REFS).status_code == 200
    fresh = session.refresh_token(known["token_endpoint"])
    assert (stage.reads(got["access_token"]), stage.reads(fresh["access_token"])) == (401, 200)
    grant = [each for each in stage.forge.directory.held("grant") if each.live(time.time())][-1]
    assert (grant.expires or 0) - grant.made == pytest.approx(MONTH, abs=120)
    assert session.revoke_token(known["revocation_endpoint"], fresh["refresh_token"]).status_code == 200
    assert stage.reads(fresh["access_token"]) == 401
    with pytest.raises(OAuthError, match="invalid_grant"):
        session.refresh_token(known["token_endpoint"], fresh["refresh_token"])


def test_a_program_that_keeps_no_secret_proves_that_it_asked(inside: Stage) -> None:
    back = "http://127.0.0.1:8123/done"
    made = inside.forge.directory.create_public_application("alice", "Tool", back, READ)
    session = OAuth2Session(
        made.username, redirect_uri=back, code_challenge_method="S256", token_endpoint_auth_method="none"
    )
    url, _ = session.create_authorization_url(f"{inside.forge.at.url}/oauth/authorize", code_verifier=VERIFIER)
    location = inside.say(inside.browser.get(url), "allow").headers["location"]
    got = session.fetch_token(
        f"{inside.forge.at.url}/oauth/token", authorization_response=location, code_verifier=VERIFIER
    )
    assert inside.reads(got["access_token"]) == 200
    plain = inside.browser.get(f"/oauth/authorize?response_type=code&client_id={made.username}")
    assert "error=invalid_request" in plain.headers["location"]
    assert "PKCE" in plain.headers["location"]


def test_what_is_wrong_is_told_to_the_application_with_its_state(inside: Stage) -> None:
    challenge = challenge_of(VERIFIER)
    wrong: list[tuple[str, dict[str, str | None]]] = [
        ("unsupported_response_type", {"response_type": "token"}),
        ("invalid_request", {"response_type": None}),
        ("invalid_scope", {"scope": "read_repository api"}),
        ("invalid_request", {"code_challenge": challenge}),
        ("invalid_request", {"code_challenge": challenge, "code_challenge_method": "plain"}),
        ("invalid_request", {"code_challenge": "short", "code_challenge_method": "S256"}),
        ("invalid_request", {"code_challenge_method": "S256"}),
    ]
    for error, asked in wrong:
        told = inside.told(**asked)
        assert (told["error"], told["state"], told["iss"]) == (error, "a state & more", inside.forge.at.url), asked
    denied = answered(inside.say(inside.ask(), "deny"))
    assert (denied["error"], denied["state"]) == ("access_denied", "a state & more")
    assert "code" not in denied


def test_a_link_that_names_nobody_or_another_place_leads_nowhere(inside: Stage) -> None:
    wrong: list[dict[str, str | None]] = [
        *({"client_id": client} for client in (None, "nobody", f"{inside.client}&client_id={inside.client}")),
        *(dict[str, str | None](redirect_uri=BACK + more) for more in ("/", "?a=b", "#", "/../done")),
        {"redirect_uri": "https://evil.example/"},
    ]
    for asked in wrong:
        answer = inside.ask(**asked)
        assert (answer.status_code, "location" in answer.headers) == (400, False), asked
        assert "This link leads nowhere" in answer.text
    twice = f"/oauth/authorize?response_type=code&client_id={inside.client}&client_id={inside.client}"
    assert inside.browser.get(twice).status_code == 400
    inside.forge.directory.revoke(inside.made.ref)
    assert inside.ask().status_code == 400


def test_only_a_form_of_ours_shown_to_this_very_account_lets_anybody_in(inside: Stage) -> None:
    page = inside.ask()
    assert inside.say(page, "allow", authenticity_token="guessed").status_code == 403
    other = inside.say(page, "allow", **{"as": "bob"})
    assert other.status_code == 409
    assert "Somebody else has signed in meanwhile" in other.text
    inside.browser.headers["origin"] = "https://evil.example"
    assert inside.say(page, "allow").status_code == 403
    alice = inside.forge.directory.account("alice")
    assert inside.made.ref not in dict(inside.forge.directory.granted(alice, time.time()))


def test_a_code_is_redeemed_once_and_its_second_use_ends_all(inside: Stage) -> None:
    code = inside.code()
    got = inside.redeem(code)
    assert got.headers["cache-control"] == "no-store"
    access = got.json()["access_token"]
    assert inside.reads(access) == 200
    again = inside.redeem(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert inside.reads(access) == 401


def test_a_copy_of_a_refresh_token_ends_all(inside: Stage) -> None:
    first = inside.redeem(inside.code()).json()["refresh_token"]
    got = inside.token(grant_type="refresh_token", refresh_token=first).json()
    stolen = inside.token(grant_type="refresh_token", refresh_token=first)
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    assert inside.reads(got["access_token"]) == 401
    assert inside.token(grant_type="refresh_token", refresh_token=got["refresh_token"]).status_code == 400


def test_requests_for_tokens_that_are_wrong_are_told_so(inside: Stage) -> None:
    url, code = f"{inside.forge.at.url}/oauth/token", inside.code()
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
    right = {"client_id": inside.client, "client_secret": inside.secret}
    wrong: list[tuple[str, int, httpx2.Response]] = [
        ("invalid_client", 401, httpx2.post(url, data=form, auth=(inside.client, "guessed"))),
        ("invalid_client", 401, httpx2.post(url, data=form | {"client_id": inside.client})),
        ("invalid_client", 401, httpx2.post(url, data=form, headers={"authorization": "Bearer x"})),
        ("invalid_request", 400, httpx2.post(url, data=form)),
        ("invalid_request", 400, httpx2.post(url, data=form | right, auth=(inside.client, inside.secret))),
        ("invalid_request", 400, httpx2.post(url, json=form | right)),
        ("invalid_request", 400, inside.token(grant_type="authorization_code")),
        ("unsupported_grant_type", 400, inside.token(grant_type="password", username="alice", password="x")),
        ("invalid_grant", 400, inside.token(grant_type="refresh_token", refresh_token="guessed")),
        ("invalid_scope", 400, inside.token(grant_type="refresh_token", refresh_token="x", scope="api")),
    ]
    for at, (error, status_code, answer) in enumerate(wrong):
        assert (answer.status_code, answer.json()["error"]) == (status_code, error), at
        assert answer.headers["cache-control"] == "no-store"
    assert "www-authenticate" in wrong[0][2].headers
    assert httpx2.get(url, params=right).status_code == 405
    assert inside.redeem(code).status_code == 200, "none of this has used it up"


def test_who_is_shut_out_is_so_with_all_that_was_granted(inside: Stage) -> None:
    got, code = inside.redeem(inside.code()).json(), inside.code()
    inside.forge.directory.block("alice")
    try:
        assert inside.reads(got["access_token"]) == 403
        assert inside.redeem(code).json()["error"] == "invalid_grant"
        assert inside.token(grant_type="refresh_token", refresh_token=got["refresh_token"]).status_code == 400
        assert inside.ask().headers["location"] == "/users/sign_in"
    finally:
        inside.forge.directory.unblock("alice")


def test_a_second_factor_is_asked_for_before_any_consent(stage: Stage) -> None:
    directory, now = stage.forge.directory, time.time()
    carol = directory.create_account("carol", password=stage.forge.made.password)
    cookie = directory.open_session(carol, now, 600)
    app = App(str.__str__(directory.enrol_totp(cookie, now)))
    directory.confirm_totp(cookie, app.code(), "phone", time.time())
    stage.ask()
    half = sign_in(stage.browser, "carol", stage.forge.made.password)
    assert half.headers["location"] == "/users/sign_in"
    assert stage.ask().headers["location"] == "/users/sign_in"
    page = stage.browser.get("/users/sign_in")
    form = {"authenticity_token": field(page.text), "user[otp_attempt]": app.code()}
    whole = stage.browser.post("/users/sign_in", data=form)
    assert "Let Board act for you?" in stage.browser.get(whole.headers["location"]).text


def test_a_trusted_application_asks_nobody(stage: Stage) -> None:
    made, _ = stage.forge.directory.create_application(None, "Wiki", BACK, READ, trusted=True)
    asked = stage.browser.get(f"/oauth/authorize?response_type=code&client_id={made.username}")
    assert asked.headers["location"] == "/users/sign_in"
    onward = sign_in(stage.browser, "alice", stage.forge.made.password).headers["location"]
    answer = stage.browser.get(onward)
    assert answer.headers["refresh"].startswith(f"0; url={BACK}?code=")


def can_be_read(page: Page) -> None:
    """On a telephone, in light and in dark."""
    page.set_viewport_size({"width": 360, "height": 640})
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(CONTRASTS) == []
        assert page.evaluate("document.documentElement.scrollWidth <= 360")
        picture(page, f"{page.title().partition(' ')[0].lower()}-{scheme}")


def test_a_person_says_yes_in_a_browser_and_takes_it_back(page: Page, forge: Forge) -> None:
    here, back = f"http://localhost:{forge.at.port}", f"http://127.0.0.1:{forge.at.port}/users/password/new"
    made, secret = forge.directory.create_application("ci-bot", "Release board", back, [*READ, Scope.API])
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(
        f"{here}/oauth/authorize?response_type=code&client_id={made.username}&scope=read_repository+read_registry"
    )
    page.get_by_label("Name").fill("alice")
    page.get_by_label("Password", exact=True).fill(forge.made.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Let Release board act for you?")).to_be_visible()
    picture(page, "consent")
    can_be_read(page)
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_role("heading", name="Forgotten your password?")).to_be_visible()
    code = parse_qs(urlsplit(page.url).query)["code"][0]
    got = httpx2.post(
        f"{here}/oauth/token",
        data={"grant_type": "authorization_code", "code": code},
        auth=(str(made.username), str.__str__(secret)),
    ).json()
    bearer = {"authorization": f"Bearer {got['access_token']}"}
    assert httpx2.get(forge.at.url + REFS, headers=bearer).status_code == 200
    page.goto(f"{here}/oauth/authorize?response_type=code&client_id={made.username}&state=s")
    picture(page, "consent-everything")
    page.get_by_role("button", name="No", exact=True).click()
    expect(page).to_have_url(re.compile(r"error=access_denied.*&state=s&"))
    page.goto(here)
    page.get_by_role("link", name="Applications").click()
    picture(page, "applications")
    can_be_read(page)
    page.get_by_role("button", name="End Release board").click()
    expect(page.get_by_role("button", name="End Release board")).to_have_count(0)
    assert httpx2.get(forge.at.url + REFS, headers=bearer).status_code == 401
    assert complaints == []
