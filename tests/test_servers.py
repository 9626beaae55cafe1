"""Each real server of the suite starts, answers, and can be broken the way the tests want it broken."""

from __future__ import annotations

import httpx2
import pytest
import redis

from tests.servers.nginx import StartFrontServer
from tests.servers.processes import ProgramMissing, program, wait_until
from tests.servers.redis import NEVER, RedisServer, StartRedis
from tests.servers.redis_cluster import RedisCluster
from tests.servers.redis_sentinel import RedisSentinel


def test_a_missing_program_is_named_with_its_package() -> None:
    with pytest.raises(ProgramMissing, match="apt-get install no-such-package"):
        program("no-such-program", "no-such-package")


def test_redis_answers_over_tcp_and_over_its_unix_socket(redis_server: RedisServer) -> None:
    redis_server.command("SET", "greeting", "hello")
    with redis.Redis.from_url(redis_server.unix_url, decode_responses=True) as client:
        assert client.get("greeting") == "hello"


def test_a_private_redis_can_be_frozen_filled_demoted_and_killed(new_redis: StartRedis) -> None:
    server = new_redis()
    server.freeze()
    with pytest.raises(redis.TimeoutError), redis.Redis(port=server.port, socket_timeout=0.2, retry=NEVER) as client:
        client.ping()
    server.thaw()
    server.demote()
    with pytest.raises(redis.ReadOnlyError):
        server.command("SET", "a", 1)
    server.promote()
    server.fill()
    with pytest.raises(redis.OutOfMemoryError):
        server.command("SET", "a", 1)
    server.kill()
    with pytest.raises(redis.ConnectionError):
        server.command("PING")
    assert new_redis(port=server.port).command("PING") is True


def test_a_redis_cluster_spreads_keys_over_three_primaries(redis_cluster: RedisCluster) -> None:
    with redis.RedisCluster.from_url(redis_cluster.url) as client:
        for number in range(30):
            client.set(f"key{number}", number)
        assert client.get("key29") == b"29"
    assert len(redis_cluster.primaries()) == 3
    assert redis_cluster.primary_of("key1") in redis_cluster.primaries()


def test_sentinels_name_the_primary(redis_sentinel: RedisSentinel) -> None:
    assert redis_sentinel.primary_port() == redis_sentinel.primary.port
    redis_sentinel.primary.command("SET", "greeting", "hello")
    wait_until(lambda: redis_sentinel.replica.command("GET", "greeting") == "hello", "replication")


def test_nginx_serves_what_its_configuration_says(nginx: StartFrontServer) -> None:
    front = nginx('server { listen 127.0.0.1:$PORT; return 200 "hello\\n"; }')
    assert httpx2.get(front.url).text == "hello\n"
