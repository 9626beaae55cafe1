"""Bans carried further out: to nftables, so that a banned client does not even reach a service.

Opt-in. Everything lives in a table of its own, ``inet stockade``, whose chains come before the filter of others and
drop what is in its sets, established connections too. The sets have timeouts, so that the kernel lifts a ban by
itself.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final

from stockade.errors import ConfigurationError, Refused, Unavailable
from stockade.events import Event
from stockade.guard.gate import Guard
from stockade.guard.meter import MANUAL, NETWORK, Ban
from stockade.guard.networks import Network, parse_network
from stockade.guard.rules import BanRule

TABLE: Final = {"family": "inet", "table": "stockade"}
SETS: Final = {"addresses4": "ipv4_addr", "prefixes6": "ipv6_addr", "networks4": "ipv4_addr", "networks6": "ipv6_addr"}
"""Addresses, and the prefixes by which IPv6 clients are counted, are looked up as such; only the networks that somebody
bans by hand are intervals, which are slow to change and may overlap.
"""
INTERVALS: Final = frozenset({"networks4", "networks6"})
HOOKS: Final = ("input", "forward")
PRIORITY: Final = -10
"""Before ``filter`` (0): what is dropped here is dropped, whatever the chains of others say."""
LOOPBACK: Final = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
DEADLINE: Final = 10.0
SLACK: Final = 3.0
"""Seconds by which the end of a ban in the kernel may differ from what it should be."""
LONGEST: Final = 365 * 86_400.0
"""A ban that lasts longer has no timeout: it stays until it is lifted."""

Command = Mapping[str, Any]
Covers = Callable[[Ban], bool]
Left = dict[Network, float]
"""Seconds that are left of each ban; infinity where it has no end."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What a synchronisation did: elements ``added`` (or given another end), ``lifted`` and already ``right``, and the
    clients that were ``spared``, because they may never be banned.
    """

    added: int
    lifted: int
    right: int
    spared: tuple[str, ...]


def covers_everything(guard: Guard) -> Covers:
    """Which bans of a guard refuse whatever the client asks for; the others are no business of a firewall.

    A ban by hand does. One by a rule does when the rule is known here, is not in shadow, and does not say ``over``
    what.
    """

    def covers(ban: Ban) -> bool:
        rule = next((rule for rule in guard.policy.rules if rule.name == ban.rule), None)
        return ban.rule == MANUAL or (isinstance(rule, BanRule) and not rule.shadow and rule.over is None)

    return covers


class NftSet:
    """The sets of the table ``inet stockade``, which are to hold what is banned.

    ``protected`` are networks that are never banned: declared proxies and operators; loopback always is. ``covers``
    says which bans are carried out here. ``ipv6_prefix`` is the guard's. ``command`` runs nft. ``clock`` answers
    seconds since the epoch. Every method but the first raises Unavailable when nft cannot do it, and says why.
    """

    def __init__(
        self,
        *,
        protected: Iterable[str] = (),
        covers: Covers = lambda _ban: True,
        ipv6_prefix: int = 64,
        command: Sequence[str] = ("nft",),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.protected = (*LOOPBACK, *map(parse_network, protected))
        self.covers = covers
        self.clock = clock
        self._prefix = ipv6_prefix
        self._command = tuple(command)

    @classmethod
    def of(cls, guard: Guard, **settings: Any) -> NftSet:
        """The sets for the bans of a guard, with its proxies and operators protected."""
        return cls(
            protected=guard.policy.never_ban,
            covers=covers_everything(guard),
            ipv6_prefix=guard.addresses.ipv6_prefix,
            **settings,
        )

    def prepare(self) -> None:
        """Make the table, its sets and its chains where they are not there."""
        self._ready()

    def ban(self, ban: Ban) -> bool:
        """Carry out one ban now; was it one for a firewall? Raises Refused for a client that may never be banned."""
        network, left = network_of(ban.client), self._left(ban)
        if network is None or left <= 0.0 or not self.covers(ban):
            return False
        if held := self._held(network):
            raise Refused(
                f"{ban.client} holds {held}, which is never banned",
                remedy="It is loopback, a declared proxy or an operator's own address.",
            )
        present = self._ready()
        others = {n: seconds for n, seconds in present.items() if n != network}
        self._change(present, outermost(others | {network: left}))
        return True

    def unban(self, client: str) -> None:
        """Lift the ban of a client; nothing happens when there is none."""
        network = network_of(client)
        present = self._ready() if network is not None else {}
        self._change(present, {n: left for n, left in present.items() if n != network})

    def sync(self, bans: Iterable[Ban]) -> Synced:
        """Bring the sets to hold exactly these bans, in one transaction, whatever they hold now and whoever flushed
        them.
        """
        wanted, spared = self._wanted(bans)
        added, lifted = self._change(self._ready(), wanted)
        return Synced(added, lifted, len(wanted) - added, tuple(spared))

    def remove(self) -> None:
        """Take the whole table away, and with it every ban in it."""
        self._run([{"add": {"table": _named()}}, {"delete": {"table": _named()}}])

    # ── what is to be there ──────────────────────────────────────────────────────────────────────

    def _wanted(self, bans: Iterable[Ban]) -> tuple[Left, list[str]]:
        wanted: Left = {}
        spared = []
        for ban in bans:
            network, left = network_of(ban.client), self._left(ban)
            if network is None or left <= 0.0 or not self.covers(ban):
                continue
            if self._held(network):
                spared.append(ban.client)
            else:
                wanted[network] = max(left, wanted.get(network, 0.0))
        return outermost(wanted), spared

    def _left(self, ban: Ban) -> float:
        left = ban.until - self.clock()
        return left if left < LONGEST else math.inf

    def _held(self, network: Network) -> Network | None:
        """The protected network that a network overlaps with, if any."""
        return next((p for p in self.protected if _overlap(p, network)), None)

    # ── what is there ────────────────────────────────────────────────────────────────────────────

    def _ready(self) -> Left:
        """What the kernel holds, with all made that has to be there."""
        present = self._present()
        if present is None:
            self._run([*_sets(), *self._chains()])
            present = self._present()
        return present or {}

    def _present(self) -> Left | None:
        """What the kernel holds; None when the table is not there as it should be."""
        listed = self._nft("list", "table", *TABLE.values())
        if listed is None:
            return None
        items: list[Mapping[str, Any]] = json.loads(listed)["nftables"]
        rules = sum(1 for item in items if "rule" in item)
        sets = [item["set"] for item in items if "set" in item]
        if rules != len(HOOKS) * len(SETS) or {found["name"] for found in sets} != set(SETS):
            return None
        return dict(_element(each, found["name"], self._prefix) for found in sets for each in found.get("elem", ()))

    # ── making one the other ─────────────────────────────────────────────────────────────────────

    def _change(self, present: Left, wanted: Left) -> tuple[int, int]:
        """One transaction; answers how many elements were added and how many lifted."""
        new = {n: left for n, left in wanted.items() if n not in present or abs(left - present[n]) > SLACK}
        stale = [network for network in present if network not in wanted]
        if new or stale:
            touched = {self._set_of(network) for network in (*new, *stale)}
            self._run(
                command for name in SETS if name in touched for command in self._changes(name, present, wanted, new)
            )
        return len(new), len(stale)

    def _changes(self, name: str, present: Left, wanted: Left, new: Left) -> Iterator[Command]:
        """How one set is changed. Intervals are laid out anew, for nft takes no two that overlap, not even one after
        the other. What goes from the others is added first, for it may have gone by itself meanwhile, and only what
        is there can be taken away.
        """
        if name in INTERVALS:
            yield {"flush": {"set": _named(name=name)}}
            new, gone = {n: left for n, left in wanted.items() if self._set_of(n) == name}, []
        else:
            gone = [n for n in present if self._set_of(n) == name and (n in new or n not in wanted)]
        if gone:
            elements = _named(name=name) | {"elem": [_value(n, name) for n in gone]}
            yield from ({"add": {"element": elements}}, {"delete": {"element": elements}})
        timed = [_timed(_value(n, name), left) for n, left in new.items() if self._set_of(n) == name]
        if timed:
            yield {"add": {"element": _named(name=name) | {"elem": timed}}}

    def _set_of(self, network: Network) -> str:
        if isinstance(network, IPv4Network):
            return "addresses4" if network.prefixlen == 32 else "networks4"
        return "prefixes6" if network.prefixlen == self._prefix else "networks6"

    def _chains(self) -> Iterator[Command]:
        for hook in HOOKS:
            chain = _named(name=hook) | {"type": "filter", "hook": hook, "prio": PRIORITY, "policy": "accept"}
            yield {"add": {"chain": chain}}
            yield {"flush": {"chain": _named(name=hook)}}
            for name in SETS:
                expression = [self._match(name), {"counter": None}, {"drop": None}]
                yield {"add": {"rule": _named(chain=hook) | {"expr": expression}}}

    def _match(self, name: str) -> Command:
        protocol = "ip" if name.endswith("4") else "ip6"
        source: Command = {"payload": {"protocol": protocol, "field": "saddr"}}
        if name == "prefixes6" and self._prefix < 128:
            source = {"&": [source, str(IPv6Network((0, self._prefix)).netmask)]}
        return {"match": {"op": "==", "left": source, "right": f"@{name}"}}

    def _run(self, commands: Iterable[Command]) -> None:
        self._nft("-f", "-", given=json.dumps({"nftables": list(commands)}))

    def _nft(self, *arguments: str, given: str = "") -> str | None:
        """What nft answers; None for a table that is not there."""
        argv = [_program(self._command[0]), *self._command[1:], "-j", *arguments]
        try:
            ran = subprocess.run(argv, input=given, capture_output=True, text=True, timeout=DEADLINE, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"nft does not answer: {error}", remedy="Try it by hand: nft list ruleset.") from error
        if ran.returncode == 0:
            return ran.stdout
        if arguments[0] == "list" and "No such file or directory" in ran.stderr:
            return None
        raise Unavailable(f"nft: {ran.stderr.strip()[:500] or ran.returncode}", remedy=_remedy(ran.stderr))


def network_of(client: str) -> Network | None:
    """The network that a banned client is; None for a user, a token and the like."""
    with suppress(ConfigurationError):
        return parse_network(client.removeprefix(NETWORK))
    return None


def outermost(left: Left) -> Left:
    """Without the networks that lie in another: two of them are disjoint or one lies in the other, and a set of
    intervals takes only disjoint ones. When the outer ban ends before the inner, the next synchronisation adds the
    inner.
    """
    found: Left = {}
    last: Network | None = None
    for network in sorted(left, key=lambda n: (n.version, int(n.network_address), n.prefixlen)):
        if last is None or not _overlap(last, network):
            last, found[network] = network, left[network]
    return found


def _overlap(one: Network, other: Network) -> bool:
    if isinstance(one, IPv4Network) and isinstance(other, IPv4Network):
        return one.overlaps(other)
    return isinstance(one, IPv6Network) and isinstance(other, IPv6Network) and one.overlaps(other)


def _named(**more: str) -> dict[str, Any]:
    if more:
        return TABLE | more
    return {"family": TABLE["family"], "name": TABLE["table"]}


def _sets() -> Iterator[Command]:
    yield {"add": {"table": _named()}}
    for name, kind in SETS.items():
        flags = ["interval", "timeout"] if name in INTERVALS else ["timeout"]
        yield {"add": {"set": _named(name=name) | {"type": kind, "flags": flags}}}


def _value(network: Network, name: str) -> Any:
    if name in INTERVALS:
        return {"prefix": {"addr": str(network.network_address), "len": network.prefixlen}}
    return str(network.network_address)


def _timed(value: Any, left: float) -> Any:
    return value if left == math.inf else {"elem": {"val": value, "timeout": max(1, math.ceil(left))}}


def _element(each: Any, name: str, prefix: int) -> tuple[Network, float]:
    """An element as nft lists it, and the seconds that are left of it."""
    inner = each.get("elem", {}) if isinstance(each, dict) else {}
    value, left = inner.get("val", each), float(inner.get("expires", math.inf))
    if isinstance(value, dict):
        return parse_network(f"{value['prefix']['addr']}/{value['prefix']['len']}"), left
    length = {"addresses4": 32, "prefixes6": prefix, "networks4": 32}.get(name, 128)
    return parse_network(f"{value}/{length}"), left


def _program(name: str) -> str:
    """Where a program is; a service's PATH often lacks the directories where nft lives."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if found is None:
        raise Unavailable(f"there is no program {name}", remedy="Install nftables, or leave the firewall out.")
    return found


def _remedy(said: str) -> str:
    if "not permitted" in said:
        return "Give the service CAP_NET_ADMIN (AmbientCapabilities=CAP_NET_ADMIN in its unit), or run it as root."
    return "See what is there: nft list table inet stockade."


class Keeper:
    """Keeps the sets as the guard's store has the bans: now and then, and at once when the guard reports one.

    ``every`` is in seconds. ``say`` takes what an operator should hear, each trouble once.
    """

    def __init__(self, sets: NftSet, guard: Guard, *, every: float = 5.0, say: Callable[[str], None] = print) -> None:
        self.sets = sets
        self.guard = guard
        self.every = every
        self.say = say
        self._said = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()

    def record(self, event: Event) -> None:
        """Hear of what the guard reports; from any thread."""
        if self._loop is not None and event.action in {"guard.ban", "guard.unban"}:
            self._loop.call_soon_threadsafe(self._wake.set)

    async def run(self, stop: asyncio.Event | None = None) -> None:
        """Until ``stop`` is set or the task cancelled. The bans stay, and end by themselves."""
        self._loop = asyncio.get_running_loop()
        while stop is None or not stop.is_set():
            self._wake.clear()
            await self.keep()
            with suppress(TimeoutError):
                async with asyncio.timeout(self.every):
                    await self._wake.wait()

    async def keep(self) -> None:
        """Synchronise once; what goes wrong is said."""
        try:
            bans = await self.guard.abans()
            done = await asyncio.to_thread(self.sets.sync, bans)
            self._tell(f"never banned, and so left alone: {', '.join(done.spared)}" if done.spared else "")
        except Unavailable as error:
            self._tell(str(error))

    def _tell(self, trouble: str) -> None:
        if trouble and trouble != self._said:
            self.say(f"firewall: {trouble}")
        self._said = trouble
