"""Nothing on a machine is destroyed before its evidence is sealed: not by a run, not by hand, not by a plan without."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stockade.errors import Refused, Tampered
from stockade.events import Ref
from stockade.host.evidence.acting import Evidence
from stockade.respond.acting import Actuators
from stockade.respond.run import done_by_hand
from stockade.respond.standing import Progress
from stockade.respond.unsealed import SPARING, destroys
from stockade.steps import Step, Tactic
from tests.host.evidence.taken import CRON, Memory
from tests.respond.plans import NOW, OLGA, Night, drawn
from tests.respond.systems import System

HERE = os.uname().nodename
MACHINE, PROCESS = Ref("host", "machine", HERE), Ref("host", "process", f"{HERE}/4711")
COLLECT = Step("evidence.collect", MACHINE, Tactic.PRESERVE, "first", details={"to": "vault", "collection": "one"})
KILL = Step("process.kill", PROCESS, Tactic.EVICT, "it is not ours")
REBUILD = Step("rebuild.done", MACHINE, Tactic.RESTORE, "from before", by_hand=True)
SHUT = Step("network.restrict", MACHINE, Tactic.ISOLATE, "nothing goes out")


class Host(System):
    """A machine whose processes end, and whose network is shut."""

    verbs = frozenset({"process.kill", "network.restrict"})

    def _wanted(self, step: Step) -> dict[str, object]:
        return {"state": "done"}


class Machine(Night):
    """A plan for this machine; the evidence goes to a store in memory, which may be down."""

    def __init__(self, root: Path, *steps: Step) -> None:
        self.store = Memory()
        super().__init__(drawn(steps), Host({PROCESS: {}, MACHINE: {}}, "host"))
        self.saving = Evidence(HERE, root, lambda: [CRON], lambda _to, _name: self.store)

    @property
    def actuators(self) -> Actuators:
        return Actuators(self.system, self.saving)

    def how(self) -> list[str]:
        return [each.progress.value for each in self.state.steps]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/crontab").write_text("17 * * * * root /tmp/.x\n")
    return tmp_path


def test_evidence_is_sealed_first_and_then_the_process_may_end(root: Path) -> None:
    night = Machine(root, COLLECT, SHUT, KILL)
    night.approve()
    night.run()
    assert night.how() == ["done", "done", "done"]
    note = night.state.steps[0].note
    assert note.startswith("head ")
    assert night.saving.holds(COLLECT)
    night.store.held["parcels/000002.tar.gz"] += b"x"
    with pytest.raises(Tampered):
        night.saving.holds(COLLECT)


def test_while_evidence_cannot_be_sealed_nothing_is_destroyed_and_the_network_is_shut_all_the_same(root: Path) -> None:
    night = Machine(root, COLLECT, SHUT, KILL, REBUILD)
    night.approve()

    def full(number: int) -> None:
        if number == 1:
            raise Refused("the sink is full")

    night.store.at_put = full
    night.run()
    assert night.how() == ["failed", "done", "failed", "pending"]
    assert f"process.kill may destroy evidence on {HERE}, and none is sealed" in night.state.steps[2].note
    assert night.system.changes == {("network.restrict", str(MACHINE)): 1}
    with pytest.raises(Refused, match=r"rebuild\.done may destroy evidence"):
        done_by_hand(night.state, [4], OLGA, NOW)
    night.store.at_put = lambda _number: None
    night.run()
    assert night.how() == ["done", "done", "done", "pending"]
    done_by_hand(night.state, [4], OLGA, NOW)


def test_a_plan_that_saves_nothing_destroys_nothing(root: Path) -> None:
    other = Step("evidence.collect", Ref("host", "machine", "web2"), Tactic.PRESERVE, "of another")
    for steps in ((KILL,), (other, KILL)):
        night = Machine(root, *steps)
        night.approve()
        night.run()
        assert night.state.steps[-1].progress is Progress.FAILED
        assert night.system.changes == {}


def test_a_person_may_answer_for_a_machine_that_shows_nothing_more(root: Path) -> None:
    night = Machine(root, COLLECT, KILL)
    night.journal.write(done_by_hand(night.state, [1], OLGA, NOW, "its disk is dead", waive=True))
    night.approve()
    night.run()
    assert night.how() == ["pending", "done"]


def test_evidence_that_was_interrupted_is_gone_on_with_by_whoever_resumes_the_plan(root: Path) -> None:
    night = Machine(root, COLLECT, KILL)
    night.approve()

    def die(number: int) -> None:
        if number == 2:
            raise KeyboardInterrupt

    night.store.at_put = die
    with pytest.raises(KeyboardInterrupt):
        night.run()
    night.store.at_put = lambda _number: None
    night.run()
    assert night.how() == ["done", "done"]
    assert night.saving.holds(COLLECT)


def test_evidence_of_another_machine_is_not_taken_here(root: Path) -> None:
    saving = Evidence("web9", root, lambda: [CRON], lambda _to, _name: Memory())
    with pytest.raises(Refused, match="evidence is wanted of"):
        saving.perform(COLLECT)


def test_what_nobody_has_heard_of_is_taken_to_destroy() -> None:
    assert destroys(Step("disk.wipe", MACHINE, Tactic.RESTORE, "new"))
    assert not any(destroys(Step(verb, MACHINE, Tactic.ISOLATE, "")) for verb in SPARING)
    assert not destroys(Step("user.block", Ref("stockade", "user", "alice"), Tactic.ISOLATE, ""))
    assert not destroys(COLLECT)
