"""How entries of a log look: in a terminal, line by line, and whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Final

from stockade.cli import screen
from stockade.events import Entry, Ref
from stockade.search.said import leaves

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

STYLES: Final[Mapping[str, str]] = {"failure": "red", "refused": "yellow", "unknown": "magenta"}
LEAST: Final = 12
"""Columns below which details are not worth a column."""
LONGEST: Final = 300
"""Characters of the details that a line may take; ``--whole`` shows all."""


def table(found: Sequence[tuple[Entry, str]], zone: tzinfo, *, origins: Sequence[str], roles: bool = False) -> Table:
    """Entries below each other, each with its role in a timeline where ``roles`` are shown.

    A date stands where it changes. The details take the room that is left, and are left out where there is little.
    """
    from rich.table import Table

    heads = ["entry", f"{datetime.now(zone):%Z}", *(["why"] if roles else []), "who", "what", "to what", "from"]
    rows = _rows(found, zone, short_names(origins), roles=roles)
    widths = [max([len(head), *(cell_len_of(row[at]) for row in rows)]) for at, head in enumerate(heads)]
    room = screen.console().width - sum(widths) - 2 * len(widths)
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for head in heads:
        made.add_column(head, overflow="fold", no_wrap=head in {heads[0], heads[1], "why"})
    if room >= LEAST:
        made.add_column("more", no_wrap=True)
    else:
        made.caption, made.caption_justify = (
            screen.shown("too narrow for the details: --whole shows them", "dim"),
            "left",
        )
    for (entry, _), row in zip(found, rows, strict=True):
        made.add_row(*row, *([screen.shown(_cut(details(entry), room), "dim")] if room >= LEAST else []))
    return made


def cell_len_of(cell: Text) -> int:
    """The columns of a terminal that the longest line of a cell takes."""
    return max(line.cell_len for line in cell.split())


def _cut(text: str, room: int) -> str:
    """As much of a text as has room, once it is safe; ``…`` stands for the rest."""
    from rich.cells import set_cell_size

    written = screen.shown(text)
    return written.plain if written.cell_len <= room else set_cell_size(written.plain, room - 1).rstrip() + "…"


def _rows(
    found: Sequence[tuple[Entry, str]], zone: tzinfo, short: Mapping[str, str], *, roles: bool
) -> list[list[Text]]:
    rows, last = [], ""
    for entry, role in found:
        date, _, clock = moment(entry.event.time, zone).partition(" ")
        time = screen.shown(clock) if date == last else screen.shown(date, "dim").append("\n" + clock, "not dim")
        rows.append(_cells(entry, time, short, [screen.shown(role, "dim")] if roles else []))
        last = date
    return rows


def _cells(entry: Entry, time: Text, short: Mapping[str, str], role: list[Text]) -> list[Text]:
    event = entry.event
    return [
        screen.shown(f"{short.get(entry.origin, entry.origin)}{entry.index}", "dim"),
        time,
        *role,
        screen.shown(who(event.actor), "bold"),
        what(entry),
        screen.shown(whom(event.target)),
        screen.shown(event.source or ""),
    ]


def line(entry: Entry, zone: tzinfo, short: Mapping[str, str]) -> Text:
    """One entry in a line of its own, for a screen that goes on."""
    cells = [
        *_cells(entry, screen.shown(moment(entry.event.time, zone)), short, []),
        screen.shown(details(entry), "dim"),
    ]
    return screen.shown("  ").join(cell for cell in cells if cell.plain)


def whole(entry: Entry, zone: tzinfo) -> Table:
    """Everything about an entry."""
    event = entry.event
    rows = [
        ("entry", screen.shown(entry, "bold")),
        ("happened", screen.shown(moment(event.time, zone, whole=True))),
        ("recorded", screen.shown(moment(entry.recorded, zone, whole=True))),
        ("who", screen.shown(event.actor or "–")),
        ("what", what(entry)),
        ("to what", screen.shown(event.target or "–")),
        ("from", screen.shown(event.source or "–")),
        *((screen.safe(name), screen.shown(value)) for name, value in leaves(event.details)),
    ]
    return screen.pairs(rows)


def moment(seconds: float, zone: tzinfo, *, whole: bool = False) -> str:
    """A moment in the reader's zone; whole, to the microsecond and with the zone."""
    try:
        there = datetime.fromtimestamp(seconds, zone)
    except (OverflowError, ValueError, OSError):
        return f"{seconds:g} s"
    return there.isoformat(sep=" ", timespec="microseconds") if whole else f"{there:%Y-%m-%d %H:%M:%S}"


def who(actor: Ref | None) -> str:
    """Somebody, briefly: ``alice``, ``gitlab:bob``, ``gitlab:key/3``."""
    if actor is None:
        return "–"
    name = actor.id if actor.kind == "user" else f"{actor.kind}/{actor.id}"
    return name if actor.system == "stockade" else f"{actor.system}:{name}"


def whom(target: Ref | None) -> str:
    """Something, briefly: ``token/7``, ``gitlab:project/3``."""
    if target is None:
        return ""
    return f"{target.kind}/{target.id}" if target.system == "stockade" else str(target)


def what(entry: Entry) -> Text:
    """The action, and how it ended unless well."""
    event = entry.event
    said = screen.shown(event.action, STYLES.get(event.outcome, ""))
    if event.outcome == "success" or event.action.endswith(f".{event.outcome}"):
        return said
    return said + screen.shown(f" ({event.outcome})", STYLES.get(event.outcome, ""))


def details(entry: Entry) -> str:
    """The details in a line; one that is too long ends in ``…``."""
    said = "  ".join(f"{name}={value}" for name, value in leaves(entry.event.details))
    return said if len(said) <= LONGEST else said[:LONGEST] + "…"


def short_names(origins: Sequence[str]) -> dict[str, str]:
    """What stands before an entry's number: nothing for one log, else as much of the origins as tells them apart."""
    if len(set(origins)) < 2:
        return dict.fromkeys(origins, "")
    parts = [origin.split("/") for origin in origins]
    cut = 0
    while all(len(each) > cut + 1 and each[cut] == parts[0][cut] for each in parts):
        cut += 1
    return {origin: "/".join(each[cut:]) + "#" for origin, each in zip(origins, parts, strict=True)}
