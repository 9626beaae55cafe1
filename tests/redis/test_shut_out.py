"""A client that was found banned a moment ago is refused again at once; whatever has more of a say is still heard."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from stockade import Allow2Ban, Guard, Safelist, Throttle, header, path
from stockade.events import Event
from stockade.guard.redis import RedisStore
from tests.guard.requests import request
from tests.servers.redis import RedisServer

THROTTLE = Throttle("all", limit=1000, period=60)


@pytest.fixture
def guard(redis_server: RedisServer) -> Iterator[Callable[..., Guard]]:
    with RedisStore(redis_server.url, deadline=5.0) as store:
        yield lambda events, *rules: Guard(THROTTLE, *rules, store=store, record=events.append)


def test_it_is_refused_without_a_trip_and_told_once(guard: Callable[..., Guard]) -> None:
    events: list[Event] = []
    site = guard(events)
    site.ban("1.2.3.4", 600)
    decisions = [site.decide(request()) for _ in range(50)]
    assert {(d.allowed, d.kind, d.client) for d in decisions[1:]} == {(False, "ban", "1.2.3.4")}
    assert [e.action for e in events] == ["guard.ban", "guard.banned"]
    assert site.journal.totals["banned", "manual", False] == 50
    assert decisions[-1].request is not decisions[-2].request


def test_a_lifted_ban_is_lifted_at_once_where_it_was_lifted(guard: Callable[..., Guard]) -> None:
    site = guard([])
    site.ban("1.2.3.4", 600)
    for _ in range(3):
        assert not site.decide(request()).allowed
    site.unban("1.2.3.4")
    assert site.decide(request()).allowed


def test_the_safelist_is_heard_first(guard: Callable[..., Guard]) -> None:
    site = guard([], Safelist("key", header("x-key", "1")))
    site.ban("1.2.3.4", 600)
    for _ in range(3):
        assert not site.decide(request()).allowed
        assert site.decide(request(headers={"x-key": "1"})).allowed


def test_a_ban_from_some_requests_leaves_the_others_alone(guard: Callable[..., Guard]) -> None:
    git = Allow2Ban("git", maxretry=1, findtime=60, bantime=60, when=path("/git/**"), over=path("/git/**"))
    site = guard([], git)
    site.decide(request("/git/a"))
    for _ in range(3):
        assert not site.decide(request("/git/a")).allowed
        assert site.decide(request("/")).allowed


def test_who_is_declared_an_operator_later_is_let_in(guard: Callable[..., Guard]) -> None:
    site = guard([])
    site.ban("1.2.3.4", 600)
    for _ in range(2):
        assert not site.decide(request()).allowed
    site.follow([THROTTLE], operators=["1.2.3.4"])
    assert site.decide(request()).allowed
