"""Incidents at the command line: opened at night, handed over in the morning, closed with a report."""

from __future__ import annotations

from stix2validator import ValidationOptions, validate_instance

from stockade.audit.log import AuditLog
from stockade.events import Event, Finding, Ref
from tests.cli.conftest import terminal
from tests.recording.test_serving import Log, log

__all__ = ["log", "terminal"]
OPEN = ["incident", "open", "alice", "--title", "Her token was on a paste site", "--since", "3h"]


def append(log: Log, event: Event) -> int:
    with AuditLog(log.state / "audit", log.state / "audit-signer") as opened:
        return opened.append(event)


def opened(log: Log) -> str:
    assert log.terminal("user add alice --bot").code == 0
    log.keep_key()
    said = log.terminal.run(*OPEN)
    assert said.code == 0, said.err
    (name,) = [each["name"] for each in log.terminal("incident list --json").json]
    return str(name)


def test_it_is_opened_written_to_shown_and_closed(log: Log) -> None:
    name = opened(log)
    assert name.endswith("-alice")
    log.terminal.run("incident", "note", "--known", "she is on holiday")
    log.terminal.run("incident", "note", "--unknown", "who read PROD_KEY")
    log.terminal.run("incident", "decide", "block her before anything else", "-i", "alice")
    log.terminal("incident assign carol --as leads")
    page = log.terminal("incident show").out
    for said in ("Her token was on a paste site", "she is on holiday", "find out: who read PROD_KEY", "carol: leads"):
        assert said in page
    assert "stockade plan account alice" in page
    assert log.terminal.run("incident", "close", "the token was old", "-i", name).code == 0
    assert f"{name}; closed" in log.terminal("incident show").out
    assert log.terminal.run("incident", "note", "too late").code == 2
    log.verified()


def test_everything_said_is_in_the_log_and_nowhere_else(log: Log) -> None:
    name = opened(log)
    log.terminal.run("incident", "note", "-", given="from a pipe")
    (note,) = log.entries("incident.note")
    assert (note.event.details["text"], note.event.details["incident"]) == ("from a pipe", name)
    assert not (log.state / "search.db").exists()
    assert "from a pipe" in log.terminal("incident report").out


def test_without_a_name_it_is_the_only_open_one(log: Log) -> None:
    first = opened(log)
    log.terminal.run("incident", "open", "bob")
    said = log.terminal("incident show")
    assert said.code == 2
    assert "2 incidents are open: " in said.err
    assert first in said.err
    assert log.terminal("incident show nobody").code == 2
    log.terminal.run("incident", "close", "false alarm", "-i", "bob")
    assert log.terminal("incident show").code == 0


def test_the_same_name_twice_is_refused(log: Log) -> None:
    name = opened(log)
    said = log.terminal.run("incident", "open", "alice", "--name", name)
    assert said.code == 3
    assert "is there already" in said.err


def test_a_finding_opens_one_with_its_subject_its_severity_and_its_title(log: Log) -> None:
    assert log.terminal("user add alice --bot").code == 0
    alice = Ref("stockade", "user", "alice")
    number = append(log, Finding(1e9, "stk.far", "A token from afar", "critical", alice, ()).as_event())
    assert log.terminal.run("incident", "open", "--finding", str(number)).code == 0
    (found,) = log.terminal("incident list --json").json
    assert (found["title"], found["severity"], found["subjects"]) == ("A token from afar", "critical", [str(alice)])
    other = append(log, Event(1e9, "user.block", None, alice))
    said = log.terminal.run("incident", "note", "x", "--finding", str(other))
    assert (said.code, "is not a finding" in said.err) == (2, True)
    assert log.terminal.run("incident", "open", "--finding", "999999").code == 2
    assert log.terminal.run("incident", "open").code == 2


def test_the_report_is_handed_out_as_markdown_and_as_pdf(log: Log) -> None:
    opened(log)
    said = log.terminal("incident report --pdf report.pdf --markdown report.md")
    assert said.code == 0, said.err
    assert (log.terminal.directory / "report.pdf").read_bytes().startswith(b"%PDF-")
    text = (log.terminal.directory / "report.md").read_text()
    assert "## Detect: how it was noticed" in text
    assert "signed entries and the root" in text


def test_the_export_is_stix(log: Log) -> None:
    opened(log)
    made = log.terminal("incident export").json
    assert validate_instance(made, ValidationOptions(version="2.1", strict=True)).is_valid


def test_who_reads_an_incident_is_on_record(log: Log) -> None:
    opened(log)
    log.terminal("incident report")
    assert [each.event.details.get("with") for each in log.entries("log.read")] == ["incident list", "incident report"]
