"""A drill is scored by the log and by what is still alive: time, what was missed, what was wrong."""

from __future__ import annotations

import json

from stockade.events import Entry, Event, Outcome, Ref
from stockade.respond.scoring import Answers, Planted, answers_of, as_json, score

BEGUN = 1_800_000_000.0
ALICE, BOB, ROOT = (Ref("stockade", "user", name) for name in ("alice", "bob", "root"))
TOKEN, KEY, OWN, BOBS, SECRET = (
    Ref("stockade", kind, number)
    for kind, number in (("token", "7"), ("key", "3"), ("token", "1"), ("token", "2"), ("variable", "9"))
)
ANSWERS = Answers(
    victim=ALICE,
    attacker="203.0.113.66",
    begun=BEGUN,
    planted=(Planted("a token", TOKEN), Planted("an SSH key", KEY)),
    own=frozenset({OWN}),
    reached=frozenset({SECRET}),
)


def did(action: str, target: Ref, after: float, outcome: Outcome = "success", **details: object) -> Entry:
    return Entry(int(after), BEGUN + after, Event(BEGUN + after, action, ROOT, target, None, outcome, details), "h/s")


def nothing_alive(_ref: Ref) -> bool:
    return False


CLEAN = [did("user.block", ALICE, 60), did("token.revoke", TOKEN, 70), did("token.revoke", OWN, 71)]


def test_everything_found_in_time_is_all_the_points() -> None:
    found = score(ANSWERS, [*CLEAN, did("variable.rotate", SECRET, 300)], nothing_alive)
    assert (found.points, found.contained, found.missed, found.wrong) == (100, 60.0, (), ())
    assert [each.what for each in found.found] == ["a token", "an SSH key"]


def test_what_is_still_alive_was_missed() -> None:
    found = score(ANSWERS, CLEAN, lambda ref: ref == KEY)
    assert ([each.what for each in found.missed], found.points) == (["an SSH key"], 95)


def test_to_shut_out_somebody_innocent_is_wrong() -> None:
    found = score(ANSWERS, [*CLEAN, did("user.block", BOB, 80)], nothing_alive)
    assert [(each.text, each.entry) for each in found.wrong] == [
        ("bob was shut out, and had nothing to do with it", "h/s#80")
    ]
    assert found.points == 96


def test_to_end_what_is_innocent_is_wrong_and_what_is_the_victims_is_not() -> None:
    found = score(
        ANSWERS, [*CLEAN, did("token.revoke", BOBS, 80), did("session.end", BOBS, 81, holder="alice")], nothing_alive
    )
    assert [each.text for each in found.wrong] == ["token.revoke of stockade:token/2, which is innocent"]


def test_to_renew_before_the_account_is_shut_is_wrong_once() -> None:
    early = [did("variable.rotate", SECRET, 10), did("variable.rotate", SECRET, 11)]
    found = score(ANSWERS, [*early, *CLEAN], nothing_alive)
    assert [each.entry for each in found.wrong] == ["h/s#10"]


def test_an_account_that_was_never_shut_is_no_points() -> None:
    found = score(ANSWERS, [did("user.block", ALICE, 60, "failure"), did("user.block", ALICE, -60)], nothing_alive)
    assert (found.points, found.contained) == (0, None)


def test_every_minute_after_the_second_costs() -> None:
    assert score(ANSWERS, [did("user.lock", ALICE, 120 + 179)], nothing_alive).points == 98


def test_answers_are_kept_and_read_again() -> None:
    assert answers_of(json.loads(json.dumps(as_json(ANSWERS)))) == ANSWERS
