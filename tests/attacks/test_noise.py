"""Noise: names, addresses and failures made up without end fill no memory, hide no ban, and print nothing but text."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from stockade import Allow2Ban, Answers, Fail2Ban, Guard, Throttle, Track, Unavailable, path, status
from stockade.guard.lanes import MAX_ROWS
from stockade.guard.listing import listed
from stockade.guard.memory import MemoryStore
from stockade.guard.request import Request
from tests.acceptance.site import Site

YEAR = 365 * 86_400.0
BAD = Fail2Ban("bad", maxretry=1, findtime=60, bantime=3600, when=path("/bad"))


def test_a_flood_of_names_is_bounded_and_evicts_no_ban() -> None:
    store = MemoryStore(clients=2560)
    site = Site("asgi").with_rules(BAD, Throttle("by name", limit=9, period=60, by="query:name"), store=store)
    site.get("/bad", by="203.0.113.9")
    for number in range(4000):
        site.get(f"/?name={number}" + "x" * 500, by=f"2001:db8:{number:x}::1")
    assert sum(len(shard.bases) for shard in store._shards) <= 2560
    assert site.get("/", by="203.0.113.9").status == 403


def test_the_log_of_a_flood_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stockade.guard.journal.MAX_OPEN", 100)
    site = Site("asgi").with_rules(Track("all"))
    for number in range(300):
        site.get("/" + "x" * 3000, by=f"2001:db8:{number:x}::1")
    assert len(site.guard.journal._open) <= 100
    assert site.events
    assert all(len(str(event.details["path"])) <= 1024 for event in site.events)


def test_limits_made_up_by_clients_are_bounded() -> None:
    def limit(request: Request) -> float:
        return float(request.header("x-limit") or 1)

    site = Site("asgi").with_rules(Throttle("t", limit=limit, period=60), Throttle("u", limit=5, period=60))
    for number in range(1, MAX_ROWS + 200):
        site.get(by="1.2.3.4", headers={"X-Limit": str(number)})
    assert all(len(lane._rows) <= MAX_ROWS for lane in site.guard.policy.lanes)
    assert isinstance(site.guard.store, MemoryStore)
    assert len(site.guard.answers.forms._forms) <= 4096


@pytest.mark.parametrize(
    "evil", ["\x1b[31mred", "\x1b]0;title\x07", "\u202etxt.exe", "a\r\nb", "\x9b2J", "[red]x[/red]"]
)
def test_what_a_client_wrote_is_text_in_a_terminal(site: Site, evil: str) -> None:
    site.with_rules(Fail2Ban("bad", maxretry=1, findtime=60, bantime=60, when=path("**"), by="header:x-name"))
    site.get("/" + evil.replace("?", ""), headers={"X-Name": evil.encode("ascii", "ignore").decode() or "x"})
    (ban,) = site.guard.bans()
    assert ban.client.isprintable()
    assert ban.evidence.isprintable()
    assert listed([ban]).isprintable()


# ── clocks ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("window", ["sliding", "fixed", "gcra"])
@pytest.mark.parametrize("step", [YEAR, -YEAR, 90.0, -90.0])
def test_a_clock_that_steps_locks_nobody_out(site: Site, window: str, step: float) -> None:
    site.with_rules(Throttle("t", limit=2, period=60, window=window))  # type: ignore[arg-type]
    while site.get().status == 200:
        pass
    site.wait(step)
    site.get()
    site.wait(600)
    assert site.get().status == 200


@pytest.mark.parametrize("window", ["sliding", "fixed", "gcra"])
def test_a_clock_that_steps_back_opens_no_gate(site: Site, window: str) -> None:
    """One more limit may pass, not more."""
    site.with_rules(Throttle("t", limit=5, period=60, window=window))  # type: ignore[arg-type]
    passed = 0
    for step in (0.0, -YEAR):
        site.wait(step)
        passed += sum(site.get().status == 200 for _ in range(50))
    assert passed <= 10


def test_failing_many_times_at_once_is_not_forgotten(site: Site) -> None:
    """So many failures that no clock could explain them are failures all the same."""
    site.with_rules(Throttle("failed", status(401), limit=10, period=60, window="gcra", burst=1))
    decisions = [
        site.guard.decide(Request(site.guard.client("1.2.3.4"), "GET", "/", lambda _: None)) for _ in range(99)
    ]
    for decision in decisions:
        site.guard.settle(decision, 401)
    assert site.get().status == 429
    site.wait(66)
    assert site.get().status == 200


# ── a store that is down ─────────────────────────────────────────────────────────────────────────


class Down(MemoryStore):
    """A store that can be switched off, and counts how often it was asked."""

    down = False
    asked = 0

    def count(self, asks, now=None):  # type: ignore[no-untyped-def]
        self.asked += 1
        if self.down:
            raise Unavailable("the store is down")
        return super().count(asks, now)


def test_a_store_that_is_down_is_not_asked_again_about_the_answer(site: Site) -> None:
    store = Down(clock=lambda: site.now)
    site.with_rules(Throttle("failed", status(401), limit=3, period=60), store=store)
    store.down = True
    assert site.get(answers=401).status == 401
    assert store.asked == 1, "one deadline for each request"
    assert [e.action for e in site.events] == ["guard.store.down"]


def test_who_must_be_counted_is_refused_while_nobody_can_be(site: Site) -> None:
    store = Down(clock=lambda: site.now)
    site.with_rules(
        Throttle("lax", path("/lax"), limit=3, period=60),
        Throttle("strict", path("/strict"), limit=3, period=60, on_store_failure="refuse"),
        store=store,
    )
    store.down = True
    assert [site.get(p).status for p in ("/lax", "/strict", "/other")] == [200, 503, 200]
    store.down = False
    site.wait(2)
    assert site.get("/strict").status == 200
    up = next(e for e in site.events if e.action == "guard.store.up")
    assert (up.details["unjudged"], up.details["refused"]) == (2, 1)


# ── many at once ─────────────────────────────────────────────────────────────────────────────────


def test_threads_at_the_limit_let_exactly_as_many_pass() -> None:
    guard = Guard(Throttle("t", limit=100, period=3600), Throttle("u", limit=1000, period=3600))

    def ask(_: int) -> bool:
        return guard.decide(Request(guard.client("1.2.3.4"), "GET", "/", lambda _name: None)).allowed

    with ThreadPoolExecutor(8) as crowd:
        assert sum(crowd.map(ask, range(800))) == 100


def test_rules_change_bans_are_lifted_and_strikes_fall_all_at_once() -> None:
    """Nothing raises, and the last word counts: after the end a lifted client may pass."""
    strikes = Allow2Ban("a", path("**"), maxretry=2, findtime=60, bantime=60)
    guard = Guard(strikes, answers=Answers())
    over, failed = threading.Event(), []

    def striking() -> None:
        while not over.is_set():
            request = Request(guard.client("1.2.3.4"), "GET", "/", lambda _name: None)
            decision = guard.decide(request)
            guard.settle(decision, 200)
            guard.refusal(decision) if not decision.allowed else guard.answers.quota_fields(decision, 0.0)

    def watched() -> None:
        try:
            striking()
        except BaseException as error:  # noqa: BLE001  whatever it is, the test is to tell
            failed.append(error)

    threads = [threading.Thread(target=watched) for _ in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(60):
        guard.unban("1.2.3.4")
        list(guard.bans())
        guard.follow([strikes] if turn % 2 else [Throttle("t", limit=turn, period=60), strikes])
    over.set()
    for thread in threads:
        thread.join(10)
    assert failed == []
    guard.unban("1.2.3.4")
    assert guard.decide(Request(guard.client("1.2.3.4"), "GET", "/", lambda _name: None)).allowed
