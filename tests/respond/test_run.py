"""A plan is run step by step; whatever kills it, the next run ends as if nothing had, and nothing is done twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stockade.errors import Refused, Unavailable
from stockade.events import Event
from stockade.respond.approvals import Rule
from stockade.respond.plan import events_of
from stockade.respond.run import WorldChanged, done_by_hand
from stockade.respond.standing import Progress
from stockade.steps import Step, Tactic
from tests.respond.plans import ALICE, NOW, OLGA, OMAR, STEPS, Night, drawn, revoke, token
from tests.respond.systems import Killed, System

P = Progress


def progress(night: Night) -> list[Progress]:
    return [each.progress for each in night.state.steps]


ALL_DONE = [P.DONE, P.DONE, P.DONE, P.DONE, P.DONE, P.DONE, P.PENDING, P.DONE]


def test_a_run_takes_every_step_that_needs_no_hand_in_the_plans_order() -> None:
    night, taken = Night(), list[str]()
    night.system.at_step = lambda when, step: taken.append(step.verb) if when == "after" else None
    night.approve()
    night.run()
    assert taken == [step.verb for step in STEPS if not step.by_hand]
    assert progress(night) == ALL_DONE
    assert night.state.called == "contained, unverified"


def test_every_step_is_on_disk_as_started_before_it_is_taken() -> None:
    night = Night()
    night.approve()

    def look(when: str, step: Step) -> None:
        if when == "before":
            (mine,) = [each for each in night.state.steps if each.step == step]
            assert mine.progress is P.STARTED

    night.system.at_step = look
    night.run()
    assert progress(night) == ALL_DONE


def test_what_cannot_be_recorded_is_not_done() -> None:
    night = Night()
    night.approve()

    def full(event: Event) -> None:
        if event.action == "step.start":
            raise Unavailable("the disk is full")

    night.journal.at_write = full
    with pytest.raises(Unavailable):
        night.run()
    assert not night.system.changes


def test_a_run_twice_does_nothing_the_second_time() -> None:
    night = Night()
    night.approve()
    night.run()
    before = dict(night.system.changes)
    night.run()
    assert dict(night.system.changes) == before
    assert set(before.values()) == {1}


# ── kill -9 ──────────────────────────────────────────────────────────────────────────────────────


class Mortal:
    """Kills at the n-th of all places where something is about to be written, or done, or has just been."""

    def __init__(self, at: int) -> None:
        self.left = at

    def step(self, _when: str, _step: Step) -> None:
        self.tick()

    def write(self, _event: Event) -> None:
        self.tick()

    def tick(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed


def run_until_killed(night: Night, at: int, *, undo: bool = False) -> bool:
    """Whether it was killed. A dead process writes nothing more, either."""
    mortal = Mortal(at)
    night.system.at_step, night.journal.at_write = mortal.step, mortal.write
    try:
        night.undo() if undo else night.run()
    except Killed:
        return True
    else:
        return False
    finally:
        night.system.at_step, night.journal.at_write = lambda _when, _step: None, lambda _event: None


def places(*, undo: bool = False) -> int:
    """How many places there are to be killed at."""
    for at in range(1000):
        night = Night()
        night.approve()
        if undo:
            night.run()
        if not run_until_killed(night, at, undo=undo):
            return at
    raise AssertionError


def test_of_a_secret_that_may_have_been_lost_it_is_said_that_another_one_was_made() -> None:
    night = Night()
    night.approve()

    def die(when: str, step: Step) -> None:
        if (when, step.verb) == ("after", "token.rotate"):
            raise Killed

    night.system.at_step = die
    with pytest.raises(Killed):
        night.run()
    night.system.at_step = lambda _when, _step: None
    handing = lambda step, by: {"new": "token/10"} if step.verb == "token.rotate" else None  # noqa: ARG005, E731
    night.system.hand_over = handing  # type: ignore[attr-defined]
    assert night.run().steps[5].note == "was done already, its secret lost: another one was made, new token/10"


def finished_world() -> System:
    night = Night()
    night.approve()
    night.run()
    return night.system


def test_killed_anywhere_a_run_is_resumed_to_the_same_end() -> None:
    wanted, count = finished_world(), places()
    assert count > 20
    for at in range(count):
        night = Night()
        night.approve()
        assert run_until_killed(night, at)
        night.run(OMAR)
        assert night.system.things == wanted.things
        assert night.system.changes == wanted.changes  # each once, the rotation too
        assert progress(night) == ALL_DONE


def test_killed_anywhere_a_run_can_be_undone_instead() -> None:
    for at in range(places()):
        night = Night()
        night.approve()
        run_until_killed(night, at)
        night.undo()
        assert night.system.things[ALICE]["state"] == "active"
        assert all(night.system.things[token(n)]["state"] == "live" for n in (1, 2, 3))


def test_killed_anywhere_an_undo_is_resumed_to_the_same_end() -> None:
    night = Night()
    night.approve()
    night.run()
    night.undo()
    wanted = night.system
    for at in range(places(undo=True)):
        night = Night()
        night.approve()
        night.run()
        assert run_until_killed(night, at, undo=True)
        night.undo(OMAR)
        assert night.system.things == wanted.things
        assert night.system.changes == wanted.changes


# ── undo ─────────────────────────────────────────────────────────────────────────────────────────


def test_undo_takes_back_the_last_first_exactly_what_can_be_and_says_the_rest() -> None:
    night, taken = Night(), list[str]()
    night.approve()
    night.run()
    night.system.at_step = lambda when, step: taken.append(f"{step.verb} {step.target.id}") if when == "after" else None
    state = night.undo()
    assert taken == ["token.restore 3", "token.restore 2", "token.restore 1", "user.unblock alice"]
    assert [each.number for each in state.at(P.UNDONE)] == [1, 3, 4, 5]
    assert [each.number for each in state.at(P.DONE)] == [2, 6, 8]
    assert state.called == "undone"


def test_undo_leaves_alone_what_the_plan_did_not_do() -> None:
    night = Night()
    night.approve(OLGA, Tactic.ISOLATE)
    night.run()
    night.undo()
    assert night.system.changes["token.restore", str(token(1))] == 0
    assert night.system.things[ALICE]["state"] == "active"


def test_a_plan_that_is_undone_is_not_run_again() -> None:
    night = Night()
    night.approve()
    night.run()
    night.undo()
    with pytest.raises(Refused, match="undone"):
        night.run()


# ── a world that changes, and time that passes ───────────────────────────────────────────────────


def test_a_plan_whose_world_has_changed_is_refused_with_the_difference_and_nothing_done() -> None:
    night = Night()
    night.approve()
    night.system.things[token(2)]["state"] = "revoked"
    with pytest.raises(WorldChanged, match="state was live, is revoked") as raised:
        night.run()
    assert [(d.number, d.key, d.then, d.now) for d in raised.value.differences] == [(4, "state", "live", "revoked")]
    assert not night.system.changes
    assert night.state.called == "refused"
    with pytest.raises(Refused, match="the world has changed"):
        night.run()


def test_what_changes_after_a_run_was_begun_fails_alone() -> None:
    night = Night()
    night.approve(OLGA, Tactic.ISOLATE)
    night.run()
    night.system.things[token(2)]["state"] = "revoked"
    night.approve()
    night.run()
    assert progress(night) == [*ALL_DONE[:3], P.FAILED, *ALL_DONE[4:]]
    assert "has changed" in night.state.steps[3].note


def test_a_plan_expires_unless_it_was_begun() -> None:
    night = Night()
    night.approve()
    night.now = NOW + 3600
    with pytest.raises(Refused, match="expired"):
        night.run()
    assert [each.event.action for each in night.journal.entries][-1] == "plan.expire"
    begun = Night()
    begun.approve(OLGA, Tactic.ISOLATE)
    begun.run()
    begun.now = NOW + 3600
    begun.approve()
    begun.run()
    assert progress(begun) == ALL_DONE


# ── systems that are down, and that say no ───────────────────────────────────────────────────────


def two_systems() -> tuple[Night, System]:
    other = System({token(7, "gitlab"): {"state": "live"}, token(8, "gitlab"): {"state": "live"}}, "gitlab")
    plan = drawn((STEPS[0], revoke(token(7, "gitlab")), revoke(token(8, "gitlab")), STEPS[2]))
    night = Night(plan)
    night.others.append(other)
    night.approve()
    return night, other


def test_steps_in_a_system_that_is_down_wait_and_the_others_go_on() -> None:
    night, other = two_systems()
    other.down = True
    night.run()
    assert progress(night) == [P.DONE, P.WAITING, P.WAITING, P.DONE]
    assert night.state.called == "waiting"
    assert "does not answer" in night.state.steps[1].note
    other.down = False
    night.run()
    assert progress(night) == [P.DONE] * 4
    assert set(other.changes.values()) == {1}


def test_a_step_that_was_taken_as_its_system_went_down_is_not_taken_twice() -> None:
    night, other = two_systems()

    def cut(when: str, _step: Step) -> None:
        if when == "after":
            other.down = True
            raise Unavailable("the line went dead")

    other.at_step = cut
    night.run()
    assert progress(night)[1:3] == [P.WAITING, P.WAITING]
    other.down, other.at_step = False, lambda _when, _step: None
    night.run()
    assert progress(night) == [P.DONE] * 4
    assert other.changes["token.revoke", str(token(7, "gitlab"))] == 1
    assert night.state.steps[1].note == "was done already"


def test_a_step_that_is_refused_fails_with_its_reason_and_can_be_tried_again() -> None:
    night = Night()
    night.system.refuses = frozenset({token(1)})
    night.approve()
    night.run()
    assert progress(night) == [*ALL_DONE[:2], P.FAILED, *ALL_DONE[3:]]
    assert "says no" in night.state.steps[2].note
    assert night.state.called == "begun"
    night.system.refuses = frozenset()
    night.run()
    assert progress(night) == ALL_DONE


def test_a_step_that_nobody_here_can_take_fails() -> None:
    night = Night(drawn((STEPS[0], replace(STEPS[1], verb="moon.land"))))
    night.approve()
    night.run()
    assert progress(night) == [P.DONE, P.FAILED]


# ── by hand ──────────────────────────────────────────────────────────────────────────────────────


def test_what_is_done_by_hand_is_done_when_somebody_says_so() -> None:
    night = Night()
    night.approve()
    night.run()
    night.journal.write(done_by_hand(night.state, [7], OMAR, night.now, "changed at the provider"))
    seventh = night.state.steps[6]
    assert (seventh.progress, seventh.by, seventh.note) == (P.DONE, OMAR, "changed at the provider")


def test_a_step_that_must_come_after_a_hand_waits_for_it() -> None:
    held_back = replace(STEPS[2], details={"after": 1})
    night = Night(drawn((STEPS[6], held_back)))
    night.approve()
    night.run()
    assert progress(night) == [P.PENDING, P.PENDING]
    night.journal.write(done_by_hand(night.state, [1], OLGA, night.now))
    night.run()
    assert progress(night) == [P.DONE, P.DONE]


def test_a_waived_step_is_settled_with_its_reason() -> None:
    night = Night()
    night.approve()
    night.run()
    night.journal.write(done_by_hand(night.state, [7], OLGA, night.now, "the provider is gone", waive=True))
    assert night.state.steps[6].waived == "the provider is gone"
    assert night.state.steps[6].settled


# ── approvals ────────────────────────────────────────────────────────────────────────────────────

TWO = Rule(people=2, approvers=frozenset({"olga", "omar", "alice"}))


def test_nothing_runs_unapproved() -> None:
    with pytest.raises(Refused, match="not approved"):
        Night().run()


def test_two_different_people_where_two_are_asked_for() -> None:
    night = Night(rule=TWO)
    night.approve(OLGA)
    night.approve(OLGA)
    with pytest.raises(Refused, match="not approved"):
        night.run()
    night.approve(OMAR, Tactic.ISOLATE)
    night.run()
    assert progress(night) == [P.DONE, P.DONE, *[P.PENDING] * 6]
    night.approve(OMAR)
    night.run()
    assert progress(night) == ALL_DONE


def test_who_may_not_approve_does_not_and_nobody_their_own_case() -> None:
    night = Night(rule=TWO)
    with pytest.raises(Refused, match="may not approve"):
        night.approve(replace(OLGA, id="mallory"))
    with pytest.raises(Refused, match="whom the plan is about"):
        night.approve(replace(OLGA, id="alice"))


def test_an_approval_is_of_one_plan_and_no_other() -> None:
    night = Night()
    night.approve()
    other = drawn(now=NOW + 1)
    night.journal.write_all(events_of(other, OLGA))
    assert not night.journal.states()[other.digest()].approvals
