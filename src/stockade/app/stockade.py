"""Every verb once: one method for each command, wired to the guard, the store, the log and the accounts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from urllib.parse import urlsplit

from stockade.app import checks
from stockade.app.audit_check import audit_log
from stockade.app.checks import Found
from stockade.app.explanation import (
    ClientExplained,
    RequestExplained,
    advice_of,
    counters,
    looks_like_request,
    questions,
    request_of,
    rules_before,
)
from stockade.app.following import Follower
from stockade.app.operator import login
from stockade.app.overview import Overview, overview
from stockade.config import Settings, guard_of
from stockade.config.state import state_of
from stockade.config.values import meant
from stockade.errors import ConfigurationError, StockadeError
from stockade.events import Event, Ref
from stockade.guard.gate import Guard
from stockade.guard.memory import MemoryStore
from stockade.guard.meter import Ask, AsyncStore, Ban, Store, Tally
from stockade.securitylog import SecurityLog, read_back

if TYPE_CHECKING:
    from stockade.app.recording import Recording
    from stockade.app.respond.responding import Responding
    from stockade.app.serving import Started
    from stockade.directory import BuiltinDirectory, Scope
    from stockade.guard.logs.hindsight import Report
    from stockade.guard.logs.replay import Progress

T = TypeVar("T")
PATIENCE: Final = 2.0
"""Seconds that an operator, unlike a request, may wait for the store."""


class Stockade:
    """What an operator can ask and do, under one configuration.

    ``by`` is who asks, for the record; ``say`` hears what somebody should read who did not ask for it. Methods raise
    StockadeError and nothing else.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        by: str = "",
        clock: Callable[[], float] = time.time,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.settings = settings
        self.by = by or login()
        self.clock = clock
        self.say = say

    @cached_property
    def log(self) -> SecurityLog:
        """The security log."""
        return SecurityLog(
            self.settings.security_log(), max_size=self.settings.log.max_size, keep=self.settings.log.keep
        )

    @contextmanager
    def _guard(self) -> Iterator[tuple[Guard, Callable[[Coroutine[Any, Any, T]], T]]]:
        """The guard over the store that the serving processes use, and the loop to ask it in."""
        if self.settings.store.written == "memory":
            raise ConfigurationError(
                "the counters are in the memory of the process that serves, where no other can see them",
                remedy='Write store = "shared" in the configuration.',
            )
        with asyncio.Runner() as runner:
            patient = replace(self.settings, store_deadline=max(PATIENCE, self.settings.store_deadline))
            with self.recording(anew=False) as recording:
                guard = guard_of(patient, recording, insist=lambda event: recording.insist(self._signed(event)))
                try:
                    yield guard, runner.run
                finally:
                    runner.run(_close(guard))

    @contextmanager
    def recording(self, *, anew: bool = True) -> Iterator[Recording]:
        """Where what is done here is recorded. Without ``anew``, no audit log is made for that: where bans are those of
        an application that uses the library, nobody may have asked for one.
        """
        from stockade.app.recording import OperatorsLog, Recording, there_is_one

        if not self.settings.audit.enabled or not (anew or there_is_one(self.settings)):
            yield Recording(self.log, None, 0)
            return
        with closing(OperatorsLog(self.settings, self._tell_key)) as audit_log:
            yield Recording(self.log, audit_log, self.settings.audit.deadline)

    def note_reading(self, what: Mapping[str, object]) -> None:
        """Have it on record that somebody reads the audit log, and what of it. Where that is not possible they may read
        all the same, and are told: it may be the night on which the disk is full.
        """
        event = Event(self.clock(), "log.read", self.actor, details=what)
        try:
            with self.recording() as recording:
                recording.insist(event)
        except StockadeError as error:
            self.say(f"that you read the audit log is not on record: {error.message}")

    def _tell_key(self, key: Path) -> None:
        log, secrets = self.settings.audit_log(), self.settings.audit_secrets()
        self.say(
            f"a new audit log, {log}; {key} verifies it: keep a copy of that file elsewhere; "
            f"{secrets} has the keys to what is concealed in it"
        )

    def _signed(self, event: Event) -> Event:
        return replace(event, actor=self.actor)

    def serve(self, tell: Callable[[Started], None]) -> None:
        """Start the gateway and serve until it is ended; ``tell`` hears what is served, once it is."""
        from stockade.app.serving import serve

        serve(self.settings, self.log, self.actor, tell)

    # ── bans ─────────────────────────────────────────────────────────────────────────────────────

    def bans(self) -> list[Ban]:
        """Every live ban, the latest first."""
        with self._guard() as (guard, wait):
            return wait(guard.abans())

    def ban(self, target: str, seconds: float | None = None, reason: str = "") -> Ban:
        """Ban an address, a network, ``user:NAME`` or ``token:NAME``; for ever without ``seconds``."""
        with self._guard() as (guard, wait):
            return wait(guard.aban(target, seconds, reason, by=self.by))

    def unban(self, target: str) -> list[Ban]:
        """Lift every ban of a target and clear its counters; answer the bans that were lifted."""
        with self._guard() as (guard, wait):
            return wait(guard.aunban(target, by=self.by))

    # ── understanding ────────────────────────────────────────────────────────────────────────────

    def explain(self, what: str, headers: Mapping[str, str] | None = None) -> ClientExplained | RequestExplained:
        """Why a client is refused, or what a request would meet."""
        with self._guard() as (guard, wait):
            if not looks_like_request(what):
                return wait(self._client(what, guard))
            request, address = request_of(what, guard, headers or {})
            client = wait(self._client(address, guard)) if address else None
            return RequestExplained(request.method, request.path, client, rules_before(request, guard.policy.rules))

    async def _client(self, target: str, guard: Guard) -> ClientExplained:
        key = guard.key_for(target)
        bans = [ban for ban in await guard.abans() if _concerns(ban, key, target)]
        entries, asks = questions(key, guard)
        tallies = await _ask(guard, asks) if asks else []
        exempt = not key.startswith(("user:", "token:", "network:")) and guard.policy.exempts(guard.client(target))
        entries_of_log = read_back(self.settings.security_log())
        recent = [e for e in entries_of_log if e.get("client") == key][-8:]
        advice = advice_of(entries_of_log, key, guard.addresses.trusted)
        return ClientExplained(target, key, bans, counters(entries, tallies), exempt or bool(advice), recent, advice)

    def check(self) -> list[Found]:
        """A check-up of the configuration, the store, the processes, the proxies, and what each rule really admits."""
        entries = read_back(self.settings.security_log())
        return [
            *checks.configuration(self.settings),
            *checks.refused_configuration(entries),
            *self._store(),
            *checks.processes(self.settings),
            *checks.proxies(self.settings, entries),
            *checks.outages(entries),
            *checks.security_txt(self.settings, self.clock()),
            *audit_log(self.settings, self.clock()),
            *checks.worst_cases(self.settings),
        ]

    def _store(self) -> Iterator[Found]:
        name = self.settings.store.written
        if name == "memory":
            yield Found("store", "good", "memory of the serving process")
            return
        try:
            live = len(self.bans())
        except StockadeError as error:
            yield Found("store", "problem", error.message, error.remedy)
        else:
            yield Found("store", "good", f"{name} answers; {live} live {'ban' if live == 1 else 'bans'}")

    def top(self) -> Overview:
        """What goes on now: who is refused, by which rule, and who is banned."""
        return overview(read_back(self.settings.security_log()), self.bans(), self.clock())

    # ── logs of other services ───────────────────────────────────────────────────────────────────

    def replay(self, log: Path, *, format: str | None = None, progress: Progress | None = None) -> Report:
        """What the rules would have done to an old log, on the log's own clock; nothing is enforced."""
        from stockade.guard.logs.replay import run

        return run(log, guard_of(self.settings, store=MemoryStore()), format=format, progress=progress)

    def watch(self, log: Path, *, format: str | None = None, say: Callable[[str], None] = print) -> None:
        """Judge a growing log until interrupted; the configuration is followed meanwhile."""
        from stockade.app import firewall
        from stockade.guard.logs.lines import watch

        name = sha256(str(log.absolute()).encode()).hexdigest()[:16]
        position = state_of(self.settings) / "watched" / f"{name}.json"
        position.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

        async def watching(guard: Guard) -> None:
            keeper = firewall.keeper_of(self.settings, guard, recording)
            follow = partial(firewall.follow, keeper, guard)
            follower = Follower(self.settings, guard, recording, lambda _settings: follow(), insist=recording.insist)
            beside = [asyncio.create_task(each.run()) for each in (follower, keeper) if each is not None]
            try:
                await watch(log, guard, format=format, position=position, say=say)
            finally:
                for task in beside:
                    task.cancel()

        if not log.exists():
            say(f"{log}: not there yet; it is waited for")
        with self._log_open(), self.recording() as recording, self._guard() as (guard, wait):
            wait(watching(guard))

    @contextmanager
    def _log_open(self) -> Iterator[None]:
        """Have the audit log open until the end of the block, for commands that are given meanwhile, unless a server
        has.
        """
        from stockade.app.recording import made, recorded_here, recorder_of

        with ExitStack() as stack:
            if self.settings.audit.enabled and not recorder_of(self.settings):
                if (key := made(self.settings)) is not None:
                    self._tell_key(key)
                stack.enter_context(recorded_here(self.settings))
            yield

    # ── other programs ───────────────────────────────────────────────────────────────────────────

    def config_for(self, proxy: str, *, site: str, upstream: str | None = None) -> str:
        """The configuration with which a proxy asks Stockade about each request."""
        from stockade.gateway.proxyconfig import render

        behind = upstream or urlsplit(self.settings.upstream or "").netloc or "127.0.0.1:3000"
        return render(proxy, gateway=self.settings.listen, upstream=behind, site=site)

    def security_txt(self) -> str:
        """The security.txt that the configuration describes."""
        from stockade.app.contact import security_txt_of

        text = security_txt_of(self.settings)
        if text is None:
            raise ConfigurationError(
                "there is no [security_txt] in the configuration", remedy="Add one, with contact and expires."
            )
        return text

    # ── accounts ─────────────────────────────────────────────────────────────────────────────────

    @property
    def actor(self) -> Ref:
        """Who asks, for the record."""
        return Ref("unix", "user", self.by or "unknown")

    @contextmanager
    def directory(self) -> Iterator[BuiltinDirectory]:
        """The accounts."""
        with self.recording() as recording, self.directory_telling(recording) as directory:
            yield directory

    @contextmanager
    def directory_telling(self, recording: Recording) -> Iterator[BuiltinDirectory]:
        """The accounts, where what is done to them is recorded elsewhere too."""
        from stockade.app.passwords import passwords_of
        from stockade.directory import BuiltinDirectory
        from stockade.directory.sealing import Sealing

        state_of(self.settings)
        url, sealing = self.settings.database_url(), Sealing.kept_in(self.settings.sealing_key())
        passwords, insist = passwords_of(self.settings), recording.insist
        with BuiltinDirectory(url, record=recording, insist=insist, passwords=passwords, sealing=sealing) as directory:
            directory.migrate()
            yield directory

    @contextmanager
    def responding(self, hand_out: Callable[[Ref, str], None] | None = None) -> Iterator[Responding]:
        """What is done about a compromise. ``hand_out`` is shown each new secret, once."""
        from stockade.app.respond.responding import responding

        with responding(self, hand_out) as response:
            yield response

    def scopes(self, names: Sequence[str]) -> frozenset[Scope]:
        """The scopes of these names."""
        from stockade.directory import Scope

        known = [scope.value for scope in Scope]
        for name in names:
            if name not in known:
                raise ConfigurationError(
                    f'there is no scope "{name}"{meant(name, known)}', remedy=f"Write some of {', '.join(known)}."
                )
        return frozenset(map(Scope, names))


async def _ask(guard: Guard, asks: list[Ask]) -> list[Tally]:
    if guard.awaits:
        return await cast("AsyncStore", guard.store).count(asks)
    return cast("Store", guard.store).count(asks)


async def _close(guard: Guard) -> None:
    close = getattr(guard.store, "aclose", None)
    if close is not None:
        await close()


def _concerns(ban: Ban, key: str, target: str) -> bool:
    from stockade.guard.networks import Networks

    if ban.client == key:
        return True
    return ban.client.startswith("network:") and target in Networks([ban.client.removeprefix("network:")])
