"""A file that can only grow: what the kernel refuses, who may take the flag off, and what a crash leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from functools import partial
from pathlib import Path

import pytest

from stockade.audit.sinks.appended import AppendedFile
from stockade.audit.sinks.attributes import append_only, set_append_only
from stockade.audit.sinks.parcels import signed_size
from stockade.audit.sinks.position import Place
from stockade.errors import ConfigurationError, Tampered, Unavailable
from tests.audit.conftest import Stage, event
from tests.audit.sinks.rigs import FileRig, line, parcel
from tests.cli.terminal import PROGRAM, Terminal
from tests.servers.processes import end, wait_until

WITHOUT = ("setpriv", "--bounding-set", "-linux_immutable", "--inh-caps", "-linux_immutable", "--")
"""Root, but without the capability that the flag needs."""


def can_seal(folder: Path) -> bool:
    probe = folder / "probe"
    probe.write_text("")
    with probe.open("rb") as file:
        can = not set_append_only(file.fileno())
        set_append_only(file.fileno(), on=False)
    return can


@pytest.fixture
def sealed(file_rig: FileRig, tmp_path: Path) -> FileRig:
    """A copy with entries in it and the flag set, where this user and this file system can."""
    if not can_seal(tmp_path):
        pytest.skip("the append-only flag needs root and a file system that has it")
    sink = file_rig.sink()
    sink.open(0)
    sink.write(parcel(0, 5))
    sink.close()
    assert sink.remark == ""
    return file_rig


def test_the_kernel_refuses_everything_but_growing(sealed: FileRig) -> None:
    path = sealed.path
    for attempt in (path.unlink, lambda: path.rename(path.with_name("other")), lambda: os.truncate(path, 1),
                    lambda: path.write_bytes(b""), lambda: os.utime(path, (0, 0))):  # fmt: skip
        with pytest.raises(PermissionError):
            attempt()
    assert sealed.received() == [0, 1, 2, 3, 4]


def test_a_carrier_without_the_capability_cannot_take_the_flag_off_and_is_called_good(
    sealed: FileRig, terminal: Terminal
) -> None:
    probed: list[str | Path] = [PROGRAM, "audit", "probe", f"file://{sealed.path}"]
    done = subprocess.run([*WITHOUT, *probed], capture_output=True, text=True, check=False, env=terminal.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 of 7 checks held: it can be trusted with the log" in done.stdout
    with sealed.path.open("rb") as file:
        assert append_only(file.fileno())


def test_a_carrier_that_could_take_the_flag_off_is_told(sealed: FileRig, terminal: Terminal) -> None:
    said = terminal.run("audit", "probe", f"file://{sealed.path}", "--json")
    assert said.code == 1
    verdicts = {check["name"]: check["verdict"] for check in said.json}
    assert verdicts.pop("who") == "broken"
    assert set(verdicts.values()) == {"held"}
    with sealed.path.open("rb") as file:
        assert append_only(file.fileno())


def test_a_file_without_the_flag_is_called_unsafe(terminal: Terminal) -> None:
    (terminal.directory / "copy").write_text("")
    said = terminal.run("audit", "probe", f"file://{terminal.directory}/copy")
    assert said.code == 1
    assert "0 of 2 checks held" in said.out
    assert terminal.run("audit", "probe", f"file://{terminal.directory}/none").code == 4
    assert terminal.run("audit", "probe", "syslog+tls://collector").code == 2


def test_where_the_flag_cannot_be_set_that_is_said(file_rig: FileRig, tmp_path: Path) -> None:
    script = (
        "from stockade.audit.sinks.appended import AppendedFile; from pathlib import Path; import sys;"
        "sink = AppendedFile(Path(sys.argv[1])); sink.open(0); print(sink.remark)"
    )
    argv: list[str | Path] = [*WITHOUT, PROGRAM.with_name("python"), "-c", script, file_rig.path]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert "not append-only, it can be overwritten: only root can set the flag" in said
    read, write = os.pipe()
    assert "this file system has no such flag" in set_append_only(read)
    os.close(read)
    os.close(write)


def test_a_line_that_was_torn_is_ended_and_the_entry_is_written_again(file_rig: FileRig) -> None:
    file_rig.path.write_bytes(line(0) + b"\n" + line(1)[:50])
    sink = AppendedFile(file_rig.path)
    assert sink.open(1) == 1
    assert sink.write(parcel(1, 3)) == 3
    sink.close()
    lines = file_rig.path.read_bytes().splitlines()
    assert [lines[0], *lines[2:]] == [line(0), line(1), line(2)]


def test_a_copy_that_somebody_has_cut_is_filled_up_and_that_is_said(file_rig: FileRig) -> None:
    file_rig.path.write_bytes(line(0) + b"\n")
    sink = AppendedFile(file_rig.path)
    assert sink.open(5) == 1
    assert "it held 1 entries, and once had 5: somebody has cut it" in sink.remark
    sink.close()


def test_a_file_of_somebody_else_and_a_link_are_left_alone(file_rig: FileRig, tmp_path: Path) -> None:
    file_rig.path.write_text("a letter\n")
    sink = AppendedFile(file_rig.path)
    with pytest.raises(Tampered, match="something else than entries"):
        sink.open(0)
    sink.close()
    assert file_rig.path.read_text() == "a letter\n"
    os.mkfifo(tmp_path / "pipe")
    piped = AppendedFile(tmp_path / "pipe")
    with pytest.raises(ConfigurationError, match="is no file"):
        piped.open(0)
    piped.close()
    link = tmp_path / "link"
    link.symlink_to(file_rig.path)
    with pytest.raises(Unavailable):
        AppendedFile(link).open(0)


def has_come_beyond(folder: Path, before: int) -> bool:
    return Place(folder / "carriers", "copy").read().next > before


def test_a_carrier_that_is_killed_goes_on_where_it_was(terminal: Terminal, stage: Stage, file_rig: FileRig) -> None:
    """Killed again and again while it carries: nothing is missing afterwards, and nothing is there twice."""
    url = f"file://{file_rig.path}?name=copy"
    with stage.open(sign_within=0.05) as log:
        for turn in range(3):
            process = terminal.start("audit", "ship", "log", "carriers", "--sink", url)
            before = Place(terminal.directory / "carriers", "copy").read().next
            for number in range(200):
                log.append(event(turn * 1000 + number))
            wait_until(partial(has_come_beyond, terminal.directory, before), "some progress")
            os.killpg(process.pid, signal.SIGKILL)
            end(process)  # type: ignore[arg-type]
            assert process.stdout is not None
            process.stdout.close()
            time.sleep(0.05)
    said = terminal.run("audit", "ship", "log", "carriers", "--sink", url, "--until-done")
    assert said.code == 0, said.out
    assert file_rig.received() == list(range(signed_size(stage.path)))
