"""Know a machine again: take its picture while it is good, and compare it ever after."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from stockade.cli import screen
from stockade.cli.exits import Exit
from stockade.cli.host import Patience, Ssh, Sudo
from stockade.cli.options import Config, Json, stockade
from stockade.errors import StockadeError

if TYPE_CHECKING:
    from rich.text import Text

    from stockade.app.host.afar import Pictured
    from stockade.app.host.pictures import Kept
    from stockade.host.oddity import Unseen
    from stockade.host.picture import Difference, Picture

Of = Annotated[str, typer.Option("--of", metavar="HOST", help="Whose picture: the machine's whose place it takes.")]
STYLES: Final = {"new": "bold red", "changed": "yellow", "gone": "cyan", "updated": "dim"}


Far = Annotated[
    str,
    typer.Option("--host", metavar="NAME", help="Another machine, over SSH; nothing but Python 3.11 is needed there."),
]
Several = Annotated[
    list[str] | None,
    typer.Option("--host", metavar="NAME", help="Of this machine over SSH instead; may be given more than once."),
]


def baseline(
    *,
    hosts: Several = None,
    ssh: Ssh = "ssh",
    sudo: Sudo = False,
    patience: Patience = 180.0,
    config: Config = None,
    json: Json = False,
) -> None:
    """Take the picture of a machine while it is known to be good.

    The file is kept in the state directory here, and its digest in the audit log, where nobody can change it. Exit code
    4 when a machine could not be reached.
    """
    from stockade.app.host import pictures

    asked, there, failed = stockade(config), _pictured(hosts or (), ssh, patience, sudo=sudo), list[StockadeError]()
    told = list[dict[str, object]]()
    for found in there.values():
        if isinstance(found, StockadeError):
            failed.append(found)
            continue
        kept = pictures.keep(asked, found[0])
        told.append({**_as_json(kept), "unseen": [asdict(each) for each in found[1]]})
        if not json:
            _show_kept(kept, found[1])
    if json:
        screen.say_json(told if hosts else told[0])
    _end(failed)


def diff(
    *,
    host: Far = "",
    of: Of = "",
    ssh: Ssh = "ssh",
    sudo: Sudo = False,
    patience: Patience = 180.0,
    config: Config = None,
    json: Json = False,
) -> None:
    """Compare a machine with its picture: what is new, what has changed, what is gone.

    Exit code 1 when it is not as it was.
    """
    from stockade.app.host import pictures
    from stockade.cli.triage import show_unseen

    now, unseen = _one(host, ssh, patience, sudo=sudo)
    kept, differences = pictures.compare(stockade(config), now, of)
    if json:
        told = [{**asdict(each), "change": each.change} for each in differences]
        screen.say_json({**_as_json(kept), "differences": told, "unseen": [asdict(each) for each in unseen]})
    else:
        _show(kept, now, differences)
        show_unseen(unseen)
    if any(each.counts for each in differences):
        raise typer.Exit(Exit.FOUND)


def verify(
    *,
    host: Far = "",
    of: Of = "",
    ssh: Ssh = "ssh",
    sudo: Sudo = False,
    patience: Patience = 180.0,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show that a machine is as its picture, as after it was rebuilt; packages may be newer.

    Exit code 5 when it is not.
    """
    from stockade.app.host import pictures
    from stockade.cli.triage import show_unseen

    now, unseen = _one(host, ssh, patience, sudo=sudo)
    kept = pictures.verify(stockade(config), now, of)
    if json:
        return screen.say_json({**_as_json(kept), "unseen": [asdict(each) for each in unseen]})
    screen.say(screen.shown(f"{now.host} is as {pictures.whose(kept, now)} picture", "bold green"), _vouched(kept))
    return show_unseen(unseen)


def _one(host: str, ssh: str, patience: float, *, sudo: bool) -> Pictured:
    (found,) = _pictured([host] if host else (), ssh, patience, sudo=sudo).values()
    if isinstance(found, StockadeError):
        raise found
    return found


def _pictured(hosts: Sequence[str], ssh: str, patience: float, *, sudo: bool) -> Mapping[str, Pictured | StockadeError]:
    """What machines look like now: those that are named, or this one."""
    from stockade.app.host import afar
    from stockade.app.host.hosts import this_machine
    from stockade.host.baseline import taken

    if hosts:
        return afar.pictured(hosts, afar.Asked(shlex.split(ssh), sudo, patience=patience), time.time())
    return {"": taken(this_machine(thorough=True))}


def _end(failed: Sequence[StockadeError]) -> None:
    for error in failed[1:]:
        screen.console(stderr=True).print(screen.shown(f"{error.message}: {error.remedy}", "bold red"))
    if failed:
        raise failed[0]


def _show_kept(kept: Kept, unseen: Sequence[Unseen]) -> None:
    from stockade.cli.triage import show_unseen

    screen.say(screen.shown(f"a picture of {kept.picture.host} was taken", "bold"), _vouched(kept), "")
    screen.say(screen.pairs((kind, screen.shown(f"{count:,}")) for kind, count in kept.picture.counts.items()))
    show_unseen(unseen)
    screen.say(
        "",
        screen.hints(
            ("compare", "stockade host diff"),
            ("prove when it was taken", f"stockade audit prove {kept.entry.index}"),
            ("keep a copy elsewhere", str(kept.file)),
        ),
    )


def _show(kept: Kept, now: Picture, differences: Sequence[Difference]) -> None:
    from stockade.app.host.pictures import whose

    whose_picture = f"{whose(kept, now)} picture"
    counted = sum(each.counts for each in differences)
    said, style = f"{now.host} is as {whose_picture}", "bold green"
    if counted:
        said, style = f"{screen.plural(counted, 'difference')}: {now.host} is not as {whose_picture}", "bold red"
    if updated := len(differences) - counted:
        said += f"; {screen.plural(updated, 'package')} brought up to date"
    screen.say(screen.shown(said, style))
    if not differences:
        return screen.say(_vouched(kept))
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
