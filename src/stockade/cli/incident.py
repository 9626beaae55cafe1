"""Incidents: opened, shown on one page, written to, handed out as a report, closed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from stockade.cli import screen
from stockade.cli.findings import STYLES
from stockade.cli.options import Config, Json, stockade
from stockade.errors import ConfigurationError
from stockade.events import Ref

if TYPE_CHECKING:
    from rich.console import Group, RenderableType

    from stockade.app.respond.incidents import Incidents
    from stockade.respond.incident import Incident
    from stockade.respond.report import Sentence
    from stockade.respond.sheet import Sheet

incident = typer.Typer(help="Open an incident, say what is known, hand out its report, close it.", no_args_is_help=True)

Name = Annotated[
    str | None,
    typer.Argument(metavar="INCIDENT", help="Its name, or how it begins or ends; the open one, or the last."),
]
Which = Annotated[
    str | None, typer.Option("--incident", "-i", metavar="NAME", help="Which; the only open one, if none.")
]
Text = Annotated[str, typer.Argument(help="What to write down; - reads it from standard input.")]
Finding = Annotated[
    list[str] | None, typer.Option("--finding", metavar="ENTRY", help="A finding in the log; may be given again.")
]

EVERY: Final = 2.0
"""Seconds between two looks of a page that stays."""
SENTENCES, ENTRIES = 12, 6


class Severities(StrEnum):
    """How bad, as the log says it."""

    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@incident.command("open")
def open_(
    subjects: Annotated[
        list[str] | None, typer.Argument(metavar="USER", help="Whom it is about: alice, or gitlab:user/alice.")
    ] = None,
    *,
    title: Annotated[str | None, typer.Option(help="What is thought to have happened, in a sentence.")] = None,
    finding: Finding = None,
    severity: Annotated[Severities | None, typer.Option(help="How bad it is.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Since when, at the latest: 3h, 2026-11-24.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What to call it; the day and the first subject, if none.")
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Open an incident about an account, or by a finding."""
    begin = _moment(since)
    with _incidents(config) as found:
        made = found.open(
            title,
            [subject(each) for each in subjects or ()],
            name=name,
            severity=severity.value if severity else None,
            since=begin,
            findings=finding or (),
        )
        _show_one(found, made, json=json)


@incident.command("list")
def list_(*, config: Config = None, json: Json = False) -> None:
    """Every incident, the open ones first."""
    with _incidents(config, "incident list") as found:
        listed = found.all()
    if json:
        return screen.say_json([_brief(each) for each in listed])
    made = screen.table("incident", "severity", "opened", "about", "state")
    for each in listed:
        state = f"closed {screen.since(each.closed, time.time())}" if each.closed else "open"
        made.add_row(
            screen.shown(each.name, "bold"),
            screen.shown(each.severity, STYLES[each.severity]),
            screen.shown(screen.since(each.opened, time.time())),
            screen.shown(", ".join(ref.id for ref in each.subjects)),
            screen.shown(state, "dim" if each.closed else "bold"),
        )
    return screen.say(made if listed else "there are no incidents")


@incident.command("show")
def show(
    name: Name = None,
    *,
    live: Annotated[bool, typer.Option("--live", help="Stay, and follow what happens. Ctrl-C ends it.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """The situation on one page: known, not known, done, next."""
    with _incidents(config, f"incident show {name or ''}".strip()) as found:
        one = found.to_read(name)
        if live and not json:
            return _follow(found, one.name)
        return _show_one(found, one, json=json)


@incident.command("note")
def note(
    text: Text,
    *,
    which: Which = None,
    known: Annotated[bool, typer.Option("--known", help="It is known.")] = False,
    unknown: Annotated[bool, typer.Option("--unknown", help="It is not known, and somebody should find out.")] = False,
    finding: Finding = None,
    about: Annotated[list[str] | None, typer.Option(metavar="USER", help="It is about this account too.")] = None,
    config: Config = None,
) -> None:
    """Write something down."""
    from stockade.respond.incident import Remark

    if known and unknown:
        raise ConfigurationError("it is either known or not", remedy="Give one of --known and --unknown.")
    kind = Remark.KNOWN if known else Remark.UNKNOWN if unknown else Remark.NOTE
    with _incidents(config) as found:
        more = [subject(each) for each in about or ()]
        one = found.note(found.one(which), _written(text), kind, findings=finding or (), subjects=more)
        _said(one)


@incident.command("decide")
def decide(text: Text, *, which: Which = None, config: Config = None) -> None:
    """Write down what was decided."""
    with _incidents(config) as found:
        _said(found.decide(found.one(which), _written(text)))


@incident.command("assign")
def assign(
    person: Annotated[str, typer.Argument(help="Who.")],
    *,
    role: Annotated[
        str, typer.Option("--as", metavar="ROLE", help="As what: leads, writes, talks to customers.")
    ] = "responds",
    which: Which = None,
    config: Config = None,
) -> None:
    """Put somebody on it."""
    with _incidents(config) as found:
        _said(found.assign(found.one(which), person, role))


@incident.command("close")
def close(
    outcome: Annotated[str, typer.Argument(help="How it ended.")], *, which: Which = None, config: Config = None
) -> None:
    """Close an incident."""
    with _incidents(config) as found:
        one = found.close(found.one(which), _written(outcome))
    screen.say(screen.shown(one.name, "bold") + screen.shown(" is closed", "green"))
    screen.say(screen.hints(("hand out its report", f"stockade incident report {one.name} --pdf report.pdf")))


@incident.command("report")
def report(
    name: Name = None,
    *,
    pdf: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as a PDF.")] = None,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as Markdown.")] = None,
    config: Config = None,
) -> None:
    """The full report, every sentence with the entries that show it; printed as Markdown unless told."""
    from stockade.respond.written import markdown as as_markdown

    with _incidents(config, f"incident report {name or ''}".strip()) as found:
        made = found.report(found.to_read(name))
    text = as_markdown(made)
    if markdown is not None:
        markdown.write_text(text)
    if pdf is not None:
        from stockade.app.respond.printing import printed

        pdf.write_bytes(printed(made))
    for written in (pdf, markdown):
        if written is not None:
            screen.say(screen.shown(f"written to {written}", "green"))
    if pdf is None and markdown is None:
        typer.echo(text, nl=False)


@incident.command("export")
def export(name: Name = None, *, config: Config = None) -> None:
    """The incident as STIX 2.1, on standard output, for other people's tools."""
    with _incidents(config, f"incident export {name or ''}".strip()) as found:
        screen.say_json(found.stix(found.to_read(name)))


@contextmanager
def _incidents(config: Path | None, reading: str = "") -> Iterator[Incidents]:
    """The incidents; that somebody is ``reading`` them is on record first."""
    from stockade.app.respond.incidents import opened

    asked = stockade(config)
    if reading:
        asked.note_reading({"with": reading})
    with opened(asked) as found:
        yield found


def subject(text: str) -> Ref:
    """Whom a word means: an account here, or whatever ``system:kind/id`` names."""
    if ":" not in text:
        return Ref("stockade", "user", text)
    try:
        return Ref.parse(text)
    except ValueError as error:
        raise ConfigurationError(f"{text[:80]!r} names nobody", remedy="Write alice, or gitlab:user/alice.") from error


def _written(text: str) -> str:
    if text != "-":
        return text
    return typer.get_text_stream("stdin").read(1 << 16)


def _moment(text: str | None) -> float | None:
    if text is None:
        return None
    from stockade.cli.zone import local
    from stockade.search.moments import moment

    return moment(text, time.time(), local()).timestamp()


# ── how it is shown ──────────────────────────────────────────────────────────────────────────────


def _show_one(found: Incidents, one: Incident, *, json: bool) -> None:
    page = found.sheet(one)
    if json:
        return screen.say_json(page)
    return screen.say(view(page))


def _follow(found: Incidents, name: str) -> None:
    from rich.live import Live

    with (
        suppress(KeyboardInterrupt),
        Live(view(found.sheet(found.one(name))), console=screen.console(), screen=True) as live,
    ):
        while True:
            time.sleep(EVERY)
            live.update(view(found.sheet(found.one(name))), refresh=True)


def view(page: Sheet) -> Group:
    """The whole page."""
    from rich.console import Group

    level = screen.shown(f" {page.severity} ", STYLES[page.severity])
    title = level + screen.shown(f"  {page.title}", "bold")
    about = f"{page.name}; {page.state}; opened {screen.since(page.opened, time.time())}"
    parts: list[RenderableType] = [title, screen.shown(about, "dim")]
    for heading, sentences, style in (
        ("known", page.known, ""),
        ("not known", page.unknown, "yellow"),
        ("done", page.done, "green"),
    ):
        parts += ["", screen.shown(heading, "bold"), *_lines(sentences, style)]
    parts += ["", screen.shown("next", "bold"), screen.hints(*((each.text, each.command) for each in page.next))]
    people = "; ".join(f"{person}: {role}" for person, role in page.people)
    return Group(*parts, "", screen.shown(f"on it: {people}", "dim"))


def _lines(sentences: Sequence[Sentence], style: str) -> Iterator[RenderableType]:
    for each in sentences[:SENTENCES]:
        shown = ["#" + entry.rpartition("#")[2] for entry in each.entries[:ENTRIES]]
        more = ["…"] if len(each.entries) > ENTRIES else []
        yield screen.shown(f"  {each.text}", style) + screen.shown(f"  {' '.join(shown + more)}", "dim")
    if not sentences:
        yield screen.shown("  nothing yet", "dim")
    if len(sentences) > SENTENCES:
        yield screen.shown(f"  and {len(sentences) - SENTENCES} more: --json, or stockade incident report", "dim")


def _said(one: Incident) -> None:
    screen.say(screen.shown("written down in ") + screen.shown(one.name, "bold"))


def _brief(one: Incident) -> dict[str, object]:
    return {
        "name": one.name,
        "title": one.title,
        "severity": one.severity,
        "opened": one.opened,
        "closed": one.closed,
        "subjects": [str(ref) for ref in one.subjects],
        "findings": len(one.findings),
    }
