"""What a scan makes of what the log already tells: new, still the same, replaced, gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from stockade.audit.record import MAX_LINE, Script, body_of
from stockade.events import Entry, Event
from stockade.host.secrets.comparing import Kept, Looked, compared, kept
from stockade.host.secrets.found import Found, Grade, Place, Where
from tests.host.secrets.scanners import NOW, fingerprint

MACHINE = "web1"


def secret(value: str, *places: Place, grade: Grade = Grade.CERTAIN) -> Found:
    return Found(fingerprint(value), "token", len(value), grade, places)


def at(path: str, where: Where = Where.FILE) -> Place:
    return Place(where, path, "TOKEN")


class Story:
    """A log of scans."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.numbers = count()

    @property
    def known(self) -> dict[str, Kept]:
        return kept(self.entries, MACHINE)

    def scan(self, *found: Found, under: str = "/") -> Sequence[Event]:
        looked = Looked(lambda place: place.path.startswith(under))
        now = {each.fingerprint: each for each in found}
        number = next(self.numbers)
        events = list(compared(self.known, now, looked, machine=MACHINE, time=NOW + number, by=None))
        self.entries += [Entry(len(self.entries), event.time, event) for event in events]
        return events


def said(events: Sequence[Event]) -> list[tuple[str, str]]:
    return [(event.action, event.outcome) for event in events]


def test_what_is_still_the_same_is_told_once() -> None:
    story = Story()
    one = secret("one", at("/etc/a"), at("/etc/b"))
    assert said(story.scan(one)) == [("secret.found", "success")]
    assert said(story.scan(one)) == []
    assert said(story.scan(replace(one, places=(replace(at("/etc/b"), at="7"), at("/etc/a"))))) == []
    assert story.known[one.fingerprint].secret == one


def test_another_in_its_place_makes_it_rotated_and_itself_gone_does_not() -> None:
    story = Story()
    story.scan(secret("one", at("/etc/a")), secret("two", at("/etc/b")))
    events = story.scan(secret("three", at("/etc/a")))
    assert sorted(said(events)) == [
        ("secret.found", "success"),
        ("secret.rotated", "success"),
        ("secret.rotated", "unknown"),
    ]
    known = story.known
    assert known[fingerprint("one")].replaced
    assert known[fingerprint("two")].gone
    assert not known[fingerprint("two")].replaced


def test_replaced_in_one_of_two_places_is_not_rotated() -> None:
    story = Story()
    story.scan(secret("one", at("/etc/a"), at("/srv/b")))
    assert (
        said(story.scan(secret("two", at("/etc/a")), secret("one", at("/srv/b")))) == [("secret.found", "success")] * 2
    )
    assert story.known[fingerprint("one")].secret.places == (at("/srv/b"),)


def test_where_nobody_has_looked_it_still_lies() -> None:
    story = Story()
    story.scan(secret("one", at("/etc/a"), at("/srv/b")))
    assert said(story.scan(secret("two", at("/etc/a")), under="/etc")) == [("secret.found", "success")] * 2
    assert story.known[fingerprint("one")].secret.places == (at("/srv/b"),)
    assert said(story.scan(under="/home")) == []


def test_a_secret_in_very_many_places_fits_into_an_entry_and_is_told_once() -> None:
    story = Story()
    everywhere = secret("one", *(at(f"/srv/{number}/{'x' * 3000}") for number in range(500)))
    (event,) = story.scan(everywhere)
    assert len(body_of(event, Script(repr))) < MAX_LINE
    assert story.scan(everywhere) == []


def test_a_history_keeps_what_it_had_and_the_secret_is_rotated_all_the_same() -> None:
    story = Story()
    story.scan(
        secret("one", at("/srv/app/.env"), at("/srv/app:.env", Where.HISTORY)),
        secret("old", at("/srv/app:x", Where.HISTORY)),
    )
    events = story.scan(secret("two", at("/srv/app/.env")))
    assert ("secret.rotated", "success") in said(events)
    assert story.known[fingerprint("one")].secret.places == (at("/srv/app:.env", Where.HISTORY),)
    assert not story.known[fingerprint("old")].gone, "only a person can say that"


def test_a_secret_that_comes_back_is_found_again() -> None:
    story = Story()
    story.scan(secret("one", at("/etc/a")))
    story.scan(secret("two", at("/etc/a")))
    assert said(story.scan(secret("one", at("/etc/a")))) == [("secret.found", "success"), ("secret.rotated", "success")]
    assert not story.known[fingerprint("one")].replaced


def test_secrets_of_another_machine_are_nobodys_here() -> None:
    story = Story()
    story.scan(secret("one", at("/etc/a")))
    assert kept(story.entries, "web2") == {}
