"""A rebuild with real backups, a real log and a real incident, to the gate and through it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from stockade.app import Stockade
from stockade.app.host.secrets import asked_of, machine_name, scanning
from stockade.app.respond.incidents import opened
from stockade.app.respond.rebuilding import Drawn, GateClosed, rebuilding
from stockade.config import load
from stockade.directory.accounts import AccountKind
from stockade.errors import ConfigurationError, Refused
from stockade.events import Event, Ref
from stockade.host.oddity import Oddity
from stockade.respond.journal import telling

DAY = 86_400.0
NOW = 1_800_000_000.0
HOST = machine_name()
MACHINE = Ref(HOST, "machine", HOST)
MALLORY = Ref("stockade", "user", "mallory")


class Scene:
    """A directory, a log, and backups of five days; the intruder came on the fourth."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now = folder, NOW
        file = folder / "stockade.toml"
        file.write_text(f'state = "{folder}/state"\n[audit]\nsign_within = "30s"\n')
        self.stockade = Stockade(load(file), by="olga", clock=lambda: self.now)
        for day in range(5):
            root = folder / "backups" / f"day-{day}"
            (root / "etc").mkdir(parents=True)
            (root / "usr").mkdir()
            (root / "etc" / "passwd").write_text(
                "root:x:0:0::/root:/bin/sh\n" + ("eve:x:0:0::/:/bin/sh\n" if day >= 3 else "")
            )
            self.age(day)

    def age(self, day: int) -> None:
        """Have a backup be as old as its day, with all that is in it."""
        root = self.folder / "backups" / f"day-{day}"
        for place in (root, *root.rglob("*")):
            os.utime(place, (NOW - (5 - day) * DAY,) * 2)

    def record(self, *events: Event) -> None:
        with self.stockade.recording() as recording:
            for event in events:
                recording.insist(event)

    def plan(self, **asked: object) -> Drawn:
        with rebuilding(self.stockade) as question:
            return question.draw([str(self.folder / "backups")], **asked)  # type: ignore[arg-type]

    def later(self, **given: object) -> None:
        """A moment later, say of a line that it is done."""
        self.now += 60
        told = SimpleNamespace(**({"line": "", "on": "", "reason": ""} | given))
        with rebuilding(self.stockade) as question:
            question.done(told.line, on=told.on, reason=told.reason)

    def missing(self) -> list[str]:
        with rebuilding(self.stockade) as question:
            return [box.name for box in question.boxes(question.state()) if box.open and box.name != "sinks"]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path)
    with made.stockade.directory() as directory:
        directory.create_account("alice", AccountKind.HUMAN)
    return made


def test_the_newest_backup_from_before_the_intruder_is_chosen_and_what_came_after_it_is_told(scene: Scene) -> None:
    scene.record(
        Event(NOW - 4 * DAY, "repository.write", Ref("stockade", "user", "alice"), Ref("gitlab", "project", "old")),
        Event(NOW - DAY, "repository.write", Ref("stockade", "user", "alice"), Ref("gitlab", "project", "shop")),
        Event(NOW - DAY, "key.add", MALLORY, Ref("stockade", "key", "9")),
    )
    drawn = scene.plan(indicators=["account:eve"])
    assert drawn.chosen is not None
    assert drawn.chosen.backup.name == "day-2"
    assert [each.verdict.value for each in drawn.judged] == ["unknown", "unknown", "clean", "tainted", "tainted"]
    assert drawn.between == (NOW - 3 * DAY, NOW - 2 * DAY)
    assert [str(each.target) for each in drawn.entered if each.sort == "commits"] == ["gitlab:project/shop"]


def test_the_incident_says_since_when_and_by_which_traces_and_whose_deeds_are_not_entered_again(scene: Scene) -> None:
    for day in (2, 3):
        (scene.folder / "backups" / f"day-{day}" / "usr" / "x.so").write_text("x")
        scene.age(day)
    oddity = Oddity("preload", "high", "a library in front of all others", Ref(HOST, "file", "/usr/x.so"), "it hides")
    scene.record(oddity.as_event(NOW), Event(NOW, "key.add", MALLORY, Ref("stockade", "key", "9")))
    finding = next(telling(scene.stockade.settings.audit_log(), re.compile(b"finding.create")))
    with opened(scene.stockade) as incidents:
        made = incidents.open("web1 is compromised", [MALLORY], findings=[str(finding)], since=NOW - 1.5 * DAY)
    drawn = scene.plan()
    assert drawn.chosen is not None
    assert drawn.chosen.backup.name == "day-1"
    assert [str(each) for each in drawn.evil.indicators] == ["path:/usr/x.so"]
    assert not drawn.judged[-1].opened, "what was taken when the intruder was in need not be opened"
    assert [each.theirs for each in drawn.entered if each.target.kind == "key"] == [True]
    with opened(scene.stockade) as incidents, pytest.raises(Refused, match="not back in service"):
        incidents.close(incidents.one(made.name), "done")


def test_the_gate_opens_only_at_the_end(scene: Scene) -> None:
    scene.plan(indicators=["account:eve"])
    with rebuilding(scene.stockade) as question, pytest.raises(GateClosed, match="contained, evidence, restored"):
        question.serve()
    scene.record(
        Event(scene.now, "network.confirm", None, Ref("host", "network", HOST)),
        Event(scene.now, "evidence.collect", None, MACHINE),
    )
    (scene.folder / "app.env").write_text("TOKEN=" + "glpat-" + "Q7bYx2LmP0dRt5VwZk9a\n")
    with scanning(scene.stockade) as question:
        (token,) = question.run(asked_of(scene.stockade, [scene.folder / "app.env"])).found
    scene.later(line="restored", on="web2")
    scene.later(line="patched")
    assert scene.missing() == ["verified", "rotated", "entered"]
    scene.now += 60
    scene.record(
        Event(scene.now, "host.diff", None, Ref("web2", "machine", "web2")),
        Event(scene.now, "rotation.done", None, Ref(HOST, "secret", token.id), details={"subject": str(MACHINE)}),
    )
    scene.later(line="entered")
    assert scene.missing() == []
    with rebuilding(scene.stockade) as question:
        question.waive("sinks", "a test has none")
        assert question.serve() == 0
        assert question.state().released


def test_two_people_may_answer_for_it(scene: Scene) -> None:
    scene.plan(indicators=["account:eve"])
    with rebuilding(scene.stockade) as question:
        assert question.serve("customers wait", override=True) == 1
        assert question.serve("they still do", override=True) == 1
    other = Stockade(scene.stockade.settings, by="paul", clock=lambda: scene.now)
    with rebuilding(other) as question:
        assert question.serve("they do", override=True) == 0


def test_without_a_backup_it_is_built_from_scratch_and_what_is_wrong_is_said(scene: Scene) -> None:
    with rebuilding(scene.stockade) as question:
        with pytest.raises(ConfigurationError, match="no rebuild"):
            question.state()
        assert question.draw([]).chosen is None
        with pytest.raises(ConfigurationError, match="is no indicator"):
            question.draw([], indicators=["eve"])
        assert "backup" in [box.name for box in question.boxes(question.state()) if box.open]
        question.waive("backup", "built from scratch")
