"""What an operator sees, held as golden screens. ``REWRITE_SCREENS=1`` writes them anew, to be looked at."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from stockade.config import guard_of, load
from stockade.guard.gate import Guard
from stockade.guard.request import Request
from stockade.securitylog import SecurityLog
from tests.cli.terminal import Terminal
from tests.servers.processes import short_directory

SCREENS = Path(__file__).with_name("screens")
CONFIGURATION = """\
operators = ["198.51.100.7"]
trusted_proxies = ["10.0.0.0/8"]

[[throttle]]
name = "sign-in"
limit = 10
period = "1h"
when = { method = "POST", path = "/users/sign_in" }

[[allow2ban]]
name = "failed sign-ins"
maxretry = 3
findtime = "10m"
bantime = ["2d30m", "7d"]
when = { method = "POST", path = "/users/sign_in", status = [401, 422] }

[[throttle]]
name = "api"
limit = 100
period = "1m"
window = "gcra"
shadow = true
when = { prefix = "/api" }

[[track]]
name = "admins"
when = { prefix = "/admin" }
"""


def visit(guard: Guard, method: str, path: str, address: str, status: int = 200) -> None:
    request = Request(guard.client(address), method, path, lambda _name: None)
    decision = guard.decide(request)
    if decision.allowed:
        guard.settle(decision, status)


@pytest.fixture
def night() -> Iterator[Terminal]:
    """Three in the morning: two clients guess passwords, one hurries, one sends rubbish; alice has banned a network."""
    with short_directory() as directory:
        terminal = Terminal(directory)
        fill(terminal)
        yield terminal


def fill(terminal: Terminal) -> None:
    """Let it happen."""
    file = terminal.write(f'state = "{terminal.directory}/state"\n{CONFIGURATION}')
    settings = load(file)
    guard = guard_of(settings, SecurityLog(settings.security_log()))
    for _ in range(6):
        visit(guard, "POST", "/users/sign_in", "203.0.113.9", 401)
    for _ in range(3):
        visit(guard, "POST", "/users/sign_in", "2001:db8:7:1::5", 401)
    for _ in range(30):
        visit(guard, "GET", "/api/v4/projects", "192.0.2.44")
    visit(guard, "GET", "/admin/\u202e\x1b[31mred\x07[bold]", "192.0.2.45")
    guard.ban("192.0.2.128/25", None, "scraper farm", "alice")
    terminal.write(CONFIGURATION)


@pytest.mark.parametrize(
    ("name", "words", "code"),
    [
        ("bans", ["bans"], 0),
        ("explain-a-client", ["explain", "203.0.113.9"], 0),
        ("explain-somebody-in-a-banned-network", ["explain", "192.0.2.200"], 0),
        ("explain-a-request", ["explain", "POST /users/sign_in from 198.51.100.7 as alice"], 0),
        ("explain-hostile-text", ["explain", "192.0.2.45"], 0),
        ("check", ["check"], 0),
        ("top", ["top", "--once"], 0),
        ("ban", ["ban", "203.0.113.77", "--for", "10m", "--reason", "noise"], 0),
        ("unban", ["unban", "203.0.113.9"], 0),
        ("help", ["--help"], 0),
    ],
)
def test_a_screen_is_as_it_was_looked_at(night: Terminal, name: str, words: Sequence[str], code: int) -> None:
    said = night.run(*words)
    assert (said.code, said.err) == (code, "")
    screen = said.screen.replace(str(night.directory), "…")
    golden = SCREENS / f"{name}.txt"
    if os.environ.get("REWRITE_SCREENS"):
        golden.write_text(screen)
    assert screen == golden.read_text()


def test_no_control_character_reaches_the_terminal(night: Terminal) -> None:
    for words in (["explain", "192.0.2.45"], ["top", "--once"], ["bans"], ["explain", "192.0.2.45", "--json"]):
        out = night.run(*words).out
        assert [c for c in out if not c.isprintable() and c != "\n"] == []


def test_every_list_can_be_had_as_json(night: Terminal) -> None:
    night("user add ci --bot")
    night("token issue ci deploy --scope api")
    for line in ("bans", "check", "top", "accounts", "token list", "explain 203.0.113.9", "explain GET /"):
        assert night(f"{line} --json").json, line
