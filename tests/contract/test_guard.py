"""The guard before every store: what a request is told, and what an operator can undo."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stockade import Fail2Ban, Guard, Identity, Request, Throttle, path
from stockade.guard.decision import Decision
from stockade.guard.rules import Rule
from tests.contract.stores import Asked, Awaited, Waited

ADDRESS = "203.0.113.9"
SCANS = Fail2Ban("scans", when=path("/wp-login.php"), maxretry=3, findtime=60, bantime=600)


class Desk:
    """A guard and its operator, whether the store is awaited or not."""

    def __init__(self, store: Asked, *rules: Rule) -> None:
        assert isinstance(store, Waited | Awaited)
        self.runner = store.runner if isinstance(store, Awaited) else None
        self.guard = Guard(*rules, store=store.store, identify=lambda _: Identity("ann"))

    def get(self, target: str, address: str = ADDRESS) -> Decision:
        request = Request(self.guard.client(address), "GET", target, lambda _: None, identify=self.guard.identify)
        return self.runner.run(self.guard.adecide(request)) if self.runner else self.guard.decide(request)

    def ban(self, target: str) -> object:
        return self.runner.run(self.guard.aban(target)) if self.runner else self.guard.ban(target)

    def unban(self, target: str) -> object:
        return self.runner.run(self.guard.aunban(target)) if self.runner else self.guard.unban(target)


@pytest.fixture
def desk(store: Asked) -> Callable[..., Desk]:
    return lambda *rules: Desk(store, *rules)


def test_a_scanner_is_refused_banned_and_freed(desk: Callable[..., Desk]) -> None:
    at = desk(SCANS, Throttle("all", limit=100, period=60))
    assert [at.get("/wp-login.php").kind for _ in range(4)] == ["fail2ban"] * 3 + ["ban"]
    assert [at.get("/").kind for _ in range(3)] == ["ban"] * 3
    assert at.get("/", "198.51.100.1").allowed
    at.unban(ADDRESS)
    assert at.get("/").allowed


def test_one_clients_ban_answers_though_another_clients_rule_would_refuse(desk: Callable[..., Desk]) -> None:
    at = desk(Fail2Ban("by name", when=path("/wp-login.php"), maxretry=9, findtime=60, bantime=60, by="user"))
    at.ban(ADDRESS)
    assert not at.get("/wp-login.php").allowed
    assert not at.get("/").allowed


@pytest.mark.parametrize("target", [ADDRESS, "203.0.113.0/24", "user:ann"])
def test_who_is_banned_by_hand_is_refused_until_freed(desk: Callable[..., Desk], target: str) -> None:
    at = desk(Throttle("all", limit=100, period=60))
    assert at.get("/").allowed
    at.ban(target)
    assert [at.get("/").kind for _ in range(3)] == ["ban"] * 3
    at.unban(target)
    assert at.get("/").allowed
