"""Four workers of a real server, however they come to be, let exactly the limit through."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.servers.processes import accepts, free_port, running, wait_ready, wait_until
from tests.source_tree import ROOT

LIMIT, REQUESTS = 150, 400
PYTHON = [sys.executable, "-m"]
SERVERS = {
    "gunicorn": [*PYTHON, "gunicorn", "-w", "4", "tests.shared.apps:wsgi"],
    "gunicorn, forked after loading": [*PYTHON, "gunicorn", "-w", "4", "--preload", "tests.shared.apps:wsgi"],
    "gunicorn with threads": [*PYTHON, "gunicorn", "-w", "4", "--threads", "3", "tests.shared.apps:wsgi"],
    "uvicorn": [*PYTHON, "uvicorn", "--workers", "4", "--lifespan", "off", "tests.shared.apps:asgi"],
}


@pytest.mark.parametrize("name", SERVERS)
def test_four_workers_let_exactly_the_limit_through(name: str, path: Path, tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    where = ["--bind", f"127.0.0.1:{port}"] if "gunicorn" in name else ["--port", str(port)]
    env = {**os.environ, "STORE": str(path), "LIMIT": str(LIMIT)}
    with running(*SERVERS[name], *where, cwd=ROOT, env=env, log=log) as server:
        wait_ready(server, log, lambda: accepts(port))
        wait_until(lambda: len(everyone(port)) > 1, "several workers")
        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(lambda _: answer(port, "/counted"), range(REQUESTS)))
    assert Counter(status for status, _ in answers) == {200: LIMIT, 429: REQUESTS - LIMIT}, log.read_text()


def everyone(port: int) -> set[str]:
    """The workers that answer when many ask at once."""
    with ThreadPoolExecutor(16) as threads:
        return {worker for _, worker in threads.map(lambda _: answer(port, "/who"), range(50))}


def answer(port: int, path: str) -> tuple[int, str]:
    """Status and body of one request, on a connection of its own."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as found:
            return found.status, found.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, ""
