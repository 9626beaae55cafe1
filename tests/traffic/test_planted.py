"""Beacons planted into real records are found, and what is real or harmless raises no false alarm."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bench.planted import DAY, LONG, SHORT, beacons, score
from stockade.host.traffic.places import Places
from stockade.host.traffic.reviewing import review
from stockade.lines.stamps import Dating
from tests.traffic.planting import Record, real

SHARED = Path(__file__).parents[3] / "shared" / "data"
ATTACKERS_OWN = "192.168.0.4:8443/tcp"
"""Where the published attack was led from: no false alarm."""


@pytest.fixture(scope="module")
def log() -> list[Record]:
    file = SHARED / "zeek" / "NASHUA_conn.log"
    if not file.exists():
        pytest.skip("no real data at ../shared/data/zeek")
    return real(file)


def test_the_published_attack_is_told_and_nothing_else(log: list[Record]) -> None:
    found = score("as published", log, [], 0)
    assert [ATTACKERS_OWN in title for title in found.other] == [True]


@pytest.mark.parametrize("jitter", [0.0, 0.2])
def test_beacons_in_the_published_log_are_found(log: list[Record], jitter: float) -> None:
    found = score("half an hour", log, list(beacons(SHORT, jitter, 1)), 2_300)
    assert found.found >= 0.9 * found.planted
    assert all(ATTACKERS_OWN in title for title in found.other)


def test_beacons_of_a_day_are_found_beside_harmless_conversations(log: list[Record]) -> None:
    found = score("a day", log, list(beacons(LONG[2:], 0.2, 1)), DAY, harmless=50)
    assert found.found >= 0.9 * found.planted
    false = [title for title in found.other if ATTACKERS_OWN not in title]
    assert len(false) <= 0.01 * found.beside


def test_four_days_of_a_real_site_raise_no_false_alarm() -> None:
    file = SHARED / "access-logs" / "apache_combined_10k.log"
    if not file.exists():
        pytest.skip("no real data at ../shared/data/access-logs")
    found = review([file], Places(), Dating(time.time))
    assert found.records == 10_000
    assert found.above_note == []
