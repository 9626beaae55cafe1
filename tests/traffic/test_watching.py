"""A running service watches traffic: what is odd is recorded once, and what it keeps is bounded."""

from __future__ import annotations

import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stockade.app.attending import roles
from stockade.app.host.traffic_watch import flow_of, watch
from stockade.config import load
from stockade.errors import Unavailable
from stockade.events import Event, Ref
from stockade.host.traffic import window as window_of
from stockade.host.traffic.flow import Flow
from stockade.host.traffic.normal import Normal
from stockade.host.traffic.places import Places
from stockade.host.traffic.reviewing import Review, reviewed
from stockade.host.traffic.sources import Events, Followed, Listed
from stockade.host.traffic.table import Table, TooMuch, table
from stockade.host.traffic.window import Window
from tests.servers.processes import wait_until
from tests.traffic.planting import Beacon, written
from tests.traffic.test_formats import CONNTRACK_TABLE
from tests.traffic.test_signals import BEGAN, CHANCE, DAY, ordinary

BEACON = [Flow(BEGAN + 300 * n, "10.0.0.5", "203.0.113.9", 443, out=100, back=100) for n in range(40)]

RULE = """\
table inet t {
  chain c {
    type filter hook input priority 0
    ct state new accept
  }
}
"""


@pytest.fixture
def held() -> Iterator[Table]:
    with table(memory="100MB") as made:
        yield made


def signals(window: Window, now: float) -> list[str]:
    return [each.signal for each in window.look(now, None) if each.severity != "informational"]


def test_what_is_odd_is_told_once_and_again_after_a_while(held: Table) -> None:
    window = Window(held, Places(), seconds=DAY, quiet=3_600)
    window.add(BEACON[:15])
    assert signals(window, BEGAN + 5_000) == ["traffic-beacon"]
    assert signals(window, BEGAN + 6_000) == []
    assert signals(window, BEGAN + 9_000) == ["traffic-beacon"]
    window.add(BEACON[15:17])
    assert signals(window, BEGAN + 9_500) == []
    window.add(BEACON[17:])
    assert signals(window, BEGAN + 9_600) == ["traffic-beacon"]  # surer, and so worse
    assert signals(window, BEGAN + 3 * DAY) == []
    assert held.one("SELECT count(*) FROM flow") == (0,)


def test_of_too_many_records_the_latest_are_kept(held: Table) -> None:
    said = list[str]()
    window = Window(held, Places(), seconds=DAY, quiet=60, most=10, say=said.append)
    window.add([*BEACON, *[BEACON[-1]] * 3])
    window.look(BEGAN + 20_000, None)
    window.look(BEGAN + 20_001, None)
    assert held.one("SELECT count(*), min(t) FROM flow") == (10, BEACON[-7].time)
    assert len(said) == 1
    assert said[0].startswith("traffic: 43 records are more than can be kept; the last 30 min are watched")


def test_a_flood_of_strangers_cannot_end_the_watch(held: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """More conversations than the memory holds: fewer records are looked at, and it is said."""

    def bounded(table: Table, places: Places, normal: Normal | None) -> Review:
        if table.one("SELECT count(*) FROM flow")[0] > 15_000:
            raise TooMuch
        return reviewed(table, places, normal)

    monkeypatch.setattr(window_of, "reviewed", bounded)
    said = list[str]()
    window = Window(held, Places(), seconds=DAY, quiet=60, say=said.append)
    flood = (Flow(BEGAN + n / 1_000, f"198.51.{n >> 8}.{n & 255}", "10.0.0.5", 443) for n in range(20_000))
    window.add([*flood, *(each._replace(time=BEGAN + 30 + n * 5) for n, each in enumerate(BEACON))])
    assert signals(window, BEGAN + 2_000) == ["traffic-beacon"]
    assert "20,040 records are more than can be kept" in said[0]


def test_the_normal_is_learned_from_the_first_whole_window(held: Table) -> None:
    window = Window(held, Places(), seconds=12_000, quiet=60)
    window.add(BEACON[:20])
    assert window.learned() is None
    window.add(BEACON[20:])
    normal = window.learned()
    assert normal is not None
    assert normal.learned
    assert "10.0.0.5>203.0.113.9:443/tcp" in normal.calls


def test_the_table_of_connections_gives_each_of_them_once(tmp_path: Path) -> None:
    file, now = tmp_path / "nf_conntrack", iter([1e9, 1e9 + 1, 1e9 + 10, 1e9 + 20])
    listed = Listed(file, clock=lambda: next(now))
    file.write_text(CONNTRACK_TABLE + "\n")
    assert [flow.time for flow in listed.take()] == [1e9]
    assert listed.take() == []  # too soon
    file.write_text(CONNTRACK_TABLE + "\n" + CONNTRACK_TABLE.replace("40000", "40001") + "\n")
    assert [flow.source_port for flow in listed.take()] == [40_001]
    file.unlink()
    with pytest.raises(Unavailable):
        listed.take()


def test_a_log_that_grows_is_followed_under_its_heading(tmp_path: Path) -> None:
    file, clock = tmp_path / "conn.log", lambda: BEGAN
    file.write_text("#fields\tts\tid.orig_h\tid.resp_h\tid.resp_p\tconn_state\n1.0\ta\tb\t1\tSF\n")
    followed = Followed(file, say=print, clock=clock)
    assert [flow.destination_port for flow in followed.take()] == [1]
    with file.open("a") as more:
        more.write("2.0\ta\tb\t2\tSF\nbroken\n3.0\ta\tb\t3\tS0\n")
    assert [flow.destination_port for flow in followed.take()] == [2, 3]
    file.rename(tmp_path / "conn.log.1")
    file.write_text("#fields\tts\tid.resp_p\tid.orig_h\tid.resp_h\tconn_state\n4.0\t4\ta\tb\tSF\n")
    assert [flow.destination_port for flow in followed.take()] == [4]
    followed.close()


def test_findings_of_a_service_are_events(tmp_path: Path) -> None:
    log = written(
        tmp_path / "conn.log", ordinary(), Beacon(300, 0.1).records("203.0.113.9", BEGAN, BEGAN + DAY, CHANCE)
    )
    file = tmp_path / "stockade.toml"
    file.write_text(
        f'state = "{tmp_path}"\n[traffic]\nfiles = ["{log}"]\nrequests = false\nevery = 3\n'
        'own = ["10.0.0.0/8"]\nwindow = "2d"\n'
    )
    settings = load(file)
    assert "traffic watch" in [role.name for role in roles(settings)]
    recorded, ticks = list[Event](), iter(range(5))
    moments = iter(BEGAN + DAY + n for n in range(1_000))
    watch(settings, recorded.append, lambda _seconds: next(ticks, None) is None, clock=lambda: next(moments))
    assert [event.action for event in recorded] == ["finding.create"]
    assert recorded[0].details["rule"] == "host.traffic-beacon"
    assert recorded[0].target == Ref("network", "conversation", "10.0.1.6>203.0.113.9:443/tcp")


def test_a_request_that_was_taken_into_the_log_is_traffic() -> None:
    event = Event(
        BEGAN, "http.request", None, None, "203.0.113.9", details={"path": "/x?y=1", "status": 404, "method": "GET"}
    )
    found = flow_of(event)
    assert found is not None
    assert (found.source, found.asked, found.failed) == ("203.0.113.9", "/x", True)
    assert flow_of(Event(BEGAN, "token.create", source="203.0.113.9")) is None


@pytest.fixture
def host() -> Iterator[Callable[..., str]]:
    """A network namespace of its own, in which the kernel follows connections."""
    name = f"traffic-{secrets.token_hex(4)}"

    def run(*argv: str, text: str = "") -> str:
        done = subprocess.run(
            ["ip", "netns", "exec", name, *argv], input=text, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout

    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        run("ip", "link", "set", "lo", "up")
        run(
            "nft",
            "-f",
            "-",
            text=RULE,
        )
        run.__dict__["name"] = name
        yield run
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


def test_the_kernels_own_connections_show_a_scan(host: Callable[..., str], held: Table) -> None:
    events, seen = Events(("ip", "netns", "exec", host.__dict__["name"], "conntrack")), list[Flow]()
    try:
        knock = "import socket\nfor port in range(2000, 2030):\n    socket.socket().connect_ex(('127.0.0.2', port))"
        wait_until(lambda: _seen(host, knock, events, seen), "the kernel to tell of 30 connections")
    finally:
        events.close()
    window = Window(held, Places(), seconds=DAY, quiet=60)
    window.add(seen)
    (scan,) = (each for each in window.look(time.time(), None) if each.severity == "high")
    assert scan.title.startswith("127.0.0.1 tried 30 ports of 127.0.0.2, all in vain")


def _seen(host: Callable[..., str], knock: str, events: Events, seen: list[Flow]) -> bool:
    """Knock, and have the kernel forget: so it tells of the end of each connection."""
    if not seen:
        host("python3", "-c", knock)
        host("conntrack", "-F")
    seen += events.take()
    return len({flow.destination_port for flow in seen}) >= 30


def test_a_program_that_is_not_there_is_told_with_what_to_do() -> None:
    with pytest.raises(Unavailable) as refusal:
        Events(("no-such-conntrack",))
    assert "Debian" in refusal.value.remedy
    ended = Events(("false",))
    wait_until(lambda: ended._child.poll() is not None, "the program to end")
    with pytest.raises(Unavailable, match="has ended"):
        ended.take()
    ended.close()
