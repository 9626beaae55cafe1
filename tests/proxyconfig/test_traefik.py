"""The printed Traefik configuration, obeyed by a proxy that keeps to the contract Traefik documents for ForwardAuth:

a ``GET`` to ``address`` with the client's headers and ``X-Forwarded-Method``, ``-Proto``, ``-Host``, ``-Uri`` and
``-For``, the client's own ones left out; 2xx lets the request pass, anything else goes to the client as it is; no
answer is a 500.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from typing import cast

import pytest

from stockade.gateway import proxyconfig
from tests.proxyconfig import stage
from tests.proxyconfig.stage import Answer, Service

HOP_BY_HOP = {"connection", "content-length", "transfer-encoding", "upgrade"}


class Traefik:
    """What the file provider would make of the text: one router, its middleware and its service."""

    def __init__(self, text: str) -> None:
        def only(pattern: str) -> str:
            (found,) = re.findall(pattern, text, re.MULTILINE)
            return cast("str", found)

        assert not any("\t" in line for line in text.splitlines()), "YAML forbids tabs"
        self.host = only(r"^      rule: \"Host\(`(.*)`\)\"$")
        self.auth = only(r"^        address: \"http://(.*)\"$")
        self.trusting = only(r"^        trustForwardHeader: (.*)$") == "true"
        self.backend = only(r"^          - url: \"http://(.*)\"$")
        assert re.search(r"^    stockade:\n      forwardAuth:$", text, re.MULTILINE)
        assert re.search(r"^      middlewares:\n        - stockade\n      service: application$", text, re.MULTILINE)

    def handle(self, method: str, uri: str, headers: dict[str, str]) -> Answer:
        assert headers["host"] == self.host
        netloc, slash, path = self.auth.partition("/")
        try:
            verdict, judged = self._ask(netloc, "GET", slash + path, self._question(method, uri, headers))
        except OSError:
            return Answer(500, {}, "")
        if not 200 <= verdict.status < 300:
            return judged
        return self._ask(self.backend, method, uri, headers)[1]

    def _question(self, method: str, uri: str, headers: dict[str, str]) -> dict[str, str]:
        own = {
            "x-forwarded-method": method,
            "x-forwarded-proto": "http",
            "x-forwarded-host": headers["host"],
            "x-forwarded-uri": uri,
            "x-forwarded-for": "192.0.2.1",
        }
        assert not self.trusting
        return {name: value for name, value in headers.items() if name not in HOP_BY_HOP} | own

    @staticmethod
    def _ask(netloc: str, method: str, uri: str, headers: dict[str, str]) -> tuple[HTTPResponse, Answer]:
        connection = HTTPConnection(netloc, timeout=5)
        try:
            connection.request(method, uri, headers=headers)
            response = connection.getresponse()
            got = {name.lower(): value for name, value in response.getheaders()}
            return response, Answer(response.status, got, response.read().decode())
        finally:
            connection.close()


@pytest.fixture
def policy() -> Iterator[Service]:
    with stage.policy() as service:
        yield service


@pytest.fixture
def application() -> Iterator[Service]:
    with stage.application() as service:
        yield service


@pytest.fixture
def traefik(policy: Service, application: Service) -> Traefik:
    site = "git.example.org"
    return Traefik(proxyconfig.render("traefik", gateway=policy.address, upstream=application.address, site=site))


def ask(traefik: Traefik, verdict: str) -> Answer:
    return traefik.handle("POST", "/users/sign_in?a=1", {"host": "git.example.org", "x-verdict": verdict})


def test_what_may_pass_reaches_the_application(traefik: Traefik, policy: Service, application: Service) -> None:
    assert ask(traefik, "").status == 200
    assert (application.asked[0].method, application.asked[0].path) == ("POST", "/users/sign_in?a=1")
    (question,) = policy.asked
    assert (question.method, question.path) == ("GET", "/forward-auth/traefik")
    assert question.headers["x-forwarded-method"] == "POST"
    assert question.headers["x-forwarded-uri"] == "/users/sign_in?a=1"


@pytest.mark.parametrize(("verdict", "status"), [("ban", 403), ("throttle", 429)])
def test_a_refusal_goes_to_the_client_as_it_is(
    traefik: Traefik, application: Service, verdict: str, status: int
) -> None:
    answer = ask(traefik, verdict)
    assert answer.status == status
    assert answer.body.encode() == stage.ANSWERS[verdict][2]
    assert application.asked == []


def test_without_stockade_nothing_passes(application: Service) -> None:
    text = proxyconfig.render("traefik", gateway="127.0.0.1:9", upstream=application.address, site="git.example.org")
    assert ask(Traefik(text), "").status == 500
    assert application.asked == []
