"""The sets of the kernel brought to hold what is banned, by the program nft."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final

from stockade.errors import Refused
from stockade.guard.gate import Guard
from stockade.guard.meter import MANUAL, Ban
from stockade.guard.networks import Network, parse_network
from stockade.guard.rules import BanRule
from stockade.nft import Nft
from stockade.nftables.ruleset import TABLE, Command, Left, Ruleset, differing, network_of, outermost, overlap

LOOPBACK: Final = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
DENIED: Final = "Give the service CAP_NET_ADMIN (AmbientCapabilities=CAP_NET_ADMIN in its unit), or run it as root."
LONGEST: Final = 365 * 86_400.0
"""A ban that lasts longer has no timeout: it stays until it is lifted."""


Covers = Callable[[Ban], bool]


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
        self._ruleset = Ruleset(ipv6_prefix)
        self._nft = Nft(
            (*command, "-j"),
            missing="Install nftables, or leave the firewall out.",
            denied=DENIED,
            wrong="See what is there: nft list table inet stockade.",
        )

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
        self._run(self._ruleset.taken_away())

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
        return next((p for p in self.protected if overlap(p, network)), None)

    # ── making one the other ─────────────────────────────────────────────────────────────────────

    def _ready(self) -> Left:
        """What the kernel holds, with all made that has to be there."""
        listed = self._nft("list", "table", *TABLE.values())
        present = self._ruleset.content(json.loads(listed)["nftables"]) if listed is not None else None
        if present is None:
            self._run(self._ruleset.made())
        return present or {}

    def _change(self, present: Left, wanted: Left) -> tuple[int, int]:
        """One transaction; answers how many elements were added and how many lifted."""
        new = differing(present, wanted)
        stale = len(present.keys() - wanted.keys())
        if new or stale:
            self._run(self._ruleset.changes(present, wanted, new))
        return len(new), stale

    def _run(self, commands: Iterable[Command]) -> None:
        self._nft("-f", "-", given=json.dumps({"nftables": list(commands)}))
