"""What there is to measure: each section asks one module, which is imported only when its turn comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from bench.rows import Row


@dataclass(frozen=True)
class Section:
    """Some rows under one heading. ``measure`` is told whether to be quick rather than sure."""

    name: str
    heading: str
    measure: Callable[..., Sequence[Row]]


def rows_of(module: str, **sizes: object) -> Sequence[Row]:
    """What a module measures."""
    found: Sequence[Row] = import_module(f"bench.{module}").rows(**sizes)
    return found


def decision(*, quick: bool) -> Sequence[Row]:
    return rows_of("decision", clients=1_000 if quick else 10_000, rounds=2 if quick else 9)


def shared(*, quick: bool) -> Sequence[Row]:
    from bench import shared_candidates

    if quick:
        shared_candidates.DECISIONS, shared_candidates.ROUNDS = 10_000, 1
    return shared_candidates.rows()


def redis(*, quick: bool) -> Sequence[Row]:
    return rows_of("redis_trips", quick=quick)


def million(*, quick: bool) -> Sequence[Row]:
    return rows_of("million", clients=20_000 if quick else 1_000_000)


def networks(*, quick: bool) -> Sequence[Row]:
    return rows_of("networks", networks=1_000 if quick else 100_000)


def http(*, quick: bool) -> Sequence[Row]:
    return rows_of("http", seconds=1 if quick else 2, rounds=1 if quick else 9)


def forward(*, quick: bool) -> Sequence[Row]:
    return rows_of("forward", seconds=1 if quick else 2, rounds=1 if quick else 9)


def replay(*, quick: bool) -> Sequence[Row]:
    return rows_of("replay", megabytes=5 if quick else 1_000)


def detect(*, quick: bool) -> Sequence[Row]:
    return rows_of("detect", events=2_000 if quick else 200_000)


def search(*, quick: bool) -> Sequence[Row]:
    return rows_of("search", entries=20_000 if quick else 1_000_000, rounds=2 if quick else 20)


def credentials(*, quick: bool) -> Sequence[Row]:
    return rows_of("credentials", people=60 if quick else 8_700, rounds=1 if quick else 3)


def intake(*, quick: bool) -> Sequence[Row]:
    return rows_of("intake", lines=500 if quick else 50_000)


def audit(*, quick: bool) -> Sequence[Row]:
    return rows_of("audit", events=20_000 if quick else 1_000_000, rounds=1 if quick else 3)


def sealing(*, quick: bool) -> Sequence[Row]:
    return rows_of("sealing", octets=200_000 if quick else 8 << 20, rounds=1 if quick else 5)


def respond(*, quick: bool) -> Sequence[Row]:
    return rows_of("respond", own=50 if quick else 500, reached=120 if quick else 2_000)


def traffic(*, quick: bool) -> Sequence[Row]:
    return [*rows_of("traffic", count=5_000 if quick else 1_000_000), *rows_of("watched", quick=quick)]


def triage(*, quick: bool) -> Sequence[Row]:
    return rows_of("triage", rounds=1 if quick else 5, whole=not quick)


SECTIONS: Final = (
    Section("decision", "One decision under five rules, in memory", decision),
    Section("shared", "Counters shared by the processes of one machine", shared),
    Section("redis", "Counters shared by many machines: Redis on a Unix socket", redis),
    Section("million", "A million live clients in memory", million),
    Section("networks", "Long lists of networks", networks),
    Section("http", "Over HTTP: uvicorn, Starlette, wrk with 32 connections", http),
    Section("forward", "Forward auth: nginx asks before each request", forward),
    Section("replay", "Old logs", replay),
    Section("intake", "Taking in other systems' logs", intake),
    Section("audit", "The audit log", audit),
    Section("detect", "Detection: every rule in the stream", detect),
    Section("search", "Search in the audit log", search),
    Section("credentials", "A hundred thousand credentials", credentials),
    Section("sealing", "The audit log, carried away", sealing),
    Section("traffic", "Network traffic: read, compared and judged", traffic),
    Section("respond", "A response: planned, run and looked up", respond),
    Section("triage", "A look at a machine", triage),
)
