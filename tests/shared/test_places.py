"""Rules come and go while counters live, in several processes at once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from stockade.errors import Unavailable
from stockade.guard.meter import Group, Meter, Window
from stockade.guard.shared import SharedStore, places
from tests.shared.conftest import Start
from tests.shared.other import YEARS, Other, banning, throttle


def test_rules_added_by_two_processes_at_once_never_share_a_counter(start: Start) -> None:
    one, two = start(), start()
    for n in range(12):
        one.tell("passes", "203.0.113.9", f"rule {n}", 1e9, n + 1)
        two.tell("passes", "203.0.113.9", f"rule {11 - n}", 1e9, 100)
    for _ in range(12):
        one.answer()
        two.answer()
    rules = [f"rule {n}" for n in range(12)]
    assert one("used", "203.0.113.9", *rules) == [101 + n for n in range(12)]
    assert two("used", "203.0.113.9", *rules) == [101 + n for n in range(12)]


def test_a_rule_keeps_its_counter_through_restarts(start: Start) -> None:
    first = start()
    first("passes", "203.0.113.9", "one", 1e9, 1)
    first("passes", "203.0.113.9", "two", 1e9, 2)
    first.end()
    second = start()
    assert second("passes", "203.0.113.9", "three", 1e9, 3) == 3
    assert second("used", "203.0.113.9", "two", "one", "three") == [2, 1, 3]


def test_a_rule_that_begins_to_ban_gets_a_place_of_its_own(store: SharedStore) -> None:
    Other(store).passes("203.0.113.9", "r", 1e9, 2)
    assert Other(store).strike("203.0.113.9", "r", 2, 600) == ""
    assert Other(store).strike("203.0.113.9", "r", 2, 600) == ""
    assert Other(store).strike("203.0.113.9", "r", 2, 600) == "r"


def test_a_store_whose_places_are_all_used_says_so(path: Path) -> None:
    store = SharedStore(path, clients=32, rules=4)
    Other(store).passes("203.0.113.9", "throttle", 1, 1)
    Other(store).strike("203.0.113.9", "ban", 5, 1)
    with pytest.raises(Unavailable, match="room for 4 rules"):
        Other(store).strike("203.0.113.9", "another ban", 5, 1)
    assert Other(store).passes("203.0.113.9", "another throttle", 1, 2) == 1
    with pytest.raises(Unavailable, match="configure more rules"):
        Other(store).passes("203.0.113.9", "a third", 1, 1)


def test_places_that_nobody_used_for_long_are_taken_back_and_whoever_still_knew_them_notices(
    path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle = start(32, 4)
    assert idle("strike", "203.0.113.9", "old ban", 1, 6000) == ""
    idle("passes", "203.0.113.9", "old", 1e9, 7)
    later = time.time() + places.LEASE + 5
    monkeypatch.setattr(time, "time", lambda: later)
    store = SharedStore(path)
    Other(store).passes("203.0.113.9", "old", 1e9, 1)
    assert Other(store).used("203.0.113.9", "old") == [8], "who uses a rule keeps its place"
    assert Other(store).passes("203.0.113.9", "new", 1e9, 3) == 3
    assert Other(store).passes("203.0.113.9", "newer", 1e9, 4) == 4
    assert Other(store).used("203.0.113.9", "new", "newer") == [3, 4], "the ban that nobody used made way"
    assert list(store.bans()) == []
    assert idle("used", "203.0.113.9", "old", "new", "newer") == [8, 3, 4]


def test_a_process_says_again_and_again_which_rules_it_uses(
    store: SharedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = throttle("r", 5)
    store.count([("203.0.113.9", group, "")])
    (before,) = store._table.places.all()
    in_an_hour, then = time.monotonic() + 3600, time.time() + 3600
    monkeypatch.setattr(time, "monotonic", lambda: in_an_hour)
    monkeypatch.setattr(time, "time", lambda: then)
    store.networks()
    store.count([("203.0.113.9", group, "")])
    (after,) = store._table.places.all()
    assert after.used - before.used > 3000


def test_groups_made_for_every_request_are_not_kept_for_ever(store: SharedStore) -> None:
    for limit in range(5000):
        store.count([("203.0.113.9", Group([Meter("r", Window.FIXED, limit + 1e6, YEARS)]), "")])
    assert len(store._table.plans) <= 4096
    assert Other(store).used("203.0.113.9", "r") == [5000]


def test_a_ban_rule_takes_the_room_of_two(path: Path) -> None:
    store = SharedStore(path, clients=32, rules=2)
    store.count([("203.0.113.9", banning("logins", 1, 600), "")])
    (named,) = store._table.places.banning()
    assert (named.unit, named.kind, named.rule) == (0, places.BANS, "logins")
