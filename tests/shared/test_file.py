"""The file is ours, whole and private, or it is not used."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from stockade.errors import ConfigurationError, Unavailable
from stockade.guard.shared import SharedStore, geometry
from tests.shared.conftest import CLIENTS, Start
from tests.shared.other import Other
from tests.source_tree import ROOT


def test_file_and_directory_are_for_their_owner_alone(store: SharedStore, path: Path) -> None:
    Other(store).ban("203.0.113.9", 60)
    modes = {found.name: found.stat().st_mode & 0o777 for found in [path.parent, *path.parent.iterdir()]}
    assert modes.pop("state") == 0o700
    assert set(modes.values()) == {0o600}, modes


def test_every_byte_has_its_room_on_the_disk_from_the_beginning(store: SharedStore, path: Path) -> None:
    found = path.stat()
    assert found.st_blocks * 512 >= found.st_size == geometry.Geometry.for_at_least(CLIENTS, 32).size


def test_a_disk_without_room_is_named_before_anything_is_counted(path: Path) -> None:
    script = """if True:
        import resource, sys
        from stockade.guard.shared import SharedStore
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        try: SharedStore(sys.argv[1])
        except Exception as error: print(type(error).__name__, error)
    """
    argv = [sys.executable, "-c", script, str(path)]
    told = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert told.startswith("Unavailable no room for")
    assert "configure fewer clients" in told
    assert Other(SharedStore(path, clients=32)).passes("203.0.113.9", "r", 1, 2) == 1, "there is room for less"


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(ConfigurationError, match="symbolic link"):
        SharedStore(tmp_path / "link")
    (tmp_path / "counters.bans").symlink_to(target)
    with pytest.raises(ConfigurationError, match="symbolic link"):
        SharedStore(tmp_path / "counters")
    assert target.read_text() == "precious"


def test_what_is_not_a_file_or_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Is a directory"):
        SharedStore(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigurationError, match="not a file"):
        SharedStore(tmp_path / "pipe")
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"Not a directory|File exists"):
        SharedStore(tmp_path / "file" / "counters")


def test_somebody_elses_file_is_refused_and_left_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"#!/bin/sh\necho precious\n" * 400)
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match="not a file of the shared store"):
        SharedStore(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda whole: whole[:-4096], "cut short"),
        (lambda whole: whole[:100], "cut short"),
        (lambda whole: whole[:40], "damaged"),
        (lambda whole: whole[:20] + b"\xff" + whole[21:], "damaged"),
        (lambda whole: rewritten(whole, layout=0), "of an older layout"),
    ],
    ids=["cut short", "cut to its header", "cut in its header", "damaged", "older"],
)
def test_what_cannot_be_read_is_moved_aside_and_said(
    path: Path, damage: object, why: str, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    assert callable(damage)
    first = start()
    first("passes", "203.0.113.9", "r", 1e9, 5)
    first("ban", "user:mallory", 60)
    first.end()
    path.write_bytes(damage(path.read_bytes()))
    store = SharedStore(path, clients=CLIENTS)
    assert f"is {why}: moved to" in caplog.text
    assert len(list(path.parent.glob("counters.aside-*"))) == 1
    assert Other(store).used("203.0.113.9", "r") == [0]
    assert Other(store).bans() == ["user:mallory"]


def test_the_file_of_a_newer_stockade_is_left_alone(path: Path, start: Start) -> None:
    start().end()
    path.write_bytes(rewritten(path.read_bytes(), layout=geometry.LAYOUT + 1))
    with pytest.raises(ConfigurationError, match="newer Stockade"):
        SharedStore(path)
    assert not list(path.parent.glob("*aside*"))


def test_a_file_whose_making_was_interrupted_is_made_anew(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(bytes(5000))
    assert Other(SharedStore(path, clients=CLIENTS)).passes("203.0.113.9", "r", 1, 2) == 1


def test_a_file_keeps_the_size_it_was_made_with(store: SharedStore, path: Path, start: Start) -> None:
    Other(store).passes("203.0.113.9", "r", 1e9, 5)
    assert start(64, 3)("used", "203.0.113.9", "r") == [5]
    assert path.stat().st_size == geometry.Geometry.for_at_least(CLIENTS, 32).size


def test_one_process_opens_a_file_but_once(store: SharedStore, path: Path) -> None:
    """Closing a second descriptor would let go of what is locked through the first."""
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    stores = [SharedStore(path) for _ in range(5)]
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
    assert {id(each._table) for each in stores} == {id(store._table)}


def test_processes_that_start_together_make_one_file(path: Path) -> None:
    argv = [sys.executable, "-W", "error", "-m", "tests.shared.other", str(path), "4096"]
    starting = [subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(6)]
    order = b'["passes", "everyone", "r", 60, 20]\n'
    told = [process.communicate(order)[0].decode().splitlines() for process in starting]
    assert sum(int(lines[1]) for lines in told) == 60
    assert sorted(found.name for found in path.parent.iterdir() if "journal" not in found.name) == [
        "counters",
        "counters.bans",
    ]


def test_a_place_that_others_may_not_write_is_a_clear_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*_: object, **__: object) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises((ConfigurationError, Unavailable), match="Read-only file system"):
        SharedStore(path)


def rewritten(whole: bytes, *, layout: int) -> bytes:
    """The file as a Stockade of another layout would have written it."""
    found = geometry.read(whole[: geometry.HEADER])
    assert found is not None
    body = geometry._STATIC.pack(layout, geometry.WAYS, found[1].clients, found[1].rules, found[2])
    header = geometry.MAGIC + zlib.crc32(body).to_bytes(4, "little") + body
    return header + whole[len(header) :]
