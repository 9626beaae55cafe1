"""A lane is all the rules that count the same clients; it picks the meters that apply to a request.

What applies is a small number (two bits a rule), and the same number always means the same group of meters, so groups
are made once and found again in a dictionary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from stockade.guard.conditions import Condition
from stockade.guard.discriminators import Key
from stockade.guard.meter import MICROSECONDS, RESET, Group, Meter, Window
from stockade.guard.request import Request
from stockade.guard.rules import WINDOWS, BanRule, Fail2Ban, Metered, Number, Throttle, Track

ABSENT: Final = 0
LOOK: Final = 1
COUNT: Final = 2
CLEAR: Final = 3
MAX_GROUPS: Final = 1024


class Entry:
    """One metered rule, compiled."""

    __slots__ = ("dynamic", "on_answer", "over", "rule", "when")

    def __init__(self, rule: Metered) -> None:
        self.rule = rule
        self.when = rule.condition
        self.on_answer = bool(self.when and self.when.on_answer)
        self.over = rule.over if isinstance(rule, BanRule) and isinstance(rule.over, Condition) else None
        self.dynamic = isinstance(rule, (Throttle, Track)) and any(
            callable(n) for n in (rule.limit, rule.period, rule.cost)
        )

    @property
    def always(self) -> bool:
        """Is it counted for every request, whatever it says?"""
        return self.when is None and not self.dynamic

    def inward(self, request: Request) -> int:
        """Does the rule count this request, only look at it, or leave it alone?"""
        if self.when is None:
            return COUNT
        if isinstance(self.rule, BanRule):
            if not self.on_answer and self.when.test(request):
                return COUNT
            return LOOK if self.over is None or self.over.possible(request) else ABSENT
        if self.on_answer:
            return LOOK if self.when.possible(request) else ABSENT
        return COUNT if self.when.test(request) else ABSENT

    def outgoing(self, request: Request) -> int:
        """Does the answer count, or clear the count, or neither?"""
        if self.on_answer and self.when is not None and self.when.test(request):
            return COUNT
        reset = self.rule.reset if isinstance(self.rule, BanRule) else None
        return CLEAR if isinstance(reset, Condition) and reset.test(request) else ABSENT

    def meter(self, state: int, request: Request, *, asks: bool, exempt: bool) -> Meter:
        """The meter for a state; ``asks`` on the way in, where there must be room."""
        rule = self.rule
        enforced = not (rule.shadow or exempt)
        if isinstance(rule, BanRule):
            bantimes = () if exempt else tuple(b * MICROSECONDS for b in rule.bantimes)
            window = Window.SLIDING if exempt else Window.STRIKES
            cost = {COUNT: 1.0, CLEAR: RESET}.get(state, 0.0)
            period = rule.findtime * MICROSECONDS
            return Meter(rule.name, window, rule.maxretry, period, 0.0, cost, 0.0, bantimes, enforced)
        assert isinstance(rule, (Throttle, Track)), rule  # noqa: S101  the only other kinds that count
        limit, period = _number(rule.limit, request), _number(rule.period, request) * MICROSECONDS
        cost = _number(rule.cost, request)
        burst = (rule.burst if isinstance(rule, Throttle) else None) or max(1.0, limit / 10)
        counted = {COUNT: cost, CLEAR: RESET}.get(state, 0.0)
        return Meter(
            rule.name, WINDOWS[rule.window], limit, period, cost if asks else 0.0, counted, burst, (), enforced
        )


def _number(value: Number | None, request: Request) -> float:
    return float(value(request) if callable(value) else value or 0.0)


class Row(NamedTuple):
    """What a lane found to ask: a group for the store, and whose its readings are, in order.

    ``refuser`` is the fail2ban rule that refuses this request whether or not it is banned.
    """

    group: Group
    entries: Sequence[Entry]
    states: Sequence[int]
    refuser: Entry | None
    exempt: bool


class Lane:
    """The metered rules that share a discriminator."""

    __slots__ = ("_dynamic", "_groups", "entries", "key", "outward", "plain")

    def __init__(self, key: Key, rules: Sequence[Metered]) -> None:
        self.key = key
        self.entries = tuple(Entry(rule) for rule in rules)
        self.outward = tuple(e for e in self.entries if e.on_answer or (isinstance(e.rule, BanRule) and e.rule.reset))
        self._dynamic = any(e.dynamic for e in self.entries)
        self._groups: dict[object, Row] = {}
        alike = all(e.always and isinstance(e.rule, (Throttle, Track)) for e in self.entries)
        self.plain = self._row((COUNT,) * len(self.entries), None, exempt=False) if alike else None

    def inward(self, request: Request, *, exempt: bool) -> Row:
        """The meters that apply to a request on its way in."""
        states = tuple([entry.inward(request) for entry in self.entries])
        if self._dynamic:
            return self._row(states, request, exempt=exempt)
        row = self._groups.get((states, exempt))
        if row is None:
            row = self._groups[states, exempt] = self._row(states, request, exempt=exempt)
        return row

    def outgoing(self, request: Request, used: Sequence[str], *, exempt: bool) -> Row | None:
        """The meters that an answer moves; ``used`` names the rules whose count is not already clear."""
        states = []
        for entry in self.outward:
            state = entry.outgoing(request)
            states.append(ABSENT if state == CLEAR and entry.rule.name not in used else state)
        if not any(states):
            return None
        key = (tuple(states), exempt, "out")
        row = self._groups.get(key)
        if row is None or self._dynamic:
            row = self._row(states, request, exempt=exempt, outward=True)
            if not self._dynamic:
                self._groups[key] = row
        return row

    def _row(self, states: Sequence[int], request: Request | None, *, exempt: bool, outward: bool = False) -> Row:
        entries = self.outward if outward else self.entries
        chosen = [(e, s) for e, s in zip(entries, states, strict=True) if s]
        asked = request or _NO_REQUEST
        meters = [e.meter(s, asked, asks=not outward, exempt=exempt) for e, s in chosen]
        refuser = next((e for e, s in chosen if not outward and s == COUNT and _refuses(e)), None)
        group = Group(meters, exempt=exempt or outward)
        return Row(group, [e for e, _ in chosen], [s for _, s in chosen], None if exempt else refuser, exempt)


def _refuses(entry: Entry) -> bool:
    return isinstance(entry.rule, Fail2Ban) and not entry.rule.shadow


_NO_REQUEST: Final = Request.__new__(Request)
"""Stands for the request where no callable will look at it."""
