"""The gateway, running: what it serves made ready once, then one process or several on one socket."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import FrameType
from typing import Final

import uvicorn
import uvloop

from stockade.app import firewall
from stockade.app.attending import roles
from stockade.app.contact import security_txt_of
from stockade.app.crew import HELD, Crew, Role
from stockade.app.following import Follower
from stockade.app.passwords import passwords_of
from stockade.app.recording import Recording, keep_log, made, recorder_of, socket_of
from stockade.app.repeats import Repeats
from stockade.app.shell import answer, hooks_of
from stockade.audit.reporter import Reporter
from stockade.config import Settings, guard_of
from stockade.config.kinds import address_of
from stockade.config.state import state_of
from stockade.directory import BuiltinDirectory
from stockade.directory.sealing import Sealing
from stockade.errors import StockadeError, Unavailable
from stockade.events import Event, Ref
from stockade.gateway import demo, registry_process, server
from stockade.gateway.app import Gateway
from stockade.gateway.demo import Demo
from stockade.gateway.identity import identify
from stockade.gateway.outbox import outbox
from stockade.gateway.registry import Registry
from stockade.gateway.site import Site
from stockade.guard.gate import Guard
from stockade.securitylog import SecurityLog

FLUSH_EVERY: Final = 5.0
"""Seconds between two looks for repeated decisions whose count is due in the log."""
REPEATS_DUE: Final = 60.0
BACKLOG: Final = 2048

_log = logging.getLogger("stockade.serving")


@dataclass(frozen=True)
class Started:
    """What is being served, for whoever prints it. ``without`` says what is missing, and why; ``key`` is the public key
    of an audit log that was made just now.
    """

    url: str
    settings: Settings
    demo: Demo | None
    registry: bool
    without: str = ""
    key: Path | None = None


@dataclass(frozen=True)
class Ground:
    """What is made ready once, before any process serves."""

    settings: Settings
    log: SecurityLog
    socket: socket.socket
    demo: Demo | None
    registry: Registry | None
    without: str = ""

    @property
    def started(self) -> Started:
        """What to tell."""
        host, port = self.socket.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        return Started(f"http://{shown}:{port}", self.settings, self.demo, self.registry is not None, self.without)

    def recording(self, name: str) -> tuple[Recording, Callable[[], object]]:
        """Where the process of this name reports what happens, and how it takes its leave."""
        settings = self.settings
        if not settings.audit.enabled:
            return Recording(self.log, None, 0), lambda: None
        reporter = Reporter(socket_of(settings), name)
        return Recording(self.log, reporter, settings.audit.deadline), reporter.close


def serve(settings: Settings, log: SecurityLog, by: Ref, tell: Callable[[Started], None]) -> None:
    """Serve until SIGTERM or Ctrl-C; ``by`` is who starts it. Raises ConfigurationError, Unavailable and Tampered
    before anything is served.
    """
    signal.signal(signal.SIGTERM, _leave)
    crew = Crew()
    with ExitStack() as stack:
        bound = _bound(settings, stack)
        stack.callback(crew.end)
        key = _recorder_started(settings, bound, crew)
        ground = _prepared(settings, log, by, bound, stack)
        _say_start(ground, by)
        tell(replace(ground.started, key=key))
        try:
            for role in roles(settings):
                crew.start(role)
            if ground.demo is not None:
                crew.start(Role("git over ssh", partial(answer_ssh, ground)))
            for number in range(settings.workers):
                crew.start(Role(f"worker {number}", partial(work, ground, number)))
            crew.keep()
        finally:
            crew.end()


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _bound(settings: Settings, stack: ExitStack) -> socket.socket:
    """The socket to serve on, when what every worker would raise has been raised."""
    state_of(settings)
    firewall.keeper_of(settings, guard_of(settings), lambda _event: None)
    bound = stack.enter_context(contextlib.closing(server.listen(*address_of(settings.listen))))
    bound.listen(BACKLOG)
    return bound


def _recorder_started(settings: Settings, bound: socket.socket, crew: Crew) -> Path | None:
    """Start who has the audit log open; the public key of a log that was made for that."""
    if not settings.audit.enabled:
        return None
    key = made(settings)

    def work() -> None:
        bound.close()  # it serves nobody
        keep_log(settings)

    crew.start(Role("audit recorder", work, rank=0))
    end = time.monotonic() + settings.audit.deadline
    while not recorder_of(settings) and time.monotonic() < end:
        time.sleep(0.02)
    return key


def _prepared(settings: Settings, log: SecurityLog, by: Ref, bound: socket.socket, stack: ExitStack) -> Ground:
    """Bring the database up to date, and without an upstream make the little forge."""
    if settings.upstream is not None:
        return Ground(settings, log, bound, None, None)
    recording, _ = Ground(settings, log, bound, None, None).recording("serve")

    def insist(event: Event) -> None:
        recording.insist(replace(event, actor=by))

    sealing = Sealing.kept_in(settings.sealing_key())
    passwords, url = passwords_of(settings), settings.database_url()
    with BuiltinDirectory(url, record=recording, insist=insist, passwords=passwords, sealing=sealing) as directory:
        directory.migrate()
        forge = demo.prepare(state_of(settings), directory)
        if (hooks := hooks_of(settings, directory)) is not None:
            hooks.prepare()
    registry, without = _registry(settings, stack)
    return Ground(settings, log, bound, forge, registry, without)


def _say_start(ground: Ground, by: Ref) -> None:
    """Which configuration holds from now on, and who said so. Without it on record a server starts all the same: to
    guard matters more.
    """
    file = ground.settings.file
    details = {"sha256": sha256(file.read_bytes()).hexdigest()} if file is not None else {}
    target = Ref("stockade", "configuration", str(file or "defaults"))
    recording, _ = ground.recording("serve")
    try:
        recording.insist(Event(time.time(), "configuration.read", by, target, details=details))
    except StockadeError as error:
        _log.warning("what is served is not on record: %s", error)


def _registry(settings: Settings, stack: ExitStack) -> tuple[Registry | None, str]:
    try:
        return stack.enter_context(registry_process.running(settings.state_directory())), ""
    except Unavailable as error:
        return None, f"no container registry: {error.message} {error.remedy}"


# ── one process ──────────────────────────────────────────────────────────────────────────────────


def work(ground: Ground, number: int) -> None:
    """Serve in this process until a signal ends it. The first of several keeps the packet filter."""
    with ExitStack() as stack, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        recording, leave = ground.recording(f"worker {number}")
        stack.callback(leave)
        signed_in = Repeats(recording)
        directory = None
        if ground.demo is not None:
            directory = stack.enter_context(
                BuiltinDirectory(
                    ground.settings.database_url(),
                    record=signed_in,
                    insist=recording.insist,
                    passwords=passwords_of(ground.settings),
                    sealing=Sealing.kept_in(ground.settings.sealing_key()),
                )
            )
        guard = guard_of(ground.settings, recording, identify=identify if directory else None)
        gateway = Gateway(_site(ground, guard, directory, recording))
        serving = server.server(gateway)
        for ending in (signal.SIGTERM, signal.SIGINT):
            signal.signal(ending, serving.handle_exit)
        signal.signal(signal.SIGHUP, lambda _number, _frame: ground.log.reopen())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
        server.settle_down()
        flushing = Flushing(guard, signed_in)
        stack.callback(flushing.flush)
        runner.run(_serving(ground, flushing, gateway, serving, recording, first=number == 0))


def answer_ssh(ground: Ground) -> None:
    """Say who may have what over SSH, until a signal ends it."""
    ground.socket.close()  # it serves nobody there
    recording, leave = ground.recording("ssh")
    try:
        answer(ground.settings, recording)
    finally:
        leave()


def _site(ground: Ground, guard: Guard, directory: BuiltinDirectory | None, record: Recording) -> Site:
    settings = ground.settings
    return Site(
        guard,
        directory,
        repositories=ground.demo.repositories if ground.demo else None,
        registry=ground.registry,
        upstream=settings.upstream,
        security_txt=security_txt_of(settings),
        deliver=outbox(settings.state_directory() / "outbox") if directory else None,
        metrics_for=settings.metrics_for,
        record=record,
        hooks=hooks_of(settings, directory) if directory else None,
        refresh_idle=settings.oauth.refresh_idle,
    )


async def _serving(
    ground: Ground, flushing: Flushing, gateway: Gateway, serving: uvicorn.Server, recording: Recording, *, first: bool
) -> None:
    guard = flushing.guard
    keeper = firewall.keeper_of(ground.settings, guard, recording) if first else None

    def changed(settings: Settings) -> None:
        gateway.rooms.security_txt = security_txt_of(settings)
        firewall.follow(keeper, guard)

    follower = Follower(ground.settings, guard, recording, changed, insist=recording.insist)
    beside = [asyncio.create_task(follower.run()), asyncio.create_task(flushing.run())]
    if keeper is not None:
        beside.append(asyncio.create_task(keeper.run()))
    try:
        await serving.serve(sockets=[ground.socket])
    finally:
        for task in beside:
            task.cancel()


@dataclass(frozen=True)
class Flushing:
    """What was counted and not told is told when it is due, and at the end."""

    guard: Guard
    signed_in: Repeats

    async def run(self) -> None:
        """Now and then."""
        while True:
            await asyncio.sleep(FLUSH_EVERY)
            self.flush(REPEATS_DUE)

    def flush(self, older: float = 0.0) -> None:
        """Tell what is ``older`` (seconds) than that."""
        now = self.guard.clock()
        self.guard.journal.flush(now, older)
        self.signed_in.flush(now, older)
