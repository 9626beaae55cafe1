"""GitLab's audit events over its API: windows, pages, waiting when asked to, and a token that goes nowhere else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from stockade.errors import ConfigurationError, Refused, Unavailable
from stockade.intake.handover import Handover
from stockade.intake.ledger import Ledger
from stockade.intake.receivers.gitlab_api import GitLabApiReceiver
from stockade.intake.settings import DAY, GitLabApiSource
from tests.intake.lines import NOON
from tests.intake.memory import MemoryJournal

TOKEN = "glpat-abcdefghijklmnopqrst"


class GitLab:
    """A GitLab with some audit events, which answers as its reference says: 30 days at most, keyset pages, 429."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.asked: list[dict[str, str]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.page = 2
        self.elsewhere = ""
        gitlab = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                gitlab.answer(self)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def add(self, id: int, time: str, **fields: Any) -> None:
        details = {"author_name": "Alice", "target_type": "User", "custom_message": "Added SSH key", **fields}
        self.events.append(
            {"id": id, "author_id": 7, "entity_id": 7, "entity_type": "User", "details": details, "created_at": time}
        )

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        asked = {key: values[0] for key, values in parse_qs(urlsplit(request.path).query).items()}
        self.asked.append(asked)
        if self.answers:
            status, headers = self.answers.pop(0)
            return self.send(request, status, headers, b"{}")
        if request.headers["PRIVATE-TOKEN"] != TOKEN or urlsplit(request.path).path != "/api/v4/audit_events":
            return self.send(request, 401, {}, b'{"message":"401 Unauthorized"}')
        after, before = (datetime.fromisoformat(asked[key]) for key in ("created_after", "created_before"))
        if (before - after).total_seconds() > 30 * DAY:
            return self.send(request, 400, {}, b'{"error":"at most 30 days"}')
        found = [each for each in self.events if after <= datetime.fromisoformat(each["created_at"]) <= before]
        found.sort(key=lambda each: -each["id"])
        rest = [each for each in found if "cursor" not in asked or each["id"] < int(asked["cursor"])]
        some, headers = rest[: self.page], {}
        if len(rest) > self.page:
            base = self.elsewhere or self.url
            query = request.path.partition("&cursor=")[0]
            headers = {"Link": f'<{base}{query}&cursor={some[-1]["id"]}>; rel="next"'}
        return self.send(request, 200, headers, json.dumps(some).encode())

    def send(self, request: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes) -> None:
        request.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)


class Asking:
    """The receiver, what it has waited for, and what it has said."""

    def __init__(self, gitlab: GitLab, directory: Path) -> None:
        (directory / "token").write_text(TOKEN)
        self.journal, self.waited, self.told = MemoryJournal(), list[float](), list[str]()
        self.ledger, self.now = Ledger(directory / "ledger"), NOON
        self.handover = Handover(self.ledger, self.journal)
        self.source = GitLabApiSource(name="gitlab", url=gitlab.url, token=directory / "token", since=80 * DAY)
        self.receiver = GitLabApiReceiver(
            self.source, self.handover, say=self.told.append, clock=lambda: self.now, wait=self.waited.append
        )

    @property
    def ids(self) -> list[object]:
        return [entry.event.details["custom_message"] for entry in self.journal.entries]


@pytest.fixture
def gitlab() -> Iterator[GitLab]:
    made = GitLab()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def asking(gitlab: GitLab, tmp_path: Path) -> Iterator[Asking]:
    made = Asking(gitlab, tmp_path)
    yield made
    made.ledger.close()


def test_eighty_days_are_three_windows_and_every_page_is_turned(gitlab: GitLab, asking: Asking) -> None:
    for id in range(1, 8):
        gitlab.add(id, f"2023-1{id % 2}-0{id}T12:00:00.000Z")
    gitlab.add(9, "2023-09-01T12:00:00.000Z")
    assert asking.receiver.step() == 8
    assert {entry.event.action for entry in asking.journal.entries} == {"key.add"}
    windows = {(each["created_after"], each["created_before"]) for each in gitlab.asked}
    assert len(windows) == 3
    assert len(gitlab.asked) == 5


def test_what_was_taken_is_asked_for_again_a_little_and_taken_once(gitlab: GitLab, asking: Asking) -> None:
    gitlab.add(1, "2023-11-15T11:59:00.000Z")
    assert asking.receiver.step() == 1
    gitlab.add(2, "2023-11-15T11:58:30.000Z")  # late by a minute
    asking.now += 60
    assert asking.receiver.step() == 1
    assert asking.receiver.step() == 0
    assert asking.journal.repeated == {}
    assert datetime.fromisoformat(gitlab.asked[-1]["created_after"]).timestamp() == asking.now - 300


def test_it_waits_as_long_as_gitlab_asks_for(gitlab: GitLab, asking: Asking) -> None:
    asking.now = NOON
    gitlab.answers = [
        (429, {"Retry-After": "7"}),
        (429, {}),
        (429, {"Retry-After": "Wed, 15 Nov 2023 12:00:30 GMT"}),
        (503, {"Retry-After": "999999999"}),
    ]
    gitlab.add(1, "2023-11-15T11:59:00.000Z")
    assert asking.receiver.step() == 1
    assert asking.waited == [7.0, 60.0, 30.0, 3600.0]


def test_a_window_that_breaks_off_is_asked_for_again_and_nothing_is_taken_twice(gitlab: GitLab, asking: Asking) -> None:
    for id in range(1, 7):
        gitlab.add(id, "2023-11-15T11:00:00.000Z")
    asking.journal.takes = 3
    with pytest.raises(Unavailable):
        asking.receiver.step()
    asking.receiver.step()
    assert len(asking.journal.entries) == 6
    assert asking.journal.repeated == {}


@pytest.mark.parametrize(
    ("arrange", "error"),
    [
        (lambda gitlab: gitlab.answers.extend([(302, {"Location": "http://127.0.0.1:9/steal"})]), Unavailable),
        (lambda gitlab: gitlab.answers.extend([(401, {})]), Refused),
        (lambda gitlab: gitlab.answers.extend([(500, {})]), Unavailable),
        (lambda gitlab: gitlab.answers.extend([(200, {})]), Unavailable),
        (lambda gitlab: setattr(gitlab, "elsewhere", "http://127.0.0.1:9"), Refused),
        (lambda gitlab: gitlab.server.shutdown() or gitlab.server.server_close(), Unavailable),
    ],
    ids=["redirect", "token refused", "broken", "no list", "next page elsewhere", "away"],
)
def test_what_goes_wrong_is_said_without_the_token(
    gitlab: GitLab, asking: Asking, arrange: Callable[[GitLab], None], error: type[Exception]
) -> None:
    for id in range(1, 7):
        gitlab.add(id, "2023-11-15T11:00:00.000Z")
    arrange(gitlab)
    with pytest.raises(error) as raised:
        asking.receiver.step()
    assert "127.0.0.1" in str(raised.value) or "no list" in str(raised.value)
    assert TOKEN not in str(raised.value) + repr(raised.value.__context__) + "".join(asking.told)


@pytest.mark.parametrize("url", ["http://gitlab.example", "ftp://gitlab.example", "https://u:p@gitlab.example"])
def test_a_token_is_not_sent_in_clear(url: str, asking: Asking) -> None:
    source = GitLabApiSource(name="gitlab", url=url, token=asking.source.token)
    with pytest.raises(ConfigurationError):
        GitLabApiReceiver(source, asking.handover, say=print)


def test_an_event_that_a_stream_has_delivered_is_not_taken_from_the_api(gitlab: GitLab, asking: Asking) -> None:
    gitlab.add(1, "2023-11-15T11:59:00.000Z")
    assert asking.receiver.step() == 1
    other = GitLabApiSource(name="again", url=gitlab.url, token=asking.source.token, same_as="gitlab")
    assert GitLabApiReceiver(other, asking.handover, say=print, clock=lambda: NOON).step() == 0
