"""Nothing is lost, mixed up or believed: many at once, and clients who choose their own keys."""

from __future__ import annotations

import pytest

from stockade.guard.meter import MANUAL, MICROSECONDS, Ban
from tests.contract.meters import SECOND, group, look, sliding, strikes
from tests.contract.stores import Asked, now, used

T = now()
HOSTILE = [
    "}",
    "{}",
    "a}{b",
    "stockade:{203.0.113.9}",
    "*",
    "line\r\n$4\r\nfeed",
    "nul\x00nul",
    "percent %s %d %b",
    "émile ✓ 李",
    "x" * 5000,
    " ",
]


def test_requests_at_once_are_counted_exactly(store: Asked) -> None:
    counted = group(sliding(1e6), sliding(1e6, rule="other"))
    store.count_at_once([[("203.0.113.9", counted, "")] for _ in range(400)])
    assert used(store, "203.0.113.9", group(look(sliding(1e6)), look(sliding(1e6, rule="other")))) == [400, 400]


def test_a_limit_admits_exactly_its_number_however_many_come_at_once(store: Asked) -> None:
    limited = group(sliding(50, 3600))
    found = store.count_at_once([[("203.0.113.9", limited, "")] for _ in range(200)])
    assert sum(tally[2][0][1] == 0 for (tally,) in found) == 50


def test_of_strikes_at_once_one_bans(store: Asked) -> None:
    found = store.count_at_once([[("203.0.113.9", group(strikes(20)), f"GET /{n}")] for n in range(60)])
    levels = [tally[2][0][2] for (tally,) in found if tally[0] == ""]
    assert (len(levels), sum(levels)) == (20, 1)
    assert len(store.bans()) == 1


def test_each_of_many_at_once_gets_its_own_answer(store: Asked) -> None:
    for number in range(40):
        for _ in range(number % 3):
            used(store, f"10.0.0.{number}", group(sliding(100)))
    store.ban(Ban("10.0.0.7", MANUAL, T / MICROSECONDS, T / MICROSECONDS + 600))
    found = store.count_at_once([[(f"10.0.0.{number}", group(sliding(100)), "")] for number in range(40)])
    for number, (tally,) in enumerate(found):
        assert tally[0] == (MANUAL if number == 7 else "")
        assert number == 7 or tally[2][0][0] == number % 3 + 1


def test_many_clients_in_one_request_each_have_their_readings(store: Asked) -> None:
    asks = [(f"10.0.0.{n}", group(*(sliding(100, rule=f"rule {m}") for m in range(n % 4))), "") for n in range(20)]
    for turn in (1, 2):
        for number, (banned_by, _, found) in enumerate(store.count(asks, T)):
            assert banned_by == ""
            assert [reading[0] for reading in found] == [turn] * (number % 4)


def test_one_client_may_be_asked_about_twice_in_a_request(store: Asked) -> None:
    asks = [("10.0.0.1", group(sliding(9, 3600)), ""), ("10.0.0.1", group(sliding(9, 1, rule="other"), strikes()), "")]
    for turn in (1, 2):
        assert [[r[0] for r in tally[2]] for tally in store.count(asks, T)] == [[turn], [turn, turn]]


@pytest.mark.parametrize("client", HOSTILE, ids=range(len(HOSTILE)))
def test_a_client_cannot_choose_a_key_that_confuses(store: Asked, client: str) -> None:
    used(store, "203.0.113.9", group(sliding()), T)
    assert used(store, client, group(sliding()), T) == [1]
    assert used(store, client, group(sliding()), T) == [2]
    store.count([(client, group(strikes(1)), "")], T)
    assert [ban.client for ban in store.bans()] == [client]
    assert [ban.client for ban in store.forget(client)] == [client]
    assert used(store, client, group(sliding()), T) == [1]
    assert used(store, "203.0.113.9", group(look(sliding())), T) == [1]


@pytest.mark.parametrize("evidence", [*HOSTILE[:-2], ""], ids=range(len(HOSTILE) - 1))
def test_evidence_is_kept_as_it_was(store: Asked, evidence: str) -> None:
    store.count([("203.0.113.9", group(strikes(1)), evidence)], T)
    (ban,) = store.bans()
    assert ban.evidence == evidence


@pytest.mark.parametrize("rule", ["a b", "manual?", "ban:logins", "used:x", "%s", "Регел ✓", "x" * 120])
def test_a_rule_may_have_any_name(store: Asked, rule: str) -> None:
    both = group(sliding(100, rule="logins"), strikes(2, rule=rule))
    assert [used(store, "203.0.113.9", both, T) for _ in range(2)] == [[1, 1], [2, 2]]
    assert store.count([("203.0.113.9", both, "")], T + SECOND)[0][0] == rule
    assert [ban.rule for ban in store.forget("203.0.113.9")] == [rule]
