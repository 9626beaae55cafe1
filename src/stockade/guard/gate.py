"""The guard: rules, a store and a journal put together, for those who wait and for those who await."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from inspect import iscoroutinefunction
from ipaddress import IPv4Network, IPv6Network
from typing import Final, cast

from stockade.errors import ConfigurationError, Refused, Unavailable
from stockade.events import Event, Ref
from stockade.guard.address import Addresses, Client, canonical, forwarded_for, is_loopback
from stockade.guard.answers import Answer, Answers
from stockade.guard.decision import Decision, Note
from stockade.guard.journal import Journal, Record
from stockade.guard.lanes import Row
from stockade.guard.lease import Lease, Lend
from stockade.guard.memory import MemoryStore
from stockade.guard.meter import (
    FOREVER,
    MANUAL,
    MICROSECONDS,
    NETWORK,
    AsyncStore,
    AtHand,
    Ban,
    Group,
    Recall,
    Store,
    Tally,
    looking,
)
from stockade.guard.networks import Networks, parse_network
from stockade.guard.outage import Outage
from stockade.guard.policy import Policy, refuse_namesakes
from stockade.guard.request import Identify, Request
from stockade.guard.rules import Rule

NAMED: Final = ("user:", "token:", "login:", "header:", "query:", "both:", "everyone")
"""What the keys of clients that are not addresses begin with."""


ASKED: Final = ("count", "ban", "forget", "bans", "networks")
"""What any store can be asked."""

REWRITTEN: Final = "guard.proxy.rewritten"

MAX_SHUT_OUT: Final = 10_000
MAX_LEASES: Final = 16_384


class Guard:
    """Decides whether a request may pass.

    ``rules`` in their order; ``store`` keeps the counters (this process's memory unless told); ``trusted_proxies``
    may say on whose behalf they speak, in ``proxy_header``; ``operators`` are addresses that can never be banned;
    ``identify`` finds out who a request proves to be; ``record`` takes the security log. ``insist`` takes what is done
    by hand, before it is done: when it raises StockadeError, it is not. ``clock`` answers seconds since the epoch.
    """

    def __init__(
        self,
        *rules: Rule,
        store: Store | AsyncStore | None = None,
        trusted_proxies: Iterable[str] = (),
        proxy_header: str = "x-forwarded-for",
        ipv6_prefix: int = 64,
        operators: Iterable[str] = (),
        identify: Identify | None = None,
        record: Record | None = None,
        insist: Record | None = None,
        answers: Answers | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store: Store | AsyncStore = store if store is not None else MemoryStore(clock=clock)
        _must_be_store(self.store)
        self.awaits = iscoroutinefunction(self.store.count)
        self._recall: Recall | None = getattr(self.store, "recall", None)
        self._lend: Lend | None = getattr(self.store, "lease", None)
        self._at_hand: AtHand | None = getattr(self.store, "networks_at_hand", None)
        self.clock = clock
        self.journal = Journal(record, insist)
        self.outage = Outage(self.journal.report)
        self.identify = identify
        self.enabled = True
        self.companions: dict[str, Rule] = {}
        self._banned_networks: tuple[Sequence[str], Networks] = ((), Networks())
        self._told: set[str] = set()
        self._shut_out: dict[str, Decision] = {}
        self.follow(
            rules,
            trusted_proxies=trusted_proxies,
            proxy_header=proxy_header,
            ipv6_prefix=ipv6_prefix,
            operators=operators,
            answers=answers,
        )

    def follow(
        self,
        rules: Iterable[Rule],
        *,
        trusted_proxies: Iterable[str] = (),
        proxy_header: str = "x-forwarded-for",
        ipv6_prefix: int = 64,
        operators: Iterable[str] = (),
        answers: Answers | None = None,
    ) -> None:
        """Take other rules from now on; counters and bans stay. Raises ConfigurationError and then changes nothing."""
        addresses = Addresses(trusted_proxies, proxy_header, ipv6_prefix)
        never_ban = [*addresses.trusted, *operators]
        policy = Policy(rules, never_ban=never_ban, identified=self.identify is not None)
        refuse_namesakes([*policy.rules, *self.companions.values()])
        self.addresses, self.policy, self.answers = addresses, policy, answers or Answers()
        self._shut_out = {}
        self.lends = self._lend is not None and policy.by_line
        self.leases: dict[object, Lease] = {}

    def beside(self, *rules: Rule) -> Guard:
        """A guard of its own rules that shares this one's store, journal, addresses and answers.

        The rules are ``companions`` of this guard's from then on. Raises ConfigurationError when another rule has one
        of their names, for the two would share a counter.
        """
        known = [self.companions.get(rule.name) for rule in rules]
        new = [rule for rule, other in zip(rules, known, strict=True) if repr(rule) != repr(other)]
        refuse_namesakes([*self.policy.rules, *self.companions.values(), *new])
        self.companions.update((rule.name, rule) for rule in new)
        self.leases = {}
        other = copy(self)
        other.policy = Policy(rules, never_ban=self.policy.never_ban)
        return other

    # ── one request ──────────────────────────────────────────────────────────────────────────────

    def decide(self, request: Request, now: float | None = None) -> Decision:
        """May it pass? For a store that is asked without awaiting. ``now`` (microseconds) is when it was asked, if not
        at this moment: a line of a log is counted on its own clock.
        """
        if self._recall is not None and now is None and (known := self._again(request)) is not None:
            return known
        store = cast("Store", self.store)
        decision = self.policy.check(request)
        if decision.asks:
            if self.outage.failures and not self.outage.asks(self.clock()):
                return self._unjudged(decision)
            try:
                networks = store.networks()
                if not networks or not self._in_banned_network(decision, networks):
                    self.policy.decide(decision, store.count(decision.asks, now))
            except Unavailable as error:
                return self._unjudged(decision, error)
            if self.outage.failures:
                self.outage.recovered(self.clock())
        if decision.notes or request.client.forgotten_proxy:
            self._write(decision)
        return decision

    async def adecide(self, request: Request, now: float | None = None) -> Decision:
        """May it pass? For any store."""
        if not self.awaits:
            return self.decide(request, now)
        if self._recall is not None and now is None and (known := self._again(request)) is not None:
            return known
        store = cast("AsyncStore", self.store)
        decision = self.policy.check(request)
        if decision.asks:
            if self.outage.failures and not self.outage.asks(self.clock()):
                return self._unjudged(decision)
            try:
                networks = self._at_hand() if self._at_hand is not None else None
                if networks is None:
                    networks = await store.networks()
                if not networks or not self._in_banned_network(decision, networks):
                    self.policy.decide(decision, await store.count(decision.asks, now))
            except Unavailable as error:
                return self._unjudged(decision, error)
            if self.outage.failures:
                self.outage.recovered(self.clock())
        if decision.notes or request.client.forgotten_proxy:
            self._write(decision)
        return decision

    def lend(self, decision: Decision, shown: object) -> None:
        """Let a client that was let pass, and is far from every limit, pass by a lease for a while: whoever shows the
        same again, which says all that the rules ask about.
        """
        client = decision.request.client
        if not self.lends or self.companions or decision.exempt or decision.notes:
            return
        if decision.kind != "pass" or (self.addresses.trusted and not client.proxied and is_loopback(client.address)):
            return
        self.lend_again(client, decision.rows[0], shown)

    def lend_again(self, client: Client, row: Row, shown: object) -> Lease | None:
        """A further lease for a client that has come to the end of one; None when it is no longer far from a limit."""
        lease = self._lend(client.key, row.group) if self._lend is not None else None
        if lease is None:
            self.leases.pop(shown, None)
            return None
        lease.client, lease.row = client, row
        lease.look = partial(self._look, client.key, looking(row.group))
        if len(self.leases) >= MAX_LEASES:
            self.leases.clear()
        self.leases[shown] = lease
        return lease

    def _look(self, client: str, group: Group) -> Tally:
        return cast("Store", self.store).count([(client, group, "")])[0]

    def _again(self, request: Request) -> Decision | None:
        """Refuse a client that a store far away found banned a moment ago, without asking it again."""
        client = request.client
        tally = self._recall(client.key) if self._recall is not None else None
        if tally is None or self.policy.exempts(client):
            return None
        before = self._shut_out.get(client.key)
        if before is None or before.tallies[0] is not tally:
            return self._shut(request, tally)
        decision = before.again(request)
        self.journal.write(decision, self.clock())
        return decision

    def _shut(self, request: Request, tally: Tally) -> Decision | None:
        """The first of the decisions that are alike until the ban is looked up again."""
        decision = self.policy.refuse_again(request, tally)
        if decision is not None:
            if len(self._shut_out) >= MAX_SHUT_OUT:
                self._shut_out.clear()
            self._shut_out[request.client.key] = decision
            self.journal.write(decision, self.clock())
        return decision

    def settle(self, decision: Decision, status: int, now: float | None = None) -> None:
        """Judge the answer, for rules that want to know its status."""
        for guard, companion in decision.beside:
            guard.settle(companion, status, now)
        after = self.policy.settle(decision, status)
        if after is not None:
            self._settled(after, lambda: cast("Store", self.store).count(after.asks, now))

    async def asettle(self, decision: Decision, status: int, now: float | None = None) -> None:
        """The same for any store."""
        if not self.awaits:
            return self.settle(decision, status, now)
        for guard, companion in decision.beside:
            await guard.asettle(companion, status, now)
        after = self.policy.settle(decision, status)
        if after is None:
            return None
        try:
            tallies = await cast("AsyncStore", self.store).count(after.asks, now) if after.asks else []
        except Unavailable as error:
            self.outage.failed(error, self.clock())
            return None
        return self._settled(after, lambda: tallies)

    def _settled(self, after: Decision, count: Callable[[], Sequence[Tally]]) -> None:
        try:
            self.policy.decide(after, count() if after.asks else ())
        except Unavailable as error:
            self.outage.failed(error, self.clock())
            return
        self._write(after)

    def refusal(self, decision: Decision) -> Answer:
        """What a refused client is told."""
        return self.answers.refusal(decision, self.clock(), decision.request.header("accept") or "")

    def client(self, address: str) -> Client:
        """The client at an address, as if it had connected without a proxy."""
        return self.addresses.resolve(address, lambda _name: None)

    def _in_banned_network(self, decision: Decision, networks: Sequence[str]) -> bool:
        if not networks or decision.exempt:
            return False
        if networks is not self._banned_networks[0]:
            self._banned_networks = (networks, Networks(n.removeprefix(NETWORK) for n in networks))
        if decision.request.address not in self._banned_networks[1]:
            return False
        decision.allowed, decision.kind = False, "ban"
        decision.notes += (Note("banned", MANUAL, decision.request.client.key),)
        return True

    def _unjudged(self, decision: Decision, error: Unavailable | None = None) -> Decision:
        now = self.clock()
        if error is not None:
            self.outage.failed(error, now)
        self.policy.unjudged(decision)
        self.outage.passed(allowed=decision.allowed)
        return decision

    def _write(self, decision: Decision) -> None:
        now = self.clock()
        client = decision.request.client
        if client.forgotten_proxy and client.peer not in self._told:
            self._told.add(client.peer)
            self.journal.report(forgotten_proxy(client, now))
        if REWRITTEN not in self._told and rewritten(decision.request):
            self._told.add(REWRITTEN)
            self.journal.report(Event(now, REWRITTEN, None, Ref("guard", "client", client.key), client.peer, "unknown"))
        self.journal.write(decision, now)

    # ── bans by hand ─────────────────────────────────────────────────────────────────────────────

    def ban(self, target: str, seconds: float | None = None, reason: str = "", by: str = "") -> Ban:
        """Ban an address, a network, ``user:NAME`` or ``token:NAME``; for ever without ``seconds``.

        Raises Refused for a declared proxy and for the operator's own address, ConfigurationError for what is none of
        these.
        """
        ban = self.new_ban(target, seconds, reason, by)
        with self.journal.insisting(self._ban_event("guard.ban", ban)):
            cast("Store", self.store).ban(ban)
        return ban

    async def aban(self, target: str, seconds: float | None = None, reason: str = "", by: str = "") -> Ban:
        """The same for any store."""
        if not self.awaits:
            return self.ban(target, seconds, reason, by)
        ban = self.new_ban(target, seconds, reason, by)
        with self.journal.insisting(self._ban_event("guard.ban", ban)):
            await cast("AsyncStore", self.store).ban(ban)
        return ban

    def new_ban(self, target: str, seconds: float | None = None, reason: str = "", by: str = "") -> Ban:
        """The ban by hand that these words mean, not placed yet."""
        client = self.key_for(target)
        address = client.removeprefix(NETWORK)
        named = client.startswith(NAMED)
        held = [] if named else [n for n in self.policy.never_ban if _overlap(n, address)]
        if held:
            raise Refused(
                f"{target} holds {held[0]}, which can never be banned",
                remedy="It is a declared proxy or the operator's own address: take it out of the configuration first.",
            )
        now = self.clock()
        until = now + seconds if seconds else FOREVER / MICROSECONDS
        return Ban(client, MANUAL, now, until, reason[:500], "", 1, by)

    def key_for(self, target: str) -> str:
        """The key that a target is counted and banned by."""
        if target.startswith(NAMED):
            return target
        address = canonical(target)
        if address is not None and "/" not in target:
            return self.addresses.key(address)
        network = parse_network(target)
        if str(network) == self.addresses.key(str(network.network_address)):
            return str(network)
        if network.num_addresses == 1:
            return self.addresses.key(str(network.network_address))
        return f"{NETWORK}{network}"

    def unban(self, target: str, by: str = "") -> list[Ban]:
        """Lift every ban of a target and clear its counters; answer the bans that were lifted."""
        key = self.key_for(target)
        held = [ban for ban in self.bans() if ban.client == key]
        with self.journal.insisting(*self._lifting(key, held, by)):
            return cast("Store", self.store).forget(key)

    async def aunban(self, target: str, by: str = "") -> list[Ban]:
        """The same for any store."""
        if not self.awaits:
            return self.unban(target, by)
        key = self.key_for(target)
        held = [ban for ban in await self.abans() if ban.client == key]
        with self.journal.insisting(*self._lifting(key, held, by)):
            return await cast("AsyncStore", self.store).forget(key)

    async def abans(self) -> list[Ban]:
        """Every live ban, the latest first."""
        found = await cast("AsyncStore", self.store).bans() if self.awaits else cast("Store", self.store).bans()
        return sorted(found, key=lambda b: b.since, reverse=True)

    def bans(self) -> list[Ban]:
        """The same for a store that is asked without awaiting."""
        return sorted(cast("Store", self.store).bans(), key=lambda b: b.since, reverse=True)

    def _ban_event(self, action: str, ban: Ban, by: str = "") -> Event:
        actor = Ref("stockade", "user", by or ban.by) if by or ban.by else None
        details = {"rule": ban.rule, "reason": ban.reason, "until": ban.until}
        return Event(self.clock(), action, actor, Ref("guard", "client", ban.client), details=details)

    def _lifting(self, key: str, held: Sequence[Ban], by: str) -> list[Event]:
        """What there is to say before bans are lifted, and when there are none, counters cleared."""
        bans = held or [Ban(key, "", 0.0, 0.0)]
        return [self._ban_event("guard.unban", replace(ban, by=""), by) for ban in bans]


def _must_be_store(given: object) -> None:
    missing = [name for name in ASKED if not callable(getattr(given, name, None))]
    if missing:
        raise ConfigurationError(
            f"{type(given).__name__} is no store: it has no {', '.join(missing)}",
            remedy="Give the guard a MemoryStore, a SharedStore, a RedisStore, or one with these methods.",
        )


def _overlap(network: str, other: str) -> bool:
    one, two = parse_network(network), parse_network(other)
    if isinstance(one, IPv4Network) and isinstance(two, IPv4Network):
        return one.overlaps(two)
    return isinstance(one, IPv6Network) and isinstance(two, IPv6Network) and one.overlaps(two)


def rewritten(request: Request) -> bool:
    """Has the server in front put the forwarded address in the place of the peer's? Then the peer, no proxy, is in its
    own chain.
    """
    if request.client.proxied or request.client.forgotten_proxy:
        return False
    chain = [*(request.header("x-forwarded-for") or "").split(","), *forwarded_for(request.header("forwarded") or "")]
    return request.client.address in {canonical(hop) for hop in chain[:64] if hop}


def forgotten_proxy(client: Client, now: float) -> Event:
    """What to say of a loopback peer that forwards without being declared."""
    advice = (
        f'If a proxy of yours runs on this machine, declare it: trusted_proxies = ["{client.peer}"]. '
        "Until then nobody behind it can be banned."
    )
    return Event(
        now,
        "guard.proxy.undeclared",
        None,
        Ref("guard", "client", client.key),
        client.peer,
        "unknown",
        {"advice": advice},
    )
