"""What an account, or everybody, has done: for somebody who has to decide at night."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stockade.cli import findings, screen
from stockade.cli.exits import Exit
from stockade.cli.findings import STYLES, said
from stockade.cli.options import Config, Json, log_of, note_reading
from stockade.cli.progress import reading
from stockade.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from stockade.events import Finding
    from stockade.review.accounts import Seen
    from stockade.review.reviewing import Completeness, Line, Review, Section

LINES, ACCOUNTS = 6, 15
NOT_VERIFIED = "not verified: whether an entry was changed; --key key.pub looks"
TEXT = {**STYLES, "critical": "bold red"}
NOT_IN_A_LOG = (
    "processes, open ports and persistence on the host; the versions that are installed; credentials that were made "
    "before, and not used; what was done with a key of the host itself"
)


def review(
    account: Annotated[
        str | None, typer.Argument(metavar="USER", help="The account: a name in every system, or gitlab:user/name.")
    ] = None,
    *,
    log: Annotated[
        Path | None,
        typer.Option("--log", metavar="DIR", help="The directory of the log; the configuration's, if none."),
    ] = None,
    instance: Annotated[bool, typer.Option("--instance", help="Everybody, instead of one account.")] = False,
    since: Annotated[str, typer.Option(metavar="SPAN", help="How far back: 90d, 12h.")] = "90d",
    rules: Annotated[Path | None, typer.Option(metavar="DIR", help="Rules of your own, beside ours.")] = None,
    geoip: Annotated[Path | None, typer.Option(metavar="FILE", help="A GeoIP database (.mmdb).")] = None,
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The key.pub that was kept: verify the log first.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show every line that is kept.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Go through what an account has done, class by class, the suspicious first.

    Exit code 1 when something is suspicious.
    """
    from stockade.app.detecting import chosen_rules, located, there
    from stockade.app.reviewing import review as reviewed
    from stockade.config.values import seconds_of
    from stockade.detect.detector import Rules

    if (account is None) is not instance:
        raise ConfigurationError("say whose: an account, or --instance", remedy="stockade review alice")
    engine = Rules(chosen_rules(rules), locate=located(geoip))
    place = log_of(log, config)
    there(place)
    notes = [_verified(place, key)] if key is not None else [NOT_VERIFIED]
    note_reading(log, config, f"review {account or '--instance'}")
    begin = time.time() - seconds_of(since)
    with reading() as progress:
        found = reviewed(place, engine, account=account or "", since=begin, notes=notes, progress=progress)
    if json:
        screen.say_json(_as_json(found))
    else:
        _show(found, 10**9 if everything else LINES)
    if any(not finding.shadow and finding.severity in findings.severities("medium") for finding in found.findings):
        raise typer.Exit(Exit.FOUND)


def _verified(log: Path, key: Path) -> str:
    """That every entry is as it was signed. Raises Tampered."""
    from stockade.audit.verify import verify
    from stockade.cli.audit import keys_in

    report = verify(log, keys_in(key), now=time.time())
    return f"verified: all {report.head.size:,} entries are as they were signed"


def _show(found: Review, most: int) -> None:
    screen.say(screen.shown(found.account or "everybody", "bold"), *_looked_at(found))
    notable = [each for each in found.findings if each.severity in findings.severities("medium")]
    if notable:
        screen.say("")
    for finding in notable:
        level = screen.shown(f" {finding.severity} ", STYLES[finding.severity])
        screen.say(level + screen.shown(f"  {finding.title}") + screen.shown(f"  {finding.rule}", "dim"))
    if found.accounts:
        _show_accounts(found)
    for section in found.sections:
        if section.count:
            _show_section(section, most)
    _show_empty(found)
    screen.say("", *(screen.shown(note, "yellow") for note in found.notes))
    screen.say(screen.shown(f"no log tells of: {NOT_IN_A_LOG}", "dim"))


def _looked_at(found: Review) -> Iterator[RenderableType]:
    whole = found.completeness
    number = f"{found.concerned:,} of " if found.account else ""
    yield screen.shown(
        f"{number}{screen.plural(whole.entries, 'entry', 'entries')}, {_complete(whole, whole.first, whole.last)}"
    )
    for covered in found.systems:
        span = f"from {_minute(covered.first)} to {_minute(covered.last)}"
        yield screen.shown(f"  {covered.system}: {screen.plural(covered.entries, 'entry', 'entries')} {span}", "dim")
    if found.lasting:
        made = ", ".join(f"{count} {action}" for action, count in found.lasting.items())
        yield screen.shown("outlives a block and a new password: ", "yellow") + screen.shown(made)


def _complete(whole: Completeness, first: float, last: float) -> str:
    span = f"from {_minute(first)} to {_minute(last)}" if whole.entries else "with no entry in this time"
    if whole.complete:
        return f"log complete {span}" if whole.entries else "the log has no entry in this time"
    lost = screen.plural(whole.missing, "number is missing", "numbers are missing") if whole.missing else ""
    told = screen.plural(len(whole.holes), "gap or repair", "gaps and repairs")
    holes = f"the log tells of {told}" if whole.holes else ""
    return f"log NOT complete {span}: {screen.joined([lost, holes])}"


def _show_section(section: Section, most: int) -> None:
    flagged = sum(bool(line.findings) for line in section.lines)
    seen = screen.plural(section.count, "entry", "entries")
    standing = screen.shown(f"{flagged} of {seen} suspicious", "bold red") if flagged else screen.shown(seen)
    screen.say("", screen.shown(f"{section.behaviour.value}: ", "bold") + standing)
    before: tuple[Finding, ...] = ()
    for line in section.lines[:most]:
        _show_line(line, () if line.findings == before else line.findings)
        before = line.findings
    left = section.count - min(most, len(section.lines))
    if left:
        screen.say(screen.shown(f"      and {left:,} more: --all, or stockade search", "dim"))
    for doubt in _doubts(section):
        screen.say(screen.shown(f"      {doubt}", "dim"))


def _show_empty(found: Review) -> None:
    """The classes without an entry, and what there is to say of that: once, where it is the same of several."""
    alike: dict[tuple[str, str], dict[tuple[str, ...], list[str]]] = {}
    for section in found.sections:
        if not section.count:
            told = alike.setdefault(_empty(section, found), {})
            doubts = () if section.standing == "not recorded" else tuple(_doubts(section))
            told.setdefault(doubts, []).append(section.behaviour.value)
    for (text, style), told in alike.items():
        screen.say("", screen.shown(text, style))
        for doubts, classes in told.items():
            screen.say(screen.shown(f"  {', '.join(classes)}"))
            screen.say(*(screen.shown(f"    {doubt}", "dim") for doubt in doubts))


def _empty(section: Section, found: Review) -> tuple[str, str]:
    """What there is to say of a class without an entry, and in which style."""
    if section.standing == "not recorded":
        sources = ", ".join([*section.unrecorded, *section.unknown]) or "any source in this log"
        return f"not recorded by {sources}", "yellow"
    events = sum(covered.entries for covered in section.recording) or found.completeness.entries
    of = ", ".join(covered.system for covered in section.recording)
    first = min((covered.first for covered in section.recording), default=found.completeness.first)
    last = max((covered.last for covered in section.recording), default=found.completeness.last)
    where = f"{screen.plural(events, 'event')}{' of ' if of else ''}{of}"
    return f"nothing found in {where}, {_complete(found.completeness, first, last)}", "green"


def _show_line(line: Line, news: Sequence[Finding]) -> None:
    """An entry, under what was found of it; that is said once for all that follow."""
    for severity, title in dict.fromkeys((finding.severity, finding.title) for finding in news):
        screen.say(screen.shown("    ") + screen.shown(f"{severity}: {title}", TEXT[severity]))
    mark = screen.shown("    ! " if line.findings else "      ", "bold red")
    screen.say(mark + screen.shown(said(line.entry), "" if line.findings else "dim"))


def _doubts(section: Section) -> Iterator[str]:
    """What the sources of a class leave out."""
    yield from section.remarks
    if section.unrecorded:
        yield f"not recorded by {', '.join(section.unrecorded)}"
    if section.unknown:
        yield f"not known whether recorded by {', '.join(section.unknown)}"


def _show_accounts(found: Review) -> None:
    screen.heading("accounts, those with the worst findings first")
    table = screen.table("findings", "account", "did", "was done to", "last")
    for seen in found.accounts[:ACCOUNTS]:
        worst = (
            screen.shown(f"{seen.worst} {seen.findings}", STYLES[seen.worst]) if seen.worst else screen.shown("none")
        )
        last = screen.shown(_minute(seen.last))
        table.add_row(worst, screen.shown(seen.ref), f"{seen.did:,}", f"{seen.met:,}", last)
    screen.say(table)
    if len(found.accounts) > ACCOUNTS:
        screen.say(screen.shown(f"and {len(found.accounts) - ACCOUNTS:,} more accounts: --json shows all", "dim"))


def _as_json(found: Review) -> dict[str, object]:
    whole = found.completeness
    return {
        "account": found.account or None,
        "systems": [_fields(covered, "system entries first last") for covered in found.systems],
        "lasting": found.lasting,
        "concerned": found.concerned,
        "log": {
            "entries": whole.entries,
            "first": whole.first,
            "last": whole.last,
            "complete": whole.complete,
            "missing": whole.missing,
            "holes": [findings.entry_as_json(entry) for entry in whole.holes],
        },
        "findings": [findings.as_json(finding) for finding in found.findings],
        "classes": [_section_as_json(section) for section in found.sections],
        "accounts": [
            {**_fields(seen, "did met last findings worst"), "account": str(seen.ref)} for seen in found.accounts
        ],
        "notes": list(found.notes),
    }


def _account_as_json(seen: Seen) -> dict[str, object]:
    return {"account": str(seen.ref), **_fields(seen, "did met last findings worst")}


def _section_as_json(section: Section) -> dict[str, object]:
    lines = [
        {"entry": findings.entry_as_json(line.entry), "rules": [finding.rule for finding in line.findings]}
        for line in section.lines
    ]
    known = _fields(section, "standing count remarks unrecorded unknown")
    recording = [covered.system for covered in section.recording]
    return {"class": section.behaviour.value, **known, "recording": recording, "entries": lines}


def _fields(found: object, names: str) -> dict[str, object]:
    return {name: _listed(getattr(found, name)) for name in names.split()}


def _listed(value: object) -> object:
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str) else value


def _minute(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))
