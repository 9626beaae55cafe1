"""Rules whose own code raises: who can bring that about gains nothing by it, and nobody gets a 500."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan

import pytest

from stockade import Allow2Ban, Blocklist, Fail2Ban, Request, Safelist, Throttle, Track, path, status
from stockade.guard.conditions import as_condition
from stockade.guard.rules import OnFailure, Rule
from tests.acceptance.site import Site


def bug(request: Request) -> bool:
    """A condition that raises for who sends no header, with what should not be told."""
    if request.header("x-fine") is None:
        raise KeyError("private_token=S3CRET")
    return True


FINE = {"X-Fine": "1"}


def failures(site: Site) -> list[object]:
    return [event.details["rule"] for event in site.events if event.action == "guard.rule.failed"]


def test_a_safelist_that_fails_lets_nobody_pass(site: Site) -> None:
    site.with_rules(Safelist("trusted", bug), Blocklist("all", path("**")))
    assert site.get().status == 403
    assert site.get(headers=FINE).status == 200
    assert failures(site) == ["trusted"]


def test_a_blocklist_that_fails_refuses(site: Site) -> None:
    site.with_rules(Blocklist("bad", bug))
    assert site.get().status == 403
    assert failures(site) == ["bad"]


def test_a_shadow_blocklist_that_fails_says_so_and_no_more(site: Site) -> None:
    site.with_rules(Blocklist("bad", bug, shadow=True))
    assert site.get().status == 200
    assert failures(site) == ["bad"]


def named_by_a_bug(request: Request) -> str:
    return str(bug(request))


def number(request: Request) -> float:
    return float(request.header("x-number") or "")


COUNTING: dict[str, Callable[[OnFailure], Rule]] = {
    "a condition": lambda policy: Throttle("t", bug, limit=1, period=60, on_store_failure=policy),
    "a discriminator": lambda policy: Throttle("t", by=named_by_a_bug, limit=1, period=60, on_store_failure=policy),
    "a limit": lambda policy: Throttle("t", limit=number, period=60, on_store_failure=policy),
    "a period": lambda policy: Throttle("t", limit=1, period=number, on_store_failure=policy),
    "a cost": lambda policy: Throttle("t", limit=1, period=60, cost=number, on_store_failure=policy),
    "a strike": lambda policy: Fail2Ban("t", bug, maxretry=1, findtime=9, bantime=9, on_store_failure=policy),
    "what a ban covers": lambda policy: Allow2Ban(
        "t", path("/x"), over=bug, maxretry=1, findtime=9, bantime=9, on_store_failure=policy
    ),
}


@pytest.mark.parametrize(("policy", "answer"), [("allow", 200), ("refuse", 503)])
@pytest.mark.parametrize("make", COUNTING.values(), ids=COUNTING.keys())
def test_a_rule_that_cannot_count_does_as_it_says(
    site: Site, make: Callable[[OnFailure], Rule], policy: OnFailure, answer: int
) -> None:
    site.with_rules(make(policy))
    assert site.get().status == answer
    assert failures(site) == ["t"]


def test_the_other_rules_count_all_the_same(site: Site) -> None:
    site.with_rules(Throttle("broken", bug, limit=9, period=60), Throttle("sound", limit=1, period=60))
    assert [site.get().status for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("value", [-5, nan, inf, -inf, 1e300])
@pytest.mark.parametrize("window", ["sliding", "fixed", "gcra"])
def test_no_number_of_a_clients_clears_a_count_or_makes_it_endless(site: Site, value: float, window: str) -> None:
    def cost(request: Request) -> float:
        return float(request.header("x-cost") or 1)

    site.with_rules(
        Throttle("t", limit=3, period=60, cost=cost, window=window, on_store_failure="refuse")  # type: ignore[arg-type]
    )
    while site.get().status == 200:
        pass
    assert site.get(headers={"X-Cost": str(value)}).status == 503
    assert site.get().status == 429


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "x"])
def test_a_period_that_cannot_be_is_a_rule_that_fails(site: Site, value: str) -> None:
    site.with_rules(Throttle("t", limit=1, period=number, window="fixed", on_store_failure="refuse"))
    assert site.get(headers={"X-Number": value}).status == 503


def test_failing_on_the_way_out_harms_nobody(site: Site) -> None:
    site.with_rules(
        Throttle("t", status(401) & as_condition(bug), limit=1, period=60),
        Allow2Ban("a", status(401), reset=bug, maxretry=9, findtime=60, bantime=60),
        Track("k", status(401) & as_condition(bug)),
    )
    assert site.get(answers=401).status == 401
    assert set(failures(site)) <= {"t", "a", "k"}
    assert failures(site)


def test_an_identity_that_cannot_be_found_out_is_nobodys_and_is_told(site: Site) -> None:
    site.with_rules(Throttle("t", limit=1, period=60), identify=bug)
    assert [site.get().status for _ in range(2)] == [200, 429]
    assert failures(site) == ["(identify)"]


def test_what_failed_is_told_once_with_the_place_and_nothing_of_the_request(site: Site) -> None:
    site.with_rules(Safelist("trusted", bug))
    for _ in range(20):
        site.get()
    (event,) = [event for event in site.events if event.action == "guard.rule.failed"]
    assert event.outcome == "failure"
    assert str(event.details["error"]).startswith("KeyError at test_failing_rules.py:")
    assert "S3CRET" not in repr(site.events)
