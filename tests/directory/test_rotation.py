"""The list of what to do about a reach: in an order in which nothing replaced can be read again, kept to its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given

from stockade.directory.accounts import AccountState, Credential, Level, Membership, Scope
from stockade.directory.powers import How, power_of
from stockade.directory.reach import Subject, World, reach
from stockade.directory.rotation import Item, rotation
from stockade.directory.ticks import Progress, State, done, progress, waived
from stockade.errors import Refused
from stockade.events import Entry, Event, Ref
from tests.directory import worlds
from tests.directory.test_reach import EVERYBODY, PROD_KEY, PROJECT_PATHS, TEST_KEY, WINDOW
from tests.directory.worlds import DAY, KIND, NOW, credential, member

ALICE = EVERYBODY["alice"]
WHOLE = Subject(ALICE)


def listed(
    secrets: Sequence[Credential],
    parts: Sequence[Membership] = (),
    *,
    subject: Subject = WHOLE,
    entries: Sequence[Event] = (),
) -> tuple[Item, ...]:
    known = {**EVERYBODY, subject.account.name: subject.account}
    world = World(known, secrets, parts, (), PROJECT_PATHS)
    found = reach(world, subject, WINDOW, [Entry(at, each.time, each) for at, each in enumerate(entries)])
    return rotation(found, known, parts, PROJECT_PATHS)


@given(worlds.credentials(), worlds.memberships)
def test_nothing_that_was_replaced_can_be_read_by_what_was_not_yet(
    secrets: list[Credential], parts: list[Membership]
) -> None:
    items = listed(secrets, parts)
    by_ref = {each.ref: each for each in secrets}
    assert [item.position for item in items] == list(range(1, len(items) + 1))
    assert items[0].target == ALICE.ref, "containment comes first"
    at = {item.target: item for item in items}
    for item in items[1:]:
        thing = by_ref[item.target]
        if thing.holder == "alice":
            continue  # it falls with the account, but for what runs jobs
        power = power_of(thing, [part for part in parts if part.account == thing.holder])
        for other in items[1:]:
            secret = by_ref[other.target]
            if other == item or secret.holder == "alice" or power.reaches(secret, projects=PROJECT_PATHS) is None:
                continue
            assert item.position < other.position or other.target in item.cycle
            assert item.target in other.after or item.target in other.cycle
    assert all(at[ref].position < item.position for item in items for ref in item.after)


def test_an_application_without_a_secret_is_not_replaced_and_ended_when_it_is_new() -> None:
    old = credential(1, KIND.APPLICATION, "alice", traits=frozenset({"public"}), made=WINDOW.since - DAY)
    fresh = credential(2, KIND.APPLICATION, "alice", traits=frozenset({"public"}), made=WINDOW.since + 1)
    assert [(each.target, each.verb) for each in listed([old, fresh])[1:]] == [(fresh.ref, "application.remove")]


@given(worlds.credentials(), worlds.memberships)
def test_every_secret_that_was_within_reach_is_on_the_list_once(
    secrets: list[Credential], parts: list[Membership]
) -> None:
    world = World(EVERYBODY, secrets, parts, (), PROJECT_PATHS)
    found = reach(world, Subject(ALICE), WINDOW)
    items = rotation(found, EVERYBODY, parts, PROJECT_PATHS)
    counted = [each.ref for each in found.secrets if each.thing.kind not in {KIND.EMAIL, KIND.IDENTITY}]
    assert sorted(map(str, counted)) == sorted(str(item.target) for item in items[1:])


BOT_TOKEN = credential(10, KIND.PROJECT, "ci-bot", within="shop/pay/api", made_by="alice")
RUNNER = credential(11, KIND.RUNNER, "", within="shop/pay", scopes=frozenset())
OWN = credential(12, KIND.PERSONAL, "alice")
PARTS = (
    member("alice", "shop/pay", Level.OWNER),
    member("ci-bot", "shop/pay/api", Level.MAINTAINER),
    member("bob", "shop", Level.OWNER),
)
ITEMS = listed([PROD_KEY, TEST_KEY, BOT_TOKEN, RUNNER, OWN], PARTS)


def test_what_goes_on_reading_when_the_account_is_blocked_comes_before_what_it_reads() -> None:
    names = [item.name for item in ITEMS]
    assert names[:2] == ["account alice", "personal personal-12"]
    place = {item.target: item for item in ITEMS}
    assert place[BOT_TOKEN.ref].position < place[RUNNER.ref].position < place[PROD_KEY.ref].position
    assert set(place[PROD_KEY.ref].after) == {ALICE.ref, BOT_TOKEN.ref, RUNNER.ref}
    assert place[TEST_KEY.ref].after == place[PROD_KEY.ref].after, "jobs of its project are given the group's variables"


def test_a_line_says_what_to_do_who_does_it_and_why_no_program_can() -> None:
    lines = {item.target: item for item in ITEMS}
    assert lines[OWN.ref].verb == "token.revoke"
    assert lines[BOT_TOKEN.ref].verb == "token.rotate"
    assert lines[RUNNER.ref].verb == "runner.token.reset"
    assert lines[PROD_KEY.ref].verb == "variable.rotate"
    assert lines[PROD_KEY.ref].by_hand == "its new value comes from what it opens"
    assert lines[PROD_KEY.ref].owners == ("bob",), "nearest who is there: not the one it is about"
    assert lines[BOT_TOKEN.ref].why.startswith(f"{How.MADE.value}: alice made it on ")


def test_what_it_made_in_the_window_is_ended_and_not_replaced() -> None:
    planted = BOT_TOKEN._replace(made=NOW - DAY)
    lines = {item.target: item for item in listed([planted, PROD_KEY], PARTS)}
    assert lines[planted.ref].verb == "token.revoke"


def test_a_leaked_token_is_contained_by_ending_it() -> None:
    token = credential(20, KIND.PERSONAL, "alice", scopes=frozenset({Scope.API}))
    items = listed([token, OWN, PROD_KEY], PARTS, subject=Subject(ALICE, token))
    assert [item.target for item in items] == [token.ref, PROD_KEY.ref]
    assert items[0].verb == "token.revoke"
    assert items[0].why.startswith("it has leaked")


def test_tokens_of_people_that_can_replace_one_another_are_named_as_a_cycle() -> None:
    both = [
        credential(number, KIND.IMPERSONATION, "bob", within="shop/pay/api", made_by="alice") for number in (30, 31)
    ]
    deploy = [credential(number, KIND.PROJECT, "bob", within="shop/pay/api") for number in (32, 33)]
    items = {item.target: item for item in listed([*both, *deploy], PARTS)}
    assert items[deploy[0].ref].cycle == ()
    assert set(items[deploy[0].ref].after) == {ALICE.ref, both[0].ref, both[1].ref}


def test_two_administrators_tokens_that_replace_each_others_application_are_no_trap() -> None:
    admin = replace(EVERYBODY["bob"], admin=True)
    ours = credential(40, KIND.APPLICATION, "bob", made_by="alice")
    token = credential(41, KIND.PERSONAL, "bob", made_by="alice")
    world = World({**EVERYBODY, "bob": admin}, [ours, token], (), (), PROJECT_PATHS)
    items = rotation(reach(world, Subject(ALICE), WINDOW), world.accounts, ())
    assert [item.target for item in items] == [ALICE.ref, token.ref, ours.ref]


# ── kept to its end ──────────────────────────────────────────────────────────────────────────────

BOB = EVERYBODY["bob"].ref
BLOCKED = tuple(replace(item, ended=0.0) if item.target == ALICE.ref else item for item in ITEMS)


def standing(items: Sequence[Item], *events: Event) -> Progress:
    entries = [Entry(at, event.time, event) for at, event in enumerate(events)]
    return progress(items, entries, ALICE.ref, ALICE.ref)


def line(items: Sequence[Item], target: Ref) -> Item:
    return next(item for item in items if item.target == target)


def test_the_list_is_kept_to_a_hundred_in_its_order_and_no_line_is_ticked_too_early() -> None:
    events: list[Event] = []
    for at, item in enumerate(BLOCKED[1:]):
        now = standing(BLOCKED, *events)
        assert now.percent < 100
        events.append(done(now, item.target, ALICE.ref, now=NOW + at, by=BOB))
    whole = standing(BLOCKED, *events)
    assert (whole.percent, whole.settled) == (100, len(BLOCKED))


def test_a_line_that_can_still_be_read_is_not_ticked_off() -> None:
    with pytest.raises(Refused, match=r"variable PROD_KEY of shop/pay/api can still be read by 1 account alice, 3 "):
        done(standing(ITEMS), PROD_KEY.ref, ALICE.ref, now=NOW, by=BOB)


def test_what_was_replaced_before_containment_does_not_count_and_is_to_be_done_again() -> None:
    early = Event(NOW - 5, "variable.rotate", BOB, PROD_KEY.ref)
    block = Event(NOW, "user.block", BOB, ALICE.ref)
    tick = standing(ITEMS, early, block).ticks[PROD_KEY.ref]
    assert (tick.state, tick.reason) == (State.EARLY, "it could still be read then: do it again")


def test_what_the_log_shows_to_be_replaced_in_order_needs_no_tick() -> None:
    log = [
        Event(NOW, "user.block", BOB, ALICE.ref),
        Event(NOW + 1, "token.rotate", BOB, BOT_TOKEN.ref),
        Event(NOW + 2, "runner.token.reset", BOB, RUNNER.ref),
        Event(NOW + 3, "variable.rotate", BOB, PROD_KEY.ref),
        Event(NOW + 3, "variable.rotate", ALICE.ref, TEST_KEY.ref),
    ]
    ticks = standing(ITEMS, *log).ticks
    assert ticks[PROD_KEY.ref].state is State.DONE
    assert ticks[PROD_KEY.ref].entry == "#3"
    assert ticks[TEST_KEY.ref].state is State.OPEN, "what the account itself does is no rotation"


def test_a_line_is_waived_for_a_reason_and_opened_again() -> None:
    with pytest.raises(Refused, match="nothing is waived without a reason"):
        waived(standing(ITEMS), RUNNER.ref, ALICE.ref, now=NOW, by=BOB, reason=" ")
    event = waived(standing(ITEMS), RUNNER.ref, ALICE.ref, now=NOW, by=BOB, reason="it is switched off")
    assert standing(ITEMS, event).ticks[RUNNER.ref].state is State.WAIVED
    again = replace(event, time=NOW + 1, action="rotation.reopen")
    assert standing(ITEMS, event, again).ticks[RUNNER.ref].state is State.OPEN


def test_a_tick_of_another_list_is_not_counted() -> None:
    other = Event(NOW, "rotation.done", BOB, OWN.ref, details={"subject": "stockade:user/bob"})
    assert standing(BLOCKED, other).ticks[OWN.ref].state is State.OPEN


def test_what_is_on_no_list_cannot_be_ticked() -> None:
    with pytest.raises(Refused, match="not on the list"):
        done(standing(BLOCKED), Ref("stockade", "token", "999"), ALICE.ref, now=NOW, by=BOB)


def test_a_blocked_account_is_contained() -> None:
    blocked = replace(ALICE, state=AccountState.BLOCKED)
    items = listed([OWN], PARTS, subject=Subject(blocked))
    assert standing(items).ticks[ALICE.ref].state is State.DONE
