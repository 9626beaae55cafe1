"""The store that a test of the contract is about: every one in turn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.stores import STORES, Asked


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[Asked]:
    """An empty store."""
    opened = STORES[request.param](request)
    yield opened
    opened.close()
