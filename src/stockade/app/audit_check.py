"""What `stockade check` says of the audit log: whether it is kept and signed, and how far its sinks are."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stockade.app.checks import Found
from stockade.config import Settings
from stockade.config.values import written_duration
from stockade.errors import StockadeError

if TYPE_CHECKING:
    from stockade.audit.checkpoint import Checkpoint

LATE: Final = 2.0
"""Heartbeats without a new head, from which on something is wrong."""
UNDER_WAY: Final = 3.0
"""Seconds that may lie between the signing of a head and its being there, on a machine that is busy."""


def audit_log(settings: Settings, now: float) -> Iterator[Found]:
    """Is the audit log kept, and signed?"""
    if not settings.audit.enabled:
        yield Found("audit log", "warning", "there is none: what happens can be denied", "Take enabled = false out.")
        return
    signer = settings.audit_signer()
    if not signer.is_socket() and not (signer / "head").exists():
        yield Found("audit log", "good", "not begun: it is made when there is something to record")
        return
    try:
        yield _kept(settings, _remembered(signer), now)
        yield _concealed(settings)
        yield from _carried(settings, now)
    except StockadeError as error:
        yield Found("audit log", "problem", error.message, error.remedy)


def _remembered(signer: Path) -> int:
    """How many entries the last head has that was signed."""
    from stockade.audit.checkpoint import Checkpoint
    from stockade.audit.note import Note

    if signer.is_socket():
        from stockade.audit.signing import RemoteSigner

        head = RemoteSigner(signer).head
        return head.size if head else 0
    file = signer / "head"
    return Checkpoint.parse(Note.parse(file.read_bytes()).text).size if file.exists() else 0


def _kept(settings: Settings, remembered: int, now: float) -> Found:
    from stockade.app.recording import recorder_of

    log, process = settings.audit_log(), recorder_of(settings)
    head = _published(log, remembered)
    age = max(0.0, now - (log / "checkpoint").stat().st_mtime)
    says = f"{head.size} entries, signed {written_duration(round(age) or 1)} ago"
    if head.size < remembered:
        return Found("audit log", "problem", f"{says}, and its signer remembers {remembered}", _OLDER)
    if process and age > LATE * settings.audit.heartbeat:
        return Found("audit log", "problem", f"{says}, though process {process} keeps it", _STUCK)
    return Found(
        "audit log", "good", says + (f"; process {process} keeps it" if process else "; no server keeps it now")
    )


def _published(log: Path, remembered: int) -> Checkpoint:
    """The newest head. Its signer remembers it a moment before it is there: who looks in between looks again."""
    from stockade.audit.prove import newest_head

    end = time.monotonic() + UNDER_WAY
    while (head := newest_head(log)[0]).size < remembered and time.monotonic() < end:
        time.sleep(0.05)
    return head


def _concealed(settings: Settings) -> Found:
    from stockade.audit.concealing import Concealer

    place = settings.audit_secrets()
    try:
        Concealer(place)
    except StockadeError as error:
        return Found("its secrets", "problem", error.message, _UNREADABLE)
    return Found("its secrets", "good", f"concealed under the keys in {place}")


def _carried(settings: Settings, now: float) -> Iterator[Found]:
    """How far each sink of the configuration is."""
    from stockade.app.attending import carriers_state
    from stockade.audit.sinks.carrying import standings

    at = {each.name: each for each in standings(settings.audit_log(), carriers_state(settings), now)}
    for name in (each.sink().called for each in settings.audit.sinks):
        if (found := at.get(name)) is None:
            yield Found(f"sink {name}", "warning", "nothing was carried there yet", "Run stockade serve: it carries.")
        elif found.error:
            failing = written_duration(max(1, round(now - found.failing)))
            says = f"{found.behind} entries behind; it fails for {failing}: {found.error}"
            yield Found(f"sink {name}", "problem", says, "Nothing is lost: they are carried when it is well again.")
        else:
            lag = written_duration(max(1, round(found.lag))) if found.behind else ""
            says = f"{found.behind} entries behind, the oldest for {lag}" if lag else "has all that is signed"
            yield Found(f"sink {name}", "warning" if found.remark else "good", says, found.remark)


_STUCK: Final = "See that its disk has room and answers; until then what must be recorded is refused."
_UNREADABLE: Final = (
    "Put them back: without them nobody finds or reads what is concealed. The next start makes new ones."
)
_OLDER: Final = "It was put back to an older state. Do not write to it: look first, with stockade audit verify."
