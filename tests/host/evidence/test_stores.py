"""Every store keeps what it is given, once, and shows what was done behind its back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from stockade.app.host.evidence_places import Bucket, FolderSink, sink_of
from stockade.audit.sinks.settings import SinkSettings
from stockade.config import Settings
from stockade.errors import ConfigurationError, Refused, Tampered, Unavailable
from stockade.host.evidence.folder import Folder
from stockade.host.evidence.store import Store
from stockade.host.evidence.verify import verify
from stockade.host.evidence.walking import Place
from tests.host.evidence.taken import gone_on, octets_of, taken
from tests.servers.ceph import OWNER, Ceph

SECRETS = {"K": OWNER.key, "S": OWNER.secret}


@dataclass(frozen=True)
class Rig:
    """A store: opened anew each time, as another process would; and somebody who writes over a name."""

    open: Callable[[], Store]
    write_over: Callable[[str], None]


def settings_of(ceph: Ceph, bucket: str) -> SinkSettings:
    return SinkSettings(
        url=f"s3://{bucket}/evidence", endpoint=ceph.endpoint, retain=60, access_key="env:K", secret_key="env:S",
        reader_key="env:K", reader_secret="env:S",
    )  # fmt: skip


@pytest.fixture(params=["folder", "bucket"])
def rig(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    if request.param == "folder":
        return Rig(lambda: Folder(tmp_path / "sink"), lambda name: _over(tmp_path / "sink" / name))
    ceph: Ceph = request.getfixturevalue("ceph")
    settings = settings_of(ceph, ceph.bucket())
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    bucket = settings.url.split("/")[2]
    client = ceph.client()
    return Rig(
        lambda: Bucket(settings),
        lambda name: client.put_object(Bucket=bucket, Key=f"evidence/{name}", Body=b"something else"),
    )


def _over(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"something else")


def test_what_is_put_is_there_under_its_name_and_whole(rig: Rig) -> None:
    store = rig.open()
    octets = bytes(range(256)) * 4096
    store.put("parcels/000001.tar.gz", octets)
    store.put("manifest/000001.jsonl", b"{}\n")
    again = rig.open()
    assert sorted(again.names()) == ["manifest/000001.jsonl", "parcels/000001.tar.gz"]
    assert again.read("parcels/000001.tar.gz", 1 << 21) == octets
    with pytest.raises(Tampered, match="longer than it can be"):
        again.read("parcels/000001.tar.gz", 1000)


def test_no_name_is_written_twice(rig: Rig) -> None:
    rig.open().put("manifest/000001.jsonl", b"{}\n")
    with pytest.raises(Refused, match="nothing is written twice"):
        rig.open().put("manifest/000001.jsonl", b"another\n")
    assert rig.open().read("manifest/000001.jsonl", 100) == b"{}\n"


def test_a_collection_is_taken_verified_and_gone_on_with(rig: Rig, place: Place) -> None:
    sealed = taken(rig.open(), place)
    assert verify(rig.open(), sealed.phrase).items == sealed.items
    with pytest.raises(Refused, match="sealed, and complete"):
        gone_on(rig.open(), place)
    assert octets_of(rig.open())["/etc/cron.d/updater"].endswith(b"/tmp/.x\n")


def test_writing_over_a_name_is_impossible_or_found(rig: Rig, place: Place) -> None:
    taken(rig.open(), place)
    try:
        rig.write_over("manifest/000001.jsonl")
    except PermissionError:  # the append-only flag
        assert verify(rig.open()).sealed
        return
    with pytest.raises(Tampered):
        verify(rig.open())


def test_a_store_that_is_away_says_so(tmp_path: Path, ceph: Ceph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stockade.app.host.evidence_places.TRIES", 1)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    away = replace(settings_of(ceph, "nobody"), endpoint="http://127.0.0.1:9", reader_key="")
    with pytest.raises(Unavailable) as caught:
        Bucket(away).put("a", b"")
    assert "--resume" in caught.value.remedy
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="Not a directory"):
        Folder(tmp_path / "file").put("manifest/000001.jsonl", b"")


def test_a_bucket_says_how_long_it_locks_and_who_may_read(ceph: Ceph, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    settings = settings_of(ceph, ceph.bucket())
    with pytest.raises(ConfigurationError, match="how long evidence is locked"):
        Bucket(replace(settings, retain=0.0)).put("a", b"")
    blind = Bucket(replace(settings, reader_key=""))
    blind.put("a", b"kept")
    with pytest.raises(ConfigurationError, match="can only be written"):
        blind.read("a", 10)


def test_a_folder_tells_its_collections(tmp_path: Path, place: Place) -> None:
    assert FolderSink(tmp_path / "nothing").collections() == []
    taken(FolderSink(tmp_path).collection("web1-20270101T000000Z"), place)
    assert FolderSink(tmp_path).collections() == ["web1-20270101T000000Z"]


def test_a_place_that_keeps_no_evidence_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="https keeps no evidence"):
        sink_of("https://collector.example/x", Settings())
    with pytest.raises(ConfigurationError, match="no option 'colour'"):
        sink_of("s3://bucket/x?colour=red", Settings())
