"""One look at a machine for its playbook: what was found on it, everybody's accounts, every secret it could read."""

from __future__ import annotations

import re
import socket
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stockade.app.respond.looking import Question, look
from stockade.directory.accounts import FACTOR_KINDS, Account, Credential, CredentialKind
from stockade.directory.rotation import Item
from stockade.directory.ticks import SETTLED
from stockade.events import Entry, Ref
from stockade.host.secrets.found import GRADES, Grade
from stockade.respond import checklist, journal
from stockade.respond.instance import SYSTEM, Machine, Task
from stockade.respond.renewal import SEALED, Line
from stockade.respond.world import OWN_WAYS_IN, Reached, World

if TYPE_CHECKING:
    from stockade.app.respond.renewing import Listed
    from stockade.directory import BuiltinDirectory

Observe = Callable[[Iterable[Ref]], Mapping[Ref, Mapping[str, object]]]
_SIGNS_IN: Final = frozenset({CredentialKind.PASSWORD, CredentialKind.RESET, CredentialKind.SESSION})
LEAST: Final = GRADES.index(Grade.LIKELY)
FOUND: Final = re.compile(rb'"action":"finding\.create"')
_SETTLES: Final = {"backup": "rebuild.plan", "verified": "host.diff"}
TASKS: Final = tuple(
    Task(
        task.name,
        _SETTLES.get(task.name, "rebuild.done"),
        task.title,
        f"{task.command.replace('{machine}', 'MACHINE')} tells that it is",
        late=task.name == "entered",
    )
    for task in checklist.TASKS
    if task.name not in {"contained", "evidence", "rotated"}
)
"""How to come back clean: the lines of a rebuild's list of which the plan has no steps of its own."""


DONE: Final = re.compile(rb'"action":"(?:evidence\.collect|network\.confirm|network\.lift)"')


@dataclass(frozen=True, slots=True)
class Asked:
    """What a plan for a machine was asked. ``to`` is where evidence goes, empty when that is done by hand; ``allow``,
    ``allow_out`` and ``operator`` are what stays reachable, as they were typed. ``suspects`` are accounts.
    """

    name: str
    since: float
    until: float
    incident: str
    suspects: frozenset[str] = frozenset()
    to: str = ""
    allow: tuple[str, ...] = ()
    allow_out: tuple[str, ...] = ()
    operator: tuple[str, ...] = ()
    here: bool = True

    def told(self) -> dict[str, object]:
        """As JSON values, so that it can be asked again."""
        return {
            "since": self.since, "until": self.until, "suspects": sorted(self.suspects), "to": self.to,
            "allow": list(self.allow), "allow_out": list(self.allow_out), "operator": list(self.operator),
            "here": self.here,
        }  # fmt: skip


def asked_here(
    name: str,
    since: float,
    until: float,
    incident: str,
    *,
    suspects: Iterable[str] = (),
    to: str = "",
    allow: Iterable[str] = (),
    allow_out: Iterable[str] = (),
    operator: Iterable[str] = (),
) -> Asked:
    """What was typed on this machine, about it or about another, whose own steps are then done there by hand."""
    mine = socket.gethostname() or "localhost"
    return Asked(
        name or mine, since, until, incident, frozenset(suspects), to=to, allow=tuple(allow),
        allow_out=tuple(allow_out), operator=tuple(operator), here=name in {"", mine},
    )  # fmt: skip


def asked_again(name: str, incident: str, told: Mapping[str, object]) -> Asked:
    """What ``told`` says, once more."""

    def texts(key: str) -> tuple[str, ...]:
        found = told.get(key)
        return tuple(map(str, found)) if isinstance(found, list) else ()

    return Asked(
        name, float(str(told["since"])), float(str(told["until"])), incident, frozenset(texts("suspects")),
        to=str(told.get("to", "")), allow=texts("allow"), allow_out=texts("allow_out"), operator=texts("operator"),
        here=told.get("here") is True,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """Where a look at a machine asks: the directory, the log and what it has as found, what is seen of a target, the
    list of secrets, and the entries about an account.
    """

    directory: BuiltinDirectory
    log: Path
    observe: Observe
    listed: Listed | None
    entries: Callable[[Account], Sequence[Entry]]
    found: Sequence[Entry]


def seen(asked: Asked, known: Known, now: float) -> Machine:
    """All that the playbook may know, as it is now."""
    held: dict[str, list[Credential]] = defaultdict(list)
    for each in known.directory.credentials():
        if each.live(now) and each.holder and each.kind is not CredentialKind.RESET:
            held[each.holder].append(each)
    secrets = tuple(_secrets(known.listed, now))
    accounts = [each for each in known.directory.accounts() if each.departed is None or held[each.name]]
    things = [each.ref for each in accounts] + [each.ref for holds in held.values() for each in holds]
    shown = known.observe([*things, *(each.target for each in secrets)])

    def observe(target: Ref) -> Mapping[str, object]:
        return shown.get(target, {})

    def world(account: Account) -> World:
        if account.name in asked.suspects:
            return _suspected(asked, known, account, now)
        return World(now, account, asked.since, asked.until, tuple(held[account.name]), observe=observe,
                     incident=asked.incident)  # fmt: skip

    worlds = tuple(map(world, accounts))
    return Machine(
        now=now,
        name=asked.name,
        incident=asked.incident,
        worlds=worlds,
        suspects=asked.suspects,
        secrets=secrets,
        evidence=_evidence(asked),
        network=_network(asked),
        tasks=TASKS,
        seen=tuple(str(each.event.details["title"]) for each in known.found),
        addresses=tuple(dict.fromkeys(address for each in worlds for address in each.strange)),
        done=dict(_done_already(known.log, asked)),
        observe=observe,
    )


def _done_already(log: Path, asked: Asked) -> Iterator[tuple[str, str]]:
    """What was saved and shut in the window by somebody who did not wait for a plan."""
    network = ""
    for entry in journal.telling(log, DONE):
        event = entry.event
        mine = event.target is not None and event.target.id == asked.name
        if mine and event.time >= asked.since and event.outcome == "success":
            if event.action == "evidence.collect":
                yield "evidence.collect", str(entry)
            else:
                network = "" if event.action == "network.lift" else str(entry)
    if network:
        yield "network.restrict", network


def _suspected(asked: Asked, known: Known, account: Account, now: float) -> World:
    """An account under suspicion, with what it made and from where it came."""
    projects = frozenset(each.path for each in known.directory.repositories())
    question = Question(account, asked.since, asked.until, asked.incident)
    return look(question, known.directory, known.entries(account), known.observe, now, projects=projects)


def _secrets(listed: Listed | None, now: float) -> Iterator[Reached]:
    """What has to be made anew, in the order of the list; what is doubtful is left to the list."""
    if listed is None:
        return
    for item in listed.progress.items:
        line = listed.lines.get(item.target)
        open_ = listed.progress.ticks[item.target].state not in SETTLED
        if line is not None and open_ and _sure(line) and (line.thing is None or _is_secret(line.thing, now)):
            yield _reached(item, line)


def _sure(line: Line) -> bool:
    return line.thing is not None or any(GRADES.index(each.secret.grade) <= LEAST for each in line.found)


def _is_secret(thing: Credential, now: float) -> bool:
    """Whether it opens something by being known, and is not a person's own, which the plan has steps about."""
    return thing.live(now) and thing.kind not in FACTOR_KINDS | OWN_WAYS_IN | _SIGNS_IN


def _reached(item: Item, line: Line) -> Reached:
    verb = "" if item.by_hand else item.verb
    digest = line.thing is not None and line.thing.kind not in SEALED and not line.places
    why = "it has passed through the machine" if digest else item.why
    return Reached(item.target, item.name, why, verb, ", ".join(item.owners), item.seen, item.by_hand)


def _evidence(asked: Asked) -> Mapping[str, object] | None:
    if not (asked.to and asked.here):
        return None
    return {"to": asked.to, "collection": f"{asked.name}-{asked.incident}"}


def _network(asked: Asked) -> Mapping[str, object] | None:
    if not asked.here:
        return None
    typed = {"allow": asked.allow, "allow_out": asked.allow_out, "operator": asked.operator}
    return {name: list(words) for name, words in typed.items() if words}


def findings(log: Path, name: str, since: float) -> list[Entry]:
    """What looks at a machine have found since a moment, each once, as the last look has it."""
    found: dict[str, Entry] = {}
    for entry in journal.telling(log, FOUND):
        event = entry.event
        mine = event.target is not None and event.target.system in {name, SYSTEM}
        if mine and event.time >= since and (title := str(event.details.get("title", ""))):
            found[title] = entry
    return list(found.values())
