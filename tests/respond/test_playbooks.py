"""Each playbook on small worlds: what it does, in which order, with which way back."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from stockade.directory.accounts import (
    Account,
    AccountKind,
    AccountState,
    Credential,
    CredentialKind,
    Integration,
    IntegrationKind,
    Level,
    Membership,
    Scope,
)
from stockade.events import Ref
from stockade.respond.playbooks import account, bot, token
from stockade.respond.world import Reached, World
from stockade.steps import Step, Tactic

NOW = 1_800_000_000.0
DAY = 86400.0
ALICE = Account(1, "alice", AccountKind.HUMAN, AccountState.ACTIVE, None, NOW - 900 * DAY)
K = CredentialKind


def held(number: int, kind: CredentialKind, *, made: float = NOW - 90 * DAY, **more: object) -> Credential:
    known = Credential(number, kind, "alice", f"its {kind}", frozenset({Scope.API}), made)
    return known._replace(**more)  # type: ignore[arg-type]


HOLDS = (
    held(1, K.PASSWORD),
    held(2, K.SESSION, made=NOW - 60),
    held(3, K.PERSONAL, last_used=NOW - 120, last_address="203.0.113.9"),
    held(4, K.SSH_KEY, made=NOW - DAY),
    held(5, K.GRANT),
    held(6, K.TOTP),
    held(7, K.WEBAUTHN, made=NOW - DAY),
    held(8, K.EMAIL, made=NOW - DAY),
    held(9, K.EMAIL),
)
HOOK = Integration(3, IntegrationKind.WEBHOOK, "web/shop", "https://x.example", NOW - DAY, "alice")
RUNNER = Credential(4, K.RUNNER, "", "builder", frozenset(), NOW - DAY, made_by="alice")
GHOST = Account(9, "ghost", AccountKind.BOT, AccountState.ACTIVE, None, NOW - DAY)
MADE = (HOOK, RUNNER, GHOST, Membership("mallory", "web/shop", Level.OWNER, NOW - DAY, None, "alice"))
REACHED = (
    Reached(Ref("stockade", "token", "70"), "deploy token", "could replace it", "token.rotate", "bob"),
    Reached(Ref("stockade", "variable", "8"), "variable KEY", "a job could print it", "", "bob", "read once"),
)


def world(**more: object) -> World:
    known = World(NOW, ALICE, NOW - 7 * DAY, NOW, HOLDS, MADE, REACHED, incident="2027-01-15-alice")
    return replace(known, **more)  # type: ignore[arg-type]


def verbs(steps: list[Step]) -> list[str]:
    return [f"{step.verb} {step.target.kind}/{step.target.id}" for step in steps]


def test_an_account_is_contained_in_the_order_that_helps() -> None:
    assert verbs(list(account(world()))) == [
        "evidence.seal user/alice",
        "user.block user/alice",
        "session.end user/alice",
        "token.revoke token/3",
        "key.remove key/4",
        "grant.revoke grant/5",
        "email.remove email/8",
        "factor.remove factor/7",
        "webhook.pause webhook/3",
        "runner.pause runner/4",
        "user.block user/ghost",
        "member.remove user/mallory",
        "token.rotate token/70",
        "variable.rotate variable/8",
        "password.reset user/alice",
        "factor.require user/alice",
        "watch.begin user/alice",
    ]


def test_nothing_that_was_made_in_the_window_falls_between_ending_and_rotating() -> None:
    secret = Credential(12, K.VARIABLE, "", "KEY", frozenset(), NOW - DAY, within="web/shop", made_by="alice")
    also = Reached(secret.ref, "variable KEY", "it made it", "variable.remove")
    steps = [step for step in account(world(made=(*MADE, secret), reached=(also,))) if step.target == secret.ref]
    assert [(step.verb, step.undo.verb if step.undo else "") for step in steps] == [
        ("variable.remove", "variable.restore")
    ]


def test_every_step_says_why_and_what_will_be_noticed() -> None:
    for step in [*account(world()), *bot(world()), *token(world(token=HOLDS[2]))]:
        assert step.reason
        assert step.effect


def test_what_cannot_be_taken_back_is_known_before() -> None:
    final = [step.verb for step in account(world()) if step.undo is None and not step.by_hand]
    assert final == ["evidence.seal", "session.end", "token.rotate", "password.reset", "watch.begin"]


def test_a_way_back_leads_to_what_was_there() -> None:
    steps = {step.verb: step for step in reversed(list(account(world())))}
    assert steps["user.block"].undo == Step("user.unblock", ALICE.ref, Tactic.RESTORE, "undo")
    member = steps["member.remove"].undo
    assert member is not None
    assert member.details == {"path": "web/shop", "level": "owner", "expires": None}
    required = steps["factor.require"].undo
    assert required is not None
    assert required.details == {"waive": True}
    before = world(account=replace(ALICE, factor_due=NOW + DAY))
    later = next(step.undo for step in account(before) if step.verb == "factor.require")
    assert later is not None
    assert later.details == {"due": NOW + DAY}


def test_who_is_blocked_already_is_not_blocked_again_so_that_an_undo_does_not_let_them_in() -> None:
    blocked = world(account=replace(ALICE, state=AccountState.BLOCKED))
    assert "user.block user/alice" not in verbs(list(account(blocked)))


def test_a_factor_is_foreign_when_it_was_enrolled_in_the_window_or_from_where_nobody_was_before() -> None:
    assert world().foreign(HOLDS[6]) == "enrolled in the window"
    assert not world().foreign(HOLDS[5])
    told = world(enrolled={HOLDS[5].ref: "198.51.100.7"}, known=frozenset({"192.0.2.1"}))
    assert told.foreign(HOLDS[5]) == "enrolled from 198.51.100.7, where the account was never seen before"
    at_home = world(enrolled={HOLDS[5].ref: "192.0.2.1"}, known=frozenset({"192.0.2.1"}))
    assert not at_home.foreign(HOLDS[5])
    unknown = world(enrolled={HOLDS[5].ref: "198.51.100.7"}, known=frozenset())
    assert not unknown.foreign(HOLDS[5])


def test_a_leaked_token_is_revoked_and_the_risk_of_an_outage_is_said() -> None:
    (revoke,) = [
        step for step in token(world(token=HOLDS[2])) if step.target == HOLDS[2].ref and "seal" not in step.verb
    ]
    assert revoke.verb == "token.revoke"
    assert revoke.effect.startswith("OUTAGE RISK: it was last used 2 minutes ago from 203.0.113.9")
    quiet = HOLDS[2]._replace(last_used=NOW - 90 * DAY)
    (calm,) = [step for step in token(world(token=quiet)) if step.target == quiet.ref]
    assert "OUTAGE" not in calm.effect
    assert "90 days ago" in calm.effect


def test_or_it_is_rotated_where_that_is_asked_for() -> None:
    steps = verbs(list(token(world(token=HOLDS[2], rotate=True))))
    assert "token.rotate token/3" in steps
    assert "token.revoke token/3" not in steps


def test_a_bot_gets_each_successor_before_what_it_succeeds_goes_and_is_never_blocked() -> None:
    steps = list(bot(world()))
    told = verbs(steps)
    assert "user.block user/alice" not in told
    assert "password.reset user/alice" not in told
    new, put, old = (told.index(f"{verb} token/3") for verb in ("token.rotate", "token.replace", "token.revoke"))
    assert new < put < old
    assert steps[put].by_hand
    assert steps[new].details["overlap"]
    assert steps[put].details["after"] == new + 1  # numbers begin at one
    assert steps[old].details["after"] == put + 1


@given(st.sets(st.sampled_from(range(len(HOLDS)))), st.sets(st.sampled_from(range(len(MADE)))))
def test_tactics_never_go_back_and_no_thing_is_ended_twice(holds: set[int], made: set[int]) -> None:
    less = world(holds=tuple(HOLDS[n] for n in sorted(holds)), made=tuple(MADE[n] for n in sorted(made)))
    steps = list(account(less))
    order = [Tactic.PRESERVE, Tactic.ISOLATE, Tactic.EVICT, Tactic.RESTORE, Tactic.HARDEN, Tactic.DETECT]
    ranks = [order.index(step.tactic) for step in steps]
    assert ranks == sorted(ranks)
    assert len(set(verbs(steps))) == len(steps)
