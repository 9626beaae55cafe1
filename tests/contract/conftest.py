"""The store that a test of the contract is about: every one in turn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.stores import STORES, Asked, now


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[Asked]:
    """An empty store."""
    opened = STORES[request.param](request)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def this_moment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """``T`` is when the test begins, not when it was collected: some stores go by their own clock, and in a long run a
    ban of ten minutes would be over before it is asked for.
    """
    if hasattr(request.module, "T"):
        monkeypatch.setattr(request.module, "T", getattr(request.module, "moment", now)())
