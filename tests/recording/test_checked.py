"""Whether the log is kept is asked while it is written: what is half done is no alarm, what was put back is one."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Timer

import pytest

from stockade.app import audit_check
from stockade.app.audit_check import audit_log
from stockade.audit.log import AuditLog
from stockade.config import Settings, load
from stockade.events import Event


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a log whose last head is as old as its first, while its signer remembers the last."""
    (tmp_path / "stockade.toml").write_text(f'state = "{tmp_path}/state"\n')
    found = load(tmp_path / "stockade.toml")
    found.state_directory().mkdir()
    AuditLog.create(found.audit_log(), found.audit_signer(), origin="audit.example.com/node1")
    with AuditLog(found.audit_log(), found.audit_signer()) as log:
        log.sign()
        older = (found.audit_log() / "checkpoint").read_bytes()
        log.append(Event(time.time(), "token.create"))
    (found.audit_log() / "newest").write_bytes((found.audit_log() / "checkpoint").read_bytes())
    (found.audit_log() / "checkpoint").write_bytes(older)
    return found


def said(settings: Settings) -> str:
    return next(each.says for each in audit_log(settings, time.time()) if each.what == "audit log")


def test_a_head_that_is_signed_and_not_there_yet_is_waited_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_check, "UNDER_WAY", 60.0)
    log = settings.audit_log()
    publishing = Timer(0.2, (log / "newest").replace, [log / "checkpoint"])
    publishing.start()
    assert "its signer remembers" not in said(settings)
    publishing.join()


def test_a_log_that_was_put_back_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_check, "UNDER_WAY", 0.1)
    assert "its signer remembers" in said(settings)
