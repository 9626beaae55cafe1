"""How findings look in a terminal and as JSON."""

from __future__ import annotations

import json as as_text
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from stockade.cli import screen
from stockade.errors import ConfigurationError
from stockade.events import Entry, Event, Finding, Severity

if TYPE_CHECKING:
    from rich.text import Text

    from stockade.app.detecting import Run, Told

STYLES: Final[Mapping[Severity, str]] = {
    "critical": "bold white on red",
    "high": "bold red",
    "medium": "yellow",
    "low": "cyan",
    "informational": "dim",
}
"""How a severity looks, the worst first."""
PARTICULARS: Final = 100
"""Characters of what an entry says besides."""
ENTRIES: Final = 8
"""Entries of a finding that are shown; of more the first and the last."""


def severities(least: str) -> list[Severity]:
    """The severities from the worst down to this one. Raises ConfigurationError."""
    names = list(STYLES)
    if least not in names:
        raise ConfigurationError(f"there is no level {least}", remedy=f"Choose one of {', '.join(names)}.")
    return names[: names.index(least) + 1]


def show_run(run: Run, shown: Sequence[Told], level: str) -> None:
    """Everything that a look over history has found, the worst first."""
    for told in shown:
        show(told.finding, told.again)
    when = f" from {_day(run.began)} to {_day(run.ended)}" if run.entries else ""
    screen.say(
        "" if shown else "nothing found", f"{screen.plural(run.entries, 'entry', 'entries')}{when}, {run.rules} rules"
    )
    less = len(run.told) - len(shown)
    if less:
        screen.say(f"{screen.plural(less, 'finding')} below {level}: --level informational shows them")
    if run.asleep:
        said = f"not run without a GeoIP database (--geoip): {', '.join(run.asleep)}"
        screen.say(screen.shown(said, "yellow"))
    for doubt in run.doubts:
        screen.say(screen.shown(f"not seen: {doubt}", "yellow"))


def show(finding: Finding, again: int = 0) -> None:
    """One finding: what, about whom, the entries that show it, and why it may be harmless."""
    title = screen.shown(f" {finding.severity} ", STYLES[finding.severity]) + screen.shown(f"  {finding.title}", "bold")
    if finding.shadow:
        title += screen.shown("  (on trial)", "dim")
    about = [finding.subject, _moment(finding.time), finding.rule, " ".join(finding.techniques)]
    repeated = f"and {again} times more" if again else ""
    screen.say("", title, _indented(" · ".join(str(each) for each in [*about, repeated] if each)))
    for entry in _some(finding.entries):
        screen.say(_indented(entry))
    if finding.harmless:
        screen.say(_indented(f"may be harmless: {finding.harmless}", "italic dim"))


def tell(finding: Finding, *, json: bool) -> None:
    """One finding that has just been made; as JSON on a line of its own."""
    if json:
        sys.stdout.write(as_text.dumps(as_json(finding)) + "\n")
        sys.stdout.flush()
    else:
        show(finding)


def said(entry: Entry) -> str:
    """An entry in a line: when, what, who, to what, from where."""
    event = entry.event
    plain = event.outcome in {"success", "unknown"} or event.action.endswith(".failure")
    what = event.action if plain else f"{event.action} ({event.outcome})"
    parts = [f"#{entry.index}", _moment(event.time), what]
    parts += [str(event.actor)] if event.actor else []
    parts += [f"→ {event.target}"] if event.target and event.target != event.actor else []
    parts += [f"from {event.source}"] if event.source else []
    return "  ".join([*parts, *_particulars(event)])


def _particulars(event: Event) -> Iterator[str]:
    """What the details say that helps most, in few words."""
    details = event.details
    if event.action == "http.request":
        yield " ".join(str(details[name]) for name in ("method", "path", "status") if name in details)[:PARTICULARS]
    for name in ("command", "change", "message", "title", "reason"):
        if name in details:
            yield str(details[name])[:PARTICULARS]
            break
    if "to" in details:
        yield f"{details.get('from', '')} ⇒ {details['to']}"[:PARTICULARS].strip()


def as_json(finding: Finding, again: int = 0) -> dict[str, object]:
    """A finding with its entries."""
    return {
        **finding.as_event().details,
        "time": finding.time,
        "subject": str(finding.subject) if finding.subject else None,
        "again": again,
        "entries": [entry_as_json(entry) for entry in finding.entries],
    }


def entry_as_json(entry: Entry) -> dict[str, object]:
    """An entry, its references as text."""
    event = entry.event
    refs = {name: str(ref) if ref else None for name, ref in (("actor", event.actor), ("target", event.target))}
    known = {"time": event.time, "action": event.action, **refs, "source": event.source, "outcome": event.outcome}
    return {"index": entry.index, "recorded": entry.recorded, **known, "details": event.details}


def run_as_json(run: Run, shown: Iterable[Told]) -> dict[str, object]:
    """A whole run."""
    return {
        "findings": [as_json(told.finding, told.again) for told in shown],
        "entries": run.entries,
        "began": run.began if run.entries else None,
        "ended": run.ended if run.entries else None,
        "rules": run.rules,
        "asleep": list(run.asleep),
        "doubts": list(run.doubts),
        "next": run.next,
    }


def _some(entries: Sequence[Entry]) -> list[str]:
    if len(entries) <= ENTRIES:
        return [said(entry) for entry in entries]
    half = ENTRIES // 2
    left_out = f"… {len(entries) - 2 * half} more …"
    return [*map(said, entries[:half]), left_out, *map(said, entries[-half:])]


def _indented(text: str, style: str = "") -> Text:
    return screen.shown("    ") + screen.shown(text, style)


def _moment(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))


def _day(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))
