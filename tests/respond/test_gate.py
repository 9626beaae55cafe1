"""The gate: green only when all is done, found so and quiet; else with a reason for each box, or two people."""

from __future__ import annotations

from dataclasses import replace

from stockade.directory.accounts import Credential, CredentialKind
from stockade.events import Entry, Event, Ref
from stockade.respond.gate import Now, boxes, gating, later
from stockade.respond.next import next_of
from stockade.respond.run import done_by_hand
from stockade.steps import Step, Tactic
from tests.respond.plans import ALICE, NOW, OLGA, OMAR, STEPS, Night, drawn
from tests.respond.test_verify import verified

FACTOR = Credential(5, CredentialKind.TOTP, "alice", "phone", frozenset(), NOW - 9e6)
STRANGE = Credential(6, CredentialKind.TOTP, "alice", "phone 2", frozenset(), NOW)
GOOD = Now(holds=[FACTOR])


def contained() -> Night:
    night = Night()
    night.approve()
    night.run()
    verified(night)
    night.journal.write(done_by_hand(night.state, [7], OLGA, night.now))
    verified(night)
    return night


def open_boxes(night: Night, now: Now = GOOD) -> list[str]:
    return [box.name for box in boxes(night.state, now) if box.open]


def test_every_box_is_green_when_all_is_done_found_so_and_quiet() -> None:
    assert open_boxes(contained()) == []


def test_each_thing_that_is_missing_keeps_its_box_open() -> None:
    night = Night()
    night.approve()
    assert "contained" in open_boxes(night), "no step of it is taken yet"
    night.run()
    assert open_boxes(night) == ["verified", "rotated"]
    active = Entry(99, NOW, Event(NOW, "token.create", ALICE))
    session = Credential(8, CredentialKind.PERSONAL, "alice", "new", frozenset(), NOW)
    done = contained()
    assert open_boxes(done, Now()) == ["factor"]
    assert open_boxes(done, replace(GOOD, holds=[FACTOR, session])) == ["new"]
    assert open_boxes(done, replace(GOOD, active=[active])) == ["indicators"]
    assert open_boxes(done, replace(GOOD, sinks={"audit log": "", "sink s3": "it fails"})) == ["sinks"]
    said = {box.name: box.says for box in boxes(done.state, replace(GOOD, sinks={"sink s3": "it fails"}))}
    assert said["sinks"] == "sink s3: it fails"


def test_who_can_do_nothing_before_they_enrol_a_factor_may_come_in_to_do_so() -> None:
    assert open_boxes(contained(), Now(must_enrol=True)) == []


def test_a_foreign_factor_that_is_back_is_no_second_factor() -> None:
    remove = Step("factor.remove", STRANGE.ref, Tactic.EVICT, "enrolled in the window")
    night = Night(drawn((STEPS[0], remove)))
    night.approve()
    night.run()
    assert {"foreign", "factor"} <= set(open_boxes(night, Now(holds=[STRANGE])))


def test_a_waived_box_and_a_waived_step_stand_no_longer_in_the_way() -> None:
    night = Night()
    night.approve()
    night.run()
    verified(night)
    assert open_boxes(night, Now()) == ["rotated", "factor"]
    night.journal.write(done_by_hand(night.state, [7], OLGA, night.now, "the provider is gone", waive=True))
    told = {"plan": night.plan.digest(), "box": "factor", "reason": "it comes by post"}
    night.journal.write(Event(night.now, "gate.waive", OLGA, ALICE, details=told))
    assert open_boxes(night, Now()) == []
    factor = next(box for box in boxes(night.state, Now()) if box.name == "factor")
    assert (factor.good, factor.says, factor.waived) == (False, "there is none", "it comes by post")


def test_a_line_ticked_off_on_the_list_of_a_reach_is_the_step_about_the_same_thing() -> None:
    night = Night()
    night.approve()
    night.run()
    target = Ref("stockade", "variable", "4")
    night.journal.write(Event(night.now, "rotation.done", OMAR, target, details={"subject": str(ALICE)}))
    assert [each.number for each in night.state.steps if each.settled] == list(range(1, 9))
    night.journal.write(Event(night.now, "rotation.reopen", OMAR, target, details={"subject": str(ALICE)}))
    assert [each.number for each in night.state.steps if not each.settled] == [7]
    told = {"subject": str(ALICE), "reason": "it is public"}
    night.journal.write(Event(night.now, "rotation.waive", OMAR, target, details=told))
    assert night.state.steps[6].waived == "it is public"


def test_two_different_people_answer_for_an_override() -> None:
    night = contained()
    for by in (OLGA, OLGA, OMAR):
        told = {"plan": night.plan.digest(), "reason": "it is the demo"}
        night.journal.write(Event(night.now, "gate.override", by, ALICE, details=told))
    assert night.state.overrides == (OLGA, OMAR)


def test_an_account_is_under_a_response_from_the_first_step_to_the_undo_or_the_end() -> None:
    night = Night()
    assert gating(night.journal.states(), ALICE) == ()
    night.approve()
    night.run()
    assert gating(night.journal.states(), ALICE) == (night.state,)
    assert gating(night.journal.states(), replace(ALICE, id="bob")) == ()
    done = contained()
    done.journal.write(Event(done.now, "gate.open", OLGA, ALICE, details={"plan": done.plan.digest()}))
    assert gating(done.journal.states(), ALICE) == ()
    assert done.state.called == "over"
    night.undo()
    assert gating(night.journal.states(), ALICE) == ()


def test_what_to_type_next_is_always_said() -> None:
    def commands(night: Night) -> list[str]:
        return [command.split()[1] for _, command in next_of(night.state, night.rule, night.now)]

    night = Night()
    assert commands(night) == ["approve"]
    night.approve(OLGA, Tactic.ISOLATE)
    assert commands(night) == ["approve", "run"]
    night.run()
    assert commands(night) == ["approve", "done", "verify", "undo"]
    night.approve()
    assert commands(night) == ["resume", "done", "undo"]
    night.run()
    assert commands(night) == ["done", "verify", "undo"]
    assert commands(contained()) == ["unblock", "undo"]
    night.undo()
    assert commands(night) == []
    late = Night()
    late.now += 9999
    assert commands(late) == ["plan"]


def test_what_happens_after_the_run_is_told_by_its_place_in_the_log_for_clocks_are_set_back() -> None:
    state = contained().state
    last = max(each.index for step in state.steps for each in step.entries)

    def entry(index: int, time: float, recorded: float) -> Entry:
        return Entry(index, recorded, Event(time, "auth.sign_in", ALICE))

    assert later(state, entry(last + 1, NOW + 90, NOW + 90))
    assert later(state, entry(last + 1, NOW - 7200, NOW - 7200)), "the clock was set back by two hours"
    assert not later(state, entry(last - 3, NOW + 90, NOW + 90))
    assert not later(state, entry(last + 1, NOW - 7200, NOW + 90)), "a log that was away tells of it only now"
    assert later(state, entry(last + 1, NOW + 90, NOW + 900))
