"""Each real server of the suite starts, answers, and can be broken the way the tests want it broken."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import httpx2
import psycopg
import pytest
import redis
from playwright.sync_api import Page

from tests.servers.docker_registry import OPEN_TO_ALL, write_image
from tests.servers.faults import StartFaults
from tests.servers.front import StartFrontServer
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
        client.disconnect_connection_pools()  # which closing it leaves to the garbage collector
    assert len(redis_cluster.primaries()) == 3
    assert redis_cluster.primary_of("key1") in redis_cluster.primaries()


def test_sentinels_name_the_primary(redis_sentinel: RedisSentinel) -> None:
    assert redis_sentinel.primary_port() == redis_sentinel.primary.port
    redis_sentinel.primary.command("SET", "greeting", "hello")
    wait_until(lambda: redis_sentinel.replica.command("GET", "greeting") == "hello", "replication")


def test_nginx_serves_what_its_configuration_says(nginx: StartFrontServer) -> None:
    front = nginx('server { listen 127.0.0.1:$PORT; return 200 "hello\\n"; }')
    assert httpx2.get(front.url).text == "hello\n"


def test_valkey_answers_as_redis_does(valkey_server: RedisServer) -> None:
    valkey_server.command("SET", "greeting", "hello")
    assert valkey_server.command("GET", "greeting") == "hello"


def test_caddy_serves_what_its_sites_say(caddy: StartFrontServer) -> None:
    front = caddy('http://127.0.0.1:$PORT {\n\trespond "hello"\n}\n')
    assert httpx2.get(front.url).text == "hello"


def test_haproxy_serves_what_its_configuration_says(haproxy: StartFrontServer) -> None:
    front = haproxy(
        "defaults\n mode http\n timeout client 5s\n timeout connect 5s\n timeout server 5s\n"
        "frontend f\n bind 127.0.0.1:$PORT\n http-request return status 200 content-type text/plain string hello\n"
    )
    assert httpx2.get(front.url).text == "hello"


def test_the_registry_takes_an_image_from_skopeo(docker_registry: StartFrontServer, tmp_path: Path) -> None:
    registry = docker_registry(OPEN_TO_ALL)
    write_image(tmp_path / "image", size=50_000)
    source, target = f"oci:{tmp_path}/image:v1", f"docker://127.0.0.1:{registry.port}/team/app:v1"
    skopeo = program("skopeo", "skopeo")
    subprocess.run([skopeo, "copy", "-q", "--dest-tls-verify=false", source, target], check=True)
    assert httpx2.get(f"{registry.url}/v2/team/app/tags/list").json() == {"name": "team/app", "tags": ["v1"]}


def test_every_test_has_an_empty_postgresql_database(postgres_url: str) -> None:
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as connection:
        connection.execute("create table once (n integer)")
        connection.execute("insert into once values (1)")
        assert connection.execute("select n from once").fetchone() == (1,)


def test_the_network_can_hang_reset_and_recover(redis_server: RedisServer, faults: StartFaults) -> None:
    proxy = faults(redis_server.port)
    with redis.Redis(port=proxy.port, socket_timeout=0.2, retry=NEVER) as client:
        assert client.ping()
        proxy.hang = True
        with pytest.raises(redis.TimeoutError):
            client.ping()
        proxy.hang = False
        assert client.ping()
        proxy.reset = True
        client.connection_pool.disconnect()
        with pytest.raises(redis.ConnectionError):
            client.ping()
        proxy.reset = False
        assert client.ping()


def test_the_network_can_cut_an_open_connection(redis_server: RedisServer, faults: StartFaults) -> None:
    proxy = faults(redis_server.port)
    with socket.create_connection(("127.0.0.1", proxy.port)) as connection:
        connection.sendall(b"PING\r\n")
        assert connection.recv(100) == b"+PONG\r\n"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            connection.recv(100)


def test_chromium_shows_a_page(nginx: StartFrontServer, page: Page) -> None:
    front = nginx('server { listen 127.0.0.1:$PORT; default_type text/html; return 200 "<h1>hello</h1>"; }')
    page.goto(front.url)
    assert page.get_by_role("heading").inner_text() == "hello"
