"""One URL says where Redis is, and never tells its password to anybody else."""

from __future__ import annotations

import traceback

import pytest

from stockade.errors import ConfigurationError, Unavailable
from stockade.guard.redis import AsyncRedisStore, RedisStore
from stockade.guard.redis.url import Address, Login, parse
from tests.contract.meters import group, sliding
from tests.redis.conftest import OpenStore
from tests.servers.processes import free_port


@pytest.mark.parametrize(
    ("url", "kind", "addresses"),
    [
        ("redis://cache:7000/2", "single", [("cache", 7000)]),
        ("redis://cache", "single", [("cache", 6379)]),
        ("redis://[2001:db8::1]:7000", "single", [("2001:db8::1", 7000)]),
        ("rediss://cache", "single", [("cache", 6379)]),
        ("unix:///run/redis.sock", "single", [("/run/redis.sock", 0)]),
        ("unix:///run/my%20redis.sock?db=2", "single", [("/run/my redis.sock", 0)]),
        ("redis+sentinel://a:1,b/shop", "sentinel", [("a", 1), ("b", 26379)]),
        ("redis+cluster://a:1,[::1]:2,c", "cluster", [("a", 1), ("::1", 2), ("c", 6379)]),
        ("rediss+cluster://a", "cluster", [("a", 6379)]),
    ],
)
def test_what_a_url_points_to(url: str, kind: str, addresses: list[tuple[str, int]]) -> None:
    target = parse(url)
    assert (target.kind, list(target.addresses)) == (kind, addresses)
    assert (target.tls is not None) == url.startswith("rediss")


def test_the_other_parts_of_a_url() -> None:
    assert parse("redis://h/2").database == parse("unix:///s?db=2").database == parse("redis://h?db=2").database == 2
    assert parse("redis://ann:p%40ss@h").login == Login("ann", "p@ss")
    assert parse("redis://:pass@h").login == Login("", "pass")
    watched = parse("redis+sentinel://u:p@h/my%2Fshop?db=3&sentinel_password=s")
    assert (watched.service, watched.database) == ("my/shop", 3)
    assert (watched.login, watched.sentinel_login) == (Login("u", "p"), Login("", "s"))
    assert [str(a) for a in (Address("h", 1), Address("::1", 1), Address("/s", 0))] == ["h:1", "[::1]:1", "/s"]


@pytest.mark.parametrize(
    "url",
    [
        *("", "nonsense", "http://h", "redis://", "redis://h:port", "redis://h:99999", "redis://h/two", "redis://h/-1"),
        *("redis://h?colour=red", "redis+sentinel://h", "redis+sentinel:///shop", "redis+cluster://h/3", "unix://?x"),
    ],
)
def test_a_url_that_cannot_be_followed(url: str) -> None:
    with pytest.raises(ConfigurationError, match="the URL of the Redis store"):
        parse(url)


@pytest.mark.parametrize("prefix", ["", "a b", "a{b", "new\nline", "x" * 101])
def test_a_prefix_that_would_confuse(prefix: str) -> None:
    with pytest.raises(ConfigurationError, match="not a prefix for keys"):
        RedisStore("redis://h", prefix=prefix)


SECRET = "hunter2-hunter2"


@pytest.mark.parametrize(
    "url",
    [
        f"redis://ann:{SECRET}@h:port",
        f"http://ann:{SECRET}@h",
        f"redis://h?password={SECRET}",
        f"redis+cluster://ann:{SECRET}@h/x",
    ],
)
def test_an_error_about_a_url_does_not_repeat_it(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        RedisStore(url)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_store_does_not_show_its_password() -> None:
    url = f"redis+sentinel://ann:{SECRET}@h/shop?sentinel_password={SECRET}"
    for store in (RedisStore(url), AsyncRedisStore(url)):
        assert SECRET not in repr(store)
        assert "h:26379" in repr(store)
    assert SECRET not in repr(parse(url))


def test_an_outage_does_not_tell_the_password(open_store: OpenStore) -> None:
    store = open_store(f"redis://ann:{SECRET}@127.0.0.1:{free_port()}", 0.5)
    with pytest.raises(Unavailable) as caught:
        store.count([("203.0.113.9", group(sliding()), "")])
    assert SECRET not in "".join(traceback.format_exception(caught.value))
