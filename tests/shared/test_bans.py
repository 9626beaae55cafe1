"""Bans hold in every process, survive what counters need not survive, and are lifted everywhere at once."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from stockade.errors import Unavailable
from stockade.guard.meter import MANUAL, NETWORK, Ban, Group, Meter, Window
from stockade.guard.shared import SharedStore
from tests.servers.processes import wait_until
from tests.shared.conftest import CLIENTS, Start
from tests.shared.other import YEARS, Other, banning, throttle


def test_a_ban_placed_in_one_process_holds_in_another_and_is_told_there(store: SharedStore, start: Start) -> None:
    other = start()
    assert [other("strike", "203.0.113.9", "logins", 3, 600) for _ in range(4)] == ["", "", "", "logins"]
    assert store.count([("203.0.113.9", banning("logins", 3, 600), "")])[0][0] == "logins"
    (ban,) = store.bans()
    assert (ban.client, ban.rule, ban.level, ban.evidence) == ("203.0.113.9", "logins", 1, "GET /")
    assert ban.until - ban.since == pytest.approx(600)


def test_an_unban_anywhere_acts_at_once_everywhere(store: SharedStore, start: Start) -> None:
    other = start()
    Other(store).ban("203.0.113.9", 600)
    Other(store).strike("203.0.113.9", "logins", 1, 600)
    assert other("strike", "203.0.113.9", "logins", 1, 600) == "manual"
    (lifted,) = other("forget", "203.0.113.9")
    assert (lifted["rule"], lifted["reason"], lifted["by"]) == (MANUAL, "because", "ann")
    assert store.count([("203.0.113.9", throttle("r", 5), "")])[0][0] == ""
    assert list(store.bans()) == []
    assert store.forget("203.0.113.9") == []


def test_bans_survive_a_restart(path: Path, start: Start) -> None:
    first = start()
    first("strike", "203.0.113.9", "logins", 1, 600)
    first("ban", "user:mallory", 600)
    first("ban", f"{NETWORK}198.51.100.0/24", 600)
    first.end()
    second = start()
    assert second("bans") == ["203.0.113.9", f"{NETWORK}198.51.100.0/24", "user:mallory"]
    assert second("strike", "203.0.113.9", "logins", 1, 600) == "logins"
    assert second("networks") == [f"{NETWORK}198.51.100.0/24"]


def test_bans_outlive_the_table(store: SharedStore, path: Path, start: Start) -> None:
    """Of a table that is lost only the counters are: a new one takes the bans from their particulars."""
    other = Other(store)
    escalating = banning("logins", 1, 600, 6000)
    store.count([("203.0.113.9", escalating, "")])
    other.ban("user:mallory", 600)
    other.passes("198.51.100.1", "r", 5, 5)
    path.unlink()
    second = start()
    assert second("bans") == ["203.0.113.9", "user:mallory"]
    assert second("used", "198.51.100.1", "r") == [0]
    wait_until(lambda: Other(store).networks() == [] and other.used("198.51.100.1", "r") == [0], "the new table")
    (ban,) = store.forget("203.0.113.9")
    assert ban.rule == "logins"
    assert second("bans") == ["user:mallory"]


def test_networks_are_the_same_object_until_they_change_in_any_process(store: SharedStore, start: Start) -> None:
    other = start()
    assert store.networks() is store.networks()
    other("ban", f"{NETWORK}198.51.100.0/24", 600)
    first = store.networks()
    assert first == (f"{NETWORK}198.51.100.0/24",)
    other("ban", f"{NETWORK}198.51.100.0/24", 900)
    assert store.networks() is first
    other("ban", f"{NETWORK}192.0.2.0/24", 600)
    assert len(store.networks()) == 2
    other("forget", f"{NETWORK}198.51.100.0/24")
    assert store.networks() == (f"{NETWORK}192.0.2.0/24",)


def test_a_network_is_free_again_when_its_ban_has_ended(path: Path) -> None:
    now = [1000.0]
    store = SharedStore(path, clients=CLIENTS, clock=lambda: now[0])
    store.ban(Ban(f"{NETWORK}198.51.100.0/24", MANUAL, 1000.0, 1060.0))
    store.ban(Ban(f"{NETWORK}192.0.2.0/24", MANUAL, 1000.0, 1120.0))
    assert len(store.networks()) == 2
    now[0] = 1060.0
    assert store.networks() == (f"{NETWORK}192.0.2.0/24",)
    now[0] = 1120.0
    assert store.networks() == ()
    assert list(store.bans()) == []


def test_noise_of_ten_times_the_capacity_evicts_no_ban_and_keeps_who_is_active(store: SharedStore) -> None:
    other, group = Other(store), throttle("r", 1e9)
    for n in range(100):
        other.strike(f"banned {n}", "logins", 1, 600)
        other.ban(f"by hand {n}", 600)
    for n in range(10 * CLIENTS):
        store.count([(f"noise {n}", group, "")])
        if n % 16 == 0:
            store.count([("everyday", group, "")])
    assert len(list(store.bans())) == 200
    assert {other.strike(f"banned {n}", "logins", 1, 600) for n in range(100)} == {"logins"}
    assert other.used("everyday", "r") == [10 * CLIENTS / 16]


def test_a_store_that_is_full_of_live_bans_says_so_and_counts_nobody_else(path: Path) -> None:
    other = Other(store := SharedStore(path, clients=32))
    for n in range(32):
        other.ban(f"client {n}", 600)
    with pytest.raises(Unavailable, match="full of live bans"):
        other.ban("one more", 600)
    assert other.passes("one more", "r", 1, 3) == 3
    assert len(list(store.bans())) == 32


def test_a_ban_whose_particulars_are_lost_holds_and_is_told_all_the_same(store: SharedStore, path: Path) -> None:
    other = Other(store)
    other.strike("203.0.113.9", "logins", 1, 600)
    path.with_name("counters.bans").unlink()
    (ban,) = store.bans()
    assert (ban.client, ban.rule, ban.reason) == ("203.0.113.9", "logins", "its particulars were lost")
    assert 590 < ban.until - ban.since <= 600
    assert other.strike("203.0.113.9", "logins", 1, 600) == "logins"
    assert len(store.forget("203.0.113.9")) == 1
    assert list(store.bans()) == []


def test_damaged_particulars_are_moved_aside(store: SharedStore, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Other(store).strike("203.0.113.9", "logins", 1, 600)
    path.with_name("counters.bans").write_bytes(b"not a database, " * 64)
    again = SharedStore(path)
    assert "moved to" in caplog.text
    assert [ban.client for ban in again.bans()] == ["203.0.113.9"]
    assert len(list(path.parent.glob("counters.bans.aside-*"))) == 1


def test_a_ban_by_hand_is_replaced_by_the_next(path: Path) -> None:
    now = [1000.0]
    store = SharedStore(path, clients=CLIENTS, clock=lambda: now[0])
    store.ban(Ban("user:mallory", MANUAL, 1000.0, 9000.0, "first"))
    store.ban(Ban("user:mallory", MANUAL, 1000.0, 1060.0, "second"))
    assert [ban.reason for ban in store.bans()] == ["second"]
    now[0] = 1061.0
    assert list(store.bans()) == []
    assert Other(store).passes("user:mallory", "r", 1, 1) == 1


def test_a_ban_in_shadow_is_told_and_not_enforced(store: SharedStore) -> None:
    meter = banning("logins", 1, 600).meters[0]._replace(enforced=False)
    shadow = Group([meter])
    assert {store.count([("203.0.113.9", shadow, "")])[0][0] for _ in range(3)} == {""}
    assert [ban.rule for ban in store.bans()] == ["logins"]


def test_bans_in_a_row_last_longer(path: Path) -> None:
    now = [1000.0]
    store = SharedStore(path, clients=CLIENTS, clock=lambda: now[0])
    group, lasted = banning("logins", 1, 60, 600), []
    for _ in range(3):
        (_, _, ((_, wait, _),)) = store.count([("203.0.113.9", group, "")])[0]
        lasted.append(wait / 1e6)
        now[0] += wait / 1e6
    assert lasted == [60, 600, 600]


def test_any_text_may_be_a_key(store: SharedStore) -> None:
    keys = [
        "",
        "x" * 4000,
        "ä\x00\n",
        "\ud800",
        "header:x:{1}",
        "2001:db8::/64",
        *noise(),
    ]
    for number, key in enumerate(keys):
        store.count([(key, Group([Meter("r", Window.FIXED, 9e9, YEARS, cost=number + 1.0)]), "")])
    assert [Other(store).used(key, "r") for key in keys] == [[n + 1.0] for n in range(len(keys))]
    for key in keys:
        Other(store).ban(key, 60)
        assert len(store.forget(key)) == 1, key


def noise() -> set[str]:
    random = Random(4)
    return {"".join(random.choices("äöü:/{}\x7f\u2028", k=length)) for length in range(1, 200, 7)}
