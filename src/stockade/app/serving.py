"""The gateway, running: what it serves made ready once, then one process or several on one socket."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from types import FrameType
from typing import Final

import uvicorn
import uvloop

from stockade.app import firewall
from stockade.app.contact import security_txt_of
from stockade.app.following import Follower
from stockade.config import Settings, guard_of
from stockade.config.kinds import address_of
from stockade.config.state import state_of
from stockade.directory import BuiltinDirectory
from stockade.errors import Unavailable
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
HELD: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})

_log = logging.getLogger("stockade.serving")


@dataclass(frozen=True)
class Started:
    """What is being served, for whoever prints it. ``without`` says what is missing, and why."""

    url: str
    settings: Settings
    demo: Demo | None
    registry: bool
    without: str = ""


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


def serve(settings: Settings, log: SecurityLog, tell: Callable[[Started], None]) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises ConfigurationError and Unavailable before anything is served."""
    signal.signal(signal.SIGTERM, _leave)
    with ExitStack() as stack:
        ground = _prepared(settings, log, stack)
        tell(ground.started)
        if settings.workers == 1:
            work(ground)
        else:
            _Crew(ground).run()


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _prepared(settings: Settings, log: SecurityLog, stack: ExitStack) -> Ground:
    """Bind the socket, bring the database up to date, and without an upstream make the little forge."""
    state = state_of(settings)
    _prove(settings)
    bound = stack.enter_context(contextlib.closing(server.listen(*address_of(settings.listen))))
    bound.listen(BACKLOG)
    if settings.upstream is not None:
        return Ground(settings, log, bound, None, None)
    with BuiltinDirectory(settings.database_url(), record=log) as directory:
        directory.migrate()
        forge = demo.prepare(state, directory)
    registry, without = _registry(settings, stack)
    return Ground(settings, log, bound, forge, registry, without)


def _prove(settings: Settings) -> None:
    """Raise now what every worker would raise."""
    firewall.keeper_of(settings, guard_of(settings), lambda _event: None)


def _registry(settings: Settings, stack: ExitStack) -> tuple[Registry | None, str]:
    try:
        return stack.enter_context(registry_process.running(settings.state_directory())), ""
    except Unavailable as error:
        return None, f"no container registry: {error.message} {error.remedy}"


# ── one process ──────────────────────────────────────────────────────────────────────────────────


def work(ground: Ground, *, first: bool = True) -> None:
    """Serve in this process until a signal ends it. The ``first`` of several keeps the packet filter."""
    with ExitStack() as stack, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        directory = None
        if ground.demo is not None:
            directory = stack.enter_context(BuiltinDirectory(ground.settings.database_url(), record=ground.log))
        guard = guard_of(ground.settings, ground.log, identify=identify if directory else None)
        gateway = Gateway(_site(ground, guard, directory))
        serving = server.server(gateway)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, serving.handle_exit)
        signal.signal(signal.SIGHUP, lambda _number, _frame: ground.log.reopen())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
        runner.run(_serving(ground, guard, gateway, serving, first=first))


def _site(ground: Ground, guard: Guard, directory: BuiltinDirectory | None) -> Site:
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
    )


async def _serving(ground: Ground, guard: Guard, gateway: Gateway, serving: uvicorn.Server, *, first: bool) -> None:
    keeper = firewall.keeper_of(ground.settings, guard, ground.log) if first else None

    def changed(settings: Settings) -> None:
        gateway.rooms.security_txt = security_txt_of(settings)
        firewall.follow(keeper, guard)

    follower = Follower(ground.settings, guard, ground.log, changed)
    beside = [asyncio.create_task(follower.run()), asyncio.create_task(_flushing(guard))]
    if keeper is not None:
        beside.append(asyncio.create_task(keeper.run()))
    try:
        await serving.serve(sockets=[ground.socket])
    finally:
        for task in beside:
            task.cancel()
        guard.journal.flush(guard.clock())


async def _flushing(guard: Guard) -> None:
    while True:
        await asyncio.sleep(FLUSH_EVERY)
        guard.journal.flush(guard.clock(), older=REPEATS_DUE)


# ── several processes ────────────────────────────────────────────────────────────────────────────


class _Crew:
    """Workers forked from one parent, which starts another where one has died, and ends them all with itself."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.born: dict[int, tuple[int, float]] = {}

    def run(self) -> None:
        signal.signal(signal.SIGHUP, self._pass_on)
        try:
            for number in range(self.ground.settings.workers):
                self._start(number)
            self._keep()
        finally:
            self._end()

    def _start(self, number: int) -> None:
        """Fork with signals held back until the worker heeds them: one in the midst of it would be lost in hooks and
        loops.
        """
        held = signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
        worker = os.fork()
        if worker == 0:
            with self._ending_here():
                work(self.ground, first=number == 0)
        self.born[worker] = number, time.monotonic()
        signal.pthread_sigmask(signal.SIG_SETMASK, held)

    @contextlib.contextmanager
    def _ending_here(self) -> Iterator[None]:
        """Never go back into what the parent was doing."""
        code = 1
        try:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            yield
            code = 0
        except (KeyboardInterrupt, SystemExit):
            code = 0
        except BaseException:
            _log.exception("a worker has failed")
            raise
        finally:
            sys.stderr.flush()
            os._exit(code)

    def _keep(self) -> None:
        while True:
            worker, status = os.wait()
            if worker not in self.born:
                continue  # the container registry, a child of ours too
            number, born = self.born.pop(worker)
            lived = time.monotonic() - born
            _log.error("worker %d has died (status %d) after %.0f s; starting another", worker, status, lived)
            time.sleep(0 if lived > 1 else 1)
            self._start(number)

    def _end(self) -> None:
        self._pass_on(signal.SIGTERM, None)
        for worker in self.born:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(worker, 0)

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        for worker in self.born:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, number)
