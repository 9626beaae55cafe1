"""The security log: GitLab's fields, one line a decision, safe among processes, through renames and full disks."""

from __future__ import annotations

import json
import logging
import multiprocessing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from stockade.events import Event, Ref
from stockade.securitylog import SecurityLog, line_of, read_back
from tests.config.written import Visit

PROCESSES, LINES = 4, 500


def throttled(n: int = 0) -> Event:
    details = {"rule": "sign-in", "client": "203.0.113.9", "method": "POST", "path": "/users/sign_in", "used": n}
    client = Ref("guard", "client", "203.0.113.9")
    return Event(1_700_000_000.25, "guard.throttle", None, client, "203.0.113.9", "refused", details)


def test_a_line_says_it_in_gitlabs_words() -> None:
    entry = json.loads(line_of(throttled()))
    wanted = {
        "severity": "ERROR",
        "time": "2023-11-14T22:13:20.250Z",
        "message": "Rack_Attack",
        "env": "throttle",
        "remote_ip": "203.0.113.9",
        "request_method": "POST",
        "path": "/users/sign_in",
        "matched": "sign-in",
    }
    assert {name: entry[name] for name in wanted} == wanted


def test_who_is_signed_in_is_named_as_gitlab_does() -> None:
    event = Event(0.0, "guard.throttle", Ref("stockade", "user", "53"))
    entry = json.loads(line_of(event))
    assert (entry["user_id"], entry["meta.user"]) == (53, "53")


def test_the_grep_of_the_documentation_finds_every_decision(tmp_path: Path) -> None:
    log = SecurityLog(tmp_path / "auth.log")
    visit = Visit("""
        [[allow2ban]]
        name = "failures"
        maxretry = 1
        findtime = 60
        bantime = 3600
        when = { status = 401 }
        [[throttle]]
        name = "general"
        limit = 1
        period = 60
        [[throttle]]
        name = "rehearsed"
        limit = 1
        period = 60
        shadow = true
        """)
    visit.guard.journal.record = log
    visit.ask("GET", "/?private_token=hidden", address="192.0.2.1", status=401)
    visit.ask("GET", "/?private_token=hidden", address="192.0.2.1")
    for _ in range(5):
        visit.ask("GET", "/page?private_token=hidden", address="192.0.2.2")
    text = (tmp_path / "auth.log").read_text()
    assert "hidden" not in text
    found = [json.loads(line) for line in text.splitlines() if "Rack_Attack" in line]
    assert [(e["env"], e["remote_ip"], e["matched"]) for e in found] == [
        ("blocklist", "192.0.2.1", "failures"),
        ("blocklist", "192.0.2.1", "failures"),
        ("throttle", "192.0.2.2", "general"),
        ("track", "192.0.2.2", "rehearsed"),
    ]
    visit.guard.journal.flush(visit.clock.now)
    assert [e["repeated"] for e in read_back(tmp_path / "auth.log") if "repeated" in e] == [3, 3]


@given(some.text(), some.dictionaries(some.text(max_size=9), some.text(), max_size=3))
def test_whatever_a_client_sends_a_line_is_one_line_of_plain_ascii(text: str, details: dict[str, str]) -> None:
    line = line_of(Event(0.0, "guard.throttle", source=text, details={"path": text, **details}))
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert all(0x20 <= octet < 0x7F for octet in line[:-1])
    json.loads(line)


def _append(path: Path, start: int) -> None:
    log = SecurityLog(path, max_size=20_000, keep=1000)
    for n in range(LINES):
        log(throttled(start + n))


def test_processes_append_without_losing_or_mixing_a_line_even_while_the_file_is_renamed(tmp_path: Path) -> None:
    path = tmp_path / "security.log"
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_append, args=(path, n * LINES)) for n in range(PROCESSES)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    lines = [json.loads(line) for file in tmp_path.iterdir() for line in file.read_text().splitlines()]
    assert sorted(line["used"] for line in lines) == list(range(PROCESSES * LINES))


def test_a_file_that_was_renamed_is_begun_anew(tmp_path: Path) -> None:
    now = [0.0]
    log = SecurityLog(tmp_path / "security.log", clock=lambda: now[0])
    log(throttled(1))
    (tmp_path / "security.log").rename(tmp_path / "security.log.old")
    now[0] += 2
    log(throttled(2))
    assert [e["used"] for e in read_back(tmp_path / "security.log")] == [2]
    (tmp_path / "security.log").rename(tmp_path / "security.log.older")
    log.reopen()
    log(throttled(3))
    assert [e["used"] for e in read_back(tmp_path / "security.log")] == [3]


def test_a_large_file_is_renamed_and_the_oldest_dropped(tmp_path: Path) -> None:
    now = [0.0]
    log = SecurityLog(tmp_path / "security.log", max_size=1, keep=2, clock=lambda: now[0])
    for n in range(5):
        log(throttled(n))
        now[0] += 2
    found = {file.name: json.loads(file.read_text())["used"] for file in tmp_path.iterdir() if file.read_text()}
    assert found == {"security.log": 4, "security.log.1": 3, "security.log.2": 2}


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    SecurityLog(tmp_path / "state" / "security.log")(throttled())
    assert (tmp_path / "state" / "security.log").stat().st_mode & 0o077 == 0


def test_a_full_disk_costs_lines_and_no_request(caplog: pytest.LogCaptureFixture) -> None:
    log = SecurityLog(Path("/dev/full"))
    with caplog.at_level(logging.ERROR):
        log(throttled())
        log(throttled())
    assert log.lost == 2
    assert [record.message for record in caplog.records] == [
        "the security log /dev/full cannot be written: No space left on device"
    ]


def test_a_link_put_in_its_place_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("")
    (tmp_path / "security.log").symlink_to(victim)
    SecurityLog(tmp_path / "security.log")(throttled())
    assert victim.read_text() == ""


def test_what_is_read_back_is_bounded_and_whole(tmp_path: Path) -> None:
    log = SecurityLog(tmp_path / "security.log")
    for n in range(100):
        log(throttled(n))
    with (tmp_path / "security.log").open("a") as file:
        file.write("not json\n[]\n")
    found = read_back(tmp_path / "security.log", octets=2000)
    assert 0 < len(found) < 10
    assert found[-1]["used"] == 99
    assert read_back(tmp_path / "nowhere.log") == []
    assert [file.name for file in tmp_path.iterdir()] == ["security.log"]
