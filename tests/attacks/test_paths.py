"""Spellings of a path: none gets past a rule that names the plain one."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from stockade import Blocklist, Guard, Throttle, method, path, prefix
from stockade.guard.address import canonical
from stockade.guard.paths import from_target, normal
from tests.acceptance.site import Site

SPELLINGS = [
    "/users/sign_in",
    "/users/sign_in/",
    "//users///sign_in//",
    "/users/./sign_in",
    "/users/x/../sign_in",
    "/../users/sign_in",
    "/users/sign_in.json",
    "/users/sign_in.a-b",
    "/users/sign_in.a_b.c",
    "/users/sign_in.",
    "/users/sign_in...",
    "/users;x=1/sign_in;jsessionid=2",
    "/users\\sign_in",
    "/USERS/Sign_In",
    "/users/sign_in\0",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_is_the_same_path(site: Site, spelling: str) -> None:
    site.with_rules(Blocklist("sign-in", path("/users/sign_in")))
    assert site.get(spelling).status == 403


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_begins_with_the_same_prefix(spelling: str) -> None:
    asked = Site("asgi").with_rules(Blocklist("users", prefix("/users/sign_in")))
    assert asked.get(spelling).status == 403


@pytest.mark.parametrize("encoded", ["/" + quote("users/sign_in", safe=""), "/%75sers/%73ign_in", "/users%2fsign%5Fin"])
@pytest.mark.parametrize("around", ["%s", "http://host%s", "%s?a=/b", "%s/%%2e%%2e/sign_in"])
def test_an_encoded_target_is_the_same_path(encoded: str, around: str) -> None:
    assert from_target(around % encoded) == "/users/sign_in"


def test_who_asks_with_head_is_counted_as_with_get(site: Site) -> None:
    site.with_rules(Throttle("confirmation", limit=2, period=60, when=method("GET") & path("/users/confirmation")))
    statuses = [site.ask("HEAD", f"/users/confirmation?token={n}").status for n in range(3)]
    assert statuses == [200, 200, 429]


def test_what_clients_make_up_is_not_remembered_when_it_is_long() -> None:
    """Every cache that is keyed by what a client sends is bounded in octets, not only in entries."""
    from stockade.guard import address, paths

    kept = (address._canonical, paths._kept, paths._kept_target)
    before = [cache.cache_info().currsize for cache in kept]
    for number in range(50):
        normal(f"/{number}" + "/x" * 5000)
        from_target(f"/{number}" + "%2f" * 5000)
        assert canonical(f"{number}." * 5000) is None
    assert [cache.cache_info().currsize for cache in kept] == before


def test_the_guard_need_not_remember_long_paths_to_judge_them() -> None:
    guard = Guard(Blocklist("deep", path("/deep/**")))
    deep = guard.policy.blocklists[0][1]
    assert deep is not None
    site = Site("asgi").with_rules(Blocklist("deep", deep))
    assert site.get("/deep" + "/x" * 5000).status == 403
    assert site.get("/shallow" + "/x" * 5000).status == 200


@pytest.mark.parametrize(
    "query",
    ["email=junk{n}&email=victim", "email=victim&email=junk{n}", "a;email=victim;b={n}", "%65mail=VICTIM%20&b={n}"],
)
def test_no_spelling_of_a_parameter_gets_a_count_of_its_own(site: Site, query: str) -> None:
    site.with_rules(Throttle("by mail", limit=2, period=60, by="query:email"))
    statuses = [site.post("/login?" + query.replace("{n}", str(n))).status for n in range(3)]
    assert statuses == [200, 200, 429]
