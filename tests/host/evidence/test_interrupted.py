"""A collection that was interrupted goes on: what is complete stays, what is not is taken again and said to be."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stockade.errors import Refused, Tampered, Unavailable
from stockade.host.evidence.artifact import Artifact
from stockade.host.evidence.collecting import begin
from stockade.host.evidence.folder import Folder
from stockade.host.evidence.manifest import read
from stockade.host.evidence.verify import verify
from stockade.host.evidence.walking import Place
from tests.host.evidence.taken import CRON, KEYS, Memory, artifact, die, gone_on, lines_of, octets_of, taken, untold

_FORKS = multiprocessing.get_context("fork")
BIG = artifact("big", files=["/var/log/big"], limits={"each": "64 MiB"})


def mortal(folder: Path, place: Place, at: int, artifacts: list[Artifact]) -> None:
    """Collect into a folder, and be killed with signal 9 at a put."""
    store, ticking = Folder(folder), die(at)
    put, count = store.put, [0]

    def counted(name: str, octets: bytes) -> object:
        ticking(count[0])
        count[0] += 1
        return put(name, octets)

    store.put = counted  # type: ignore[assignment, method-assign]
    begin(store, artifacts, place, secrets=False, tell=untold)


def test_killed_at_any_put_it_goes_on_and_ends_as_if_it_had_not_been(
    place: Place, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stockade.host.evidence.taking.OFTEN", 0.0)  # a parcel for every item: many places to die at
    monkeypatch.setattr("stockade.host.evidence.parcel.MOST", 1 << 16)
    (root / "var/log/big").write_bytes(os.urandom(150_000))
    whole, wanted = Memory(), [CRON, KEYS, BIG]
    taken(whole, place, wanted)
    expected, whole_items, killed = octets_of(whole), len(read(whole).items), 0
    for at in range(1, whole.puts):
        folder = tmp_path / f"killed-{at}"
        process = _FORKS.Process(target=mortal, args=(folder, place, at, wanted))
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL, at
        store = Folder(folder)
        before = {line["item"]: line for line in read(store).items.values()}
        verify(store)  # nothing is claimed that is not there, before it is resumed either
        sealed = gone_on(store, place, wanted)
        report = verify(store, sealed.phrase)
        assert octets_of(store) == expected, at
        after = read(store).items
        assert all(after[number] == line for number, line in before.items()), "what was complete stays"
        assert (report.sealed, report.resumed, report.items) == (True, 1, whole_items)
        killed += 1
    assert killed > 12


def test_half_an_item_is_taken_again_and_said_to_be(place: Place, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stockade.host.evidence.parcel.MOST", 1 << 16)
    (root / "var/log/big").write_bytes(os.urandom(150_000))
    store = Memory()

    def full(number: int) -> None:
        if number == 4:
            raise Unavailable("the sink is full")

    store.at_put = full
    with pytest.raises(Unavailable, match="full"):
        taken(store, place, [BIG])
    assert [each["what"] for each in read(store).opened.values()] == ["/var/log/big"]
    assert any("not sealed" in each for each in verify(store).remarks)
    store.at_put = lambda _number: None
    sealed = gone_on(store, place, [BIG])
    report = verify(store, sealed.phrase)
    assert "it was interrupted and resumed; taken again: /var/log/big of big" in report.remarks
    assert octets_of(store)["/var/log/big"] == (root / "var/log/big").read_bytes()
    assert lines_of(store)["/var/log/big"]["item"] == 2, "no number is given twice"


def test_a_part_that_was_torn_is_abandoned_and_counts_for_nothing(place: Place) -> None:
    for torn in ("manifest/000002.jsonl", "parcels/000002.tar.gz"):
        store = Memory()
        taken(store, place)
        names = sorted(store.held)
        kept = {
            name: store.held[name] for name in names if name[-13:] < "000003" or "000002" in name or "000001" in name
        }
        kept = {name: octets for name, octets in kept.items() if "000001" in name or name == torn or "parcels" in name}
        kept = {name: octets for name, octets in kept.items() if "000001" in name or "000002" in name}
        kept[torn] = kept[torn][: len(kept[torn]) // 2]
        cut = Memory(kept)
        sealed = gone_on(cut, place)
        assert verify(cut, sealed.phrase).items == 7
        assert torn in read(cut).abandoned
        cut.held[torn] += b"more"
        with pytest.raises(Tampered, match="not what it was when it was abandoned"):
            verify(cut)


def test_torn_twice_in_a_row_it_goes_on_all_the_same(place: Place) -> None:
    store = Memory()
    taken(store, place)
    first = Memory({name: octets for name, octets in store.held.items() if "000001" in name})
    first.held["manifest/000002.jsonl"] = store.held["manifest/000002.jsonl"][:-10]
    first.held["manifest/000003.jsonl"] = b'{"before":"'
    sealed = gone_on(first, place)
    assert verify(first, sealed.phrase).sealed


def test_what_is_sealed_elsewhere_begun_or_robbed_is_not_gone_on_with(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Memory()
    taken(store, place)
    with pytest.raises(Refused, match="sealed, and complete"):
        gone_on(store, place)
    del store.held[max(name for name in store.held if name.startswith("manifest/"))]
    parcel = min(name for name in store.held if name.startswith("parcels/"))
    octets = store.held.pop(parcel)
    with pytest.raises(Tampered, match=f"{parcel} is gone"):
        gone_on(store, place)
    store.held[parcel] = octets
    begun = store.held["manifest/000001.jsonl"]
    host = os.uname().nodename.encode()
    elsewhere = Memory({"manifest/000001.jsonl": begun.replace(b'"host":"' + host, b'"host":"another')})
    with pytest.raises(Refused, match="begun on another"):
        gone_on(elsewhere, place)


# ── a sink that is really full, and a disk that cannot be written ────────────────────────────────

FULL = """
set -e
mkdir -p "$1/sink"
mount -t tmpfs -o size=6m tmpfs "$1/sink"
set +e
$2 host collect --to "$1/sink" --artifacts "$1/big.toml"; echo "exit $?"
set -e
mount -o remount,size=64m "$1/sink"
$2 host collect --to "$1/sink" --artifacts "$1/big.toml" --resume
$2 evidence verify "$1/sink"
"""
READ_ONLY = """
set -e
mount --bind / /mnt
mount -o remount,bind,ro /mnt
mkdir -p "$1/sink" "/mnt$1/x" 2>/dev/null && exit 9
mount -t tmpfs tmpfs /mnt/tmp 2>/dev/null; umount /mnt/tmp
mount --bind "$1/sink" "/mnt$1/sink"
take='cd "$1" && exec "$2" host collect --to "$1/sink" --artifact persistence --artifact processes'
chroot /mnt /bin/sh -c "$take" sh "$1" "$2"
"""
needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="only root has mount namespaces"
)
PROGRAM = str(Path(sys.executable).with_name("stockade"))


def in_a_namespace(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environ = {
        "PATH": os.environ["PATH"],
        "STOCKADE_STATE": str(folder / "state"),
        "COLUMNS": "100",
        "HOME": str(folder),
    }
    return subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "bash", "-c", script, "bash", str(folder), PROGRAM],
        cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@needs_root
def test_a_full_sink_says_so_and_the_collection_goes_on_when_there_is_room(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(os.urandom(8 << 20))
    (tmp_path / "big.toml").write_text(
        f'order = "logs"\nwhat = "A big one"\nwhy = "A trial."\nfiles = ["/etc/passwd", "{tmp_path}/big"]\n'
    )
    done = in_a_namespace(FULL, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "exit 4" in done.stdout
    assert "No space left on device" in done.stderr
    assert "--resume" in done.stderr
    assert "is saved and sealed: 2 items, 8 MiB" in done.stdout
    assert f"taken again: {tmp_path}/big of big" in " ".join(done.stdout.split())


@needs_root
def test_nothing_is_needed_on_the_suspect_disk(tmp_path: Path) -> None:
    (tmp_path / "sink").mkdir()
    done = in_a_namespace(READ_ONLY, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is saved and sealed" in done.stdout
    (collection,) = (tmp_path / "sink").iterdir()
    assert verify(Folder(collection)).sealed
    assert not (tmp_path / "state").exists()
