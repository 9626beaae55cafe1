"""Contained is what was looked up and found so, and nothing else."""

from __future__ import annotations

from stockade.respond.standing import Progress
from stockade.respond.verify import events_of, look
from tests.respond.plans import ALICE, OLGA, STEPS, Night, drawn, token


def verified(night: Night) -> None:
    night.journal.write_all(events_of(night.state, look(night.state, night.actuators), OLGA, night.now))


def after_a_run() -> Night:
    night = Night()
    night.approve()
    night.run()
    return night


def test_it_is_contained_when_every_effect_was_found() -> None:
    night = after_a_run()
    assert night.state.called == "contained, unverified"
    verified(night)
    assert night.state.called == "contained"


def test_one_effect_that_is_gone_and_it_is_not() -> None:
    night = after_a_run()
    night.system.things[token(2)]["state"] = "live"
    verified(night)
    assert night.state.called == "contained, unverified"
    assert [each.number for each in night.state.steps if each.held is False] == [4]
    night.system.things[token(2)]["state"] = "revoked"
    verified(night)
    assert night.state.called == "contained"


def test_what_cannot_be_seen_is_not_verified() -> None:
    night = after_a_run()
    night.system.down = True
    found = look(night.state, night.actuators)
    assert (found.held, found.lost, found.unseen) == ([], [], [1, 2, 3, 4, 5, 6, 8])
    verified(night)
    assert night.state.called == "contained, unverified"


def test_what_was_done_by_hand_is_found_where_its_system_can_tell() -> None:
    by_hand = STEPS[5].__class__(**{f: getattr(STEPS[5], f) for f in STEPS[5].__slots__} | {"by_hand": True})
    night = Night(drawn((STEPS[0], by_hand)))
    night.approve()
    night.run()
    verified(night)
    assert night.state.steps[1].progress is Progress.PENDING
    night.system.things[token(9)]["turn"] = 1
    verified(night)
    assert (night.state.steps[1].progress, night.state.steps[1].held) == (Progress.DONE, True)


def test_undoing_takes_the_proof_back_too() -> None:
    night = after_a_run()
    verified(night)
    night.undo()
    assert night.state.steps[0].held is None
    assert night.system.things[ALICE]["state"] == "active"
