"""FastAPI behind the guard in real servers: uvicorn alone, uvicorn's workers, gunicorn's workers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.doors.serving import Served, serving

APP = "tests.doors.app_fastapi:app"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving("uvicorn", APP, "--port", "$PORT", where=tmp_path) as site:
        yield site


def test_failed_sign_ins_ban(served: Served) -> None:
    assert [served.get("/login").status_code for _ in range(3)] == [401, 401, 403]
    assert served.get("/pid").status_code == 200


def test_a_stream_arrives_as_it_is_made(served: Served) -> None:
    with httpx2.stream("GET", f"{served.url}/stream") as reply:
        assert next(reply.iter_bytes()) == b"first\n"


def test_a_websocket_is_refused_with_429_on_the_wire(served: Served) -> None:
    where = served.url.replace("http", "ws") + "/talk"
    with connect(where) as socket:
        assert socket.recv() == "hello"
    with pytest.raises(InvalidStatus) as refused:
        connect(where)
    assert refused.value.response.status_code == 429
    assert int(refused.value.response.headers["retry-after"]) > 0


def test_several_workers_with_a_memory_each_are_warned_about(tmp_path: Path) -> None:
    with serving("uvicorn", APP, "--port", "$PORT", "--workers", "2", where=tmp_path) as site:
        site.get("/pid")
        assert "2 processes each count in a memory of their own" in site.log.read_text()


def test_one_worker_is_not_warned_about(served: Served) -> None:
    served.get("/pid")
    assert "memory of their own" not in served.log.read_text()
