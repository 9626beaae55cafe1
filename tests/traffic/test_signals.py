"""What is odd in traffic is found, its harmless twin raises no alarm, and what several signals say is put together."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from stockade.host.oddity import Oddity
from stockade.host.traffic.normal import Normal, parse
from stockade.host.traffic.places import Places
from stockade.host.traffic.reviewing import Review, learn, review
from stockade.host.traffic.signals.beacons import by_chance, rhythm
from stockade.lines.stamps import Dating
from tests.traffic.planting import SOURCE, Beacon, Record, record, written

BEGAN = 1_700_000_000.0
DAY = 86_400.0
Look = Callable[..., Review]
CHANCE = random.Random(1)


@pytest.fixture
def look(tmp_path: Path) -> Look:
    def looked(*records: Sequence[Record], normal: Normal | None = None) -> Review:
        file = written(tmp_path / "conn.log", *records)
        return review([file], Places(["10.0.0.0/8"]), Dating(time.time), normal=normal)

    return looked


def ordinary(began: float = BEGAN, days: float = 1.0) -> list[Record]:
    """A server that answers clients, asks its resolver and calls two destinations, all day."""
    found = []
    for number in range(int(96 * days)):
        at = began + CHANCE.uniform(0, days * DAY)
        found.append(record(at, "198.51.100.1", 443, CHANCE))
        found.append(record(at + 90 * CHANCE.random(), "10.0.0.4", 53, CHANCE, protocol="udp"))
        found.append(record(at + 300 * CHANCE.random(), SOURCE, 443, CHANCE, source=f"192.0.2.{number % 50 + 1}"))
    return found


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Normal:
    """The normal of a week before."""
    file = written(tmp_path_factory.mktemp("normal") / "conn.log", ordinary(BEGAN - 7 * DAY, 7))
    return learn([file], Places(["10.0.0.0/8"]), Dating(time.time))


def told(found: Review, signal: str) -> list[Oddity]:
    return [each for each in found.above_note if each.signal == f"traffic-{signal}"]


def noted(found: Review, signal: str) -> list[Oddity]:
    return [each for each in found.oddities if each.signal == f"traffic-{signal}" and each not in found.above_note]


def test_an_ordinary_day_is_nothing_to_tell_of(look: Look, week: Normal) -> None:
    assert look(ordinary()).above_note == []
    assert look(ordinary(), normal=week).above_note == []


def test_a_beacon_is_told_with_its_rhythm_and_a_plot(look: Look) -> None:
    (beacon,) = told(look(ordinary(), Beacon(300, 0.2).records("203.0.113.9", BEGAN, BEGAN + DAY, CHANCE)), "beacon")
    assert beacon.severity == "high"
    assert beacon.title.startswith(f"{SOURCE} calls 203.0.113.9:443/tcp every ")
    assert beacon.facts["period"] == pytest.approx(300, rel=0.1)
    assert beacon.techniques == ("T1071.001",)
    assert "dst 203.0.113.9 dport = :443" in beacon.look
    plot = beacon.facts["plot"]
    assert isinstance(plot, dict)
    assert sum(plot["values"]) > 200


def test_nine_calls_are_too_few_to_be_sure(look: Look) -> None:
    few = [record(BEGAN + 300 * n, "203.0.113.9", 443, CHANCE) for n in range(9)]
    assert told(look(ordinary(), few), "beacon") == []
    assert told(look(ordinary(), few, [record(BEGAN + 2_700, "203.0.113.9", 443, CHANCE)]), "beacon") != []


def test_chance_is_counted_as_the_binomial_distribution_has_it() -> None:
    assert by_chance(9, 9) == pytest.approx(0.25**9)
    assert by_chance(0, 9) == pytest.approx(1.0)
    moments, at = list[float](), 0.0
    for _ in range(500):
        moments.append(at := at + CHANCE.expovariate(1.0))
    found = rhythm(moments)
    assert found is not None
    assert found.chance > 1e-3


def test_what_was_regular_in_the_normal_stays_a_note(look: Look, tmp_path: Path) -> None:
    calls = [Beacon(600, 0.05).records("203.0.113.9", BEGAN + n * DAY, BEGAN + (n + 1) * DAY, CHANCE) for n in (0, 1)]
    known = learn([written(tmp_path / "before.log", calls[0])], Places(["10.0.0.0/8"]), Dating(time.time))
    found = look(calls[1], normal=known)
    assert told(found, "beacon") == []
    assert "in the learned normal, too" in noted(found, "beacon")[0].harmless


def test_a_name_from_another_log_explains_a_conversation_and_counts_it_once(tmp_path: Path) -> None:
    calls = Beacon(600, 0.0).records("203.0.113.9", BEGAN, BEGAN + DAY, CHANCE)
    ends = ("ts", "id_orig_h", "id_orig_p", "id_resp_h", "id_resp_p")
    hellos = [{**{name: each[name] for name in ends}, "server_name": "ftp.debian.org", "cipher": "x"} for each in calls]
    logs = [written(tmp_path / "conn.log", calls), written(tmp_path / "ssl.log", hellos)]
    found = review(logs, Places(["10.0.0.0/8"]), Dating(time.time))
    assert told(found, "beacon") == []
    (note,) = noted(found, "beacon")
    assert note.facts["count"] == len(calls)
    assert "packages are updated, if the name is true" in note.harmless


def test_volume_is_told_against_the_sources_own_history(look: Look, week: Normal) -> None:
    loot = [
        record(BEGAN + 7_000 + n * 60 * CHANCE.random(), "203.0.113.9", 443, CHANCE, sent=9_000_000) for n in range(8)
    ]
    (volume,) = told(look(ordinary(), loot, normal=week), "volume")
    assert volume.severity == "medium"
    assert f"{SOURCE} sent 72 MB to 203.0.113.9:443/tcp" in volume.title
    usual = [{**each, "id_resp_h": "198.51.100.1"} for each in loot]
    assert told(look(ordinary(), usual, normal=week), "volume") == []


def test_several_signals_make_a_conversation_worse(look: Look) -> None:
    beacon = Beacon(600, 0.1, least=900_000, most=999_999).records("203.0.113.9", BEGAN, BEGAN + DAY, CHANCE)
    found = look(ordinary(), beacon)
    assert found.oddities[0].severity == "critical"
    assert found.oddities[0].facts["also"] == ["traffic-volume"]


def refused(at: float, to: str, port: int, source: str = SOURCE) -> Record:
    return {**record(at, to, port, CHANCE, source=source), "conn_state": "REJ", "resp_bytes": 0}


def test_scans_from_inside_are_told_quick_and_slow(look: Look) -> None:
    ports = [refused(BEGAN + n, "10.0.0.9", 20 + n) for n in range(30)]
    slow = [refused(BEGAN + 1_000 * n, f"10.0.2.{n + 1}", 22, "10.0.1.7") for n in range(25)]
    vertical, horizontal = sorted(told(look(ordinary(), ports, slow), "scan"), key=lambda each: "slowly" in each.title)
    assert vertical.title == f"{SOURCE} tried 30 ports of 10.0.0.9, all in vain within 29 s"
    assert "25 machines at 22/tcp, all in vain, slowly" in horizontal.title
    assert {vertical.severity, horizontal.severity} == {"high"}


def test_scans_from_outside_are_noted_and_counted(look: Look) -> None:
    scans = [refused(BEGAN + n, SOURCE, 20 + n, f"203.0.113.{who}") for who in range(20) for n in range(20)]
    found = look(ordinary(), scans)
    assert told(found, "scan") == []
    assert [each.title for each in noted(found, "scan")][-1] == "15 more scans came from outside"


def asked(number: int, name: str, kind: str = "A") -> Record:
    return {"ts": BEGAN + number * 20, "id_orig_h": SOURCE, "id_resp_h": "10.0.0.4", "id_resp_p": 53, "query": name,
            "qtype_name": kind}  # fmt: skip


def test_a_tunnel_by_dns_is_told_and_content_networks_are_not(look: Look) -> None:
    noise = random.Random(5)
    tunnel = [asked(n, f"{noise.randbytes(20).hex()}.t.evil.example", "TXT") for n in range(60)]
    content = [asked(n, f"d{noise.randbytes(20).hex()}.cloudfront.net") for n in range(60)]
    people = [asked(n, name) for n in range(90) for name in (f"www.site{n}.example", "mail.example.org")]
    found = look(ordinary(), tunnel, content, people)
    (dns,) = told(found, "dns-tunnel")
    assert "60 names below evil.example" in dns.title
    assert (dns.severity, dns.techniques) == ("high", ("T1071.004", "T1572"))
    assert [each.facts["zone"] for each in noted(found, "dns-tunnel")] == ["cloudfront.net"]


def test_a_connection_held_open_is_told_unless_it_is_known_for_that(look: Look) -> None:
    long = [
        {**record(BEGAN, to, port, CHANCE), "duration": 30_000.0}
        for to, port in (("203.0.113.9", 4444), ("203.0.113.8", 993))
    ]
    found = look(ordinary(), long)
    assert [each.title for each in told(found, "long-connection")] == [
        f"{SOURCE} held a connection to 203.0.113.9:4444/tcp open for 8.33 h"
    ]
    assert "mail" in noted(found, "long-connection")[0].harmless


def test_what_is_new_is_told_against_a_normal_that_is_long_enough(look: Look, week: Normal) -> None:
    news = [record(BEGAN, "203.0.113.9", 8081, CHANCE), record(BEGAN, SOURCE, 31_337, CHANCE, source="203.0.113.66")]
    found = look(ordinary(), news, normal=week)
    assert {each.signal: each.severity for each in found.above_note} == {
        "traffic-new-destination": "low",
        "traffic-new-port-out": "medium",
        "traffic-new-service": "medium",
    }
    later = [{**each, "ts": BEGAN + 0.9 * DAY} for each in news]
    alone = look(ordinary(), later)
    assert alone.above_note == []
    assert "only the first half of these records" in noted(alone, "new-port-out")[0].harmless


def test_a_rare_destination_stands_out_among_many_machines(look: Look) -> None:
    many = [record(BEGAN + n, "198.51.100.1", 443, CHANCE, source=f"10.0.3.{n % 9 + 1}") for n in range(90)]
    rare = record(BEGAN + 50, "203.0.113.9", 2222, CHANCE, source="10.0.3.4", sent=5_000_000)
    (found,) = told(look(many, [{**rare, "ts": BEGAN + 80}]), "rare-destination")
    assert found.title == "only 10.0.3.4 called 203.0.113.9:2222/tcp, 1 time, and sent 5 MB"


def test_a_normal_is_the_same_when_it_is_read_again(week: Normal) -> None:
    assert parse(week.written(), "normal.json") == week
    assert week.firm
    assert week.ports == {"443/tcp"}
    assert f"{SOURCE}:443/tcp" in week.served


def test_what_the_records_cannot_show_is_said(look: Look) -> None:
    assert {each.what for each in look(ordinary()).unseen} == {"tunnels by DNS"}
