"""The audit log read for what matters, and the rules it is read by."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stockade.cli import findings, screen
from stockade.cli.exits import Exit
from stockade.cli.options import Config, Json, log_of, note_reading, stockade
from stockade.cli.progress import reading
from stockade.errors import ConfigurationError

if TYPE_CHECKING:
    from stockade.app.detecting import Bookmark
    from stockade.detect.detector import Rules
    from stockade.detect.rule import Rule
    from stockade.events import Finding

detect = typer.Typer(help="Read the audit log for what matters.", no_args_is_help=True)

Log = Annotated[
    Path | None, typer.Option("--log", metavar="DIR", help="The directory of the log; the configuration's, if none.")
]
RulesIn = Annotated[Path | None, typer.Option("--rules", metavar="DIR", help="Rules of your own, beside ours.")]
OnlyIn = Annotated[Path | None, typer.Argument(metavar="DIR", help="Rules of your own; ours unless given.")]
Geoip = Annotated[Path | None, typer.Option(metavar="FILE", help="A GeoIP database (.mmdb), for countries and travel.")]
Trial = Annotated[bool, typer.Option("--trial", help="Your own rules are on trial: their findings are marked as such.")]
Level = Annotated[str, typer.Option(metavar="LEVEL", help="The least severity to show; the others are counted.")]
Record = Annotated[bool, typer.Option("--record", help="Record the findings in the audit log.")]


@detect.command()
def run(
    *,
    log: Log = None,
    since: Annotated[
        str, typer.Option(metavar="SPAN", help="How far back: 90d, 12h; without it, since last time.")
    ] = "",
    rules: RulesIn = None,
    trial: Trial = False,
    geoip: Geoip = None,
    level: Level = "low",
    record: Record = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Read what has happened, the worst first.

    Without --since it goes on where the last run has stopped, and at the beginning when there was none. Exit code 1
    when something was found.
    """
    from stockade.app import detecting
    from stockade.config.values import seconds_of

    if since and record:
        remedy = "Leave --since away: what was recorded already would be recorded twice."
        raise ConfigurationError("--record and --since do not go together", remedy=remedy)
    least, engine = findings.severities(level), _engine(rules, geoip, trial=trial)
    place = log_of(log, config)
    detecting.there(place)
    bookmark = _bookmark(config, place)
    note_reading(log, config, f"detect run{' --since ' if since else ''}{since}")
    begin = time.time() - seconds_of(since) if since else float("-inf")
    start = 0 if since else bookmark.next() or 0
    with reading() as progress:
        report = detecting.history(place, engine, since=begin, start=start, progress=progress)
    shown = [told for told in report.told if told.finding.severity in least]
    with _recorder(config, record=record) as keep:
        for told in shown:
            keep(told.finding)
    if not since:
        bookmark.keep(report.next)
    if json:
        screen.say_json(findings.run_as_json(report, shown))
    else:
        findings.show_run(report, shown, level)
    if any(not told.finding.shadow for told in shown):
        raise typer.Exit(Exit.FOUND)


@detect.command()
def follow(
    *,
    log: Log = None,
    rules: RulesIn = None,
    trial: Trial = False,
    geoip: Geoip = None,
    level: Level = "low",
    record: Record = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Read the log as it grows, and say at once what is found.

    It goes on where it has stopped; the first time, at the end of the log.
    """
    from stockade.app import detecting

    least, engine = findings.severities(level), _engine(rules, geoip, trial=trial)
    place = log_of(log, config)
    detecting.there(place)
    bookmark = _bookmark(config, place)
    note_reading(log, config, "detect follow")
    start = bookmark.next()
    start = detecting.end_of(place) if start is None else start
    screen.console(stderr=True).print(f"following {screen.safe(place)} from entry {start} on")
    with _recorder(config, record=record) as keep:
        try:
            for seen in detecting.follow(place, engine, start=start):
                for finding in seen.findings:
                    if finding.severity in least:
                        findings.tell(finding, json=json)
                        keep(finding)
                start = seen.entry.index + 1
                bookmark.keep_at_times(start)
        finally:
            bookmark.keep(start)


@detect.command("test")
def try_rules(directory: OnlyIn = None, *, json: Json = False) -> None:
    """Try every rule on its own examples: it must match the one, and must not match the other.

    Exit code 1 when one does not.
    """
    from stockade.detect.examples import tried

    outcomes = list(tried(_rules(directory)))
    if json:
        screen.say_json([{"rule": each.rule.name, "wrong": each.wrong} for each in outcomes])
    else:
        for each in outcomes:
            mark, style = ("wrong", "bold red") if each.wrong else ("ok", "green")
            screen.say(screen.shown(f"{mark:6}", style) + screen.shown(f"{each.rule.name}  {each.wrong}".rstrip()))
        wrong = sum(bool(each.wrong) for each in outcomes)
        screen.say("", f"{screen.plural(len(outcomes), 'rule')}, {wrong or 'none'} wrong")
    if any(each.wrong for each in outcomes):
        raise typer.Exit(Exit.FOUND)


@detect.command("rules")
def list_rules(directory: OnlyIn = None, *, json: Json = False) -> None:
    """List the rules, the worst first."""
    from stockade.detect.stories import WORST

    rules = sorted((rule for rule in _rules(directory) if not rule.part), key=lambda rule: WORST.index(rule.level))
    if json:
        return screen.say_json([_as_json(rule) for rule in rules])
    table = screen.table("level", "rule", "says", "ATT&CK")
    for rule in rules:
        level = screen.shown(rule.level, findings.STYLES[rule.level])
        table.add_row(level, screen.shown(rule.name), screen.shown(rule.title), screen.shown(" ".join(rule.techniques)))
    return screen.say(table)


@detect.command()
def explain(
    rule: Annotated[str, typer.Argument(help="Its name, as `stockade detect rules` lists it, or its id.")],
    *,
    rules: RulesIn = None,
) -> None:
    """Show one rule: what it looks for, why it may be harmless, and how it is written."""
    known = {each.name: each for each in _all_rules(rules)} | {each.id: each for each in _all_rules(rules) if each.id}
    found = known.get(rule)
    if found is None:
        from difflib import get_close_matches

        near = get_close_matches(rule, known, 1)
        remedy = f"Did you mean {near[0]}?" if near else "List them with: stockade detect rules"
        raise ConfigurationError(f"there is no rule {rule}", remedy=remedy)
    _explain(found)


def _explain(rule: Rule) -> None:
    level = screen.shown(rule.level, findings.STYLES[rule.level])
    screen.say(screen.shown(rule.title, "bold") + screen.shown("  ") + level, "")
    rows = [("", screen.shown(" ".join(rule.description.split())))]
    rows += [("may be harmless", screen.shown(each)) for each in rule.harmless]
    if rule.techniques:
        rows.append((f"ATT&CK v{rule.attack or '?'}", screen.shown(" ".join(rule.techniques))))
    rows.append(("told again after", screen.shown(screen.span(rule.quiet))))
    if rule.shadow:
        rows.append(("on trial", screen.shown("its findings are in shadow")))
    rows.append(("written in", screen.shown(rule.file)))
    screen.say(screen.pairs(rows), "")
    for line in rule.source.splitlines():
        screen.say(screen.shown(line))


def _as_json(rule: Rule) -> dict[str, object]:
    names = (
        "name",
        "id",
        "title",
        "level",
        "status",
        "description",
        "harmless",
        "techniques",
        "attack",
        "shadow",
        "file",
    )
    return {name: getattr(rule, name) for name in names}


def _rules(directory: Path | None) -> Sequence[Rule]:
    from stockade.app.detecting import chosen_rules

    return chosen_rules(directory, own=directory is None)


def _all_rules(directory: Path | None) -> Sequence[Rule]:
    from stockade.app.detecting import chosen_rules

    return chosen_rules(directory)


def _engine(rules: Path | None, geoip: Path | None, *, trial: bool) -> Rules:
    from stockade.app.detecting import chosen_rules, located
    from stockade.detect.detector import Rules

    return Rules(chosen_rules(rules, trial=trial), locate=located(geoip))


def _bookmark(config: Path | None, log: Path) -> Bookmark:
    from stockade.app.detecting import Bookmark
    from stockade.config import load
    from stockade.config.state import state_of

    return Bookmark(state_of(load(config)) / "detect.json", log)


@contextmanager
def _recorder(config: Path | None, *, record: bool) -> Iterator[Callable[[Finding], object]]:
    """What records a finding in the audit log, by way of the process that has it open; or does not."""
    if not record:
        yield lambda _finding: None
        return
    with stockade(config).recording() as recording:
        yield lambda finding: recording.insist(finding.as_event())
