"""Paths that go up: the guard resolves ``..`` and many an application does not, so each might read another path."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from stockade import Blocklist, Guard, GuardMiddleware, path
from stockade.gateway.app import build
from stockade.gateway.site import Site as GatewaySite
from tests.acceptance.site import Site
from tests.gateway.running import Running, serving
from tests.gateway.wire import spoken

ADMIN = Blocklist("admin", path("/admin", "/admin/**"))
CLIMBING = [
    b"/admin/../x",
    b"/admin/%2e%2e/x",
    b"/admin/.%2E/x",
    b"/admin%2f..%2fx",
    b"/admin/..;a=b/x",
    b"/admin/%5c..%5c../x",
    b"/admin/a/../../x",
    b"/admin/..%00/x",
]


@pytest.mark.parametrize("target", ["/admin/../x", "/admin/..;/x", "/admin/\\..\\../x", "/admin/a/../../x"])
def test_the_application_is_handed_the_path_that_was_judged(site: Site, target: str) -> None:
    site.with_rules(ADMIN)
    assert site.get(target).status == 200
    assert site.reached == ["/x"]


def test_other_paths_are_handed_on_as_they_came(site: Site) -> None:
    site.with_rules()
    for target in ("/a//b/", "/a/./b", "/a;b/c", "/a..b/..c/d..", "/%41"):
        site.get(target)
    assert site.reached == ["/a//b/", "/a/./b", "/a;b/c", "/a..b/..c/d..", "/%41"]


def the_whole_of_it(_request: object) -> PlainTextResponse:
    return PlainTextResponse("whatever is below")


@pytest.fixture(scope="module")
def framework() -> Iterator[Running]:
    """A framework that hands everything below a path to another application, which does not look further."""
    below = Starlette(routes=[Route("/{rest:path}", the_whole_of_it)])
    with serving(GuardMiddleware(Starlette(routes=[Mount("/admin", below)]), Guard(ADMIN))) as running:
        yield running


@pytest.fixture(scope="module")
def proxied() -> Iterator[Running]:
    """The same framework, unguarded, behind the gateway."""
    below = Starlette(routes=[Route("/{rest:path}", the_whole_of_it)])
    with ExitStack() as stack:
        upstream = stack.enter_context(serving(Starlette(routes=[Mount("/admin", below)])))
        yield stack.enter_context(serving(build(GatewaySite(Guard(ADMIN), upstream=upstream.url))))


@pytest.mark.parametrize("target", [b"/admin/", b"/admin/x", *CLIMBING])
@pytest.mark.parametrize("front", ["framework", "proxied"])
def test_nothing_below_a_blocked_path_is_reached(request: pytest.FixtureRequest, front: str, target: bytes) -> None:
    at: Running = request.getfixturevalue(front)
    [answer] = spoken(at.port, b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % target)
    assert answer.status in {403, 404}, answer.body


@pytest.mark.parametrize("target", CLIMBING)
def test_another_proxy_is_told_to_refuse_them(target: bytes) -> None:
    with serving(build(GatewaySite(Guard(ADMIN, trusted_proxies=["127.0.0.1"])))) as gateway:
        asked = {"x-forwarded-for": "203.0.113.9", "x-forwarded-uri": target.decode(), "x-forwarded-method": "GET"}
        assert httpx2.get(f"{gateway.url}/forward-auth/caddy", headers=asked).status_code == 403
        asked["x-forwarded-uri"] = "/x?next=/../admin"
        assert httpx2.get(f"{gateway.url}/forward-auth/caddy", headers=asked).status_code == 200


def test_nobody_climbs_out_of_where_an_application_is_mounted() -> None:
    from stockade.guard.paths import below

    assert below("/app/x", "/app") == "/x"
    assert below("/app", "/app/") == ""
    assert below("/x", "") == "/x"
    assert below("/application", "/app") is None
