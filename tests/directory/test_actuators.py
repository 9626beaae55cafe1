"""What every Actuator promises: asked of the built-in directory on both databases, and of what runs are tested on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from stockade.directory import BuiltinDirectory, Scope
from stockade.directory.builtin.acting import BuiltinActuator
from stockade.errors import ConfigurationError, Unavailable
from stockade.events import Ref
from stockade.steps import Actuator, Step, Tactic
from tests.directory.conftest import NOW, Stage
from tests.respond.systems import System

ALICE = Ref("stockade", "user", "alice")
TOKEN, WEBHOOK = Ref("stockade", "token", "1"), Ref("stockade", "webhook", "1")
PAIRS = [
    ("user.block", "user.unblock", ALICE),
    ("token.revoke", "token.restore", TOKEN),
    ("webhook.pause", "webhook.resume", WEBHOOK),
]
FOR_GOOD = [("session.end", ALICE), ("password.reset", ALICE)]


@dataclass
class Asked:
    """An actuator with alice, her token and a webhook; ``changes`` counts what in fact changed, ``down`` is one whose
    system does not answer.
    """

    actuator: Actuator
    changes: Callable[[str], int]
    down: Actuator


@pytest.fixture(params=["sqlite", "postgresql", "fake"])
def asked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Asked]:
    if request.param == "fake":
        yield _fake()
        return
    found = f"sqlite:///{tmp_path}/directory.db"
    if request.param == "postgresql":
        found = request.getfixturevalue("emptied_postgres_url")
    stage = Stage(found)
    stage.directory.migrate()
    alice = stage.directory.create_account("alice", password="correct horse")
    stage.directory.open_session(alice, NOW, 3600)
    stage.directory.issue_token("alice", "laptop", [Scope.API])
    stage.directory.add_webhook("group/project", "https://hooks.example/")
    nowhere = BuiltinDirectory("postgresql://nobody@127.0.0.1:1/nothing")
    yield Asked(BuiltinActuator(stage.directory), lambda verb: len(stage.reported(verb)), BuiltinActuator(nowhere))
    stage.directory.close()


def _fake() -> Asked:
    live: Mapping[str, object] = {"state": "live"}
    things = {ALICE: {"state": "active", "sessions": 1, "password": "set"}, TOKEN: live, WEBHOOK: live}
    system, down = System(things), System({})
    down.down = True
    return Asked(system, lambda verb: sum(n for (done, _), n in system.changes.items() if done == verb), down)


def step(verb: str, target: Ref) -> Step:
    return Step(verb, target, Tactic.EVICT, "the account was taken over")


@pytest.mark.parametrize(("verb", "undo", "target"), PAIRS)
def test_a_step_is_taken_once_seen_and_taken_back(asked: Asked, verb: str, undo: str, target: Ref) -> None:
    actuator, do, back = asked.actuator, step(verb, target), step(undo, target)
    before = actuator.observe(target)
    assert {verb, undo} <= actuator.verbs
    assert (actuator.holds(do), actuator.holds(back)) == (False, True)
    for _ in range(2):
        actuator.perform(do)
        assert (actuator.holds(do), actuator.holds(back)) == (True, False)
    assert asked.changes(verb) == 1
    actuator.perform(back)
    assert actuator.observe(target) == before


@pytest.mark.parametrize(("verb", "target"), FOR_GOOD)
def test_what_cannot_be_taken_back_is_done_once(asked: Asked, verb: str, target: Ref) -> None:
    do = step(verb, target)
    assert not asked.actuator.holds(do)
    for _ in range(2):
        asked.actuator.perform(do)
        assert asked.actuator.holds(do)
    assert asked.changes(verb) == 1


def test_nothing_is_seen_of_what_is_not_there(asked: Asked) -> None:
    assert asked.actuator.observe(Ref("stockade", "user", "nobody")) == {}
    assert asked.actuator.observe(Ref("stockade", "token", "999")) == {}


def test_a_verb_of_another_system_is_refused(asked: Asked) -> None:
    with pytest.raises(ConfigurationError):
        asked.actuator.holds(step("server.rebuild", ALICE))


def test_a_system_that_does_not_answer_is_unavailable(asked: Asked) -> None:
    with pytest.raises(Unavailable):
        asked.down.observe(ALICE)
    with pytest.raises(Unavailable):
        asked.down.perform(step("user.block", ALICE))
