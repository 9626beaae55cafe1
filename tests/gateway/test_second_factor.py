"""Second factors as people meet them: in a real browser, with an authenticator and a security key."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from stockade.directory import Scope
from stockade.directory.builtin.schema import accounts, factors
from stockade.gateway.identity import identify
from stockade.guard.conditions import path, status
from stockade.guard.gate import Guard
from stockade.guard.rules import Allow2Ban
from tests.gateway.authenticator import App
from tests.gateway.conftest import Forge, StartForge
from tests.gateway.git_client import GitClient

PICTURES = os.environ.get("STOCKADE_PICTURES")
"""A directory for screenshots, for who wants to look at the pages."""


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def at(forge: Forge, where: str = "/") -> str:
    return f"http://localhost:{forge.at.port}{where}"  # a secure context and a usable relying party; an address is not


def sign_in(page: Page, forge: Forge) -> None:
    page.goto(at(forge, "/users/sign_in"))
    page.get_by_label("Name").fill("alice")
    page.get_by_label("Password", exact=True).fill(forge.made.password)
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def add_app(page: Page, forge: Forge) -> tuple[App, list[str]]:
    """An authenticator that has scanned the code; and the recovery codes that came with it."""
    page.goto(at(forge, "/users/two_factor"))
    page.get_by_role("link", name="Add an app").click()
    page.get_by_text("I cannot scan it").click()
    app = App(page.locator("details code").inner_text().replace(" ", ""))
    picture(page, "new-app")
    page.get_by_label("Code", exact=True).fill(app.code())
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    picture(page, "recovery-codes")
    codes = page.locator("pre.codes").inner_text().split()
    with page.expect_navigation():
        page.get_by_role("link", name="I have kept them").click()
    return app, codes


def security_key(page: Page) -> None:
    """A key that is touched at once whenever the browser asks."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "usb",
        "hasResidentKey": False,
        "hasUserVerification": False,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def second_step(page: Page, code: str) -> None:
    page.get_by_label("Code", exact=True).fill(code)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_an_app_is_added_and_asked_for_and_its_code_counts_once(page: Page, forge: Forge) -> None:
    sign_in(page, forge)
    picture(page, "home")
    app, codes = add_app(page, forge)
    expect(page.locator(".name", has_text="My phone")).to_be_visible()
    expect(page.get_by_text("10 of 10 are left")).to_be_visible()
    picture(page, "two-factor")
    sign_out(page)
    sign_in(page, forge)
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    picture(page, "second-step")
    page.goto(at(forge))
    expect(page.get_by_text("Signed in as")).not_to_be_visible()
    page.goto(at(forge, "/users/two_factor"))
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    with page.expect_response("**/users/sign_in") as answered:
        second_step(page, "000000")
    assert answered.value.status == 401
    expect(page.get_by_role("alert")).to_have_text("This code is not right, or was used before.")
    picture(page, "second-step-wrong")
    code = app.code()
    second_step(page, code)
    expect(page.get_by_text("Signed in as alice")).to_be_visible()
    sign_out(page)
    sign_in(page, forge)
    second_step(page, code)
    expect(page.get_by_role("alert")).to_be_visible()
    second_step(page, codes[0].upper())
    expect(page.get_by_text("Signed in as alice")).to_be_visible()


def test_wrong_codes_are_counted_by_rules_as_wrong_passwords_are(page: Page, start_forge: StartForge) -> None:
    failures = path("/users/sign_in") & status(401)
    rule = Allow2Ban("sign-ins", when=failures, maxretry=3, findtime=60, bantime=600)
    guard = Guard(rule, identify=identify)
    forge = start_forge(guard=guard)
    sign_in(page, forge)
    add_app(page, forge)
    sign_out(page)
    sign_in(page, forge)
    for _ in range(3):
        with page.expect_navigation(), page.expect_response("**/users/sign_in") as answered:
            second_step(page, "123456")
        assert answered.value.status == 401
    page.goto(at(forge))
    expect(page.get_by_text("Too many failed attempts from this client")).to_be_visible()
    [ban] = guard.bans()
    assert ban.evidence == "POST /users/sign_in 401"


def test_guessing_codes_ends_the_session(page: Page, forge: Forge) -> None:
    sign_in(page, forge)
    add_app(page, forge)
    sign_out(page)
    sign_in(page, forge)
    for _ in range(5):
        with page.expect_response("**/users/sign_in") as answered:
            second_step(page, "123456")
        assert answered.value.status == 401
    expect(page.get_by_role("alert")).to_have_text("That was wrong too often. Please sign in again.")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_security_key_is_added_touched_and_removed_by_who_has_it(page: Page, forge: Forge) -> None:
    security_key(page)
    sign_in(page, forge)
    page.goto(at(forge, "/users/two_factor/key"))
    picture(page, "new-key")
    page.get_by_label("Name").fill("Blue key")
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    page.get_by_role("link", name="I have kept them").click()
    expect(page.locator(".name", has_text="Blue key")).to_be_visible()
    sign_out(page)
    sign_in(page, forge)
    picture(page, "second-step-key")
    page.get_by_role("button", name="Use my security key").click()
    expect(page.get_by_text("Signed in as alice")).to_be_visible()
    page.goto(at(forge, "/users/two_factor"))
    page.get_by_role("link", name="Remove Blue key").click()
    picture(page, "remove")
    page.get_by_role("button", name="Use my security key").click()
    expect(page.get_by_text("You have none yet.")).to_be_visible()
    assert forge.directory.factors("alice") == []


def test_a_copy_of_a_key_is_noticed_by_its_count_and_refused(page: Page, forge: Forge) -> None:
    security_key(page)
    sign_in(page, forge)
    page.goto(at(forge, "/users/two_factor/key"))
    page.get_by_role("button", name="Add it").click()
    page.get_by_role("link", name="I have kept them").click()
    sign_out(page)
    with forge.directory._database.writing() as sql:
        sql.execute(update(factors).where(factors.c.kind == "webauthn").values(counter=1000))
    sign_in(page, forge)
    page.get_by_role("button", name="Use my security key").click()
    expect(page.get_by_role("alert").first).to_have_text("This code is not right, or was used before.")


def test_the_same_key_is_not_added_twice(page: Page, forge: Forge) -> None:
    security_key(page)
    sign_in(page, forge)
    page.goto(at(forge, "/users/two_factor/key"))
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    page.goto(at(forge, "/users/two_factor/key"))
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("alert")).to_contain_text("is known already")


def test_removing_needs_a_factor_and_new_codes_too(page: Page, forge: Forge) -> None:
    sign_in(page, forge)
    app, codes = add_app(page, forge)
    page.get_by_role("link", name="New codes").click()
    page.get_by_label("Code", exact=True).fill("000000")
    page.get_by_role("button", name="Make new codes").click()
    expect(page.get_by_role("alert")).to_have_text("This code is not right, or was used before.")
    page.get_by_label("Code", exact=True).fill(app.code())
    page.get_by_role("button", name="Make new codes").click()
    fresh = page.locator("pre.codes").inner_text().split()
    assert not set(fresh) & set(codes)
    page.get_by_role("link", name="I have kept them").click()
    page.get_by_role("link", name="Remove My phone").click()
    page.get_by_label("Code", exact=True).fill(fresh[0])
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_text("You have none yet.")).to_be_visible()


def test_who_must_have_one_is_told_in_time_and_then_let_in_for_that_alone(page: Page, forge: Forge) -> None:
    _due(forge, time.time() + 86_400)
    sign_in(page, forge)
    expect(page.get_by_role("status")).to_contain_text(re.compile(r"must have a second factor by \d+ \w+ \d{4}"))
    picture(page, "home-due")
    _due(forge, time.time() - 1)
    page.goto(at(forge))
    expect(page).to_have_url(at(forge, "/users/two_factor"))
    expect(page.get_by_role("status")).to_contain_text("everything else is closed to it")
    picture(page, "two-factor-overdue")
    add_app(page, forge)
    page.goto(at(forge))
    expect(page.get_by_role("heading", name="Your repositories")).to_be_visible()


def _due(forge: Forge, when: float) -> None:
    with forge.directory._database.writing() as sql:
        sql.execute(update(accounts).where(accounts.c.name == "alice").values(factor_due=when))


def test_git_is_told_what_to_use_in_the_passwords_place_and_where_to_enrol(
    page: Page, forge: Forge, git: GitClient
) -> None:
    url = f"{forge.alice}/{forge.repository}"
    assert git.run("ls-remote", url).returncode == 0
    _due(forge, time.time() - 1)
    refused = git.run("ls-remote", url)
    assert "sign in with a browser and add one at /users/two_factor" in refused.stderr
    sign_in(page, forge)
    add_app(page, forge)
    refused = git.run("ls-remote", url)
    assert "use a personal access token in the password's place" in refused.stderr
    _, token = forge.directory.issue_token("alice", "laptop", [Scope.READ_REPOSITORY])
    assert git.run("ls-remote", f"{forge.at.with_credentials('alice', token)}/{forge.repository}").returncode == 0


@pytest.mark.parametrize("where", ["/users/two_factor", "/users/two_factor/app", "/users/two_factor/remove?factor=1"])
def test_strangers_are_sent_to_sign_in(page: Page, forge: Forge, where: str) -> None:
    page.goto(at(forge, where))
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
