"""The response on the built-in directory and a real log: drawn, run, locked, let in again."""

from __future__ import annotations

import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stockade.app import Stockade
from stockade.app.respond.machines import Asked
from stockade.app.respond.responding import GateClosed, Responding
from stockade.config import load
from stockade.directory import BuiltinDirectory
from stockade.directory.accounts import AccountKind, CredentialKind, Level, Scope
from stockade.directory.refusals import AccountBlocked, FactorOverdue, UnknownToken
from stockade.errors import ConfigurationError, Refused, Unavailable
from stockade.respond import journal
from stockade.respond.run import WorldChanged
from stockade.respond.standing import PlanState, Progress
from stockade.steps import Tactic
from tests.respond.test_killed import PASSWORD, compromised


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compromised account in a directory, and what was written down of it; made once, as it takes a while."""
    place = tmp_path_factory.mktemp("compromised")
    with Stockade(load(configured(place)), by="olga").directory() as directory:
        compromised(directory)
    return place / "state"


@pytest.fixture
def config(kept: Path, tmp_path: Path) -> Path:
    """The same in a directory and a log of their own; two people answer for anything."""
    shutil.copytree(kept, tmp_path / "state")
    return configured(tmp_path)


def configured(place: Path) -> Path:
    file = place / "stockade.toml"
    file.write_text(f'state = "{place}/state"\n')
    return file


@pytest.fixture
def olga(config: Path) -> Iterator[Responding]:
    with Stockade(load(config), by="olga").responding() as response:
        yield response


def by(name: str, response: Responding) -> Responding:
    """Somebody else at the same terminal."""
    from copy import copy

    from stockade.events import Ref

    other = copy(response)
    other.by = Ref("unix", "user", name)
    return other


def plain_token(directory: BuiltinDirectory) -> str:
    _, plain = directory.issue_token("alice", "leaked", [Scope.API])
    return str.__str__(plain)


def test_a_response_from_the_plan_to_the_gate(olga: Responding) -> None:
    token = plain_token(olga.directory)
    state = olga.draw("account", "alice")
    assert state.called == "drawn"
    assert olga.directory.authenticate_token(token, time.time()).account.name == "alice"  # a plan changes nothing
    with pytest.raises(Refused, match="not approved"):
        olga.run(state.digest)
    olga.approve(state.digest)
    assert olga.run(state.digest[:8]).called == "contained, unverified"
    with pytest.raises(Refused):
        olga.directory.authenticate_token(token, time.time())
    with pytest.raises(GateClosed) as closed:
        olga.unblock("alice")
    assert {box.name for box in closed.value.boxes if box.open} == {"verified"}
    with pytest.raises(ConfigurationError, match="needs a reason"):
        olga.waive(state.digest, ["verified"], "")
    assert olga.verify(state.digest)[0].called == "contained"
    let_in = olga.unblock("alice", "she is back")
    assert not let_in.account.blocked
    assert let_in.must_enrol, "she enrols a second factor before anything else, and whoever lets her in is told"
    with pytest.raises(FactorOverdue):
        olga.directory.authenticate_token(plain_token(olga.directory), time.time())
    assert olga.plan(state.digest).called == "over"


def test_two_people_may_answer_for_it_and_one_twice_may_not(olga: Responding) -> None:
    state = olga.draw("account", "alice")
    olga.approve(state.digest)
    olga.run(state.digest)
    with pytest.raises(ConfigurationError, match="has to say why"):
        olga.unblock("alice", override=True)
    for _ in range(2):
        assert olga.unblock("alice", "the demo", override=True).waits_for == 1
    assert olga.directory.account("alice").blocked
    assert not by("omar", olga).unblock("alice", "the demo", override=True).account.blocked


def test_an_account_blocked_without_a_response_is_let_in_as_ever(olga: Responding) -> None:
    olga.directory.block("mallory")
    assert not olga.unblock("mallory").account.blocked


def test_what_works_after_the_gate_was_passed_by_and_closes_it_again(olga: Responding) -> None:
    state = olga.draw("account", "alice")
    olga.approve(state.digest)
    olga.run(state.digest)
    olga.verify(state.digest)
    olga.waive(state.digest, ["factor"], "by post")
    olga.directory.unblock("alice")  # somebody else's program
    olga.directory.issue_token("alice", "new", [Scope.API], by=olga.directory.account("alice").ref)
    olga.directory.block("alice")
    with pytest.raises(GateClosed, match="missing: new, indicators"):
        olga.unblock("alice")


def test_a_world_that_has_changed_is_drawn_again_with_what_is_new(olga: Responding) -> None:
    state = olga.draw("account", "alice")
    olga.approve(state.digest)
    (first, *_) = [each for each in olga.directory.credentials("alice") if each.kind is CredentialKind.PERSONAL]
    olga.directory.revoke(first.ref)
    with pytest.raises(WorldChanged, match="revoked was None"):
        olga.run(state.digest)
    assert not olga.directory.account("alice").blocked
    again = olga.draw_again(state)
    assert again.digest != state.digest
    assert first.ref not in {each.step.target for each in again.steps}
    assert again.plan.incident == state.plan.incident


def test_undo_gives_back_exactly_what_the_plan_says(olga: Responding) -> None:
    token = plain_token(olga.directory)
    state = olga.draw("account", "alice")
    olga.approve(state.digest)
    olga.run(state.digest)
    with pytest.raises(GateClosed, match="missing: verified"):
        olga.undo(state.digest)
    olga.verify(state.digest)
    assert olga.undo(state.digest).called == "undone"
    assert olga.directory.authenticate_token(token, time.time()).account.name == "alice"
    with pytest.raises(Refused):
        olga.directory.authenticate("alice", PASSWORD, time.time())  # the plan said that this cannot be undone


def test_where_two_must_approve_two_must_want_it_undone(config: Path) -> None:
    config.write_text(config.read_text() + '[respond]\napprovals = 2\napprovers = ["olga", "omar"]\n')
    with Stockade(load(config), by="olga").responding() as olga:
        state = olga.draw("account", "alice")
        olga.approve(state.digest)
        with pytest.raises(Refused, match="may not approve"):
            by("mallory", olga).approve(state.digest)
        by("omar", olga).approve(state.digest, [Tactic.ISOLATE])
        run = olga.run(state.digest)
        assert {each.step.tactic for each in run.at(Progress.DONE)} == {
            Tactic.PRESERVE,
            Tactic.ISOLATE,
            Tactic.DETECT,
        }
        olga.waive(state.digest, ["contained", "verified", "factor"], "the rest is not wanted")
        assert olga.undo(state.digest).called == "begun"
        assert olga.directory.account("alice").blocked
        assert by("omar", olga).undo(state.digest).called == "undone"
        assert not olga.directory.account("alice").blocked


def test_who_takes_a_plan_back_past_the_gate_needs_a_second_person_whatever_an_approval_needs(olga: Responding) -> None:
    state = olga.draw("account", "alice")
    olga.approve(state.digest)
    olga.run(state.digest)
    with pytest.raises(ConfigurationError, match="has to say why"):
        olga.undo(state.digest, override=True)
    for _ in range(2):
        waiting = olga.undo(state.digest, reason="a false alarm", override=True)
        assert (waiting.called, olga.undo_waits_for(waiting)) == ("contained, unverified", 1)
    assert olga.directory.account("alice").blocked
    assert by("omar", olga).undo(state.digest, reason="it is", override=True).called == "undone"
    assert not olga.directory.account("alice").blocked
    answered = [entry.event for entry in olga.plan(state.digest).entries if entry.event.action == "gate.override"]
    assert [event.details["reason"] for event in answered] == ["a false alarm", "it is"]


def test_a_directory_that_is_down_leaves_its_steps_waiting_and_the_run_goes_on_when_it_answers(
    olga: Responding, config: Path
) -> None:
    state = olga.draw("account", "alice")
    olga.approve(state.digest, [Tactic.ISOLATE])
    olga.run(state.digest)
    olga.approve(state.digest)
    held = sqlite3.connect(config.with_name("state") / "directory.sqlite3", isolation_level=None)
    held.execute("begin exclusive")
    try:
        waiting = olga.run(state.digest)
    finally:
        held.close()
    assert waiting.called == "waiting"
    assert {each.step.verb for each in waiting.at(Progress.WAITING)} >= {"token.revoke", "password.reset"}
    assert not waiting.at(Progress.FAILED)
    assert olga.run(state.digest, resume=True).called == "contained, unverified"


def test_only_one_takes_steps_at_a_time_and_the_other_is_told_who(olga: Responding) -> None:
    state = olga.draw("account", "alice")
    olga.approve(state.digest)
    told: list[str] = []

    def meanwhile(*_: object) -> None:
        with pytest.raises(Unavailable, match="by olga, process") as refused:
            by("omar", olga).run(state.digest)
        told.append(str(refused.value))

    olga.run(state.digest, meanwhile)
    assert told


def test_a_plan_that_was_never_begun_is_not_resumed(olga: Responding) -> None:
    state = olga.draw("account", "alice")
    olga.approve(state.digest)
    with pytest.raises(Refused, match="never begun"):
        olga.run(state.digest, resume=True)


def test_evidence_is_in_the_log_before_anything_is_touched(olga: Responding, config: Path) -> None:
    from stockade.audit.reading import entries

    state = olga.draw("account", "alice")
    olga.approve(state.digest)
    olga.run(state.digest)
    told = [entry.event for entry in entries(config.with_name("state") / "audit", 0)]
    (sealed,) = [event for event in told if event.action == "evidence.seal"]
    assert told.index(sealed) < min(told.index(e) for e in told if e.action == "user.block")
    credentials = sealed.details["credentials"]
    assert isinstance(credentials, list)
    assert {each["kind"] for each in credentials} >= {"password", "session", "personal"}
    assert isinstance(sealed.details["head"], dict)
    assert sealed.details["head"]["size"] > 0


# ── tokens and bots ──────────────────────────────────────────────────────────────────────────────


def test_a_leaked_token_is_found_by_its_text_alone_and_revoked(olga: Responding) -> None:
    plain = plain_token(olga.directory)
    leaked = olga.token(None, plain)
    assert (leaked.holder, leaked.name) == ("alice", "leaked")
    state = olga.draw("token", leaked.holder, token=leaked)
    assert plain not in str(state.plan)
    olga.approve(state.digest)
    olga.run(state.digest)
    assert olga.directory.credential(leaked.ref).revoked is not None
    assert not olga.directory.account("alice").blocked
    with pytest.raises(UnknownToken):
        olga.token(None, plain + "x")


def test_a_bot_keeps_working_until_its_successor_is_in_place(config: Path) -> None:
    handed: dict[str, str] = {}
    with Stockade(load(config), by="olga").responding(lambda ref, secret: handed.update({str(ref): secret})) as olga:
        olga.directory.create_account("ci", AccountKind.BOT)
        old, text = olga.directory.issue_token("ci", "deploys", [Scope.READ_REPOSITORY])
        state = olga.draw("bot", "ci")
        olga.approve(state.digest)
        olga.run(state.digest)
        now = time.time()
        (successor,) = handed.values()
        for each in (str.__str__(text), successor):
            assert olga.directory.authenticate_token(each, now).account.name == "ci"
        (put,) = [each.number for each in olga.plan(state.digest).steps if each.step.verb == "token.replace"]
        olga.done(state.digest, [put], "in the vault")
        olga.run(state.digest, resume=True)
        assert olga.directory.credential(old.ref).revoked is not None
        assert olga.directory.authenticate_token(successor, now).account.name == "ci"


# ── break-glass ──────────────────────────────────────────────────────────────────────────────────


def test_a_lock_shuts_out_at_once_and_lapses_by_itself(olga: Responding) -> None:
    now = time.time()
    locked = olga.lock("alice", 7200, "it looks bad")
    assert locked.locked is not None
    with pytest.raises(AccountBlocked):
        olga.directory.authenticate("alice", PASSWORD, now + 1)
    assert olga.directory.authenticate("alice", PASSWORD, locked.locked + 1).account.name == "alice"
    olga.unlock("alice")
    assert olga.directory.authenticate("alice", PASSWORD, now + 1).account.name == "alice"


@pytest.mark.parametrize("name", ["root", "olga"])
def test_nobody_locks_out_the_last_administrator_or_themselves_without_saying_it_twice(
    olga: Responding, name: str
) -> None:
    olga.directory.create_account("olga", AccountKind.HUMAN, PASSWORD)
    for refused in (lambda: olga.lock(name, 60), lambda: olga.draw("account", name)):
        with pytest.raises(Refused, match="--even-me"):
            refused()
    assert list(journal.telling(olga._log, re.compile(b"incident.open"))) == []  # what is refused leaves none behind
    assert olga.lock(name, 60, even_me=True).locked is not None
    assert olga.draw("account", name, even_me=True).called == "drawn"


def test_one_who_has_become_the_last_administrator_is_not_blocked_by_an_older_plan(olga: Responding) -> None:
    olga.directory.create_account("ada", AccountKind.HUMAN, PASSWORD, admin=True)
    state = olga.draw("account", "ada")
    olga.approve(state.digest)
    olga.directory.block("root")
    with pytest.raises(Refused, match="last administrator"):
        olga.run(state.digest)


def test_a_suspect_of_a_machine_who_has_become_the_last_administrator_is_not_blocked_by_an_older_plan(
    olga: Responding,
) -> None:
    olga.directory.create_account("ada", AccountKind.HUMAN, PASSWORD, admin=True)
    state = olga.draw_machine(Asked("web9", 0.0, time.time(), "", frozenset({"ada"}), here=False))
    olga.approve(state.digest)
    olga.directory.block("root")
    with pytest.raises(Refused, match="ada is the last administrator"):
        olga.run(state.digest)
    assert not olga.plan(state.digest).begun
    (block,) = [each.number for each in state.steps if each.step.verb == "user.block"]
    olga.waive(state.digest, [str(block)], "we need her")
    assert olga.run(state.digest).begun
    assert not olga.directory.account("ada").blocked


def test_suspects_who_are_all_the_administrators_there_are_are_not_shut_out_together(olga: Responding) -> None:
    olga.directory.create_account("ada", AccountKind.HUMAN, PASSWORD, admin=True)
    asked = Asked("web9", 0.0, time.time(), "", frozenset({"ada", "root"}), here=False)
    with pytest.raises(Refused, match="ada and root are the last administrators"):
        olga.draw_machine(asked)
    assert olga.draw_machine(asked, even_me=True).called == "drawn"


def test_nobody_is_blocked_unasked_because_a_suspect_has_made_their_account(olga: Responding) -> None:
    olga.directory.create_account("olga", AccountKind.HUMAN, PASSWORD, by=olga.directory.account("alice").ref)
    with pytest.raises(Refused, match="olga is you"):
        olga.draw("account", "alice")
    leaked = olga.token(None, plain_token(olga.directory))
    with pytest.raises(Refused, match="olga is you"):
        olga.draw("token", "alice", token=leaked)
    assert olga.draw("token", "alice", token=leaked, even_me=True).called == "drawn"


# ── one plan after another ───────────────────────────────────────────────────────────────────────


def carried_out(olga: Responding, state: PlanState) -> PlanState:
    olga.approve(state.digest)
    return olga.run(state.digest)


def test_a_smaller_plan_drawn_later_does_not_open_the_gate_of_the_first(olga: Responding) -> None:
    first = carried_out(olga, olga.draw("account", "alice"))
    later = carried_out(olga, olga.draw("account", "alice", since=time.time()))
    olga.verify(later.digest)
    with pytest.raises(GateClosed, match="missing: verified") as closed:
        olga.unblock("alice")
    assert closed.value.state.digest == first.digest
    with pytest.raises(GateClosed):
        olga.unblock("ghost")  # made through her, and blocked by her plan
    olga.unblock("alice", "the demo", override=True)
    assert not by("omar", olga).unblock("alice", "the demo", override=True).account.blocked
    assert {olga.plan(each.digest).called for each in (first, later)} == {"over"}


def test_what_was_shut_out_again_since_is_not_given_back_by_undoing_the_first_plan(olga: Responding) -> None:
    leaked = olga.token(None, plain_token(olga.directory))
    first = carried_out(olga, olga.draw("token", "alice", token=leaked))
    later = carried_out(olga, olga.draw("account", "alice"))
    for each in (first, later):
        olga.verify(each.digest)
    with pytest.raises(Refused, match=f"plan {later.digest[:12]} is under way") as refused:
        olga.undo(first.digest)
    assert refused.value.remedy == f"stockade undo {later.digest[:12]} comes first, or the end of that plan."
    assert olga.undo(later.digest).called == "undone"
    assert olga.undo(first.digest).called == "undone"


def test_whom_a_machine_s_plan_suspects_is_under_it_though_blocked_before(olga: Responding) -> None:
    olga.directory.block("alice")
    state = olga.draw_machine(Asked("web9", 0.0, time.time(), "", frozenset({"alice"}), here=False))
    carried_out(olga, state)
    with pytest.raises(GateClosed):
        olga.unblock("alice")


def test_undo_leaves_alone_what_somebody_else_has_changed_since(olga: Responding) -> None:
    state = carried_out(olga, olga.draw("account", "alice"))
    olga.verify(state.digest)
    olga.directory.add_member("mallory", "web/shop", Level.MAINTAINER)  # the plan took away that she was owner
    undone = olga.undo(state.digest)
    (member,) = [each for each in undone.steps if each.step.verb == "member.remove"]
    assert (member.progress, member.note) == (Progress.UNDONE, "somebody else has changed it since: left as it is")
    (held,) = olga.directory.memberships("mallory")
    assert held.level is Level.MAINTAINER


# ── who may decide ───────────────────────────────────────────────────────────────────────────────


def test_whom_a_plan_is_about_decides_nothing_about_it(olga: Responding) -> None:
    account = olga.draw("account", "alice")
    machine = olga.draw_machine(Asked("web9", 0.0, time.time(), "", frozenset({"alice"}), here=False))
    alice, ghost = by("alice", olga), by("Ghost", olga)
    for state in (account, machine):
        for decide in (
            alice.approve,
            lambda digest: alice.waive(digest, ["sinks"], "never mind"),
            lambda digest: alice.done(digest, [1]),
        ):
            with pytest.raises(Refused, match="alice is whom the plan is about"):
                decide(state.digest)
    with pytest.raises(Refused, match="Ghost is whom the plan is about"):
        ghost.approve(account.digest)  # made through alice, and blocked with her
    olga.approve(account.digest)
    olga.run(account.digest)
    with pytest.raises(Refused, match="alice is whom the plan is about"):
        alice.unblock("alice", "it was not me", override=True)
    assert not olga.plan(account.digest).overrides


def test_the_yes_of_somebody_who_is_shut_out_since_or_may_not_any_more_does_not_count(config: Path) -> None:
    config.write_text(config.read_text() + "[respond]\napprovals = 2\n")
    with Stockade(load(config), by="olga").responding() as olga:
        state = olga.draw("account", "alice")
        olga.approve(state.digest)
        by("mallory", olga).approve(state.digest)
        olga.directory.block("mallory")
        with pytest.raises(Refused, match="not approved"):
            olga.run(state.digest)
        with pytest.raises(Refused, match="mallory is shut out"):
            by("mallory", olga).approve(state.digest)
    config.write_text(config.read_text() + 'approvers = ["omar", "ruth"]\n')
    with Stockade(load(config), by="omar").responding() as omar:
        assert omar.rule.missing(omar.approve(state.digest), Tactic.ISOLATE) == 1  # olga's counts no longer
