"""One look after another: a look that trips is told as such, and blinds no other."""

from __future__ import annotations

from collections.abc import Iterator

from stockade.events import Ref
from stockade.host.oddity import Oddity, Unseen
from stockade.host.triage.looking import Progress, Told
from stockade.host.triage.looks import looked
from stockade.host.triage.report import reported


def odd(severity: str, signal: str = "deleted-binary") -> Oddity:
    return Oddity(signal, severity, f"{signal} of {severity}", Ref("web1", "process", "7"), "why")  # type: ignore[arg-type]


def trips() -> Iterator[Told]:
    yield Progress("files", 1, 4)
    raise ValueError("\x1b[31m")


def test_a_look_that_trips_is_told_as_not_seen_and_the_others_go_on() -> None:
    told = list(looked({"files": trips, "processes": lambda: [odd("high")]}))
    assert [each.share for each in told if isinstance(each, Progress)] == [0.0, 0.125, 0.5]
    assert [each.what for each in told if isinstance(each, Unseen)] == ["files"]
    assert told[-1] == odd("high")


def test_a_report_has_the_worst_first_and_claims_nothing_that_was_not_seen() -> None:
    report = reported("web1", [odd("informational"), odd("low"), odd("critical"), odd("high")])
    assert [each.severity for each in report.oddities] == ["critical", "high", "low", "informational"]
    assert (len(report.findings), len(report.notes)) == (3, 1)
    assert "compromised" in report.verdict
    assert reported("web1", [odd("low")]).verdict == "nothing on web1 proves an intruder; look at what is below"
    assert reported("web1", [Progress("files")]).verdict == "no trace of an intruder on web1"
    partly = reported("web1", [Progress("files"), Unseen("files", "denied")])
    assert partly.verdict == "no trace of an intruder in what could be seen of web1"
    assert reported("web1", [Unseen("web1", "no route")]).verdict == "nothing of web1 could be looked at"
