"""Who may not pass: bans that rules place and bans by hand, seen through every store."""

from __future__ import annotations

import pytest

from stockade.guard.meter import FOREVER, MANUAL, MICROSECONDS, NETWORK, Ban, Tally
from tests.contract.meters import MINUTE, SECOND, clear, group, look, sliding, strikes
from tests.contract.stores import Asked, now, readings, used

CLIENT = "203.0.113.9"
T = now()


def banned_until() -> float:
    """When a ban of ten minutes that begins now is over."""
    return T + 600 * SECOND


def strike(store: Asked, times: int, client: str = CLIENT, at: float | None = None, **settings: object) -> list[Tally]:
    striking, when = group(strikes(**settings)), T if at is None else at  # type: ignore[arg-type]
    return [store.count([(client, striking, "POST /login 401")], when)[0] for _ in range(times)]


def by_hand(client: str, seconds: float = 600, since: float | None = None) -> Ban:
    start = (T if since is None else since) / MICROSECONDS
    return Ban(client, MANUAL, start, start + seconds, "scanning", "", 1, "ann")


def test_enough_strikes_ban_and_say_so_once(store: Asked) -> None:
    found = strike(store, 4)
    assert [tally[2] for tally in found[:3]] == [[(1, 0, 0)], [(2, 0, 0)], [(3, 600 * SECOND, 1)]]
    assert found[3] == ("logins", banned_until(), ())


def test_a_ban_ends_by_itself(store: Asked) -> None:
    strike(store, 3)
    assert strike(store, 1, at=banned_until() - 1)[0][0] == "logins"
    assert strike(store, 1, at=banned_until())[0] == ("", 0, [(1, 0, 0)])


def test_strikes_too_far_apart_do_not_ban(store: Asked) -> None:
    for number in range(20):
        assert strike(store, 1, at=T + number * 60 * SECOND)[0][0] == ""


def test_a_success_that_clears_saves_the_client(store: Asked) -> None:
    strike(store, 2)
    used(store, CLIENT, group(clear(strikes())), T)
    assert [tally[0] for tally in strike(store, 2)] == ["", ""]


def test_nothing_is_counted_while_a_client_is_banned(store: Asked) -> None:
    strike(store, 3)
    counted = group(sliding(100), strikes())
    for _ in range(5):
        assert store.count([(CLIENT, counted, "GET /")], T + SECOND) == [("logins", banned_until(), ())]
    assert used(store, CLIENT, group(look(sliding(100))), T + SECOND) == [0]


def test_a_ban_answers_only_for_groups_that_hold_its_rule(store: Asked) -> None:
    strike(store, 3)
    assert used(store, CLIENT, group(sliding()), T) == [1]
    assert store.count([(CLIENT, group(sliding(), look(strikes())), "")], T)[0][0] == "logins"


def test_a_ban_in_shadow_answers_for_nothing_and_is_told_by_its_meter(store: Asked) -> None:
    strike(store, 3, shadow=True)
    ((used_up, wait, level),) = readings(store, CLIENT, group(strikes(shadow=True)), T + SECOND)
    assert (used_up, wait, level) == (3, 599 * SECOND, 0)


def test_ban_times_grow_in_a_row(store: Asked) -> None:
    at, times = T, []
    for _ in range(4):
        banned = strike(store, 3, at=at, bantimes=(10, 60, 300))[-1]
        ((_, wait, level),) = banned[2]
        times.append((wait / SECOND, level))
        at += wait
    assert times == [(10, 1), (60, 2), (300, 3), (300, 4)]


def test_the_row_is_forgotten_after_as_long_as_the_longest_ban(store: Asked) -> None:
    strike(store, 3, bantimes=(10, 60))
    patient, just = T + 10 * SECOND + 60 * SECOND, T + 10 * SECOND + 59 * SECOND
    assert strike(store, 3, "other", bantimes=(10, 60))[-1][2][0][2] == 1
    assert strike(store, 3, at=just, client="other", bantimes=(10, 60))[-1][2][0][2] == 2
    assert strike(store, 3, at=patient, bantimes=(10, 60))[-1][2][0][2] == 1


def test_an_exempt_client_is_counted_and_never_banned(store: Asked) -> None:
    strike(store, 3)
    store.ban(by_hand(CLIENT))
    exempt = group(sliding(100), exempt=True)
    assert [used(store, CLIENT, exempt, T) for _ in range(2)] == [[1], [2]]


@pytest.mark.parametrize("client", [CLIENT, "2001:db8:1:2::/64", "user:ann", "token:glpat-ann", "both:ann|x"])
def test_every_kind_of_client_can_be_banned_by_hand(store: Asked, client: str) -> None:
    store.ban(by_hand(client))
    banned_by, until, found = store.count([(client, group(sliding()), "")])[0]
    assert (banned_by, found) == (MANUAL, ())
    assert until == pytest.approx(banned_until(), abs=2)


def test_a_ban_by_hand_ends_and_can_be_replaced(store: Asked) -> None:
    store.ban(by_hand(CLIENT, 600))
    store.ban(by_hand(CLIENT, 30))
    assert store.count([(CLIENT, group(sliding()), "")], T + 29 * SECOND)[0][0] == MANUAL
    assert used(store, CLIENT, group(sliding()), T + 31 * SECOND) == [1]


def test_a_ban_by_hand_may_last_for_ever(store: Asked) -> None:
    store.ban(Ban(CLIENT, MANUAL, T / MICROSECONDS, FOREVER / MICROSECONDS))
    assert store.count([(CLIENT, group(sliding()), "")], T + 10 * 365 * 24 * 60 * MINUTE)[0][0] == MANUAL
    assert [ban.client for ban in store.bans()] == [CLIENT]


def test_a_ban_of_one_of_a_requests_clients_stops_the_count_of_all(store: Asked) -> None:
    store.ban(by_hand("user:ann"))
    asks = [(CLIENT, group(sliding()), ""), ("user:ann", group(sliding()), "")]
    for _ in range(3):
        assert store.count(asks, T)[1][0] == MANUAL
    assert used(store, CLIENT, group(look(sliding())), T) == [0 if store.whole else 3]
    assert used(store, "user:ann", group(look(sliding()), exempt=True), T) == [0]


def test_a_lifted_ban_is_lifted_at_once_for_who_lifted_it(store: Asked) -> None:
    strike(store, 3)
    assert store.count([(CLIENT, group(strikes()), "")])[0][0] == "logins"
    assert store.count([(CLIENT, group(strikes()), "")])[0][0] == "logins"
    store.forget(CLIENT)
    assert used(store, CLIENT, group(strikes())) == [1]


def test_forgetting_lifts_every_ban_and_clears_every_counter(store: Asked) -> None:
    strike(store, 3)
    store.ban(by_hand(CLIENT))
    for _ in range(3):
        used(store, CLIENT, group(sliding(), exempt=True), T)
    assert sorted(ban.rule for ban in store.forget(CLIENT)) == ["logins", MANUAL]
    assert used(store, CLIENT, group(sliding(), strikes()), T) == [1, 1]
    assert store.bans() == []
    assert store.forget(CLIENT) == []


def test_forgetting_one_client_leaves_the_others(store: Asked) -> None:
    strike(store, 3)
    strike(store, 3, "198.51.100.1")
    store.forget(CLIENT)
    assert strike(store, 1, "198.51.100.1")[0][0] == "logins"


def test_the_row_is_forgotten_with_the_client(store: Asked) -> None:
    strike(store, 3, bantimes=(10, 60))
    store.forget(CLIENT)
    assert strike(store, 3, bantimes=(10, 60))[-1][2][0][2] == 1


def test_bans_are_listed_with_what_led_to_them(store: Asked) -> None:
    strike(store, 3)
    store.ban(by_hand("user:ann"))
    rule, hand = sorted(store.bans(), key=lambda ban: ban.client)
    assert (rule.client, rule.rule, rule.level, rule.evidence) == (CLIENT, "logins", 1, "POST /login 401")
    assert rule.reason == "3 strikes in 60 s"
    assert (rule.since, rule.until) == pytest.approx((T / MICROSECONDS, banned_until() / MICROSECONDS), abs=1e-3)
    assert (hand.client, hand.rule, hand.reason, hand.by) == ("user:ann", MANUAL, "scanning", "ann")
    assert (hand.since, hand.until) == pytest.approx((T / MICROSECONDS, banned_until() / MICROSECONDS), abs=1e-3)


def test_what_has_ended_is_not_listed(store: Asked) -> None:
    store.ban(by_hand(CLIENT, 60, since=T - 120 * SECOND))
    strike(store, 3, "198.51.100.1", at=T - 700 * SECOND)
    assert store.bans() == []


def test_many_bans_are_all_listed(store: Asked) -> None:
    clients = {f"10.0.{n // 250}.{n % 250}" for n in range(700)}
    for client in clients:
        strike(store, 1, client, limit=1)
    assert {ban.client for ban in store.bans()} == clients


def test_networks_are_banned_by_hand_and_listed(store: Asked) -> None:
    assert list(store.networks()) == []
    store.ban(by_hand(f"{NETWORK}203.0.113.0/24"))
    store.ban(by_hand(f"{NETWORK}2001:db8::/32"))
    assert sorted(store.networks()) == [f"{NETWORK}2001:db8::/32", f"{NETWORK}203.0.113.0/24"]
    assert {ban.client for ban in store.bans()} == set(store.networks())
    assert store.networks() is store.networks()
    assert [ban.client for ban in store.forget(f"{NETWORK}203.0.113.0/24")] == [f"{NETWORK}203.0.113.0/24"]
    assert list(store.networks()) == [f"{NETWORK}2001:db8::/32"]
