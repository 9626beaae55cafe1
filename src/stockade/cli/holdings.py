"""The commands that every noun of the directory has: list, remove, restore, and where it can be stopped, pause."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from stockade.cli import screen
from stockade.cli.options import Config, Json, Reason, stockade

if TYPE_CHECKING:
    from stockade.directory import BuiltinDirectory
    from stockade.directory.accounts import Credential, Integration

    Thing = Credential | Integration

Number = Annotated[int, typer.Argument(help="Its number, as the list tells it.")]
TURNS = {"restore": "is in force again", "pause": "is stopped", "resume": "goes on"}


def noun(name: str, what: str, *, stops: bool = False, adds: bool = True, remove: str = "remove") -> typer.Typer:
    """The commands for one noun, which says ``what`` it is; those that ``stops`` can be paused."""
    verbs = "Add, list and end" if adds else "List and end"
    made = typer.Typer(help=f"{verbs} {what}.", no_args_is_help=True)
    made.command("list", help=f"The {what} there are; never a secret.")(_listing(name, what))
    made.command(remove, help=f"End one of the {what}.")(_turning(name, "revoke", "is ended"))
    for verb in ("restore", *(("pause", "resume") if stops else ())):
        meaning = {"restore": "Put back one that was ended", "pause": "Stop one for a while", "resume": "Let one go on"}
        made.command(verb, help=f"{meaning[verb]}.")(_turning(name, verb, TURNS[verb]))
    return made


def told(made: Thing, secret: str | None, *, json: bool) -> None:
    """What was made, with its secret, this once."""
    if json:
        return screen.say_json(screen.plain(made) | ({} if secret is None else {"secret": str.__str__(secret)}))
    rows = [(made.ref.kind, screen.shown(made.name)), ("number", screen.shown(made.id, "bold"))]
    if made.ref.kind == "application":
        rows.append(("client id", screen.shown(getattr(made, "username", ""), "bold")))
    if secret is not None:
        rows.append(("secret", screen.shown(str.__str__(secret), "bold")))
    screen.say(screen.pairs(rows))
    if secret is not None:
        screen.say(screen.shown("It is shown this once.", "dim"))
    return None


def _listing(name: str, what: str):  # type: ignore[no-untyped-def]
    def listing(
        whose: Annotated[str | None, typer.Argument(help="Only those of this account, project or group.")] = None,
        *,
        config: Config = None,
        json: Json = False,
    ) -> None:
        with stockade(config).directory() as directory:
            found = [thing for thing in _things(directory, name) if whose is None or whose in _belongs(thing)]
        if json:
            return screen.say_json(found)
        listed = screen.table("number", "of", "name", "made", "by", "state")
        now = time.time()
        for thing in found:
            made = screen.clock_time(thing.made, 0.0)
            listed.add_row(
                screen.shown(thing.id, "bold"),
                screen.shown(" ".join(_belongs(thing)) or "the instance"),
                screen.shown(thing.name),
                made,
                screen.shown(thing.made_by or ""),
                screen.shown(_state(thing, now)),
            )
        return screen.say(listed if found else f"none: {what}")

    return listing


def _turning(name: str, verb: str, says: str):  # type: ignore[no-untyped-def]
    def turning(number: Number, *, reason: Reason = "", config: Config = None, json: Json = False) -> None:
        from stockade.directory.accounts import SYSTEM
        from stockade.events import Ref

        asked = stockade(config)
        with asked.directory() as directory:
            ref = Ref(SYSTEM, name, str(number))
            thing = getattr(directory, verb)(ref, by=asked.actor, reason=reason or None)
        if json:
            return screen.say_json(thing)
        return screen.say(screen.shown(f"{name} {number} ") + screen.shown(thing.name, "bold") + f" {says}")

    return turning


def _things(directory: BuiltinDirectory, name: str) -> Iterator[Thing]:
    if name in {"githook", "schedule"}:
        return (each for each in directory.integrations() if each.kind == name)
    return directory.held(name)


def _belongs(thing: Thing) -> list[str]:
    """Whose it is, and where."""
    places = (getattr(thing, each, None) for each in ("holder", "acts_for", "within", "place"))
    return [place for place in places if place]


def _state(thing: Thing, now: float) -> str:
    traits = ", ".join(sorted(getattr(thing, "traits", ())))
    if thing.revoked is not None:
        return "ended"
    if thing.paused is not None:
        return "paused"
    ends = getattr(thing, "expires", None)
    if ends is not None and ends <= now:
        return "expired"
    return traits or (f"ends {screen.until(ends, now)}" if ends else "")
