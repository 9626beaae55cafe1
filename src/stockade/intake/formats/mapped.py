"""Any JSON lines, by a small mapping file.

::

    system = "vault"                                     # the first word of every reference
    title = "Vault: audit log"

    [fields]                                             # where things stand; dots go down into objects
    time = "time"                                        # ISO 8601, or seconds to nanoseconds since the epoch
    name = ["request.operation", "request.path"]         # what happened, in their words; several are joined by a space
    actor = "auth.display_name"
    target = "request.path"
    source = "request.remote_address"
    id = "request.id"
    outcome = "result"

    [outcomes]                                           # their words for how it went
    failure = ["error", "denied"]

    [kinds]                                              # of what kind they are: user and object unless told
    target = "secret"

    [details]                                            # what else to keep, and under which name
    mount = "request.mount_type"

    [[map]]
    action = "variable.read"
    from = ["read secret/*"]

What stands in no ``[[map]]`` is ``unknown``, and kept whole.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

from stockade.events import Event, Outcome
from stockade.intake import foreign
from stockade.intake.tables import NOTHING, OUTCOMES, Table, read, wrong
from stockade.intake.taken import Read, Taken
from stockade.lines.line import Unreadable, json_object
from stockade.lines.stamps import Clock, Dating, iso, sane

FIELDS: Final = ("time", "name", "actor", "target", "source", "id", "outcome")
PARTS: Final = ("system", "title", "fields", "outcomes", "kinds", "details", "map")
Path = tuple[str, ...]


@dataclass(frozen=True)
class FieldMap:
    """A mapping file, read."""

    table: Table
    fields: Mapping[str, Sequence[Path]]
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, Sequence[Path]] = field(default_factory=dict)


def parse(text: str, *, where: str) -> FieldMap:
    """A mapping from the text of its file. Raises ConfigurationError, naming the place, for what it cannot mean."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise wrong(where, f"is not TOML: {error}", "Mend the line that is named.") from error
    _known(document, PARTS, where)
    fields = _paths(_part(document, "fields", where), f"{where}: [fields]")
    _known(fields, FIELDS, f"{where}: [fields]")
    for needed in ("time", "name"):
        if needed not in fields:
            raise wrong(f"{where}: [fields]", f"{needed} is missing", f'Write {needed} = "path.to.it".')
    kinds = _part(document, "kinds", where)
    _known(kinds, ("actor", "target"), f"{where}: [kinds]")
    rows: dict[str, Any] = {key: document[key] for key in ("system", "title", "map") if key in document}
    details = _paths(_part(document, "details", where), f"{where}: [details]")
    for taken_already in details.keys() & {"type", "whole", "intake", "system"}:
        raise wrong(f"{where}: [details]", f"{taken_already!r} is a name of ours", "Give it another.")
    return FieldMap(
        table=read(rows, name=where, where=where),
        fields=fields,
        outcomes=_outcomes(_part(document, "outcomes", where), f"{where}: [outcomes]"),
        kinds={key: foreign.kind(each) for key, each in kinds.items()},
        details=details,
    )


def _part(document: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    found = document.get(name, {})
    if not isinstance(found, dict):
        raise wrong(where, f"{name} is no table", f"Write [{name}], and its settings below.")
    return found


def _known(found: Mapping[str, object], names: Sequence[str], where: str) -> None:
    for key in found.keys() - set(names):
        near = get_close_matches(key, names, 1)
        raise wrong(
            where, f"has no setting {key!r}", f"Did you mean {near[0]!r}?" if near else f"One of {', '.join(names)}."
        )


def _paths(found: Mapping[str, Any], where: str) -> dict[str, Sequence[Path]]:
    paths: dict[str, Sequence[Path]] = {}
    for key, said in found.items():
        each = [said] if isinstance(said, str) else said
        if not isinstance(each, list) or not each or not all(isinstance(path, str) and path for path in each):
            raise wrong(where, f"{key} is no path", f'Write {key} = "path.to.it", or a list of such paths.')
        paths[key] = [(path, *path.split(".")) for path in each]
    return paths


def _outcomes(found: Mapping[str, Any], where: str) -> dict[str, Outcome]:
    _known(found, OUTCOMES, where)
    words: dict[str, Outcome] = {}
    for outcome in OUTCOMES:
        said = found.get(outcome, [])
        if not isinstance(said, list):
            raise wrong(where, f"{outcome} is no list", f'Write {outcome} = ["their word"].')
        words |= {str(each).lower(): outcome for each in said}
    return words


def mapped(mapping: FieldMap, dating: Dating) -> Read:
    """A reader of JSON lines by a mapping."""
    clock = iso(dating)

    def read_line(text: str) -> Sequence[Taken]:
        return [taken(json_object(text), mapping, clock)] if text.strip() else ()

    return read_line


def taken(entry: Mapping[str, Any], mapping: FieldMap, clock: Clock) -> Taken:
    """The event of one object. Raises Unreadable where its time or its name is missing."""
    said = {key: _joined(entry, paths) for key, paths in mapping.fields.items() if key != "time"}
    name = said.get("name")
    if not name:
        raise Unreadable("no name of what happened where the mapping says")
    meaning, system = mapping.table.meaning(name), mapping.table.system
    found = {key: _joined(entry, paths) for key, paths in mapping.details.items()}
    outcome = mapping.outcomes.get(str(said.get("outcome")).lower(), meaning.outcome)
    event = Event(
        time=_time(entry, mapping.fields["time"], clock),
        action=meaning.action,
        actor=foreign.ref(system, mapping.kinds.get("actor", "user"), said.get("actor")),
        target=foreign.ref(system, mapping.kinds.get("target", "object"), said.get("target")),
        source=foreign.address(said.get("source")),
        outcome=outcome,
        details=foreign.fields(type=name, whole=foreign.whole(entry) if meaning == NOTHING else None, **found),
    )
    return Taken(event, (said.get("id") or "")[:256])


def _joined(entry: Mapping[str, Any], paths: Sequence[Path]) -> str | None:
    found = [each for path in paths if (each := _at(entry, path)) is not None]
    return " ".join(str(each) for each in found)[: foreign.MAX_TEXT] if found else None


def _at(entry: Mapping[str, Any], path: Path) -> object:
    """What stands at a path: under all of it as one name, or down into objects."""
    whole, *steps = path
    found: Any = entry.get(whole)
    if found is not None:
        return found
    found = entry
    for step in steps:
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _time(entry: Mapping[str, Any], paths: Sequence[Path], clock: Clock) -> float:
    found = next((each for path in paths if (each := _at(entry, path)) is not None), None)
    if isinstance(found, int | float) and not isinstance(found, bool):
        return sane(lambda _: _seconds(found), str(found)[:40])
    if not isinstance(found, str):
        raise Unreadable("no time where the mapping says")
    return clock(found)


def _seconds(number: float) -> float:
    """A number as seconds since the epoch: by its size it is in seconds, milliseconds, microseconds or nanoseconds."""
    for unit in (1.0, 1e3, 1e6, 1e9):
        if abs(number) / unit < 1e11:
            return number / unit
    raise ValueError(number)
