"""A store on Redis, of both kinds, opened with the deadline that a test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Protocol

import pytest

from stockade.guard.redis import AsyncRedisStore, RedisStore
from tests.contract.stores import PATIENT, Asked, Awaited, Waited


class OpenStore(Protocol):
    """Open a store of the kind that the test is about."""

    def __call__(self, url: str, deadline: float = PATIENT, prefix: str = "stockade") -> Asked: ...


def waited(url: str, deadline: float, prefix: str) -> Asked:
    return Waited(RedisStore(url, deadline=deadline, prefix=prefix))


def awaited(url: str, deadline: float, prefix: str) -> Asked:
    return Awaited(lambda: AsyncRedisStore(url, deadline=deadline, prefix=prefix))


KINDS: dict[str, Callable[[str, float, str], Asked]] = {"sync": waited, "async": awaited}


@pytest.fixture(params=KINDS)
def open_store(request: pytest.FixtureRequest) -> Iterator[OpenStore]:
    """Open stores that are closed with the test."""
    with ExitStack() as stack:

        def opened(url: str, deadline: float = PATIENT, prefix: str = "stockade") -> Asked:
            store = KINDS[request.param](url, deadline, prefix)
            stack.callback(store.close)
            return store

        yield opened
