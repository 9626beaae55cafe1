"""``stockade intake`` as a person types it."""

from __future__ import annotations

from stockade.audit.log import AuditLog
from stockade.audit.reading import entries
from stockade.audit.recorder import Recorder
from tests.cli.terminal import Terminal
from tests.intake.conftest import Taking

LINE = "Nov 15 12:00:00 web1 sshd[7]: Failed password for \x1b[2Jroot\u202e from 192.0.2.1 port 4000 ssh2\n"


def test_a_log_is_tried_out_and_nothing_in_it_reaches_the_terminal(terminal: Terminal) -> None:
    terminal.write(LINE + "no line \x1b]0;of syslog\n", "auth.log")
    said = terminal("intake test auth.log --format syslog")
    assert said.code == 1, "a line could not be read"
    assert "authentication.failure" in said.out
    assert "\x1b" not in said.out + said.err
    assert "\u202e" not in said.out
    assert "1 could not be read" in said.out
    assert not (terminal.directory / "intake.sqlite").exists()
    assert [event["action"] for event in terminal("intake test auth.log --format syslog --json").json] == [
        "authentication.failure",
        "unknown",
    ]


def test_the_formats_are_listed(terminal: Terminal) -> None:
    assert "gitlab_audit" in terminal("intake formats").out
    assert {"name": "json", "reads": "any JSON lines, by a mapping file", "names": 0} in terminal(
        "intake formats --json"
    ).json


def test_a_format_that_does_not_exist_is_told_with_the_one_that_was_meant(terminal: Terminal) -> None:
    said = terminal("intake test x.log --format sylog")
    assert said.code == 2
    assert "you mean syslog?" in said.err


def test_taking_in_once_and_once_more(taking: Taking) -> None:
    (taking.directory / "auth.log").write_text(LINE)
    taking.sources('[[intake]]\nname = "hosts"\npath = "auth.log"\nformat = "syslog"\n')
    assert taking.once().out == "hosts: 1\n"
    assert taking.once().out == "hosts: 0\n"
    (event,) = taking.events
    assert event.details["intake"]["source"] == "hosts"  # type: ignore[index]
    assert taking.terminal("audit verify log --key signer/key.pub").code == 0


def test_sources_that_cannot_be_followed_are_refused_before_anything_is_opened(taking: Taking) -> None:
    taking.sources('[[intake]]\nname = "hosts"\npath = "auth.log"\nfromat = "syslog"\n')
    said = taking.once()
    assert said.code == 2
    assert "has no setting 'fromat'" in said.err
    taking.sources("")
    assert "no [[intake]] tables" in taking.once().err


def test_a_log_that_another_process_has_open_is_reached_by_its_recorder(taking: Taking) -> None:
    terminal = taking.terminal
    terminal.write('store = "memory"\n')
    taking.sources('[[intake]]\nname = "hosts"\npath = "auth.log"\nformat = "syslog"\n')
    (taking.directory / "auth.log").write_text(LINE * 3)
    assert terminal.run("intake", "once", "sources.toml").out == "hosts: 3\n", "the log was made, and opened here"
    log = taking.directory / "state" / "audit"
    with AuditLog(log, taking.directory / "state" / "audit-signer") as opened:
        recorder = Recorder(opened, taking.directory / "state" / "recorder")
        recorder.start()
        with (taking.directory / "auth.log").open("a") as file:
            file.write(LINE * 2)
        said = terminal.run("intake", "once", "sources.toml")
        assert (said.code, said.out) == (0, "hosts: 2\n")
        (taking.directory / "state" / "intake.sqlite").unlink()
        assert terminal.run("intake", "once", "sources.toml").out == "hosts: 5\n", "all is read, and known"
        recorder.close()
    found = [entry.event for entry in entries(log, 0)]
    assert [event.action for event in found if "intake" in event.details] == ["authentication.failure"] * 5
    assert [event.action for event in found].count("log.read") == 2, "that the log was read is in it, too"
