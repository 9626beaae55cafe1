"""The lines of a rebuild, in their order, and how they stand: a fold over the log, and what the world shows beside it.

A machine is in service again when every line is good, or waived for a reason, or two people answer for it: the gate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from stockade.directory.ticks import SETTLED, Progress, State
from stockade.errors import Refused
from stockade.events import Entry, Event, Ref
from stockade.respond.gate import NAMED, Box


@dataclass(frozen=True, slots=True)
class Task:
    """One line: what has to be so, and the command that does it or shows it. ``by_hand`` when only a person can say."""

    name: str
    title: str
    command: str
    by_hand: bool = False

    def typed(self, state: Rebuild) -> str:
        """The command as it is typed for this rebuild, on whatever machine."""
        restored = state.done.get("restored")
        told = self.command.replace("{machine}", state.machine.id)
        return told.replace("NEW", restored.on) if restored and restored.on else told


TASKS: Final = (
    Task("contained", "the old machine is shut off, and nobody is in", "stockade host isolate"),
    Task("evidence", "what it shows is saved where nobody can change it", "stockade host collect --to SINK"),
    Task(
        "backup",
        "a backup from before the intruder is chosen",
        "stockade rebuild plan --backups DIR --machine {machine}",
    ),
    Task(
        "restored",
        "it is restored to a new machine",
        "stockade rebuild done restored --on NEW --machine {machine}",
        by_hand=True,
    ),
    Task(
        "patched",
        "the new machine has the latest patches",
        "stockade rebuild done patched --machine {machine}",
        by_hand=True,
    ),
    Task("verified", "the new machine is as it should be", "stockade host verify --host NEW --of {machine}"),
    Task("rotated", "every secret is changed, and none of them before this", "stockade secrets list"),
    Task(
        "entered",
        "what came after the backup is entered again",
        "stockade rebuild done entered --machine {machine}",
        by_hand=True,
    ),
)
"""In the order in which they are done. Rotated before the rebuild, a secret can be read by whoever is still in."""
NAMES: Final = tuple(task.name for task in TASKS)


@dataclass(frozen=True, slots=True)
class Done:
    """That a person says of a line that it is done: when, who, why, and on which machine."""

    time: float
    by: str
    reason: str = ""
    on: str = ""


@dataclass(frozen=True, slots=True)
class Rebuild:
    """A rebuild of a machine as the log tells it. ``chosen`` is the backup, empty when none is clean: then it is built
    from scratch. ``after`` is when that was taken. ``released`` is when the machine was put back in service.
    """

    machine: Ref
    planned: float
    entry: str
    incident: str = ""
    chosen: str = ""
    after: float | None = None
    details: Mapping[str, object] = field(default_factory=dict)
    done: Mapping[str, Done] = field(default_factory=dict)
    waived: Mapping[str, str] = field(default_factory=dict)
    overrides: tuple[Ref, ...] = ()
    released: float | None = None


@dataclass(frozen=True, slots=True)
class World:
    """What is known beside the rebuild's own entries: when the machine was shut off and its evidence sealed, which
    machines were found to be as they should be and when, and how far the list of secrets is; None where nobody knows.
    """

    contained: float | None = None
    sealed: float | None = None
    verified: Mapping[str, float] = field(default_factory=dict)
    secrets: Progress | None = None
    sinks: Mapping[str, str] = field(default_factory=dict)


def rebuild(entries: Iterable[Entry], machine: Ref) -> Rebuild | None:
    """How the latest rebuild of a machine stands; None when none was planned. A plan drawn anew keeps what was done."""
    state: Rebuild | None = None
    for entry in entries:
        if entry.event.target == machine and entry.event.outcome == "success":
            state = _folded(state, entry)
    return state


def unreturned(entries: Sequence[Entry]) -> tuple[Ref, ...]:
    """The machines whose rebuild these entries tell of, and that are not back in service."""
    planned = {entry.event.target: None for entry in entries if entry.event.action == "rebuild.plan"}
    found = (rebuild(entries, machine) for machine in planned if machine is not None)
    return tuple(each.machine for each in found if each is not None and each.released is None)


def _folded(state: Rebuild | None, entry: Entry) -> Rebuild | None:
    event, details = entry.event, entry.event.details
    line, reason = str(details.get("line", "")), str(details.get("reason", ""))
    if event.action == "rebuild.plan":
        return _planned(state, entry)
    if state is None or state.released is not None:
        return state
    if event.action == "rebuild.done" and line in NAMES:
        told = Done(event.time, event.actor.id if event.actor else "", reason, str(details.get("on", "")))
        return replace(state, done={**state.done, line: told})
    if event.action == "gate.waive" and details.get("rebuild") == state.machine.id:
        return replace(state, waived={**state.waived, str(details.get("box", "")): reason})
    if event.action == "gate.override" and "rebuild" in details and event.actor is not None:
        return replace(state, overrides=tuple(dict.fromkeys((*state.overrides, event.actor))))
    return replace(state, released=event.time) if event.action == "gate.open" and "rebuild" in details else state


def _planned(state: Rebuild | None, entry: Entry) -> Rebuild:
    details, target = entry.event.details, entry.event.target
    assert target is not None  # noqa: S101  only events about the machine come here
    chosen, after = str(details.get("backup") or ""), details.get("after")
    made = Rebuild(target, entry.event.time, str(entry), str(details.get("incident", "")), chosen,
                   float(after) if isinstance(after, int | float) else None, details)  # fmt: skip
    if state is None or state.released is not None:
        return made
    return replace(made, done=state.done, waived=state.waived, overrides=state.overrides)


# ── the gate ─────────────────────────────────────────────────────────────────────────────────────


def boxes(state: Rebuild, world: World) -> tuple[Box, ...]:
    """Every line as a box of the gate, and the log itself."""
    wrong = {task.name: _wrong(task, state, world) for task in TASKS}
    said = {task.name: _right(task, state, world) for task in TASKS}
    ill = "; ".join(f"{name}: {each}" for name, each in world.sinks.items() if each)
    found = [
        Box(task.name, task.title, not wrong[task.name], wrong[task.name] or said[task.name],
            state.waived.get(task.name, ""))
        for task in TASKS
    ]  # fmt: skip
    return (
        *found,
        Box("sinks", "the log is kept and carried away", not ill, ill or "it is", state.waived.get("sinks", "")),
    )


def _right(task: Task, state: Rebuild, world: World) -> str:
    told = state.done.get(task.name)
    if told is not None:
        return (
            f"{told.by} says so" + (f", on {told.on}" if told.on else "") + (f": {told.reason}" if told.reason else "")
        )
    if task.name == "backup":
        return state.chosen
    if task.name == "rotated" and world.secrets is not None:
        return f"{world.secrets.settled} of {len(world.secrets.items)}"
    return "the log shows it"


def _wrong(task: Task, state: Rebuild, world: World) -> str:
    """What is missing; empty when nothing is."""
    if task.name == "rotated":
        return _unrotated(state, world)
    if task.name == "verified":
        return _unverified(state, world)
    if task.name in state.done:
        return ""
    known = {"contained": world.contained, "evidence": world.sealed, "backup": state.chosen or None}
    return "" if known.get(task.name) is not None else f"not yet: {task.typed(state)}"


def _unverified(state: Rebuild, world: World) -> str:
    restored = state.done.get("restored")
    if restored is None:
        return "there is no new machine yet"
    typed = _task("verified").typed(state)
    since = max(restored.time, state.done["patched"].time if "patched" in state.done else 0.0)
    if world.verified.get(restored.on, 0.0) >= since or _says(state, "verified", since):
        return ""
    return f"{restored.on} was not found to be as it should be since it was restored and patched: {typed}"


def _says(state: Rebuild, name: str, since: float) -> bool:
    told = state.done.get(name)
    return told is not None and told.time >= since and bool(told.reason)


def _unrotated(state: Rebuild, world: World) -> str:
    restored, secrets = state.done.get("restored"), world.secrets
    if restored is None:
        return "nothing that is rotated before the new machine stands counts"
    if secrets is None:
        return "nobody has looked for secrets: stockade secrets scan"
    early = list(_early(secrets, restored.time))
    if early:
        more = f" and {len(early) - NAMED} more" if len(early) > NAMED else ""
        return f"changed before the new machine stood, so again: {', '.join(early[:NAMED])}{more}"
    left = len(secrets.items) - secrets.settled
    return f"{left} of {len(secrets.items)} left: stockade secrets list" if left else ""


def _early(secrets: Progress, since: float) -> Iterator[str]:
    """What was changed while the old machine was still the one in use; the first line is that machine itself."""
    for item in secrets.items[1:]:
        tick = secrets.ticks[item.target]
        if tick.state in SETTLED and tick.state is State.DONE and tick.when is not None and tick.when < since:
            yield f"{item.target.kind}/{item.target.id}"


# ── what people say ──────────────────────────────────────────────────────────────────────────────


def done(state: Rebuild, world: World, name: str, *, now: float, by: Ref, on: str = "", reason: str = "") -> Event:
    """The event by which a person says that a line is done. Raises Refused out of order, and for what is looked up."""
    task = _task(name)
    before = [box for box in boxes(state, world)[: NAMES.index(name)] if box.open]
    if before:
        raise Refused(
            f"before {name} comes {before[0].name}: {before[0].says}",
            remedy="Do the lines in their order, or waive one.",
        )
    if name == "restored" and (not on or on == state.machine.id):
        raise Refused("it is restored to a new machine, never to the old one", remedy="--on HOST says to which.")
    if name == "rotated":
        raise Refused(
            "that is looked up", remedy="stockade secrets list tells what is left, and secrets done ticks it off."
        )
    if not task.by_hand and not reason:
        raise Refused(
            f"{name} is looked up: {task.typed(state)}", remedy="Where that cannot be, say why: --reason TEXT."
        )
    details = (
        {"line": name, "incident": state.incident} | ({"on": on} if on else {}) | ({"reason": reason} if reason else {})
    )
    return Event(now, "rebuild.done", by, state.machine, details=details)


def waived(state: Rebuild, name: str, *, now: float, by: Ref, reason: str) -> Event:
    """The event that waives a line. Raises Refused without a reason."""
    if name != "sinks":
        _task(name)
    if not reason.strip():
        raise Refused("nothing is waived without a reason", remedy="Say why it need not be done: --reason TEXT.")
    details = {"rebuild": state.machine.id, "box": name, "reason": reason, "incident": state.incident}
    return Event(now, "gate.waive", by, state.machine, details=details)


def _task(name: str) -> Task:
    found = next((task for task in TASKS if task.name == name), None)
    if found is None:
        raise Refused(f"there is no line {name[:40]!r}", remedy=f"One of {', '.join(NAMES)}.")
    return found


def overriding(state: Rebuild, *, now: float, by: Ref, reason: str, opens: bool) -> Event:
    """The event by which somebody answers for the machine, or, with ``opens``, by which it is back in service."""
    if not opens and not reason.strip():
        raise Refused("who answers for it has to say why", remedy="--reason TEXT")
    details = {"rebuild": state.machine.id, "incident": state.incident} | ({"reason": reason} if reason else {})
    return Event(now, "gate.open" if opens else "gate.override", by, state.machine, details=details)


def open_boxes(found: Sequence[Box]) -> str:
    """The names of what stands in the way."""
    return ", ".join(box.name for box in found if box.open)
