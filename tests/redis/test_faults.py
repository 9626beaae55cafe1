"""Redis is killed, frozen, full, demoted, behind a bad network: one error within one deadline, and then all is well."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from stockade.errors import Unavailable
from stockade.guard.meter import MANUAL, Ask, Ban, Tally
from tests.contract.meters import group, sliding, strikes
from tests.contract.stores import Asked
from tests.redis.conftest import OpenStore
from tests.servers.faults import StartFaults
from tests.servers.processes import free_port, wait_until
from tests.servers.redis import StartRedis

ASK = [("203.0.113.9", group(sliding(1e6)), "")]
HURRIED = 0.1
GENEROUS = 20.0  # seconds that one deadline may take on a machine that is busy; who hangs would not be back


def fails(store: Asked, saying: str = "Redis") -> Unavailable:
    """Counting fails within one deadline, and says why."""
    began = time.monotonic()
    with pytest.raises(Unavailable, match=saying) as caught:
        store.count(ASK)
    assert time.monotonic() - began < HURRIED + GENEROUS
    return caught.value


def recovers(store: Asked) -> None:
    """Counting works again, by itself."""

    def counts() -> bool:
        try:
            return store.count(ASK)[0][0] == ""
        except Unavailable:
            return False

    wait_until(counts, "the store to count again")


def answered(store: Asked, ask: Ask) -> list[Tally]:
    """What the store answers, once the machine lets it do so within its deadline."""
    for _ in range(100):
        with suppress(Unavailable):
            return store.count([ask])
    raise TimeoutError("the store never answers within its deadline")


def test_nobody_listens(open_store: OpenStore, new_redis: StartRedis) -> None:
    port = free_port()
    store = open_store(f"redis://127.0.0.1:{port}")
    fails(store, f"127.0.0.1:{port} cannot be reached: Connection refused")
    new_redis(port=port)
    recovers(store)


def test_no_such_socket(open_store: OpenStore) -> None:
    fails(open_store("unix:///nowhere/redis.sock"), "/nowhere/redis.sock cannot be reached: No such file")


def test_killed_and_started_again(open_store: OpenStore, new_redis: StartRedis) -> None:
    server = new_redis()
    store = open_store(server.url)
    recovers(store)
    server.kill()
    fails(store, "cannot be reached")
    new_redis(port=server.port)
    recovers(store)


def test_restarted_between_two_requests(open_store: OpenStore, new_redis: StartRedis) -> None:
    server = new_redis()
    store = open_store(server.url)
    store.count(ASK)
    server.kill()
    new_redis(port=server.port)
    assert store.count(ASK)[0][2][0][0] == 1


def test_frozen_and_thawed(open_store: OpenStore, new_redis: StartRedis) -> None:
    server = new_redis()
    store = open_store(server.url, HURRIED)
    recovers(store)
    server.freeze()
    for _ in range(3):
        fails(store, "did not answer within 100 ms")
    server.thaw()
    recovers(store)


def test_frozen_before_the_first_request(open_store: OpenStore, new_redis: StartRedis) -> None:
    server = new_redis()
    store = open_store(server.url, HURRIED)
    server.freeze()
    fails(store, "did not answer")
    server.thaw()
    recovers(store)


def test_late_replies_are_not_taken_for_others(open_store: OpenStore, new_redis: StartRedis) -> None:
    server = new_redis()
    store = open_store(server.url, HURRIED)
    for number in range(5):
        recovers(store)
        server.freeze()
        fails(store)
        server.thaw()
        recovers(store)
        asks = [
            (f"10.0.{number}.{n}", group(*(sliding(1e6, rule=f"rule {m}") for m in range(n))), "") for n in range(9)
        ]
        patient = [answered(store, ask) for ask in asks]
        assert [len(tally[2]) for (tally,) in patient] == list(range(9))


@pytest.mark.parametrize("which", ["ALL", "WRITE"])
def test_paused(open_store: OpenStore, new_redis: StartRedis, which: str) -> None:
    server = new_redis()
    store = open_store(server.url, HURRIED)
    recovers(store)
    server.command("CLIENT", "PAUSE", 1500, which)
    fails(store, "did not answer")
    recovers(store)


def test_out_of_memory(open_store: OpenStore, new_redis: StartRedis) -> None:
    server = new_redis()
    store = open_store(server.url)
    recovers(store)
    server.fill()
    assert "raise maxmemory" in str(fails(store, "refused: OOM"))
    server.command("CONFIG", "SET", "maxmemory", 0)
    recovers(store)


def test_demoted(open_store: OpenStore, new_redis: StartRedis) -> None:
    server = new_redis()
    store = open_store(server.url)
    recovers(store)
    server.demote()
    assert "name the primary" in str(fails(store, "refused: READONLY"))
    server.promote()
    recovers(store)


def test_a_wrong_password(open_store: OpenStore, new_redis: StartRedis) -> None:
    server = new_redis()
    server.command("CONFIG", "SET", "requirepass", "open-sesame")
    assert "put one into the URL" in str(fails(open_store(server.url), "NOAUTH"))
    store = open_store(f"redis://:wrong-one@127.0.0.1:{server.port}")
    assert "wrong-one" not in str(fails(store, "WRONGPASS"))
    recovers(open_store(f"redis://:open-sesame@127.0.0.1:{server.port}/3"))


def test_something_else_uses_the_prefix(open_store: OpenStore, new_redis: StartRedis) -> None:
    server = new_redis()
    server.command("SET", "stockade:{203.0.113.9}", "mine")
    assert "choose another prefix" in str(fails(open_store(server.url), "WRONGTYPE"))
    recovers(open_store(server.url, prefix="other"))


def test_a_slow_network(open_store: OpenStore, new_redis: StartRedis, faults: StartFaults) -> None:
    network = faults(new_redis().port)
    store = open_store(f"redis://127.0.0.1:{network.port}", 0.5)
    recovers(store)
    network.delay = 2.0
    with pytest.raises(Unavailable, match="did not answer within 500 ms"):
        store.count(ASK)
    network.delay = 0.0
    recovers(store)


def test_a_network_that_resets(open_store: OpenStore, new_redis: StartRedis, faults: StartFaults) -> None:
    network = faults(new_redis().port)
    store = open_store(f"redis://127.0.0.1:{network.port}")
    recovers(store)
    network.reset = True
    network.cut()
    fails(store, "cannot be reached")
    network.reset = False
    recovers(store)


def test_a_network_that_swallows_everything(open_store: OpenStore, new_redis: StartRedis, faults: StartFaults) -> None:
    network = faults(new_redis().port)
    store = open_store(f"redis://127.0.0.1:{network.port}", HURRIED)
    recovers(store)
    network.hang = True
    end = time.monotonic() + 1.5
    while time.monotonic() < end:  # long enough for the connection to be given up
        fails(store, "did not answer")
    network.hang = False
    recovers(store)


def test_many_at_once_fail_together_within_one_deadline(open_store: OpenStore, new_redis: StartRedis) -> None:
    server = new_redis()
    store = open_store(server.url, HURRIED)
    recovers(store)
    server.freeze()
    began = time.monotonic()
    with pytest.raises(Unavailable):
        store.count_at_once([ASK] * 8)
    assert time.monotonic() - began < HURRIED + GENEROUS
    server.thaw()
    recovers(store)


def test_the_networks_and_the_count_share_one_deadline(
    open_store: OpenStore, new_redis: StartRedis, faults: StartFaults
) -> None:
    network = faults(new_redis().port)
    store = open_store(f"redis://127.0.0.1:{network.port}", 1.0)
    recovers(store)
    network.delay = 0.4
    began = time.monotonic()

    def ask() -> None:  # either alone would do: 0.8 s there and back
        store.networks()
        store.count(ASK)

    with pytest.raises(Unavailable):
        ask()
    assert time.monotonic() - began < 1.0 + GENEROUS
    network.delay = 0.0
    recovers(store)


def test_people_are_told_too(open_store: OpenStore, new_redis: StartRedis) -> None:
    server = new_redis()
    store = open_store(server.url, HURRIED)
    store.ban(Ban("203.0.113.9", MANUAL, time.time(), time.time() + 60))
    server.kill()
    for question in (store.bans, store.networks, lambda: store.forget("203.0.113.9")):
        with pytest.raises(Unavailable):
            question()


def test_a_ban_known_here_answers_while_redis_is_away(
    open_store: OpenStore, new_redis: StartRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stockade.guard.redis.known.LAPSE", 60.0)  # however long this machine takes
    server = new_redis()
    store = open_store(server.url)
    asks = [("203.0.113.9", group(strikes(1)), "")]
    store.count(asks)
    assert store.count(asks)[0][0] == "logins"
    server.kill()
    assert store.count(asks)[0][0] == "logins"
