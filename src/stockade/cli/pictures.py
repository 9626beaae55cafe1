"""Know a machine again: take its picture while it is good, and compare it ever after."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from stockade.cli import screen
from stockade.cli.exits import Exit
from stockade.cli.options import Config, Json, stockade

if TYPE_CHECKING:
    from rich.text import Text

    from stockade.app.host.pictures import Kept
    from stockade.host.picture import Difference

Of = Annotated[str, typer.Option("--of", metavar="HOST", help="Whose picture: the machine's whose place it takes.")]
STYLES: Final = {"new": "bold red", "changed": "yellow", "gone": "cyan", "updated": "dim"}


def baseline(*, config: Config = None, json: Json = False) -> None:
    """Take the picture of this machine while it is known to be good.

    The file is kept in the state directory; its digest is in the audit log, where nobody can change it.
    """
    from stockade.app.host import pictures
    from stockade.app.host.hosts import this_machine
    from stockade.cli.triage import show_unseen

    kept, unseen = pictures.take(stockade(config), this_machine(thorough=True))
    if json:
        return screen.say_json({**_as_json(kept), "unseen": [asdict(each) for each in unseen]})
    screen.say(screen.shown(f"a picture of {kept.picture.host} was taken", "bold"), _vouched(kept), "")
    screen.say(screen.pairs((kind, screen.shown(f"{count:,}")) for kind, count in kept.picture.counts.items()))
    show_unseen(unseen)
    return screen.say(
        "",
        screen.hints(
            ("compare", "stockade host diff"),
            ("prove when it was taken", f"stockade audit prove {kept.entry.index}"),
            ("keep a copy elsewhere", str(kept.file)),
        ),
    )


def diff(*, of: Of = "", config: Config = None, json: Json = False) -> None:
    """Compare this machine with its picture: what is new, what has changed, what is gone.

    Exit code 1 when it is not as it was.
    """
    from stockade.app.host import pictures
    from stockade.app.host.hosts import this_machine
    from stockade.cli.triage import show_unseen

    kept, differences, unseen = pictures.compare(stockade(config), this_machine(thorough=True), of)
    if json:
        told = [{**asdict(each), "change": each.change} for each in differences]
        screen.say_json({**_as_json(kept), "differences": told, "unseen": [asdict(each) for each in unseen]})
    else:
        _show(kept, differences)
        show_unseen(unseen)
    if any(each.counts for each in differences):
        raise typer.Exit(Exit.FOUND)


def verify(*, of: Of = "", config: Config = None, json: Json = False) -> None:
    """Show that this machine is as its picture, as after it was rebuilt; packages may be newer.

    Exit code 5 when it is not.
    """
    from stockade.app.host import pictures
    from stockade.app.host.hosts import this_machine
    from stockade.cli.triage import show_unseen

    kept, unseen = pictures.verify(stockade(config), this_machine(thorough=True), of)
    if json:
        return screen.say_json({**_as_json(kept), "unseen": [asdict(each) for each in unseen]})
    screen.say(screen.shown(f"{kept.picture.host} is as its picture", "bold green"), _vouched(kept))
    return show_unseen(unseen)


def _show(kept: Kept, differences: Sequence[Difference]) -> None:
    host = kept.picture.host
    if not differences:
        return screen.say(screen.shown(f"{host} is as its picture", "bold green"), _vouched(kept))
    screen.say(
        screen.shown(f"{screen.plural(len(differences), 'difference')}: {host} is not as its picture", "bold red")
    )
    screen.say(_vouched(kept), "")
    table = screen.table("", "kind", "what", "was", "is")
    for each in sorted(differences, key=lambda each: (list(STYLES).index(each.change), each.kind)):
        change = screen.shown(each.change, STYLES[each.change])
        cells = (screen.shown(text) for text in (each.kind, each.thing, each.was or "", each.now or ""))
        table.add_row(change, *cells)
    return screen.say(table)


def _vouched(kept: Kept) -> Text:
    when = screen.since(kept.picture.taken, time.time())
    return screen.shown(
        f"  taken {when}; entry {kept.entry.index} of the log has its digest {kept.picture.digest}", "dim"
    )


def _as_json(kept: Kept) -> dict[str, object]:
    picture = kept.picture
    known = {"host": picture.host, "taken": picture.taken, "digest": picture.digest, "entry": kept.entry.index}
    return {**known, "file": str(kept.file), "things": dict(picture.counts)}
