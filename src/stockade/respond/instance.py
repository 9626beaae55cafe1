"""A machine in strange hands, with all that was kept on it (GitLab, "Suspected compromised instance"): one plan.

Whoever has the machine has seen what it serves: every password that was typed, every token that was used, and every
secret that its services can read. So nothing is made anew before the machine is rebuilt from before the intruder, and
afterwards everything is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from stockade.directory.accounts import KEY_KINDS, TOKEN_KINDS, AccountKind, Credential, CredentialKind
from stockade.events import Ref
from stockade.respond.moves import (
    WATCHED,
    block,
    called,
    counted,
    disable_made,
    end_sessions,
    ended,
    new_password,
    remove_foreign_factors,
    require_factor,
    rotate,
    succeeded,
)
from stockade.respond.world import OWN_WAYS_IN, Reached, World
from stockade.steps import Step, Tactic

SYSTEM: Final = "host"
NAMED: Final = 5
"""How many of what was found are named in a reason."""


@dataclass(frozen=True, slots=True)
class Task:
    """Something that a person does to come back clean: a ``line`` of the list of a rebuild, which ``verb`` settles;
    ``late`` when it is done after everything was made anew.
    """

    line: str
    verb: str
    title: str
    effect: str = ""
    late: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """All that the playbook may know of a machine and of who uses it. Times are seconds since the epoch, UTC.

    ``worlds`` has one world for each account, root's and every program's too; ``suspects`` are those that somebody has
    under suspicion, by name. ``secrets`` is what has to be made anew once
    the machine is clean, in order. ``evidence`` and ``network`` are the arguments of the steps that take the one and
    shut the other; without them the step is done by hand. ``tasks`` bring the machine back. ``seen`` says what was
    found on it. ``done`` names the entries of the log that show evidence to be saved and the network to be shut
    already, by the verb of the step. ``observe`` shows a secret as its system does.
    """

    now: float
    name: str
    incident: str
    worlds: Sequence[World] = ()
    suspects: frozenset[str] = frozenset()
    secrets: Sequence[Reached] = ()
    evidence: Mapping[str, object] | None = None
    network: Mapping[str, object] | None = None
    tasks: Sequence[Task] = ()
    seen: Sequence[str] = ()
    addresses: Sequence[str] = ()
    done: Mapping[str, str] = field(default_factory=dict)
    observe: Callable[[Ref], Mapping[str, object]] = lambda _target: {}

    def ref(self, kind: str) -> Ref:
        """The machine, or its network, in an event."""
        return Ref(SYSTEM, kind, self.name)

    def suspected(self) -> Iterator[World]:
        """Those of the accounts that are under suspicion."""
        return (each for each in self.worlds if each.account.name in self.suspects)


def instance(machine: Machine) -> Iterator[Step]:
    """The whole plan: save, shut, evict, come back, make anew, watch."""
    steps = [_collect(machine), _shut(machine)]
    for world in machine.suspected():
        steps += block(world)
    steps += (end_sessions(each) for each in machine.worlds if _holds(each, CredentialKind.SESSION))
    evicted = [
        step for each in machine.worlds for step in _evicted(each, suspected=each.account.name in machine.suspects)
    ]
    steps += sorted(evicted, key=lambda step: step.verb)  # alike together, to be read and taken together
    steps += _come_back(machine, late=False)
    clean = len(steps) if machine.tasks else 0
    steps += (_after(each, clean) for world in machine.worlds for each in new_password(world))
    steps += (_after(each, clean) for world in machine.worlds for each in _new_factors(world))
    for world in machine.worlds:
        steps += _succeeding(world, len(steps), clean)
    steps += (_after(rotate(each, machine.observe(each.target)), clean) for each in _left(machine))
    steps += _come_back(machine, late=True)
    steps += (require_factor(each) for each in machine.worlds if _signs_in(each))
    yield from steps
    yield _watch(machine)


# ── before anything is changed, and at once after it ─────────────────────────────────────────────


def _collect(machine: Machine) -> Step:
    reason = "what is on the machine is saved, the most fleeting first, to where nobody can change it"
    found = ", ".join(machine.seen[:NAMED])
    seen = f"; found: {found}" + (f" and {len(machine.seen) - NAMED} more" if len(machine.seen) > NAMED else "")
    return _on(machine, "evidence.collect", Tactic.PRESERVE, reason + (seen if found else ""), machine.evidence,
               effect="nothing stops; the machine is busy for a minute or two")  # fmt: skip


def _shut(machine: Machine) -> Step:
    reason = "whoever is in is cut off, and nothing goes out; what is named stays reachable"
    undo = Step("network.lift", machine.ref("network"), Tactic.RESTORE, "undo")
    return _on(machine, "network.restrict", Tactic.ISOLATE, reason, machine.network, kind="network", undo=undo,
               effect="THE SERVICE STOPS for everybody who is not named")  # fmt: skip


def _on(
    machine: Machine,
    verb: str,
    tactic: Tactic,
    reason: str,
    details: Mapping[str, object] | None,
    *,
    effect: str,
    kind: str = "machine",
    undo: Step | None = None,
) -> Step:
    """A step on the machine itself: by the machine where it is known how, else by hand."""
    if verb in machine.done:
        reason, details = f"{reason}; it is done already: {machine.done[verb]}", None
    by_hand = details is None
    return Step(
        verb, machine.ref(kind), tactic, reason, effect, None if by_hand else undo, by_hand=by_hand,
        details=details or {},
    )  # fmt: skip


# ── evict ────────────────────────────────────────────────────────────────────────────────────────


def _evicted(world: World, *, suspected: bool) -> Iterator[Step]:
    """What an account holds that the machine has seen or the intruder made; a program's tokens wait for successors."""
    person = world.account.kind is AccountKind.HUMAN
    for each in world.holds:
        exposed = person and each.kind in TOKEN_KINDS | {CredentialKind.GRANT}
        if exposed or (each.kind in KEY_KINDS | OWN_WAYS_IN and (suspected or world.within(each.made))):
            yield ended(world, each, Tactic.EVICT, _why(world, each), f"what uses {called(each)} stops")
    yield from remove_foreign_factors(world)
    if suspected:
        yield from disable_made(world)


def _why(world: World, each: Credential) -> str:
    if world.within(each.made):
        return f"{called(each)} of {each.holder} was made in the window"
    return f"{called(each)} of {each.holder} has passed through the machine"


# ── come back, and make anew ─────────────────────────────────────────────────────────────────────


def _come_back(machine: Machine, *, late: bool) -> Iterator[Step]:
    for task in (each for each in machine.tasks if each.late is late):
        yield Step(
            task.verb, machine.ref("machine"), Tactic.RESTORE, task.title, task.effect, by_hand=True,
            details={"line": task.line},
        )  # fmt: skip


def _new_factors(world: World) -> Iterator[Step]:
    """Second factors whose seed could be read on the machine; a security key has kept its own to itself."""
    for each in world.holds:
        if each.kind is CredentialKind.TOTP:
            reason = f"{called(each)} of {each.holder}: its seed lay on the machine"
            yield ended(world, each, Tactic.RESTORE, reason, "another is enrolled at the next sign-in")


def _succeeding(world: World, before: int, clean: int) -> Iterator[Step]:
    """What a program works with gets a successor, once the machine is clean."""
    steps: list[Step] = []
    for each in world.holds if world.account.kind is not AccountKind.HUMAN else ():
        if each.kind in TOKEN_KINDS:
            first, *rest = succeeded(world, each, before + len(steps))
            steps += (_after(first, clean), *rest)
    yield from steps


def _left(machine: Machine) -> Iterator[Reached]:
    """The secrets of which no other step makes an end."""
    held = {each.ref for world in machine.worlds for each in world.holds if each.kind not in OWN_WAYS_IN}
    return (each for each in machine.secrets if each.target not in held)


def _after(step: Step, number: int) -> Step:
    """The step, to be taken when the one of this number is done."""
    return replace(step, details={**step.details, "after": number}) if number else step


# ── harden, detect ───────────────────────────────────────────────────────────────────────────────


def _watch(machine: Machine) -> Step:
    details = {"addresses": list(machine.addresses[:50]), "until": machine.now + WATCHED}
    reason = f"what was found on {machine.name}, and {counted(len(machine.suspects), 'suspect')}, may come back"
    effect = "the gate looks whether anything of it still works"
    return Step("watch.begin", machine.ref("machine"), Tactic.DETECT, reason, effect, details=details)


def _holds(world: World, kind: CredentialKind) -> bool:
    return any(each.kind is kind for each in world.holds)


def _signs_in(world: World) -> bool:
    return _holds(world, CredentialKind.PASSWORD) and world.account.factor_due is None
