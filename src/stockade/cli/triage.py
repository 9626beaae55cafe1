"""How a look at a machine appears: what is found while it goes on, then all of it, the worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from stockade.cli import screen
from stockade.cli.findings import STYLES
from stockade.host.oddity import Oddity, Unseen
from stockade.host.triage.looking import Progress, Told
from stockade.host.triage.report import NOTE, WORST_FIRST, Report, worst_first

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

SO_FAR: Final = 8
"""Findings that are shown while the look goes on."""
SHOWN: Final = 50
"""Findings about one machine that are shown."""
NEXT: Final = (
    ("leave it running", "what is in memory alone would be gone"),
    ("save the evidence", "stockade host collect --to SINK"),
    ("shut its network", "stockade host isolate"),
)


@contextmanager
def watched(hosts: Sequence[str]) -> Iterator[Callable[[str, Told], None]]:
    """Shows a bar for each machine, and what is found as soon as it is, where somebody looks; at the end it is gone."""
    out = screen.console(stderr=True)
    if not out.is_terminal:
        yield lambda _host, _told: None
        return
    from rich.console import Group
    from rich.live import Live
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    bar = Bar(TextColumn("looking at {task.fields[host]}"), BarColumn(40), TextColumn("{task.description}"))
    tasks = {host: bar.add_task("", total=1.0, host=screen.safe(host)) for host in hosts}
    found = list[Oddity]()
    with Live(bar, console=out, transient=True, refresh_per_second=10) as live:

        def hear(host: str, told: Told) -> None:
            if isinstance(told, Progress):
                bar.update(tasks[host], description=screen.safe(told.what), completed=told.share)
            elif isinstance(told, Oddity) and told.severity != NOTE:
                found.append(told)
                live.update(Group(bar, *map(_title, worst_first(found)[:SO_FAR])), refresh=True)

        yield hear


def show_all(reports: Sequence[Report], *, notes: bool, recorded: bool) -> None:
    """The reports: of several machines first side by side, then each."""
    if len(reports) > 1:
        screen.say(_side_by_side(reports))
    for report in sorted(reports, key=_how_bad):
        if len(reports) > 1:
            screen.say("", screen.shown(f"── {report.host} ".ljust(72, "─"), "dim"))
        show(report, notes=notes)
    if not recorded:
        screen.say("", screen.shown("nothing of this is on record: no log is configured here", "dim"))
    if any(report.findings for report in reports):
        screen.say("", screen.hints(*NEXT))


def _side_by_side(reports: Sequence[Report]) -> Table:
    levels = [level for level in STYLES if level != NOTE]
    made = screen.table("machine", *levels, "notes", "not seen", "")
    for report in sorted(reports, key=_how_bad):
        counts = Counter(each.severity for each in report.findings)
        cells = [screen.shown(counts[level] or "–", STYLES[level] if counts[level] else "dim") for level in levels]
        more = [screen.shown(len(report.notes) or "–", "dim"), screen.shown(len(report.unseen) or "–", "dim")]
        made.add_row(screen.shown(report.host, "bold"), *cells, *more, screen.shown(report.verdict))
    return made


def _how_bad(report: Report) -> tuple[int, int]:
    worst = min((WORST_FIRST[each.severity] for each in report.findings), default=len(WORST_FIRST))
    return worst, -len(report.findings)


def show(report: Report, *, notes: bool) -> None:
    """The whole report."""
    worst = report.findings[0].severity if report.findings else NOTE
    style = STYLES[worst] if report.findings else "green" if report.reached else "yellow"
    screen.say(screen.shown(_count(report), style) + screen.shown(f": {report.verdict}", "bold"))
    for story in report.stories[:SHOWN]:
        _show(*story)
    if len(report.stories) > SHOWN:
        screen.say("", screen.shown(f"and {len(report.stories) - SHOWN} more: --json has all of them", "bold"))
    _show_notes(report.notes, whole=notes)
    show_unseen(report.unseen)


def _count(report: Report) -> str:
    return (
        screen.plural(len(report.stories), "finding")
        if report.findings
        else "nothing found"
        if report.reached
        else "not looked at"
    )


def _title(oddity: Oddity) -> Text:
    return screen.shown(f" {oddity.severity} ", STYLES[oddity.severity]) + screen.shown(f"  {oddity.title}", "bold")


def _show(first: Oddity, *others: Oddity) -> None:
    """What is odd about one thing: the worst of it whole, and the rest in a line each."""
    from rich.padding import Padding

    rows = [("why", screen.shown(f"{first.why} ") + screen.shown(_attack(first), "dim"))]
    rows += [("and", screen.shown(f"{other.title} ") + screen.shown(_attack(other), "dim")) for other in others]
    if first.look:
        rows.append(("look", screen.shown(first.look, "cyan")))
    doubts = dict.fromkeys(each.harmless for each in (first, *others) if each.harmless)
    rows += [("harmless?", screen.shown(doubt, "italic")) for doubt in doubts]
    screen.say("", _title(first), Padding(screen.pairs(rows), (0, 0, 0, 4)))


def _attack(oddity: Oddity) -> str:
    return f"ATT&CK {' '.join(oddity.techniques)}" if oddity.techniques else ""


def _show_notes(notes: Sequence[Oddity], *, whole: bool) -> None:
    if not notes:
        return
    screen.heading(f"{screen.plural(len(notes), 'note')}: odd, and explained")
    if whole:
        for note in notes:
            screen.say(screen.shown(f"  {note.title}"), screen.shown(f"      {note.harmless}", "dim"))
        return
    for signal, count in Counter(note.signal for note in notes).items():
        first = next(note.title for note in notes if note.signal == signal)
        more = f"  (and {count - 1} more: --notes shows them)" if count > 1 else ""
        screen.say(screen.shown(f"  {first}") + screen.shown(more, "dim"))


def show_unseen(unseen: Sequence[Unseen]) -> None:
    """What could not be looked at, and what to do about it."""
    if not unseen:
        return
    screen.heading("not looked at")
    rows = ((each.what, screen.shown(f"{each.why}. ") + screen.shown(each.remedy, "dim")) for each in unseen[:SHOWN])
    screen.say(_beside(rows))


def _beside(rows: Iterable[tuple[str, Text]]) -> Table:
    """What, and what is said of it beside it."""
    from rich.table import Table

    made = Table(box=None, padding=(0, 2, 0, 2), show_header=False, pad_edge=True)
    made.add_column(overflow="fold", ratio=2)
    made.add_column(overflow="fold", ratio=3)
    for what, said in rows:
        made.add_row(screen.shown(what), said)
    return made


def as_json(report: Report, *, recorded: bool) -> dict[str, object]:
    """The whole report, for scripts."""
    return {
        "host": report.host,
        "verdict": report.verdict,
        "reached": report.reached,
        "findings": [_oddity(each) for each in report.findings],
        "notes": [_oddity(each) for each in report.notes],
        "unseen": [asdict(each) for each in report.unseen],
        "recorded": recorded,
    }


def _oddity(oddity: Oddity) -> dict[str, object]:
    return {**asdict(oddity), "subject": str(oddity.subject), "facts": dict(oddity.facts)}
