"""Backups are found by what they are, dated, and read without being restored, whoever made them."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from stockade.errors import ConfigurationError
from stockade.host.backups.dated import moment, time_in
from stockade.host.backups.listed import BackedUp, Backup, footer, header, line_of, names_in
from stockade.host.backups.reading import backups, contents

KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIJbYx2LmP0dRt5VwZk9aQ7bYx2LmP0dRt5VwZk9aQ7bY"


def stamp(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("1493107454_2018_04_25_10.6.4-ce_gitlab_backup.tar", 1493107454.0),
        ("web1-2026-11-20.tar.gz", stamp(2026, 11, 20)),
        ("web1-20261120T0315.tar", stamp(2026, 11, 20, 3, 15)),
        ("daily_2026-11-20_03-15-59", stamp(2026, 11, 20, 3, 15, 59)),
        ("etc-1763609759.tgz", 1763609759.0),
        ("web1.tar", None),
        ("2026-13-45", None),
    ],
)
def test_a_name_says_when_a_backup_was_taken(name: str, taken: float | None) -> None:
    assert time_in(name)[0] == taken


def test_times_of_listings_are_read_with_and_without_a_zone() -> None:
    expected = stamp(2026, 11, 20, 3, 15)
    written = ["2026-11-20T03:15:00.000000", "2026-11-20T04:15:00.123456789+01:00", "2026-11-20T03:15:00Z"]
    assert [int(moment(each) or 0) for each in written] == [int(expected)] * 3
    assert moment("yesterday") is None


def a_machine(folder: Path) -> Path:
    for path, text in {
        "etc/passwd": "root:x:0:0::/root:/bin/sh\neve:x:0:0::/:/bin/sh\n",
        "home/bob/.ssh/authorized_keys": f"# mine\nssh-ed25519 {KEY} bob@laptop\n",
        "usr/bin/tool": "#!/bin/sh\n",
    }.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    (folder / "usr/bin/tool").chmod(0o4755)
    return folder


def read(*places: Path) -> dict[str, dict[str, BackedUp]]:
    return {
        each.name: {file.path: file for file in contents(each, lambda _path: True)}
        for each in backups(list(map(str, places)))
    }


def test_a_folder_a_tar_and_a_manifest_of_the_same_machine_say_the_same(tmp_path: Path) -> None:
    root = a_machine(tmp_path / "2026-11-20")
    subprocess.run(["tar", "-czf", tmp_path / "2026-11-21.tar.gz", "-C", root, "."], check=True)
    (backup,) = backups([str(root)])
    lines = [line_of(each) for each in contents(backup, lambda _path: True)]
    (tmp_path / "x.manifest").write_text(
        header("2026-11-22", stamp(2026, 11, 22)) + "".join(lines) + footer(len(lines))
    )
    told = read(tmp_path)
    assert sorted(told) == ["2026-11-20", "2026-11-21.tar.gz", "2026-11-22"]
    folder, tar, manifest = (told[name] for name in sorted(told))
    assert folder == manifest
    tar.pop("/")
    assert {path: each.sha256 for path, each in folder.items()} == {path: each.sha256 for path, each in tar.items()}
    assert folder["/etc/passwd"].names == tar["/etc/passwd"].names == ("account:root", "account:eve")
    assert folder["/home/bob/.ssh/authorized_keys"].names == (f"key:{KEY}",)
    assert folder["/usr/bin/tool"].mode == tar["/usr/bin/tool"].mode == 0o4755
    assert folder["/usr/bin/tool"].sha256 == sha256(b"#!/bin/sh\n").hexdigest()


def test_a_digest_is_worked_out_only_where_it_is_wanted(tmp_path: Path) -> None:
    (backup,) = backups([str(a_machine(tmp_path / "2026-11-20"))])
    assert {each.path for each in contents(backup, lambda path: path.startswith("/etc")) if each.sha256} == {
        "/etc/passwd"
    }


BORG = [
    {"type": "d", "mode": "drwxr-xr-x", "path": "etc", "size": 0, "mtime": "2026-11-20T03:15:00.000000"},
    {"type": "-", "mode": "-rwsr-xr-x", "path": "usr/bin/tool", "size": 10, "mtime": "2026-11-20T03:15:00.000000",
     "sha256": "ab" * 32},
]  # fmt: skip
RESTIC = [
    {"time": "2026-11-21T03:15:00.5Z", "hostname": "web1", "short_id": "79766175", "struct_type": "snapshot"},
    {"name": "etc", "type": "dir", "path": "/etc", "struct_type": "node"},
    {"name": "tool", "type": "file", "path": "/usr/bin/tool", "size": 10, "mode": 493, "mtime": "2026-11-20T03:15:00Z",
     "struct_type": "node"},
]  # fmt: skip


def test_what_borg_and_restic_print_is_read(tmp_path: Path) -> None:
    (tmp_path / "web1-2026-11-20.borg").write_text("".join(json.dumps(line) + "\n" for line in BORG))
    (tmp_path / "restic.json").write_text("".join(json.dumps(line) + "\n" for line in RESTIC))
    borg, restic = backups([str(tmp_path / "web1-2026-11-20.borg")])[0], backups([str(tmp_path / "restic.json")])[0]
    assert (borg.kind, borg.taken) == ("borg", stamp(2026, 11, 20))
    assert (restic.kind, restic.name, restic.taken) == ("restic", "79766175", stamp(2026, 11, 21, 3, 15) + 0.5)
    (file,) = (each for each in contents(borg, None) if each.plain)
    assert (file.path, file.mode, file.sha256) == ("/usr/bin/tool", 0o4755, "ab" * 32)
    assert [each.path for each in contents(restic, None) if each.plain] == ["/usr/bin/tool"]


def test_lists_of_archives_give_names_and_times_and_no_files(tmp_path: Path) -> None:
    archives = {
        "archives": [{"archive": "web1-1", "name": "web1-1", "start": "2026-11-20T03:15:00.000000"}],
        "repository": {},
    }
    (tmp_path / "list.json").write_text(json.dumps(archives, indent=1))
    (tmp_path / "snapshots.json").write_text(json.dumps([{"time": "2026-11-21T03:15:00Z", "short_id": "79766175"}]))
    found = backups([str(tmp_path / "list.json"), str(tmp_path / "snapshots.json")])
    expected = [("web1-1", stamp(2026, 11, 20, 3, 15), "name"), ("79766175", stamp(2026, 11, 21, 3, 15), "name")]
    assert [(each.name, each.taken, each.kind) for each in found] == expected
    assert [list(contents(each, lambda _path: True)) for each in found] == [[], []]


def test_a_tar_that_ends_too_early_is_an_error_and_a_hostile_one_is_only_read(tmp_path: Path) -> None:
    place = tmp_path / "2026-11-20.tar"
    with tarfile.open(place, "w") as archive:
        for name in ("../../etc/cron.d/x", "/etc/passwd"):
            member = tarfile.TarInfo(name)
            member.size = 4
            archive.addfile(member, io.BytesIO(b"eve:"))
    found = list(contents(Backup("x", str(place), None, "tar"), lambda _path: True))
    assert [each.path for each in found] == ["/../../etc/cron.d/x", "/etc/passwd"]
    assert list(tmp_path.iterdir()) == [place]
    place.write_bytes(place.read_bytes()[:700])
    with pytest.raises(OSError, match="no whole tar file"):
        list(contents(Backup("x", str(place), None, "tar"), lambda _path: True))


def test_where_there_is_no_backup_is_said(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing\n")
    with pytest.raises(ConfigurationError, match="no backup was found"):
        backups([str(tmp_path)])


def test_only_files_that_list_names_give_some() -> None:
    assert names_in("/srv/passwd", "bob:x\n") == ()


def test_what_the_kernel_tells_of_itself_is_no_part_of_a_machine_and_is_not_walked_into() -> None:
    found = [each.path for each in contents(Backup("dev", "/dev", None, "folder"), lambda _path: True)]
    assert "/null" in found
    assert [each for each in found if each.startswith("/pts/")] == []
