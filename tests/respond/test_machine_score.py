"""A drill on a machine is scored by its log: found by marks, shut in time, evidence first, nothing too early."""

from __future__ import annotations

from stockade.events import Entry, Event, Outcome, Ref
from stockade.respond.machine_score import Trace, score

BEGUN = 1_800_000_000.0
HOST = Ref("web1", "machine", "web1")
CRON = Trace("a job of cron", "cron", "/etc/cron.d/upd")
SHELL = Trace("a shell", "reverse-shell", "22")


def log(*events: Event) -> list[Entry]:
    return [Entry(at, event.time, event) for at, event in enumerate(events)]


def did(action: str, after: float, target: Ref = HOST, outcome: Outcome = "success", **details: object) -> Event:
    return Event(BEGUN + after, action, None, target, None, outcome, details)


def found(mark: str, title: str = "", **facts: object) -> Event:
    return did("finding.create", 5, Ref("web1", "file", mark), title=title, facts=facts)


WELL = (
    found("/etc/cron.d/upd"),
    found("web1", "process 22 (dash) takes its orders from 127.0.0.1:43107"),
    did("evidence.collect", 60),
    did("network.confirm", 120),
)


def test_who_finds_saves_and_shuts_in_time_has_all_the_points() -> None:
    told = score([CRON, SHELL], BEGUN, log(*WELL))
    assert (told.points, told.contained, told.missed, told.wrong) == (100, 120, (), ())


def test_a_number_is_not_found_in_another_number() -> None:
    told = score([SHELL], BEGUN, log(found("x", "process 2231 waits at 22222", pids=[122])))
    assert [each.what for each in told.missed] == ["a shell"]
    assert score([SHELL], BEGUN, log(found("x", pids=[22]))).missed == ()


def test_who_never_shuts_it_has_nothing() -> None:
    assert score([CRON], BEGUN, log(*WELL[:3])).points == 0


def test_a_restriction_on_trial_does_not_count_and_time_costs() -> None:
    on_trial = score([CRON], BEGUN, log(*WELL[:3], did("network.restrict", 1)))
    late = score([CRON], BEGUN, log(*WELL[:3], did("network.confirm", 600 + 5 * 60)))
    assert (on_trial.contained, late.points) == (None, 95)


def test_what_was_done_wrong_is_told() -> None:
    events = (*WELL[:2], did("password.reset", 30), did("network.confirm", 120), did("network.lift", 130))
    told = score([CRON, SHELL], BEGUN, log(*events))
    assert [each.text.partition(":")[0] for each in told.wrong] == [
        "no evidence was saved",
        "secrets were renewed before the network was shut",
        "the network was opened again while the machine was not clean",
    ]


def test_what_came_before_the_drill_or_failed_does_not_count() -> None:
    early = Event(BEGUN - 1, "finding.create", None, Ref("web1", "file", CRON.mark))
    told = score([CRON], BEGUN, log(early, did("network.confirm", 1, outcome="failure")))
    assert (told.contained, len(told.missed)) == (None, 1)
