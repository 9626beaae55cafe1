"""The printed configurations work in the real proxies: each asks, obeys, and fails as its comments say.

Traefik is not to be had here, so its part is played by a proxy that keeps to its documented contract.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stockade.gateway import proxyconfig
from tests.proxyconfig import stage
from tests.proxyconfig.stage import Service, ask
from tests.servers.front import FrontServer, StartFrontServer
from tests.servers.processes import program, wait_until

PORT = "65000"  # stands in the printed text where the test's own port is to be
NOBODY = "127.0.0.1:9"
GLOBAL = "global\n    stats socket $DIR/admin.sock mode 600 level admin\n"
Front = Callable[..., FrontServer]


@pytest.fixture
def policy() -> Iterator[Service]:
    with stage.policy() as service:
        yield service


@pytest.fixture
def application() -> Iterator[Service]:
    with stage.application() as service:
        yield service


def printed(kind: str, gateway: str, upstream: str) -> str:
    site = f"http://git.example.org:{PORT}"
    return proxyconfig.render(kind, gateway=gateway, upstream=upstream, site=site).replace(PORT, "$PORT")


def failing_open(text: str) -> str:
    """The text after its reader removed the # before the lines marked so."""
    opened = re.sub(r"^( *)# (.*# fail open)$", r"\1\2", text, flags=re.MULTILINE)
    assert opened != text
    return opened


@pytest.fixture(params=["nginx", "caddy"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def start(kind: str, nginx: StartFrontServer, caddy: StartFrontServer) -> StartFrontServer:
    return {"nginx": nginx, "caddy": caddy}[kind]


@pytest.fixture
def front(kind: str, start: StartFrontServer, policy: Service, application: Service) -> int:
    return start(printed(kind, policy.address, application.address)).port


# --- nginx and Caddy: every request is asked about ---------------------------------------------------------------


def test_what_may_pass_reaches_the_application_unchanged(front: int, application: Service) -> None:
    answer = ask(front, "/group/project.git/info/refs?service=git-upload-pack", "POST", "want 1234", x_custom="kept")
    assert answer.status == 200
    (seen,) = application.asked
    assert (seen.method, seen.path) == ("POST", "/group/project.git/info/refs?service=git-upload-pack")
    assert seen.body == b"want 1234"
    assert seen.headers["x-custom"] == "kept"
    assert seen.headers["host"] == "git.example.org"


def test_what_may_pass_carries_the_rate_limit_to_the_client(front: int) -> None:
    answer = ask(front)
    assert answer.headers["ratelimit"] == stage.RATE_LIMIT
    assert answer.headers["ratelimit-policy"] == stage.RATE_LIMIT_POLICY
    assert answer.headers["x-application"] == "yes"


def test_where_there_is_no_rate_limit_no_header_is_made_up(front: int) -> None:
    answer = ask(front, x_verdict="quiet")
    assert answer.status == 200
    assert "ratelimit" not in answer.headers


def test_a_ban_is_403_with_its_reason_and_never_reaches_the_application(front: int, application: Service) -> None:
    answer = ask(front, x_verdict="ban")
    assert answer.status == 403
    assert stage.BANNED in answer.body
    assert "ratelimit" not in answer.headers
    assert application.asked == []


def test_a_throttle_is_429_and_says_when_to_come_back(front: int, application: Service) -> None:
    answer = ask(front, "/users/sign_in", "POST", "user=x", x_verdict="throttle")
    assert answer.status == 429
    assert answer.headers["retry-after"] == "7"
    assert answer.headers["ratelimit"] == stage.RATE_LIMIT
    assert answer.headers["ratelimit-policy"] == stage.RATE_LIMIT_POLICY
    assert answer.body == "Retry later\n"
    assert application.asked == []


@pytest.mark.parametrize("status", ["401", "403", "404", "429", "500"])
def test_what_the_application_answers_stays_as_it_is(front: int, status: str) -> None:
    answer = ask(front, x_status=status)
    assert answer.status == int(status)
    assert answer.headers["x-application"] == "yes"
    assert json.loads(answer.body)["path"] == "/"


def test_the_question_names_method_uri_and_client_and_carries_no_body(kind: str, front: int, policy: Service) -> None:
    ask(front, "/a%2Fb?q=1", "PUT", "x" * 1000, authorization="Basic dTpw", x_forwarded_for="198.51.100.7")
    (seen,) = policy.asked
    assert (seen.method, seen.path) == ("GET", f"/forward-auth/{kind}")
    says = {
        "nginx": ("x-original-method", "x-original-uri"),
        "caddy": ("x-forwarded-method", "x-forwarded-uri"),
    }[kind]
    assert [seen.headers[name] for name in says] == ["PUT", "/a%2Fb?q=1"]
    assert seen.headers["x-forwarded-host"] == "git.example.org"
    assert seen.headers["x-forwarded-proto"] == "http"
    assert seen.headers["authorization"] == "Basic dTpw"
    assert seen.body == b""


def test_a_chunked_push_is_asked_about_without_its_body(front: int, policy: Service, application: Service) -> None:
    assert ask(front, "/project.git/git-receive-pack", "POST", iter([b"PACK", b"more"])).status == 200
    assert application.asked[0].body == b"PACKmore"
    assert policy.asked[0].body == b""
    assert not {"transfer-encoding", "content-length"} & set(policy.asked[0].headers)


def test_the_question_about_a_websocket_is_an_ordinary_request(front: int, policy: Service) -> None:
    assert ask(front, connection="Upgrade", upgrade="websocket", sec_websocket_version="13").status == 200
    assert "upgrade" not in policy.asked[0].headers
    assert "upgrade" not in policy.asked[0].headers.get("connection", "").lower()


def test_a_client_cannot_answer_for_the_proxy(kind: str, front: int, policy: Service) -> None:
    """What the client claims about itself is overwritten, erased, or stands left of what the proxy saw."""
    ask(
        front,
        x_original_method="OPTIONS",
        x_original_uri="/harmless",
        x_real_ip="198.51.100.7",
        x_forwarded_for="198.51.100.7",
        x_forwarded_method="OPTIONS",
        x_forwarded_uri="/harmless",
        x_forwarded_proto="https",
        forwarded="for=198.51.100.7",
    )
    (seen,) = policy.asked
    believed = {"nginx": ("x-original-method", "x-original-uri"), "caddy": ("x-forwarded-method", "x-forwarded-uri")}
    assert [seen.headers[name] for name in believed[kind]] == ["GET", "/"]
    assert seen.headers["x-forwarded-for"].split(", ")[-1] == "127.0.0.1"
    assert seen.headers["x-forwarded-proto"] == "http"
    assert "forwarded" not in seen.headers
    if kind == "nginx":
        assert seen.headers["x-real-ip"] == "127.0.0.1"


def test_many_requests_share_one_connection_to_stockade(front: int, policy: Service) -> None:
    assert {ask(front).status for _ in range(20)} == {200}
    assert len({seen.connection for seen in policy.asked}) == 1


# --- when Stockade does not answer -------------------------------------------------------------------------------

CLOSED = {"nginx": {503}, "caddy": {502, 504}}


def test_without_stockade_nothing_passes(kind: str, start: StartFrontServer, application: Service) -> None:
    port = start(printed(kind, NOBODY, application.address)).port
    assert ask(port).status in CLOSED[kind]
    assert application.asked == []


@pytest.mark.parametrize("verdict", ["hang", "broken"])
def test_when_stockade_hangs_or_breaks_nothing_passes(
    kind: str, front: int, application: Service, verdict: str
) -> None:
    assert ask(front, x_verdict=verdict).status in CLOSED[kind] | {500}
    assert application.asked == []


def test_nginx_fails_open_where_its_operator_says_so(nginx: StartFrontServer, application: Service) -> None:
    port = nginx(failing_open(printed("nginx", NOBODY, application.address))).port
    assert ask(port, "/passes", "POST", "body").status == 200
    assert application.asked[0].body == b"body"


def test_nginx_failing_open_still_obeys_stockade(
    nginx: StartFrontServer, policy: Service, application: Service
) -> None:
    port = nginx(failing_open(printed("nginx", policy.address, application.address))).port
    statuses = [ask(port, x_verdict=verdict).status for verdict in ("", "ban", "throttle", "hang")]
    assert statuses == [200, 403, 429, 200]


# --- HAProxy: the traffic passes through -------------------------------------------------------------------------


def test_haproxy_passes_everything_through_stockade(haproxy: StartFrontServer, application: Service) -> None:
    """Here the application stands for ``stockade serve --upstream``: HAProxy knows no difference."""
    port = haproxy(GLOBAL + printed("haproxy", application.address, NOBODY)).port
    answer = ask(port, "/a%2Fb?q=1", "POST", "x", x_forwarded_for="198.51.100.7", forwarded="for=198.51.100.7")
    assert answer.status == 200
    (seen,) = application.asked
    assert (seen.method, seen.path, seen.body) == ("POST", "/a%2Fb?q=1", b"x")
    assert seen.headers["x-forwarded-for"] == "127.0.0.1"
    assert seen.headers["x-forwarded-proto"] == "http"
    assert seen.headers["x-forwarded-host"] == "git.example.org"
    assert "forwarded" not in seen.headers


def _admin(front: FrontServer, command: str) -> str:
    with socket.socket(socket.AF_UNIX) as admin:
        admin.connect(str(front.directory / "admin.sock"))
        admin.sendall(f"{command}\n".encode())
        return admin.makefile().read().strip()


def test_haproxy_refuses_whom_the_admin_socket_bans_until_it_lifts_the_ban(
    haproxy: StartFrontServer, application: Service
) -> None:
    text = printed("haproxy", application.address, NOBODY)
    (ban,) = re.findall(r'echo "(set table [^"]*)"', text)
    (lift,) = re.findall(r'echo "(clear table [^"]*)"', text)
    front = haproxy(GLOBAL + text)
    assert ask(front.port).status == 200
    assert _admin(front, ban.replace("203.0.113.9", "127.0.0.1")) == ""
    answer = ask(front.port)
    assert (answer.status, answer.body) == (403, "This address is banned.\n")
    assert _admin(front, lift.replace("203.0.113.9", "127.0.0.1")) == ""
    assert ask(front.port).status == 200
    assert len(application.asked) == 2


def test_haproxy_fails_closed_and_open_where_its_operator_says_so(
    haproxy: StartFrontServer, application: Service
) -> None:
    text = GLOBAL + printed("haproxy", NOBODY, application.address)
    assert ask(haproxy(text).port).status == 503
    assert application.asked == []
    opened = haproxy(failing_open(text)).port
    wait_until(lambda: ask(opened).status == 200, "HAProxy to notice that Stockade is gone")


# --- the programs accept the text --------------------------------------------------------------------------------


def test_haproxy_has_nothing_to_say_against_it(tmp_path: Path) -> None:
    config = tmp_path / "haproxy.cfg"
    config.write_text(
        proxyconfig.render("haproxy", gateway="[::1]:8429", upstream="10.0.0.1:80", site="git.example.org")
    )
    checked = subprocess.run(
        [program("haproxy", "haproxy"), "-c", "-f", config], capture_output=True, text=True, check=True
    )
    assert "WARNING" not in checked.stdout + checked.stderr


def test_caddy_has_nothing_to_say_against_it(tmp_path: Path) -> None:
    text = proxyconfig.render("caddy", gateway="127.0.0.1:8429", upstream="127.0.0.1:80", site="git.example.org")
    config = tmp_path / "Caddyfile"
    config.write_text(text)
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    caddy = program("caddy", "caddy")
    checked = subprocess.run(
        [caddy, "validate", "--adapter", "caddyfile", "--config", config],
        capture_output=True,
        text=True,
        check=True,
        env=home,
    )
    assert "not formatted" not in checked.stderr
    formatted = subprocess.run([caddy, "fmt", config], capture_output=True, text=True, check=False, env=home)
    assert formatted.stdout == text


def test_nginx_has_nothing_to_say_against_it(tmp_path: Path) -> None:
    text = proxyconfig.render("nginx", gateway="[::1]:8429", upstream="10.0.0.1:80", site="git.example.org")
    config = tmp_path / "nginx.conf"
    config.write_text(f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{\naccess_log off;\n{text}}}\n")
    checked = subprocess.run(
        [program("nginx", "nginx-light"), "-t", "-p", tmp_path, "-c", config],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "[warn]" not in checked.stderr
