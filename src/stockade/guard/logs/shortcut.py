"""An access log is judged sooner by looking up what its lines have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from stockade.guard.address import Addresses
from stockade.guard.conditions import Condition
from stockade.guard.decision import Decision
from stockade.guard.logs.clock import TOLERANCE, LogClock
from stockade.guard.logs.formats.line import Line, Read
from stockade.guard.logs.hindsight import Hindsight
from stockade.guard.logs.kinds import PERSONAL, Known, Learner, asks_about
from stockade.guard.logs.ledger import Ledger
from stockade.guard.logs.lines import request_of
from stockade.guard.meter import MICROSECONDS, Ask, Tally
from stockade.guard.networks import pack
from stockade.guard.policy import WAIT, Policy
from stockade.lines import stamps
from stockade.lines.access import STAMP

MAX_KNOWN: Final = 50_000
"""Kinds, clients and times that are remembered of each; then it begins anew."""
MAX_REQUEST: Final = 512
"""Characters of a request that is worth remembering."""

LOOPBACK: Final = ("127.", "::1")
"""Clients that may turn out to be a proxy that nobody declared."""


class Judge(Protocol):
    """What judges a line in full, and holds what both share: a replay."""

    policy: Policy
    addresses: Addresses
    signs_in: Condition
    clock: LogClock
    store: Ledger
    hindsight: Hindsight
    judged: int
    first: float
    read: Read

    def line(self, text: str) -> Line | None: ...
    def judge(self, text: str, line: Line) -> None: ...
    def settle(self, decision: Decision, line: Line, now: float) -> None: ...


class Shortcut:
    """Judges lines of an access log like a replay, and sooner.

    The time, the client and the kind of a line are looked up as they are written. A line of which any is new is judged
    in full, and what was found out about it is kept.
    """

    def __init__(self, replay: Judge) -> None:
        self.replay = replay
        self._learner = Learner(replay.policy, replay.signs_in, replay.store.look)
        self._time_of = stamps.access()
        self._times: dict[str, float] = {}
        self._clients: dict[str, str] = {}
        self._kinds: dict[tuple[str, ...], Known | None] = {}

    def judge_all(self, texts: Sequence[str]) -> None:
        """Judge every line."""
        replay, clock, times, clients, kinds = self.replay, self.replay.clock, self._times, self._clients, self._kinds
        latest, tally, judged, met = clock.latest, replay.store.tally, 0, 0
        for text in texts:
            try:
                head, request, rest = text.split('"', 2)
                time, client, known = times[head[-STAMP:]], clients[head[:-STAMP]], kinds[request, rest[:5]]
                if known is PERSONAL:
                    known = kinds[request, rest[:5], client]
            except (KeyError, ValueError):
                known, time, client = None, 0.0, ""
            if known is None or latest - time > TOLERANCE:
                clock.went_on(latest, lines=judged - met)
                self._meet(text)
                latest, tally, met = clock.latest, replay.store.tally, judged
                continue
            judged += 1
            if time > latest:  # noqa: PLR1730  a call of max() costs more
                latest = time
            lean = known.alone
            if lean is None:
                self._count_all(text, client, known, latest)
                continue
            banned, until, readings = tally(client, lean.group, latest * MICROSECONDS, lean.looks)
            if banned or known.answers or any(map(WAIT, readings)):
                self._go_on(text, client, known, [(banned, until, readings)], latest)
        clock.went_on(latest, lines=judged - met)
        replay.judged += judged

    def _count_all(self, text: str, client: str, known: Known, now: float) -> None:
        tallies = self.replay.store.count(asks_about(client, known.inward), now * MICROSECONDS)
        self._go_on(text, client, known, tallies, now)

    def _go_on(self, text: str, client: str, known: Known, tallies: Sequence[Tally], now: float) -> None:
        """Something was said on the way in, or may be on the way out."""
        if any(banned or any(map(WAIT, readings)) for banned, _, readings in tallies) or known.clears(tallies):
            self._in_full(text, asks_about(client, known.inward), known, tallies, now)
        elif known.answers:
            self._answer(text, client, known, now)

    def _in_full(self, text: str, asks: list[Ask], known: Known, tallies: Sequence[Tally], now: float) -> None:
        """What the store said is worth a note, or the answer clears a count."""
        line = self._read_again(text)
        decision = Decision(request_of(line, self.replay.addresses))
        decision.asks, decision.rows = asks, list(known.rows)
        self.replay.policy.decide(decision, tallies)
        self.replay.settle(decision, line, now)

    def _answer(self, text: str, client: str, known: Known, now: float) -> None:
        """The request passes: count its status, and see whether it signed in."""
        if known.signs_in:
            self.replay.hindsight.signed_in(client)
        asks = asks_about(client, known.out)
        tallies = self.replay.store.count(asks, now * MICROSECONDS)
        if any(map(WAIT, (reading for tally in tallies for reading in tally[2]))):
            self._answered(text, asks, known, tallies, now)

    def _answered(self, text: str, asks: list[Ask], known: Known, tallies: Sequence[Tally], now: float) -> None:
        """What the store said to the status is worth a note."""
        line = self._read_again(text)
        after = Decision(request_of(line, self.replay.addresses))
        after.request.status, after.answered = line.status, True
        after.asks, after.rows = asks, list(known.out_rows)
        self.replay.policy.decide(after, tallies)
        self.replay.hindsight.take(after, now, signs_in=known.signs_in)

    def _read_again(self, text: str) -> Line:
        line = self.replay.read(text)
        assert line is not None, text  # noqa: S101  one of its kind has been read before
        return line

    def _meet(self, text: str) -> None:
        """Judge a line of which something is new or too late; in full, unless all about it can be looked up then."""
        if self._recognise(text):
            self.judge_all((text,))
            return
        line = self.replay.line(text)
        if line is None:
            return
        self.replay.first = self.replay.first or line.time
        late = self.replay.clock.latest - line.time > TOLERANCE
        if not late and self._remember(text, line):
            self.judge_all((text,))
        else:
            self.replay.judge(text, line)

    def _recognise(self, text: str) -> bool:
        """Is it of a known kind, so that all that can be new about it is its time and its client? Then remember
        those.
        """
        self._make_room()
        head, _, request = text.partition('"')
        request, _, rest = request.partition('"')
        known = self._kinds.get((request, rest[:5]))
        client = self._clients.get(head[:-STAMP]) or self._new_client(head[:-STAMP]) if known is not None else None
        if client is None or (known is PERSONAL and self._kinds.get((request, rest[:5], client)) is None):
            return False
        try:
            time = self._times.get(head[-STAMP:]) or self._time_of(head[-STAMP:])
        except ValueError:
            return False
        self._times[head[-STAMP:]], self._clients[head[:-STAMP]] = time, client
        return self.replay.clock.latest - time <= TOLERANCE

    def _remember(self, text: str, line: Line) -> bool:
        """Remember what is new about a line. Can the next like it be looked up?"""
        parts = text.split('"', 2)
        if len(parts) < 3 or "\\" in parts[1] or len(parts[1]) > MAX_REQUEST:  # an escaped quote does not end a request
            return False
        head, request, rest = parts
        client = self._new_client(head[:-STAMP])
        if client is None or rest[:5] != f" {line.status} ":
            return False
        self._make_room()
        self._times[head[-STAMP:]], self._clients[head[:-STAMP]] = line.time, client
        return self._learn((request, rest[:5]), client, line) is not None

    def _make_room(self) -> None:
        for memory in (self._times, self._clients, self._kinds):
            if len(memory) >= MAX_KNOWN:
                memory.clear()

    def _learn(self, kind: tuple[str, ...], client: str, line: Line) -> Known | None:
        """What is known of a kind, found out now if it is new."""
        found = self._kinds.get(kind, PERSONAL)
        if found is PERSONAL:
            found = self._kinds.get((*kind, client), PERSONAL)
        if found is PERSONAL:
            found, personal = self._learner.learn(request_of(line, self.replay.addresses), line)
            self._kinds[kind] = PERSONAL if personal else found
            if personal:
                self._kinds[*kind, client] = found
        return found

    def _new_client(self, written: str) -> str | None:
        """The key of a client of whom nothing but its address matters."""
        address, _, names = written.partition(" ")
        if names != "- - " or pack(address) is None:
            return None
        client = self.replay.addresses.resolve(address, _no_header)
        if client.proxied or client.address.startswith(LOOPBACK) or self.replay.policy.exempts(client):
            return None
        return client.key


def _no_header(_name: str) -> None:
    return None
