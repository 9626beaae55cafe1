"""Which backup predates the intruder, what came after it, and when the gate opens for a machine."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.directory.rotation import Item
from stockade.directory.ticks import Progress, State, Tick
from stockade.errors import Refused
from stockade.events import Entry, Event, Ref
from stockade.host.backups.listed import BackedUp, Backup
from stockade.respond.checklist import NAMES, Rebuild, World, boxes, done, overriding, rebuild, unreturned, waived
from stockade.respond.judging import Evil, Indicator, Judged, Verdict, judge
from stockade.respond.rebuild import choice, entered, first_evil, judged

DAY = 86_400.0
MACHINE, NEW = Ref("web1", "machine", "web1"), "web2"
OLGA, PAUL = Ref("unix", "user", "olga"), Ref("unix", "user", "paul")
ALICE, EVE = Ref("stockade", "user", "alice"), Ref("stockade", "user", "eve")


def backup(day: int) -> Backup:
    return Backup(f"day {day}", f"/backups/{day}", day * DAY, "folder")


def file(path: str, digest: str = "00", *names: str) -> BackedUp:
    return BackedUp(path, 1, sha256=digest, names=names)


# ── one backup ───────────────────────────────────────────────────────────────────────────────────


def test_a_trace_of_any_kind_taints_and_is_named() -> None:
    evil = Evil(None, (Indicator("path", "/usr/lib/x.so", "a preload"), Indicator("sha256", "ee"),
                       Indicator("account", "eve"), Indicator("key", "AAAA1")))  # fmt: skip
    for each in (file("/usr/lib/x.so"), file("/tmp/y", "ee"), file("/etc/passwd", "00", "account:eve"),
                 file("/home/bob/.ssh/authorized_keys", "00", "key:AAAA1")):  # fmt: skip
        found = judge(backup(1), [file("/etc/hosts"), each], evil, {})
        assert (found.verdict, found.files) == (Verdict.TAINTED, (each.path,))
    assert judge(backup(1), [file("/usr/lib/x.so")], evil, {}).why == "path:/usr/lib/x.so (a preload)"


def test_what_cannot_be_compared_is_not_called_clean() -> None:
    hashes = Evil(None, (Indicator("sha256", "ee"),))
    assert judge(backup(1), [], Evil(), {}).verdict is Verdict.UNKNOWN
    assert judge(backup(1), [file("/etc/hosts", "")], hashes, {}).verdict is Verdict.UNKNOWN
    assert judge(backup(1), [file("/etc/hosts")], hashes, {}).verdict is Verdict.CLEAN


def test_a_program_that_is_not_as_in_the_baseline_is_to_be_looked_at_and_other_data_is_not() -> None:
    baseline = {"/usr/bin/ssh": "aa", "/var/lib/app.db": "bb"}
    changed = judge(backup(1), [file("/usr/bin/ssh", "ff"), file("/var/lib/app.db", "bb")], Evil(), baseline)
    assert (changed.verdict, changed.files) == (Verdict.UNKNOWN, ("/usr/bin/ssh",))
    assert (
        judge(backup(1), [file("/usr/bin/ssh", "aa"), file("/var/lib/app.db", "ff")], Evil(), baseline).verdict
        is Verdict.CLEAN
    )


# ── all of them ──────────────────────────────────────────────────────────────────────────────────


class Opened:
    """Opens backups, and counts how many."""

    def __init__(self, evil_from: int, unknown: frozenset[int] = frozenset()) -> None:
        self.evil_from, self.unknown = evil_from, unknown
        self.days: list[int] = []

    def __call__(self, each: Backup) -> Judged:
        day = int((each.taken or 0) / DAY)
        self.days.append(day)
        verdict = (
            Verdict.TAINTED if day >= self.evil_from else Verdict.UNKNOWN if day in self.unknown else Verdict.CLEAN
        )
        return Judged(each, verdict, "looked")


@given(st.integers(1, 200), st.integers(0, 201), st.one_of(st.none(), st.integers(0, 201)))
def test_the_newest_clean_backup_is_found_and_few_are_opened(many: int, evil_from: int, told: int | None) -> None:
    opened = Opened(evil_from)
    found = judged([backup(day) for day in range(many)], Evil(None if told is None else told * DAY), opened)
    clean = [day for day in range(many) if day < evil_from and (told is None or day < told)]
    chosen = choice(found)
    assert (chosen.backup.name if chosen else None) == (f"day {clean[-1]}" if clean else None)
    assert len(found) == many
    assert len(opened.days) == len(set(opened.days)) <= many.bit_length() + 2
    for each in found:
        day = int((each.backup.taken or 0) / DAY)
        assert each.verdict is not Verdict.CLEAN or day in clean


def test_one_that_cannot_be_compared_is_passed_over_for_an_older_one_that_can() -> None:
    found = judged([backup(day) for day in range(5)], Evil(), Opened(9, frozenset({3, 4})))
    assert [each.verdict.value for each in found] == ["unknown", "unknown", "clean", "unknown", "unknown"]
    assert [each.opened for each in found] == [False, False, True, True, True]


def test_whoever_took_traces_away_again_is_found_when_every_backup_is_opened() -> None:
    def opened(each: Backup) -> Judged:
        return Judged(each, Verdict.TAINTED if each.name == "day 2" else Verdict.CLEAN, "looked")

    found = [choice(judged([backup(day) for day in range(5)], Evil(), opened, every=every)) for every in (False, True)]
    assert [each.backup.name for each in found if each] == ["day 4", "day 1"]


def test_backups_tell_that_the_intruder_came_earlier_than_was_thought() -> None:
    evil = Evil(9 * DAY)
    found = judged([backup(day) for day in range(12)], evil, Opened(4))
    assert first_evil(found, evil) == (3 * DAY, 4 * DAY)


def test_one_without_a_time_is_never_chosen() -> None:
    opened = Opened(9)
    found = judged([Backup("old", "/b", None, "tar")], Evil(), opened)
    assert (found[0].verdict, choice(found), opened.days) == (Verdict.UNKNOWN, None, [])


# ── what came after ──────────────────────────────────────────────────────────────────────────────


def told(*events: tuple[float, str, Ref, Ref]) -> Iterator[Entry]:
    for number, (time, action, by, target) in enumerate(events):
        yield Entry(number, time, Event(time, action, by, target))


def test_what_came_after_is_told_once_without_what_was_taken_away_and_with_what_is_theirs_apart() -> None:
    shop, token, user = Ref("gitlab", "project", "shop"), Ref("stockade", "token", "1"), Ref("stockade", "user", "bob")
    back = Ref("stockade", "key", "6")
    found = entered(
        told(
            (1.0, "repository.write", ALICE, shop),
            (5.0, "user.create", ALICE, user),
            (6.0, "repository.write", ALICE, shop),
            (7.0, "repository.write", ALICE, shop),
            (8.0, "token.create", ALICE, token),
            (9.0, "key.add", EVE, back),
            (10.0, "token.revoke", ALICE, token),
        ),
        2.0,
        frozenset({EVE}),
    )
    assert [(each.sort, each.target, each.times, each.theirs) for each in found] == [
        ("commits", shop, 2, False),
        ("accounts", user, 1, False),
        ("credentials", back, 1, True),
    ]


def test_what_a_stranger_has_touched_too_is_not_entered_again_unread() -> None:
    shop = Ref("gitlab", "project", "shop")
    events = told((5.0, "repository.write", EVE, shop), (6.0, "repository.write", ALICE, shop))
    (found,) = entered(events, 0.0, frozenset({EVE}))
    assert found.theirs


# ── the list and the gate ────────────────────────────────────────────────────────────────────────


class Story:
    """A rebuild, told entry by entry."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.clock = count(1_000)
        self.world = World()
        self.add(Event(self.now(), "rebuild.plan", OLGA, MACHINE, details={"backup": "day 3", "after": 3 * DAY}))

    def now(self) -> float:
        return float(next(self.clock))

    def add(self, event: Event) -> None:
        self.entries.append(Entry(len(self.entries), event.time, event))

    @property
    def state(self) -> Rebuild:
        found = rebuild(self.entries, MACHINE)
        assert found is not None
        return found

    @property
    def missing(self) -> list[str]:
        return [box.name for box in boxes(self.state, self.world) if box.open]

    def done(self, name: str, on: str = "", reason: str = "") -> None:
        self.add(done(self.state, self.world, name, now=self.now(), by=OLGA, on=on, reason=reason))


def secrets(when: float | None) -> Progress:
    """A list of the machine and one secret, which was changed at some time, or is not."""
    items = tuple(Item(at, Ref("web1", "secret", str(at)), f"secret {at}", "", "") for at in (1, 2))
    state = Tick(State.DONE, when) if when is not None else Tick(State.OPEN)
    return Progress(items, {items[0].target: Tick(State.DONE, 1.0), items[1].target: state})


def test_the_list_from_the_plan_to_the_gate() -> None:
    story = Story()
    assert story.missing == ["contained", "evidence", "restored", "patched", "verified", "rotated", "entered"]
    story.world = World(contained=1.0, sealed=2.0, secrets=secrets(story.now()))
    story.done("restored", on=NEW)
    story.done("patched")
    assert story.missing == ["verified", "rotated", "entered"]
    story.world = World(1.0, 2.0, {NEW: story.now()}, secrets(story.now()))
    story.done("entered")
    assert story.missing == []
    story.add(overriding(story.state, now=story.now(), by=OLGA, reason="", opens=True))
    assert story.state.released
    assert unreturned(story.entries) == ()


def test_a_secret_that_was_rotated_before_the_new_machine_stood_is_to_be_rotated_again() -> None:
    story = Story()
    early = story.now()
    story.world = World(1.0, 2.0, {}, secrets(early))
    story.done("restored", on=NEW)
    found = {box.name: box.says for box in boxes(story.state, story.world)}
    assert found["rotated"] == "changed before the new machine stood, so again: secret/2"


def test_lines_are_done_in_their_order_to_a_new_machine_and_what_is_looked_up_needs_a_reason() -> None:
    story = Story()
    with pytest.raises(Refused, match="before restored comes contained"):
        story.done("restored", on=NEW)
    with pytest.raises(Refused, match="contained is looked up"):
        story.done("contained")
    story.done("contained", reason="unplugged")
    story.done("evidence", reason="disk is in the safe")
    for nowhere in ("", "web1"):
        with pytest.raises(Refused, match="never to the old one"):
            story.done("restored", on=nowhere)
    with pytest.raises(Refused, match="no line 'lunch'"):
        story.done("lunch")


def test_a_look_at_the_new_machine_counts_only_when_it_comes_after_the_patches() -> None:
    story = Story()
    story.world = World(1.0, 2.0, {NEW: story.now()}, secrets(None))
    story.done("restored", on=NEW)
    assert "verified" in story.missing
    story.world = World(1.0, 2.0, {"other": story.now()}, secrets(None))
    assert "verified" in story.missing
    story.world = World(1.0, 2.0, {NEW: story.now()}, secrets(None))
    assert "verified" not in story.missing


def test_a_waiver_has_a_reason_and_a_plan_that_is_drawn_again_keeps_what_was_done() -> None:
    story = Story()
    with pytest.raises(Refused, match="without a reason"):
        waived(story.state, "entered", now=1.0, by=OLGA, reason=" ")
    story.add(waived(story.state, "entered", now=story.now(), by=OLGA, reason="nothing was"))
    story.done("contained", reason="unplugged")
    story.add(Event(story.now(), "rebuild.plan", OLGA, MACHINE, details={"backup": "day 2", "after": 2 * DAY}))
    assert (story.state.chosen, story.state.waived, list(story.state.done)) == (
        "day 2",
        {"entered": "nothing was"},
        ["contained"],
    )
    assert unreturned(story.entries) == (MACHINE,)


def test_two_people_answer_for_it_and_not_one_twice() -> None:
    story = Story()
    for who in (OLGA, OLGA, PAUL):
        story.add(overriding(story.state, now=story.now(), by=who, reason="customers wait", opens=False))
    assert story.state.overrides == (OLGA, PAUL)
    with pytest.raises(Refused, match="has to say why"):
        overriding(story.state, now=1.0, by=OLGA, reason="", opens=False)


def test_every_line_is_named_once() -> None:
    assert len(set(NAMES)) == len(NAMES) == 8


def test_what_to_type_next_is_about_this_machine_and_the_new_one_wherever_it_is_typed() -> None:
    story = Story()
    story.world = World(1.0, 2.0, {}, secrets(None))
    says = {box.name: box.says for box in boxes(story.state, story.world)}
    assert says["restored"] == "not yet: stockade rebuild done restored --on NEW --machine web1"
    story.done("restored", on=NEW)
    story.done("patched")
    says = {box.name: box.says for box in boxes(story.state, story.world)}
    assert says["verified"].endswith("stockade host verify --host web2 --of web1")
