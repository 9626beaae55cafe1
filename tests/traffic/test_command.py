"""A responder reads records of traffic from the terminal."""

from __future__ import annotations

from random import Random
from xml.dom import minidom

import pytest

from stockade.audit.reading import entries
from tests.cli.terminal import Terminal, terminal
from tests.traffic.planting import Beacon, written
from tests.traffic.test_signals import BEGAN, DAY, asked, ordinary

__all__ = ["terminal"]

HOSTILE = "x\x1b[2J\u202e<script>alert(1)</script>"


@pytest.fixture
def story(terminal: Terminal) -> Terminal:
    """A day with a beacon, a tunnel whose names would like to be mark-up, and a log to record in."""
    chance = Random(4)
    beacon = Beacon(300, 0.1).records("203.0.113.9", BEGAN, BEGAN + DAY, chance)
    tunnel = [asked(n, f"{chance.getrandbits(160):040x}.{HOSTILE}.example", "TXT") for n in range(60)]
    written(terminal.directory / "conn.log", ordinary(), beacon, tunnel)
    written(terminal.directory / "before.log", ordinary(BEGAN - 3 * DAY, 3))
    return terminal


def test_the_worst_comes_first_in_the_terminal_and_on_a_page(story: Terminal) -> None:
    said = story("traffic review conn.log --own 10.0.0.0/8 --html page.html --svg plots")
    assert said.code == 1, said.err
    head, _, rest = said.out.partition("high")[2].partition("high")
    for wanted in ("calls 203.0.113.9:443/tcp every 5", "T1071.001", "gaps between calls", "ss -tnp dst 203.0.113.9"):
        assert wanted in head
    assert "█" in head
    assert "names below" in rest
    assert "none was learned: the first half of these records is it" in rest
    for never in ("\x1b[2J", "\u202e"):
        assert never not in said.out
    _nothing_in_the_page_could_do_something(story)


def _nothing_in_the_page_could_do_something(story: Terminal) -> None:
    page = (story.directory / "page.html").read_text()
    assert "calls 203.0.113.9:443/tcp" in page
    assert page.count("<svg") >= 2
    for never in ("<script", "\x1b", "\u202e", "http://1", "src="):
        assert never not in page
    images = list((story.directory / "plots").iterdir())
    assert len(images) >= 2
    for image in images:
        assert minidom.parseString(image.read_text()).getElementsByTagName("svg")
        assert not any(never in image.read_text() for never in ("<script", "\u202e", "\x1b"))


def test_a_review_is_on_record_with_its_findings(story: Terminal) -> None:
    learned = story("traffic learn before.log --to normal.json --own 10.0.0.0/8")
    assert learned.code == 0, learned.err
    assert "1 ports out" in learned.out
    found = story("traffic review conn.log --normal normal.json --own 10.0.0.0/8 --record --json")
    assert found.code == 1, found.err
    assert found.json["normal"]["learned"]
    assert {each["signal"] for each in found.json["findings"]} >= {"traffic-beacon", "traffic-dns-tunnel"}
    recorded = {each.event.action: each.event.details for each in entries(story.directory / "state" / "audit", 0)}
    assert recorded["traffic.review"]["records"] == found.json["records"]
    assert str(recorded["finding.create"]["rule"]).startswith("host.traffic-")
