"""Whatever was taken in, it says which system it is from, and is found by that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.errors import ConfigurationError
from stockade.events import Event
from stockade.intake.arrivals import arrivals
from stockade.intake.formats import FORMATS, reader
from stockade.intake.formats.mapped import parse
from stockade.intake.handover import Arrival, Handover
from stockade.intake.ledger import Ledger
from stockade.lines.stamps import Dating
from stockade.search.match import matches
from stockade.search.parse import parse as asked
from tests.cli.conftest import terminal
from tests.cli.terminal import Terminal
from tests.intake.lines import MAPPING, NOON, reading
from tests.intake.memory import MemoryJournal

__all__ = ["terminal"]
NOBODY = '203.0.113.9 - - [15/Nov/2023:12:00:00 +0000] "GET /.env HTTP/1.1" 404 9 "-" "curl/8"\n'
ROUTER = (
    "2023/11/15 12:00:00 ...eb/routing/logger.go:102:func1() [I] router: completed GET /.env for 203.0.113.9:0, "
    "404 Not Found in 0.2ms @ web/goget.go:21(web.goGet)\n"
)
TOLD = {"time": "2023-11-15T12:00:00Z", "request": {"operation": "read", "path": "sys/health"}}
SYSTEMS = {
    "access": "web",
    "cloudtrail": "aws",
    "django": "django",
    "gitea": "gitea",
    "gitlab": "gitlab",
    "gitlab_audit": "gitlab",
    "journald": "host",
    "syslog": "host",
}


def system(event: Event) -> object:
    named = event.actor or event.target
    return named.system if named else event.details.get("system")


@pytest.mark.parametrize("name", FORMATS)
def test_what_cannot_be_read_is_still_of_its_system(name: str) -> None:
    (kept,) = arrivals(reading(name), b"{{{ not a line of anything", id="1", now=NOON)
    assert kept.event.action == "unknown"
    assert kept.event.details["system"] == SYSTEMS[name]


@pytest.mark.parametrize(("name", "line", "system"), [("access", NOBODY, "web"), ("gitea", ROUTER, "gitea")])
def test_a_request_of_nobody_says_whose_log_it_is_from(name: str, line: str, system: str) -> None:
    (taken,) = reading(name)(line.strip())
    assert (taken.event.actor, taken.event.target) == (None, None)
    assert taken.event.details["system"] == system


def test_a_program_within_syslog_is_of_its_own_system() -> None:
    read = reader("syslog", Dating(lambda: NOON), programs={"nginx": "access"})
    (taken,) = read(f"<190>Nov 15 12:00:00 host nginx: {NOBODY}")
    assert taken.event.details["system"] == "web"


def test_a_mapping_says_its_own_and_may_not_write_over_it() -> None:
    mapping = parse(MAPPING, where="mapping.toml")
    (taken,) = reading("json", mapping=mapping)(json.dumps(TOLD))
    assert taken.event.details["system"] == "vault"
    with pytest.raises(ConfigurationError, match="'system' is a name of ours"):
        parse(MAPPING.replace("mount = ", "system = "), where="mapping.toml")


@given(st.sampled_from(sorted(FORMATS)), st.text(max_size=200))
def test_any_line_at_all_is_of_some_system(name: str, text: str) -> None:
    for each in arrivals(reading(name), text.encode("utf-8", "replace"), id="1", now=NOON):
        assert system(each.event), each


def test_what_is_too_large_for_the_log_keeps_it(tmp_path: Path) -> None:
    journal, ledger = MemoryJournal(), Ledger(tmp_path / "ledger")
    large = reading("access").named(Event(NOON, "http.request", details={str(n): "ä" * 2000 for n in range(20)}))
    Handover(ledger, journal).take("s", [Arrival(large, "1")], now=NOON)
    (entry,) = journal.entries
    assert entry.event.details["system"] == "web"
    assert matches(asked("system:web", NOON), entry)
    assert not matches(asked("system:gitea", NOON), entry)
    ledger.close()


def test_a_search_finds_it_by_its_system(terminal: Terminal) -> None:
    terminal.write('store = "memory"\n')
    terminal.write(
        '[[intake]]\nname = "front"\npath = "access.log"\nformat = "access"\n'
        '[[intake]]\nname = "forge"\npath = "gitea.log"\nformat = "gitea"\n',
        "sources.toml",
    )
    terminal.write(NOBODY + "junk\n", "access.log")
    terminal.write(ROUTER, "gitea.log")
    assert terminal("intake once sources.toml").code == 0
    assert terminal("search system:web --count").out.strip() == "2"
    assert terminal("search system:gitea --count").out.strip() == "1"
    assert terminal("search system:gitlab --count").out.strip() == "0"
