"""How long a sealed segment takes into a real store with Object Lock, read back, beside one bare put of its octets; and
how many entries a second a collector acknowledges that answers only when its disk has them.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

from bench.rows import Row
from stockade.audit.clerk import Rhythm
from stockade.audit.log import AuditLog
from stockade.audit.sinks.connection import peer_of
from stockade.audit.sinks.message import Messages
from stockade.audit.sinks.objectlock import LockedStore, Vault
from stockade.audit.sinks.parcels import Entries, Parcel, Segments
from stockade.audit.sinks.receipts import Receipts
from stockade.audit.sinks.relp import RelpTls
from stockade.audit.sinks.settings import SinkSettings
from stockade.events import Event, Ref
from tests.servers.ceph import Ceph, started_ceph
from tests.servers.certificates import make_certificates
from tests.servers.rsyslog import Rsyslog

BAR: Final = 10.0
"""Seconds."""


def rows(*, octets: int, rounds: int) -> Sequence[Row]:
    """``octets`` is the size at which a segment is sealed."""
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "log"
        fill(log, Path(name) / "signer", octets)
        first = Segments(log, 1e9, time.monotonic)(0)
        assert first is not None
        with started_ceph() as store:
            put(store, b"the first object makes the store's pools")
            bare, sealed = [], []
            for turn in range(rounds):
                bare.append(put(store, first.body))
                sealed.append(seal(store, first, Path(name) / str(turn)))
        return [*_stored(first, median(bare), median(sealed)), acknowledged(log, Path(name))]


def fill(log: Path, signer: Path, octets: int) -> None:
    """A log with a sealed segment of this size, and some more."""
    AuditLog.create(log, signer, origin="bench.example/node1")
    with AuditLog(log, signer, rhythm=Rhythm(segment_size=octets)) as open_log:
        for number in range(octets // 270 + 200):
            details = {"n": number, "message": "a sentence of some words, as there are in most events"}
            actor, target = Ref("stockade", "user", "alice"), Ref("stockade", "token", str(number))
            open_log.offer(Event(time.time(), "token.create", actor, target, "203.0.113.9", details=details))
            if number % 1000 == 0:
                open_log.append(Event(time.time(), "token.revoke", actor, target, "203.0.113.9"))


def put(store: Ceph, body: bytes) -> float:
    """Seconds for one put of the octets and nothing else: what no design can be faster than."""
    client, bucket = store.client(), store.bucket()
    began = time.perf_counter()
    client.put_object(Bucket=bucket, Key="bare", Body=body)
    return time.perf_counter() - began


def seal(store: Ceph, parcel: Parcel, state: Path) -> float:
    """Seconds until a segment, its tiles and its head are stored under COMPLIANCE and read back."""
    state.mkdir()
    vault = Vault(store.bucket(), "node1", 60.0)
    sink = LockedStore(vault, store.client(), store.client(), Receipts(state, "vault"), time.time)
    sink.open(0)
    began = time.perf_counter()
    sink.write(parcel)
    return time.perf_counter() - began


def _stored(parcel: Parcel, bare: float, sealed: float) -> list[Row]:
    size, objects = f"{len(parcel.body) / (1 << 20):.1f} MiB", len(parcel.files)
    title = f"a sealed segment of {size}, {parcel.end:,} entries, in a store with Object Lock, read back"
    notes = f"Ceph RGW, {objects} objects under COMPLIANCE, each put and read back by its version"
    return [
        Row(f"one bare put of {size}", "", f"{bare:.2f} s", 1.0),
        Row(title, f"≤ {BAR:g} s", f"{sealed:.2f} s", sealed / bare, sealed <= BAR, notes),
    ]


def acknowledged(log: Path, folder: Path) -> Row:
    """Entries a second that rsyslog has on disk when it says so."""
    for each in ("certificates", "relp"):
        (folder / each).mkdir()
    certificates = make_certificates(folder / "certificates")
    server = Rsyslog("relp", folder / "relp", certificates)
    server.start()
    settings = SinkSettings(
        url=f"relp+tls://localhost:{server.port}", ca=certificates / "ca.pem", deadline=60,
        certificate=certificates / "client.pem", key=certificates / "client.key",
    )  # fmt: skip
    sink = RelpTls(peer_of(settings, "localhost", server.port, 0), Messages("bench", enterprise=32473, longest=8000))
    cut, at, began = Entries(log, time.monotonic), sink.open(0), time.perf_counter()
    while at < 5000 and (parcel := cut(at)):
        at = sink.write(parcel)
    took = time.perf_counter() - began
    sink.close()
    server.close()
    notes = 'rsyslog, queue.type="Direct", sync="on"'
    return Row(
        "entries acknowledged over RELP and TLS, each synced by the collector", "", f"{at / took:,.0f}/s", notes=notes
    )
