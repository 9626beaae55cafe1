"""Configurations written down in tests, and the requests that they judge."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

import pytest

from stockade.config import Settings
from stockade.config.building import guard_of
from stockade.config.loading import read
from stockade.config.source import Source
from stockade.errors import ConfigurationError
from stockade.guard.decision import Decision
from stockade.guard.gate import Guard
from stockade.guard.memory import MemoryStore
from stockade.guard.paths import from_target
from stockade.guard.request import Identify, Identity, Request


def settings(text: str) -> Settings:
    """The settings that a text describes, as if it stood in stockade.toml."""
    return read(Source("stockade.toml", dedent(text).strip() + "\n"))


def error(text: str) -> ConfigurationError:
    """What is said of a text that is wrong."""
    with pytest.raises(ConfigurationError) as caught:
        settings(text)
    return caught.value


class Clock:
    """Time, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_700_000_040.0  # the beginning of a minute

    def __call__(self) -> float:
        return self.now


class Visit:
    """One service behind the guard of a configuration, and its visitors."""

    def __init__(self, text: str, identify: Identify | None = None) -> None:
        self.clock = Clock()
        self.guard: Guard = guard_of(settings(text), identify=identify, store=MemoryStore(clock=self.clock))
        self.guard.clock = self.clock

    def ask(
        self,
        method: str,
        target: str,
        address: str = "203.0.113.9",
        headers: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> Decision:
        """One request, answered with ``status`` when it passes."""
        lines = {name.lower(): value for name, value in (headers or {}).items()}
        client = self.guard.addresses.resolve(address, lines.get)
        path, _, query = target.partition("?")
        request = Request(client, method, from_target(path), lines.get, query, identify=self.guard.identify)
        decision = self.guard.decide(request)
        if decision.allowed:
            self.guard.settle(decision, status)
        return decision

    def passes(self, method: str, target: str, **more: object) -> bool:
        """Does it pass?"""
        return self.ask(method, target, **more).allowed  # type: ignore[arg-type]


def by_header(request: Request) -> Identity | None:
    """For tests: a request is whose it says in a header."""
    user, token = request.header("x-user"), request.header("x-token")
    return Identity(user, token) if user or token else None
