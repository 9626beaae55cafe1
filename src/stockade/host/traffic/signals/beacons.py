"""Beacons: a program that calls out at regular intervals, as one does that waits for orders.

A beacon sleeps, and most change the length of their sleep by some share, the *jitter*. So most gaps between calls lie
within a quarter of one length. Whether that may be chance is asked of the binomial distribution: for moments that have
nothing to do with each other (a Poisson process) the share of gaps within a quarter of any one length is at most
e^-0.75 - e^-1.25 = 0.186; as the best length is chosen from the gaps themselves, 0.25 is taken.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, lgamma, log
from statistics import median
from typing import Final

from stockade.events import Severity
from stockade.host.oddity import Oddity
from stockade.host.traffic.conversation import Beats, Conversation
from stockade.host.traffic.harmless import twins
from stockade.host.traffic.normal import Normal
from stockade.host.traffic.signals.saying import PARTS, Plot, facts_of, holder, length, many, named, oddity, subject

LEAST: Final = 10
"""Calls that there must be. With 10, all nine gaps must agree for chance to be ruled out."""
NEAR: Final = 0.25
CHANCE_OF_ONE: Final = 0.25
CHANCE: Final = 1e-5
"""How likely it may be that unrelated moments look as regular as this."""
SHORTEST: Final = 3.0
"""Seconds below which a length is no sleep, but a program that is busy."""
LOOSEST: Final = 0.16
"""The largest median deviation from the length, as a share of it. That of a jitter of 20 % is 0.1, of 30 % 0.15."""
TIGHT: Final = 0.02
"""A deviation below which it is a timer without any jitter, such as cron's."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Of what length the gaps between calls are, in seconds, how many of them are near it, how far off it they are in
    the median, as a share, and how likely it is that this is chance.
    """

    period: float
    near: int
    gaps: int
    off: float
    chance: float


def rhythm(times: Sequence[float]) -> Rhythm | None:
    """The length at which most gaps are; None when they are at none."""
    gaps = sorted(later - earlier for earlier, later in pairwise(times) if later > earlier)
    if len(gaps) < LEAST - 1:
        return None
    stretch = (1 + NEAR) / (1 - NEAR)
    ends = [bisect_right(gaps, gap * stretch) for gap in gaps]
    begin = max(range(len(gaps)), key=lambda at: ends[at] - at)
    near = gaps[begin : ends[begin]]
    period = median(near)
    off = median(abs(gap - period) for gap in near) / period
    return Rhythm(period, len(near), len(gaps), off, by_chance(len(near), len(gaps)))


def by_chance(hits: int, of: int, each: float = CHANCE_OF_ONE) -> float:
    """The probability of at least so many hits (the upper tail of the binomial distribution)."""
    whole = lgamma(of + 1)
    return min(1.0, sum(
        exp(whole - lgamma(k + 1) - lgamma(of - k + 1) + k * log(each) + (of - k) * log(1 - each))
        for k in range(hits, of + 1)
    ))  # fmt: skip


def beacons(candidates: Iterable[Beats], normal: Normal) -> Iterator[Oddity]:
    """Conversations that keep a rhythm."""
    for beats in candidates:
        found = rhythm(beats.times)
        if found and found.period >= SHORTEST and found.off <= LOOSEST and found.chance <= CHANCE:
            yield _told(beats, found, normal)


def explained(call: Conversation, normal: Normal) -> str:
    """Why a regular call is what is to be expected; empty when nothing is known."""
    known = twins()
    if normal.learned and call.key in normal.calls:
        return "it came again and again in the learned normal, too"
    if call.way == "in":
        return "it comes from outside: feed readers, crawlers and monitoring of others call at regular intervals"
    if said := known.of_port(call.port, call.protocol, inside=call.way == "inside"):
        return said
    if said := known.of_name(call.name):
        return f"{said}, if the name is true: it is what the client said"
    if call.way == "inside":
        return "it stays within the own networks, where monitoring, databases and clusters keep such rhythms"
    return ""


def _severity(call: Conversation, why_not: str, found: Rhythm) -> Severity:
    if why_not:
        return "informational"
    if call.failed == call.count:
        return "low"
    return "high" if found.near >= 2 * LEAST or found.off > TIGHT else "medium"


def _told(beats: Beats, found: Rhythm, normal: Normal) -> Oddity:
    call = beats.conversation
    why_not = explained(call, normal)
    nobody = "; nobody answers" if call.failed == call.count else ""
    times = many(found.near + 1, "time")
    off = f"give or take {found.off:.0%}" if found.off >= 0.005 else "without variation"
    checked = "Neither the port nor a name explains it, and it leaves the own networks."
    return oddity(
        "beacon", _severity(call, why_not, found),
        f"{call.source} calls {named(call)} every {length(found.period)}, {off}: {times}{nobody}",
        subject(call),
        why="A program that waits for orders asks for them at regular intervals; people do not.",
        look=holder(call),
        harmless=f"Probably harmless: {why_not}." if why_not else
        f"Health checks, updates, telemetry and clocks call regularly, too. {checked}",
        techniques=("T1071.001",) if call.port in {80, 443, 8080, 8443} else ("T1071.001", "T1571"),
        plot=_histogram(beats.times, found), facts=facts_of(call) | _measured(found),
    )  # fmt: skip


def _measured(found: Rhythm) -> dict[str, object]:
    shares = {"period": round(found.period, 3), "off": round(found.off, 4), "chance": found.chance}
    return {**shares, "near": found.near, "gaps": found.gaps}


def _histogram(times: Sequence[float], found: Rhythm) -> Plot:
    """How long the gaps are, from none to twice the length; longer ones stand at the end."""
    values = [0.0] * PARTS
    for earlier, later in pairwise(times):
        values[min(PARTS - 1, int((later - earlier) / (2 * found.period) * PARTS))] += 1
    return Plot("gaps between calls", "0 s", length(2 * found.period), values)
