"""Steps taken in the built-in directory: for each verb what to call, and how to see that it is so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stockade.directory.accounts import SYSTEM, Credential, Integration, Level
from stockade.directory.builtin import BuiltinDirectory
from stockade.directory.builtin.holdings import HOLDINGS, Holding
from stockade.directory.refusals import Impossible, UnknownAccount, UnknownHolding
from stockade.directory.secret import Secret
from stockade.errors import ConfigurationError
from stockade.events import Ref
from stockade.steps import Step

Seen = Mapping[str, Any]
HandOut = Callable[[Ref, Secret], None]
Successor = Callable[[Ref], Ref | None]


def kept_from_all(_ref: Ref, _secret: Secret) -> None:
    """Where new secrets go when nobody takes them: whoever needs one makes another."""


def unknown_successor(_ref: Ref) -> None:
    """Where nobody remembers which token took the place of which."""


class BuiltinActuator:
    """The built-in directory as an Actuator.

    ``hand_out`` is given each new secret, with what it is for, this once: what a rotation makes, and the code with
    which a password that was reset is set anew. ``successor`` remembers which token took the place of which. Verbs are
    idempotent: where the effect is there, nothing is done.
    """

    system: str = SYSTEM

    def __init__(
        self,
        directory: BuiltinDirectory,
        *,
        hand_out: HandOut = kept_from_all,
        successor: Successor = unknown_successor,
    ) -> None:
        self.verbs = frozenset(name for name, verb in VERBS.items() if not verb.by_hand)
        self._directory = directory
        self._hand_out, self._successor = hand_out, successor

    def observe(self, target: Ref) -> Mapping[str, object]:
        """The state of an account or a thing; empty when there is none, or it is gone."""
        try:
            if target.system == SYSTEM and target.kind == "user":
                return _seen_account(self._directory, target.id)
            return _seen_thing(self._directory, target)
        except (UnknownAccount, UnknownHolding):
            return {}

    def observe_many(self, targets: Iterable[Ref]) -> dict[Ref, Mapping[str, object]]:
        """The same of many, in few questions."""
        found: dict[Ref, Mapping[str, object]] = {}
        by_noun: dict[str, list[int]] = {}
        for ref in targets:
            if ref.kind in HOLDINGS and ref.id.isdecimal():
                found[ref] = {}
                by_noun.setdefault(ref.kind, []).append(int(ref.id))
            else:
                found[ref] = self.observe(ref)
        for noun, numbers in by_noun.items():
            found |= {thing.ref: _seen_of(thing, mark) for thing, mark in self._directory.marked(noun, numbers)}
        return found

    def perform(self, step: Step, *, by: Ref | None = None) -> Mapping[str, object]:
        """Take the step, unless it is taken. Raises ConfigurationError for a verb that this system has not, Refused for
        what is not there or cannot be done, and Unavailable.
        """
        if self.holds(step):
            return {"already": True}
        return _verb(step).take(self._taking(step, by)) or {}

    def hand_over(self, step: Step, *, by: Ref | None = None) -> Mapping[str, object] | None:
        """Make the secret of a step that was taken once more, in the place of the first, and hand that over: whoever
        took the step may have been killed before. None for a step that makes none, and where nobody takes any. Raises
        Refused when it cannot be made again.
        """
        anew = _verb(step).anew
        return None if anew is None or self._hand_out is kept_from_all else anew(self._taking(step, by))

    def _taking(self, step: Step, by: Ref | None) -> _Taking:
        return _Taking(self._directory, step, by, self._hand_out, self._successor)

    def perform_many(self, steps: Sequence[Step], *, by: Ref | None = None) -> bool:
        """Take steps of one verb all at once, or none of them; answers False where that is not for this verb."""
        if not all(step.verb == _ends(step.target) for step in steps):
            return False
        self._directory.revoke_all({step.target: step.reason or None for step in steps}, by=by)
        return True

    def holds(self, step: Step) -> bool:
        """Whether the step's effect is there, looked up afresh."""
        return _verb(step).holds(self.observe(step.target), step)


def _ends(target: Ref) -> str:
    """The verb that ends a thing; nothing for what is none."""
    return HOLDINGS[target.kind].ended if target.kind in HOLDINGS else ""


@dataclass(frozen=True)
class _Taking:
    """What it takes to take a step."""

    directory: BuiltinDirectory
    step: Step
    by: Ref | None
    hand_out: HandOut
    successor: Successor

    @property
    def record(self) -> dict[str, Any]:
        """Who does it, and why."""
        return {"by": self.by, "reason": self.step.reason or None}


@dataclass(frozen=True)
class Verb:
    """How a step is taken, and whether what is seen of its target shows that it is; ``by_hand``: only seen. ``anew``
    makes its secret once more.
    """

    take: Callable[[_Taking], Mapping[str, object] | None]
    holds: Callable[[Seen, Step], bool]
    by_hand: bool = False
    anew: Callable[[_Taking], Mapping[str, object] | None] | None = None


def _verb(step: Step) -> Verb:
    if step.verb not in VERBS:
        raise ConfigurationError(f"The built-in directory cannot {step.verb}.", remedy="Have it done by hand.")
    return VERBS[step.verb]


def _seen_account(directory: BuiltinDirectory, name: str) -> dict[str, object]:
    account, now = directory.account(name), directory.now()
    return {
        "state": account.state.value,
        "locked": account.locked,
        "departed": account.departed,
        "admin": account.admin,
        "factor_due": account.factor_due,
        "factor_required": account.factor_due is not None and account.factor_due <= now,
        "password": next((each.made for each in directory.held("password", account)), None),
        "sessions": sum(each.live(now) for each in directory.held("session", account)),
        "memberships": {each.path: each.level.name.lower() for each in directory.memberships(account.name)},
    }


def _seen_thing(directory: BuiltinDirectory, ref: Ref) -> dict[str, object]:
    thing = directory.thing(ref)
    return _seen_of(thing, directory.secret_mark(ref) if isinstance(thing, Credential) else None)


def _seen_of(thing: Credential | Integration, mark: str | None) -> dict[str, object]:
    seen: dict[str, object] = {"kind": thing.kind.value, "revoked": thing.revoked, "paused": thing.paused}
    if isinstance(thing, Credential):
        seen |= {"holder": thing.holder, "expires": thing.expires, "secret": mark}
    return seen


# ── accounts ─────────────────────────────────────────────────────────────────────────────────────


def _of_account(method: str, *details: str) -> Callable[[_Taking], None]:
    """A step that is one method of the directory, with these details as arguments."""

    def take(it: _Taking) -> None:
        given = {name: it.step.details[name] for name in details if name in it.step.details}
        getattr(it.directory, method)(it.step.target.id, **given, **it.record)

    return take


def _add_member(it: _Taking) -> None:
    details: Mapping[str, Any] = it.step.details
    level = Level[str(details["level"]).upper()]
    it.directory.add_member(it.step.target.id, details["path"], level, expires=details.get("expires"), by=it.by)


def _remove_member(it: _Taking) -> None:
    it.directory.remove_member(it.step.target.id, str(it.step.details["path"]), by=it.by)


def _end_sessions(it: _Taking) -> Mapping[str, object] | None:
    if it.step.target.kind == "session":
        return _to_thing("revoke")(it)
    account = it.directory.account(it.step.target.id)
    return {"sessions": it.directory.close_sessions(account, by=it.by, reason=it.step.reason or None)}


def _reset_password(it: _Taking) -> Mapping[str, object] | None:
    if it.step.target.kind == "password":
        return _to_thing("revoke")(it)
    it.directory.clear_password(it.step.target.id, **it.record)
    return _new_code(it)


def _new_code(it: _Taking) -> Mapping[str, object] | None:
    """None where nobody takes one, and for who is shut out."""
    if it.hand_out is kept_from_all or it.step.target.kind == "password":
        return None
    made = it.directory.request_reset(it.step.target.id, it.directory.now())
    if made is None:
        return None
    it.hand_out(it.step.target, made[1])
    return {}


def _password_gone(seen: Seen, step: Step) -> bool:
    if step.target.kind == "password":
        return _is_ended(seen, step)
    return seen != {} and (seen["password"] is None or _changed("password", seen, step))


def _factor_required(seen: Seen, step: Step) -> bool:
    if step.details.get("waive"):
        return seen.get("factor_due", 0) is None
    if step.details.get("due") is not None:
        return seen.get("factor_due") == step.details["due"]
    return bool(seen.get("factor_required"))


def _is_locked(seen: Seen, step: Step) -> bool:
    return seen.get("locked") == step.details["until"] and not seen["sessions"]


ACCOUNTS: Final[dict[str, Verb]] = {
    "user.block": Verb(_of_account("block"), lambda seen, _: seen.get("state") == "blocked"),
    "user.unblock": Verb(_of_account("unblock"), lambda seen, _: seen.get("state") == "active"),
    "user.lock": Verb(_of_account("lock", "until"), _is_locked),
    "user.unlock": Verb(_of_account("unlock"), lambda seen, _: seen.get("locked", 0) is None),
    "user.role.change": Verb(
        _of_account("set_admin", "admin"), lambda seen, step: seen.get("admin") == step.details["admin"]
    ),
    "member.add": Verb(
        _add_member, lambda seen, step: seen.get("memberships", {}).get(step.details["path"]) == step.details["level"]
    ),
    "member.remove": Verb(_remove_member, lambda seen, step: step.details["path"] not in seen.get("memberships", {})),
    "session.end": Verb(_end_sessions, lambda seen, _: not seen.get("sessions", seen)),
    "password.reset": Verb(_reset_password, _password_gone, anew=_new_code),
    "factor.require": Verb(_of_account("require_factor", "due", "waive"), _factor_required),
}


# ── everything else ──────────────────────────────────────────────────────────────────────────────


def _changed(what: str, seen: Seen, step: Step) -> bool:
    """Whether it is another than when the plan was drawn."""
    return what in step.expects and seen.get(what) != step.expects[what]


def _to_thing(method: str) -> Callable[[_Taking], None]:
    def take(it: _Taking) -> None:
        getattr(it.directory, method)(it.step.target, **it.record)

    return take


def _rotate(it: _Taking) -> Mapping[str, object]:
    overlap = float(str(it.step.details.get("overlap", 0.0)))
    made, secret = it.directory.rotate(it.step.target, overlap=overlap, **it.record)
    it.hand_out(made.ref, secret)
    return {"new": str(made.ref)}


def _rotate_again(it: _Taking) -> Mapping[str, object]:
    """Whoever has got the first new secret has one that opens nothing now."""
    target = it.step.target
    last = it.successor(target) if target.kind == "token" else target
    if last is None:
        raise Impossible("rotated again: its new secret is lost", target, "Have another one made.")
    made, secret = it.directory.rotate(last, in_place=True, **it.record)
    it.hand_out(made.ref, secret)
    return {"new": str(made.ref)}


def _by_hand(it: _Taking) -> None:
    raise Impossible("rotated by itself", it.step.target, "Set another value where it is used, and here.")


def _is_ended(seen: Seen, _: Step) -> bool:
    return seen == {} or seen["revoked"] is not None


def _is_rotated(seen: Seen, step: Step) -> bool:
    return _is_ended(seen, step) or _changed("secret", seen, step) or _changed("expires", seen, step)


def _verbs_of(holding: Holding) -> Iterator[tuple[str, Verb]]:
    noun = holding.noun
    yield holding.ended, Verb(_to_thing("revoke"), _is_ended)
    if holding.restored:
        yield holding.restored, Verb(_to_thing("restore"), lambda seen, _: seen != {} and seen["revoked"] is None)
    if holding.rotated:
        yield holding.rotated, Verb(_rotate, _is_rotated, anew=_rotate_again)
    if "paused" in holding.table.c:
        yield f"{noun}.pause", Verb(_to_thing("pause"), lambda seen, _: seen != {} and seen["paused"] is not None)
        yield f"{noun}.resume", Verb(_to_thing("resume"), lambda seen, _: seen != {} and seen["paused"] is None)


VERBS: Final[dict[str, Verb]] = {
    **{name: verb for holding in HOLDINGS.values() for name, verb in _verbs_of(holding)},
    "variable.rotate": Verb(_by_hand, _is_rotated, by_hand=True),
    **ACCOUNTS,
}
"""Every verb that the built-in directory has."""
