"""A shared store, and other processes that use it too."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from stockade.guard.shared import SharedStore
from tests.source_tree import ROOT

CLIENTS = 1024


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store is, in a directory that does not exist yet."""
    return tmp_path / "state" / "counters"


@pytest.fixture
def store(path: Path) -> SharedStore:
    return SharedStore(path, clients=CLIENTS)


class Process:
    """Another process; ``tell`` gives an order, ``answer`` waits for what comes of it, and a call does both."""

    def __init__(self, *arguments: object) -> None:
        argv = [sys.executable, "-W", "error", "-m", "tests.shared.other", *map(str, arguments)]
        self.process = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answer()

    def tell(self, *words: object) -> None:
        assert self.process.stdin is not None
        print(json.dumps(words), file=self.process.stdin, flush=True)

    def answer(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def __call__(self, *words: object) -> Any:
        self.tell(*words)
        return self.answer()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


Start = Callable[..., Process]


@pytest.fixture
def start(path: Path) -> Iterator[Start]:
    """Start another process that uses the store."""
    with ExitStack() as stack:

        def start(*sizes: int) -> Process:
            process = Process(path, *(sizes or (CLIENTS,)))
            stack.callback(process.end)
            return process

        yield start
