"""The signer signs one history, however it is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from stockade.audit.checkpoint import Checkpoint
from stockade.audit.durable import Swapped
from stockade.audit.merkle import EMPTY_ROOT, consistency_proof, leaf_hash, root_of, roots_over
from stockade.audit.note import Note
from stockade.audit.signer import Signer
from stockade.errors import ConfigurationError, Tampered
from tests.audit.conftest import NOW, ORIGIN

LEAVES = [leaf_hash(bytes([number])) for number in range(20)]


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer.create(tmp_path / "signer", ORIGIN)


def head(size: int) -> Checkpoint:
    return Checkpoint(ORIGIN, size, root_of(LEAVES[:size]))


def proof(old: int, size: int) -> list[bytes]:
    return consistency_proof(old, size, roots_over(LEAVES))


def test_heads_that_continue_each_other_are_signed_with_every_key(signer: Signer) -> None:
    signer.sign(head(0), [], NOW)
    signer.sign(head(7), [], NOW)
    signer.sign(head(7), [], NOW + 60)
    signer.sign(head(20), proof(7, 20), NOW)
    assert [each.key for each in Note.parse(signer.note).signers(signer.public_keys)] == signer.public_keys
    assert Signer(signer.state).head == head(20)


def test_a_head_that_does_not_continue_the_last_is_not_signed(signer: Signer) -> None:
    signer.sign(head(7), [], NOW)
    refused = [
        (head(20), proof(8, 20)),
        (head(20), []),
        (head(6), []),
        (head(0), []),
        (Checkpoint(ORIGIN, 7, EMPTY_ROOT), []),
        (Checkpoint(ORIGIN, 20, bytes(32)), proof(7, 20)),
        (Checkpoint("elsewhere", 20, head(20).root), proof(7, 20)),
    ]
    for asked, shown in refused:
        with pytest.raises(Tampered):
            signer.sign(asked, shown, NOW)
    assert Signer(signer.state).head == head(7)


def test_of_two_signers_with_one_state_the_second_is_refused(signer: Signer) -> None:
    other = Signer(signer.state)
    signer.sign(head(7), [], NOW)
    with pytest.raises(Tampered, match="Another process signs for this log"):
        other.sign(head(8), [], NOW)


def test_a_head_that_somebody_else_has_written_is_not_gone_on_from(signer: Signer, tmp_path: Path) -> None:
    other = Signer.create(tmp_path / "other", ORIGIN)
    other.sign(head(7), [], NOW)
    (signer.state / "head").write_bytes(other.note)
    with pytest.raises(Tampered, match="is not signed with the key beside it"):
        Signer(signer.state)


def test_keys_change_only_after_both_have_signed(signer: Signer) -> None:
    first = signer.public_keys
    signer.sign(head(7), [], NOW)
    following = signer.make_next_keys()
    assert signer.make_next_keys() == following
    with pytest.raises(Tampered, match="have not been introduced"):
        signer.change_keys()
    signer.sign(head(8), proof(7, 8), NOW, introduce=True)
    signer.change_keys()
    assert Signer(signer.state).public_keys == following != first
    assert signer.next_keys() == []


def test_without_keys_there_is_no_signer(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no key"):
        Signer(tmp_path)


def test_a_swap_is_from_what_is_believed_to_be_there(tmp_path: Path) -> None:
    file = Swapped(tmp_path / "file")
    file.swap(b"", b"one")
    file.swap(b"one", b"two")
    with pytest.raises(Tampered):
        file.swap(b"one", b"three")
    assert file.read() == b"two"
    assert file.path.stat().st_mode & 0o777 == 0o600
