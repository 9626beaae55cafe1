"""Records of network traffic, read for what an intruder's machine or tool does there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stockade.cli import screen
from stockade.cli.exits import Exit
from stockade.cli.options import Config, Json, stockade

if TYPE_CHECKING:
    from stockade.host.traffic.reviewing import Review

traffic = typer.Typer(help="Read records of network traffic for what an intruder does there.", no_args_is_help=True)

Files = Annotated[list[Path], typer.Argument(metavar="FILE", help="Records of traffic, packed with gzip or not.")]
Format = Annotated[
    str,
    typer.Option("--format", metavar="NAME", help="The format of the files; recognised by their content unless told."),
]
Own = Annotated[
    list[str],
    typer.Option(
        "--own", metavar="NET", help="A network of yours, as often as you like; the private ones unless told."
    ),
]
Learn = Annotated[
    list[Path],
    typer.Option("--learn", metavar="FILE", help="Records of a time that was good, as often as you like: the normal."),
]
Kept = Annotated[Path | None, typer.Option("--normal", metavar="FILE", help="A normal that was learned before.")]


@traffic.command()
def review(
    files: Files,
    *,
    learn: Learn = [],  # noqa: B006  Typer copies it
    normal: Kept = None,
    own: Own = [],  # noqa: B006
    form: Format = "",
    about: Annotated[str, typer.Option(metavar="WHAT", help="Show what an address or a zone did, instead.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Show notes, too.")] = False,
    svg: Annotated[Path | None, typer.Option(metavar="DIR", help="Write each plot there as an image.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the review as one page.")] = None,
    record: Annotated[bool, typer.Option("--record", help="Record the findings in the audit log.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Read records of traffic and say what is odd, the worst first.

    Access logs of nginx and Apache, Zeek's logs, conntrack, log lines of nftables, flow logs of AWS and Google Cloud,
    captures and what tcpdump prints. Exit code 1 when more than notes were found.
    """
    from stockade.app.host.traffic import looked_at, normal_from, put_on_record
    from stockade.cli import flows
    from stockade.host.traffic.places import Places
    from stockade.lines.stamps import Dating

    places, dating = Places(own), Dating(time.time)
    if about:
        return flows.show_about(files, places, dating, form, about, json=json)
    known = normal_from(normal, learn, places, dating, form)
    with _reading() as progress:
        found = looked_at(files, places, dating, normal=known, format_=form, progress=progress)
    put_on_record(stockade(config), found, findings=record)
    _written(found, svg, html)
    if json:
        screen.say_json(flows.as_json(found))
    else:
        flows.show(found, everything=everything)
    if found.above_note:
        raise typer.Exit(Exit.FOUND)
    return None


@traffic.command()
def learn(
    files: Files,
    *,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="Where the normal is kept.")],
    own: Own = [],  # noqa: B006
    form: Format = "",
) -> None:
    """Learn what is normal from records of a time that was good: who calls what, and how much is sent."""
    from stockade.app.host.traffic import normal_from
    from stockade.cli import flows
    from stockade.host.traffic.places import Places
    from stockade.lines.stamps import Dating

    found = normal_from(None, files, Places(own), Dating(time.time), form)
    assert found is not None  # noqa: S101  there are files
    to.write_text(found.written(), encoding="utf-8")
    flows.show_normal(found, to)


@traffic.command()
def formats(*, json: Json = False) -> None:
    """List the formats that can be read."""
    from stockade.host.traffic.formats import FORMATS

    names = {**{name: each.title for name, each in FORMATS.items()}, "pcap": "captures of tcpdump, their headers"}
    if json:
        return screen.say_json([{"name": name, "title": title} for name, title in names.items()])
    return screen.say(screen.pairs((name, screen.shown(title)) for name, title in names.items()))


def _written(found: Review, svg: Path | None, html: Path | None) -> None:
    from stockade.host.traffic.page import images, page

    if svg is not None:
        svg.mkdir(parents=True, exist_ok=True)
        for name, image in images(found):
            (svg / name).write_text(image, encoding="utf-8")
    if html is not None:
        html.write_text(page(found), encoding="utf-8")


@contextmanager
def _reading() -> Iterator[Callable[[str, int], None]]:
    """Says how far it is, on standard error, where somebody looks at it."""
    out = screen.console(stderr=True)
    if not out.is_terminal:
        yield lambda _name, _count: None
        return
    with out.status("reading") as status:
        yield lambda name, count: status.update(
            screen.shown(f"reading {name}" + (f": {count:,} records" if count else ""))
        )
