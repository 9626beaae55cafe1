"""What an account or a leaked token could reach: nothing is lost when it may do more, and a plain reading of the rules
agrees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.directory.accounts import (
    Account,
    AccountState,
    Credential,
    CredentialKind,
    Integration,
    IntegrationKind,
    Level,
    Membership,
    Scope,
)
from stockade.directory.powers import How, power_of
from stockade.directory.reach import Reach, Subject, Window, World, reach
from stockade.events import Entry, Event, Ref
from tests.directory import worlds
from tests.directory.worlds import DAY, KIND, NOW, PROJECTS, account, credential, member

WINDOW = Window(NOW - 10 * DAY, NOW)
PROJECT_PATHS = frozenset(PROJECTS)
EVERYBODY = {name: account(name) for name in worlds.NAMES}


def reached(
    secrets: Sequence[Credential],
    parts: Sequence[Membership] = (),
    *,
    who: Account = EVERYBODY["alice"],
    token: Credential | None = None,
    entries: Sequence[Event] = (),
    integrations: Sequence[Integration] = (),
) -> Reach:
    known = {**EVERYBODY, who.name: who}
    world = World(known, secrets, parts, integrations, PROJECT_PATHS)
    log = [Entry(at, event.time, event) for at, event in enumerate(entries)]
    return reach(world, Subject(who, token), WINDOW, log)


def found(whole: Reach) -> dict[Ref, How]:
    return {each.ref: each.how for each in whole.secrets}


# ── the rules, read plainly ──────────────────────────────────────────────────────────────────────


def above(path: str) -> set[str]:
    parts = path.split("/")
    return {"/".join(parts[:count]) for count in range(1, len(parts) + 1)}


def plainly(secret: Credential, parts: Sequence[Membership], name: str) -> bool:
    """Whether somebody who is no administrator comes by a secret that is not its own, rule by rule as in the page."""
    mine, place = [part for part in parts if part.account == name], secret.within or ""
    here = max((part.level for part in mine if part.path in above(place)), default=0) if place else 0
    in_jobs = max((part.level for part in mine if not place or place in above(part.path)), default=0)
    needed = Level.MAINTAINER if place in PROJECT_PATHS else Level.OWNER
    if secret.kind is KIND.VARIABLE:
        prints = Level.MAINTAINER if "protected" in secret.traits else Level.DEVELOPER
        shown = here >= needed and "hidden" not in secret.traits
        return shown or max(here, in_jobs) >= prints
    return secret.kind in worlds.IN_PLACES and here >= needed


@given(worlds.credentials(), worlds.memberships)
def test_a_plain_reading_of_the_rules_agrees(secrets: list[Credential], parts: list[Membership]) -> None:
    expected = {
        each.ref
        for each in secrets
        if each.holder == "alice" or each.made_by == "alice" or plainly(each, parts, "alice")
    }
    assert set(found(reached(secrets, parts))) == expected


@given(worlds.credentials(), worlds.memberships, worlds.memberships, st.sampled_from([None, *CredentialKind]))
def test_nothing_is_lost_when_a_membership_is_raised_or_given(
    secrets: list[Credential], parts: list[Membership], more: list[Membership], kind: CredentialKind | None
) -> None:
    raised = [replace(part, level=max(Level.MAINTAINER, part.level)) for part in parts] + [
        part for part in more if not any((part.account, part.path) == (each.account, each.path) for each in parts)
    ]
    token = None if kind is None else credential(99, kind, "alice", within="shop/pay")
    before, after = (
        found(reached([*secrets, *([token] if token else [])], each, token=token)) for each in (parts, raised)
    )
    assert set(before) <= set(after)
    ways = list(How)
    assert all(ways.index(after[ref]) <= ways.index(how) for ref, how in before.items()), "and in no less sure a way"


@given(worlds.credentials(), worlds.memberships)
def test_an_administrator_reaches_all_that_anybody_does(secrets: list[Credential], parts: list[Membership]) -> None:
    admin = replace(EVERYBODY["alice"], admin=True)
    assert set(found(reached(secrets, parts))) <= set(found(reached(secrets, parts, who=admin)))


@given(
    worlds.credentials(), worlds.memberships, st.sampled_from(CredentialKind), st.sampled_from([None, *worlds.PLACES])
)
def test_a_token_reaches_no_more_than_its_holder_but_for_what_runs_jobs(
    secrets: list[Credential], parts: list[Membership], kind: CredentialKind, within: str | None
) -> None:
    token = credential(99, kind, "alice", within=within)
    by_token = set(found(reached([*secrets, token], parts, token=token)))
    by_account = set(found(reached([*secrets, token], parts)))
    if kind not in {KIND.RUNNER, KIND.REGISTRATION, KIND.DEPLOY_KEY}:
        assert by_token <= by_account


@given(worlds.credentials(), worlds.memberships)
def test_every_line_says_why(secrets: list[Credential], parts: list[Membership]) -> None:
    for each in reached(secrets, parts).secrets:
        assert each.thing.name in each.why
        if each.how in {How.READS, How.PRINTS, How.MANAGES}:
            assert " of " in each.why
            assert " since " in each.why


# ── stories ──────────────────────────────────────────────────────────────────────────────────────

PROD_KEY = credential(1, KIND.VARIABLE, name="PROD_KEY", within="shop/pay/api", traits=frozenset({"protected"}))
TEST_KEY = credential(2, KIND.VARIABLE, name="TEST_KEY", within="shop/pay")
LICENSE = credential(3, KIND.VARIABLE, name="LICENSE", within="")


def test_a_developer_prints_what_is_not_protected_in_the_groups_above_too() -> None:
    parts = [member("alice", "shop/pay/api", Level.DEVELOPER)]
    assert found(reached([PROD_KEY, TEST_KEY, LICENSE], parts)) == {
        TEST_KEY.ref: How.PRINTS,
        LICENSE.ref: How.PRINTS,
    }


def test_a_developer_who_may_push_to_protected_branches_prints_everything() -> None:
    world = World(EVERYBODY, [PROD_KEY], [member("alice", "shop/pay/api", Level.DEVELOPER)], (), PROJECT_PATHS)
    whole = reach(world, Subject(EVERYBODY["alice"]), WINDOW, protected=Level.DEVELOPER)
    assert found(whole) == {PROD_KEY.ref: How.PRINTS}


def test_a_maintainer_of_a_group_reads_the_values_in_its_projects_and_prints_those_of_the_group() -> None:
    whole = reached([PROD_KEY, TEST_KEY], [member("alice", "shop/pay", Level.MAINTAINER)])
    assert found(whole) == {PROD_KEY.ref: How.READS, TEST_KEY.ref: How.PRINTS}
    assert (
        whole.secrets[0].why == "maintainer of shop/pay since 2026-06-29; variable PROD_KEY of shop/pay/api, protected"
    )


def test_a_hidden_value_is_not_shown_but_printed() -> None:
    hidden = PROD_KEY._replace(traits=PROD_KEY.traits | {"hidden"})
    assert found(reached([hidden], [member("alice", "shop/pay/api", Level.OWNER)])) == {hidden.ref: How.PRINTS}


def test_a_reporter_reaches_no_secret_but_reads_repositories_and_images() -> None:
    whole = reached([PROD_KEY, TEST_KEY, LICENSE], [member("alice", "shop", Level.REPORTER)])
    assert whole.secrets == ()
    assert [(each.path, each.can) for each in whole.access] == [("shop", "read repositories and images")]
    assert [each.what for each in whole.mints] == ["personal tokens, SSH keys and grants of its own"]


def test_a_membership_that_ended_before_the_window_or_began_behind_it_does_not_count() -> None:
    ended = member("alice", "shop/pay/api", Level.OWNER, expires=WINDOW.since - 1)
    begun = member("alice", "shop/pay", Level.OWNER, since=WINDOW.until + 1)
    assert found(reached([PROD_KEY, TEST_KEY], [ended, begun])) == {}
    assert found(reached([PROD_KEY], [replace(ended, expires=WINDOW.since + 1)])) == {PROD_KEY.ref: How.READS}


def test_a_membership_that_was_taken_away_meanwhile_counts_when_the_log_tells_of_it() -> None:
    alice, path = EVERYBODY["alice"].ref, {"path": "shop/pay/api"}
    given_ = Event(NOW - 300 * DAY, "member.add", None, alice, details={**path, "level": "developer"})
    taken = Event(NOW - DAY, "member.remove", None, alice, details=path)
    assert found(reached([TEST_KEY], entries=[given_, taken])) == {TEST_KEY.ref: How.PRINTS}
    assert found(reached([PROD_KEY], entries=[given_, taken])) == {}
    assert found(reached([PROD_KEY], entries=[taken])) == {PROD_KEY.ref: How.READS}, "no level is on record"
    assert found(reached([TEST_KEY], entries=[given_, replace(taken, time=WINDOW.since - 1)])) == {}


def test_a_blocked_account_has_reached_what_it_has_reached() -> None:
    blocked = replace(EVERYBODY["alice"], state=AccountState.BLOCKED)
    parts = [member("alice", "shop/pay/api", Level.MAINTAINER)]
    assert found(reached([PROD_KEY], parts, who=blocked)) == {PROD_KEY.ref: How.READS}


def test_what_was_made_when_it_was_blocked_already_was_not_within_its_reach() -> None:
    blocked = replace(EVERYBODY["alice"], state=AccountState.BLOCKED)
    parts = [member("alice", "shop/pay/api", Level.MAINTAINER)]
    before, since = (credential(at, KIND.PROJECT, "ci-bot", within="shop/pay/api", made=NOW - at) for at in (9, 1))
    block = Event(NOW - 5, "user.block", EVERYBODY["bob"].ref, blocked.ref)
    assert set(found(reached([before, since], parts, who=blocked, entries=[block]))) == {before.ref}
    again = EVERYBODY["alice"]
    assert set(found(reached([before, since], parts, who=again, entries=[block]))) == {before.ref, since.ref}


def test_what_had_ended_before_the_window_was_not_within_reach_and_what_ended_in_it_was() -> None:
    mine = credential(4, KIND.PERSONAL, "alice", revoked=WINDOW.since - 1)
    assert found(reached([mine])) == {}
    assert found(reached([mine._replace(revoked=WINDOW.since + 1)])) == {mine.ref: How.OWN}


def leaked(scopes: set[Scope], parts: list[Membership], *, within: str | None = None, admin: bool = False) -> set[Ref]:
    token = credential(50, KIND.PERSONAL, "alice", scopes=frozenset(scopes), within=within)
    other = credential(51, KIND.PERSONAL, "alice")
    who = replace(EVERYBODY["alice"], admin=admin)
    whole = reached([PROD_KEY, TEST_KEY, LICENSE, token, other], parts, who=who, token=token)
    return set(found(whole)) - {token.ref}


def test_a_token_that_reads_repositories_opens_no_secret_and_one_that_writes_prints_them() -> None:
    parts = [member("alice", "shop/pay/api", Level.MAINTAINER)]
    assert leaked({Scope.READ_REPOSITORY, Scope.READ_REGISTRY}, parts) == set()
    assert leaked({Scope.WRITE_REPOSITORY}, parts) == {PROD_KEY.ref, TEST_KEY.ref, LICENSE.ref}
    assert leaked({Scope.API}, parts) == {PROD_KEY.ref, TEST_KEY.ref, LICENSE.ref}


def test_a_confined_token_reaches_what_its_place_is_given_and_no_other_place() -> None:
    parts = [member("alice", "shop", Level.OWNER)]
    assert leaked({Scope.API}, parts, within="shop/web") == {LICENSE.ref}
    assert leaked({Scope.API}, parts, within="shop/pay/api") == {PROD_KEY.ref, TEST_KEY.ref, LICENSE.ref}
    assert leaked({Scope.API}, parts, within="tools") == set()
    assert leaked({Scope.API}, [], within="shop/web", admin=True) == {LICENSE.ref}


def test_the_other_credentials_of_its_holder_are_not_within_a_tokens_reach() -> None:
    assert leaked({Scope.API}, []) == set()


@pytest.mark.parametrize("kind", [KIND.RUNNER, KIND.REGISTRATION])
def test_who_runs_jobs_is_given_every_variable_protected_or_not(kind: CredentialKind) -> None:
    token = credential(50, kind, "bob", within="shop/pay", scopes=frozenset())
    whole = reached([PROD_KEY, TEST_KEY, LICENSE, token], who=EVERYBODY["bob"], token=token)
    assert set(found(whole)) == {token.ref, PROD_KEY.ref, TEST_KEY.ref, LICENSE.ref}


def test_a_deploy_key_prints_where_it_writes_and_nothing_where_it_only_reads() -> None:
    key = credential(50, KIND.DEPLOY_KEY, "", within="shop/pay/api")
    power = power_of(key)
    assert power.reaches(TEST_KEY) is not None
    assert power.reaches(PROD_KEY) is None
    assert power_of(key._replace(traits=frozenset({"read-only"}))).reaches(TEST_KEY) is None


def test_all_that_it_made_in_the_window_is_told_by_the_directory_or_by_the_log() -> None:
    planted = credential(60, KIND.SSH_KEY, "bob", made=NOW - DAY, made_by="alice", name="backup")
    older = credential(61, KIND.PROJECT, "ci-bot", within="shop/web", made=NOW - 90 * DAY, made_by="alice")
    hook = Integration(7, IntegrationKind.GITHOOK, "shop/web", "pre-receive", NOW - DAY, "alice")
    alice = EVERYBODY["alice"].ref
    gone = Ref("stockade", "token", "62")
    log = [
        Event(NOW - DAY, "key.add", alice, planted.ref),
        Event(NOW - DAY, "token.create", alice, gone),
        Event(NOW - DAY, "user.create", alice, Ref("stockade", "user", "mallory")),
        Event(NOW - DAY, "user.create", alice, Ref("stockade", "user", "nobody"), outcome="failure"),
        Event(NOW - 20 * DAY, "token.create", alice, Ref("stockade", "token", "63")),
        Event(NOW - DAY, "token.create", EVERYBODY["bob"].ref, Ref("stockade", "token", "64")),
    ]
    whole = reached([planted, older], integrations=[hook], entries=log)
    assert {str(deed.ref): deed.entries for deed in whole.made} == {
        "stockade:key/60": ("#0",),
        "stockade:githook/7": (),
        "stockade:token/62": ("#1",),
        "stockade:user/mallory": ("#2",),
    }
    assert found(whole) == {planted.ref: How.MADE, older.ref: How.MADE}
    assert {each.ref: each.fresh for each in whole.secrets} == {planted.ref: True, older.ref: False}


def test_a_line_says_whether_the_log_shows_that_it_was_read_or_used() -> None:
    alice = EVERYBODY["alice"].ref
    mine = credential(70, KIND.PERSONAL, "alice")
    log = [
        Event(NOW - 3, "variable.read", alice, PROD_KEY.ref),
        Event(NOW - 2, "variable.read", alice, PROD_KEY.ref),
        Event(NOW - 2, "variable.read", EVERYBODY["bob"].ref, PROD_KEY.ref),
        Event(NOW - 1, "authentication.success", alice, alice, details={"credential": str(mine.ref)}),
        Event(NOW - 1, "authentication.success", alice, alice, details={"credential": "nonsense"}),
        Event(NOW - 1, "variable.read", alice, TEST_KEY.ref, outcome="refused"),
    ]
    whole = reached([PROD_KEY, TEST_KEY, mine], [member("alice", "shop/pay", Level.MAINTAINER)], entries=log)
    seen = {each.thing.name: str(each.seen) for each in whole.secrets if each.seen}
    assert seen == {"PROD_KEY": "read 2 times (#0, #1)", mine.name: "used (#3)"}
    assert {each.thing.name: each.seen for each in whole.secrets}["TEST_KEY"] is None


def test_what_it_could_make_depends_on_its_level_and_an_administrator_can_be_anybody() -> None:
    minted = {each.what: each.path for each in reached([], [member("alice", "shop/pay", Level.MAINTAINER)]).mints}
    assert "pipelines, and with them job tokens" in minted
    assert any(what.startswith("project, deploy and trigger tokens") for what in minted)
    assert "group tokens" not in minted
    admin = replace(EVERYBODY["alice"], admin=True)
    assert any("impersonation tokens of everybody" in each.what for each in reached([], who=admin).mints)
