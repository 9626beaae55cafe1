"""The audit log searched: a page, everything, everything about somebody, and what is written now."""

from __future__ import annotations

import json as as_text
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from stockade.cli import found, screen
from stockade.cli.exits import Exit
from stockade.cli.options import Config, Json, stockade
from stockade.errors import ConfigurationError
from stockade.search.formats.jsonl import as_json

if TYPE_CHECKING:
    from datetime import tzinfo

    from stockade.app.searching import Searching, Source
    from stockade.events import Entry, Event, Ref
    from stockade.search.formats import Format
    from stockade.search.index import Page
    from stockade.search.query import Query
    from stockade.search.timeline import Timeline

PAGE: Final = 50
TIMELINE: Final = 200
SCREENFUL: Final = 1000
DIFFERENCES: Final = 20

Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="QUERY", help="Such as: who:alice is:tokens since:7d. Behind -- it may begin with a minus."),
]
Logs = Annotated[
    list[Path] | None, typer.Option("--log", metavar="DIR", help="The directory of a log; may be given again.")
]
Where = Annotated[str | None, typer.Option("--index", metavar="FILE|URL", help="The index: a file, or a PostgreSQL.")]
Limit = Annotated[int | None, typer.Option("--limit", "-n", min=1, metavar="N", help="How many entries at most.")]
Everything = Annotated[bool, typer.Option("--all", help="All of them, however many there are.")]
After = Annotated[str | None, typer.Option(metavar="ENTRY", help="Go on behind this entry: origin#number.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print all of them as CSV, for a spreadsheet.")]
As = Annotated[
    str | None,
    typer.Option(
        "--as", metavar="FORMAT", help="Print all of them as jsonl, csv, ocsf, ocsf-1.9, ecs, cef, timesketch."
    ),
]
Whole = Annotated[bool, typer.Option("--whole", help="Show everything about each entry.")]


def search(
    words: Words = None,
    *,
    log: Logs = None,
    index: Where = None,
    oldest: Annotated[bool, typer.Option("--oldest/--newest", help="Which come first.")] = False,
    limit: Limit = None,
    all_: Everything = False,
    after: After = None,
    count: Annotated[bool, typer.Option("--count", help="Say how many there are, and show none.")] = False,
    whole: Whole = False,
    csv: Csv = False,
    as_: As = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Find events in the audit log: who, what, to what, from where, when, any words.

    The index catches up with the log first. Who has asked what is recorded.
    """
    text, export = _text(words), "csv" if csv else as_
    query, write = _asked(text), _format(export)
    with _searching(log, index, config) as searching:
        searching.read("search", text, {"as": export} if export else {})
        if count:
            return typer.echo(searching.index.count(query))
        if write is not None or all_:
            entries = islice(searching.index.stream(query, newest=not oldest, after=after), limit)
            return _stream(entries, write) if write else _show_all(entries, searching, json=json, whole=whole)
        page = searching.index.find(query, limit or PAGE, newest=not oldest, after=after)
        if json:
            return screen.say_json(_page_as_json(page))
        return _show(page, searching, whole=whole, newest=not oldest)


def timeline(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="A user, an address, a token: alice, token/812.")],
    words: Words = None,
    *,
    log: Logs = None,
    index: Where = None,
    limit: Limit = None,
    all_: Everything = False,
    whole: Whole = False,
    direct: Annotated[bool, typer.Option("--direct", help="Leave out what others did from its addresses.")] = False,
    as_: As = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Everything about a user, an address or a thing, in the order of time.

    In all systems and logs: what it did, what was done to it, where it is named, and what was done from where it was.
    """
    from stockade.search.timeline import Timeline

    text, write = _text(words), _format(as_)
    narrowed = _asked(text)
    with _searching(log, index, config) as searching:
        searching.read("timeline", text, {"subject": subject} | ({"as": as_} if as_ else {}))
        line = Timeline(subject.strip(), narrowed) if direct else searching.timeline(subject, narrowed)
        if write is not None:
            return _stream(islice(searching.index.stream(line.query, newest=False), limit), write)
        if all_:
            return _whole_line(
                line, searching.index.stream(line.query, newest=False), searching, json=json, whole=whole
            )
        return _line(line, searching.index.find(line.query, limit or TIMELINE), searching, json=json, whole=whole)


def follow(
    words: Words = None,
    *,
    log: Logs = None,
    back: Annotated[int, typer.Option(min=0, metavar="N", help="Begin with the last entries of each log.")] = 0,
    as_: As = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show events as they are written to the audit log. Ctrl-C ends it."""
    from stockade.app.searching import following, reading

    text, write = _text(words), _format("jsonl" if json else as_)
    query, zone = _asked(text), _zone()
    with _recorder(config) as (record, by):
        logs = _sources(log, config)
        entries = following(logs, query, back=back)
        record(reading(by, logs, "follow", {"query": text}))
    short = found.short_names([source.origin for source in logs])
    with suppress(KeyboardInterrupt):
        for entry in entries:
            if write is None:
                screen.say(found.line(entry, zone, short))
            else:
                sys.stdout.write(write.line(entry))
            sys.stdout.flush()


def reindex(
    *,
    log: Logs = None,
    index: Where = None,
    check: Annotated[bool, typer.Option("--check", help="Only compare it with the logs, entry by entry.")] = False,
    config: Config = None,
) -> None:
    """Make the index of the logs anew. It is there to find, and proves nothing.

    With --check, exit code 5 when somebody has changed it; the messages name what.
    """
    with _searching(log, index, config, anew=not check) as searching:
        if check and _differs(searching):
            raise typer.Exit(Exit.TAMPERED)
        for origin, following in searching.index.logs():
            screen.say(screen.shown(f"{origin}: {following:,} entries are indexed"))


def _differs(searching: Searching) -> bool:
    """Say how the index differs from the logs; of many differences the first."""
    differences = list(islice(searching.differences(), DIFFERENCES + 1))
    for said in differences[:DIFFERENCES]:
        _warn(said)
    if len(differences) > DIFFERENCES:
        _warn("and more; `stockade reindex` makes it anew")
    return bool(differences)


# ── what is asked, and of what ───────────────────────────────────────────────────────────────────


def _text(words: Sequence[str] | None) -> str:
    """The query, as the shell has handed it on: quotation marks that it took away are missed, and more is found."""
    return " ".join(words or [])


def _asked(text: str) -> Query:
    """The query; of a mistake, the place is shown."""
    from stockade.search.parse import parse
    from stockade.search.scan import QueryError

    try:
        return parse(text, time.time(), _zone())
    except QueryError as error:
        before, wrong = screen.safe(text[: error.start]), screen.safe(text[error.start : error.end])
        typer.echo(f"  {screen.safe(text)}\n  {' ' * len(before)}{'^' * max(1, len(wrong))}", err=True)
        raise


def _zone() -> tzinfo:
    """The zone of whoever reads."""
    from stockade.cli.zone import local

    return local()


def _format(name: str | None) -> Format | None:
    """How entries are written in a format."""
    if name is None:
        return None
    from stockade.search.formats import format_of

    return format_of(name)


def _sources(log: Sequence[Path] | None, config: Path | None) -> list[Source]:
    from stockade.app.searching import sources

    return sources(log or [stockade(config).settings.audit_log()])


def _index(where: str | None, config: Path | None) -> str:
    if not where:
        return stockade(config).settings.search_index()
    if "://" in where and "@" in where and ":" in where.partition("://")[2].rpartition("@")[0]:
        remedy = "Leave it away, and write it into ~/.pgpass or the file that PGPASSFILE names."
        raise ConfigurationError("a password on a command line can be read by everybody", remedy=remedy)
    return where


@contextmanager
def _recorder(config: Path | None) -> Iterator[tuple[Callable[[Event], None], Ref]]:
    """Where reading is recorded, and who reads."""
    own = stockade(config)
    with own.recording(anew=False) as recording:
        yield recording, own.actor


@contextmanager
def _searching(
    log: Sequence[Path] | None, index: str | None, config: Path | None, *, anew: bool = False
) -> Iterator[Searching]:
    """The logs and their index, which has caught up with them. Ends with a code of its own where a log is another."""
    from stockade.app.searching import Searching
    from stockade.search.index import Index

    logs, where = _sources(log, config), _index(index, config)
    with Index(where) as opened, _recorder(config) as (record, by), _progress() as tell:
        searching = Searching(logs, opened, by=by, record=record)
        caught = searching.reindex(tell) if anew else searching.catch_up(tell)
        tell("", 0)
        strange = [each.strange for each in caught if each.strange]
        for said in strange:
            _warn(f"{said}. What was indexed is still shown. Run `stockade audit verify`, and keep the index.")
        yield searching
    if strange:
        raise typer.Exit(Exit.TAMPERED)


def _warn(text: str) -> None:
    screen.console(stderr=True).print(screen.shown(text, "bold red"))


@contextmanager
def _progress() -> Iterator[Callable[[str, int], None]]:
    """How far the indexing is, where somebody looks at it."""
    out = screen.console(stderr=True)
    if not out.is_terminal:
        yield lambda _origin, _count: None
        return
    with out.status("indexing") as status:
        yield (
            lambda origin, count: (
                status.update(f"indexing {screen.safe(origin)}: {count:,} entries") if origin else status.stop()
            )
        )


# ── how it is shown ──────────────────────────────────────────────────────────────────────────────


def _stream(entries: Iterable[Entry], write: Format) -> None:
    sys.stdout.write(write.heading)
    for entry in entries:
        sys.stdout.write(write.line(entry))


def _show_all(entries: Iterable[Entry], searching: Searching, *, json: bool, whole: bool) -> None:
    """All of them, a screenful at a time, so that they need no more memory than that."""
    if json:
        return _json_stream((as_json(entry) for entry in entries), {"more": 0})
    entries, shown = iter(entries), 0
    while chunk := list(islice(entries, SCREENFUL)):
        _rows([(entry, "") for entry in chunk], searching, whole=whole)
        shown += len(chunk)
    return screen.say("", f"{_entries(shown)}, that is all") if shown else _nothing(searching)


def _show(page: Page, searching: Searching, *, whole: bool, newest: bool) -> None:
    if not page.entries:
        return _nothing(searching)
    _rows([(entry, "") for entry in page.entries], searching, whole=whole)
    count = _entries(len(page.entries))
    if not page.more:
        return screen.say("", f"{count}, that is all")
    screen.say("", f"{count}, the {'newest' if newest else 'oldest'} first; {_more(page)}")
    on, everything = _again("--after", str(page.entries[-1])), _again("--all")
    return screen.say(screen.hints(("go on", on), ("all of them", everything)))


def _entries(count: int) -> str:
    return screen.plural(count, "entry", "entries")


def _more(page: Page) -> str:
    return f"{page.more:,} more" if page.exact else f"more than {page.more:,} more"


def _again(*added: str) -> str:
    """The command that was given, with something else."""
    words = sys.argv[1:]
    if added[0] == "--after" and "--after" in words:
        at = words.index("--after")
        words = words[:at] + words[at + 2 :]
    split = words.index("--") if "--" in words else len(words)
    return shlex.join(["stockade", *words[:split], *added, *words[split:]])


def _rows(rows: Sequence[tuple[Entry, str]], searching: Searching, *, whole: bool = False, roles: bool = False) -> None:
    if whole:
        for entry, _ in rows:
            screen.say(found.whole(entry, _zone()), "")
        return
    origins = [origin for origin, _ in searching.index.logs()]
    screen.say(found.table(rows, _zone(), origins=origins, roles=roles))


def _nothing(searching: Searching) -> None:
    """Nothing was found; in what, is worth knowing."""
    screen.say("nothing found")
    for origin, following in searching.index.logs():
        screen.say(screen.shown(f"{origin}: {following:,} entries were looked through", "dim"))


def _line(line: Timeline, page: Page, searching: Searching, *, json: bool, whole: bool) -> None:
    """The newest entries of a timeline, in the order of time, or what a page of it is."""
    if json:
        rows = (as_json(entry) | {"role": line.role(entry)} for entry in reversed(page.entries))
        rest = {"earlier": page.more, "exact": page.exact, "addresses": list(line.addresses)}
        return _json_stream(rows, rest)
    if not page.entries:
        return _nothing(searching)
    if page.more:
        earlier = screen.shown(f"{_more(page)} before these: ", "yellow")
        screen.say(earlier + screen.shown(_again("--all"), "bold cyan"), "")
    _rows([(entry, line.role(entry)) for entry in reversed(page.entries)], searching, whole=whole, roles=True)
    screen.say("", _entries(len(page.entries)) + (", the newest" if page.more else ", that is all"))
    return _addresses(line)


def _whole_line(line: Timeline, entries: Iterator[Entry], searching: Searching, *, json: bool, whole: bool) -> None:
    """All of a timeline."""
    if json:
        rows = (as_json(entry) | {"role": line.role(entry)} for entry in entries)
        return _json_stream(rows, {"earlier": 0, "exact": True, "addresses": list(line.addresses)})
    shown = 0
    while chunk := list(islice(entries, SCREENFUL)):
        _rows([(entry, line.role(entry)) for entry in chunk], searching, whole=whole, roles=True)
        shown += len(chunk)
    if not shown:
        return _nothing(searching)
    screen.say("", f"{_entries(shown)}, that is all")
    return _addresses(line)


def _addresses(line: Timeline) -> None:
    if line.followed:
        screen.say(
            screen.shown("came from " + ", ".join(line.followed) + "; nearby: what others did from there", "dim")
        )
    elif line.addresses:
        said = f"came from {len(line.addresses)} addresses: too many to show what others did from there"
        screen.say(screen.shown(said, "yellow"))


def _page_as_json(page: Page) -> dict[str, object]:
    return {
        "entries": [as_json(entry) for entry in page.entries],
        "more": page.more,
        "exact": page.exact,
        "after": str(page.entries[-1]) if page.more else None,
    }


def _json_stream(rows: Iterable[Mapping[str, object]], rest: Mapping[str, object]) -> None:
    """One JSON object with all entries, written as they come."""
    sys.stdout.write('{"entries": [')
    for at, row in enumerate(rows):
        sys.stdout.write((",\n" if at else "\n") + as_text.dumps(row))
    sys.stdout.write("\n]" + "".join(f', "{name}": {as_text.dumps(value)}' for name, value in rest.items()) + "}\n")
