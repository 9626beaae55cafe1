"""The pages on standing beside a proxy and in front of a service come true, with real nginx, git and skopeo."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents.reader import Reader, page, sections
from tests.proxyconfig import stage
from tests.proxyconfig.stage import Service, ask
from tests.servers.nginx import start_nginx

BESIDE = page("docs/how-to/behind-a-proxy.md")
GATEWAY = sections(page("docs/how-to/gateway.md"))
ANSWERS = {
    "/v2/": 401,
    "/users/sign_out": 405,
    "/oauth/authorize": 400,
    "/oauth/token": 405,
    "/oauth/revoke": 405,
    **{f"/forward-auth/{proxy}": 403 for proxy in ("nginx", "caddy", "traefik")},  # none is declared
    "/.well-known/security.txt": 404,  # none is configured
}
"""What paths of the page answer to a plain GET where that is not 200."""


@pytest.fixture
def application() -> Iterator[Service]:
    with stage.application() as service:
        yield service


def test_nginx_asks_before_each_request_as_the_page_says(tmp_path: Path, application: Service) -> None:
    setting_up, trying = (sections(BESIDE)[name] for name in ("Set it up", "Try it"))
    with Reader(tmp_path) as reader:
        reader.follow(setting_up.replace("127.0.0.1:3000", application.address))
        printed = (tmp_path / "stockade.conf").read_text().replace("127.0.0.1:8080", f"127.0.0.1:{reader.port}")
        with start_nginx(printed.replace("listen 80;", "listen $PORT;")) as nginx:
            reader.follow(trying.replace("localhost/", f"localhost:{nginx.port}/"))
            before = len(application.asked)
            for number in range(6):  # from an address that is not declared, whatever it says of itself
                said = f"--interface 127.0.0.2 -H 'X-Forwarded-For: 198.51.100.{number}'"
                reader._run(f"curl -s {said} http://127.0.0.1:{nginx.port}/login")
        assert len(application.asked) - before == 4

    assert "`stockade watch`" in BESIDE  # what a rule on failures needs, since the proxy asks before the answer


class Asked(Reader):
    """A reader who is asked for a password, and gives what the server has printed."""

    def _run(self, command: str) -> str:
        if command.startswith("git "):
            command = f"export GIT_ASKPASS=$PWD/password; {command}"
        if command.startswith("skopeo login"):
            command = f"grep -o 'stk_pat_[^ ]*' server.log | {command} --password-stdin"
        return super()._run(command)


def test_the_forge_is_there_to_try_as_the_page_says(tmp_path: Path) -> None:
    asked = tmp_path / "password"
    asked.write_text(f"#!/bin/sh\nsed -nE 's/^password +([^ ]+) *$/\\1/p' {tmp_path}/server.log\n")
    asked.chmod(0o755)
    with Asked(tmp_path) as reader:
        reader.exported["REGISTRY_AUTH_FILE"] = str(tmp_path / "auth.json")  # which the registry would obey
        reader.follow(GATEWAY["Try it: a small forge"])
        named = re.findall(r"`(/[\w./-]+)`", GATEWAY["Try it: a small forge"])
        found = {path: ask(reader.port, path).status for path in named if ".git" not in path}
        assert "skopeo login --tls-verify=false" in ask(reader.port, "/").body  # what skopeo needs without TLS
    assert "/users/sign_in" in found
    assert {path: status for path, status in found.items() if status != 200} == ANSWERS


def test_a_service_is_fronted_as_the_page_says(tmp_path: Path, application: Service) -> None:
    with Reader(tmp_path) as reader:
        reader.follow(GATEWAY["In front of your own service"].replace("127.0.0.1:3000", application.address))
    (seen,) = application.asked
    assert seen.headers["x-real-ip"] == seen.headers["x-forwarded-for"] == "127.0.0.1"
    assert seen.headers["host"].endswith(str(reader.port))
    assert "via" in seen.headers
