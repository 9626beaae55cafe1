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
MAX_ROWS: Final = 1024
SHORTEST: Final = 0.001
LARGEST: Final = 1e12
"""Between these a callable's period has to be, in seconds, and below the latter any number of a rule."""


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
        limit, period = _number(rule.limit, request), _number(rule.period, request, SHORTEST) * MICROSECONDS
        cost = _number(rule.cost, request)
        burst = (rule.burst if isinstance(rule, Throttle) else None) or max(1.0, limit / 10)
        counted = {COUNT: cost, CLEAR: RESET}.get(state, 0.0)
        return Meter(
            rule.name, WINDOWS[rule.window], limit, period, cost if asks else 0.0, counted, burst, (), enforced
        )


def _number(value: Number | None, request: Request, least: float = 0.0) -> float:
    """A number of a rule for a request. Raises ValueError for one that a rule cannot have: what a client can choose
    must not clear its count, nor count for ever as nothing.
    """
    if not callable(value):
        return float(value or 0.0)
    number = float(value(request))
    if not least <= number < LARGEST:
        raise ValueError("a limit, a period or a cost that cannot be")
    return number


class Row(NamedTuple):
    """What a lane found to ask: a group for the store, and whose its readings are, in order.

    ``refuser`` is the fail2ban rule that refuses this request whether or not it is banned.
    """

    group: Group
    entries: Sequence[Entry]
    refuser: Entry | None


class Lane:
    """The metered rules that share a discriminator."""

    __slots__ = ("_dynamic", "_rows", "entries", "key", "outward", "plain")

    def __init__(self, key: Key, rules: Sequence[Metered]) -> None:
        self.key = key
        self.entries = tuple(Entry(rule) for rule in rules)
        self.outward = tuple(e for e in self.entries if e.on_answer or (isinstance(e.rule, BanRule) and e.rule.reset))
        self._dynamic = any(e.dynamic for e in self.entries)
        self._rows: dict[object, Row] = {}
        alike = all(e.always and isinstance(e.rule, (Throttle, Track)) for e in self.entries)
        self.plain = self._row((COUNT,) * len(self.entries), _NO_REQUEST, exempt=False) if alike else None

    def inward(self, request: Request, *, exempt: bool) -> Row:
        """The meters that apply to a request on its way in."""
        states = tuple([entry.inward(request) for entry in self.entries])
        return self._row(states, request, exempt=exempt)

    def inward_of_sound(self, request: Request, *, exempt: bool) -> tuple[Row, list[tuple[Metered, Exception]]]:
        """The same without the rules whose own code fails, and these with what they raised."""
        states, failed = [], []
        for entry in self.entries:
            try:
                state = entry.inward(request)
                if state != ABSENT:
                    entry.meter(state, request, asks=True, exempt=exempt)
            except Exception as error:  # noqa: BLE001  rules may be anybody's code
                state = ABSENT
                failed.append((entry.rule, error))
            states.append(state)
        return self._row(tuple(states), request, exempt=exempt), failed

    def outgoing(self, request: Request, used: Sequence[str], *, exempt: bool) -> Row | None:
        """The meters that an answer moves; ``used`` names the rules whose count is not already clear."""
        states = tuple(_unless_clear(e.outgoing(request), e.rule.name in used) for e in self.outward)
        return self._row(states, request, exempt=exempt, outward=True) if any(states) else None

    def _row(self, states: tuple[int, ...], request: Request, *, exempt: bool, outward: bool = False) -> Row:
        """The one row for these states, made when it is first needed; limits that are callables are part of the key."""
        key: object = (states, exempt, outward)
        meters = self._meters(states, request, exempt=exempt, outward=outward) if self._dynamic else None
        if meters is not None:
            key = (key, meters)
        row = self._rows.get(key)
        if row is None:
            if len(self._rows) >= MAX_ROWS:
                self._rows.clear()
            meters = meters or self._meters(states, request, exempt=exempt, outward=outward)
            row = self._rows[key] = self._new_row(states, meters, exempt=exempt, outward=outward)
        return row

    def _meters(self, states: tuple[int, ...], request: Request, *, exempt: bool, outward: bool) -> tuple[Meter, ...]:
        entries = self.outward if outward else self.entries
        return tuple(
            e.meter(state, request, asks=not outward, exempt=exempt)
            for e, state in zip(entries, states, strict=True)
            if state != ABSENT
        )

    def _new_row(self, states: tuple[int, ...], meters: Sequence[Meter], *, exempt: bool, outward: bool) -> Row:
        entries = self.outward if outward else self.entries
        chosen = [(e, state) for e, state in zip(entries, states, strict=True) if state != ABSENT]
        refusers = (e for e, state in chosen if state == COUNT and not (outward or exempt) and _refuses(e))
        return Row(Group(meters, exempt=exempt or outward), [e for e, _ in chosen], next(refusers, None))


def _unless_clear(state: int, in_use: bool) -> int:  # noqa: FBT001  a word of its own would say no more
    return ABSENT if state == CLEAR and not in_use else state


def _refuses(entry: Entry) -> bool:
    return isinstance(entry.rule, Fail2Ban) and not entry.rule.shadow


_NO_REQUEST: Final = Request.__new__(Request)
"""Stands for the request where no callable will look at it."""
