"""Where events go: to the security log, and to the audit log by way of the one process that has it open.

While ``stockade serve`` or ``stockade watch`` runs, that process is there and takes events at a socket in the state
directory. A command that finds nobody there opens the log itself, for as long as it takes.
"""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, Protocol

from stockade.audit.clerk import Rhythm
from stockade.audit.concealing import Concealer
from stockade.audit.letters import recorder_at
from stockade.audit.log import AuditLog
from stockade.audit.recorder import Recorder
from stockade.audit.reporter import Reporter
from stockade.audit.signer import HEAD, KEY, PUBLIC
from stockade.config import Settings
from stockade.config.state import state_of
from stockade.errors import ConfigurationError, StockadeError, Tampered, Unavailable
from stockade.events import Event
from stockade.guard.journal import Record

SOCKET: Final = "recorder"
RETRY: Final = 0.1
"""Seconds between two looks whether the log is free."""
PARTING: Final = 1.0
"""Seconds that a command waits at its end for what should be recorded."""
LOOK_EVERY: Final = 0.5
"""Seconds between two looks of the recorder whether its log still takes events."""

_log = logging.getLogger("stockade.recording")


class Log(Protocol):
    """What there is to report to: the audit log itself, or the way to it."""

    def append(self, event: Event, *, timeout: float = ...) -> int:
        """Record it, and answer when it is on disk. Raises Unavailable, Tampered."""
        ...

    def offer(self, event: Event) -> None:
        """Record it some time; never waits, never raises."""
        ...


class Recording:
    """Call it with what should be recorded; ``insist`` on what must be, before it takes effect."""

    def __init__(self, security_log: Record, audit_log: Log | None, deadline: float) -> None:
        self._security_log, self._audit_log, self._deadline = security_log, audit_log, deadline

    def __call__(self, event: Event) -> None:
        """Record it some time; never waits for the audit log."""
        self._security_log(event)
        if self._audit_log is not None:
            self._audit_log.offer(event)

    def seal(self, event: Event) -> None:
        """As ``insist``, in the audit log alone: for what would only fill the security log. Raises ConfigurationError
        when there is no audit log.
        """
        if self._audit_log is None:
            raise ConfigurationError("there is no audit log to keep this in", remedy="Take enabled = false out.")
        self._audit_log.append(event, timeout=self._deadline)

    def insist(self, event: Event) -> None:
        """Record it now. Raises Unavailable or Tampered when that is not possible: then it must not happen."""
        if self._audit_log is not None:
            self._audit_log.append(event, timeout=self._deadline)
        self._security_log(event)


def socket_of(settings: Settings) -> Path:
    """Where the recorder takes events."""
    return state_of(settings) / SOCKET


def recorder_of(settings: Settings) -> int:
    """The process that has the log open; 0 when none takes events."""
    return recorder_at(socket_of(settings))


def there_is_one(settings: Settings) -> bool:
    """Whether a log was made already."""
    signer = settings.audit_signer()
    return signer.is_socket() or (signer / KEY).exists()


def made(settings: Settings) -> Path | None:
    """Make the log when there is none: the public key to keep elsewhere then, None when there was one already."""
    log, signer = settings.audit_log(), settings.audit_signer()
    with _alone(state_of(settings)):
        _make_secrets(settings)
        if not there_is_one(settings):
            AuditLog.create(log, signer, origin=settings.audit_origin())
            return signer / PUBLIC
        if not log.is_dir() and not (signer / HEAD).exists():
            log.mkdir(mode=0o755, parents=True)  # it was interrupted when it was made
    return None


def _make_secrets(settings: Settings) -> None:
    """Make the keys that conceal. A log that had some must go on without them, too; somebody has to know."""
    place = settings.audit_secrets()
    if Concealer.made_in(place):
        return
    Concealer.create(place)
    if there_is_one(settings):
        _log.warning("new keys are in %s, as there were none: what others have concealed stays so", place)


def opened(settings: Settings, patience: float) -> AuditLog:
    """The log, as soon as nobody else has it open. Raises Unavailable, Tampered, ConfigurationError."""
    log, signer, rhythm = settings.audit_log(), settings.audit_signer(), _rhythm(settings)
    if not log.is_dir() and (signer / HEAD).exists():
        remedy = "Put it back from where it was carried to; what is lost stays lost, and the signer knows it."
        raise Tampered(f"the audit log {log} is gone, and its signer remembers it", remedy=remedy)
    end, script = time.monotonic() + patience, Concealer(settings.audit_secrets()).script
    while True:
        try:
            return AuditLog(log, signer, rhythm=rhythm, script=script)
        except Unavailable:
            if time.monotonic() >= end:
                raise
        time.sleep(RETRY)


def keep_log(settings: Settings) -> None:
    """Be the recorder, until SIGTERM. Raises what makes the log unusable."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    with recorded_here(settings) as log:
        while signal.sigtimedwait({signal.SIGTERM}, LOOK_EVERY) is None:
            if log.failed is not None:
                raise log.failed


@contextmanager
def recorded_here(settings: Settings) -> Iterator[AuditLog]:
    """Have the log open, and take events of other processes, until the end of the block."""
    with opened(settings, settings.audit.deadline) as log, closing(Recorder(log, socket_of(settings))) as recorder:
        recorder.start()
        yield log


class OperatorsLog:
    """The log for a command: by the recorder where there is one, else opened when the first event comes.

    ``told`` hears of a log that was made for that.
    """

    def __init__(self, settings: Settings, told: Callable[[Path], None]) -> None:
        self._settings, self._told = settings, told
        self._way: Log | None = None

    def append(self, event: Event, *, timeout: float = 5.0) -> int:
        """As the log's own."""
        return self._found().append(event, timeout=timeout)

    def offer(self, event: Event) -> None:
        """As the log's own; what cannot be recorded is told on standard error, as nobody else would."""
        try:
            self._found().offer(event)
        except StockadeError as error:
            _log.warning("%s is not recorded: %s", event.action, error.message)

    def close(self) -> None:
        """Let go of it."""
        way, self._way = self._way, None
        if isinstance(way, Reporter):
            way.close(PARTING)  # the recorder has it then, if not the disk
        elif isinstance(way, AuditLog):
            way.close()

    def _found(self) -> Log:
        if self._way is None:
            self._way = self._sought()
        return self._way

    def _sought(self) -> Log:
        """Another command may have it open for a moment, and a recorder may be about to start."""
        if (public := made(self._settings)) is not None:
            self._told(public)
        end = time.monotonic() + self._settings.audit.deadline
        while True:
            if recorder_of(self._settings):
                return Reporter(socket_of(self._settings), f"command {os.getpid()}")
            try:
                return opened(self._settings, 0)
            except Unavailable:
                if time.monotonic() >= end:
                    raise
            time.sleep(RETRY)


def _rhythm(settings: Settings) -> Rhythm:
    names = ("sign_within", "sign_after", "heartbeat", "segment_size", "segment_age")
    return Rhythm(**{name: getattr(settings.audit, name) for name in names})


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Until the end of the block, no other process is in such a block. Raises ConfigurationError."""
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigurationError(f"{directory} cannot be read: {error.strerror}") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
