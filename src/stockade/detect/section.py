"""Our own section of a Sigma rule, ``stockade:``, read and checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

from stockade.detect.memory import Remember
from stockade.detect.rule import Examples, Subject
from stockade.detect.view import Place
from stockade.errors import ConfigurationError
from stockade.events import Event, Ref

SETTINGS: Final = frozenset({"attack", "subject", "quiet", "shadow", "part", "remember", "examples"})
EPOCH: Final = 1_800_000_000.0
"""When examples take place: on 15 January 2027 at 08:00 UTC, and ``at`` after that."""
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_EXAMPLE: Final = frozenset({"at", "times", "every", "action", "actor", "target", "source", "outcome", "details"})
_REMEMBERED: Final = {
    "first_seen": {"field", "for"},
    "dormant": {"silence"},
    "travel": {"speed", "distance"},
}


def section_of(rule: Any, file: str) -> Mapping[str, Any]:
    """The section of a rule; empty where there is none. Raises ConfigurationError for settings it cannot have."""
    section = rule.custom_attributes.get("stockade", {})
    _known(section, SETTINGS, f"{file}: stockade")
    if section.get("subject", "account") not in get_args(Subject):
        raise ConfigurationError(f"{file}: stockade.subject is one of {', '.join(get_args(Subject))}")
    return dict(section)


def seconds(text: object, file: str) -> float:
    """``90d`` in seconds; units are s, m, h, d and w, as in Sigma. Raises ConfigurationError."""
    found = re.fullmatch(r"(\d{1,9})([smhdw])", str(text))
    if found is None:
        raise ConfigurationError(
            f"{file}: {text!r} is no length of time", remedy="Write it as 30s, 10m, 24h, 90d or 4w."
        )
    return float(found[1]) * _UNITS[found[2]]


def remember_of(given: Any, file: str) -> Remember:
    """What is to be remembered. Raises ConfigurationError."""
    where = f"{file}: stockade.remember"
    kind = given.get("type") if isinstance(given, Mapping) else None
    if kind not in _REMEMBERED:
        raise ConfigurationError(f"{where}.type is one of {', '.join(_REMEMBERED)}")
    _known(given, {"type", "group-by", *_REMEMBERED[kind]}, where)
    if kind == "first_seen" and not given.get("field"):
        raise ConfigurationError(f"{where}.field is missing: what is it that was never seen?")
    group = given.get("group-by", [])
    made: dict[str, Any] = {"type": kind, "group_by": (group,) if isinstance(group, str) else tuple(group)}
    made |= {"field": given["field"]} if "field" in given else {}
    made |= {"keep": seconds(given["for"], where)} if "for" in given else {}
    made |= {"silence": seconds(given["silence"], where)} if "silence" in given else {}
    made |= {name: float(given[name]) for name in ("speed", "distance") if name in given}
    return Remember(**made)


def examples_of(given: Any, file: str) -> Examples:
    """The examples of a rule. Raises ConfigurationError."""
    where = f"{file}: stockade.examples"
    _known(given, {"match", "clean", "places"}, where)
    places = {
        str(network): Place(str(place["country"]), place.get("latitude"), place.get("longitude"))
        for network, place in given.get("places", {}).items()
    }
    made = {kind: _events(given.get(kind, []), f"{where}.{kind}") for kind in ("match", "clean")}
    return Examples(**made, places=places)


def _events(given: Any, where: str) -> tuple[Event, ...]:
    """Events; one with ``times: 9`` and ``every: 5s`` stands for nine, in which ``{n}`` becomes 0, 1, 2, …"""
    made = list[Event]()
    for each in given:
        _known(each, _EXAMPLE, where)
        pause = seconds(each.get("every", "0s"), where)
        for number in range(int(each.get("times", 1))):
            made.append(_event(_numbered(each, number), number * pause, where))
    return tuple(made)


def _numbered(found: Any, number: int) -> Any:
    if isinstance(found, str):
        return found.replace("{n}", str(number))
    if isinstance(found, Mapping):
        return {name: _numbered(inner, number) for name, inner in found.items()}
    return [_numbered(inner, number) for inner in found] if isinstance(found, list) else found


def _event(given: Any, later: float, where: str) -> Event:
    try:
        return Event(
            time=EPOCH + seconds(given.get("at", "0s"), where) + later,
            action=str(given["action"]),
            actor=Ref.parse(given["actor"]) if "actor" in given else None,
            target=Ref.parse(given["target"]) if "target" in given else None,
            source=given.get("source"),
            outcome=given.get("outcome", "success"),
            details=given.get("details", {}),
        )
    except (KeyError, ValueError, AttributeError) as error:
        raise ConfigurationError(f"{where}: {given} is no event: {error}") from error


def _known(given: Any, settings: Iterable[str], where: str) -> None:
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"{where} is no mapping of settings")
    for name in given:
        if name not in settings:
            raise ConfigurationError(
                f"{where}: there is no setting {name!r}", remedy=f"It has {', '.join(sorted(settings))}."
            )
