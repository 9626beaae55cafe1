"""What is secret or personal crosses the recorder's socket and never stands in the log in clear; what others wrote is
no marker, whatever it looks like.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stockade.app.reporting_in import IntoRecorder
from stockade.audit import letters
from stockade.audit.concealing import Concealer
from stockade.audit.log import AuditLog
from stockade.audit.marks import MARK, carried
from stockade.audit.reading import entries
from stockade.audit.record import MAX_LINE
from stockade.audit.recorder import Recorder
from stockade.audit.reporter import Reporter
from stockade.events import Event, Personal, Ref, Secret
from tests.audit.conftest import ALICE, NOW, Stage, stage
from tests.audit.test_concealing import EVERYWHERE, NAME, TOKEN
from tests.cli.conftest import terminal
from tests.cli.terminal import Terminal
from tests.recording.test_serving import Log, log, serving

__all__ = ["log", "stage", "terminal"]

ADDRESS = "bob.jones@example.org"
BOB = Ref("stockade", "user", "bob")


def everything_in(place: Path) -> bytes:
    return b"".join(path.read_bytes() for path in place.rglob("*") if path.is_file())


def add_bob(terminal: Terminal) -> None:
    said = terminal.run("user", "add", "bob", "--email", ADDRESS, given="correct horse battery\n")
    assert said.code == 0, said.err


def shown(log: Log) -> dict[str, object]:
    """What `reveal` shows of Bob's account."""
    (number,) = [each.index for each in log.entries("user.create") if each.event.target == BOB]
    said = log.terminal(f"audit reveal {number}")
    assert said.code == 0, said.err
    details: dict[str, object] = said.json["details"]
    return details


def test_an_address_is_nowhere_in_the_log_and_is_gone_when_it_is_erased_while_the_server_runs(log: Log) -> None:
    with serving(log) as forge:
        assert "audit-secrets has the keys" in " ".join(forge.banner.split())
        assert "concealed under the keys in" in log.terminal("check").out
        add_bob(log.terminal)
        assert shown(log)["email"] == ADDRESS
        assert log.terminal(f"audit erase {BOB}").code == 0
        assert shown(log)["email"] == "(erased)"
        reporter = Reporter(log.state / "recorder", "a program")
        number = reporter.append(Event(NOW, "email.change", BOB, details={"email": Personal(ADDRESS, BOB)}))
        assert ADDRESS in log.terminal(f"audit reveal {number}").out, "it is written under a new key"
        assert shown(log)["email"] == "(erased)", "which does not open what was written under the old one"
    assert log.said("person.erase")[0][1:] == (str(BOB), "success")
    for address in (ADDRESS, "alice@example.org"):
        assert address.encode() not in everything_in(log.state / "audit")
        assert address.encode() not in (log.state / "security.log").read_bytes()
    assert log.verified()["unsigned"] == 0


def test_a_command_conceals_where_no_server_runs(log: Log) -> None:
    add_bob(log.terminal)
    log.keep_key()
    assert shown(log)["email"] == ADDRESS
    assert log.terminal(f"audit erase {BOB}").code == 0
    assert shown(log)["email"] == "(erased)"
    assert ADDRESS.encode() not in everything_in(log.state / "audit")
    assert log.verified()["unsigned"] == 0


def test_a_secret_that_a_program_reports_is_found_by_who_has_it(log: Log) -> None:
    with serving(log):
        reporter = Reporter(log.state / "recorder", "a program")
        reporter.append(Event(NOW, "token.use", BOB, details={"token": Secret(TOKEN)}))
        reporter.offer(Event(NOW, "token.use", BOB, details={"in": [{"token": Secret(TOKEN)}]}))
        assert reporter.close(60) == 0
        found = log.terminal("audit fingerprint", given=TOKEN + "\n").out.strip()
        log.waits_for("token.use", 2)
    first, second = [entry.event.details for entry in log.entries("token.use")]
    assert first == {"token": found}
    assert second == {"in": [{"token": found}]}
    assert TOKEN.encode() not in everything_in(log.state)


def test_keys_that_are_gone_are_told_and_the_log_goes_on(log: Log) -> None:
    add_bob(log.terminal)
    log.keep_key()
    (log.state / "audit-secrets").rename(log.state / "elsewhere")
    assert "no key of fingerprints" in log.terminal("check").out
    said = log.terminal("user add carol --bot")
    assert said.code == 0
    assert "new keys are in" in said.err
    assert shown(log)["email"] == "(erased)"
    assert log.verified()["unsigned"] == 0


@pytest.fixture
def concealer(tmp_path: Path) -> Concealer:
    Concealer.create(tmp_path / "secrets")
    return Concealer(tmp_path / "secrets")


def recorded(stage: Stage, concealer: Concealer, *events: Event) -> list[Event]:
    """What stands in a log for events that were reported to it, by either way."""
    socket = stage.path.parent / "recorder"
    with AuditLog(stage.path, stage.state, script=concealer.script) as log:
        recorder = Recorder(log, socket)
        recorder.start()
        reporter = Reporter(socket, "a program")
        for event in events:
            reporter.append(event)
            reporter.offer(event)
        assert reporter.close(60) == 0
        recorder.close()
    found = [entry.event for entry in entries(stage.path, 0)]
    return [event for event in found if event.action == "token.create"]


@pytest.mark.parametrize("details", EVERYWHERE)
def test_nothing_of_it_is_in_the_log_wherever_it_was(
    stage: Stage, concealer: Concealer, details: dict[str, object]
) -> None:
    found = recorded(stage, concealer, Event(NOW, "token.create", ALICE, details=details))
    assert len(found) == 2
    for hidden in (TOKEN.encode(), b"Jones", NAME.encode(), b"J\\u00f6nes", MARK.encode()):
        assert hidden not in everything_in(stage.path)


def test_whom_it_is_about_need_not_be_readable(stage: Stage, concealer: Concealer) -> None:
    event = Event(NOW, "token.create", details={"name": Personal(NAME, Ref("a:b", "c/d", ""))})
    for found in recorded(stage, concealer, event):
        assert concealer.reveal(found.details) == {"name": NAME}


FOREIGN: list[dict[str, object]] = [
    {"token": "(secret)", "name": {"": ["text", "stockade:user/alice"]}},
    {"name": {"mark": ["text", "stockade:user/alice"]}, "mark": "mark"},
    {"must": {"details": {}}, "mark": ""},
    {"name": {"f" * 32: ["text"]}},
    {"name": [{"null": ["text"]}, {"None": ["text"]}]},
]


@pytest.mark.parametrize("details", FOREIGN)
def test_what_another_system_has_written_stays_as_it_was(
    stage: Stage, concealer: Concealer, details: dict[str, object]
) -> None:
    event = Event(NOW, "token.create", ALICE, details=details)
    with_a_secret = Event(NOW, "token.create", ALICE, details={**details, "real": Secret(TOKEN)})
    found = [event.details for event in recorded(stage, concealer, event, with_a_secret)]
    assert found.count(details) == 2
    assert found.count({**details, "real": concealer.fingerprint(TOKEN)}) == 2


def test_what_is_taken_in_goes_the_same_way(stage: Stage, concealer: Concealer) -> None:
    socket = stage.path.parent / "recorder"
    event = Event(NOW, "token.create", ALICE, details={**FOREIGN[1], "real": Secret(TOKEN)})
    with AuditLog(stage.path, stage.state, script=concealer.script) as log:
        recorder = Recorder(log, socket)
        recorder.start()
        with letters.connected(socket, 5.0) as connection, connection.makefile("rb") as lines:
            connection.sendall(letters.keep([carried(event)], 0, 0.0, 0.0))
            assert letters.read(lines)["kept"] == 1
        assert list(IntoRecorder(socket, stage.path).since(0))[-1].event.action == "log.read"
        recorder.close()
    assert TOKEN.encode() not in everything_in(stage.path)


def test_what_is_deeper_than_python_counts_is_carried_all_the_same(stage: Stage, concealer: Concealer) -> None:
    deep: object = "end"
    for _ in range(600):
        deep = {"a": deep}
    found = recorded(stage, concealer, Event(NOW, "token.create", details={"deep": deep, "token": Secret(TOKEN)}))
    assert len(found) == 2
    assert TOKEN.encode() not in everything_in(stage.path)


def test_what_is_too_long_is_shortened_without_what_was_marked() -> None:
    long = {"huge": "x" * MAX_LINE, "token": Secret(TOKEN), "name": Personal(NAME, ALICE)}
    line = carried(Event(NOW, "token.create", details={"token": Secret(TOKEN), **long}))
    assert set(json.loads(line)["details"]) == {"oversize"}
    assert TOKEN.encode() not in line


def test_what_has_no_room_for_a_key_is_recorded_without_what_is_personal(stage: Stage, concealer: Concealer) -> None:
    concealer.subjects.folder.rmdir()
    concealer.subjects.folder.write_text("no directory")
    found = recorded(stage, concealer, Event(NOW, "token.create", details={"name": Personal(NAME, ALICE)}))
    assert [event.details["name"] for event in found] == ["(personal)"] * 2
