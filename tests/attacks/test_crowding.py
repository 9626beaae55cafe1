"""Taking more than one's share: passwords guessed all at once, and clones that never end."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx2
import pytest

from stockade.directory import Visibility
from stockade.gateway.demo import create
from stockade.gateway.identity import PASSWORDS
from stockade.gateway.turns import TooMany, Turns
from tests.gateway.conftest import MAXRETRY, Forge, StartForge
from tests.servers.processes import wait_until

GUESSES = 40


def test_nobody_takes_the_turns_of_others() -> None:
    turns = Turns("things", each=2, together=3)
    with ExitStack() as stack:
        stack.enter_context(turns.taken("a"))
        stack.enter_context(turns.taken("a"))
        with pytest.raises(TooMany), turns.taken("a"):
            pass
        stack.enter_context(turns.taken("b"))
        with pytest.raises(TooMany), turns.taken("c"):
            pass
    assert not turns._taken, "what is over is forgotten"


def test_guessing_all_at_once_gets_no_more_answers_than_the_turns(forge: Forge) -> None:
    def guess(number: int) -> int:
        url = f"{forge.at.url}/demo/hello.git/info/refs"
        return httpx2.get(url, auth=("alice", f"guess {number}"), timeout=30).status_code

    with ThreadPoolExecutor(GUESSES) as crowd:
        statuses = list(crowd.map(guess, range(GUESSES)))
    assert set(statuses) <= {401, 403, 503}
    assert statuses.count(401) <= MAXRETRY + PASSWORDS
    assert httpx2.get(f"{forge.at.url}/demo/hello.git/info/refs").status_code == 403


def test_clones_that_never_end_are_bounded_for_each_client(
    start_forge: StartForge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stockade.gateway.git.EACH", 3)
    forge = start_forge()
    create(forge.state / "repositories/open/all.git")
    forge.directory.create_repository("open/all", Visibility.PUBLIC)
    head = (
        b"POST /open/all.git/git-upload-pack HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Type: application/x-git-upload-pack-request\r\n\r\n4\r\n0000\r\n"
    )
    refs = f"{forge.at.url}/open/all.git/info/refs?service=git-upload-pack"
    with ExitStack() as stack:
        for _ in range(3):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", forge.at.port)))
            connection.sendall(head)
        wait_until(lambda: httpx2.get(refs).status_code == 503, "the turns to be taken")
        assert "retry-after" in httpx2.get(refs).headers
        assert httpx2.get(f"{forge.at.url}/users/sign_in").status_code == 200
    wait_until(lambda: httpx2.get(refs).status_code == 200, "the turns to be given back")
