"""Logs of services that cannot be fronted: an old one replayed, a growing one watched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stockade.cli import screen
from stockade.cli.options import Config, Json, stockade

if TYPE_CHECKING:
    from rich.table import Table

    from stockade.guard.logs.hindsight import Report

Log = Annotated[Path, typer.Argument(metavar="FILE", help="The log: nginx or Apache, GitLab, Gitea, sshd.")]
Format = Annotated[str | None, typer.Option(metavar="NAME", help="Its format; told from its first lines unless given.")]


def replay(
    log: Log,
    *,
    rules: Annotated[Path | None, typer.Option(metavar="FILE", help="The configuration whose rules are tried.")] = None,
    format: Format = None,
    rows: Annotated[int, typer.Option(min=0, help="How many clients to show.")] = 20,
    config: Config = None,
    json: Json = False,
) -> None:
    """What would these rules have done to this log?

    Judged on the log's own clock; nothing is enforced and no counter is touched.
    """
    asked = stockade(rules or config)
    with _progress() as progress:
        report = asked.replay(log, format=format, progress=progress)
    if json:
        return screen.say_json(report.as_json())
    return _show(report, rows)


@contextmanager
def _progress() -> Iterator[Callable[[int, int | None], None] | None]:
    """A bar on standard error where somebody looks at it."""
    out = screen.console(stderr=True)
    if not out.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task("reading", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _show(report: Report, rows: int) -> None:
    from stockade.guard.logs.hindsight import iso

    pace = f"{report.lines / report.seconds:,.0f} lines a second" if report.seconds else ""
    title = screen.shown(report.source, "bold")
    screen.say(title + screen.shown(f"  {report.format}, {report.lines:,} lines, {pace}", "dim"))
    if report.first:
        screen.say(screen.shown(f"from {iso(report.first)} to {iso(report.last)}", "dim"))
    screen.say("", _verdict(report), "", _rules(report))
    if report.rows and rows:
        screen.say("", _clients(report, rows))
    for remark in (*report.remarks, *(f"cannot be read: {line}" for line in report.examples)):
        screen.say("", screen.shown(remark, "yellow"))


def _verdict(report: Report) -> str:
    said = f"{report.refused:,} of {report.requests:,} requests would have been refused"
    said += f", to {screen.plural(report.clients, 'client')}" if report.refused else ""
    if report.signed_in:
        said += f"; {report.signed_in} of them also signed in properly"
    return said + (
        f", {report.refused_sign_ins} times in what would have been refused" if report.refused_sign_ins else ""
    )


def _rules(report: Report) -> Table:
    listed = screen.table("rule", "kind", "requests", "clients", "bans", "of them signed in")
    for total in report.rules:
        kind = f"{total.kind}, shadow" if total.shadow else total.kind
        figures = (total.requests, total.clients, total.bans, total.signed_in)
        listed.add_row(screen.shown(total.rule, "bold"), kind, *(f"{n:,}" if n else "–" for n in figures))
    return listed


def _clients(report: Report, rows: int) -> Table:
    from stockade.guard.logs.hindsight import iso

    listed = screen.table("client", "rule", "requests", "bans", "first", "last", "signed in", "the last")
    for row in report.rows[:rows]:
        listed.add_row(
            screen.shown(row.client, "bold"),
            screen.shown(row.rule),
            f"{row.requests:,}",
            f"{row.bans or '–'}",
            iso(row.first),
            iso(row.last),
            screen.shown(row.signed_in or "–", "bold yellow" if row.signed_in else ""),
            screen.shown(row.evidence),
        )
    return listed


def watch(log: Log, *, format: Format = None, config: Config = None) -> None:
    """Apply the rules to the growing log of a service that cannot be fronted.

    Rotation and truncation are followed; the place is remembered for the next time. Ctrl-C ends it.
    """
    with suppress(KeyboardInterrupt):
        stockade(config).watch(log, format=format, say=lambda text: screen.say(screen.shown(text)))
