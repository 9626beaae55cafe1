"""Others say that the log was there: a witness on another port, and an authority with a clock of its own."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stockade.audit.layout import cosigned_in
from stockade.audit.log import AuditLog
from stockade.audit.note import Note
from stockade.audit.prove import newest_head
from stockade.audit.sinks.https import post
from stockade.audit.sinks.timestamps import check, keep, request
from stockade.errors import ConfigurationError, Refused, Tampered, Unavailable
from stockade.witness import PUBLIC
from tests.audit.conftest import Stage, event
from tests.cli.terminal import Terminal
from tests.servers.authority import Authority
from tests.servers.processes import accepts, end, free_port, wait_ready

# ── a witness ────────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def witnessing(terminal: Terminal, key: str = "signer/key.pub") -> Iterator[str]:
    """A witness with the keys in ``w1``, and its address."""
    port = free_port()
    listen = f"127.0.0.1:{port}"
    process = terminal.start("audit", "witness", "w1", "--log", key, "--listen", listen, "--name", "witness.example/w1")
    try:
        wait_ready(process, Path("/nowhere"), lambda: accepts(port))  # type: ignore[arg-type]
        yield f"witness+http://{listen}?witness=w1/key.pub"
    finally:
        end(process)  # type: ignore[arg-type]
        assert process.stdout is not None
        process.stdout.close()


def ship(terminal: Terminal, url: str, patience: str = "5") -> str:
    said = terminal.run("audit", "ship", "log", "carriers", "--sink", url, "--until-done", "--patience", patience)
    return said.out + said.err


def test_a_witness_cosigns_the_heads_of_a_log_and_verify_believes_it(terminal: Terminal, filled: Stage) -> None:
    with witnessing(terminal) as url:
        assert "of 70" in ship(terminal, url)
        with filled.open() as log:
            log.append(event(1))
        ship(terminal, url)
        (cosigned,) = cosigned_in(filled.path)
        note = Note.parse(cosigned.read_bytes())
        assert note.text.encode() in newest_head(filled.path)[1]
    said = terminal.run("audit", "verify", "log", "--key", "signer/key.pub", "--witness", f"w1/{PUBLIC}", "--json")
    assert said.code == 0, said.err
    assert not any("witness" in doubt for doubt in said.json["unchecked"])


def test_a_log_that_was_put_back_is_not_cosigned_and_the_evidence_is_kept(terminal: Terminal, stage: Stage) -> None:
    """The whole machine is restored from a backup, the signer too: only the witness remembers."""
    with stage.open() as log:
        log.append(event(1))
    shutil.copytree(stage.path, terminal.directory / "old-log")
    shutil.copytree(stage.state, terminal.directory / "old-signer")
    with witnessing(terminal) as url:
        with stage.open() as log:
            log.append(event(2))
        ship(terminal, url)
        for now, old in ((stage.path, "old-log"), (stage.state, "old-signer")):
            shutil.rmtree(now)
            shutil.copytree(terminal.directory / old, now)
        shutil.rmtree(terminal.directory / "carriers")
        assert "put back to an older state" not in ship(terminal, url, "1")
        assert "the witness has seen 6 entries of stockade.example/node1" in ship(terminal, url, "1")
        with stage.open() as log:
            for number in range(5):
                log.append(event(number + 10))
        assert "does not see" in ship(terminal, url, "1")
    assert [*(terminal.directory / "w1" / "suspicious").iterdir()]


def test_a_witness_answers_as_the_specification_says(terminal: Terminal, stage: Stage) -> None:
    with stage.open() as log:
        log.append(event(1))
    note = newest_head(stage.path)[1]
    with witnessing(terminal) as url:
        address = url.removeprefix("witness+").partition("?")[0] + "/add-checkpoint"

        def asked(body: bytes) -> tuple[int, str]:
            status, kind, _ = post(address, None, body, {})
            return status, kind.partition(";")[0]

        assert asked(b"old 0\n\n" + note)[0] == 200
        assert asked(b"old 0\n\n" + note) == (409, "text/x.tlog.size")
        assert asked(b"nonsense")[0] == 400
        assert asked(b"old 9\n\n" + note)[0] == 400
        assert asked(b"old 0\n\n" + note.replace(b"node1", b"node2"))[0] == 404
        assert asked(b"old 0\n\n" + note.replace(b"\n3\n", b"\n4\n"))[0] == 403
        assert asked(b"x" * 2_100_000)[0] == 413
        assert post(address + "s", None, b"", {})[0] == 404


def test_a_witness_without_keys_says_how_to_make_them(terminal: Terminal, stage: Stage) -> None:
    said = terminal.run("audit", "witness", "w9", "--log", "signer/key.pub")
    assert said.code == 2
    assert "Make them with --name" in said.err


# ── an authority ─────────────────────────────────────────────────────────────────────────────────


def test_a_head_is_stamped_over_the_network_and_verified(
    terminal: Terminal, filled: Stage, authority: Authority
) -> None:
    said = terminal.run("audit", "timestamp", "log", "--tsa", authority.url)
    assert said.code == 0, said.err
    with filled.open() as log:
        log.append(event(1))
    terminal.run("audit", "timestamp", "log", "--tsa", authority.url)
    said = terminal.run("audit", "timestamps", "log", "--ca", str(authority.root), "--key", "signer/key.pub", "--json")
    assert said.code == 0, said.err
    assert [stamp["serial"] for stamp in said.json] == [2, 3]
    assert said.json[0]["size"] < said.json[1]["size"]
    stamps = list((filled.path / "timestamps").glob("*.tsr"))
    assert len(stamps) == 2
    for stamp in stamps:
        assert authority.verifies(stamp.with_suffix(".head"), stamp)


def test_a_head_is_stamped_by_files_where_there_is_no_network(
    terminal: Terminal, filled: Stage, authority: Authority
) -> None:
    said = terminal.run("audit", "timestamp", "log", "--request-out", "q.tsq")
    assert "come back with --answer-in" in said.out
    with filled.open() as log:
        log.append(event(1))
    (terminal.directory / "q.tsr").write_bytes(authority.answer((terminal.directory / "q.tsq").read_bytes()))
    said = terminal.run("audit", "timestamp", "log", "--answer-in", "q.tsr")
    assert said.code == 0, said.err
    assert "entries were there at 20" in said.out
    assert terminal.run("audit", "timestamps", "log", "--ca", str(authority.root)).code == 0


def test_an_authority_is_carried_to_like_any_sink(terminal: Terminal, filled: Stage, authority: Authority) -> None:
    assert "of 70" in ship(terminal, f"tsa+{authority.url}?name=clock")
    assert len(check(filled.path, authority.root.read_bytes())) == 1


def test_what_was_changed_after_it_was_stamped_is_found(filled: Stage, authority: Authority, tmp_path: Path) -> None:
    size, query = request(filled.path)
    keep(filled.path, authority.answer(query))
    root, name = authority.root.read_bytes(), filled.path / "timestamps" / f"{size:020}"
    assert [stamp.size for stamp in check(filled.path, root, filled.keys)] == [size]
    head = name.with_suffix(".head").read_bytes()
    name.with_suffix(".head").write_bytes(head.replace(b"node1", b"node2"))
    with pytest.raises(Tampered, match="does not verify"):
        check(filled.path, root)
    name.with_suffix(".head").write_bytes(head)
    other = Authority(tmp_path)
    other.make()
    with pytest.raises(Tampered, match="does not verify"):
        check(filled.path, other.root.read_bytes())
    with pytest.raises(ConfigurationError, match="no certificate"):
        check(filled.path, b"none")
    name.with_suffix(".tsr").write_bytes(b"0")
    with pytest.raises(Tampered, match="cannot be read"):
        check(filled.path, root)


def test_a_log_that_does_not_continue_what_was_stamped_is_found(stage: Stage, authority: Authority) -> None:
    with stage.open() as log:
        log.append(event(1))
    keep(stage.path, authority.answer(request(stage.path)[1]))
    stamps = stage.path / "timestamps"
    kept = {path.name: path.read_bytes() for path in stamps.iterdir()}
    shutil.rmtree(stage.path)
    shutil.rmtree(stage.state)
    AuditLog.create(stage.path, stage.state, origin="stockade.example/node1")
    with stage.open() as log:
        for number in range(5):
            log.append(event(number + 50))
    stamps.mkdir()
    for name, octets in kept.items():
        (stamps / name).write_bytes(octets)
    with pytest.raises(Tampered, match="does not continue"):
        check(stage.path, authority.root.read_bytes())
    with pytest.raises(Tampered, match="is not signed with the key"):
        check(stage.path, authority.root.read_bytes(), stage.keys)


def test_answers_that_are_none_and_answers_to_others_are_refused(
    filled: Stage, authority: Authority, tmp_path: Path
) -> None:
    with pytest.raises(Unavailable, match="no answer of a time-stamping authority"):
        keep(filled.path, b"<html>")
    (tmp_path / "data").write_text("something else")
    subprocess.run(
        ["openssl", "ts", "-query", "-data", tmp_path / "data", "-sha512", "-cert", "-out", tmp_path / "q"],
        check=True,
        capture_output=True,
    )
    request(filled.path)
    with pytest.raises(ConfigurationError, match="to no request of this log"):
        keep(filled.path, authority.answer((tmp_path / "q").read_bytes()))
    authority.refuse = True
    with pytest.raises(Refused, match="refuses"):
        keep(filled.path, authority.answer(b""))


def test_a_key_for_signing_requests_is_made_once(terminal: Terminal) -> None:
    assert terminal.run("audit", "key", "carrier.example/node1", "carrier.key").code == 0
    assert (terminal.directory / "carrier.key").stat().st_mode & 0o777 == 0o600
    assert (terminal.directory / "carrier.key.pub").read_text().startswith("carrier.example/node1+")
    assert terminal.run("audit", "key", "carrier.example/node1", "carrier.key").code == 2
