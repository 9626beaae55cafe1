"""Rounds: everything that is compared takes turns, so that a noisy moment of the machine falls on all of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter

Round = Callable[[Sequence[str]], float]
"""One decision about each client; answers microseconds a decision."""


def each(decide: Callable[[str], object]) -> Round:
    """A round that does nothing but decide."""

    def run(clients: Sequence[str]) -> float:
        started = perf_counter()
        for client in clients:
            decide(client)
        return (perf_counter() - started) / len(clients) * 1e6

    return run


def above(limited: Round, bare: Round) -> Round:
    """What an application costs with its limits above what it costs without."""
    return lambda clients: limited(clients) - bare(clients)


def in_turns(contestants: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """The figures of every contestant, round by round."""
    figures: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            figures[name].append(run())
    return figures
