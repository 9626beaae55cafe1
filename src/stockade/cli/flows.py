"""How a review of traffic looks in a terminal and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stockade.cli import screen
from stockade.cli.findings import STYLES
from stockade.host.traffic.plot import blocks
from stockade.host.traffic.signals.saying import clock, length, many, size

if TYPE_CHECKING:
    from rich.text import Text

    from stockade.host.oddity import Oddity
    from stockade.host.traffic.normal import Normal
    from stockade.host.traffic.places import Places
    from stockade.host.traffic.reviewing import Review
    from stockade.lines.stamps import Dating

FIRST: Final = 12
"""Oddities that are shown whole; of more, the others are counted."""
NOTES: Final = 6
"""Notes that are shown in a line each."""


def show(review: Review, *, everything: bool) -> None:
    """Everything that a review has found, the worst first; notes in a line each."""
    above = review.above_note
    for each in above if everything else above[:FIRST]:
        _show(each)
    if len(above) > FIRST and not everything:
        screen.say("", f"and {len(above) - FIRST} more, not worse: --all shows them")
    notes = [each for each in review.oddities if each.severity == "informational"]
    _show_notes(notes, everything=everything)
    screen.say("" if above or notes else "nothing is odd")
    screen.say(screen.pairs(_about_the_records(review)))


def _show(oddity: Oddity) -> None:
    screen.say(
        "", screen.shown(f" {oddity.severity} ", STYLES[oddity.severity]) + screen.shown(f"  {oddity.title}", "bold")
    )
    also = [f"also: {', '.join(map(str, oddity.facts['also']))}"] if isinstance(oddity.facts.get("also"), list) else []  # type: ignore[call-overload]
    signs = " · ".join([oddity.signal, *oddity.techniques, *also])
    rows: list[tuple[str, Text]] = [("", screen.shown(signs, "dim"))]
    if plot := oddity.facts.get("plot"):
        rows.append(("", _plot(plot)))
    rows.append(("why", screen.shown(oddity.why)))
    rows.append(("look", screen.shown(oddity.look, "bold cyan")))
    rows.append(("may be harmless", screen.shown(oddity.harmless, "italic dim")))
    screen.say(screen.pairs(rows))


def _plot(plot: Any) -> Text:
    """Bars between where they begin and end, and what they count."""
    ends = screen.shown(f"{plot['from']} ", "dim"), screen.shown(f" {plot['to']}  {plot['of']}", "dim")
    return ends[0] + screen.shown(blocks(plot["values"]), "cyan") + ends[1]


def _show_notes(notes: Sequence[Oddity], *, everything: bool) -> None:
    if not notes:
        return
    screen.heading(f"{screen.plural(len(notes), 'note')}: odd, and explained or too little to go by")
    for each in notes if everything else notes[:NOTES]:
        screen.say(screen.shown("  ") + screen.shown(each.title))
        if everything:
            screen.say(screen.shown("    ") + screen.shown(each.harmless, "italic dim"))
    if len(notes) > NOTES and not everything:
        screen.say(screen.shown(f"  and {len(notes) - NOTES} more: --all shows them", "dim"))


def _about_the_records(review: Review) -> Iterator[tuple[str, Text]]:
    """What was read and with what it was compared, and what could not be seen."""
    for source in review.sources:
        damaged = f", {source.damaged:,} damaged" if source.damaged else ""
        more = ", and there are more: this is as many as are read" if source.more else ""
        yield "read", screen.shown(f"{source.name}: {source.records:,} records, {source.format}{damaged}{more}")
    if review.records:
        between = f"{clock(review.began)} to {clock(review.ended)} UTC ({length(review.ended - review.began)})"
        yield "from", screen.shown(f"{between}, {many(review.conversations, 'conversation')}")
        yield "normal", screen.shown(_normal(review.normal))
    for unseen in review.unseen:
        yield "not seen", screen.shown(f"{unseen.what}: {unseen.why}. {unseen.remedy}", "yellow")


def _normal(normal: Normal) -> str:
    span = f"{clock(normal.since)} to {clock(normal.until)} ({length(normal.until - normal.since)})"
    if not normal.learned:
        return f"none was learned: the first half of these records is it, {span}"
    return f"learned from {normal.records:,} records of {span}"


def show_normal(normal: Normal, file: Path) -> None:
    """What was learned."""
    rows = [
        ("normal", screen.shown(file, "bold")),
        ("of", screen.shown(f"{normal.records:,} records, {clock(normal.since)} to {clock(normal.until)}")),
        ("knows", screen.shown(f"{len(normal.destinations):,} destinations outside, {len(normal.ports):,} ports out, "
                               f"{len(normal.served):,} services, {len(normal.calls):,} conversations that come back")),
    ]  # fmt: skip
    screen.say(screen.pairs(rows))
    if not normal.firm:
        said = (
            f"It covers {length(max(0.0, normal.until - normal.since))}: less than a day, so what is new stays a note."
        )
        screen.say(screen.shown(said, "yellow"))


def as_json(review: Review) -> dict[str, object]:
    """The same with all its numbers, without the normal itself."""
    normal = review.normal
    return {
        "files": [asdict(each) for each in review.sources],
        "records": review.records,
        "conversations": review.conversations,
        "began": review.began,
        "ended": review.ended,
        "normal": {"learned": normal.learned, "since": normal.since, "until": normal.until, "records": normal.records},
        "findings": [_oddity(each) for each in review.oddities],
        "unseen": [asdict(each) for each in review.unseen],
    }


def _oddity(oddity: Oddity) -> dict[str, object]:
    names = ("signal", "severity", "title", "why", "look", "harmless", "techniques", "facts")
    return {"subject": str(oddity.subject), **{name: getattr(oddity, name) for name in names}}


def show_about(files: Sequence[Path], places: Places, dating: Dating, form: str, about: str, *, json: bool) -> None:
    """What an address did, or which names were asked for below a zone."""
    from stockade.host.traffic.about import told

    calls, names = told(files, places, dating, form, about)
    if json:
        return screen.say_json({"conversations": [asdict(each) for each in calls], "names": names})
    table = screen.table("from", "to", "times", "failed", "sent", "got", "first (UTC)", "last")
    for each in calls:
        numbers = (
            str(each.count),
            str(each.failed),
            size(each.sent),
            size(each.got),
            clock(each.first),
            clock(each.last),
        )
        to = f"{each.to} {each.name}".rstrip()
        table.add_row(screen.shown(each.source), screen.shown(to), *map(screen.shown, numbers))
    if calls:
        screen.say(table)
    for name, count in names:
        screen.say(screen.shown(f"{count:6}  ") + screen.shown(name))
    if not calls and not names:
        screen.say(f"nothing is known of {screen.safe(about)}")
    return None
