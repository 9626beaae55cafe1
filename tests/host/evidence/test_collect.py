"""What is taken of a machine: files as they lie there, programs that are on no disk, and what commands say."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from stockade.host.evidence import collecting, files, walking
from stockade.host.evidence.artifact import Order
from stockade.host.evidence.chain import Chain
from stockade.host.evidence.files import file_source
from stockade.host.evidence.manifest import read
from stockade.host.evidence.pack import own_pack
from stockade.host.evidence.source import Facts, Source
from stockade.host.evidence.taking import Taker
from stockade.host.evidence.verify import verify
from stockade.host.evidence.walking import Place, found
from tests.host.evidence.taken import CRON, KEYS, Memory, artifact, lines_of, octets_of, taken


@contextmanager
def asleep(program: Path | str, *argv: str, fds: tuple[int, ...] = ()) -> Iterator[int]:
    """A harmless process, which ends by itself after ten minutes."""
    process = subprocess.Popen([*argv, "600"], executable=str(program), stdin=subprocess.DEVNULL, pass_fds=fds)
    time.sleep(0.05)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def test_files_are_taken_with_all_that_is_said_of_them(place: Place, root: Path) -> None:
    (root / "etc/cron.d/updater").chmod(0o640)
    os.utime(root / "etc/cron.d/updater", (1_700_000_000, 1_700_000_001))
    store = Memory()
    sealed = taken(store, place)
    octets, lines = octets_of(store), lines_of(store)
    assert octets["/etc/cron.d/updater"] == b"*/5 * * * * root /tmp/.x\n"
    assert octets["/home/ann/.ssh/authorized_keys"] == b"ssh-ed25519 BBBB ann\n"
    line = lines["/etc/cron.d/updater"]
    facts = line["facts"]
    assert (facts["mode"], facts["mtime"], facts["uid"], facts["kind"]) == ("0640", 1_700_000_001, os.getuid(), "f")
    assert line["sha256"] == sha256(octets["/etc/cron.d/updater"]).hexdigest()
    assert (root / "etc/cron.d/updater").stat().st_atime == 1_700_000_000, "reading leaves no trace"
    assert (sealed.items, sealed.missed) == (len(lines), 0)


def test_a_secret_is_said_to_be_there_and_taken_only_when_asked_for(place: Place) -> None:
    without, with_them = Memory(), Memory()
    taken(without, place)
    taken(with_them, place, secrets=True)
    key = "/home/ann/.ssh/id_ed25519"
    assert octets_of(with_them)[key] == b"a private key\n"
    assert octets_of(without)[key] == b""
    assert lines_of(without)[key]["facts"]["held_back"] == "a secret: --secrets takes it"


def test_programs_and_files_that_are_on_no_disk_are_taken(tmp_path: Path) -> None:
    sleep = Path(shutil.which("sleep") or "/bin/sleep").resolve()
    copy = Path(shutil.copy(sleep, tmp_path / ".cache-upd"))
    loot = (tmp_path / "loot").open("wb+")
    loot.write(b"loot" * 1000)
    loot.flush()
    (tmp_path / "loot").unlink()
    memory = os.memfd_create("kworker", 0)
    os.write(memory, sleep.read_bytes())
    wanted = [artifact(each, "processes", reader=each) for each in ("processes", "lost-programs", "lost-files")]
    with asleep(copy, str(copy)) as deleted, asleep(f"/proc/self/fd/{memory}", "[kworker/u8:1]", fds=(memory,)) as mem:
        copy.unlink()
        store = Memory()
        taken(store, Place.at(Path("/")), wanted)
    os.close(memory)
    loot.close()
    octets = octets_of(store)
    assert octets[f"/proc/{deleted}/exe: {copy} (deleted)"] == sleep.read_bytes()
    assert octets[f"/proc/{mem}/exe: /memfd:kworker (deleted)"] == sleep.read_bytes()
    assert b"loot" * 1000 in octets.values()
    table = octets["the process table"]
    assert f'"pid": {deleted},'.encode() in table
    assert b"[kworker/u8:1]" in table


def test_the_names_of_an_environment_are_taken_and_its_values_only_as_secrets(tmp_path: Path) -> None:
    wanted = [artifact("table", "processes", reader="processes"),
              artifact("values", "processes", reader="environments", secret=["**"])]  # fmt: skip
    code = "import time; time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", code], env={"DB_PASSWORD": "hunter-two-thousand"})
    time.sleep(0.1)
    try:
        without, with_them = Memory(), Memory()
        taken(without, Place.at(Path("/")), wanted)
        taken(with_them, Place.at(Path("/")), wanted, secrets=True)
    finally:
        process.kill()
        process.wait()
    assert b"DB_PASSWORD" in octets_of(without)["the process table"]
    assert not any(b"hunter-two-thousand" in each for each in octets_of(without).values())
    environments = octets_of(with_them)["the environments"]
    assert b"hunter-two-thousand" in environments
    assert f'"pid": {os.getpid()},'.encode() not in environments  # the key of the sink is in ours


def test_what_is_too_long_or_cannot_be_read_is_said_to_be(place: Place, root: Path) -> None:
    os.mkfifo(root / "var/log/pipe")
    cut = artifact("cut", files=["/var/log/auth.log"], limits={"each": "100 B"})

    store = Memory()
    taken(store, place, [cut, artifact("pipe", files=["/var/log/pipe"])])
    lines = lines_of(store)
    assert lines["/var/log/auth.log"]["facts"]["cut"] == 100
    assert lines["/var/log/auth.log"]["size"] == 100
    assert lines["/var/log/pipe"]["facts"]["kind"] == "p"
    assert read(store).sealed is not None
    assert verify(store).missed == 1


def test_a_file_that_changes_while_it_is_read_is_marked(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * 600_000)
    facts: Facts = {}
    reading = file_source(str(path), "log", 1 << 20).read(facts)
    next(reading)
    with path.open("ab") as file:
        file.write(b"more")
    assert sum(map(len, reading)) + (1 << 18) == 600_004
    assert facts["changed"] is True


def test_commands_run_by_their_whole_path_with_a_clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = tmp_path / "env"
    fake.write_text("#!/bin/sh\necho an intruder\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("TOKEN", "a secret")
    wanted = [
        artifact("env", command=["env"]),
        artifact("slow", command=["sleep", "50"], limits={"seconds": 1}),
        artifact("endless", command=["yes"], limits={"each": "10 KiB"}),
        artifact("none", command=["no-such-program"]),
        artifact("fails", command=["ls", "/no/such/folder"]),
    ]
    store, began = Memory(), time.monotonic()
    sealed = taken(store, Place.at(Path("/")), wanted)
    octets, lines = octets_of(store), lines_of(store)
    assert time.monotonic() - began < 45
    assert b"LC_ALL=C" in octets["env"]
    assert b"TOKEN" not in octets["env"]
    assert lines["env"]["facts"]["program"] == "/usr/bin/env"
    assert lines["env"]["facts"]["exit"] == 0
    assert lines["sleep 50"]["facts"]["error"] == "it took too long, and was ended"
    assert (lines["yes"]["facts"]["cut"], lines["yes"]["size"]) == (10240, 10240)
    assert lines["no-such-program"]["facts"]["absent"] == "no-such-program is not installed"
    assert lines["ls /no/such/folder"]["facts"]["exit"] == 2
    assert "No such file" in lines["ls /no/such/folder"]["facts"]["stderr"]
    assert sealed.missed == 2


def test_hashes_and_times_of_many_files_are_one_item(place: Place, root: Path) -> None:
    (root / "etc/crontab").chmod(0o4755)
    hashes = artifact("hashes", "integrity", files=["/etc/**"], take="hashes", kinds=["f"])
    setuid = artifact("setuid", "integrity", files=["/**"], take="stat", modes=["4000"])
    store = Memory()
    taken(store, place, [hashes, setuid])
    octets = octets_of(store)
    digest = sha256((root / "etc/cron.d/updater").read_bytes()).hexdigest()
    assert f'"sha256": "{digest}"'.encode() in octets["hashes of /etc/**"]
    assert [line.split(b'"')[3] for line in octets["stat of /**"].splitlines()] == [b"/etc/crontab"]


def test_everything_goes_in_the_order_of_volatility() -> None:
    turns = [each.order for each in own_pack()]
    assert turns == sorted(turns, key=list(Order).index)
    assert {*turns} == {*Order}
    assert own_pack()[0].id == "clocks"
    processes = [each.id for each in own_pack() if each.order is Order.PROCESSES]
    assert processes[:2] == ["process-table", "process-programs-lost"]
    assert processes[-1] == "process-ps", "what starts programs comes last"


def test_links_are_not_followed_and_loops_end(root: Path) -> None:
    (root / "var/log/loop").symlink_to("..")
    (root / "var/log/etc").symlink_to("/etc")
    paths = list(found(Place.at(root), ["/var/log/**"], artifact("a", files=["/x"]).choice))
    assert sorted(paths) == ["/var/log/auth.log", "/var/log/etc", "/var/log/loop", "/var/log/old/auth.log.1"]


def test_the_evidence_itself_is_not_evidence(root: Path) -> None:
    kept = Place.at(root, own="/var/log/old")
    assert list(found(kept, ["/var/log/**"], artifact("a", files=["/x"]).choice)) == ["/var/log/auth.log"]


def test_a_long_item_goes_to_the_store_piece_by_piece_while_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stockade.host.evidence.parcel.MOST", 1 << 16)
    store, seen = Memory(), list[int]()

    def read_slowly(_facts: Facts) -> Iterator[bytes]:
        for number in range(40):
            seen.append(store.puts)
            yield os.urandom(1 << 14) if number % 2 else bytes(1 << 14)

    taker = Taker(store, Chain(), 1, 1)
    taker.say("begin", {"at": 0.0, "host": "h", "boot": "", "artifacts": [], "secrets": False})
    taker.take("long", Source("a long one", read_slowly), 1 << 30)
    taker.flush()
    assert seen[-1] > 3, "it was being stored while it was read"
    assert len(octets_of(store)["a long one"]) == 40 << 14


def test_nothing_but_python_is_needed(root: Path, tmp_path: Path) -> None:
    """As on a machine that has nothing but Python: without the libraries of this environment."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from stockade.host.evidence import acting, collecting, folder, pack, reference, verify, walking\n"
        "store = folder.Folder(Path(sys.argv[3]))\n"
        "wanted = pack.chosen(pack.own_pack(), ['persistence'])\n"
        "sealed = collecting.begin(store, wanted, walking.Place.at(Path(sys.argv[2])), secrets=False, tell=print)\n"
        "assert verify.verify(store, sealed.phrase).items == sealed.items > 3\n"
    )
    source = str(Path(__file__).parents[3] / "src")
    argv = [sys.executable, "-I", "-S", "-c", code, source, str(root), str(tmp_path / "sink")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_what_never_answers_is_given_up_and_the_rest_is_taken(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    never, reader, walk = threading.Event(), files._octets, walking._entries

    def reading(path: str, *rest: Any, **more: Any) -> Iterator[bytes]:
        if path.endswith("crontab"):
            never.wait()
        return reader(path, *rest, **more)

    def entries(there: Place, at: str) -> list[os.DirEntry[str]]:
        if at == "/var/log":
            never.wait()
        return walk(there, at)

    monkeypatch.setattr(collecting, "PATIENCE", 0.2)
    monkeypatch.setattr(files, "_octets", reading)
    monkeypatch.setattr(walking, "_entries", entries)
    store = Memory()
    sealed = taken(store, place, [CRON, KEYS, artifact("logs", files=["/var/log/**"], limits={"seconds": 1})])
    never.set()
    found = lines_of(store)
    assert found["/etc/crontab"]["facts"]["error"] == "no answer in 0.2 s"
    assert "hangs" in read(store).done["logs"]["stopped"]
    assert verify(store, sealed.phrase).missed == sealed.missed >= 2
