"""A machine is kept up to date as the how-to says: a made-up one, as the real one is as it is."""

from __future__ import annotations

import shlex
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from stockade.app import Stockade
from stockade.cli.commands import app
from stockade.host.triage.looking import Machine
from tests.documents.reader import Reader, page
from tests.host.updates.made import NOW, written
from tests.host.updates.test_story import made_machine


class Beside(Reader):
    """Types commands within this process, so that they look at a machine that is made up."""

    def _type(self, command: str) -> str:
        out = StringIO()
        words = shlex.split(command.removesuffix(" || true"))
        with redirect_stdout(out), redirect_stderr(StringIO()), pytest.raises(SystemExit):
            app(words[1:])
        return self._there(out.getvalue())


def test_a_machine_is_kept_up_to_date_as_the_how_to_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "data")
    made_machine(tmp_path / "machine")
    machine = Machine(tmp_path / "machine", "web1", NOW)
    monkeypatch.setattr("stockade.app.host.hosts.this_machine", lambda **_named: machine)
    monkeypatch.setitem(Stockade.__init__.__kwdefaults__ or {}, "clock", lambda: NOW)
    monkeypatch.setenv("STOCKADE_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.chdir(tmp_path)
    with Beside(tmp_path) as reader:
        reader.follow(page("docs/how-to/keep-up-to-date.md"))
