"""What Sigma has no word for: values never seen before, long silence, and travelling too fast.

A rule says in its ``stockade:`` section what is to be remembered of the events it selects::

    stockade:
      remember: {type: first_seen, field: source.network, group-by: account, for: 90d}
      remember: {type: dormant, group-by: account, silence: 90d}
      remember: {type: travel, group-by: account, speed: 900, distance: 500}

``first_seen`` holds when the group has values and this is none of them; the first of all is no news. ``dormant`` holds
when the group was silent that long, and was there before. ``travel`` holds when the group was in two places (GeoIP)
that nobody reaches so fast: ``speed`` in kilometres an hour, from ``distance`` kilometres on.

All of it is rebuilt by reading the log, never stored. Above :data:`MOST_GROUPS` groups the one that was quiet the
longest is forgotten, above :data:`MOST_VALUES` values of a group the oldest; ``forgotten`` counts them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt
from typing import Any, Final, Literal, Protocol

from stockade.detect.view import Place, View
from stockade.events import Entry

MOST_GROUPS: Final = 100_000
MOST_VALUES: Final = 500
EARTH: Final = 6371.0
"""Its radius in kilometres."""

Group = tuple[str, ...]
Before = tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Remember:
    """What is to be remembered; times in seconds."""

    type: Literal["first_seen", "dormant", "travel"]
    group_by: tuple[str, ...]
    field: str = ""
    keep: float = 90 * 86_400
    silence: float = 90 * 86_400
    speed: float = 900.0
    distance: float = 500.0

    @property
    def horizon(self) -> float:
        """How far back it has to look, in seconds."""
        return {"first_seen": self.keep, "dormant": 4 * self.silence, "travel": 86_400.0}[self.type]


class Memory(Protocol):
    """The state of one such rule."""

    forgotten: int

    def feed(self, group: Group, value: str, view: View, /) -> Before | None:
        """Answers the entries before this one that make it worth telling, None when it is not."""


class FirstSeen:
    """The values of each group, and when each was seen last."""

    def __init__(self, spec: Remember, *, most_groups: int = MOST_GROUPS, most_values: int = MOST_VALUES) -> None:
        self._spec, self._most_groups, self._most_values = spec, most_groups, most_values
        self._groups = OrderedDict[Group, OrderedDict[str, float]]()
        self.forgotten = 0

    def feed(self, group: Group, value: str, view: View, /) -> Before | None:
        """See :class:`Memory`."""
        if not value:
            return None
        values, news = self._groups.get(group), False
        if values is None:
            values = self._groups[group] = OrderedDict()
            self.forgotten += _bounded(self._groups, self._most_groups)
        else:
            self._groups.move_to_end(group)
            seen = values.get(value)
            news = seen is None or view.moment - seen > self._spec.keep
        values[value] = max(view.moment, values.get(value, 0.0))
        values.move_to_end(value)
        self.forgotten += _bounded(values, self._most_values)
        return () if news else None


class Dormant:
    """When each group was active last."""

    def __init__(self, spec: Remember, *, most_groups: int = MOST_GROUPS) -> None:
        self._spec, self._most = spec, most_groups
        self._last = OrderedDict[Group, Entry]()
        self.forgotten = 0

    def feed(self, group: Group, _value: str, view: View, /) -> Before | None:
        """See :class:`Memory`."""
        before = self._last.get(group)
        if before is not None and before.event.time > view.moment:
            return None
        self._last[group] = view.entry
        self._last.move_to_end(group)
        self.forgotten += _bounded(self._last, self._most)
        silent = before is not None and view.moment - before.event.time >= self._spec.silence
        return (before,) if before is not None and silent else None


class Travel:
    """Where each group was last, and when."""

    def __init__(self, spec: Remember, *, most_groups: int = MOST_GROUPS) -> None:
        self._spec, self._most = spec, most_groups
        self._last = OrderedDict[Group, tuple[float, Place, Entry]]()
        self.forgotten = 0

    def feed(self, group: Group, _value: str, view: View, /) -> Before | None:
        """See :class:`Memory`."""
        place = view.locate(view.event.source) if view.event.source else None
        if place is None or place.latitude is None:
            return None
        before = self._last.get(group)
        self._last[group] = (view.moment, place, view.entry)
        self._last.move_to_end(group)
        self.forgotten += _bounded(self._last, self._most)
        if before is None:
            return None
        far = kilometres(before[1], place)
        hours = max(abs(view.moment - before[0]), 1.0) / 3600
        return (before[2],) if far >= self._spec.distance and far / hours > self._spec.speed else None


MEMORIES: Final[dict[str, Callable[[Remember], Memory]]] = {
    "first_seen": FirstSeen,
    "dormant": Dormant,
    "travel": Travel,
}


def kilometres(one: Place, other: Place) -> float:
    """The way between two places along a great circle (haversine formula); 0 where one is not known."""
    if one.latitude is None or one.longitude is None or other.latitude is None or other.longitude is None:
        return 0.0
    a, b = radians(one.latitude), radians(other.latitude)
    c = radians(other.longitude - one.longitude)
    h = sin((b - a) / 2) ** 2 + cos(a) * cos(b) * sin(c / 2) ** 2
    return 2 * EARTH * asin(min(1.0, sqrt(h)))


def _bounded(held: OrderedDict[Any, Any], most: int) -> int:
    """Forget the oldest until there is room; answers how many."""
    too_many = max(0, len(held) - most)
    for _ in range(too_many):
        held.popitem(last=False)
    return too_many
