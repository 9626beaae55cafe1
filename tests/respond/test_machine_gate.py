"""The gate of a machine: what is settled elsewhere is settled here, and nothing is opened before it is clean."""

from __future__ import annotations

from dataclasses import replace

from stockade.events import Event, Outcome, Ref
from stockade.respond.approvals import lets_in
from stockade.respond.gate import Now, boxes, gating
from stockade.respond.standing import Progress
from stockade.steps import Step, Tactic
from tests.respond.plans import ALICE, NOW, OLGA, STEPS, Night, drawn

MACHINE, NETWORK = Ref("host", "machine", "web1"), Ref("host", "network", "web1")


def line(verb: str, name: str) -> Step:
    return Step(verb, MACHINE, Tactic.RESTORE, name, by_hand=True, details={"line": name})


SHUT = Step("network.restrict", NETWORK, Tactic.ISOLATE, "out", by_hand=True)
SECRET = Step("secret.rotate", Ref("web1", "secret", "41"), Tactic.RESTORE, "it lies there", by_hand=True)
PLAN = (
    Step("evidence.collect", MACHINE, Tactic.PRESERVE, "first", by_hand=True),
    SHUT,
    STEPS[0],
    line("rebuild.plan", "backup"),
    line("rebuild.done", "restored"),
    line("host.diff", "verified"),
    SECRET,
)


def night() -> Night:
    return Night(replace(drawn(PLAN), playbook="instance", subject=MACHINE))


def told(found: Night, action: str, target: Ref, outcome: Outcome = "success", **details: object) -> None:
    found.journal.write(Event(NOW + 90, action, OLGA, target, None, outcome, details))


def done(found: Night) -> list[int]:
    return [each.number for each in found.state.at(Progress.DONE)]


def test_what_somebody_does_on_the_machine_or_ticks_off_on_its_lists_is_done_in_the_plan() -> None:
    found, host = night(), Ref("web1", "machine", "web1")
    told(found, "evidence.collect", host)
    told(found, "network.confirm", NETWORK)
    told(found, "rebuild.plan", host)
    told(found, "rebuild.done", host, line="restored")
    told(found, "host.diff", Ref("web2", "machine", "web2"))
    told(found, "secret.rotated", Ref("web1", "secret", "41"))
    assert done(found) == [1, 2, 4, 5, 6, 7]


def test_what_failed_or_is_about_another_machine_or_line_is_not() -> None:
    found = night()
    told(found, "evidence.collect", Ref("web9", "machine", "web9"))
    told(found, "host.diff", Ref("web2", "machine", "web2"), "failure")
    told(found, "rebuild.done", Ref("web1", "machine", "web1"), line="patched")
    told(found, "secret.rotated", Ref("web1", "secret", "42"))
    assert done(found) == []


def test_a_machine_is_asked_whether_it_is_clean_and_not_whether_it_has_a_second_factor() -> None:
    state = night().state
    assert [box.name for box in boxes(state, Now())] == [
        "contained", "verified", "rotated", "clean", "indicators", "sinks",
    ]  # fmt: skip
    unclean = {box.name: box for box in boxes(state, Now(unclean="3 things are not: host diff"))}["clean"]
    assert (unclean.open, unclean.says) == (True, "3 things are not: host diff")


def test_whom_its_plan_has_shut_out_is_under_it_and_may_be_let_in_before_the_machine() -> None:
    found = night()
    assert gating(found.journal.states(), MACHINE) == ()
    found.approve()
    found.run()
    assert gating(found.journal.states(), ALICE) == gating(found.journal.states(), MACHINE) == (found.state,)
    told(found, "gate.open", ALICE, plan=found.state.digest)
    assert gating(found.journal.states(), MACHINE) != ()
    told(found, "gate.open", MACHINE, plan=found.state.digest)
    assert gating(found.journal.states(), MACHINE) == ()


def test_to_open_its_network_again_is_to_let_somebody_in() -> None:
    shut = replace(SHUT, by_hand=False, undo=Step("network.lift", NETWORK, Tactic.RESTORE, "undo"))
    found = Night(replace(drawn((shut,)), subject=MACHINE))
    assert not lets_in(found.state)
    told(found, "step.start", NETWORK, plan=found.state.digest, steps=[1])
    assert lets_in(found.state)
