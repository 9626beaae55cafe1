"""Whatever is changed, taken away, added or exchanged afterwards is found, and named; and the head is what decides."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import tarfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from stockade.errors import ConfigurationError, Tampered
from stockade.host.evidence.chain import Chain
from stockade.host.evidence.manifest import read
from stockade.host.evidence.parcel import pieces
from stockade.host.evidence.phrase import GROUPS, LETTERS, heard, phrase
from stockade.host.evidence.verify import verify
from stockade.host.evidence.walking import Place
from tests.host.evidence.taken import FEW, Memory, taken

Attack = Callable[[Memory], None]
PARCEL, PART, LAST = "parcels/000002.tar.gz", "manifest/000002.jsonl", "manifest/000004.jsonl"


def gone(name: str) -> Attack:
    def attack(store: Memory) -> None:
        del store.held[name]

    return attack


def put(name: str, octets: bytes) -> Attack:
    return lambda store: store.held.__setitem__(name, octets)


def changed(name: str, at: int = 100) -> Attack:
    def attack(store: Memory) -> None:
        octets = bytearray(store.held[name])
        octets[at] ^= 1
        store.held[name] = bytes(octets)

    return attack


def repacked(store: Memory) -> None:
    """Another parcel of the same names, as somebody makes who does not reach the manifest."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("000001.0"), io.BytesIO())
    store.held[PARCEL] = buffer.getvalue()


def reworded(old: bytes, new: bytes) -> Attack:
    def attack(store: Memory) -> None:
        assert old in store.held[PART]
        store.held[PART] = store.held[PART].replace(old, new)

    return attack


ATTACKS: dict[str, tuple[Attack, str]] = {
    "a parcel is gone": (gone(PARCEL), PARCEL),
    "a bit of a parcel": (changed(PARCEL), f"{PARCEL} is not what was stored"),
    "a parcel is another": (repacked, f"{PARCEL} is not what was stored"),
    "a part is gone": (gone(PART), "does not follow"),
    "a bit of a part": (changed(PART), PART),
    "a file is called otherwise": (reworded(b"/etc/crontab", b"/etc/chrontab"), "does not follow"),
    "a file is added": (put("parcels/000099.tar.gz", b"x"), "parcels/000099.tar.gz was added"),
    "a part is added": (put("manifest/000099.jsonl", b"{}\n"), "does not follow"),
    "a note is added": (put("README", b"x"), "README was added"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_what_was_done_to_it_is_found_and_named(name: str, place: Place) -> None:
    attack, said = ATTACKS[name]
    store = Memory()
    sealed = taken(store, place)
    assert verify(store, sealed.phrase).remarks == ()
    attack(store)
    with pytest.raises(Tampered, match=said):
        verify(store)


def test_the_end_cut_off_is_no_longer_sealed_and_has_no_head(place: Place) -> None:
    store = Memory()
    sealed = taken(store, place)
    del store.held[max(name for name in store.held if name.startswith("manifest/"))]
    assert not verify(store).sealed
    with pytest.raises(Tampered, match="it is not sealed"):
        verify(store, sealed.phrase)


def test_another_collection_in_its_place_is_whole_and_has_another_head(place: Place) -> None:
    mine, theirs = Memory(), Memory()
    sealed = taken(mine, place)
    taken(theirs, place, FEW[:1])
    (remark,) = verify(theirs).remarks
    assert "no head was given" in remark
    with pytest.raises(Tampered, match="it has another head"):
        verify(theirs, sealed.phrase)


def test_a_parcel_that_becomes_too_large_is_refused_before_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stockade.host.evidence.parcel.HEAVIEST", 1 << 20)
    bomb = gzip.compress(bytes(2 << 20))
    with pytest.raises(Tampered, match="becomes too large"):
        list(pieces(bomb, "parcels/000001.tar.gz"))
    with pytest.raises(Tampered, match="is no parcel"):
        list(pieces(b"nothing", "parcels/000001.tar.gz"))


def test_an_empty_place_holds_no_evidence() -> None:
    with pytest.raises(ConfigurationError, match="no evidence"):
        verify(Memory())


# ── the head on paper ────────────────────────────────────────────────────────────────────────────

heads = some.binary(min_size=32, max_size=32).map(bytes.hex)


@given(heads)
def test_a_head_is_read_as_it_was_written_however_it_was_written(head: str) -> None:
    written = phrase(head)
    assert heard(written) == written
    assert heard(written.lower().replace("-", " ")) == written
    assert heard(written.replace("1", "l").replace("0", "O")) == written


@given(heads, some.integers(0, 5 * GROUPS - 1), some.sampled_from(LETTERS))
def test_one_wrong_letter_is_found_in_its_group(head: str, at: int, letter: str) -> None:
    letters = list(phrase(head).replace("-", ""))
    if letters[at] != letter:
        letters[at] = letter
        with pytest.raises(ConfigurationError, match=f"group {at // 5 + 1} "):
            heard("".join(letters))


@given(heads, some.integers(0, GROUPS - 2))
def test_two_groups_in_the_wrong_order_are_found(head: str, at: int) -> None:
    groups = phrase(head).split("-")
    if groups[at][:4] != groups[at + 1][:4]:
        groups[at], groups[at + 1] = groups[at + 1], groups[at]
        with pytest.raises(ConfigurationError, match="does not fit itself"):
            heard("-".join(groups))


def test_a_phrase_that_is_too_short_is_no_head() -> None:
    with pytest.raises(ConfigurationError, match="has 4 letters, and should have 30"):
        heard("ABCD")


JUNK: some.SearchStrategy[object] = some.sampled_from(
    [None, "", -1, 1.5, 10**30, [], {}, [[]], True, "../../../etc/passwd", "\udcff", float("nan")]
)


def forged(parts: dict[str, list[dict[str, object]]]) -> dict[str, bytes]:
    """A manifest whose lines follow one another, as somebody writes it who hands evidence over."""
    chain, found = Chain(), dict[str, bytes]()
    for name, lines in parts.items():
        said = [{key: value for key, value in line.items() if key not in {"before", "kind"}} for line in lines]
        kinds = [str(line.get("kind")) for line in lines]
        found[name] = b"".join(chain.line(kind, each) for kind, each in zip(kinds, said, strict=True))
    return found


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    root = tmp_path_factory.mktemp("root")
    (root / "etc").mkdir()
    (root / "etc/crontab").write_text("x")
    store = Memory()
    taken(store, Place.at(root))
    return store.held


def told(store: dict[str, bytes]) -> dict[str, list[dict[str, object]]]:
    """What the parts of a manifest say."""
    parts = sorted((name, octets) for name, octets in store.items() if name.startswith("manifest/"))
    return {name: [json.loads(line) for line in octets.splitlines()] for name, octets in parts}


def test_a_manifest_that_keeps_silent_about_what_a_parcel_holds_is_refused(honest: dict[str, bytes]) -> None:
    parts = told(honest)
    held = next(line for lines in parts.values() for line in lines if line.get("holds"))
    held["holds"] = []
    with pytest.raises(Tampered, match="does not hold what its line says"):
        verify(Memory(honest | forged(parts)))


@given(some.data())
def test_whoever_writes_a_manifest_can_make_it_be_refused_and_nothing_else(
    honest: dict[str, bytes], data: some.DataObject
) -> None:
    parts = told(honest)
    line = data.draw(some.sampled_from([line for lines in parts.values() for line in lines]))
    line[data.draw(some.sampled_from(sorted(line)))] = data.draw(JUNK)
    store = Memory(honest | forged(parts))
    for look in (verify, read):
        with contextlib.suppress(Tampered, ConfigurationError):
            look(store)


@pytest.mark.parametrize("name", ["../secret", "/etc/shadow", "parcels/../../secret", "parcels/.."])
def test_a_manifest_leads_nobody_out_of_its_collection(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    digest = sha256(b"x").hexdigest()
    begin = {"kind": "begin", "at": 1.0, "host": "web1", "boot": "", "secrets": False, "artifacts": []}
    resume = {"kind": "resume", "at": 1.0, "boot": "", "abandoned": {name: digest}, "again": []}
    parcel = {"kind": "parcel", "name": name, "size": 1, "sha256": digest, "holds": [], "open": None}
    for line in (resume, parcel):
        store = Memory(forged({"manifest/000001.jsonl": [begin], "manifest/000002.jsonl": [line]}))
        store.held[name] = b"x"  # were it asked for, it would be there
        with pytest.raises(Tampered, match="does not say what it must"):
            verify(store)
