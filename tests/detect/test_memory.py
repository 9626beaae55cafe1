"""What was never seen before, slept, or travelled too fast; and how much of it is remembered."""

from __future__ import annotations

from pathlib import Path

import pytest

from stockade.detect.detector import Rules
from stockade.detect.memory import Dormant, FirstSeen, Remember, Travel, kilometres
from stockade.detect.pack import own_pack
from stockade.detect.places import geoip
from stockade.detect.view import Place, View, device_of, network_of
from stockade.errors import ConfigurationError
from stockade.events import Entry
from tests.detect.entries import HOME, NEW, NOW, event, fed, names
from tests.detect.geoip import write_database

DAY = 86_400.0
BERLIN, SAO_PAULO = Place("DE", 52.5, 13.4), Place("BR", -23.5, -46.6)


def view(at: float = 0.0, source: str | None = None) -> View:
    moment = NOW + at
    happened = event("authentication.success", at=at, source=source)
    return View(Entry(0, moment, happened), lambda address: BERLIN if address == HOME else SAO_PAULO)


def test_the_first_value_is_no_news_the_second_is_and_after_its_time_it_is_again() -> None:
    memory = FirstSeen(Remember("first_seen", ("account",), "source", keep=90 * DAY))
    assert memory.feed(("alice",), "home", view()) is None
    assert memory.feed(("alice",), "home", view(DAY)) is None
    assert memory.feed(("alice",), "cafe", view(2 * DAY)) == ()
    assert memory.feed(("alice",), "cafe", view(3 * DAY)) is None
    assert memory.feed(("bob",), "cafe", view(3 * DAY)) is None
    assert memory.feed(("alice",), "home", view(92 * DAY)) == ()


def test_old_events_that_are_taken_in_late_make_nothing_new() -> None:
    memory = FirstSeen(Remember("first_seen", ("account",), "source", keep=90 * DAY))
    memory.feed(("alice",), "home", view(200 * DAY))
    assert memory.feed(("alice",), "home", view()) is None
    assert memory.feed(("alice",), "home", view(201 * DAY)) is None


def test_memory_is_bounded_and_tells_what_it_forgot() -> None:
    memory = FirstSeen(Remember("first_seen", ("account",), "source"), most_groups=10, most_values=5)
    for number in range(12):
        memory.feed((f"account {number}",), "home", view())
    assert memory.forgotten == 2
    for number in range(9):
        memory.feed(("account 11",), f"place {number}", view())
    assert memory.forgotten == 2 + 5
    dormant = Dormant(Remember("dormant", ("account",)), most_groups=3)
    travel = Travel(Remember("travel", ("account",)), most_groups=3)
    for number in range(5):
        dormant.feed((str(number),), "", view())
        travel.feed((str(number),), "", view(source=HOME))
    assert (dormant.forgotten, travel.forgotten) == (2, 2)


def test_sleep_is_measured_from_the_last_time_and_its_entry_is_shown() -> None:
    memory = Dormant(Remember("dormant", ("account",), silence=90 * DAY))
    assert memory.feed(("alice",), "", view()) is None
    woken = memory.feed(("alice",), "", view(90 * DAY))
    assert woken is not None
    assert [entry.event.time for entry in woken] == [NOW]
    assert memory.feed(("alice",), "", view(91 * DAY)) is None


@pytest.mark.parametrize(("hours", "impossible"), [(1, True), (11, True), (12, False), (48, False)])
def test_ten_thousand_kilometres_take_eleven_hours(hours: float, impossible: bool) -> None:
    memory = Travel(Remember("travel", ("account",)))
    memory.feed(("alice",), "", view(source=HOME))
    assert (memory.feed(("alice",), "", view(hours * 3600, source=NEW)) is not None) is impossible


def test_an_account_is_one_by_its_name_and_by_its_number() -> None:
    blocked = [
        event("authentication.success", "alice", user_id=7),
        event("user.block", "root", at=60, target="gitlab:user/7"),
        event("repository.read", "alice", at=120, target="gitlab:project/app"),
    ]
    assert "blocked_account_acts" in names(fed(Rules(own_pack()), blocked))
    own = [event("factor.remove", "alice", at=60, target="gitlab:user/7")]
    assert "factor_removed_for_another" in names(fed(Rules(own_pack()), own))
    assert "factor_removed_for_another" not in names(fed(Rules(own_pack()), [blocked[0], *own]))


def test_distances_are_those_of_the_globe() -> None:
    assert 10_150 < kilometres(BERLIN, SAO_PAULO) < 10_300
    assert kilometres(Place("A", 0.0, 179.9), Place("B", 0.0, -179.9)) < 25
    assert kilometres(BERLIN, Place("XX")) == 0


def test_an_update_is_no_new_device_and_a_neighbour_no_new_network() -> None:
    assert device_of("Mozilla/5.0 Firefox/140.0") == device_of("Mozilla/5.0 Firefox/141.0")
    assert network_of("203.0.113.9") == network_of("::ffff:203.0.113.77") == "203.0.113.0/24"
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") == "2001:db8::/64"
    assert network_of("not an address") == "not an address"


def test_countries_and_travel_are_found_with_a_database_and_said_to_be_missing_without(tmp_path: Path) -> None:
    database = write_database(
        tmp_path / "places.mmdb",
        {"198.51.100.0/24": {"country": {"iso_code": "DE"}, "location": {"latitude": 52.5, "longitude": 13.4}},
         "203.0.113.0/24": {"country": {"iso_code": "BR"}, "location": {"latitude": -23.5, "longitude": -46.6}},
         "2001:db8::/32": {"country": {"iso_code": "FR"}}},
    )  # fmt: skip
    locate = geoip(database)
    assert (locate(HOME), locate(NEW)) == (BERLIN, SAO_PAULO)
    assert locate("2001:db8::7") == Place("FR")
    assert locate("192.0.2.1") is locate("not an address") is None
    story = [
        event("authentication.success", source=HOME),
        event("authentication.success", at=3600, source=NEW),
    ]
    assert {"signin_new_country", "signin_impossible_travel"} <= set(
        names(fed(Rules(own_pack(), locate=locate), story))
    )
    without = Rules(own_pack())
    assert {"signin_new_country", "signin_impossible_travel"} == {rule.name for rule in without.asleep}
    assert "signin_impossible_travel" not in names(fed(without, story))


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "no.mmdb").write_text("no database")
    for path in (tmp_path / "no.mmdb", tmp_path / "nowhere.mmdb"):
        with pytest.raises(ConfigurationError, match="no GeoIP database"):
            geoip(path)
