"""Signed notes are those of C2SP, and a signature holds for one text, one name and one kind of key."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from hypothesis import given
from hypothesis import strategies as st

from stockade.audit.checkpoint import Checkpoint
from stockade.audit.keys import COSIGNATURE, ED25519, MLDSA44, PrivateKey, PublicKey
from stockade.audit.merkle import EMPTY_ROOT
from stockade.audit.note import Note
from stockade.errors import ConfigurationError, Tampered

NOW = 1_800_000_000.5
HEAD = Checkpoint("stockade.example/node1", 7, bytes(range(32)))
KINDS = [ED25519, COSIGNATURE, MLDSA44]


def key(kind: int = ED25519, name: str = "stockade.example/node1", seed: int = 7) -> PrivateKey:
    return PrivateKey(name, kind, bytes([seed]) * 32)


# ── what others have published ───────────────────────────────────────────────────────────────────

NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN_NOTE = """\
If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
"""


def test_the_published_example_of_a_signed_note_verifies() -> None:
    """The example of golang.org/x/mod/sumdb/note, which the format was taken from."""
    signer = Note.parse(NEUMANN_NOTE.encode()).signers([PublicKey.parse(NEUMANN)])[0]
    assert signer.key.name == "PeterNeumann"
    assert bytes(Note.parse(NEUMANN_NOTE.encode())).decode() == NEUMANN_NOTE


def test_the_key_of_the_go_checksum_database_has_the_identifier_it_is_known_by() -> None:
    known = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    assert str(PublicKey.parse(known)) == known


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", KINDS)
def test_keys_can_be_written_down_and_read_again(kind: int) -> None:
    made = PrivateKey.generate("stockade.example/node1", kind)
    assert PrivateKey.parse(made.secret_text) == made
    assert PublicKey.parse(str(made.public_key)) == made.public_key


def test_a_secret_is_not_shown_by_accident() -> None:
    made = key()
    assert made.seed.hex() not in repr(made)
    assert "seed" not in repr(made)


@pytest.mark.parametrize(
    "text", ["", "a+b", "a+00000000+AA==", "x+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"]
)
def test_a_damaged_key_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        PublicKey.parse(text)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "a\u00a0b", "a\nb"])
def test_a_name_that_no_note_can_hold_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be named"):
        PublicKey(name, ED25519, bytes(32))


def test_a_damaged_private_key_is_refused_without_being_repeated() -> None:
    secret = key().secret_text
    for damaged in (secret[:-6] + "AAAAA=", secret.replace("PRIVATE+KEY+", ""), "PRIVATE+KEY+a+b+c"):
        with pytest.raises(ConfigurationError) as refused:
            PrivateKey.parse(damaged)
        assert secret[-44:] not in str(refused.value)


# ── signatures ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", KINDS)
def test_a_head_that_was_signed_is_known_again_with_its_time(kind: int) -> None:
    note = Note.parse(bytes(Note.signed(HEAD.text, [key(kind)], NOW)))
    (signer,) = note.signers([key(kind).public_key])
    assert signer.time == (None if kind == ED25519 else 1_800_000_000)
    assert Checkpoint.parse(note.text) == HEAD


@pytest.mark.parametrize("kind", KINDS)
def test_any_other_head_is_not(kind: int) -> None:
    signatures = Note.signed(HEAD.text, [key(kind)], NOW).signatures
    others = [
        Checkpoint("stockade.example/node2", 7, HEAD.root),
        Checkpoint(HEAD.origin, 8, HEAD.root),
        Checkpoint(HEAD.origin, 7, EMPTY_ROOT),
    ]
    for other in others:
        with pytest.raises(Tampered, match="does not fit"):
            Note(other.text, signatures).signers([key(kind).public_key])


@pytest.mark.parametrize("kind", [COSIGNATURE, MLDSA44])
def test_the_time_of_a_signature_cannot_be_changed(kind: int) -> None:
    note = bytes(Note.signed(HEAD.text, [key(kind)], NOW))
    later = bytes(Note.signed(HEAD.text, [key(kind)], NOW + 3600))
    assert note != later
    signature = Note.parse(note).signatures[0]
    moved = type(signature)(signature.name, signature.id, (1_900_000_000).to_bytes(8, "big") + signature.value[8:])
    with pytest.raises(Tampered):
        Note(HEAD.text, (moved,)).signers([key(kind).public_key])


def test_what_ml_dsa_signs_is_the_structure_of_the_specification_octet_by_octet() -> None:
    """Built here from the listing in C2SP tlog-cosignature, "ML-DSA-44 signed message"."""
    mine = key(MLDSA44, "witness.example/w1")
    value = mine.sign(HEAD.text, NOW)
    listed = b"subtree/v1\n\0" + b"\x12witness.example/w1" + (1_800_000_000).to_bytes(8, "big")
    listed += b"\x16stockade.example/node1" + bytes(8) + (7).to_bytes(8, "big") + HEAD.root
    assert len(value) == 8 + 2420
    MLDSA44PublicKey.from_public_bytes(mine.public_key.public).verify(value[8:], listed)


def test_signatures_of_strangers_are_passed_over() -> None:
    note = Note.signed(HEAD.text, [key(seed=1), key(seed=2), key(COSIGNATURE, "witness.example/w1")], NOW)
    known = [key(seed=2).public_key]
    assert [signer.key for signer in note.signers(known)] == known
    assert note.signers([key(seed=3).public_key]) == []


def test_one_wrong_signature_of_a_known_key_condemns_the_note() -> None:
    good = Note.signed(HEAD.text, [key(seed=1)], NOW).signatures
    bad = Note.signed("another text\n", [key(seed=1)], NOW).signatures
    with pytest.raises(Tampered):
        Note(HEAD.text, good + bad).signers([key(seed=1).public_key])


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\n\xe2\x80\x94 name AAAAAAA=",
        b"text\n\n\xe2\x80\x94 name AAAAAAA=\nmore\n",
        b"text\r\n\n\xe2\x80\x94 name AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94 na+me AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94 name AAAAAAB=\n",
        b"text\n\n\xe2\x80\x94 name AAAA\n",
        b"text\xff\n\n\xe2\x80\x94 name AAAAAAA=\n",
        b"text\n\n" + b"\xe2\x80\x94 name AAAAAAA=\n" * 65,
        b"a" * 1_000_001,
    ],
)
def test_what_is_no_note_is_refused(raw: bytes) -> None:
    with pytest.raises(Tampered):
        Note.parse(raw)


def test_the_last_empty_line_divides() -> None:
    note = Note.signed("one\n\ntwo\n", [key()], NOW)
    assert Note.parse(bytes(note)) == note


@given(st.binary(max_size=300))
def test_reading_anything_at_all_ends_in_a_note_or_in_tampered(raw: bytes) -> None:
    try:
        note = Note.parse(raw)
    except Tampered:
        return
    assert bytes(note) == raw


# ── checkpoints ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [0, 1, 20_852_163])
def test_a_checkpoint_can_be_read_again(size: int) -> None:
    head = Checkpoint("stockade.example/node1", size, EMPTY_ROOT)
    assert Checkpoint.parse(head.text) == head
    assert Checkpoint.parse(head.text + "an extension\n") == head


ROOT64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"o\n1\n{ROOT64}",
        f"\n1\n{ROOT64}\n",
        f"o\n01\n{ROOT64}\n",
        f"o\n-1\n{ROOT64}\n",
        f"o\n1٢\n{ROOT64}\n",
        f"o\n{'9' * 5000}\n{ROOT64}\n",
        "o\n1\nAAAA\n",
        f"o\n1\n{ROOT64}\n\n",
        f"o\n1\n{ROOT64[:-2]}V=\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(Tampered):
        Checkpoint.parse(text)
