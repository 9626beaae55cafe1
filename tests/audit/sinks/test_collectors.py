"""Real collectors: whom they let in, what they have kept after a crash, and what a message looks like."""

from __future__ import annotations

import json
import re
import signal
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.audit.keys import COSIGNATURE, ED25519, PrivateKey
from stockade.audit.merkle import leaf_hash
from stockade.audit.note import Note
from stockade.audit.sinks.message import Messages, counted
from stockade.audit.sinks.parcels import Entries, signed_size
from stockade.audit.sinks.relp import Frames, frame
from stockade.audit.sinks.signatures import check_request, content_digest, signed_headers
from stockade.errors import ConfigurationError, Refused, StockadeError, Unavailable
from tests.audit.conftest import NOW, ORIGIN, Stage
from tests.audit.sinks.rigs import HttpsRig, RsyslogRig, line, opened, parcel
from tests.servers.certificates import Certificates
from tests.servers.processes import wait_until

STRANGERS = ["rogue", "self", "nobody"]


# ── whom they let in ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("who", STRANGERS)
@pytest.mark.parametrize("kind", ["syslog", "relp"])
def test_a_collector_takes_nothing_from_strangers_and_we_hear_of_it(
    request: pytest.FixtureRequest, kind: str, who: str
) -> None:
    """``rogue`` is signed by the same authority, ``self`` bears the right name, ``nobody`` shows nothing."""
    rig: RsyslogRig = request.getfixturevalue(f"{kind}_rig")
    sink = rig.sink(deadline=3, who=who)
    with pytest.raises((Refused, Unavailable)):  # noqa: PT012  it may be heard of at once, or a moment later
        sink.open(0)
        for _ in range(100):
            sink.write(parcel(0, 3))
            time.sleep(0.2)
    sink.close()
    good = rig.sink()
    good.open(0)
    good.write(parcel(0, 1))
    wait_until(lambda: rig.received() == [0], "the entry of who is permitted, and nothing else")


@pytest.mark.parametrize("kind", ["syslog", "relp", "https"])
def test_a_server_that_cannot_prove_who_it_is_gets_nothing(
    request: pytest.FixtureRequest, kind: str, certificates: Certificates, tmp_path: Path
) -> None:
    rig: RsyslogRig | HttpsRig = request.getfixturevalue(f"{kind}_rig")
    settings = replace(rig.settings(), ca=certificates / "self.pem", token="", signing_key="")
    sink = opened(settings, tmp_path / "state")
    with pytest.raises(StockadeError, match=r"not trusted|certificate verify failed"):  # noqa: PT012  as above
        sink.open(0)
        sink.write(parcel(0, 1))
    assert rig.received() == []


# ── what they have kept after a crash ────────────────────────────────────────────────────────────


def test_nothing_that_relp_has_acknowledged_is_lost_when_the_collector_is_killed(relp_rig: RsyslogRig) -> None:
    sink, acknowledged, kills = relp_rig.sink(), 0, 0
    acknowledged = sink.open(0)
    while acknowledged < 2400:
        if kills < 2 and acknowledged >= 800 * (kills + 1):
            kills += 1
            relp_rig.server.kill()
            assert set(relp_rig.received()) >= set(range(acknowledged))
            relp_rig.server.start()
        try:
            acknowledged = sink.write(parcel(acknowledged, acknowledged + 200))
        except StockadeError:
            sink.close()
            with suppress(StockadeError):
                acknowledged = sink.open(acknowledged)
    sink.close()
    assert kills == 2
    received = relp_rig.received()
    assert set(received) == set(range(2400))
    assert list(dict.fromkeys(received)) == list(range(2400))


def test_what_is_under_way_when_relp_breaks_is_sent_again(relp_rig: RsyslogRig) -> None:
    """Killed in the middle of a parcel: what was acknowledged counts, the rest goes out anew."""
    sink = relp_rig.sink()
    at = sink.open(0)

    def kill() -> None:
        wait_until(lambda: len(relp_rig.received()) > 300, "some entries")
        relp_rig.server.signal(signal.SIGKILL)

    killer = Thread(target=kill)
    killer.start()
    try:
        at = sink.write(parcel(at, 20_000))
    except Unavailable:
        at = 0
    killer.join()
    assert at < 20_000
    assert set(relp_rig.received()) >= set(range(at))
    relp_rig.server.close()
    relp_rig.server.start()
    assert sink.open(at) == at
    assert sink.write(parcel(at, at + 100)) == at + 100
    assert set(relp_rig.received()) >= set(range(at + 100))


def test_after_a_broken_connection_syslog_sends_the_last_entries_again(syslog_rig: RsyslogRig) -> None:
    sink = syslog_rig.sink()
    sink.open(0)
    sink.write(parcel(0, 1500))
    wait_until(lambda: len(syslog_rig.received()) == 1500, "all")
    assert sink.open(1500) == 500
    assert "not acknowledged" in sink.remark


# ── what a message looks like ────────────────────────────────────────────────────────────────────


def test_a_collector_keeps_who_when_and_the_hash_of_the_entry(syslog_rig: RsyslogRig) -> None:
    sink = syslog_rig.sink()
    sink.open(0)
    sink.write(parcel(0, 1))
    wait_until(lambda: syslog_rig.received() == [0], "the entry")
    (kept,) = syslog_rig.server.kept.read_bytes().splitlines()
    found = re.fullmatch(
        rb"<109>1 2027-01-15T08:00:00\.000000Z \S+ stockade - AUDIT "
        rb'\[audit@32473 origin="stockade\.example/node1" seq="0" hash="([0-9a-f]{64})"\] (\{.*\})',
        kept,
    )
    assert found
    assert found[2] == line(0)
    assert bytes.fromhex(found[1].decode()) == leaf_hash(found[2])


def test_heads_are_sent_along(filled: Stage, relp_rig: RsyslogRig) -> None:
    sink, cut = relp_rig.sink(), Entries(filled.path, time.monotonic)
    found = cut(0)
    assert found is not None
    sink.open(0)
    assert sink.write(found) == signed_size(filled.path)
    wait_until(lambda: b" HEAD [audit@32473" in relp_rig.server.kept.read_bytes(), "the head")
    kept = next(each for each in relp_rig.server.kept.read_bytes().splitlines() if b" HEAD [" in each)
    note = Note.parse(json.loads(kept.partition(b"] ")[2])["head"].encode())
    assert len(note.signers(filled.keys)) == 2


def test_an_entry_that_is_too_long_is_summed_up_and_named_by_its_hash() -> None:
    messages = Messages("node1", enterprise=32473, longest=100)
    long = line(7) + b" " * 200
    message = messages.entry(ORIGIN, 7, long)
    assert f'hash="{leaf_hash(long).hex()}"'.encode() in message
    assert json.loads(message.partition(b"] ")[2])["oversize"]["octets"] == len(long)


def test_a_name_that_would_break_a_message_is_escaped() -> None:
    message = Messages("my host\n\x1b", enterprise=1, longest=100).entry('a"]\\b', 0, b"{}")
    assert message.startswith(b'<109>1 - my-host-- stockade - AUDIT [audit@1 origin="a\\"\\]\\\\b" seq="0"')
    assert counted(b"abc") == b"3 abc"


@given(st.lists(st.tuples(st.integers(1, 999_999_999), st.binary(max_size=200)), max_size=8), st.data())
def test_frames_are_cut_wherever_the_network_cuts_them(sent: list[tuple[int, bytes]], data: st.DataObject) -> None:
    stream = b"".join(frame(number, b"rsp", body) for number, body in sent)
    frames, found, at = Frames(), list[tuple[int, bytes, bytes]](), 0
    while at < len(stream):
        step = data.draw(st.integers(1, len(stream) - at))
        found += frames.feed(stream[at : at + step])
        at += step
    assert found == [(number, b"rsp", body) for number, body in sent]


@pytest.mark.parametrize("sent", [b"HTTP/1.1 400 Bad Request\r\n" * 5, b"1 rsp 999999999 x", b"\x00" * 100])
def test_what_is_no_relp_is_given_up(sent: bytes) -> None:
    with pytest.raises(Unavailable):
        list(Frames().feed(sent))


# ── signed requests ──────────────────────────────────────────────────────────────────────────────


def test_entries_arrive_octet_for_octet_with_their_head(filled: Stage, https_rig: HttpsRig) -> None:
    sink, cut = https_rig.sink(), Entries(filled.path, time.monotonic)
    found = cut(0)
    assert found is not None
    sink.open(0)
    assert sink.write(found) == found.end
    assert https_rig.receiver.lines == found.lines
    assert [head.encode() for head in https_rig.receiver.heads] == [found.head]
    assert sink.remark == ""


def test_a_receiver_that_does_not_know_us_refuses_and_that_is_no_reason_to_hurry(https_rig: HttpsRig) -> None:
    https_rig.receiver.key = PrivateKey.generate("somebody.else", ED25519).public_key
    sink = https_rig.sink()
    sink.open(0)
    with pytest.raises(Refused, match="answers 403"):
        sink.write(parcel(0, 3))
    https_rig.receiver.key = None
    assert sink.write(parcel(0, 3)) == 3


@pytest.mark.parametrize(
    ("status", "said", "wanted"), [(200, b'{"next": 1}', 1), (409, b'{"next": 0}', 0), (204, b"", 3)]
)
def test_a_receiver_says_what_it_wants_next(
    https_rig: HttpsRig, monkeypatch: pytest.MonkeyPatch, status: int, said: bytes, wanted: int
) -> None:
    monkeypatch.setattr(https_rig.receiver, "take", lambda *_: (status, said))
    sink = https_rig.sink()
    sink.open(0)
    assert sink.write(parcel(0, 3)) == wanted


@pytest.mark.parametrize(("status", "error"), [(500, Unavailable), (429, Unavailable), (404, Refused), (302, Refused)])
def test_a_receiver_that_does_not_take_them_is_believed(
    https_rig: HttpsRig, monkeypatch: pytest.MonkeyPatch, status: int, error: type[StockadeError]
) -> None:
    monkeypatch.setattr(https_rig.receiver, "take", lambda *_: (status, b"no"))
    sink = https_rig.sink()
    sink.open(0)
    with pytest.raises(error, match=f"answers {status}"):
        sink.write(parcel(0, 3))


KEY = PrivateKey("carrier.example/node1", ED25519, bytes(range(32)))
SENT = ("POST", "https://collector.example/audit", b"{}\n")


def signed(now: float = NOW) -> dict[str, str]:
    return {name.lower(): value for name, value in signed_headers(*SENT, KEY, now).items()}


def test_a_signed_request_is_believed_as_it_was_sent_and_only_then() -> None:
    check_request("POST", SENT[1], signed(), SENT[2], key=KEY.public_key, now=NOW + 299)
    other = PrivateKey("carrier.example/node1", ED25519, bytes(32)).public_key
    forged = signed() | {"signature-input": signed()["signature-input"].replace("1800000000", "1800000600")}
    unsigned = signed() | {"signature-input": signed()["signature-input"].replace('"content-digest"', '"@path"')}
    swapped = signed() | {"content-digest": content_digest(b"[]\n")}
    attempts: list[tuple[str, str, dict[str, str], bytes, object, float]] = [
        ("PUT", SENT[1], signed(), SENT[2], KEY.public_key, NOW),
        ("POST", "https://elsewhere.example/audit", signed(), SENT[2], KEY.public_key, NOW),
        ("POST", SENT[1], signed(), b"[]\n", KEY.public_key, NOW),
        ("POST", SENT[1], swapped, b"[]\n", KEY.public_key, NOW),
        ("POST", SENT[1], signed(), SENT[2], other, NOW),
        ("POST", SENT[1], signed(), SENT[2], KEY.public_key, NOW + 301),
        ("POST", SENT[1], signed(), SENT[2], KEY.public_key, NOW - 301),
        ("POST", SENT[1], forged, SENT[2], KEY.public_key, NOW + 600),
        ("POST", SENT[1], unsigned, SENT[2], KEY.public_key, NOW),
        ("POST", SENT[1], {}, SENT[2], KEY.public_key, NOW),
    ]
    for method, url, headers, body, key, now in attempts:
        with pytest.raises(Refused):
            check_request(method, url, headers, body, key=key, now=now)  # type: ignore[arg-type]


def test_only_a_key_that_signs_texts_signs_requests() -> None:
    with pytest.raises(ConfigurationError, match="does not sign requests"):
        signed_headers(*SENT, PrivateKey.generate("w", COSIGNATURE), NOW)
