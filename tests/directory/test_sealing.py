"""A sealed value opens under its own key and for its own purpose, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.directory.sealing import Sealing
from stockade.errors import ConfigurationError, Tampered

KEY = bytes(range(32))


@given(st.text(alphabet=st.characters(codec="utf-8")), st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
def test_what_was_sealed_opens_again(value: str, purpose: str) -> None:
    sealed = Sealing(KEY).seal(value, purpose)
    assert str.__str__(Sealing(KEY).open(sealed, purpose)) == value
    assert Sealing(KEY).seal(value, purpose) != sealed


@pytest.mark.parametrize("spoilt", ["", "AAAA", "not base64", "é"])
def test_what_was_not_sealed_here_is_found_out(spoilt: str) -> None:
    with pytest.raises(Tampered, match="variable/1"):
        Sealing(KEY).open(spoilt, "variable/1")


def test_a_value_that_was_moved_or_changed_does_not_open() -> None:
    sealed = Sealing(KEY).seal("hunter2", "variable/1")
    flipped = ("B" if sealed[0] == "A" else "A") + sealed[1:]
    for kept, purpose, key in [
        (sealed, "variable/2", KEY),
        (flipped, "variable/1", KEY),
        (sealed, "variable/1", KEY[::-1]),
    ]:
        with pytest.raises(Tampered):
            Sealing(key).open(kept, purpose)


def test_fingerprints_tell_the_same_from_another_and_hang_on_the_key() -> None:
    here, there = Sealing(KEY), Sealing(KEY[::-1])
    assert here.fingerprint("a") == here.fingerprint("a") != here.fingerprint("b")
    assert here.fingerprint("a") != there.fingerprint("a")


def test_a_value_that_is_no_text_has_a_fingerprint_too() -> None:
    assert len(Sealing(KEY).fingerprint("p\udce4ssword \ud800")) == 64


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    sealed = Sealing.kept_in(tmp_path / "key").seal("x", "p")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert Sealing.kept_in(tmp_path / "key").open(sealed, "p") == "x"


def test_a_key_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(ConfigurationError, match="32 octets"):
        Sealing.kept_in(tmp_path / "key")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Sealing.kept_in(tmp_path)
