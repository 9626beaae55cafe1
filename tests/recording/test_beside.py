"""Beside a server the log is carried away and read as it grows; what fails there is told, and stops nothing else."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from stockade.config import load
from stockade.config.carrying import SinkTable
from stockade.config.tables import settings_of
from stockade.errors import ConfigurationError
from tests.cli.conftest import terminal
from tests.cli.test_serve import Forge
from tests.recording.test_serving import Log, log, serving
from tests.servers.processes import wait_until

__all__ = ["log", "terminal"]


def processes(forge: Forge) -> dict[str, int]:
    """The processes of a server by what they are for."""
    children = Path(f"/proc/{forge.process}/task/{forge.process}/children").read_text().split()
    return {Path(f"/proc/{child}/comm").read_text().strip(): int(child) for child in children}


def test_the_log_is_carried_to_each_sink_and_one_that_fails_stops_nothing(log: Log) -> None:
    copy = log.terminal.directory / "copy.jsonl"
    sinks = f'[[audit.sinks]]\nname = "copy"\nurl = "file://{copy}"\n'
    sinks += '[[audit.sinks]]\nname = "away"\nurl = "file:///nowhere/at/all"\n'
    with serving(log, sinks) as forge:
        assert forge.guess() == 401
        wait_until(lambda: copy.exists() and b"authentication.failure" in copy.read_bytes(), "the failure in the copy")
        wait_until(lambda: "it fails for" in log.terminal("check").out, "the check-up to tell")
        os.kill(processes(forge)["audit carrier"], signal.SIGKILL)
        assert log.terminal("user block alice").code == 0
        wait_until(lambda: b"user.block" in copy.read_bytes(), "another carrier")
        said = log.terminal("check")
        assert said.code == 1
        assert "sink away" in said.out
        assert "sink copy" in said.out
    assert log.verified()["unsigned"] == 0


def test_a_sink_that_refuses_one_that_hangs_and_one_that_recovers_are_told_in_the_log_once(log: Log) -> None:
    place = log.terminal.directory
    with socket.create_server(("127.0.0.1", 0)) as silent:  # answers nothing that is said to it
        hangs = (
            f'[[audit.sinks]]\nname = "hangs"\nurl = "https://127.0.0.1:{silent.getsockname()[1]}/"\ndeadline = "1s"\n'
        )
        later = f'[[audit.sinks]]\nname = "later"\nurl = "file://{place}/later/copy.jsonl"\n'
        with serving(log, hangs + later) as forge:
            log.waits_for("log.sink.down", 2)
            (place / "later").mkdir()
            log.waits_for("log.sink.up")
            for _ in range(3):
                forge.guess()
            wait_until(
                lambda: b"log.sink.up" in (place / "later" / "copy.jsonl").read_bytes(), "it in the other's copy"
            )
    down = {str(entry.event.target): entry.event.details for entry in log.entries("log.sink.down")}
    assert down.keys() == {"stockade:sink/hangs", "stockade:sink/later"}
    assert len(log.entries("log.sink")) == 3
    assert "copy.jsonl" in str(down["stockade:sink/later"]["error"])
    assert log.terminal.run("search", "action:log.sink* whom:later", "--count").out.strip() == "2"
    assert log.verified()["unsigned"] == 0


def test_the_log_of_another_service_is_taken_in_once_whatever_is_killed(log: Log) -> None:
    other = log.terminal.write("", "auth.log")
    text = f'[[intake]]\nname = "gate"\nkind = "file"\npath = "{other}"\nformat = "syslog"\n'
    line = "Nov 25 10:00:0{} host sshd[7]: Failed password for root from 203.0.113.9 port 4{} ssh2\n"
    with serving(log, text) as forge:
        with other.open("a") as file:
            file.write(line.format(1, 1))
        log.waits_for("authentication.failure", 1)
        os.kill(processes(forge)["audit intake"], signal.SIGKILL)
        os.kill(log.recorder, signal.SIGKILL)
        with other.open("a") as file:
            file.write(line.format(2, 2))
        log.waits_for("authentication.failure", 2)
        assert forge.guess() == 401
        log.waits_for("authentication.failure", 3)
    sources = [entry.event.source for entry in log.entries("authentication.failure")]
    assert sorted(map(str, sources)) == ["127.0.0.1", "203.0.113.9", "203.0.113.9"]
    assert log.verified()["unsigned"] == 0


def test_what_matters_is_found_as_it_happens_and_recorded(log: Log) -> None:
    with serving(log, '[detect]\nlevel = "informational"\n') as forge:
        wait_until(lambda: "audit detector" in processes(forge), "the detector")
        wait_until(log.state.joinpath("detect.json").exists, "the detector having begun")
        assert log.terminal("unban 203.0.113.9").code == 0
        log.waits_for("finding.create")
        os.kill(processes(forge)["audit detector"], signal.SIGKILL)
        wait_until(lambda: forge.guess() in {401, 403}, "an answer")
    found = [entry.event for entry in log.entries("finding.create")]
    assert "ban_lifted" in {event.details["rule"] for event in found}
    assert log.verified()["unsigned"] == 0


def test_a_table_of_a_sink_has_every_option_that_sinks_have(tmp_path: Path) -> None:
    from dataclasses import fields

    from stockade.audit.sinks.settings import SinkSettings

    assert [found.name for found in settings_of(SinkTable)] == [found.name for found in fields(SinkSettings)]
    written = {found.name: found.default for found in settings_of(SinkTable)[1:]}
    assert written == {found.name: found.default for found in fields(SinkSettings)[1:]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[audit]\nheartbaet = 3\n", r'stockade\.toml:2: unknown setting "heartbaet".*did you mean "heartbeat"'),
        ('[audit]\norigin = "two words"\n', r"stockade\.toml:2: origin is .*not the name of a log"),
        ("[audit]\nsign_after = 0\n", r"stockade\.toml:2: sign_after is 0"),
        ('[[audit.sinks]]\nurl = "ftp://x/y"\n', r"stockade\.toml:2: url is .*no sink begins with ftp"),
        ('[[audit.sinks]]\nurl = "file:///x"\ntokn = "env:A"\n', r'stockade\.toml:3: .*did you mean "token"'),
        ('[[audit.sinks]]\nurl = "file:///x"\ntoken = "secret"\n', r"stockade\.toml:3: token is written out"),
        ('[[audit.sinks]]\nurl = "file:///x"\n' * 2, r"stockade\.toml:3: two sinks are called"),
        ('[[audit.sinks]]\nname = "x"\n', r'stockade\.toml:1: \[\[audit\.sinks\]\] has no "url"'),
        ('[[intake]]\nname = "a"\npath = "/x"\nformt = "sshd"\n', r"stockade\.toml:4: .*no setting 'formt'"),
        (
            '[[intake]]\nname = "a"\npath = "/x"\nformat = "sylog"\n',
            r'toml:4: no format is named "sylog"; did you mean "sys',
        ),
        ('[[intake]]\nname = "a"\nkind = "fiel"\n', r"stockade\.toml:3: there is no kind 'fiel'"),
        ('[[intake]]\nname = "a"\npath = "/x"\n', r"stockade\.toml:1: format is missing"),
        ('[[intake]]\nname = "a"\npath = "/x"\nformat = "syslog"\n' * 2, r"stockade\.toml:6: two sources are named"),
        ('[detect]\nlevel = "hihg"\n', r'stockade\.toml:2: level is "hihg"; did you mean "high"'),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "stockade.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=said):
        load(file, {})
