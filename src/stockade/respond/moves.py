"""The moves of which playbooks are made: one change each, with its reason, its effect, and the step that takes it back.

A step's undo is made of what was seen when it was drawn; where there is none, it cannot be undone, and the plan says
so. Nothing is done here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from stockade.directory.accounts import (
    FACTOR_KINDS,
    KEY_KINDS,
    TOKEN_KINDS,
    Account,
    Credential,
    CredentialKind,
    Integration,
    Membership,
)
from stockade.events import Ref
from stockade.respond.world import OWN_WAYS_IN, Made, Reached, World
from stockade.steps import Step, Tactic

WATCHED: Final = 30 * 86400.0
"""Seconds for which is watched what the account and its strange addresses do."""
OVERLAP: Final = 7 * 86400.0
"""Seconds for which a program's old token goes on beside its successor, unless it is revoked before."""
RECENT: Final = 86400.0
"""A credential that was used in so many seconds is in use."""
ENDS: Final[Mapping[str, tuple[str, str]]] = {
    "token": ("token.revoke", "token.restore"),
    "key": ("key.remove", "key.restore"),
    "factor": ("factor.remove", "factor.restore"),
    "grant": ("grant.revoke", "grant.restore"),
    "application": ("application.remove", "application.restore"),
    "email": ("email.remove", "email.restore"),
    "identity": ("identity.unlink", "identity.link"),
    "runner": ("runner.pause", "runner.resume"),
    "webhook": ("webhook.pause", "webhook.resume"),
    "githook": ("githook.pause", "githook.resume"),
    "mirror": ("mirror.pause", "mirror.resume"),
    "schedule": ("schedule.pause", "schedule.resume"),
    "variable": ("variable.remove", "variable.restore"),
    "user": ("user.block", "user.unblock"),
}
"""By noun: what puts a thing out of use, and what puts it back."""
_TREATED: Final = TOKEN_KINDS | KEY_KINDS | FACTOR_KINDS | OWN_WAYS_IN | {CredentialKind.GRANT}
"""Kinds of what an account holds itself, which are ended or kept by rules of their own."""
_DEPENDS: Final[Mapping[str, tuple[str, ...]]] = {"user": ("state",)}
"""What of a target steps depend on, where it is not all that is seen."""


# ── preserve, isolate ────────────────────────────────────────────────────────────────────────────


def seal(world: World) -> Step:
    """Put down what there is before anything is touched."""
    return Step(
        "evidence.seal",
        world.account.ref,
        Tactic.PRESERVE,
        "what is there now is put down before anything is touched",
        "the log's signed head, everything the account holds and its timeline are in the log",
        details={"seal": f"{world.incident} {world.now}", "since": world.since, "until": world.until},
    )


def block(world: World) -> Iterator[Step]:
    """Shut the account out at every door, unless it is."""
    if not world.account.blocked:
        effect = f"{world.account.name} is refused on Git, registry, SSH and web at once"
        yield ended(world, world.account, Tactic.ISOLATE, "whoever has the account is out at every door", effect)


def end_sessions(world: World) -> Step:
    """End what is open of the account."""
    count = sum(each.kind is CredentialKind.SESSION for each in world.holds)
    open_ = counted(count, "session") if count else "no session"
    reason = f"{open_} open now; a block or a new password alone does not end what is"
    return Step("session.end", world.account.ref, Tactic.ISOLATE, reason, "who is signed in has to sign in again")


# ── evict ────────────────────────────────────────────────────────────────────────────────────────


def revoke_own(world: World) -> Iterator[Step]:
    """Revoke tokens, keys and grants of the account, and the ways into it that were added in the window."""
    for each in world.holds:
        if each.kind in TOKEN_KINDS | KEY_KINDS | {CredentialKind.GRANT}:
            yield ended(world, each, Tactic.EVICT, _why_own(world, each), f"what uses {called(each)} stops")
        elif each.kind in OWN_WAYS_IN and world.within(each.made):
            reason = f"{called(each)} was added in the window, and leads into the account"
            yield ended(world, each, Tactic.EVICT, reason, "nobody comes in that way")


def _why_own(world: World, each: Credential) -> str:
    said = f"{called(each)} of {each.holder}"
    if world.within(each.made):
        said += ", made in the window"
    if each.last_used is not None:
        said += f", last used {_ago(world.now - each.last_used)}"
        said += f" from {each.last_address}" if each.last_address else ""
    return said


def remove_foreign_factors(world: World) -> Iterator[Step]:
    """Remove second factors that may be somebody else's."""
    for each, why in world.factors():
        yield ended(world, each, Tactic.EVICT, f"{called(each)}: {why}", "it opens nothing any more")


def disable_made(world: World) -> Iterator[Step]:
    """Stop what was made through the account in the window, and end the memberships it gave."""
    treated = {each.ref for each in world.holds if each.kind in _TREATED}
    for each in world.made:
        if isinstance(each, Membership):
            yield _member_removed(each)
        elif each.ref not in treated and each.ref.kind in ENDS and _alive(each, world.now):
            reason = f"{called(each)} was made by {world.account.name} in the window"
            yield ended(world, each, Tactic.EVICT, reason, "it stops")


def _alive(each: Made, now: float) -> bool:
    if isinstance(each, Account):
        return not each.blocked
    if isinstance(each, Integration):
        return each.revoked is None and each.paused is None
    return isinstance(each, Credential) and each.live(now)


def _member_removed(each: Membership) -> Step:
    target, details = Ref("stockade", "user", each.account), {"path": each.path, "level": each.level.name.lower()}
    reason = f"{each.account} became {each.level.name.lower()} of {each.path} through the account, in the window"
    undo = Step("member.add", target, Tactic.RESTORE, "undo", details=details | {"expires": each.expires})
    return Step("member.remove", target, Tactic.EVICT, reason, "the membership ends", undo, details=details)


def revoked_leaked(world: World, leaked: Credential) -> Step:
    """Revoke a token that has leaked, with the outage that it risks."""
    return ended(world, leaked, Tactic.EVICT, f"{called(leaked)} of {leaked.holder} has leaked", _risk(world, leaked))


def _risk(world: World, leaked: Credential) -> str:
    """What revoking may break."""
    if leaked.last_used is None:
        return "it was never used: nothing should stop"
    used = f"it was last used {_ago(world.now - leaked.last_used)}"
    used += f" from {leaked.last_address}" if leaked.last_address else ""
    if world.now - leaked.last_used > RECENT:
        return f"{used}: little should stop"
    return f"OUTAGE RISK: {used}, and whatever uses it stops at once; --rotate makes it a successor"


# ── restore ──────────────────────────────────────────────────────────────────────────────────────


def rotate_reached(world: World) -> Iterator[Step]:
    """Make anew what was within reach, in the order in which it came."""
    done = {each.ref for each in world.holds if each.kind in TOKEN_KINDS | KEY_KINDS}
    done |= {each.ref for each in world.made if not isinstance(each, Membership) and each.ref.kind in ENDS}
    for each in world.reached:
        if each.target not in done:
            yield rotate(each, _seen(world, each.target))


def rotate(each: Reached, seen: Mapping[str, object]) -> Step:
    """Make one secret anew, by its API or by hand; ``seen`` is what its system shows of it."""
    reason = f"{each.name}: {each.why}" + (f"; {each.used}" if each.used else "")
    by_hand = not each.verb
    if by_hand:
        ask = f"; ask {each.owner}" if each.owner else ""
        effect = (each.by_hand or "no program can replace it") + ask
    else:
        effect = "the old secret is dead; who uses it needs the new one"
    verb = each.verb or f"{each.target.kind}.rotate"
    return Step(verb, each.target, Tactic.RESTORE, reason, effect, by_hand=by_hand, expects=seen)


def rotated(world: World, leaked: Credential) -> Step:
    """Give a token that has leaked a successor, at once."""
    reason = f"{called(leaked)} of {leaked.holder} has leaked; {_risk(world, leaked).partition(';')[0]}"
    effect = "the old text is dead at once, and the new one is shown once: put it in at once"
    return Step("token.rotate", leaked.ref, Tactic.RESTORE, reason, effect, expects=_seen(world, leaked.ref))


def succeeded(world: World, old: Credential, before: int) -> Iterator[Step]:
    """A successor, a person who puts it in, and only then the end of the old one; ``before`` is how many steps come
    before.
    """
    reason = f"{called(old)} is what {old.holder} works with"
    effect = f"its successor is shown once; the old one goes on for {_days(OVERLAP)}"
    yield Step(
        "token.rotate",
        old.ref,
        Tactic.RESTORE,
        reason,
        effect,
        expects=_seen(world, old.ref),
        details={"overlap": OVERLAP},
    )
    where = f", last used from {old.last_address}" if old.last_address else ""
    put, after = f"the successor takes the place of {called(old)}{where}", {"after": before + 1}
    yield Step("token.replace", old.ref, Tactic.RESTORE, put, "the service goes on", by_hand=True, details=after)
    undo = Step("token.restore", old.ref, Tactic.RESTORE, "undo")
    gone, late = f"{called(old)} may be in strange hands", {"after": before + 2}
    yield Step("token.revoke", old.ref, Tactic.EVICT, gone, "the old text is dead", undo, details=late)


def key_replaced(world: World, old: Credential, before: int) -> Iterator[Step]:
    """Another key, by hand, and then the end of the old one; ``before`` is how many steps come before."""
    reason = f"{old.holder} needs another key before {called(old)} goes"
    yield Step("key.add", old.ref, Tactic.RESTORE, reason, "the service goes on", by_hand=True)
    gone = ended(world, old, Tactic.EVICT, f"{called(old)} may be in strange hands", "the old key opens nothing")
    yield replace(gone, details={**gone.details, "after": before + 1})


def new_password(world: World) -> Iterator[Step]:
    """Put the password out of use, where there is one."""
    if any(each.kind is CredentialKind.PASSWORD for each in world.holds):
        yield Step(
            "password.reset",
            world.account.ref,
            Tactic.RESTORE,
            "the old password is known to somebody else, or must be taken to be",
            "it opens nothing any more; only a one-time link sets a new one",
        )


# ── harden, detect ───────────────────────────────────────────────────────────────────────────────


def require_factor(world: World) -> Step:
    """Have the next sign-in ask for a second factor."""
    kept = [each for each in world.holds if each.kind in FACTOR_KINDS and not world.foreign(each)]
    reason = (
        f"{counted(len(kept), 'second factor')} left" if kept else "there is no second factor that is surely theirs"
    )
    due = world.account.factor_due
    target = world.account.ref
    back: dict[str, object] = {"waive": True} if due is None else {"due": due}
    undo = Step("factor.require", target, Tactic.RESTORE, "undo", details=back)
    effect = "the next sign-in asks for one, or to enrol one"
    return Step("factor.require", target, Tactic.HARDEN, reason, effect, undo, details={"due": world.now})


def watch(world: World) -> Step:
    """Have the gate look whether anything of it goes on."""
    strange = list(world.strange[:50])
    seen = f" and {counted(len(strange), 'strange address', 'strange addresses')}" if strange else ""
    reason = f"what {world.account.name}{seen} did may be tried again"
    effect = "the gate looks whether anything of it still works"
    details = {"addresses": strange, "until": world.now + WATCHED}
    return Step("watch.begin", world.account.ref, Tactic.DETECT, reason, effect, details=details)


# ── words ────────────────────────────────────────────────────────────────────────────────────────


def ended(world: World, thing: Credential | Integration | Account, tactic: Tactic, reason: str, effect: str) -> Step:
    """Put a thing out of use, by the verb of its noun, with the verb that puts it back."""
    verb, back = ENDS[thing.ref.kind]
    undo = Step(back, thing.ref, Tactic.RESTORE, "undo")
    return Step(verb, thing.ref, tactic, reason, effect, undo, expects=_seen(world, thing.ref))


def _seen(world: World, target: Ref) -> Mapping[str, object]:
    """What is seen of a target, as far as steps depend on it."""
    found = world.observe(target)
    wanted = _DEPENDS.get(target.kind)
    return found if wanted is None else {key: found[key] for key in wanted if key in found}


def called(thing: Credential | Integration | Account) -> str:
    """A thing as people know it: ``personal token "ci" (12)``."""
    if isinstance(thing, Account):
        return f"{thing.kind} account {thing.name}"
    kind = thing.kind.value.replace("_", " ")
    noun = f"{kind} {thing.ref.kind}" if isinstance(thing, Credential) and thing.kind in TOKEN_KINDS else kind
    where = f" in {thing.place}" if isinstance(thing, Integration) and thing.place else ""
    return f'{noun} "{thing.name}"{where}'


def counted(number: int, one: str, many: str = "") -> str:
    """A number of things in words: ``2 sessions``."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def _days(seconds: float) -> str:
    return counted(int(seconds // 86400), "day")


def _ago(seconds: float) -> str:
    for name, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            return f"{counted(int(seconds // size), name)} ago"
    return "just now"
