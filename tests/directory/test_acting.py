"""Every verb of the response does what it says on both databases, once, and is seen to have done so."""

from __future__ import annotations

import pytest

from stockade.actions import BEHAVIOUR_OF
from stockade.directory import BuiltinDirectory, Scope, Secret
from stockade.directory.builtin.acting import VERBS, BuiltinActuator
from stockade.directory.refusals import Impossible, UnknownAccount, UnknownCredentials
from stockade.errors import ConfigurationError
from stockade.events import Ref
from stockade.steps import Step, Tactic
from tests.directory.conftest import NOW, Stage

ALICE = Ref("stockade", "user", "alice")
OPERATOR = Ref("stockade", "user", "root")


def step(verb: str, target: Ref, expects: dict[str, object] | None = None, **details: object) -> Step:
    return Step(verb, target, Tactic.EVICT, "the account was taken over", expects=expects or {}, details=details)


@pytest.fixture
def actuator(stage: Stage) -> BuiltinActuator:
    stage.directory.create_account("root", admin=True)
    stage.directory.create_account("alice", password="correct horse", email="alice@example.org")
    return BuiltinActuator(stage.directory)


def test_every_verb_is_a_word_of_the_vocabulary() -> None:
    assert [verb for verb in VERBS if verb not in BEHAVIOUR_OF] == []


@pytest.mark.parametrize(
    ("do", "undo"),
    [
        (step("user.block", ALICE), step("user.unblock", ALICE)),
        (step("user.lock", ALICE, until=NOW + 7200), step("user.unlock", ALICE)),
        (step("user.role.change", ALICE, admin=True), step("user.role.change", ALICE, admin=False)),
        (step("member.add", ALICE, path="a/b", level="owner"), step("member.remove", ALICE, path="a/b")),
        (step("factor.require", ALICE), step("factor.require", ALICE, waive=True)),
    ],
)
def test_what_is_done_to_an_account_is_done_once_and_undone(
    stage: Stage, actuator: BuiltinActuator, do: Step, undo: Step
) -> None:
    before = actuator.observe(ALICE)
    assert not actuator.holds(do)
    actuator.perform(do, by=OPERATOR)
    assert actuator.holds(do)
    assert actuator.perform(do) == {"already": True}
    assert [event.actor for event in stage.reported(do.verb)] == [OPERATOR]
    actuator.perform(undo)
    assert actuator.holds(undo)
    assert actuator.observe(ALICE) == before


def test_sessions_and_the_password_end_and_do_not_come_back(
    directory: BuiltinDirectory, actuator: BuiltinActuator
) -> None:
    alice = directory.account("alice")
    directory.open_session(alice, NOW, 3600)
    directory.open_session(alice, NOW, 3600)
    one = directory.sessions("alice")[0].ref
    actuator.perform(step("session.end", one))
    assert actuator.holds(step("session.end", one))
    assert actuator.perform(step("session.end", ALICE)) == {"sessions": 1}
    assert actuator.observe(ALICE)["sessions"] == 0

    reset = step("password.reset", ALICE, {"password": actuator.observe(ALICE)["password"]})
    actuator.perform(reset)
    assert actuator.holds(reset)
    with pytest.raises(Impossible):
        directory.restore(Ref("stockade", "password", str(alice.id)))


def test_the_code_for_another_password_is_handed_out_once(directory: BuiltinDirectory) -> None:
    directory.create_account("alice", password="correct horse")
    handed: list[tuple[Ref, Secret]] = []
    actuator = BuiltinActuator(directory, hand_out=lambda ref, secret: handed.append((ref, secret)))
    actuator.perform(step("password.reset", ALICE))
    actuator.perform(step("password.reset", ALICE))
    ((ref, code),) = handed
    assert ref == ALICE
    directory.reset_password(code, "another horse", NOW)
    assert directory.authenticate("alice", "another horse", NOW).account.name == "alice"


def test_a_token_is_rotated_once_and_the_old_one_works_as_long_as_was_said(directory: BuiltinDirectory) -> None:
    directory.create_account("bot")
    handed: list[tuple[Ref, Secret]] = []
    actuator = BuiltinActuator(directory, hand_out=lambda ref, secret: handed.append((ref, secret)))
    token, plain = directory.issue_token("bot", "deploys", [Scope.READ_REPOSITORY])
    rotate = step("token.rotate", token.ref, {"expires": None}, overlap=600)
    told = actuator.perform(rotate)
    assert actuator.perform(rotate) == {"already": True}
    ((ref, new),) = handed
    assert told == {"new": str(ref)}
    assert directory.authenticate_token(plain, NOW + 599).account.name == "bot"
    assert directory.authenticate_token(new, NOW + 601).scopes == {Scope.READ_REPOSITORY}
    assert directory.credential(token.ref).expired(NOW + 601)


def test_a_secret_that_was_lost_on_its_way_is_made_once_more_in_its_place(directory: BuiltinDirectory) -> None:
    directory.create_account("bot")
    token, _ = directory.issue_token("bot", "deploys", [Scope.READ_REPOSITORY])
    rotate = step("token.rotate", token.ref, {"expires": None}, overlap=600)
    made, lost = directory.rotate(token.ref, overlap=600)
    handed: dict[Ref, Secret] = {}
    actuator = BuiltinActuator(directory, hand_out=handed.__setitem__, successor={token.ref: made.ref}.get)
    assert actuator.hand_over(rotate) == {"new": str(made.ref)}
    with pytest.raises(UnknownCredentials):
        directory.authenticate_token(lost, NOW)
    assert directory.authenticate_token(handed[made.ref], NOW).by.ref == made.ref
    assert actuator.hand_over(step("user.block", ALICE)) is None
    assert BuiltinActuator(directory).hand_over(rotate) is None
    with pytest.raises(Impossible):
        BuiltinActuator(directory, hand_out=handed.__setitem__).hand_over(rotate)


def test_what_it_cannot_do_is_said(actuator: BuiltinActuator) -> None:
    with pytest.raises(ConfigurationError):
        actuator.perform(step("server.rebuild", ALICE))
    with pytest.raises(UnknownAccount):
        actuator.perform(step("user.block", Ref("stockade", "user", "nobody")))
    assert actuator.observe(Ref("gitlab", "user", "alice")) == {}
    assert actuator.observe(Ref("stockade", "token", "999")) == {}
