"""Secrets: find where they lie, and change every one of them in an order that leaves no way back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from stockade.cli import screen
from stockade.cli.options import Config, Json, Reason, stockade

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType
    from rich.text import Text

    from stockade.app.host.secrets import Scanned
    from stockade.app.respond.renewing import Listed
    from stockade.directory.rotation import Item
    from stockade.host.secrets.found import Found

secrets = typer.Typer(help="Find every secret, and change each in its order.", no_args_is_help=True)

LINES: Final = 25
STATES: Final = {"open": "yellow", "too early": "bold red", "done": "green", "waived": "dim"}
GRADES: Final = {"certain": "bold red", "likely": "yellow", "perhaps": "dim", "note": "dim"}
Refs = Annotated[list[str], typer.Argument(metavar="REF", help="As the list calls them: secret/… or variable/3.")]


@secrets.command()
def scan(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH", help="Files and folders; the configuration's if none.")
    ] = None,
    *,
    environment: Annotated[bool, typer.Option("--environment", help="The environments of processes too.")] = False,
    history: Annotated[bool, typer.Option("--history/--no-history", help="What was ever committed, too.")] = True,
    everything: Annotated[bool, typer.Option("--all", help="Show every line.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Look for secrets in files, environments, databases and Git histories; say where they lie, never what they are.

    What was found before and is another now is recorded as rotated. Nothing is changed.
    """
    from stockade.app.host.secrets import asked_of, scanning

    ours = stockade(config)
    asked = asked_of(ours, paths or [])
    asked.environment, asked.history = asked.environment or environment, asked.history and history
    with _progress() as tell, scanning(ours, tell) as question:
        done = question.run(asked)
    if json:
        return screen.say_json(_scan_as_json(done))
    return _show_scan(done, 10**9 if everything else LINES)


@secrets.command("list")
def list_(
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Every line; what is doubtful, and all that the directory holds, too.")
    ] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """What to change, in which order, by whom, and where it lies: all that was found or can be read again.

    A line cannot be ticked off while something can still read it. The first line is the machine itself.
    """
    from stockade.app.respond.renewing import renewing

    with renewing(stockade(config)) as question:
        found = question.look(all_=everything)
    if json:
        return screen.say_json(_list_as_json(found))
    return _show_list(found, 10**9 if everything else LINES)


@secrets.command()
def done(refs: Refs, *, reason: Reason = "", config: Config = None) -> None:
    """Tick lines off: these are changed, and the old ones open nothing any more. The next scan looks."""
    _tick("done", refs, reason, config)


@secrets.command()
def waive(refs: Refs, *, reason: Reason = "", config: Config = None) -> None:
    """Leave lines out, for a reason."""
    _tick("waive", refs, reason, config)


@secrets.command()
def reopen(refs: Refs, *, config: Config = None) -> None:
    """Open lines again."""
    _tick("reopen", refs, "", config)


def _tick(verb: str, refs: list[str], reason: str, config: Path | None) -> None:
    """One after the other, each by what stands after the one before."""
    from stockade.app.respond.renewing import renewing

    with renewing(stockade(config)) as question:
        for text in refs:
            question.tick(question.look(all_=True), verb, question.ref(text), reason)
        found = question.look()
    screen.say(screen.shown(f"{found.progress.settled} of {len(found.progress.items)} settled", "green"))


@contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    out = screen.console(stderr=True)
    if not out.is_terminal:
        yield lambda _octets: None
        return
    with out.status("looking") as status:
        yield lambda octets: status.update(f"looking: {octets / 1e6:,.0f} MB read")


# ── a scan ───────────────────────────────────────────────────────────────────────────────────────


def _show_scan(found: Scanned, most: int) -> None:
    worst = sorted(found.found, key=lambda each: (list(GRADES).index(each.grade.value), each.kind, each.places[0]))
    shown = [each for each in worst if each.grade.value != "perhaps" or most > LINES]
    if shown:
        table = screen.table("what", "sure", "length", "where it lies")
        for each in shown[:most]:
            table.add_row(*_secret(each, 3 if most <= LINES else 10**9))
        screen.say(table)
    if len(shown) > most:
        screen.say(screen.shown(f"and {len(shown) - most:,} more: --all, or stockade secrets list", "yellow"))
    counts = Counter(each.grade.value for each in found.found)
    said = ", ".join(f"{counts[grade]:,} {grade}" for grade in GRADES if counts[grade]) or "nothing"
    screen.say("", screen.shown(f"{said}", "bold") + screen.shown(f"; {_looked(found)}"))
    if found.notes:
        most_common = ", ".join(f"{count:,} {why}" for why, count in found.notes.most_common(5))
        screen.say(screen.shown(f"only looks like one: {most_common}", "dim"))
    _changes(found)
    _show_unseen(found, most)


def _looked(found: Scanned) -> str:
    counts = found.counts
    parts = [f"{counts.get('files', 0):,} files, {counts.get('octets', 0) / 1e6:,.1f} MB"]
    parts += [f"{counts['histories']} histories"] if counts.get("histories") else []
    parts += [f"{counts['binary']:,} binary files passed over"] if counts.get("binary") else []
    return ", ".join(parts)


def _changes(found: Scanned) -> None:
    replaced = [event for event in found.of("secret.rotated") if event.outcome == "success"]
    gone = [event for event in found.of("secret.rotated") if event.outcome != "success"]
    for events, style, said in (
        (replaced, "green", "rotated: another stands in its place"),
        (gone, "yellow", "gone from here: tick it off when it is ended where it opened something"),
        (found.of("rotation.reopen"), "bold red", "ticked off, and still the same: open again"),
    ):
        names = ", ".join(f"secret/{event.target.id}" for event in events[:5] if event.target)
        if events:
            screen.say(screen.shown(f"{len(events)} {said}: {names}", style))


def _show_unseen(found: Scanned, most: int) -> None:
    if not found.unseen:
        return
    screen.say("", screen.shown(f"not looked at: {len(found.unseen)}", "yellow"))
    screen.say(
        screen.pairs((each.what, screen.shown(f"{each.why}. {each.remedy}")) for each in found.unseen[: min(most, 8)])
    )


def _secret(each: Found, most: int) -> Iterator[RenderableType]:
    name = f" {each.name}" if each.name and each.name != each.kind else ""
    yield _lines((f"secret/{each.id}", "bold"), (f"{each.kind}{name}", ""))
    yield _lines((each.grade.value, GRADES[each.grade.value]), (each.why, "dim"))
    yield str(each.length)
    yield _lines(*_places([str(place) for place in each.places], most))


def _places(places: list[str], most: int) -> list[tuple[str, str]]:
    more = f"and {len(places) - most} more places" if len(places) > most else ""
    return [*((place, "") for place in places[:most]), (more, "dim")]


def _lines(*parts: tuple[str, str]) -> Text:
    """Texts and their styles, each on a line of its own; empty ones are left out."""
    said = screen.shown("")
    for text, style in parts:
        if text:
            said.append("\n" if said.plain else "").append(screen.safe(text), style)
    return said


# ── the list ─────────────────────────────────────────────────────────────────────────────────────


def _show_list(found: Listed, most: int) -> None:
    kept, ticks = found.progress, found.progress.ticks
    screen.heading(f"to change, in this order: {kept.settled:,} of {len(kept.items):,} settled, {kept.percent} %")
    lines = (
        kept.items
        if most > LINES
        else [item for item in kept.items if ticks[item.target].state.value in {"open", "too early"}]
    )
    table = screen.table("", "state", "what", "how", "ask")
    for item in lines[:most]:
        table.add_row(*_line(found, item))
    screen.say(table)
    if len(lines) > most:
        screen.say(screen.shown(f"and {len(lines) - most:,} more lines: --all", "yellow"))
    if found.scanned is None:
        screen.say(screen.shown("nobody has scanned this machine yet: stockade secrets scan", "yellow"))
    if found.doubtful:
        screen.say(screen.shown(f"{found.doubtful} more may be secrets: --all", "dim"))
    screen.say(
        "",
        screen.hints(("tick one off", "stockade secrets done REF"), ("see whether it is so", "stockade secrets scan")),
    )


def _line(found: Listed, item: Item) -> Iterator[RenderableType]:
    tick = found.progress.ticks[item.target]
    when = f"{time.strftime('%m-%d %H:%M', time.localtime(tick.when))} {tick.by}" if tick.when else ""
    line = found.lines.get(item.target)
    places = [str(place) for place in line.places] if line else []
    cost = next((part for part in item.why.split("; ") if part.startswith(("NOT SIMPLY", "changing it"))), "")
    yield str(item.position)
    yield _lines((tick.state.value, STATES[tick.state.value]), (when, "dim"), (tick.reason, "dim"))
    why = _places(places, 3) if places else [(item.why, "dim")]
    yield _lines((f"{item.target.kind}/{item.target.id}", "bold"), (item.name, ""), *why)
    yield _lines((item.by_hand or item.verb, ""), (cost, "bold red" if "NOT" in cost else "dim"))
    yield screen.shown(", ".join(item.owners))


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────


def _scan_as_json(found: Scanned) -> dict[str, object]:
    return {
        "found": [_found_as_json(each) for each in found.found],
        "rotated": [str(event.target) for event in found.of("secret.rotated") if event.outcome == "success"],
        "gone": [str(event.target) for event in found.of("secret.rotated") if event.outcome != "success"],
        "reopened": [str(event.target) for event in found.of("rotation.reopen")],
        "notes": dict(found.notes),
        "unseen": [{"what": each.what, "why": each.why, "remedy": each.remedy} for each in found.unseen],
        "looked_at": found.counts,
    }


def _found_as_json(each: Found) -> dict[str, object]:
    return {
        "ref": f"secret/{each.id}",
        "fingerprint": each.fingerprint,
        "kind": each.kind,
        "length": each.length,
        "sure": each.grade.value,
        "why": each.why,
        "is": [str(ref) for ref in each.refs],
        "places": [
            {"in": place.where.value, "path": place.path, "name": place.name, "at": place.at, "owner": place.owner}
            for place in each.places
        ],
    }


def _list_as_json(found: Listed) -> dict[str, object]:
    kept = found.progress
    return {
        "settled": kept.settled,
        "of": len(kept.items),
        "percent": kept.percent,
        "scanned": found.scanned,
        "doubtful": found.doubtful,
        "items": [_item_as_json(found, item) for item in kept.items],
    }


def _item_as_json(found: Listed, item: Item) -> dict[str, object]:
    tick, line = found.progress.ticks[item.target], found.lines.get(item.target)
    return {
        "position": item.position,
        "ref": str(item.target),
        "name": item.name,
        "do": item.verb,
        "how": item.by_hand,
        "why": item.why,
        "lost": line.about.lost if line else "",
        "ask": item.owners,
        "after": [str(ref) for ref in item.after],
        "places": [str(place) for place in line.places] if line else [],
        "state": tick.state.value,
        "when": tick.when,
        "by": tick.by,
        "reason": tick.reason,
    }
