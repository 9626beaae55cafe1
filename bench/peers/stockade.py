"""Stockade: the memory store, five throttles in sliding windows."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

from bench.rounds import Round
from bench.rules import throttles
from stockade.guard.gate import Guard
from stockade.guard.request import Request


def contestant() -> Round:
    guard = Guard(*throttles())

    def run(clients: Sequence[str]) -> float:
        requests = [Request(guard.client(client), "GET", "/", _no_header) for client in clients]
        decide = guard.decide
        started = perf_counter()
        for request in requests:
            decide(request)
        return (perf_counter() - started) / len(clients) * 1e6

    return run


def _no_header(_name: str) -> None:
    return None
