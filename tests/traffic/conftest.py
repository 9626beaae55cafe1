"""What the tests of traffic share."""

from __future__ import annotations

import pytest

from tests.traffic.test_signals import CHANCE


@pytest.fixture(autouse=True)
def _chance_that_is_the_same_in_any_order() -> None:
    CHANCE.seed(1)
