"""Tunnels by DNS: data in the names that are asked for, and in the text that is answered.

What carries data out asks for many names that are long and look like noise; what carries it in asks for types that hold
text. Source: Born and Gustafson, "Detecting DNS Tunnels Using Character Frequency Analysis" (2010), and the sizes of
RFC 1035, section 2.3.4: 63 octets a label, 255 a name.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from math import log2
from typing import Final

from stockade.events import Ref, Severity
from stockade.host.oddity import Oddity
from stockade.host.traffic.conversation import Zone
from stockade.host.traffic.harmless import twins
from stockade.host.traffic.signals.saying import many, oddity, over_time

LEAST: Final = 40
"""Names below one zone that must have been asked for."""
NEW: Final = 0.7
"""The share of questions that ask for a name not asked for before: nothing in a tunnel is asked twice."""
LONG: Final = 24.0
"""Characters before the zone, on average."""
NOISE: Final = 3.4
"""Bits a character of what stands before the zone. English is near 2.9 within so few letters, hexadecimal digits at
most 4, base 32 at most 5."""
CARRYING: Final = 0.5
"""The share of questions for types that carry text, from which shorter names suffice."""


def entropy(text: str) -> float:
    """Bits a character (Shannon), by how often each stands in the text."""
    counts = Counter(text)
    return -sum(n / len(text) * log2(n / len(text)) for n in counts.values()) if text else 0.0


def before(name: str, zone: str) -> str:
    """What stands before the zone, without points."""
    return name.removesuffix(zone).replace(".", "")


def tunnels(candidates: Iterable[Zone]) -> Iterator[Oddity]:
    """Zones that names like a tunnel's were asked of."""
    for zone in candidates:
        noise = entropy("".join(before(name, zone.zone) for name in zone.sample))
        carrying = zone.carrying >= CARRYING
        long = zone.length >= (LONG / 2 if carrying else LONG)
        if zone.names >= LEAST and zone.names >= NEW * zone.questions and long and (noise >= NOISE or carrying):
            yield _told(zone, noise)


def _severity(zone: Zone, why_not: str) -> Severity:
    if why_not:
        return "informational"
    return "high" if zone.carrying >= CARRYING or zone.names >= 5 * LEAST else "medium"


def _told(zone: Zone, noise: float) -> Oddity:
    why_not = twins().of_name(zone.zone, zone=True)
    carrying = f", {zone.carrying:.0%} of them of types that carry data" if zone.carrying >= 0.1 else ""
    return oddity(
        "dns-tunnel", _severity(zone, why_not),
        f"{zone.source} asked for {many(zone.names, 'name')} below {zone.zone}, {zone.length:.0f} characters long on "
        f"average{carrying}",
        Ref("network", "zone", zone.zone),
        why="Names can carry data past a firewall that lets nothing out but DNS.",
        look=f"the names: stockade traffic review FILE… --about {shlex.quote(zone.zone)}",
        harmless=f"Probably harmless: {why_not}." if why_not else
        "Networks that deliver contents, lists of bad senders and protection against viruses ask in such names; this "
        "zone is none of those known here.",
        techniques=("T1071.004", "T1572"), plot=over_time(zone.times, zone.first, zone.last, "questions"),
        facts=_facts(zone, noise),
    )  # fmt: skip


def _facts(zone: Zone, noise: float) -> dict[str, object]:
    names = ("source", "zone", "questions", "names", "first", "last")
    measured = {"length": round(zone.length, 1), "entropy": round(noise, 2), "carrying": round(zone.carrying, 3)}
    return {name: getattr(zone, name) for name in names} | measured | {"sample": list(zone.sample[:3])}
