"""A machine is known again: its picture is vouched for by the log, and what is not as it was is told."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from stockade.app.host import afar
from stockade.audit.reading import entries
from stockade.errors import StockadeError, Tampered, Unavailable
from stockade.host import pictured
from stockade.host.oddity import Unseen
from stockade.host.picture import Difference, Picture, compared, parsed
from stockade.host.triage import sent
from tests.cli.terminal import PROGRAM, Terminal
from tests.servers.processes import program

STORY = """
mount --bind status /var/lib/dpkg/status
said() { name=$1; shift; "$PROGRAM" host "$@" --json > "$name" 2> "$name.err"; echo $? > "$name.code"; }
said early diff
said taken baseline
said same verify
printf '#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n' > ssh; chmod +x ssh
said far baseline --host web1 --ssh ./ssh
said moved verify --host web2 --of web1 --ssh ./ssh
python3 -c 'import socket,time;s=socket.create_server(("0.0.0.0",4567));time.sleep(600)' &
until grep -q :11D7 /proc/net/tcp; do sleep 0.1; done
said new diff
said wrong verify
said look triage --quick
said far_look triage --quick --host web1 --ssh ./ssh
said strange verify --host web2 --of web1 --ssh ./ssh
sed -i 's/openssh/openssl/' state/pictures/*.json
said forged verify
kill $!
"""
"""What happens on a machine with a network and processes of its own, where nothing changes but by us; of its packages
only the small ones are known, as all files of each are read each time.
"""
SMALL = 300  # KiB


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what every command has said, and its exit code."""
    if os.geteuid() != 0:
        pytest.skip("namespaces with a network need root here")
    folder = tmp_path_factory.mktemp("pictures")
    stanzas = Path("/var/lib/dpkg/status").read_text().split("\n\n")
    sizes = [(int(found[1]), each) for each in stanzas if (found := re.search(r"(?m)^Installed-Size: (\d+)$", each))]
    (folder / "status").write_text("\n\n".join(each for size, each in sizes if size < SMALL) + "\n")
    unshare = [program("unshare", "util-linux"), "--mount", "--pid", "--fork", "--net", "--mount-proc"]
    environment = Terminal(folder).environment | {"PROGRAM": str(PROGRAM)}
    subprocess.run([*unshare, "sh", "-c", STORY], cwd=folder, env=environment, check=False, timeout=120)
    return folder


def said(story: Path, name: str) -> tuple[int, Any]:
    text = (story / name).read_text()
    return int((story / f"{name}.code").read_text()), json.loads(text) if text else (story / f"{name}.err").read_text()


def test_without_a_picture_there_is_nothing_to_compare_with(story: Path) -> None:
    code, told = said(story, "early")
    assert code == 2
    assert "stockade host baseline" in told


def test_a_picture_is_in_the_log_by_its_digest_and_a_machine_that_is_the_same_passes(story: Path) -> None:
    code, taken = said(story, "taken")
    assert code == 0
    assert taken["things"]["package"] > 100
    logged = b"".join(path.read_bytes() for path in sorted((story / "state/audit").rglob("*")) if path.is_file())
    assert taken["digest"].encode() in logged
    code, same = said(story, "same")
    assert (code, same["digest"]) == (0, taken["digest"])


def test_what_is_new_is_told_and_a_machine_that_differs_does_not_pass(story: Path) -> None:
    code, told = said(story, "new")
    assert (code, [each["change"] for each in told["differences"]]) == (1, ["new"])
    assert told["differences"][0]["thing"].startswith("tcp 4567 ")
    code, refused = said(story, "wrong")
    assert code == 5
    assert "tcp 4567" in refused


def test_a_look_uses_the_picture(story: Path) -> None:
    code, told = said(story, "look")
    assert (code, told["recorded"]) == (1, True)
    listeners = [each for each in told["findings"] if each["signal"] == "unknown-listener"]
    assert [each["severity"] for each in listeners] == ["high"]
    events = [entry.event for entry in entries(story / "state/audit", 0)]
    looked = next(event for event in events if event.action == "host.triage")
    assert looked.details["findings"] == len(told["findings"])
    found = [event for event in events if event.action == "finding.create"]
    rules = [f"host.{each['signal']}" for each in told["findings"]]
    assert [event.details["rule"] for event in found][: len(rules)] == rules


def test_pictures_of_other_machines_are_kept_here_and_a_new_machine_is_held_to_that_of_the_old(
    story: Path,
) -> None:
    code, (taken,) = said(story, "far")
    assert (code, taken["host"], taken["things"]["files of package"] > 100) == (0, "web1", True)
    code, same = said(story, "moved")
    assert (code, same["digest"]) == (0, taken["digest"])
    code, refused = said(story, "strange")
    assert (code, "web2 is not as web1's picture" in " ".join(refused.split())) == (5, True)
    events = [entry.event for entry in entries(story / "state/audit", 0)]
    looked = [(event.target.id, event.outcome) for event in events if event.action == "host.diff" and event.target]
    assert [each for each in looked if each[0] == "web2"] == [("web2", "success"), ("web2", "failure")]


def test_a_look_over_ssh_uses_the_picture_that_is_kept_here(story: Path) -> None:
    _, (told,) = said(story, "far_look")
    listeners = [each for each in told["findings"] if each["signal"] == "unknown-listener"]
    assert [each["severity"] for each in listeners] == ["high"]


def test_a_picture_that_was_changed_is_refused(story: Path) -> None:
    code, told = said(story, "forged")
    assert code == 5
    assert "is not the one that the log knows" in " ".join(told.split())


def test_pictures_are_compared_kind_by_kind_where_both_have_it() -> None:
    was = Picture("web1", 1.0, {"package": {"a": "1", "b": "1", "d": "2"}, "module": {"x": ""}})
    now = Picture("web1", 2.0, {"package": {"a": "2", "c": "1", "d": "1"}})
    found = {each.thing: (each.change, each.counts) for each in compared(was, now)}
    assert found == {
        "a": ("updated", False),  # a later version needs no explanation; an earlier one does
        "b": ("gone", True),
        "c": ("new", True),
        "d": ("changed", True),
    }
    assert Difference("package", "a", "1", "2") in list(compared(was, now))
    assert parsed(was.octets()) == was
    assert was.digest != now.digest


def test_a_picture_comes_over_as_lines_whole_or_not_at_all_and_is_of_the_machine_that_was_asked() -> None:
    was = Picture("bank", 1.0, {"package": {f"p{each}": "1" for each in range(1000)}, "module": {}})
    lines = [sent.written(Unseen("a", "b", "c")), *pictured.written(was)]
    picture, unseen = pictured.read("web1", 2.0, lines)
    assert (picture.host, picture.taken, picture.kinds, picture.unseen) == ("web1", 2.0, was.kinds, ("a: b",))
    assert unseen == (Unseen("a", "b", "c"),)
    for broken in ("[" * 9999, '{"is": "things"}', '{"is": "oddity"}', "7", "{", ""):
        with pytest.raises(Tampered):
            pictured.read("web1", 2.0, [broken])
    for cut in (lines[:-1], []):
        with pytest.raises(Unavailable):
            pictured.read("web1", 2.0, cut)


@pytest.mark.parametrize(
    ("there", "why"),
    [
        ("exec sleep 60", "longer than 1 s"),
        ("cat > /dev/null; exec yes", "is no picture: 'y"),
        ('cat > /dev/null; echo \'{"is": "end"}\'; exec yes', "ended with -9"),
        ("exit 127", "no python3"),
        ("cat > /dev/null", "not whole"),
    ],
)
def test_a_machine_that_is_slow_lies_or_talks_without_end_has_no_picture(there: str, why: str) -> None:
    found = afar.pictured(["web1"], afar.Asked(("sh", "-c", there), patience=1.0), 1.0)["web1"]
    assert isinstance(found, StockadeError)
    assert why in found.message


@pytest.mark.parametrize("octets", [b"", b"[]", b'{"kinds": {}}', b"\xff"])
def test_what_is_no_picture_is_refused(octets: bytes) -> None:
    with pytest.raises(Tampered):
        parsed(octets)
