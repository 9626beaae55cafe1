"""Every credential in one table: what it is, who holds it, when it was used, and what is wrong with it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Final

import typer

from stockade.cli import screen
from stockade.cli.options import Config, Json, stockade
from stockade.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from stockade.app import Stockade
    from stockade.directory import BuiltinDirectory
    from stockade.directory.accounts import Credential, CredentialKind
    from stockade.directory.inventory import Filter, Inventory, Listed

PAGE: Final = 50
SCREENFUL: Final = 500


def credentials(
    holder: Annotated[str | None, typer.Argument(metavar="USER", help="Only those of this account.")] = None,
    *,
    kind: Annotated[
        list[str] | None, typer.Option(metavar="KIND", help="personal, ssh_key, variable, … may be given again.")
    ] = None,
    place: Annotated[
        str | None, typer.Option("--in", metavar="PATH", help='Of this project or group; "" is the whole instance.')
    ] = None,
    unused: Annotated[str | None, typer.Option(metavar="SPAN", help="Not used for so long: 90d.")] = None,
    endless: Annotated[bool, typer.Option("--endless", help="That never expire.")] = False,
    broad: Annotated[bool, typer.Option("--broad", help="That may do everything their holder may.")] = False,
    gone: Annotated[bool, typer.Option("--gone", help="Of accounts that are blocked or whose owner left.")] = False,
    weak: Annotated[bool, typer.Option("--weak", help="Keys that can be broken, or soon.")] = False,
    shared: Annotated[bool, typer.Option("--shared", help="That several people or places have.")] = False,
    dead: Annotated[bool, typer.Option("--dead", help="Also those that are revoked or expired.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="How many lines are shown.")] = PAGE,
    all_: Annotated[bool, typer.Option("--all", help="Show all of them, however many there are.")] = False,
    revoke: Annotated[
        list[str] | None, typer.Option(metavar="REF", help="End this one: token/12; may be given again.")
    ] = None,
    rotate: Annotated[
        str | None, typer.Option(metavar="REF", help="Replace this one; the new one is shown once.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, for whoever asks later.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask again.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Every credential: kind, holder, scopes, made, last used and from where, expires, and how it is ended.

    With --json, one line of JSON for each of them, all of them, as they come. Several filters have to hold together.
    """
    asked = stockade(config)
    if revoke or rotate:
        return _act(asked, revoke or [], rotate, reason=reason, yes=yes)
    flags = {"UNUSED": bool(unused), "ENDLESS": endless, "BROAD": broad, "GONE": gone, "WEAK": weak, "SHARED": shared}
    wanted = _filter(holder, kind or [], place, flags, dead=dead)
    with asked.directory() as directory:
        return _list(directory, wanted, _span(unused), None if all_ else limit, json=json)


def _span(text: str | None) -> float:
    from stockade.config.values import seconds_of
    from stockade.directory.inventory import STALE

    return seconds_of(text) if text else STALE


def _filter(
    holder: str | None, kinds: Sequence[str], place: str | None, flags: dict[str, bool], *, dead: bool
) -> Filter:
    from stockade.directory.inventory import Filter, Mark
    from stockade.directory.names import account_name, project_path

    marked = frozenset(Mark[name] for name, asked in flags.items() if asked)
    return Filter(
        frozenset(map(_kind, kinds)),
        None if holder is None else account_name(holder),
        project_path(place) if place else place,
        marked,
        dead,
    )


def _kind(name: str) -> CredentialKind:
    from stockade.config.values import meant
    from stockade.directory.accounts import CredentialKind

    known = [kind.value for kind in CredentialKind]
    if name not in known:
        raise ConfigurationError(
            f'there is no kind "{name}" of credential{meant(name, known)}', remedy=f"Write one of {', '.join(known)}."
        )
    return CredentialKind(name)


# ── shown ────────────────────────────────────────────────────────────────────────────────────────


def _list(directory: BuiltinDirectory, wanted: Filter, stale: float, limit: int | None, *, json: bool) -> None:
    from stockade.app.inventory import inventory, lines, listed

    counted = inventory(directory, wanted, time.time(), stale)
    found = listed(directory, counted)
    if json:
        for some in lines(found):
            sys.stdout.buffer.write(some)
        sys.stdout.flush()
        return
    shown = _rows(islice(found, limit))
    for _ in found:  # the rest is counted
        pass
    _totals(counted, shown)


def _rows(found: Iterator[Listed]) -> int:
    """Show them, a screenful at a time, so that they need no more memory than that; answers how many there were."""
    shown = 0
    while some := list(islice(found, SCREENFUL)):
        table = screen.table("what", "holder", "scopes", "made", "last used", "expires", "why", "how it ends")
        for each in some:
            table.add_row(*_row(each))
        screen.say(table)
        shown += len(some)
    return shown


def _row(found: Listed) -> list[RenderableType]:
    from stockade.directory.inventory import MAY_EXPIRE, USE_IS_NOTED, revocable

    each = found.credential
    what = screen.shown(f"{each.kind.noun}/{each.id}", "bold") + screen.shown(f" {each.kind.value} {each.name}")
    place = f" in {each.within}" if each.within else ""
    never = "never" if each.kind in USE_IS_NOTED else ""
    used = f"{_day(each.last_used)} {each.last_address or ''}" if each.last_used else never
    endless = "never" if each.kind in MAY_EXPIRE else ""
    end = _day(each.revoked) + " revoked" if each.revoked else _day(each.expires) if each.expires else endless
    return [
        what + screen.shown(place, "dim"),
        screen.shown(each.holder),
        screen.shown(", ".join(sorted(each.scopes)) if len(each.scopes) < 5 else "all"),
        _day(each.made),
        screen.shown(used),
        end,
        screen.shown(", ".join(found.why), "yellow"),
        revocable(each.kind),
    ]


def _day(moment: float | None) -> str:
    return "" if moment is None else time.strftime("%Y-%m-%d", time.localtime(moment))


def _totals(counted: Inventory, shown: int) -> None:
    """How many there are, of which kinds and why; and how many of them were not shown."""
    if not counted.total:
        return screen.say(screen.shown(f"nothing found among {_many(counted.looked_at)}"))
    kinds = ", ".join(f"{count:,} {kind.value}" for kind, count in counted.kinds.most_common())
    why = ", ".join(f"{count:,} {mark.value}" for mark, count in counted.marks.most_common())
    left = counted.total - shown
    cut = screen.shown(f", {left:,} of them not shown: --all, --limit, --json", "yellow") if left else ""
    screen.say("", screen.shown(_many(counted.total), "bold") + screen.shown(f" of {counted.looked_at:,}") + cut)
    screen.say(screen.shown(kinds, "dim"))
    return screen.say(screen.shown(why, "yellow")) if why else None


def _many(count: int) -> str:
    return f"{count:,} credential" + ("" if count == 1 else "s")


# ── done ─────────────────────────────────────────────────────────────────────────────────────────


def _act(asked: Stockade, revoke: Sequence[str], rotate: str | None, *, reason: str, yes: bool) -> None:
    """End and replace what was named, after all of it was found and somebody said yes."""
    from stockade.app.respond.reaching import ref_of

    with asked.directory() as directory:
        ending, replacing = [ref_of(each) for each in revoke], None if rotate is None else ref_of(rotate)
        for ref in ending:
            screen.say(screen.shown(f"end {_told(directory.credential(ref))}"))
        if replacing is not None:
            screen.say(screen.shown(f"replace {_told(directory.credential(replacing))}"))
        if not yes:
            typer.confirm("do it?", abort=True)
        for ref in ending:
            directory.revoke(ref, by=asked.actor, reason=reason or None)
        if replacing is not None:
            made, plain = directory.rotate(replacing, by=asked.actor, reason=reason or None)
            screen.say(screen.pairs([("new", screen.shown(str.__str__(plain), "bold")), ("number", str(made.id))]))
            screen.say(screen.shown("It is shown this once.", "dim"))
    screen.say(screen.shown("done", "green"))


def _told(each: Credential) -> str:
    whose = f" of {each.holder or each.within}" if each.holder or each.within else ""
    return f"{each.kind.noun}/{each.id}, {each.kind.value} {each.name}{whose}"
