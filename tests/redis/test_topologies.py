"""Servers change places: slots move, a cluster loses a primary, sentinels name another; counting goes on by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import pytest
import redis

from stockade.errors import Unavailable
from stockade.guard.meter import MANUAL, Ban
from tests.contract.meters import group, look, sliding, strikes
from tests.contract.stores import Asked
from tests.redis.conftest import OpenStore
from tests.servers.processes import free_port, wait_until
from tests.servers.redis import RedisServer
from tests.servers.redis_cluster import RedisCluster, StartRedisCluster
from tests.servers.redis_sentinel import RedisSentinel, StartRedisSentinel

COUNTED = group(sliding(1e6, 3600))
CLIENTS = [f"10.0.0.{number}" for number in range(24)]
HURRIED = 0.25
Answer = TypeVar("Answer")


def counts(store: Asked, client: str) -> bool:
    try:
        return store.count([(client, COUNTED, "")])[0][0] == ""
    except Unavailable:
        return False


def patiently(act: Callable[[], Answer]) -> Answer:
    """What is done, once the machine lets it be done within the store's deadline."""
    for _ in range(200):
        with suppress(Unavailable):
            return act()
    raise TimeoutError("it is never done within the deadline")


def banned_by(store: Asked, client: str) -> str:
    return patiently(lambda: store.count([(client, COUNTED, "")])[0][0])


def recovers(store: Asked) -> None:
    """Every client is counted again, by itself."""
    wait_until(lambda: all(counts(store, client) for client in CLIENTS), "all clients to be counted", seconds=90)


def cluster_url(cluster: RedisCluster) -> str:
    return "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in cluster.ports)


def sentinel_url(watched: RedisSentinel) -> str:
    return "redis+sentinel://" + ",".join(f"127.0.0.1:{port}" for port in watched.sentinels) + f"/{watched.service}"


def role(server: RedisServer) -> str:
    """What a server takes itself for; nothing while it changes its mind and hangs up on everybody."""
    with suppress(redis.ConnectionError), server.client() as client:
        return str(client.execute_command("ROLE")[0])
    return ""


def test_clients_of_one_request_are_counted_wherever_they_live(
    open_store: OpenStore, redis_cluster: RedisCluster
) -> None:
    store = open_store(cluster_url(redis_cluster))
    asks = [(client, COUNTED, "") for client in CLIENTS]
    for turn in (1, 2):
        assert [tally[2][0][0] for tally in store.count(asks)] == [turn] * len(CLIENTS)
    assert len({redis_cluster.primary_of(f"stockade:{{{client}}}") for client in CLIENTS}) == 3


def test_a_ban_in_a_cluster_is_listed_and_lifted(open_store: OpenStore, redis_cluster: RedisCluster) -> None:
    store = open_store(cluster_url(redis_cluster))
    store.count([(client, group(strikes(1)), "GET /") for client in CLIENTS])
    assert {ban.client for ban in store.bans()} == set(CLIENTS)
    assert [ban.client for client in CLIENTS for ban in store.forget(client)] == CLIENTS
    assert store.bans() == []


def test_a_slot_that_moves_is_followed(open_store: OpenStore, new_redis_cluster: StartRedisCluster) -> None:
    cluster = new_redis_cluster()
    store = open_store(cluster_url(cluster))
    key = "stockade:{10.0.0.1}"
    store.count([("10.0.0.1", COUNTED, "")])
    old = cluster.primary_of(key)
    new = next(port for port in cluster.primaries() if port != old)
    with cluster.client(old) as source, cluster.client(new) as target:
        slot = source.execute_command("CLUSTER", "KEYSLOT", key)
        names = {port: client.execute_command("CLUSTER", "MYID") for port, client in ((old, source), (new, target))}
        target.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", names[old])
        source.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", names[new])
        source.execute_command("MIGRATE", "127.0.0.1", new, key, 0, 5000)
        assert store.count([("10.0.0.1", COUNTED, "")])[0][2][0][0] == 2  # asked for (ASK) while it is under way
        for client in (target, source):
            client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", names[new])
    for turn in range(3):
        assert store.count([("10.0.0.1", COUNTED, "")])[0][2][0][0] == turn + 3


def test_a_cluster_loses_a_primary(open_store: OpenStore, new_redis_cluster: StartRedisCluster) -> None:
    cluster = new_redis_cluster()
    store = open_store(cluster_url(cluster), HURRIED)
    recovers(store)
    lost = cluster.primary_of(f"stockade:{{{CLIENTS[0]}}}")
    elsewhere = next(client for client in CLIENTS if cluster.primary_of(f"stockade:{{{client}}}") != lost)
    patiently(lambda: store.ban(Ban(elsewhere, MANUAL, time.time(), time.time() + 600)))
    cluster.kill(lost)
    with pytest.raises(Unavailable):
        store.count([(CLIENTS[0], COUNTED, "")])
    assert banned_by(store, elsewhere) == MANUAL
    wait_until(lambda: counts(store, CLIENTS[0]), "the replica to take over", seconds=90)


@pytest.mark.parametrize("fault", ["killed", "frozen"])
def test_sentinels_name_another_primary(
    open_store: OpenStore, new_redis_sentinel: StartRedisSentinel, fault: str
) -> None:
    watched = new_redis_sentinel()
    store = open_store(sentinel_url(watched), HURRIED)
    recovers(store)
    before = watched.primary_port()
    (watched.primary.kill if fault == "killed" else watched.primary.freeze)()
    with pytest.raises(Unavailable):
        store.count([(CLIENTS[0], COUNTED, "")])
    recovers(store)
    assert watched.primary_port() != before


def test_an_old_primary_that_wakes_up_is_not_written_to(
    open_store: OpenStore, new_redis_sentinel: StartRedisSentinel
) -> None:
    watched = new_redis_sentinel()
    store = open_store(sentinel_url(watched), HURRIED)
    recovers(store)
    watched.primary.freeze()
    wait_until(lambda: watched.primary_port() != watched.primary.port, "the failover", seconds=90)
    recovers(store)
    watched.be_patient()  # or those that watch take a busy machine for another loss, and stand still for half a minute
    watched.primary.thaw()
    patiently(lambda: store.ban(Ban(CLIENTS[0], MANUAL, time.time(), time.time() + 600)))
    assert watched.replica.command("EXISTS", f"stockade:{{{CLIENTS[0]}}}") == 1
    wait_until(lambda: role(watched.primary) == "slave", "the old primary's demotion", seconds=180)
    assert banned_by(store, CLIENTS[0]) == MANUAL


def test_a_primary_demoted_under_our_hands_is_left(
    open_store: OpenStore, new_redis_sentinel: StartRedisSentinel
) -> None:
    watched = new_redis_sentinel()
    store = open_store(sentinel_url(watched))
    store.count([(CLIENTS[0], COUNTED, "")])
    with watched.primary.client() as client:
        client.execute_command("REPLICAOF", "127.0.0.1", watched.replica.port)
    watched.replica.promote()
    with pytest.raises(Unavailable, match=r"READONLY|not a primary"):
        store.count([(CLIENTS[0], COUNTED, "")])


def test_sentinels_that_do_not_answer_are_passed_over(open_store: OpenStore, redis_sentinel: RedisSentinel) -> None:
    here = ",".join(f"127.0.0.1:{port}" for port in [free_port(), *redis_sentinel.sentinels])
    store = open_store(f"redis+sentinel://{here}/{redis_sentinel.service}")
    assert counts(store, CLIENTS[0])


def test_a_service_that_sentinels_do_not_know(open_store: OpenStore, redis_sentinel: RedisSentinel) -> None:
    store = open_store(f"redis+sentinel://127.0.0.1:{redis_sentinel.sentinels[0]}/nobody")
    with pytest.raises(Unavailable, match="knows no 'nobody'"):
        store.count([(CLIENTS[0], COUNTED, "")])


def test_a_single_server_that_is_asked_for_as_a_cluster_says_so(
    open_store: OpenStore, redis_sentinel: RedisSentinel
) -> None:
    store = open_store(f"redis+cluster://127.0.0.1:{redis_sentinel.primary.port}")
    with pytest.raises(Unavailable, match="cluster support disabled"):
        store.count([(CLIENTS[0], group(look(sliding())), "")])
