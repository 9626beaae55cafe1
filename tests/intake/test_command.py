"""``stockade intake`` as a person types it."""

from __future__ import annotations

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
