"""A check-up finds what operators get wrong: proxies, workers, stores, contacts that lapse."""

from __future__ import annotations

import pytest

from stockade.app import checks
from stockade.app.checks import Found
from stockade.securitylog import SecurityLog, read_back
from tests.cli.terminal import Terminal
from tests.config.written import Visit, settings

NOW = 1_700_000_000.0
PLAIN = '[[throttle]]\nname = "a"\nlimit = 0\nperiod = 60\n'


def grades(found: list[Found]) -> list[tuple[str, str]]:
    return [(each.what, each.grade) for each in found]


@pytest.mark.parametrize(
    ("peer", "headers", "said"),
    [
        ("127.0.0.1", {"x-forwarded-for": "203.0.113.9"}, "127.0.0.1 sends forwarding headers and is not declared"),
        ("203.0.113.9", {"x-forwarded-for": "203.0.113.9"}, "has already put the forwarded address in the place"),
        ("203.0.113.9", {"forwarded": "for=203.0.113.9"}, "has already put the forwarded address in the place"),
    ],
)
def test_a_proxy_that_is_not_declared_or_already_believed_is_found(
    terminal: Terminal, peer: str, headers: dict[str, str], said: str
) -> None:
    log = terminal.directory / "security.log"
    visit = Visit(PLAIN)
    visit.guard.journal.record = SecurityLog(log)
    visit.ask("GET", "/", address=peer, headers=headers)
    (found,) = checks.proxies(settings(PLAIN), read_back(log))
    assert found.grade == "problem"
    assert said in found.says
    assert found.remedy


def test_a_proxy_that_has_been_declared_since_is_no_problem(terminal: Terminal) -> None:
    log = terminal.directory / "security.log"
    visit = Visit(PLAIN)
    visit.guard.journal.record = SecurityLog(log)
    visit.ask("GET", "/", address="127.0.0.1", headers={"x-forwarded-for": "203.0.113.9"})
    assert grades([*checks.proxies(settings('trusted_proxies = ["127.0.0.1"]'), read_back(log))]) == [
        ("proxies", "good")
    ]


def test_traffic_that_all_comes_from_one_address_looks_like_a_proxy() -> None:
    entries = [{"remote_ip": "192.0.2.1", "matched": "a", "time": "2023-11-14T22:13:20Z"}] * 30
    found = [*checks.proxies(settings(""), entries)]
    assert grades(found) == [("proxies", "warning"), ("proxies", "good")]
    assert 'trusted_proxies = ["192.0.2.1"]' in found[0].remedy


def test_traffic_from_many_addresses_does_not() -> None:
    entries = [{"remote_ip": f"192.0.2.{n}", "matched": "a"} for n in range(30)]
    assert grades([*checks.proxies(settings(""), entries)]) == [("proxies", "good")]


def test_processes_that_each_count_alone_are_a_problem() -> None:
    found = [*checks.processes(settings('store = "memory"\nworkers = 4'), {})]
    assert grades(found) == [("workers", "problem")]
    assert "4 times" in found[0].says
    assert grades([*checks.processes(settings('store = "memory"'), {"WEB_CONCURRENCY": "3"})]) == [
        ("workers", "problem")
    ]
    assert grades([*checks.processes(settings("workers = 4"), {})]) == [("workers", "good")]


def test_an_outage_is_remembered_with_what_passed_unjudged() -> None:
    entries = [{"action": "guard.store.up", "time": "2023-11-14T22:13:20Z", "unjudged": 7}]
    (found,) = checks.outages(entries)
    assert found.grade == "warning"
    assert "7 requests passed unjudged" in found.says


def test_a_server_that_holds_on_to_its_former_configuration_is_found() -> None:
    refused = {"action": "configuration.refused", "error": "stockade.toml:3: …", "remedy": "Mend it.", "time": "now"}
    (found,) = checks.refused_configuration([refused])
    assert found.grade == "problem"
    assert "stockade.toml:3" in found.says
    assert [*checks.refused_configuration([refused, {"action": "configuration.change"}])] == []


@pytest.mark.parametrize(("expires", "grade"), [("2023-12-01T00:00:00Z", "warning"), ("2024-08-01T00:00:00Z", "good")])
def test_a_contact_that_lapses_soon_is_warned_of(expires: str, grade: str) -> None:
    written = settings(f'[security_txt]\ncontact = "mailto:a@example.org"\nexpires = {expires}')
    assert grades([*checks.security_txt(written, NOW)]) == [("security.txt", grade)]


def test_a_contact_that_is_wrong_is_a_problem() -> None:
    written = settings('[security_txt]\ncontact = "security@example.org"\nexpires = 2024-08-01T00:00:00Z')
    assert grades([*checks.security_txt(written, NOW)]) == [("security.txt", "problem")]


def test_problems_have_an_exit_code(terminal: Terminal) -> None:
    terminal.write('store = "memory"\nworkers = 2')
    said = terminal("check")
    assert said.code == 1
    assert "1 problem" in said.out
    terminal.write('store = "redis://127.0.0.1:9/0"')
    assert terminal("check").code == 1
