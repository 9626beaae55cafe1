"""Forward auth with the printed configurations in real nginx and Caddy, and by Traefik's contract."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import httpx2
import pytest

from stockade.gateway import proxyconfig
from stockade.gateway.app import build
from stockade.gateway.site import Site
from stockade.guard.answers import Answers
from stockade.guard.conditions import header, method, path
from stockade.guard.gate import Guard
from stockade.guard.rules import Blocklist, Rule, Safelist, Throttle
from tests.gateway.echo import echo
from tests.gateway.running import Running, serving
from tests.servers.front import StartFrontServer

PORT = "65000"  # stands in the printed text where the test's own port is to be
LOOPBACK = ("127.0.0.1",)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def guard() -> Guard:
    rules: list[Rule] = [
        Throttle("sign-in", limit=2, period=60, when=method("POST") & path("/users/sign_in")),
        Throttle("everything", limit=100, period=60),
        Blocklist("private", path("/private/**") | header("x-bad", "yes")),
    ]
    return Guard(*rules, trusted_proxies=LOOPBACK, answers=Answers(told="always"))


@pytest.fixture
def gateway(guard: Guard, stack: ExitStack) -> Running:
    return stack.enter_context(serving(build(Site(guard))))


@pytest.fixture(params=["nginx", "caddy"])
def front(
    request: pytest.FixtureRequest,
    gateway: Running,
    stack: ExitStack,
    nginx: StartFrontServer,
    caddy: StartFrontServer,
) -> str:
    """Where a proxy listens that asks the gateway before an application that echoes."""
    upstream = stack.enter_context(serving(echo))
    text = proxyconfig.render(
        request.param,
        gateway=f"127.0.0.1:{gateway.port}",
        upstream=f"127.0.0.1:{upstream.port}",
        site=f"http://git.example.org:{PORT}",
    ).replace(PORT, "$PORT")
    return {"nginx": nginx, "caddy": caddy}[request.param](text).url


def ask(front: str, target: str = "/", method: str = "GET", **headers: str) -> httpx2.Response:
    named = {"host": "git.example.org", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return httpx2.request(method, front + target, headers=named)


def test_what_may_pass_passes_and_says_how_much_is_left(front: str) -> None:
    answer = ask(front, "/group/project?a=b", "PUT")
    assert answer.status_code == 200
    assert answer.json()["target"] == "/group/project?a=b"
    assert answer.json()["method"] == "PUT"
    assert '"everything";r=99' in answer.headers["ratelimit"]
    assert '"everything";q=100;w=60' in answer.headers["ratelimit-policy"]


def test_too_much_is_429_with_when_to_come_back(front: str) -> None:
    statuses = [ask(front, target, "POST").status_code for target in ("/users/sign_in", "//users/%73ign_in/?a")]
    assert statuses == [200, 200]
    refused = ask(front, "/users/sign_in", "POST")
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 120
    assert refused.text == "Retry later\n"
    assert ask(front, "/users/sign_in").status_code == 200


def test_a_blocked_path_and_a_blocked_header_are_403(front: str) -> None:
    assert ask(front, "/a/../private/x").status_code == 403
    assert ask(front, "/", x_bad="yes").status_code == 403
    assert ask(front, "/").status_code == 200


def test_a_client_is_banned_by_its_own_address_not_the_proxys(gateway: Running, guard: Guard) -> None:
    guard.ban("192.0.2.7")
    question = {"x-forwarded-method": "GET", "x-forwarded-uri": "/", "x-forwarded-for": "6.6.6.6, 192.0.2.7"}
    for kind in ("caddy", "traefik"):
        refused = httpx2.get(f"{gateway.url}/forward-auth/{kind}", headers=question)
        assert (refused.status_code, refused.text) == (403, "Too many failed attempts from this client\n")
    question["x-forwarded-for"] = "192.0.2.7, 192.0.2.8"
    passed = httpx2.get(f"{gateway.url}/forward-auth/traefik", headers=question)
    assert (passed.status_code, passed.content) == (200, b"")


def test_nginx_may_give_the_address_in_x_real_ip_and_gets_the_text_in_a_header(gateway: Running, guard: Guard) -> None:
    guard.ban("2001:db8::7")
    question = {"x-original-method": "GET", "x-original-uri": "/", "x-real-ip": "2001:db8::7"}
    refused = httpx2.get(f"{gateway.url}/forward-auth/nginx", headers=question)
    assert refused.status_code == 403
    assert refused.headers["stockade-text"] == "Too many failed attempts from this client"


@pytest.mark.parametrize("kind", ["nginx", "caddy", "traefik"])
def test_who_is_no_declared_proxy_may_not_ask_not_even_over_loopback(kind: str, stack: ExitStack) -> None:
    gateway = stack.enter_context(serving(build(Site(Guard(Safelist("all"))))))
    question = {
        "x-forwarded-method": "GET",
        "x-forwarded-uri": "/",
        "x-forwarded-for": "192.0.2.7",
        "x-original-method": "GET",
        "x-original-uri": "/",
        "x-real-ip": "192.0.2.7",
    }
    refused = httpx2.get(f"{gateway.url}/forward-auth/{kind}", headers=question)
    assert refused.status_code == 403
    assert 'set trusted_proxies = ["127.0.0.1"] if it is yours' in refused.text


@pytest.mark.parametrize(
    ("question", "what"),
    [
        ({"x-forwarded-method": "GET", "x-forwarded-uri": "/"}, "does not say for whom"),
        ({"x-forwarded-method": "GET", "x-forwarded-for": "192.0.2.7"}, "does not say what was asked"),
    ],
)
def test_a_proxy_that_says_too_little_is_told_what_is_missing(
    gateway: Running, question: dict[str, str], what: str
) -> None:
    refused = httpx2.get(f"{gateway.url}/forward-auth/caddy", headers=question)
    assert refused.status_code == 403
    assert what in refused.text


def test_another_proxy_is_told_which_there_are(gateway: Running) -> None:
    answer = httpx2.get(f"{gateway.url}/forward-auth/other")
    assert answer.status_code == 404
    assert "/forward-auth/nginx" in answer.text


def test_a_guard_that_is_switched_off_lets_everything_pass(gateway: Running, guard: Guard) -> None:
    guard.enabled = False
    question = {"x-forwarded-method": "GET", "x-forwarded-uri": "/private/x", "x-forwarded-for": "192.0.2.7"}
    assert httpx2.get(f"{gateway.url}/forward-auth/caddy", headers=question).status_code == 200
