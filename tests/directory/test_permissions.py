"""Whatever the grants are, nothing is ever allowed that no rule gives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stockade.directory import Account, AccountKind, AccountState, Level, Membership, Scope, Visibility, allowed

NAMES = st.sampled_from(["a", "ab", "b"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
MEMBERSHIPS = st.lists(
    st.builds(Membership, st.sampled_from(["alice", "bob"]), PATHS, st.sampled_from(Level)), max_size=4
)
SCOPES = st.frozensets(st.sampled_from(Scope))
SERVICES = st.sampled_from(["repository", "registry"])


def account(*, state: AccountState = AccountState.ACTIVE, admin: bool = False) -> Account:
    return Account(1, "alice", AccountKind.HUMAN, state, None, 0.0, admin)


@given(PATHS, MEMBERSHIPS, SCOPES, SERVICES, st.none() | PATHS)
def test_who_may_write_is_developer_above_the_path_with_a_scope_to_write(
    path: str, memberships: list[Membership], scopes: frozenset[Scope], service: str, within: str | None
) -> None:
    found = allowed(
        account(),
        scopes,
        path,
        visibility=Visibility.PRIVATE,
        now=0.0,
        memberships=memberships,
        service="registry" if service == "registry" else "repository",
        within=within,
    )
    above = [m for m in memberships if m.account == "alice" and f"{path}/".startswith(f"{m.path}/")]
    inside = within is None or f"{path}/".startswith(f"{within}/")
    scoped = bool(scopes & {Scope.API, Scope(f"write_{service}")})
    assert ("write" in found) == (inside and scoped and any(m.level >= Level.DEVELOPER for m in above))
    assert "read" in found or not found


@given(PATHS, MEMBERSHIPS, SCOPES, st.none() | st.sampled_from(Visibility), st.booleans())
def test_the_blocked_may_nothing(
    path: str, memberships: list[Membership], scopes: frozenset[Scope], visibility: Visibility | None, admin: bool
) -> None:
    blocked = account(state=AccountState.BLOCKED, admin=admin)
    assert not allowed(blocked, scopes, path, visibility=visibility, now=0.0, memberships=memberships)


@given(PATHS, MEMBERSHIPS, SCOPES)
def test_where_there_is_no_project_members_may_nothing(
    path: str, memberships: list[Membership], scopes: frozenset[Scope]
) -> None:
    assert not allowed(account(), scopes, path, visibility=None, now=0.0, memberships=memberships)


@given(PATHS, MEMBERSHIPS, SCOPES)
def test_an_account_may_at_least_what_anybody_may(
    path: str, memberships: list[Membership], scopes: frozenset[Scope]
) -> None:
    found = allowed(account(), scopes, path, visibility=Visibility.PUBLIC, now=0.0, memberships=memberships)
    assert found >= allowed(None, frozenset(), path, visibility=Visibility.PUBLIC, now=0.0)
