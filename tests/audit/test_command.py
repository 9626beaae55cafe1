"""Somebody seals a log, changes an octet with an editor, and is told which event it was."""

from __future__ import annotations

from pathlib import Path

from stockade.audit.log import AuditLog
from stockade.events import Event
from tests.audit.conftest import NOW
from tests.cli.terminal import Terminal


def made(terminal: Terminal, place: Path, count: int = 300) -> None:
    """A log made with the command and written to by a program."""
    said = terminal.run("audit", "create", "log", "signer", "--origin", "audit.example.com/node1")
    assert said.code == 0, said.err
    grow(place, count)


def grow(place: Path, count: int) -> None:
    with AuditLog(place / "log", place / "signer", clock=lambda: NOW) as log:
        for number in range(count):
            log.offer(Event(NOW, "token.create", details={"n": number, "by": "\x1b[2J"}))


def test_a_log_is_made_verified_spoilt_and_found_out(terminal: Terminal) -> None:
    made(terminal, terminal.directory)
    said = terminal.run("audit", "verify", "log", "--key", "signer/key.pub")
    assert said.code == 0, said.err
    assert "audit.example.com/node1: 302 entries are as they were signed" in said.out
    assert "not checked: whether all of it was put back to an older state" in said.out
    segment = next((terminal.directory / "log" / "segments").iterdir())
    segment.write_bytes(segment.read_bytes().replace(b'"n":41,', b'"n":42,'))
    said = terminal.run("audit", "verify", "log", "--key", "signer/key.pub")
    assert said.code == 5
    assert "entry 42 was changed" in said.err


def test_a_head_that_was_written_down_is_compared(terminal: Terminal) -> None:
    made(terminal, terminal.directory, 3)
    words, note = terminal.run("audit", "head", "log"), terminal.run("audit", "head", "log", "--note")
    (terminal.directory / "words").write_text(words.out)
    (terminal.directory / "note").write_text(note.out)
    grow(terminal.directory, 3)
    for name in ("words", "note"):
        said = terminal.run("audit", "verify", "log", "--key", "signer/key.pub", "--head", name, "--json")
        assert said.json["size"] == 10
        assert not any("put back" in doubt for doubt in said.json["unchecked"])
        assert (
            "the log of 10 entries begins with the one of 5"
            in terminal.run("audit", "consistency", "log", "--head", name).err
        )
    (terminal.directory / "words").write_text(words.out.replace("\n5\n", "\n12\n"))
    assert terminal.run("audit", "verify", "log", "--key", "signer/key.pub", "--head", "words").code == 2


def test_one_entry_is_proven_in_a_file(terminal: Terminal) -> None:
    made(terminal, terminal.directory)
    (terminal.directory / "7.tlog-proof").write_text(terminal.run("audit", "prove", "log", "7").out)
    said = terminal.run("audit", "check", "7.tlog-proof", "--key", "signer/key.pub")
    assert said.code == 0
    assert '"seq":7' in said.out
    assert "\x1b" not in said.out
    assert "is entry 7 of audit.example.com/node1, which had 302 entries then" in said.err


def test_mistakes_are_told_from_tampering(terminal: Terminal) -> None:
    made(terminal, terminal.directory, 3)
    assert terminal.run("audit", "verify", "elsewhere", "--key", "signer/key.pub").code == 2
    assert terminal.run("audit", "verify", "signer", "--key", "signer/key.pub").code == 5
    assert terminal.run("audit", "verify", "log", "--key", "nowhere").code == 2
    assert terminal.run("audit", "prove", "log", "99").code == 2
    assert terminal.run("audit", "head", "elsewhere").code == 2
    assert terminal.run("audit", "create", "log", "signer", "--origin", "x").code == 2


def test_several_logs_are_verified_at_once_each_with_its_own_key(terminal: Terminal) -> None:
    for name in ("a", "b"):
        terminal.run("audit", "create", name, f"signer-{name}", "--origin", f"audit.example.com/{name}")
        with AuditLog(terminal.directory / name, terminal.directory / f"signer-{name}") as log:
            log.append(Event(NOW, "token.create", details={"n": 41}))
    keys = ("--key", "signer-a/key.pub", "--key", "signer-b/key.pub")
    said = terminal.run("audit", "verify", "a", "b", *keys)
    assert said.code == 0, said.err
    assert "audit.example.com/a: 3 entries" in said.out
    assert "audit.example.com/b: 3 entries" in said.out
    assert [each["size"] for each in terminal.run("audit", "verify", "a", "b", *keys, "--json").json] == [3, 3]
    segment = next((terminal.directory / "a" / "segments").iterdir())
    segment.write_bytes(segment.read_bytes().replace(b'"n":41', b'"n":42'))
    said = terminal.run("audit", "verify", "a", "b", *keys)
    assert said.code == 5
    assert "audit.example.com/b: 3 entries" in said.out
    assert "entry 1 was changed" in said.err
    assert terminal.run("audit", "verify", "b", "a", "--key", "signer-b/key.pub").code == 2


def test_a_head_can_be_photographed(terminal: Terminal) -> None:
    made(terminal, terminal.directory, 3)
    said = terminal.run("audit", "head", "log", "--qr")
    assert said.code == 0, said.err
    assert said.out.count("\u2588") + said.out.count("\u2580") + said.out.count("\u2584") > 100
    assert said.out.rstrip().splitlines()[-1].startswith("check ")
