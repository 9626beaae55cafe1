"""How a collection appears: what is being taken while it goes on, and at the end the head, to be written on paper."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from stockade.cli import screen
from stockade.host.evidence.artifact import TURNS, Artifact
from stockade.host.evidence.chain import Line
from stockade.host.evidence.collecting import Step

if TYPE_CHECKING:
    from rich.text import Text

    from stockade.app.host.evidence import Collected
    from stockade.host.evidence.manifest import Manifest
    from stockade.host.evidence.verify import Report

SHOWN: Final = 200
"""Items that are listed; ``--json`` has all."""


@contextmanager
def watched() -> Iterator[Callable[[Step], None]]:
    """Shows a bar with what is being taken where somebody looks; elsewhere a line for each turn, on standard error."""
    out = screen.console(stderr=True)
    if not out.is_terminal:
        yield _Turns()
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.fields[turn]:<13}"), BarColumn(30), TextColumn("{task.fields[said]}"))
    with Progress(*columns, TimeElapsedColumn(), console=out, transient=True) as bar:
        task = bar.add_task("", total=1, turn="", said="")

        def tell(step: Step) -> None:
            said = f"{step.items:,} items, {size(step.octets)}  {screen.safe(step.what)[:50]}"
            bar.update(task, total=step.artifacts, completed=step.number - 1, turn=str(step.order), said=said)

        yield tell


class _Turns:
    """A line when a turn begins."""

    def __init__(self) -> None:
        self._turn = ""

    def __call__(self, step: Step) -> None:
        if step.order != self._turn:
            self._turn = step.order
            screen.console(stderr=True).print(f"{step.order}: {TURNS[step.order]}")


def show_sealed(found: Collected, to: str) -> None:
    """What was saved; the head, large and alone; and how to check it."""
    sealed = found.sealed
    counted = f"{screen.plural(sealed.items, 'item')}, {size(sealed.octets)}, stored as {size(sealed.stored)}"
    screen.say(
        screen.shown(f"the evidence of {sealed.host} is saved and sealed: ", "bold green") + screen.shown(counted)
    )
    rows = [("in", screen.shown(sealed.place))]
    if sealed.resumed:
        rows.append(("resumed", screen.shown(screen.plural(sealed.resumed, "time"))))
    if sealed.remark:
        rows.append(("beware", screen.shown(sealed.remark, "yellow")))
    if found.unrecorded:
        rows.append(("not on record", screen.shown(found.unrecorded, "yellow")))
    screen.say(screen.pairs(rows))
    screen.say("", screen.shown("WRITE THIS ON PAPER, and keep the paper:", "bold"), "", *_large(sealed.phrase), "")
    again = shlex.quote(_again(to, sealed.place))
    screen.say(screen.shown("check it, from another machine too:"))
    _command(f"stockade evidence verify {again} --head {sealed.phrase}")
    if sealed.missed:
        screen.say(screen.shown(f"{screen.plural(sealed.missed, 'item')} could not be taken, or not whole:", "yellow"))
        _command(f"stockade evidence list {again} --missing")


def _command(line: str) -> None:
    """A line to be copied: however long, it stays one."""
    screen.console().print(screen.shown(line, "bold cyan"), soft_wrap=True)


def _large(phrase: str) -> Iterator[Text]:
    groups = phrase.split("-")
    for at in range(0, len(groups), 3):
        yield screen.shown("      " + "     ".join(" ".join(group) for group in groups[at : at + 3]), "bold reverse")


def _again(to: str, place: str) -> str:
    """The place with the options that the sink was given, to be pasted: they say where secrets are, and hold none."""
    options = to.partition("?")[2]
    return f"{place}?{options}" if options else place


def show_report(report: Report, *, given: bool) -> None:
    """What was checked, and what could not be."""
    counted = (
        f"{screen.plural(report.items, 'item')}, {size(report.octets)}, in {screen.plural(report.parcels, 'parcel')}"
    )
    if report.sealed:
        said = "is what was taken" if given else "is whole"
        screen.say(screen.shown(f"the evidence of {report.host} {said}: ", "bold green") + screen.shown(counted))
    else:
        screen.say(
            screen.shown(f"the evidence of {report.host} was never sealed: ", "bold yellow") + screen.shown(counted)
        )
    rows = [("begun", screen.shown(screen.clock_time(report.begun, time.time())))]
    if report.sealed:
        rows.append(("head", screen.shown(report.phrase, "bold")))
    rows += [("know that", screen.shown(remark, "yellow")) for remark in report.remarks]
    screen.say(screen.pairs(rows))


def show_artifacts(artifacts: Sequence[Artifact], *, json: bool) -> None:
    """What would be taken, in its order."""
    if json:
        screen.say_json([plain(each) for each in artifacts])
        return
    listed = screen.table("turn", "artifact", "what")
    turn = ""
    for each in artifacts:
        first, turn = each.order != turn, each.order
        secret = screen.shown("  a secret: with --secrets", "dim") if each.all_secret else screen.shown("")
        listed.add_row(each.order if first else "", screen.shown(each.id, "bold"), screen.shown(each.what) + secret)
    screen.say(listed)


def show_items(lines: Sequence[Line], *, json: bool) -> None:
    """Items with their sizes, and why one was not taken."""
    if json:
        screen.say_json([dict(line) for line in lines])
        return
    listed = screen.table("item", "octets", "artifact", "what")
    for line in lines[:SHOWN]:
        why = next((f": {line['facts'][key]}" for key in ("error", "absent", "held_back") if key in line["facts"]), "")
        why += ": cut" if "cut" in line["facts"] else ""
        what = screen.shown(line["what"], "bold") + screen.shown(why, "yellow")
        listed.add_row(str(line["item"]), f"{line['size']:,}", screen.shown(line["artifact"]), what)
    screen.say(listed if lines else "nothing")
    if len(lines) > SHOWN:
        screen.say(screen.shown(f"and {len(lines) - SHOWN:,} more: --json shows them", "dim"))


def show_collections(found: Sequence[tuple[str, Manifest]], *, json: bool) -> None:
    """The collections of a place."""
    if json:
        screen.say_json([_collection(*each) for each in found])
        return
    listed = screen.table("collection", "of", "begun", "items", "")
    for place, manifest in found:
        begun = screen.clock_time(manifest.begun["at"], time.time())
        state = screen.shown("sealed", "green") if manifest.sealed else screen.shown("NOT SEALED", "bold yellow")
        listed.add_row(
            screen.shown(place), screen.shown(manifest.begun["host"]), begun, f"{len(manifest.items):,}", state
        )
    screen.say(listed)


def _collection(place: str, manifest: Manifest) -> dict[str, object]:
    begun = manifest.begun
    return {"place": place, "host": begun["host"], "begun": begun["at"], "items": len(manifest.items),
            "sealed": manifest.sealed is not None}  # fmt: skip


def plain(value: Any) -> dict[str, Any]:
    """A dataclass as JSON values."""
    return {key: sorted(each) if isinstance(each, frozenset) else each for key, each in _dict(value).items()}


def _dict(value: Any) -> dict[str, Any]:
    found = asdict(value)
    if "choice" in found:
        found["choice"] = {
            key: sorted(each) if isinstance(each, frozenset) else each for key, each in found["choice"].items()
        }
    return found


def size(octets: int) -> str:
    """Octets as somebody would say them: ``812 MiB``."""
    number = float(octets)
    for unit in ("B", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.0f} {unit}"
        number /= 1024
    return f"{number:.1f} GiB"
