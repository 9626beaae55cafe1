"""Somebody carries a log away from the command line, and looks how far it is."""

from __future__ import annotations

from stockade.audit.sinks.parcels import signed_size
from tests.audit.conftest import Stage
from tests.audit.sinks.rigs import FileRig
from tests.cli.terminal import Terminal


def test_a_log_is_carried_and_its_lag_is_on_show(terminal: Terminal, filled: Stage, file_rig: FileRig) -> None:
    size = signed_size(filled.path)
    said = terminal.run("audit", "sinks", "log", "carriers")
    assert "nothing has been carried anywhere yet" in said.out
    urls = ["--sink", f"file://{file_rig.path}?name=copy", "--sink", "file:///nowhere/copy?name=far"]
    said = terminal.run("audit", "ship", "log", "carriers", *urls, "--until-done", "--patience", "3")
    assert said.code == 4
    assert f"copy: {size} of {size} entries" in said.out
    assert f"far: 0 of {size} entries; /nowhere/copy cannot be written: No such file or directory" in said.out
    shown = terminal.run("audit", "sinks", "log", "carriers", "--json")
    copy, far = shown.json
    assert shown.code == 1
    assert (copy["name"], copy["behind"], copy["lag"], copy["error"]) == ("copy", 0, 0.0, "")
    assert (far["name"], far["behind"], far["next"]) == ("far", size, 0)
    assert far["lag"] > 0 or far["failing"] > 0
    screen = terminal.run("audit", "sinks", "log", "carriers")
    assert "/nowhere/copy cannot be written" in " ".join(screen.out.split())
    said = terminal.run("audit", "ship", "log", "carriers", *urls[:2], "--until-done")
    assert said.code == 0


def test_a_secret_is_never_part_of_a_url(terminal: Terminal, filled: Stage) -> None:
    said = terminal.run("audit", "ship", "log", "carriers", "--sink", "https://me:hush@example.com/")
    assert said.code == 2
    assert "hush" not in said.out + said.err


def test_the_sinks_of_a_configuration_are_carried_to_and_known_by_name(
    terminal: Terminal, filled: Stage, file_rig: FileRig
) -> None:
    terminal.write(
        f"""
        [audit]
        log = "{filled.path}"
        signer = "{filled.state}"

        [[audit.sinks]]
        name = "copy"
        url = "file://{file_rig.path}"
        """
    )
    assert terminal("audit ship --until-done").code == 0
    (copy,) = terminal("audit sinks --json").json
    assert (copy["name"], copy["behind"]) == ("copy", 0)
    assert terminal("audit probe copy").code in {0, 1}
    said = terminal("audit probe far")
    assert said.code == 2
    assert "There are copy" in said.err
    terminal.write("")
    said = terminal("audit ship --until-done")
    assert said.code == 2
    assert "Add --sink URL" in said.err
