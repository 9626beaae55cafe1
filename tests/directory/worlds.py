"""Small worlds to look into: nested groups, people and bots at every level, secrets everywhere."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from stockade.directory.accounts import (
    Account,
    AccountKind,
    AccountState,
    Credential,
    CredentialKind,
    Level,
    Membership,
    Scope,
)

NOW = 1_800_000_000.0
DAY = 86_400.0
KIND = CredentialKind
GROUPS = ("shop", "shop/pay", "shop/pay/eu", "tools")
PROJECTS = ("shop/web", "shop/pay/api", "shop/pay/eu/tax", "tools/ci")
PLACES = (*GROUPS, *PROJECTS)
NAMES = ("alice", "bob", "ci-bot")
IN_PLACES = (KIND.VARIABLE, KIND.RUNNER, KIND.REGISTRATION, KIND.WEBHOOK, KIND.MIRROR, KIND.DEPLOY, KIND.DEPLOY_KEY,
             KIND.TRIGGER, KIND.PROJECT, KIND.GROUP)  # fmt: skip


def account(name: str, **more: object) -> Account:
    kind = AccountKind.BOT if name.endswith("bot") else AccountKind.HUMAN
    made = Account(NAMES.index(name) + 1 if name in NAMES else 99, name, kind, AccountState.ACTIVE, None, 0.0)
    return replace(made, **more)  # type: ignore[arg-type]


def credential(number: int, kind: CredentialKind, holder: str = "", **more: object) -> Credential:
    made = Credential(number, kind, holder, f"{kind.value}-{number}", frozenset({Scope.API}), NOW - 100 * DAY)
    return made._replace(**more)  # type: ignore[arg-type]


def member(name: str, path: str, level: Level, **more: object) -> Membership:
    return replace(Membership(name, path, level, NOW - 200 * DAY), **more)  # type: ignore[arg-type]


levels = st.sampled_from(Level)
memberships = st.lists(
    st.builds(member, st.sampled_from(NAMES), st.sampled_from(PLACES), levels),
    max_size=6,
    unique_by=lambda part: (part.account, part.path),
)


@st.composite
def credentials(draw: st.DrawFn) -> list[Credential]:
    """Secrets of every kind, numbered, some of nobody, some confined, some protected or hidden."""
    kinds = draw(st.lists(st.sampled_from(CredentialKind), max_size=14))
    return [_drawn(draw, number, kind) for number, kind in enumerate(kinds, 1)]


def _drawn(draw: st.DrawFn, number: int, kind: CredentialKind) -> Credential:
    placed = kind in IN_PLACES
    places = ("", *PLACES) if kind in {KIND.VARIABLE, KIND.RUNNER, KIND.REGISTRATION} else PLACES
    return credential(
        number,
        kind,
        "" if kind is KIND.VARIABLE else draw(st.sampled_from(NAMES)),
        within=draw(st.sampled_from(places)) if placed else None,
        made_by=draw(st.sampled_from((None, *NAMES))),
        traits=frozenset(draw(st.sets(st.sampled_from(("protected", "hidden", "read-only"))))),
        scopes=frozenset(draw(st.sets(st.sampled_from(Scope), min_size=1))),
    )
