"""The plan for a machine, drawn from small worlds: evidence first, clean before anything is made anew, and watched."""

from __future__ import annotations

from dataclasses import replace

from stockade.directory.accounts import AccountKind, CredentialKind
from stockade.events import Ref
from stockade.respond.instance import Machine, Task, instance
from stockade.respond.world import Reached, World
from stockade.steps import Step, Tactic
from tests.respond.test_playbooks import ALICE, DAY, NOW, held, verbs, world

K = CredentialKind
ROOT = replace(ALICE, id=2, name="root", admin=True)
BOT = replace(ALICE, id=3, name="ci-bot", kind=AccountKind.BOT)
TASKS = (
    Task("restored", "rebuild.done", "restore the backup of Monday to another machine"),
    Task("verified", "host.diff", "compare it"),
    Task("entered", "rebuild.done", "enter again what came after", late=True),
)
DISK = Reached(Ref("web1", "secret", "41"), "postgresql password", "lies in /etc/app.toml", owner="root")


def of(account: object, *holds: object, **more: object) -> World:
    return replace(world(), account=account, holds=holds, made=(), reached=(), **more)  # type: ignore[arg-type]


def machine(**more: object) -> Machine:
    worlds = (
        of(
            ALICE,
            held(1, K.PASSWORD),
            held(2, K.SESSION),
            held(3, K.PERSONAL),
            held(4, K.SSH_KEY),
            held(5, K.TOTP),
            held(6, K.WEBAUTHN),
        ),
        of(ROOT, held(11, K.PASSWORD)._replace(holder="root"), held(12, K.SSH_KEY, made=NOW - DAY)),
        of(BOT, held(21, K.PERSONAL)._replace(holder="ci-bot")),
    )
    known = Machine(
        NOW, "web1", "2027-01-15-web1", worlds, secrets=(DISK,), tasks=TASKS,
        evidence={"to": "s3://evidence", "collection": "web1-1"}, network={"allow": []},
    )  # fmt: skip
    return replace(known, **more)  # type: ignore[arg-type]


def drawn(**more: object) -> list[Step]:
    return list(instance(machine(**more)))


def test_everybody_is_in_it_and_evidence_comes_first() -> None:
    assert verbs(drawn()) == [
        "evidence.collect machine/web1",
        "network.restrict network/web1",
        "session.end user/alice",
        "key.remove key/12",  # made in the window; alice's own is as old as she is here, and was never on the machine
        "token.revoke token/3",
        "rebuild.done machine/web1",
        "host.diff machine/web1",
        "password.reset user/alice",
        "password.reset user/root",
        "factor.remove factor/5",
        "token.rotate token/21",
        "token.replace token/21",
        "token.revoke token/21",
        "secret.rotate secret/41",
        "rebuild.done machine/web1",
        "factor.require user/alice",
        "factor.require user/root",
        "watch.begin machine/web1",
    ]


def test_nothing_is_made_anew_before_the_machine_is_clean() -> None:
    steps = drawn()
    clean = verbs(steps).index("host.diff machine/web1") + 1
    anew = [step for step in steps if step.verb in {"password.reset", "token.rotate", "secret.rotate"}]
    assert {step.details["after"] for step in anew} == {clean}
    late = [step for step in steps if step.verb in {"token.replace", "token.revoke"} and step.target.id == "21"]
    assert [steps[int(str(step.details["after"])) - 1].verb for step in late] == ["token.rotate", "token.replace"]


def test_a_suspect_is_shut_out_and_loses_every_key() -> None:
    said = verbs(drawn(suspects=frozenset({"alice"})))
    assert said[2] == "user.block user/alice"
    assert "key.remove key/4" in said
    assert "user.block user/root" not in said


def test_what_no_program_here_can_do_is_left_to_a_person() -> None:
    first, second, *_ = drawn(evidence=None, network=None)
    assert (first.by_hand, second.by_hand, second.undo) == (True, True, None)


def test_a_machine_without_accounts_has_a_plan_too() -> None:
    assert [step.verb for step in drawn(worlds=())] == [
        "evidence.collect", "network.restrict", "rebuild.done", "host.diff", "secret.rotate", "rebuild.done",
        "watch.begin",
    ]  # fmt: skip


def test_every_change_but_those_by_hand_says_its_way_back_or_that_there_is_none() -> None:
    for step in drawn():
        if step.tactic in {Tactic.ISOLATE, Tactic.EVICT, Tactic.HARDEN} and step.verb != "session.end":
            assert step.undo is not None, step.verb
