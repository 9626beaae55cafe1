"""The order in which a machine is brought up to date, and by when: what is exploited first, then security, then what
gets no updates any more; and what has to start anew after that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from shlex import join
from typing import Final

from stockade.host.updates.behind import Behind, Judged, Why
from stockade.host.updates.restarting import Restart
from stockade.host.updates.version import numbers

ONLY: Final = ("apt-get", "install", "--only-upgrade")
STOPS: Final = ", by all the stops that its makers name between the two"
WITHIN: Final = {Why.EXPLOITED: 1, Why.SECURITY: 7, Why.END: 90, Why.OLD: 30}
"""Days. What is exploited has CISA's own day where that is sooner; it has mostly gone by."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do by a day: ``command`` is what is typed, empty where a person has to choose. ``after`` is what it
    mends.
    """

    by: date
    what: str
    command: str
    why: Why | None
    mends: tuple[str, ...] = ()


def planned(found: Judged, restarts: Sequence[Restart], today: date) -> tuple[Step, ...]:
    """The whole plan, in its order. Distribution packages that are due for one reason are one step."""
    steps = [step for why in Why for step in _for_one_reason(found.of(why), why, today)]
    return (*steps, *(_restart(each, today) for each in _machine_last(restarts)))


def _for_one_reason(those: Sequence[Behind], why: Why, today: date) -> Iterator[Step]:
    by = today + timedelta(WITHIN[why])
    packages = [each for each in those if each.kind == "package"]
    for each in those:
        if each.kind != "package" or not each.mends:
            yield Step(min([by, *_due(each, today)]), _what(each), _command(each), why, (each.name,))
    if mended := [each for each in packages if each.mends]:
        due = min([by, *(day for each in mended for day in _due(each, today))])
        yield Step(due, _several(mended, why), _apt(mended), why, tuple(each.name for each in mended))


def _due(found: Behind, today: date) -> Iterator[date]:
    """Days by which others want it done, no earlier than today."""
    for each in found.exploited:
        yield max(today, each.due)
    if found.why is Why.END and found.ends is not None and found.ends > today:
        yield found.ends


def _what(found: Behind) -> str:
    if not found.mends:
        return f"{found.name} {found.installed} has no update: restrict who reaches it, or take it off"
    if found.kind == "system":
        return f"go from {found.name} to {found.mends}"
    far = numbers(found.installed)[:1] != numbers(found.mends)[:1]
    return f"update {found.name} {found.installed} to {found.mends}{STOPS if far else ''}"


def _command(found: Behind) -> str:
    if not found.mends:
        return "stockade host restrict" if found.why is Why.EXPLOITED else ""
    return join([*ONLY, *(f"{each}={found.mends}*" for each in found.packages)]) if found.packages else ""


def _several(those: Sequence[Behind], why: Why) -> str:
    names = ", ".join(each.name for each in those[:3]) + (f" and {len(those) - 3} more" if len(those) > 3 else "")
    said = {Why.EXPLOITED: "exploited", Why.SECURITY: "security"}.get(why, "other")
    return f"{said} updates of the distribution: {names}"


def _apt(those: Sequence[Behind]) -> str:
    """All at once where all are to be updated anyway, else those alone."""
    if those[0].why is Why.OLD:
        return "apt-get upgrade"
    return join([*ONLY, *(name for each in those for name in each.packages)])


def _restart(found: Restart, today: date) -> Step:
    what = (
        f"start {found.name} anew: {found.package} was updated beneath it" if found.pids else f"reboot: {found.package}"
    )
    return Step(today + timedelta(1), what, found.command if found.command.startswith("systemctl") else "", None)


def _machine_last(restarts: Iterable[Restart]) -> list[Restart]:
    return sorted(restarts, key=lambda each: not each.pids)
