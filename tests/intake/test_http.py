"""GitLab's audit event stream and other deliveries over HTTP, sent as the reference says they are sent."""

from __future__ import annotations

import http.client
import json
import signal
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stockade.errors import ConfigurationError
from stockade.intake.formats.mapped import parse
from stockade.intake.handover import Handover
from stockade.intake.ledger import Ledger
from stockade.intake.receivers.http import HttpReceiver, token_in
from stockade.intake.settings import HttpSource
from tests.intake.conftest import Taking
from tests.intake.lines import MAPPING, audited, reading
from tests.intake.memory import MemoryJournal
from tests.servers.certificates import Certificates
from tests.servers.processes import free_port, wait_port

TOKEN = "s3cr3t-verification-token"
HEADERS = {
    "Content-Type": "application/x-www-form-urlencoded",
    "X-Gitlab-Event-Streaming-Token": TOKEN,
    "X-Gitlab-Audit-Event-Type": "webhook_created",
}


@dataclass
class Stream:
    """A GitLab that sends to the intake."""

    port: int
    context: ssl.SSLContext

    def send(
        self, body: bytes, *, headers: dict[str, str] | None = None, path: str = "/gitlab", method: str = "POST"
    ) -> tuple[int, Any]:
        connection = http.client.HTTPSConnection("localhost", self.port, context=self.context, timeout=30)
        connection.request(method, path, body, HEADERS if headers is None else headers)
        answer = connection.getresponse()
        said = json.loads(answer.read())
        connection.close()
        return answer.status, said

    def event(self, **fields: Any) -> tuple[int, Any]:
        return self.send(json.dumps(audited(**fields)).encode())


@pytest.fixture
def stream(taking: Taking, certificates: Certificates) -> Stream:
    port = free_port()
    taking.terminal.write(TOKEN + "\n", "token")
    taking.sources(f"""
        [[intake]]
        name = "gitlab"
        kind = "http"
        host = "127.0.0.1"
        port = {port}
        path = "/gitlab"
        token = "token"
        certificate = "{certificates / "server.pem"}"
        key = "{certificates / "server.key"}"
        max_body = 20000
        """)
    taking.start()
    wait_port(port)
    return Stream(port, ssl.create_default_context(cafile=str(certificates / "ca.pem")))


def test_a_delivery_is_in_the_log_when_it_is_answered_and_once_however_often_it_comes(
    taking: Taking, stream: Stream
) -> None:
    assert stream.event(id="41") == (200, {"taken": 1, "known": 0})
    (event,) = taking.events
    assert (event.action, str(event.actor), str(event.target), event.source) == (
        "webhook.add",
        "gitlab:user/7",
        "gitlab:project_hook/12",
        "203.0.113.9",
    )
    assert stream.event(id="41") == (200, {"taken": 0, "known": 1})
    assert stream.event(id="42") == (200, {"taken": 1, "known": 0})
    assert len(taking.events) == 2


def test_what_is_known_stays_known_after_a_kill(taking: Taking, stream: Stream) -> None:
    stream.event(id="41")
    taking.restart(signal.SIGKILL)
    wait_port(stream.port)
    assert stream.event(id="41") == (200, {"taken": 0, "known": 1})


def test_who_does_not_know_the_token_writes_nothing_and_is_not_told_it(taking: Taking, stream: Stream) -> None:
    body = json.dumps(audited()).encode()
    for token in (None, "", "wrong", TOKEN[:-1], TOKEN + "x"):
        headers = {} if token is None else {"X-Gitlab-Event-Streaming-Token": token}
        status, said = stream.send(body, headers=headers)
        assert status == 401
        assert TOKEN not in json.dumps(said)
    assert taking.events == []


def test_only_what_is_posted_to_the_path_and_small_enough_is_taken(taking: Taking, stream: Stream) -> None:
    body = json.dumps(audited()).encode()
    assert stream.send(body, path="/other")[0] == 404
    assert stream.send(b"", method="GET")[0] == 405
    assert stream.send(b"x" * 30_000)[0] == 413
    assert stream.send(b"")[0] == 400
    assert stream.send(body, headers=HEADERS | {"Content-Encoding": "gzip"})[0] == 415
    assert taking.events == []


def test_a_body_that_is_no_audit_event_is_kept_and_the_sender_is_told(taking: Taking, stream: Stream) -> None:
    status, said = stream.send(b'{"token": "glpat-abcdefghijklmnopqrst", "id": 3')
    assert status == 422
    assert said["taken"] == 1
    (event,) = taking.events
    assert event.action == "unknown"
    assert "glpat" not in json.dumps(dict(event.details))


def test_an_array_of_events_is_as_many_events(taking: Taking, stream: Stream) -> None:
    body = json.dumps([audited(id=str(number)) for number in range(3)]).encode()
    assert stream.send(body) == (200, {"taken": 3, "known": 0})
    assert len(taking.events) == 3


@dataclass
class Application:
    """The application alone, without a server, before a log in memory."""

    receiver: HttpReceiver
    journal: MemoryJournal

    async def send(self, body: bytes, headers: dict[str, str]) -> tuple[int, list[tuple[bytes, bytes]], Any]:
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self.receiver({"type": "http", "method": "POST", "path": "/", "headers": pairs}, receive, send)
        return sent[0]["status"], sent[0]["headers"], json.loads(sent[1]["body"])


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Callable[..., Application]]:
    (tmp_path / "token").write_text(TOKEN)
    journal, ledger = MemoryJournal(), Ledger(tmp_path / "ledger")

    def made(format: str = "gitlab_audit", **more: Any) -> Application:
        source = HttpSource(name="x", host="127.0.0.1", port=1, token=tmp_path / "token", format=format, **more)
        mapping = parse(MAPPING, where="vault.toml")
        receiver = HttpReceiver(source, lambda: reading(format, mapping=mapping), Handover(ledger, journal))
        return Application(receiver, journal)

    yield made
    ledger.close()


async def test_a_log_that_refuses_is_said_so_that_the_sender_tries_again(
    application: Callable[..., Application],
) -> None:
    gitlab, body = application(), json.dumps(audited()).encode()
    gitlab.journal.takes = 0
    status, headers, _ = await gitlab.send(body, HEADERS)
    assert (status, (b"retry-after", b"5") in headers) == (503, True)
    assert (await gitlab.send(body, HEADERS))[0] == 200
    assert len(gitlab.journal.entries) == 1


async def test_any_json_is_taken_by_a_mapping_and_known_by_its_text_where_it_has_no_id(
    application: Callable[..., Application],
) -> None:
    vault = application("json", header="X-Token")
    said = {"time": 1700049600, "request": {"operation": "read", "path": "secret/db", "remote_address": "192.0.2.1"}}
    lines = b"\n".join(json.dumps(said | {"time": 1700049600 + n}).encode() for n in range(3))
    assert (await vault.send(lines, {"X-Token": TOKEN}))[2] == {"taken": 3, "known": 0}
    assert (await vault.send(lines, {"X-Token": TOKEN}))[2] == {"taken": 0, "known": 3}
    assert {entry.event.action for entry in vault.journal.entries} == {"variable.read"}


def test_a_token_that_is_too_short_is_refused(tmp_path: Any) -> None:
    (tmp_path / "token").write_text("hunter2\n")
    with pytest.raises(ConfigurationError, match="too short") as refused:
        token_in(tmp_path / "token")
    assert "hunter2" not in str(refused.value)
