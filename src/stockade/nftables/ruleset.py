"""What nft is told, as its JSON (libnftables-json(5)): the table, its sets and chains, and how one content becomes
another.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final

from stockade.errors import ConfigurationError
from stockade.guard.meter import NETWORK
from stockade.guard.networks import Network, parse_network

TABLE: Final = {"family": "inet", "table": "stockade"}
SETS: Final = {"addresses4": "ipv4_addr", "prefixes6": "ipv6_addr", "networks4": "ipv4_addr", "networks6": "ipv6_addr"}
"""Addresses, and the prefixes by which IPv6 clients are counted, are looked up as such; only the networks that somebody
bans by hand are intervals, which are slow to change and may overlap.
"""
INTERVALS: Final = frozenset({"networks4", "networks6"})
HOOKS: Final = ("input", "forward")
PRIORITY: Final = -10
"""Before ``filter`` (0): what is dropped here is dropped, whatever the chains of others say."""
SLACK: Final = 3.0
"""Seconds by which the end of a ban in the kernel may differ from what it should be."""

Command = Mapping[str, Any]
Left = dict[Network, float]
"""Seconds that are left of each ban; infinity where it has no end."""


class Ruleset:
    """The table for IPv6 clients that are counted by prefixes of this length."""

    def __init__(self, ipv6_prefix: int = 64) -> None:
        self.prefix = ipv6_prefix

    def made(self) -> Iterator[Command]:
        """Make all of it, with nothing in it, whatever is there."""
        yield {"add": {"table": _named()}}
        for name, kind in SETS.items():
            flags = ["interval", "timeout"] if name in INTERVALS else ["timeout"]
            yield {"add": {"set": _named(name=name) | {"type": kind, "flags": flags}}}
            yield {"flush": {"set": _named(name=name)}}
        for hook in HOOKS:
            chain = _named(name=hook) | {"type": "filter", "hook": hook, "prio": PRIORITY, "policy": "accept"}
            yield {"add": {"chain": chain}}
            yield {"flush": {"chain": _named(name=hook)}}
            for name in SETS:
                expression = [self._match(name), {"counter": None}, {"drop": None}]
                yield {"add": {"rule": _named(chain=hook) | {"expr": expression}}}

    def taken_away(self) -> Iterator[Command]:
        """Take all of it away; it is made first, for only what is there can be."""
        yield from ({"add": {"table": _named()}}, {"delete": {"table": _named()}})

    def content(self, items: Sequence[Mapping[str, Any]]) -> Left | None:
        """What a listed table holds; None when it is not as :meth:`made` makes it."""
        matches = [item["rule"]["expr"][0] for item in items if "rule" in item]
        sets = [item["set"] for item in items if "set" in item]
        expected = [self._match(name) for _ in HOOKS for name in SETS]
        if matches != expected or {found["name"] for found in sets} != set(SETS):
            return None
        return dict(self._element(each, found["name"]) for found in sets for each in found.get("elem", ()))

    def changes(self, present: Left, wanted: Left, new: Left) -> Iterator[Command]:
        """How what is present becomes what is wanted, of which some is new or has a new end."""
        stale = [network for network in present if network not in wanted]
        touched = {self._set_of(network) for network in (*new, *stale)}
        for name in (name for name in SETS if name in touched):
            yield from self._laid_out(name, wanted) if name in INTERVALS else self._changed(name, present, wanted, new)

    def _laid_out(self, name: str, wanted: Left) -> Iterator[Command]:
        """Intervals anew: nft takes no two that overlap, not even one after the other in the same transaction."""
        yield {"flush": {"set": _named(name=name)}}
        yield from self._added(name, wanted)

    def _changed(self, name: str, present: Left, wanted: Left, new: Left) -> Iterator[Command]:
        """What goes is added first: it may have gone by itself meanwhile, and only what is there can be taken away."""
        gone = [n for n in present if self._set_of(n) == name and (n in new or n not in wanted)]
        if gone:
            elements = _named(name=name) | {"elem": [_value(n, name) for n in gone]}
            yield from ({"add": {"element": elements}}, {"delete": {"element": elements}})
        yield from self._added(name, new)

    def _added(self, name: str, left: Left) -> Iterator[Command]:
        elements = [_timed(_value(n, name), seconds) for n, seconds in left.items() if self._set_of(n) == name]
        if elements:
            yield {"add": {"element": _named(name=name) | {"elem": elements}}}

    def _set_of(self, network: Network) -> str:
        if isinstance(network, IPv4Network):
            return "addresses4" if network.prefixlen == 32 else "networks4"
        return "prefixes6" if network.prefixlen == self.prefix else "networks6"

    def _match(self, name: str) -> Command:
        protocol = "ip" if name.endswith("4") else "ip6"
        source: Command = {"payload": {"protocol": protocol, "field": "saddr"}}
        if name == "prefixes6" and self.prefix < 128:
            source = {"&": [source, str(IPv6Network((0, self.prefix)).netmask)]}
        return {"match": {"op": "==", "left": source, "right": f"@{name}"}}

    def _element(self, each: Any, name: str) -> tuple[Network, float]:
        """An element as nft lists it, and the seconds that are left of it."""
        inner = each.get("elem", {}) if isinstance(each, dict) else {}
        value, left = inner.get("val", each), float(inner.get("expires", math.inf))
        if isinstance(value, dict):
            return parse_network(f"{value['prefix']['addr']}/{value['prefix']['len']}"), left
        length = {"addresses4": 32, "prefixes6": self.prefix, "networks4": 32}.get(name, 128)
        return parse_network(f"{value}/{length}"), left


def differing(present: Left, wanted: Left) -> Left:
    """What is wanted and not present, or present with another end."""
    return {n: left for n, left in wanted.items() if n not in present or abs(left - present[n]) > SLACK}


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
        if last is None or not overlap(last, network):
            last, found[network] = network, left[network]
    return found


def overlap(one: Network, other: Network) -> bool:
    """Do two networks have an address in common?"""
    if isinstance(one, IPv4Network) and isinstance(other, IPv4Network):
        return one.overlaps(other)
    return isinstance(one, IPv6Network) and isinstance(other, IPv6Network) and one.overlaps(other)


def _named(**more: str) -> dict[str, Any]:
    if more:
        return TABLE | more
    return {"family": TABLE["family"], "name": TABLE["table"]}


def _value(network: Network, name: str) -> Any:
    if name in INTERVALS:
        return {"prefix": {"addr": str(network.network_address), "len": network.prefixlen}}
    return str(network.network_address)


def _timed(value: Any, left: float) -> Any:
    return value if left == math.inf else {"elem": {"val": value, "timeout": max(1, math.ceil(left))}}
