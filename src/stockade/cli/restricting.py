"""Shut this machine's network but for what is named, keep it so, and open it again."""

from __future__ import annotations

import select
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from stockade.cli import screen
from stockade.cli.gating import Override, through_the_gate
from stockade.cli.options import Config, Json, Reason, stockade
from stockade.errors import ConfigurationError, Refused

if TYPE_CHECKING:
    from stockade.app.host.restricting import Asked, Drawn, Restricting
    from stockade.host.restrict.named import Server
    from stockade.host.restrict.standing import Standing
    from stockade.host.restrict.trying import Answers

SHORTEST, LONGEST = 1.0, 600.0

Allow = Annotated[
    list[str],
    typer.Option(
        "--allow",
        metavar="NETWORK",
        help="Who may come in: a network, or user:NAME, from where that account came by the log; may be repeated.",
    ),
]
AllowOut = Annotated[
    list[str], typer.Option("--allow-out", metavar="HOST:PORT", help="What may be called; may be repeated.")
]
Operator = Annotated[
    list[str],
    typer.Option("--operator", metavar="ADDRESS", help="Where you come from as well: under tmux, or through a tunnel."),
]
Within = Annotated[
    str, typer.Option("--confirm-within", metavar="TIME", help="When it opens by itself unless confirmed, 1s to 10m.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say it, and print what nft would be told; change nothing.")]
EvenMe = Annotated[bool, typer.Option("--even-me", help="Do not keep the session in which this is typed.")]
Yes = Annotated[
    bool, typer.Option("--yes", help="Do not wait for Enter before it is shut; it must still be confirmed.")
]


def restrict(
    *,
    allow: Allow = [],  # noqa: B006  how Typer takes lists
    allow_out: AllowOut = [],  # noqa: B006
    operator: Operator = [],  # noqa: B006
    confirm_within: Within = "60s",
    dry_run: DryRun = False,
    even_me: EvenMe = False,
    yes: Yes = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Let only those through who are named: you, your people, the sinks of the log, resolvers, and servers you name."""
    from stockade.app.host.restricting import Asked

    asked = Asked(allow, allow_out, operator, even_me=even_me)
    _shut(asked, confirm_within, config, dry_run=dry_run, yes=yes, json=json)


def isolate(
    *,
    operator: Operator = [],  # noqa: B006  how Typer takes lists
    confirm_within: Within = "60s",
    dry_run: DryRun = False,
    even_me: EvenMe = False,
    yes: Yes = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Let nobody through but you and the sinks of the log."""
    from stockade.app.host.restricting import Asked

    asked = Asked(operator=operator, strict=True, even_me=even_me)
    _shut(asked, confirm_within, config, dry_run=dry_run, yes=yes, json=json)


def confirm(*, config: Config = None) -> None:
    """Keep what is on trial; that you can type this shows that you were not cut off."""
    from stockade.app.host.restricting import restricting

    with restricting(stockade(config)) as network:
        network.confirm()
    _kept(config)


def lift(
    *,
    override: Override = False,
    reason: Reason = "",
    config: Config = None,
) -> None:
    """Open the network again; what others have put into the packet filter stays.

    While the machine is under a response, only when the gate is open.
    """
    from stockade.app.host.restricting import restricting

    ours = stockade(config)
    through_the_gate(ours, reason, override=override)
    with restricting(ours) as network:
        lifted = network.lift()
    screen.say("the network is open again" if lifted else "nothing was shut")


def restrictions(*, config: Config = None, json: Json = False) -> None:
    """What is in force: who passes, how often, and what was dropped."""
    from stockade.app.host.restricting import restricting

    with restricting(stockade(config)) as network:
        found = network.standing()
    if json:
        return screen.say_json(found)
    if found is None:
        return screen.say("nothing is shut")
    return _show(found, config)


def _shut(asked: Asked, confirm_within: str, config: Path | None, *, dry_run: bool, yes: bool, json: bool) -> None:
    from stockade.app.host.restricting import restricting

    within = _seconds(confirm_within)
    with restricting(stockade(config)) as network:
        drawn = network.draw(asked)
        if not json:
            _say_before(drawn, within, config)
        if dry_run:
            return _dry(network, drawn, within, json=json)
        if sys.stdin.isatty() and not (yes or json):
            typer.prompt("Enter shuts it, Ctrl-C leaves all as it is", default="", show_default=False)
        end = time.monotonic() + within
        answers = network.shut(drawn, within)
        if json:
            return screen.say_json({"drawn": drawn, "answers": _as_json(answers), "confirm": _typed("confirm", config)})
        _say_after(answers)
        if sys.stdin.isatty() and _answered(end):
            network.confirm(drawn)
            return _kept(config)
    return _say_how(end, config)


def _say_before(drawn: Drawn, within: float, config: Path | None) -> None:
    from stockade.host.restrict import words

    screen.heading("What stays reachable")
    screen.say(screen.pairs((what, screen.shown(text)) for what, text in drawn.stays()))
    screen.heading("What does not")
    screen.say(*(screen.shown(each) for each in drawn.goes()))
    for doubt in drawn.doubts:
        screen.say(screen.shown(doubt, "yellow"))
    screen.heading("What happens then")
    screen.say(*(screen.shown(each) for each in words.then(within)))
    screen.say("", screen.hints(("confirm", _typed("confirm", config)), ("open again", _typed("lift", config))), "")


def _dry(network: Restricting, drawn: Drawn, within: float, *, json: bool) -> None:
    script = network.script(drawn, within)
    if json:
        return screen.say_json({"drawn": drawn, "nft": script})
    screen.heading("What nft would be told; nothing is changed")
    sys.stdout.write(screen.safe(script.replace("\n", "\0")).replace("\\x00", "\n"))
    return None


def _say_after(answers: Answers) -> None:
    screen.say(screen.shown("The network is shut, for now.", "bold green"))
    screen.say(screen.pairs((_MARKS[answered], screen.shown(_called(each))) for each, answered in answers.items()))


def _as_json(answers: Answers) -> list[dict[str, object]]:
    return [{"server": each.name, "protocol": each.protocol, "answers": it} for each, it in answers.items()]


_MARKS: Final = {True: "answers", False: "silent, as before", None: "not tried"}


def _called(server: Server) -> str:
    return server.name + (f", {server.protocol.upper()}" if server.role == "resolver" else "")


def _answered(end: float) -> bool:
    """Whether somebody types keep in time, while the seconds are counted down; that it arrives is the proof.

    It is no command. What was typed while the session was cut off arrives when all is open again, at the shell: there
    ``yes`` would never end.
    """
    while (left := end - time.monotonic()) > 0:
        sys.stdout.write(f"\rType keep and Enter to keep it; it opens by itself in {left:3.0f} s: ")
        sys.stdout.flush()
        if select.select([sys.stdin], [], [], min(1.0, left))[0]:
            line = sys.stdin.readline(100)
            if line.strip().lower() in {"keep", "yes", "y"}:
                return True
            if not line:
                break
    sys.stdout.write("\n")
    return False


def _say_how(end: float, config: Path | None) -> None:
    left = end - time.monotonic()
    if left <= 0:
        raise Refused("nobody confirmed in time, and all is open again", remedy="Give the command again.")
    screen.say(f"It opens by itself in {left:.0f} s, unless you confirm:")
    screen.say(screen.hints(("confirm", _typed("confirm", config)), ("open now", _typed("lift", config))))


def _kept(config: Path | None) -> None:
    screen.say(
        screen.shown("It stays shut", "bold green") + screen.shown(", until it is lifted or this machine restarts.")
    )
    screen.say(screen.hints(("look", _typed("restrictions", config)), ("open again", _typed("lift", config))))


def _show(found: Standing, config: Path | None) -> None:
    note, now = found.note, time.time()
    rows = [("state", screen.shown(*_state(found)))]
    if note:
        rows += [("form", screen.shown(note.called)), ("by", screen.shown(f"{note.by}, {screen.since(note.at, now)}"))]
    rows.append(("dropped", screen.shown(f"{found.dropped:,} packets")))
    listed = screen.table("what passes", "packets")
    for each in found.passing:
        listed.add_row(screen.shown(each.what), f"{each.packets:,}")
    typed = [("confirm", _typed("confirm", config))] if found.on_trial else []
    screen.say(screen.pairs(rows), "", listed, "", screen.hints(*typed, ("open again", _typed("lift", config))))


def _state(found: Standing) -> tuple[str, str]:
    if found.left is not None:
        return f"on trial, opens by itself in {found.left:.0f} s", "yellow"
    if found.counts:
        return "confirmed", "green"
    return "BROKEN: somebody has changed the rules, and nothing is shut; shut it again", "bold red"


def _seconds(written: str) -> float:
    from stockade.config.values import seconds_of

    found = seconds_of(written)
    if not SHORTEST <= found <= LONGEST:
        raise ConfigurationError(f"--confirm-within is {written}", remedy="Choose between 1s and 10m.")
    return found


def _typed(verb: str, config: Path | None) -> str:
    return f"stockade host {verb}" + (f" -c {shlex.quote(str(config.absolute()))}" if config else "")
