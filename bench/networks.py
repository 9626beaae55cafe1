"""What a long list of networks adds to a decision, for addresses seen before and for addresses never seen.

``python -m bench.networks``
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from itertools import count, islice
from random import Random
from statistics import median
from time import process_time
from typing import Final

from bench.rows import Row
from stockade.guard.conditions import network
from stockade.guard.networks import Networks
from stockade.guard.policy import Policy
from stockade.guard.request import Request
from stockade.guard.rules import Blocklist
from tests.guard.requests import request

BAR: Final = 1.5
NEW: Final = 40_000
ROUNDS: Final = 9
TURN: Final = 500
KNOWN: Final = 1_000
Address = Callable[[int], str]


def four(number: int) -> str:
    """An address for a number, spread over the unicast part of the internet."""
    return str(ip_address((1 << 24) + number * 2654435761 % (223 << 24)))


def six(number: int) -> str:
    """The same for IPv6."""
    return str(ip_address((0x2001 << 112) + (number * 2654435761 % (1 << 32) << 80) + number))


def listed(number: int) -> list[str]:
    """As many networks as a long public list has: nine in ten IPv4, mostly small."""
    random = Random(1)
    found = [f"{four(random.randrange(1 << 32))}/{random.choice([16, 20, 22, 24, 24, 28, 32])}" for _ in range(number)]
    found[::10] = [f"{six(random.randrange(1 << 32))}/{random.choice([32, 40, 48, 48, 56, 64])}" for _ in found[::10]]
    return found


def rows(*, networks: int) -> list[Row]:
    """The list against a decision without one, both in this run, in turns."""
    names = listed(networks)
    bare, lists, known = Policy([]), Policy([Blocklist("list", when=network(*names))]), Networks(names)
    return [
        _row(networks, f"{family}, {kind}", added(bare, lists, _asked(address, known, distinct)))
        for family, address in (("IPv4", four), ("IPv6", six))
        for kind, distinct in (("seen before", KNOWN), ("never seen", NEW))
    ]


def _asked(address: Address, known: Networks, distinct: int) -> list[Request]:
    """Requests of so many clients in turn, none of them in the list."""
    outside = (found for n in count() if (found := address(7 * n)) not in known)
    return [request(address=found) for found in islice(outside, distinct)] * (NEW // distinct)


def added(bare: Policy, lists: Policy, requests: Sequence[Request]) -> float:
    """Microseconds of processor time that a decision takes longer with the list: the median of many short turns, each
    beside one without the list.
    """
    turns = [requests[start : start + TURN] for start in range(0, len(requests), TURN)] * ROUNDS
    return median(_spent(lists, turn) - _spent(bare, turn) for turn in turns)


def _spent(policy: Policy, requests: Sequence[Request]) -> float:
    check, started = policy.check, process_time()
    for each in requests:
        check(each)
    return (process_time() - started) / len(requests) * 1e6


def _row(networks: int, which: str, found: float) -> Row:
    title = f"{networks:,} networks in a list, {which}"
    return Row(title, f"≤ {BAR:g} µs added", f"{found:.2f} µs", found / BAR, found <= BAR)


if __name__ == "__main__":
    for row in rows(networks=int(sys.argv[1]) if len(sys.argv) > 1 else 100_000):
        sys.stdout.write(f"{row.title:<48} {row.measured}  {row.bar}  {row.passes}\n")
