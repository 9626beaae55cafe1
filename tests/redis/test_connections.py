"""Connections: forks, threads, loops, forgotten scripts, TLS, and clients whose keys no text could hold."""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
import os
import ssl
import threading
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from stockade.errors import ConfigurationError, Unavailable
from stockade.guard.meter import Group
from stockade.guard.redis import AsyncRedisStore, RedisStore
from tests.contract.meters import group, look, sliding, strikes
from tests.contract.stores import PATIENT, used
from tests.redis.conftest import OpenStore
from tests.servers.processes import free_port, running, short_directory, wait_port
from tests.servers.redis import RedisServer, redis_arguments

CLIENT = "203.0.113.9"
COUNTED = group(sliding(1e9, 3600))
ASK = [(CLIENT, COUNTED, "")]


def total(store: RedisStore) -> float:
    return store.count([(CLIENT, group(look(sliding(1e9, 3600))), "")])[0][2][0][0]


def test_a_forgotten_script_is_loaded_again(open_store: OpenStore, redis_server: RedisServer) -> None:
    store = open_store(redis_server.url)
    assert used(store, CLIENT, COUNTED) == [1]
    redis_server.command("SCRIPT", "FLUSH")
    assert used(store, CLIENT, COUNTED) == [2]
    redis_server.command("SCRIPT", "FLUSH")
    store.count_at_once([ASK] * 20)
    assert used(store, CLIENT, COUNTED) == [23]


def test_a_forked_process_opens_lines_of_its_own(redis_server: RedisServer) -> None:
    with RedisStore(redis_server.url, deadline=PATIENT) as store:
        store.count(ASK)
        children = []
        for _ in range(4):
            child = os.fork()
            if child == 0:
                try:
                    for _ in range(100):
                        store.count(ASK)
                finally:
                    os._exit(0)
            children.append(child)
        for _ in range(100):
            store.count(ASK)
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
        assert total(store) == 501


def test_threads_do_not_disturb_one_another(redis_server: RedisServer) -> None:
    with RedisStore(redis_server.url, deadline=PATIENT) as store:
        wrong: list[object] = []

        def work(number: int) -> None:
            mine: Group = group(*(sliding(1e9, rule=f"rule {n}") for n in range(number + 1)))
            for turn in range(50):
                readings = store.count([(f"10.0.0.{number}", mine, "")])[0][2]
                if [reading[0] for reading in readings] != [turn + 1] * (number + 1):
                    wrong.append(readings)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []


def test_one_store_serves_several_event_loops(redis_server: RedisServer) -> None:
    store = AsyncRedisStore(redis_server.url, deadline=PATIENT)

    async def work() -> None:
        async with store:
            await asyncio.gather(*(store.count(ASK) for _ in range(100)))

    threads = [threading.Thread(target=asyncio.run, args=(work(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(3):
        asyncio.run(work())
    with RedisStore(redis_server.url, deadline=PATIENT) as other:
        assert total(other) == 700


async def test_a_request_that_is_cancelled_leaves_the_others_their_answers(redis_server: RedisServer) -> None:
    async with AsyncRedisStore(redis_server.url, deadline=PATIENT) as store:
        tasks = [asyncio.create_task(store.count([(f"10.0.0.{n}", COUNTED, "")])) for n in range(30)]
        await asyncio.sleep(0)
        for task in tasks[::3]:
            task.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert [isinstance(each, asyncio.CancelledError) for each in found] == [n % 3 == 0 for n in range(30)]
        assert (await store.count(ASK))[0][2][0][0] == 1


async def test_a_store_may_be_closed_and_used_again(redis_server: RedisServer) -> None:
    store = AsyncRedisStore(redis_server.url, deadline=PATIENT)
    for turn in range(3):
        assert (await store.count(ASK))[0][2][0][0] == turn + 1
        await store.aclose()
    with RedisStore(redis_server.url, deadline=PATIENT) as waited:
        for turn in range(3):
            assert waited.count(ASK)[0][2][0][0] == turn + 4
            waited.close()


def test_half_a_surrogate_in_a_key_or_evidence_does_no_harm(open_store: OpenStore, redis_server: RedisServer) -> None:
    store = open_store(redis_server.url)
    store.count([("half \ud800", group(strikes(1)), "GET /\udfff")])
    ((client, evidence),) = [(ban.client, ban.evidence) for ban in store.bans()]
    assert (client, evidence) == ("half \ud800", "GET /\udfff")
    assert [ban.client for ban in store.forget(client)] == ["half \ud800"]


def test_a_database_is_selected(open_store: OpenStore, redis_server: RedisServer) -> None:
    used(open_store(f"redis://127.0.0.1:{redis_server.port}/5"), CLIENT, COUNTED)
    assert used(open_store(redis_server.url), CLIENT, COUNTED) == [1]
    assert used(open_store(f"unix://{redis_server.socket}?db=5"), CLIENT, COUNTED) == [2]


def test_a_user_with_a_password_and_few_rights(open_store: OpenStore, redis_server: RedisServer) -> None:
    rights = ["~stockade:*", "+@hash", "+@sortedset", "+@keyspace", "+@scripting", "+time", "-@dangerous"]
    redis_server.command("ACL", "SETUSER", "guard", "on", ">s3cret@/:", *rights)
    url = f"redis://guard:s3cret%40%2F%3A@127.0.0.1:{redis_server.port}"
    store = open_store(url)
    store.count([(CLIENT, group(strikes(1)), "")])
    assert [ban.client for ban in store.bans()] == [CLIENT]
    assert [ban.client for ban in store.forget(CLIENT)] == [CLIENT]
    denied = open_store(url, prefix="elsewhere")
    with pytest.raises(Unavailable, match="NOPERM"):
        denied.count(ASK)
    redis_server.command("ACL", "DELUSER", "guard")


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A Redis that speaks only TLS, and the certificate to trust."""
    certificate, key = tmp_path / "redis.pem", tmp_path / "redis.key"
    certify(certificate, key)
    with short_directory() as directory:
        port = free_port()
        options = ["--tls-port", str(port), "--tls-cert-file", str(certificate), "--tls-key-file", str(key)]
        argv = [*redis_arguments(directory, 0), *options, "--tls-auth-clients", "no"]
        with running(*argv, log=directory / "log"):
            wait_port(port)
            yield port, certificate


def certify(certificate: Path, key: Path) -> None:
    """A certificate of its own for 127.0.0.1."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "redis")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
    signed = (
        builder.not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key.write_bytes(private.private_bytes(*form))


def test_tls(open_store: OpenStore, tls_server: tuple[int, Path]) -> None:
    port, certificate = tls_server
    store = open_store(f"rediss://127.0.0.1:{port}?ssl_ca_certs={certificate}")
    assert [used(store, CLIENT, COUNTED) for _ in range(3)] == [[1], [2], [3]]


def test_a_certificate_that_nobody_vouches_for_is_refused(open_store: OpenStore, tls_server: tuple[int, Path]) -> None:
    store = open_store(f"rediss://127.0.0.1:{tls_server[0]}")
    with pytest.raises(Unavailable, match="TLS failed: CERTIFICATE_VERIFY_FAILED"):
        store.count(ASK)
    gc.collect()


def test_a_certificate_that_cannot_be_read_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="a certificate that cannot be read"):
        RedisStore(f"rediss://127.0.0.1?ssl_ca_certs={tmp_path}/none.pem")
    assert ssl.OPENSSL_VERSION
