"""What to do, in the order in which it helps: a world goes in, steps come out. Nothing is done here.

Each playbook yields steps in this order, and leaves out what there is nothing of: seal evidence, isolate, evict,
harden, restore, watch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from stockade.directory.accounts import KEY_KINDS, TOKEN_KINDS, CredentialKind
from stockade.respond.moves import (
    block,
    called,
    disable_made,
    end_sessions,
    ended,
    key_replaced,
    new_password,
    remove_foreign_factors,
    require_factor,
    revoke_own,
    revoked_leaked,
    rotate_reached,
    rotated,
    seal,
    succeeded,
    watch,
)
from stockade.respond.world import World
from stockade.steps import Step, Tactic

Playbook = Callable[[World], Iterator[Step]]


def account(world: World) -> Iterator[Step]:
    """A person's account that is thought to be in strange hands (GitLab, "Suspected compromised user account")."""
    yield seal(world)
    yield from block(world)
    yield end_sessions(world)
    yield from revoke_own(world)
    yield from remove_foreign_factors(world)
    yield from disable_made(world)
    yield from rotate_reached(world)
    yield from new_password(world)
    yield require_factor(world)
    yield watch(world)


def token(world: World) -> Iterator[Step]:
    """A token that has leaked: it is revoked, or rotated where something needs it, and then what it could open."""
    assert world.token is not None  # noqa: S101  this playbook is about one
    yield seal(world)
    yield rotated(world, world.token) if world.rotate else revoked_leaked(world, world.token)
    yield from disable_made(world)
    yield from rotate_reached(world)
    yield watch(world)


def bot(world: World) -> Iterator[Step]:
    """A program's account: what it needs is replaced before it is revoked, so that its service stays up."""
    steps: list[Step] = []
    steps.append(seal(world))
    steps.append(end_sessions(world))
    for each in world.holds:
        if each.kind in TOKEN_KINDS:
            steps.extend(succeeded(world, each, len(steps)))
        elif each.kind in KEY_KINDS:
            steps.extend(key_replaced(world, each, len(steps)))
        elif each.kind is CredentialKind.GRANT:
            steps.append(ended(world, each, Tactic.EVICT, f"{called(each)} acts for {each.holder}", "it asks again"))
    yield from steps
    yield from remove_foreign_factors(world)
    yield from disable_made(world)
    yield from rotate_reached(world)
    yield watch(world)


PLAYBOOKS: Final[Mapping[str, Playbook]] = {"account": account, "token": token, "bot": bot}
"""The playbooks by name."""
