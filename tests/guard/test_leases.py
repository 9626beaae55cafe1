"""Clients far from every limit pass by a lease; whatever is done to them meanwhile, the counters are as if there were
none.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stockade import Allow2Ban, Blocklist, Guard, GuardMiddleware, Safelist, Throttle, Track, header, path, status
from stockade.guard.arithmetic import afterwards, bind
from stockade.guard.asgi import JUDGED, Leased
from stockade.guard.lease import LONGEST, Lease
from stockade.guard.memory import LEASES, SHARDS, MemoryStore
from stockade.guard.meter import MICROSECONDS, NETWORK, Ban, Group, Meter, Window, looking
from stockade.guard.plan import Plan
from stockade.guard.rules import Rule


def at_three(rule: str, *, bans: bool) -> int:
    """Where a plan puts the only meter."""
    return 3 + bans


NOW = 1_700_000_000.0
SECOND = 1.0 * MICROSECONDS


class Site:
    """An application behind a guard whose clock is moved by hand; ``leased`` counts what passed by a lease."""

    def __init__(self, *rules: Rule, **settings: Any) -> None:
        self.now = NOW
        self.store = MemoryStore(clock=lambda: self.now)
        self.guard = Guard(*rules, store=self.store, clock=lambda: self.now, **settings)
        self.app = GuardMiddleware(self.serve, self.guard)
        self.leased = 0
        self.decision: Any = None

    async def serve(self, scope: Any, _receive: Any, send: Any) -> None:
        self.decision = scope[JUDGED]
        self.leased += isinstance(self.decision, Leased)
        await send({"type": "http.response.start", "status": 200, "headers": []})

    def ask(self, where: str = "/", by: str = "192.0.2.1", *lines: tuple[bytes, bytes]) -> int:
        """The status of the answer."""
        sent: list[Any] = []

        async def receive() -> Any:
            raise AssertionError("nobody asks for the body")

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "client": (by, 1), "method": "GET", "path": where, "query_string": b"a=1"}
        asyncio.run(self.app({**scope, "headers": list(lines)}, receive, send))
        found: int = sent[0]["status"]
        return found

    def used(self, client: str = "192.0.2.1") -> list[float]:
        """What the rules have counted of a client."""
        group = self.guard.policy.lanes[0].inward(_request(self.guard, client), exempt=False).group
        return [used for used, _, _ in self.store.count([(client, looking(group), "")])[0][2]]


def _request(guard: Guard, client: str) -> Any:
    from stockade.guard.request import Request

    return Request(guard.client(client), "GET", "/", lambda _: None)


WINDOWS = (("sliding", 1.0), ("sliding", 60.0), ("fixed", 5.0), ("gcra", 10.0))
ALL = [Throttle(f"{window} {period}", limit=40, period=period, window=window) for window, period in WINDOWS]  # type: ignore[arg-type]


@given(st.lists(st.floats(0.0, 3.0) | st.just(0.0) | st.floats(0.0, 200.0), min_size=20, max_size=120))
@example([0.0] * 60)
def test_the_counters_and_the_answers_are_as_if_every_request_had_been_counted_when_it_came(waits: list[float]) -> None:
    site, eager = Site(*ALL), MemoryStore(clock=lambda: site.now)
    group = site.guard.policy.check(_request(site.guard, "192.0.2.1")).rows[0].group
    for wait in waits:
        site.now += wait
        refused = any(wait for _, wait, _ in eager.count([("192.0.2.1", group, "")])[0][2])
        assert site.ask() == (429 if refused else 200)
    assert site.used() == pytest.approx([u for u, _, _ in eager.count([("192.0.2.1", looking(group), "")])[0][2]])


def test_most_requests_of_an_ordinary_client_pass_by_a_lease() -> None:
    site = Site(Throttle("a", limit=1000, period=60), Throttle("b", limit=10_000, period=3600))
    assert {site.ask() for _ in range(200)} == {200}
    assert site.leased > 190
    assert site.used() == [200, 200]


def test_nobody_passes_by_a_lease_who_has_used_half_of_a_limit() -> None:
    site = Site(Throttle("a", limit=100, period=60))
    for _ in range(49):
        site.ask()
    before = site.leased
    assert [site.ask() for _ in range(52)] == [200] * 51 + [429]
    assert site.leased - before <= 1


def test_a_ban_by_hand_ends_a_lease_at_once_and_loses_no_count() -> None:
    site = Site(Throttle("a", limit=1000, period=60))
    for _ in range(20):
        site.ask()
    site.guard.ban("192.0.2.1", 60)
    assert site.ask() == 403
    site.now += 61
    assert site.ask() == 200
    assert site.used()[0] == pytest.approx(1 + 20 * (1 - 1 / 60))


def test_a_ban_of_a_network_ends_the_leases_in_it() -> None:
    site = Site(Throttle("a", limit=1000, period=60))
    for _ in range(20):
        site.ask()
    site.store.ban(Ban(f"{NETWORK}192.0.2.0/24", "manual", NOW, NOW + 60))
    assert site.ask() == 403


def test_lifting_bans_clears_the_counters_of_who_had_a_lease() -> None:
    site = Site(Throttle("a", limit=1000, period=60))
    for _ in range(20):
        site.ask()
    site.guard.unban("192.0.2.1")
    assert site.used() == [0]
    assert site.ask() == 200
    assert site.used() == [1]


def test_other_rules_count_from_the_next_request_on() -> None:
    site = Site(Throttle("a", limit=1000, period=60))
    for _ in range(20):
        site.ask()
    site.guard.follow([Throttle("a", limit=20, period=60)])
    assert site.ask() == 429


def test_a_guard_that_is_switched_off_judges_nobody() -> None:
    site = Site(Throttle("a", limit=1000, period=60))
    for _ in range(20):
        site.ask()
    leased, site.guard.enabled = site.leased, False
    with pytest.raises(KeyError):  # the application finds no decision
        site.ask()
    assert site.leased == leased


def test_who_is_behind_a_proxy_has_a_lease_of_its_own() -> None:
    site = Site(Throttle("a", limit=100, period=60), trusted_proxies=["10.0.0.1"])
    for n in range(80):
        site.ask("/", "10.0.0.1", (b"x-forwarded-for", f"198.51.100.{n % 2}".encode()))
    assert site.leased > 70
    assert site.used("198.51.100.0") == site.used("198.51.100.1") == [40]


def test_several_header_lines_and_undeclared_proxies_are_looked_at_in_full() -> None:
    site = Site(Throttle("a", limit=100, period=60), trusted_proxies=["10.0.0.1"])
    two = ((b"x-forwarded-for", b"198.51.100.1"), (b"x-forwarded-for", b"198.51.100.2"))
    for _ in range(20):
        site.ask("/", "10.0.0.1", *two)
    for _ in range(20):
        site.ask("/", "127.0.0.1")
    assert site.leased == 0
    plain = Site(Throttle("a", limit=100, period=60))
    for _ in range(20):
        plain.ask("/", "127.0.0.1")
    assert plain.leased == 19
    plain.ask("/", "127.0.0.1", (b"x-real-ip", b"198.51.100.2"))
    assert plain.leased == 19
    assert plain.guard.journal is not None
    assert plain.decision.request.client.forgotten_proxy


def test_rules_about_paths_count_what_they_are_about() -> None:
    site = Site(
        Throttle("all", limit=1000, period=60),
        Throttle("search", limit=100, period=60, when=path("/search")),
        Safelist("health", path("/health")),
        Blocklist("admin", path("/admin")),
    )
    for where in ["/", "/search"] * 5 + ["/"] * 30:
        assert site.ask(where) == 200
    assert site.leased >= 29
    assert site.ask("/admin") == 403
    assert site.ask("/health") == 200
    assert site.ask("/search") == 200
    assert site.decision.quotas[0].used == 41
    assert [quota.used for quota in site.decision.quotas] == [41, 6]


@pytest.mark.parametrize(
    "rule",
    [
        Throttle("a", limit=1000, period=60, when=header("x-api")),
        Throttle("a", limit=1000, period=60, when=lambda _: True),
        Throttle("a", limit=lambda _: 1000, period=60),
        Throttle("a", limit=1000, period=60, by="header:x-api"),
        Allow2Ban("a", maxretry=5, findtime=60, bantime=60, when=path("/login") & status(401)),
        Track("a", when=path("/")),
    ],
    ids=["a header", "anything", "a limit of its own", "another client", "the answer", "every match"],
)
def test_rules_that_look_at_more_are_asked_each_time(rule: Rule) -> None:
    site = Site(Throttle("all", limit=1000, period=60), rule)
    for _ in range(20):
        assert site.ask() == 200
    assert site.leased == 0
    assert site.used()[0] == 20


def test_a_leased_decision_says_all_that_others_do() -> None:
    site = Site(Throttle("a", limit=1000, period=60))
    for _ in range(20):
        site.ask("/Some//Where", "192.0.2.1", (b"user-agent", b"probe"))
    decision = site.decision
    assert isinstance(decision, Leased)
    assert (decision.allowed, decision.kind, decision.rule) == (True, "pass", None)
    request = decision.request
    assert (request.address, request.method, request.path, request.query) == (
        "192.0.2.1",
        "GET",
        "/Some/Where",
        "a=1",
    )
    assert request.header("user-agent") == "probe"
    assert [(quota.name, quota.used, quota.remaining) for quota in decision.quotas] == [("a", 20, 980)]
    assert decision.asks[0][0] == "192.0.2.1"
    assert repr(decision) == "<Decision passes: pass>"
    with pytest.raises(AttributeError):
        decision.nonsense  # noqa: B018  asked for on purpose


def test_leases_are_bounded_and_idle_ones_make_room() -> None:
    site = Site(Throttle("a", limit=1000, period=60))
    clients = [f"192.0.{n >> 8}.{n & 255}" for n in range(LEASES * SHARDS + 3000)]
    for client in clients:
        site.ask("/", client)
    held = sum(len(shard.leases) for shard in site.store._shards)
    assert held <= LEASES * SHARDS
    late = clients[-1]
    site.now += 20
    for _ in range(30):
        site.ask("/", late)
    assert site.leased >= 20
    assert site.used(late) == [31]


def test_a_client_that_is_away_longer_than_anything_matters_is_forgotten_lease_and_all() -> None:
    site = Site(Throttle("a", limit=1000, period=1))
    for _ in range(10):
        site.ask()
    site.now += 10
    for n in range(6 * SHARDS):
        site.store.count([(f"other {n}", Group([Meter("b", Window.SLIDING, 10.0, SECOND)]), "")])
    assert not any("192.0.2.1" in shard.bases or "192.0.2.1" in shard.leases for shard in site.store._shards)
    assert site.ask() == 200


def test_threads_take_exactly_what_there_is() -> None:
    plan = Plan(Group([Meter("a", Window.SLIDING, 1e9, SECOND)]), at_three)

    def taken(lease: Lease) -> int:
        return sum(1 for _ in iter(lambda: next(lease.left, None), None))

    with ThreadPoolExecutor(8) as threads:
        for _ in range(200):
            lease = Lease(LONGEST, plan, NOW)
            others = [threads.submit(taken, lease) for _ in range(3)]
            ended = lease.end(NOW)
            assert len(ended) == sum(other.result() for other in others)


def test_whoever_has_not_noted_the_moment_yet_is_counted_now() -> None:
    lease = Lease(10, Plan(Group(), at_three), NOW)
    next(lease.left)
    lease.moments.append(NOW)
    next(lease.left)
    assert lease.end(NOW + 5) == [NOW, NOW + 5]
    assert next(lease.left, None) is None


@given(
    st.sampled_from(Window).filter(lambda window: window is not Window.STRIKES),
    st.lists(st.floats(0.0, 4.0), min_size=1, max_size=40),
    st.floats(0.5, 3.0),
)
def test_counting_afterwards_is_counting(window: Window, waits: list[float], period: float) -> None:
    meter = Meter("a", window, 1e9, period * MICROSECONDS, burst=1e9)
    moments = [NOW * MICROSECONDS + sum(waits[: n + 1]) * MICROSECONDS for n in range(len(waits))]
    one, other = [0.0] * 6, [0.0] * 6
    for moment in moments:
        bind(meter, 3)(one, 0, moment)
    for part in chain([moments[:3]], [moments[3:]]):
        if part:
            afterwards([(meter, 3)])(other, 0, part)
    assert other == pytest.approx(one)
