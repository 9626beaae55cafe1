"""What a decision costs Redis: one trip for everything, less when requests come together, none for the known banned."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable

import pytest

from stockade.guard.meter import MANUAL, MICROSECONDS, NETWORK, Ban
from stockade.guard.redis.pipeline import MAX_BATCH
from tests.contract.meters import group, look, sliding, strikes
from tests.redis.conftest import OpenStore
from tests.servers.processes import wait_until
from tests.servers.redis import RedisServer
from tests.source_tree import ROOT

CLIENT = "203.0.113.9"
KEY = "stockade:{203.0.113.9}"
WITHIN = 1.0  # seconds after which what another has done must act here
TWENTY = group(*(sliding(1e6, rule=f"rule {n}") for n in range(15)), *(strikes(100, rule=f"ban {n}") for n in range(5)))


def commands(server: RedisServer, work: Callable[[], object]) -> Counter[str]:
    """The commands that clients sent while some work was done; those of scripts do not travel."""
    inside = {"hget", "hmget", "hset", "time", "pexpire", "zadd", "zrange", "zremrangebyscore", "pexpireat", "hdel"}
    with server.client() as client:
        client.config_resetstat()
        work()
        stats = client.info("commandstats")
    counts = {name.removeprefix("cmdstat_"): int(each["calls"]) for name, each in stats.items()}
    return Counter({name: n for name, n in counts.items() if name not in inside | {"config|resetstat", "info"}})


def test_twenty_rules_with_bans_are_one_trip(open_store: OpenStore, redis_server: RedisServer) -> None:
    store = open_store(redis_server.url)
    asks = [(CLIENT, TWENTY, "GET /"), ("user:ann", TWENTY, "GET /"), ("token:x", TWENTY, "GET /")]
    store.count(asks)
    assert commands(redis_server, lambda: store.count(asks)) == {"evalsha": 1}


def test_placing_a_ban_is_part_of_the_trip(open_store: OpenStore, redis_server: RedisServer) -> None:
    store = open_store(redis_server.url)
    store.count([(CLIENT, group(sliding()), "")])
    assert commands(redis_server, lambda: store.count([(CLIENT, group(strikes(1)), "")])) == {"evalsha": 1}
    assert [ban.client for ban in store.bans()] == [CLIENT]


def test_the_banned_networks_cost_no_trip_while_fresh(open_store: OpenStore, redis_server: RedisServer) -> None:
    store = open_store(redis_server.url)
    store.networks()
    store.count([(CLIENT, TWENTY, "")])

    def decide() -> None:
        for _ in range(5):
            store.networks()
            store.count([(CLIENT, TWENTY, "")])

    assert commands(redis_server, decide)["evalsha"] == 5


def test_requests_in_flight_share_calls(redis_server: RedisServer) -> None:
    from tests.redis.conftest import awaited

    store = awaited(redis_server.url, 10, "stockade")
    store.count([(CLIENT, TWENTY, "")])
    found = commands(redis_server, lambda: store.count_at_once([[(f"10.0.0.{n}", TWENTY, "")] for n in range(64)]))
    assert found == {"evalsha": 64 / MAX_BATCH}
    store.close()


def test_a_client_known_to_be_banned_costs_no_trip(
    open_store: OpenStore, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stockade.guard.redis.known.LAPSE", 60.0)  # however long this machine takes
    store = open_store(redis_server.url)
    banning = group(strikes(1))
    for _ in range(2):
        store.count([(CLIENT, banning, "")])
    assert commands(redis_server, lambda: [store.count([(CLIENT, banning, "")]) for _ in range(20)]) == {}
    assert store.count([(CLIENT, banning, ""), ("user:ann", TWENTY, "")])[0][0] == "logins"


def test_a_known_ban_answers_only_who_asks_for_its_rule(open_store: OpenStore, redis_server: RedisServer) -> None:
    store = open_store(redis_server.url)
    for _ in range(2):
        store.count([(CLIENT, group(strikes(1)), "")])
    assert store.count([(CLIENT, group(sliding()), "")])[0][0] == ""
    assert store.count([(CLIENT, group(look(strikes(1)), exempt=True), "")])[0][0] == ""


def test_one_del_by_hand_frees_a_client_within_a_second(open_store: OpenStore, redis_server: RedisServer) -> None:
    store = open_store(redis_server.url)
    banning = group(strikes(1), sliding(2))
    store.ban(Ban(CLIENT, MANUAL, time.time(), time.time() + 600))
    assert store.count([(CLIENT, banning, "")])[0][0] == MANUAL
    assert redis_server.command("DEL", KEY) == 1
    time.sleep(WITHIN)
    assert store.count([(CLIENT, banning, "")])[0][0] == ""
    assert [ban.client for ban in store.bans()] == [CLIENT]  # by the strike just now, and no more by hand
    redis_server.command("DEL", KEY)
    assert store.bans() == []


def test_one_del_by_hand_frees_a_network(open_store: OpenStore, redis_server: RedisServer) -> None:
    store = open_store(redis_server.url)
    store.ban(Ban(f"{NETWORK}10.0.0.0/8", MANUAL, time.time(), time.time() + 600))
    assert list(store.networks()) == [f"{NETWORK}10.0.0.0/8"]
    redis_server.command("DEL", "stockade:{network:10.0.0.0/8}")
    time.sleep(WITHIN)
    assert not store.networks()


IN_ANOTHER_PROCESS = """
import sys, time
from stockade.guard.meter import MANUAL, Ban
from stockade.guard.redis import RedisStore
store = RedisStore(sys.argv[1], deadline=10)
if sys.argv[2] == "ban":
    store.ban(Ban(sys.argv[3], MANUAL, time.time(), time.time() + 600))
else:
    store.forget(sys.argv[3])
"""


@pytest.mark.parametrize("client", [CLIENT, f"{NETWORK}203.0.113.0/24"])
def test_a_ban_and_an_unban_in_another_process_act_here_within_a_second(
    open_store: OpenStore, redis_server: RedisServer, client: str
) -> None:
    store = open_store(redis_server.url)

    def banned() -> bool:
        return client in store.networks() or store.count([(CLIENT, group(sliding(1e9)), "")])[0][0] == MANUAL

    def elsewhere(verb: str) -> None:
        subprocess.run([sys.executable, "-c", IN_ANOTHER_PROCESS, redis_server.url, verb, client], cwd=ROOT, check=True)

    assert not banned()
    elsewhere("ban")
    time.sleep(WITHIN)
    assert banned()
    elsewhere("unban")
    time.sleep(WITHIN)
    assert not banned()


def test_every_key_ends(open_store: OpenStore, redis_server: RedisServer) -> None:
    store = open_store(redis_server.url)
    store.count([(CLIENT, TWENTY, "")])
    store.count([("user:ann", group(strikes(1, bantimes=(60,))), "")])
    store.ban(Ban(f"{NETWORK}10.0.0.0/8", MANUAL, time.time(), time.time() + 60))
    with redis_server.client() as client:
        left = {key: client.pttl(key) for key in client.scan_iter("*")}
    assert left.keys() == {
        *(KEY, "stockade:{user:ann}", "stockade:{network:10.0.0.0/8}", "stockade:bans", "stockade:networks")
    }
    assert all(0 < each <= 1650_000 for each in left.values()), left


def test_keys_are_gone_when_nothing_in_them_matters(open_store: OpenStore, redis_server: RedisServer) -> None:
    store = open_store(redis_server.url)
    store.count([(CLIENT, group(sliding(9, 1.0), strikes(1, 1.0, (2.0,))), "")])
    assert redis_server.command("DBSIZE") == 2
    wait_until(lambda: redis_server.command("DBSIZE") == 0, "the keys to end")


def test_a_counter_lives_as_long_as_it_may_matter(open_store: OpenStore, redis_server: RedisServer) -> None:
    store = open_store(redis_server.url)
    for _ in range(3):
        store.count([(CLIENT, group(sliding(9, 3600)), "")])
        store.count([(CLIENT, group(sliding(9, 1, rule="short")), "")])
    with redis_server.client() as client:
        assert client.pttl(KEY) > 3600_000, "and not as long as the short one"


def test_the_key_reads_well(open_store: OpenStore, redis_server: RedisServer) -> None:
    store = open_store(redis_server.url, prefix="shop:eu")
    store.count([("user:ann", group(sliding(), strikes(1)), "POST /login 401")])
    with redis_server.client() as client:
        fields = client.execute_command("HKEYS", "shop:eu:{user:ann}")
    assert set(fields) == {
        *("state", "used", "rules", "ban:logins", "since:logins", "reason:logins", "evidence:logins")
    }


@pytest.mark.parametrize("used", ["", "x", "x" * 24, "x" * 480])
def test_counters_that_do_not_fit_their_rules_begin_anew(
    open_store: OpenStore, redis_server: RedisServer, used: str
) -> None:
    store = open_store(redis_server.url)
    both = group(sliding(), sliding(9, 1, rule="other"))
    store.count([(CLIENT, both, "")])
    redis_server.command("HSET", KEY, "used", used)
    assert [reading[0] for reading in store.count([(CLIENT, both, "")])[0][2]] == [1, 1]


def test_counters_are_kept_whatever_else_is_asked_about_a_client(
    open_store: OpenStore, redis_server: RedisServer
) -> None:
    store = open_store(redis_server.url)
    names = ["a", "b", "c", "d"]
    for turn in range(1, 5):
        for first in range(4):
            asked = group(*(sliding(1e6, 3600, rule=name) for name in (names[first:] + names[:first])[: first + 1]))
            store.count([(CLIENT, asked, "")])
        found = store.count([(CLIENT, group(*(look(sliding(1e6, 3600, rule=name)) for name in names)), "")])
        assert [reading[0] for reading in found[0][2]] == [turn * n for n in (3, 2, 3, 2)]
    with redis_server.client() as client:
        assert client.execute_command("HGET", KEY, "rules").split("\n") == ["a", "b", "c", "d"]


def test_counters_are_kept_through_a_ban_by_hand(open_store: OpenStore, redis_server: RedisServer) -> None:
    store, one = open_store(redis_server.url), group(sliding())
    store.count([(CLIENT, one, "")])
    store.ban(Ban(CLIENT, MANUAL, time.time(), time.time() + 2))
    assert store.count([(CLIENT, one, "")])[0][0] == MANUAL
    wait_until(lambda: store.count([(CLIENT, group(look(sliding())), "")])[0][0] == "", "the ban to end")
    assert store.count([(CLIENT, one, "")])[0][2][0][0] == pytest.approx(2.0, abs=0.1)


def test_one_machine_may_keep_several_guards_apart(open_store: OpenStore, redis_server: RedisServer) -> None:
    one, two = open_store(redis_server.url, prefix="one"), open_store(redis_server.url, prefix="two")
    one.ban(Ban(CLIENT, MANUAL, time.time(), time.time() + 60))
    assert two.bans() == []
    assert two.count([(CLIENT, group(sliding()), "")])[0][0] == ""


def test_the_servers_clock_decides(open_store: OpenStore, redis_server: RedisServer) -> None:
    store = open_store(redis_server.url)
    store.count([(CLIENT, group(strikes(1)), "")])
    (ban,) = store.bans()
    with redis_server.client() as client:
        seconds, microseconds = client.time()
    assert 0 <= seconds + microseconds / MICROSECONDS - ban.since < 10
