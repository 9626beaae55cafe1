"""An operator sees who is banned, bans, asks why, and lifts it again: on the machine's store and on Redis."""

from __future__ import annotations

import pytest

from tests.cli.terminal import Terminal
from tests.servers.redis import RedisServer


@pytest.fixture(params=["shared", "redis"])
def operator(request: pytest.FixtureRequest, terminal: Terminal, redis_server: RedisServer) -> Terminal:
    store = "shared" if request.param == "shared" else redis_server.url
    patient = 'store_deadline = "10s"\n'
    terminal.write(f'store = "{store}"\n{patient}operators = ["198.51.100.7"]\ntrusted_proxies = ["10.0.0.0/8"]\n')
    return terminal


def test_a_ban_is_placed_seen_explained_and_lifted(operator: Terminal) -> None:
    placed = operator.run("ban", "203.0.113.9", "--for", "1h", "--reason", "scraping", "--json")
    assert placed.json["client"] == "203.0.113.9"
    assert round(placed.json["until"] - placed.json["since"]) == 3600
    (listed,) = operator("bans --json").json
    assert (listed["client"], listed["rule"], listed["reason"]) == ("203.0.113.9", "manual", "scraping")
    assert "scraping" in operator("bans").out
    explained = operator("explain 203.0.113.9").out
    assert "203.0.113.9 is banned" in explained
    assert "scraping" in explained
    assert "stockade unban 203.0.113.9" in explained
    assert "lifted 203.0.113.9" in operator("unban 203.0.113.9").out
    assert "nobody is banned" in operator("bans").out
    assert "203.0.113.9 is not banned" in operator("explain 203.0.113.9").out


def test_networks_users_and_tokens_can_be_banned_too(operator: Terminal) -> None:
    targets = ["192.0.2.0/24", "user:eve", "token:12", "2001:db8::7"]
    for target in targets:
        assert operator.run("ban", target, "--for", "forever").code == 0
    listed = {ban["client"] for ban in operator("bans --json").json}
    assert listed == {"network:192.0.2.0/24", "user:eve", "token:12", "2001:db8::/64"}
    assert "never" in operator("bans").out
    assert "192.0.2.0/24" in operator("explain 192.0.2.77").out
    for target in targets:
        assert operator.run("unban", target).code == 0
    assert operator("bans --json").json == []


@pytest.mark.parametrize("target", ["198.51.100.7", "198.51.100.0/24", "10.1.2.3"])
def test_the_operator_and_declared_proxies_cannot_be_banned(operator: Terminal, target: str) -> None:
    said = operator.run("ban", target)
    assert said.code == 3
    assert "can never be banned" in said.err
    assert "Traceback" not in said.err
    assert operator("bans --json").json == []


def test_lifting_what_is_not_banned_is_no_error(operator: Terminal) -> None:
    said = operator("unban 203.0.113.9")
    assert said.code == 0
    assert "was not banned" in said.out


def test_what_is_done_by_hand_is_in_the_security_log(operator: Terminal) -> None:
    operator.run("ban", "203.0.113.9", "--reason", "scraping")
    operator("unban 203.0.113.9")
    lines = (operator.directory / "state" / "security.log").read_text().splitlines()
    assert [("Rack_Attack" in line, "203.0.113.9" in line) for line in lines] == [(True, True)] * 2


# ── when it cannot be done ───────────────────────────────────────────────────────────────────────


def test_what_is_no_address_is_said(terminal: Terminal) -> None:
    said = terminal("ban not-an-address")
    assert said.code == 2
    assert said.err.startswith("stockade: not an address or a network: 'not-an-address'\n")


def test_a_time_that_is_none_is_said(terminal: Terminal) -> None:
    said = terminal("ban 203.0.113.9 --for soon")
    assert said.code == 2
    assert '"soon" is not a duration' in said.err


def test_a_store_in_another_process_cannot_be_seen(terminal: Terminal) -> None:
    terminal.write('store = "memory"')
    said = terminal("bans")
    assert said.code == 2
    assert 'store = "shared"' in said.err


def test_a_redis_that_is_away_is_said(terminal: Terminal) -> None:
    terminal.write('store = "redis://127.0.0.1:9/0"')
    said = terminal("bans")
    assert said.code == 4
    assert "cannot be reached" in said.err
    assert "Traceback" not in said.err


def test_a_wrong_configuration_is_one_clear_error(terminal: Terminal) -> None:
    terminal.write('listen = "127.0.0.1:8080"\n\n[[throttle]]\nname = "sign-in"\nlimt = 10\n')
    said = terminal("bans")
    assert said.code == 2
    first = said.err.splitlines()[0]
    assert first == 'stockade: stockade.toml:5: unknown setting "limt" in [[throttle]] "sign-in"; did you mean "limit"?'
