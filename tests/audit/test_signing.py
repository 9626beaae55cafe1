"""A signer in another process signs what the one in this process would, for those who may ask."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from stockade.audit.log import AuditLog
from stockade.audit.signing import RemoteSigner, signer_at
from stockade.audit.verify import verify
from stockade.errors import Tampered, Unavailable
from tests.audit.conftest import NOW, ORIGIN, Stage, event
from tests.cli.terminal import PROGRAM, Terminal
from tests.servers.processes import wait_until


@contextmanager
def signing(stage: Stage, *users: str) -> Iterator[Path]:
    """The real command, until the end."""
    socket = stage.path.parent / "signer.socket"
    asked = [word for user in users for word in ("--user", user)]
    argv = [str(PROGRAM), "audit", "signer", str(socket), "--signer", str(stage.state), *asked]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert "signing for" in process.stderr.readline()
            yield socket
        finally:
            process.terminate()


def test_a_log_is_signed_by_another_process_and_its_keys_change_there(stage: Stage) -> None:
    first = stage.keys
    with signing(stage) as socket:
        with AuditLog(stage.path, socket) as log:
            log.append(event(1))
            log.rotate()
            log.append(event(2))
        assert RemoteSigner(socket).public_keys == stage.keys != first
        with AuditLog(stage.path, socket) as log:
            log.append(event(3))
    report = verify(stage.path, first)
    assert (report.head.size, list(report.keys)) == (8, stage.keys)
    assert report.signed_at is not None
    assert report.signed_at > NOW - 1e9


def test_it_signs_one_history_whoever_asks(stage: Stage) -> None:
    with stage.open() as log:
        log.append(event(1))
    old = stage.copy("backup")
    with signing(stage) as socket:
        with AuditLog(stage.path, socket) as log:
            log.append(event(2))
        stage.put_back(old)
        with pytest.raises(Tampered, match="does not lead to the head"):
            AuditLog(stage.path, socket)
        remote = RemoteSigner(socket)
        head = remote.head
        assert head is not None
        with pytest.raises(Tampered, match="asked to sign"):
            remote.sign(type(head)(head.origin, head.size - 1, head.root), [], NOW)
        with pytest.raises(Tampered, match="not a question"):
            remote._ask("give me the key")
        with pytest.raises(Tampered):
            remote._ask("absence", text=head.text)


def test_whom_the_kernel_names_otherwise_is_not_answered(stage: Stage) -> None:
    with (
        signing(stage, str(os.geteuid() + 1)) as socket,
        pytest.raises(Unavailable, match="this user may have nothing signed"),
    ):
        RemoteSigner(socket)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_may_have_heads_signed_and_cannot_read_the_keys() -> None:
    with TemporaryDirectory(prefix="stockade-signing-") as folder:  # pytest's own is for nobody else
        place = Path(folder)
        place.chmod(0o755)
        stage = Stage(place / "log", place / "signer")
        AuditLog.create(stage.path, stage.state, origin=ORIGIN)
        _as_another(stage)
        assert stage.verify().head.size == 3


def _as_another(stage: Stage) -> None:
    os.chown(stage.path, 65534, 65534)
    code = """
import os, sys
from pathlib import Path
from stockade.audit.log import AuditLog
from stockade.events import Event
os.setgid(65534); os.setuid(65534)
with AuditLog(Path(sys.argv[1]), Path(sys.argv[2])) as log:
    log.append(Event(1.8e9, "token.create"))
try:
    (Path(sys.argv[3]) / "key").read_text()
except PermissionError:
    print("no key for me")
"""
    with signing(stage, "65534") as socket:
        argv = [sys.executable, "-c", code, str(stage.path), str(socket), str(stage.state)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.stdout == "no key for me\n", done.stderr


def test_a_signer_that_has_gone_refuses_who_must_record_only_when_a_head_is_due(stage: Stage) -> None:
    with signing(stage) as socket:
        log = AuditLog(stage.path, socket)
        log.append(event(1))
    with pytest.raises(Unavailable, match="does not answer"):
        log.sign()
    wait_until(lambda: not log._thread.is_alive(), "the log to end")
    with pytest.raises(Unavailable):
        log.append(event(2))
    log.close()
    with stage.open() as again:
        again.append(event(3))
    recorded = [entry for entry in stage.actions() if entry == "token.create"]
    assert len(recorded) == 2


def test_nobody_at_the_socket_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        RemoteSigner(tmp_path / "nowhere")


def test_a_directory_is_a_signer_too(stage: Stage) -> None:
    assert signer_at(stage.state).place == str(stage.state)


def test_a_configuration_may_name_the_socket(stage: Stage, terminal: Terminal) -> None:
    with signing(stage) as socket:
        with AuditLog(stage.path, socket) as log:
            log.append(event(1))
        terminal.write(f'[audit]\nlog = "{stage.path}"\nsigner = "{socket}"\n')
        assert terminal("audit prove 1").code == 0
        said = terminal("audit verify")
        assert said.code == 0, said.err
        assert "6 entries are as they were signed" in said.out
        assert "6 entries, signed" in terminal("check").out
        said = terminal("audit absence --action guard.ban")
        (terminal.directory / "none").write_text(said.out)
        assert terminal("audit absence --check none").code == 0
    assert terminal("audit verify").code == 4
