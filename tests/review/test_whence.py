"""From where an account really came: by clean sign-ins on more than one day; from nowhere for who is suspect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from stockade.errors import Refused
from stockade.events import Entry, Event, Ref
from stockade.review.accounts import Account
from stockade.review.whence import MOST, Came, Whence

NOW = 1_800_000_000.0
DAY = 86_400.0
ALICE, BOB = Ref("stockade", "user", "alice"), Ref("stockade", "user", "bob")
NUMBERED = Ref("gitlab", "user", "alice")


def signed_in(source: str, *days: float, who: Ref = ALICE, **more: Any) -> list[Event]:
    return [
        Event(NOW - day * DAY, "authentication.success", who, who, source, **{"outcome": "success", **more})
        for day in days
    ]


def finding(target: Ref | None, severity: str, day: float = 1, entries: Sequence[str] = (), **more: Any) -> Event:
    details = {"severity": severity, "title": "odd", "entries": list(entries), **more}
    return Event(NOW - day * DAY, "finding.create", None, target, details=details)


def told(action: str, day: float, **details: Any) -> Event:
    return Event(NOW - day * DAY, action, BOB, ALICE, details=details)


def came(events: Iterable[Event], banned: Sequence[str] = ()) -> list[Came]:
    found = Whence(Account("alice"), NOW)
    for number, event in enumerate(events):
        found.take(Entry(number, event.time, event))
    return found.came(lambda at: str(at) in banned)


def networks(events: Iterable[Event], banned: Sequence[str] = ()) -> list[str]:
    return [str(each.network) for each in came(events, banned)]


HOME = signed_in("203.0.113.9", 20, 3, 1)


def test_it_is_from_where_somebody_signed_in_on_more_than_one_day_the_latest_first() -> None:
    office = signed_in("::ffff:198.51.100.4", 9, 2, who=NUMBERED)
    (home, other) = came([*office, *HOME, *signed_in("192.0.2.1", 0.2, 0.1), *signed_in("192.0.2.2", 9, 3, who=BOB)])
    assert (str(home.network), home.times, home.last) == ("203.0.113.9/32", 3, NOW - DAY)
    assert str(other.network) == "198.51.100.4/32"
    assert home.because("alice", NOW) == "alice signed in from there 3 times in 30 days, last 24 h ago"


def test_an_address_of_ipv6_stands_for_its_network() -> None:
    events = [*signed_in("2001:db8:1:2:aaaa::1", 9), *signed_in("2001:db8:1:2:bbbb::7", 3)]
    assert networks(events) == ["2001:db8:1:2::/64"]


def test_what_something_speaks_against_is_left_out() -> None:
    strange = [
        *signed_in("192.0.2.1", 9, 3),
        *signed_in("192.0.2.2", 9, 3),
        *signed_in("192.0.2.3", 9, 3, outcome="failure"),
        *signed_in("192.0.2.4", 60, 45),
        *signed_in("127.0.0.1", 9, 3),
        *signed_in("fe80::1%eth0", 9, 3),
        *signed_in("not an address", 9, 3),
        *signed_in("192.0.2.5", -9, -3),
    ]
    about = [finding(Ref("network", "address", "192.0.2.1"), "low"), finding(BOB, "high", entries=["#2"])]
    assert networks([*strange, *about, *HOME]) == ["203.0.113.9/32"]
    with pytest.raises(Refused, match="speaks: 1 shown by a finding, 1 banned, 1 used on one day alone") as refusal:
        came([*strange[:4], *signed_in("192.0.2.7", 1), *about], banned=["192.0.2.2/32"])
    assert "--allow ADDRESS" in refusal.value.remedy


def test_few_are_named_and_notes_and_trials_speak_against_nobody() -> None:
    events = [each for number in range(20) for each in signed_in(f"192.0.2.{number}", 9 + number, 3)]
    quiet = [finding(ALICE, "informational"), finding(ALICE, "low"), finding(ALICE, "high", shadow=True)]
    assert len(networks([*events, *quiet])) == MOST
    assert networks([*HOME, finding(ALICE, "critical", day=40)]) == ["203.0.113.9/32"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([told("user.block", 50)], "let in nowhere: user.block"),
        ([told("user.lock", 1, until=NOW + 60)], "user.lock"),
        ([told("user.depart", 1, departed=NOW - DAY)], "user.depart"),
        ([finding(ALICE, "medium")], r"is suspect: odd \(#3"),
    ],
)
def test_who_is_blocked_or_suspect_is_let_in_from_nowhere(more: list[Event], said: str) -> None:
    with pytest.raises(Refused, match=said):
        came([*HOME, *more])


def test_who_is_let_in_again_is_let_in() -> None:
    events = [
        told("user.block", 9), told("user.unblock", 8), told("user.lock", 7, until=NOW - 6 * DAY),
        told("user.depart", 5, departed=1.0), told("user.depart", 4, departed=None),
    ]  # fmt: skip
    assert networks([*events, *HOME]) == ["203.0.113.9/32"]


def test_nobody_is_known_who_never_came() -> None:
    with pytest.raises(Refused, match="nothing speaks: no sign-in in 30 days"):
        came([])
