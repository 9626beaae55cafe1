"""An old log is judged by rules on its own clock, to answer what they would have done."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import IO, Final

from stockade.guard.address import Addresses
from stockade.guard.conditions import Condition, method, path, status
from stockade.guard.decision import Decision
from stockade.guard.discriminators import by_user
from stockade.guard.gate import Guard
from stockade.guard.logs.clock import LogClock
from stockade.guard.logs.formats import Dating, Line, Read, detect, reader
from stockade.guard.logs.formats.line import escaped
from stockade.guard.logs.hindsight import Hindsight, Report, refused_clients
from stockade.guard.logs.ledger import Ledger
from stockade.guard.logs.lines import request_of
from stockade.guard.logs.oldlog import OldLog, opened
from stockade.guard.logs.shortcut import Shortcut
from stockade.guard.meter import MICROSECONDS
from stockade.guard.policy import Policy
from stockade.guard.request import Request
from stockade.lines.line import MAX_LINE

MAX_EXAMPLES: Final = 5
MAX_CLIENTS: Final = 250_000
"""Clients whose counts are remembered at once."""

Progress = Callable[[int, int | None], None]
"""``progress(done, total)`` in bytes of the file; ``total`` is None where it cannot be known."""

SIGN_IN_PAGES: Final = (
    *("/login", "/signin", "/sign_in", "/users/sign_in", "/users/auth/*/callback", "/user/login", "/session"),
    *("/accounts/login", "/admin/login", "/wp-login.php"),
)
SIGN_IN_ENDPOINTS: Final = ("/oauth/token", "/api/login", "/api/**/login", "/api/**/session", "/jwt/auth")
SIGNS_IN: Final = method("POST") & ((path(*SIGN_IN_PAGES) & status("3xx")) | (path(*SIGN_IN_ENDPOINTS) & status("2xx")))
"""A sign-in that succeeded, in a log that does not say so: a page answers by leading on, for it shows itself again when
the password was wrong; an endpoint answers with 2xx.
"""


def run(
    source: Path | str | IO[bytes],
    judge: Guard | Policy,
    *,
    format: str | None = None,
    zone: tzinfo | None = None,
    progress: Progress | None = None,
    signs_in: Condition = SIGNS_IN,
    shortcut: bool = True,
) -> Report:
    """What the rules of ``judge`` would have done to the log ``source``: a file, compressed with gzip or not, a stream,
    or ``-`` for standard input. Nothing is asked of the guard's own store, and nothing is enforced.

    The rules are taken to stand in front: what they would have refused did not reach the service, so that its status
    counts for nothing. ``format`` is told from the first lines unless given, ``zone`` is that of times which name none
    (None: this machine's). ``signs_in`` recognises a sign-in that succeeded where the log does not say so. Without
    ``shortcut`` every line is judged in full, to the same end.

    Raises ConfigurationError for a log in no known format, and Unavailable when it cannot be opened.
    """
    policy = judge.policy if isinstance(judge, Guard) else judge
    addresses = judge.addresses if isinstance(judge, Guard) else Addresses()
    began = time.perf_counter()
    with opened(source) as log:
        replay = Replay(policy, addresses, signs_in)
        replay.take(log, Dating(lambda: log.latest, zone), format, progress, shortcut=shortcut)
        return replay.report(log, time.perf_counter() - began)


class Replay:
    """Judges lines as a guard would have judged the requests, on the log's clock, with counters of its own."""

    def __init__(self, policy: Policy, addresses: Addresses, signs_in: Condition = SIGNS_IN) -> None:
        self.policy = policy
        self.addresses = addresses
        self.signs_in = signs_in
        self.clock = LogClock()
        self.store = Ledger(policy.lanes, MAX_CLIENTS)
        self.hindsight = Hindsight(policy.rules)
        self.format = ""
        self.judged = self.repeated = self.silent = self.unreadable = 0
        self.examples: list[str] = []
        self.first = 0.0
        self.forgotten_proxy = ""
        self.read: Read = _nothing

    def take(
        self, log: OldLog, dating: Dating, format: str | None, progress: Progress | None, *, shortcut: bool
    ) -> None:
        """Judge a whole log."""
        judge_all = self.judge_all
        for batch in log.batches():
            if not self.format:
                self.format = format or detect(batch, dating).name
                self.read = reader(self.format, dating)
                if shortcut and self.format == "combined":
                    judge_all = Shortcut(self).judge_all
            judge_all(batch)
            if progress is not None:
                progress(log.done, log.total)

    @property
    def lines(self) -> int:
        """Lines that were read, empty ones aside."""
        return self.judged + self.silent + self.unreadable

    def judge_all(self, texts: Sequence[str]) -> None:
        """Judge every line in full."""
        for text in texts:
            line = self.line(text)
            if line is not None:
                self.judge(text, line)

    def line(self, text: str) -> Line | None:
        """What a line says; None for one that is about no request, or cannot be read."""
        if not text or text == "\r":
            return None
        try:
            line = self.read(text[:MAX_LINE].rstrip("\r"))
        except ValueError as error:
            self._unreadable(text, error)
            return None
        self.silent += line is None
        return line

    def judge(self, text: str, line: Line) -> None:
        """Judge a line in full."""
        try:
            requests = [request_of(line, self.addresses) for _ in range(line.times)]
        except ValueError as error:
            self._unreadable(text, error)
            return
        self.judged += 1
        self.repeated += line.times - 1
        now = self._now(line.time)
        for request in requests:
            decision = self.policy.check(request)
            if decision.asks:
                self.policy.decide(decision, self.store.count(decision.asks, now * MICROSECONDS))
            self.settle(decision, line, now)

    def _now(self, time: float) -> float:
        """When a line is counted; with nothing counted before it where an older log begins."""
        restarts = self.clock.restarts
        now = self.clock.at(time)
        if self.clock.restarts != restarts:
            self.store = Ledger(self.policy.lanes, MAX_CLIENTS)
        self.first = min(self.first, now) if self.first else now
        return now

    def settle(self, decision: Decision, line: Line, now: float) -> None:
        """Take a decision about a line, and the status if it had come to that."""
        request = decision.request
        if request.client.forgotten_proxy:
            self.forgotten_proxy = request.client.peer
        request.status = line.status
        signs_in = self._signs_in(line, request)
        self.hindsight.take(decision, now, signs_in=signs_in)
        if not decision.allowed or line.status is None:
            return
        after = self.policy.settle(decision, line.status)
        if after is not None:
            self.policy.decide(after, self.store.count(after.asks, now * MICROSECONDS) if after.asks else ())
            self.hindsight.take(after, now, signs_in=signs_in)

    def _signs_in(self, line: Line, request: Request) -> bool:
        found = line.outcome == "success" or (line.outcome == "unknown" and bool(self.signs_in.test(request)))
        if found:
            self.hindsight.signed_in(request.client.key)
            if user := by_user(request):
                self.hindsight.signed_in(user)
        return found

    def _unreadable(self, text: str, error: ValueError) -> None:
        self.unreadable += 1
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append(f"{escaped(str(error))}: {escaped(text)}")

    def report(self, log: OldLog, seconds: float) -> Report:
        """All that was found."""
        found = self.hindsight
        rows = found.rows()
        clients = refused_clients(rows)
        return Report(
            source=log.name,
            format=self.format,
            lines=self.lines,
            requests=self.judged + self.repeated,
            silent=self.silent,
            unreadable=self.unreadable,
            examples=tuple(self.examples),
            first=self.first,
            last=self.clock.latest,
            refused=found.refused,
            clients=len(clients),
            signed_in=sum(1 for count in clients.values() if count),
            refused_sign_ins=found.refused_sign_ins,
            rules=found.totals(rows),
            rows=rows,
            overlooked=found.overlooked,
            remarks=tuple(self._remarks(log)),
            seconds=seconds,
        )

    def _remarks(self, log: OldLog) -> list[str]:
        remarks = [log.trouble] if log.trouble else []
        if self.clock.restarts:
            times = f"{self.clock.restarts} times"
            remarks.append(f"The log's clock went back {times}: an older log follows, for which counting began anew.")
        if proxy := self.forgotten_proxy:
            remarks.append(
                f"{proxy} forwards for others without being declared, so nobody behind it could be banned: "
                f'write trusted_proxies = ["{proxy}"].'
            )
        return remarks


def _nothing(_text: str) -> Line | None:
    return None
