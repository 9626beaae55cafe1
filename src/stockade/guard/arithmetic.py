"""How a meter counts: pure functions over a run of floats.

Every meter has three cells of state, and one that can ban three more. The store in this process and the store shared
by processes run these very functions over their own memory; the Redis script repeats them line by line, and a
property test holds the two together.

Each function binds a meter to the place of its cells and answers a :data:`Count`, because binding once and calling
often is three times as fast as passing the meter along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from stockade.guard.meter import FOREVER, Meter, Reading, Window

CELLS = 3
"""Floats of state that a meter has; one that can ban has a second set for the ban."""


class Cells(Protocol):
    """A run of floats that can be written in place: ``array('d')`` or a memory view of one."""

    def __getitem__(self, index: int, /) -> float: ...
    def __setitem__(self, index: int, value: float, /) -> None: ...


Count = Callable[[Cells, int, float], Reading]
"""``count(cells, base, now)``: read and move the state that begins at ``base``, at ``now`` microseconds."""


Counts = Callable[[Cells, int, float], list[Reading]]
"""The same for all the meters of a client at once."""


def bind(meter: Meter, at: int) -> Count:
    """The arithmetic of a meter whose cells begin ``at`` places after the client's first."""
    return BINDERS[meter.window](meter, at)


def together(meters: Iterable[tuple[Meter, int]]) -> Counts:
    """The arithmetic of several meters, each bound to its place.

    Nearly every request falls in the open window of a :func:`sliding` meter and finds room there. That case is counted
    in this loop, since a call for each meter would cost as much as its arithmetic.
    """
    each = [(at, *_quick(meter), bind(meter, at)) for meter, at in meters]

    def count(cells: Cells, base: int, now: float) -> list[Reading]:
        readings = []
        for at, period, room, cost, otherwise in each:
            start = base + at
            elapsed = now - cells[start]
            if 0.0 <= elapsed < period:
                used = current = cells[start + 2]
                before = cells[start + 1]
                if before:
                    used += before * (1.0 - elapsed / period)
                if used <= room:
                    cells[start + 2] = current + cost
                    readings.append((used + cost, 0.0, 0))
                    continue
            readings.append(otherwise(cells, base, now))
        return readings

    return count


def afterwards(meters: Iterable[tuple[Meter, int]]) -> Callable[[Cells, int, Sequence[float]], None]:
    """Count at once what came at several moments, all of it known to be let pass; the cells are left as if each had
    been counted when it came.
    """
    each = [(at, *_quick(meter), bind(meter, at)) for meter, at in meters if meter.cost]

    def count(cells: Cells, base: int, moments: Sequence[float]) -> None:
        for at, period, _, cost, one in each:
            start = cells[base + at]
            if start <= moments[0] and moments[-1] < start + period:
                cells[base + at + 2] += cost * len(moments)
            elif period:
                _slide(cells, base + at, period, cost, moments)
            else:
                for moment in moments:
                    one(cells, base, moment)

    return count


def _slide(cells: Cells, start_at: int, period: float, cost: float, moments: Sequence[float]) -> None:
    """Count as :func:`sliding` does where there is room, window after window."""
    for moment in moments:
        elapsed = moment - cells[start_at]
        if not 0.0 <= elapsed < period:
            roll(cells, start_at, period, moment)
        cells[start_at + 2] += cost


def to_spare(meters: Iterable[tuple[Meter, int]], share: float) -> Callable[[Cells, int, float], float]:
    """How many more requests leave every meter within a share of its limit, whenever they come.

    Without new requests a count only falls; the window before is taken whole, so that not even a clock that is set back
    makes it rise. A meter that may ban has nothing to spare.
    """
    each = [(meter, at, meter.limit * share) for meter, at in meters if meter.cost]

    def spare(cells: Cells, base: int, now: float) -> float:
        least = FOREVER
        for meter, at, limit in each:
            least = min(least, (limit - _most_used(meter, cells, base + at, now)) / meter.cost)
        return least

    return spare


def _most_used(meter: Meter, cells: Cells, start: int, now: float) -> float:
    """The most that a count can be at any later time, if nothing more is counted."""
    if meter.cost < 0.0 or meter.bantimes:
        return FOREVER
    if meter.window is Window.GCRA:
        return meter.limit - meter.burst + max(0.0, cells[start] - now) * meter.limit / meter.period
    return cells[start + 1] + cells[start + 2]


def _quick(meter: Meter) -> tuple[float, float, float]:
    """Period, room and cost of the quick case; a period of 0, in which nothing ever falls, for who has none."""
    if meter.window is Window.SLIDING and meter.cost >= 0.0:
        return meter.period, meter.limit - meter.need if meter.need else FOREVER, meter.cost
    return 0.0, 0.0, 0.0


def sliding(meter: Meter, at: int) -> Count:
    """Two counters: what the window before holds counts by the share of it still in sight."""
    period, need, cost = meter.period, meter.need, meter.cost
    room = meter.limit - need if need else FOREVER

    def count(cells: Cells, base: int, now: float) -> Reading:
        start = base + at
        elapsed = roll(cells, start, period, now)
        before, current = cells[start + 1], cells[start + 2]
        if cost < 0.0:
            cells[start + 1] = cells[start + 2] = 0.0
            return 0.0, 0.0, 0
        used = current + before * (1.0 - elapsed / period)
        if used > room:
            return used, wait_for_room(room, period, elapsed, before, current), 0
        cells[start + 2] = current + cost
        return used + cost, 0.0, 0

    return count


def roll(cells: Cells, start_at: int, period: float, now: float) -> float:
    """Open the window that ``now`` falls in, and answer how far into it we are.

    A clock that was set back a little leaves the client in the window it had, as if no time had passed.
    """
    elapsed = now - cells[start_at]
    if 0.0 <= elapsed < period:
        return elapsed
    if -2 * period < elapsed < 0.0:
        return 0.0
    if 0.0 <= elapsed < 2 * period:
        cells[start_at] += period
        cells[start_at + 1] = cells[start_at + 2]
        cells[start_at + 2] = 0.0
        return elapsed - period
    cells[start_at] = now
    cells[start_at + 1] = cells[start_at + 2] = 0.0
    return 0.0


def wait_for_room(room: float, period: float, elapsed: float, before: float, current: float) -> float:
    """Microseconds until a sliding estimate has fallen to ``room``, if nothing more is counted."""
    if room < 0.0:
        return period
    if current <= room:
        return max(1.0, period * (1.0 - (room - current) / before) - elapsed)
    return max(1.0, period - elapsed + period * (1.0 - room / current))


def fixed(meter: Meter, at: int) -> Count:
    """Rack::Attack's arithmetic: windows aligned to the epoch, and what is refused is counted too."""
    period, need, cost = meter.period, meter.need, meter.cost
    room = meter.limit - need if need else FOREVER
    current_at = at + 2

    def count(cells: Cells, base: int, now: float) -> Reading:
        start = now - now % period
        if cells[base + at] != start:
            cells[base + at] = start
            cells[base + current_at] = 0.0
        used = cells[base + current_at]
        counted = max(used + cost, 0.0) if cost >= 0.0 else 0.0
        cells[base + current_at] = counted
        return counted, (start + period - now if used > room else 0.0), 0

    return count


def gcra(meter: Meter, at: int) -> Count:
    """The generic cell rate algorithm: the cell holds the theoretical arrival time of the next request.

    An arrival further ahead than any client can bring about was written before the clock was set back, and is dropped.
    What is added without asking, of failures for one, leads no further ahead than a period and the burst.
    """
    need, cost = meter.need, meter.cost
    pace = meter.period / meter.limit if meter.limit > 0.0 else FOREVER
    tolerance = meter.burst * pace if meter.limit > 0.0 else 0.0
    most, furthest = tolerance + meter.period, tolerance + 2 * meter.period

    def count(cells: Cells, base: int, now: float) -> Reading:
        arrival = cells[base + at]
        if not now < arrival <= now + furthest:
            arrival = now
        if need:
            wait = arrival + need * pace - tolerance - now
            if wait > 1.0:  # less than a microsecond is rounding, and would eat from the burst
                return (arrival - now) / pace, min(wait, meter.period) if meter.limit <= 0.0 else wait, 0
        if cost < 0.0:
            cells[base + at] = arrival = now
        elif cost:
            arrival += cost * pace
            if arrival > now + most:  # noqa: PLR1730  a call of min() costs more than the whole comparison
                arrival = now + most
            cells[base + at] = arrival
        return (arrival - now) / pace, 0.0, 0

    return count


def strikes(meter: Meter, at: int) -> Count:
    """Count a strike as :func:`sliding` does, and ban at the limit: longer each time in a row.

    The row is forgotten once the client has behaved, after a ban, for as long as the longest ban lasts.
    """
    tally = sliding(meter._replace(need=0.0), at)
    until_at, level_at = at + CELLS, at + CELLS + 1
    limit, cost, bantimes = meter.limit, meter.cost, meter.bantimes

    def count(cells: Cells, base: int, now: float) -> Reading:
        until = cells[base + until_at]
        if until > now:
            return limit, until - now, 0
        used, _, _ = tally(cells, base, now)
        if cost <= 0.0 or used < limit:
            return used, 0.0, 0
        level = int(cells[base + level_at]) if until and now < until + bantimes[-1] else 0
        bantime = bantimes[min(level, len(bantimes) - 1)]
        cells[base + at + 1] = cells[base + at + 2] = 0.0
        cells[base + until_at] = min(now + bantime, FOREVER)
        cells[base + level_at] = level + 1.0
        return used, bantime, level + 1

    return count


BINDERS: dict[Window, Callable[[Meter, int], Count]] = {
    Window.SLIDING: sliding,
    Window.FIXED: fixed,
    Window.GCRA: gcra,
    Window.STRIKES: strikes,
}
