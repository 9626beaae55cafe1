"""What a responder sees at three in the morning, held as golden screens; a hostile name reaches no terminal."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stockade.cli import triage
from stockade.events import Ref
from stockade.host.facts.process import Process
from stockade.host.oddity import Oddity, Unseen
from stockade.host.triage import masks, running
from stockade.host.triage.looking import Progress
from stockade.host.triage.report import reported

SCREENS = Path(__file__).with_name("screens")
HOSTILE = "/tmp/\x1b[2J\u202e[bold]x;reboot"
OPT = Ref("web1", "process", "9")
NOTE = Oddity("unowned-binary", "informational", "process 9 runs /opt/x, which no package owns", OPT, "")
GONE = Process(7, "x", exe=HOSTILE, argv=(HOSTILE,), deleted=True, started=1.0)
WEB1 = reported(
    "web1",
    [
        Progress("processes"),
        NOTE,
        *running.deleted("web1", [GONE], lambda _: None, lambda _, __: True),
        *masks.daemon_like("web1", [Process(7, "x", exe=HOSTILE, argv=("sshd: root",))], lambda _: None),
        *running.misplaced("web1", [Process(8, "x", exe=HOSTILE)]),
        Unseen("process 1: program", "not even root may, inside a container", "Look from the machine outside."),
    ],
)
WEB2 = reported("web2", [Progress("processes"), NOTE])
WEB3 = reported("web3", [Unseen("web3", "it cannot be reached: no route to host", "Try: ssh web3 true")])


@pytest.mark.parametrize(
    ("name", "reports"), [("one-machine", [WEB1]), ("in-order", [WEB2]), ("several-machines", [WEB2, WEB1, WEB3])]
)
def test_a_screen_is_as_it_was_looked_at(
    name: str, reports: list[object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    triage.show_all(reports, notes=False, recorded=name != "in-order")  # type: ignore[arg-type]
    said = "\n".join(line.rstrip() for line in capsys.readouterr().out.splitlines()) + "\n"
    assert [c for c in said if not c.isprintable() and c != "\n"] == []
    golden = SCREENS / f"{name}.txt"
    if os.environ.get("REWRITE_SCREENS"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(said)
    assert said == golden.read_text()
