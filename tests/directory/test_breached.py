"""Leaked passwords are found in a sorted file of any size, and nobody may choose one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.directory import BuiltinDirectory, Passwords, WeakPassword
from stockade.directory.breached import Breached
from stockade.errors import ConfigurationError
from tests.directory.conftest import CountingHasher

LEAKED = [b"password", b"123456789", b"correct horse", "pässword".encode()]


def write(file: Path, passwords: list[bytes], end: bytes = b"\r\n", *, last: bool = True) -> Path:
    lines = sorted(hashlib.sha1(each).hexdigest().upper().encode() + b":7" for each in set(passwords))
    file.write_bytes(end.join(lines) + (end if last else b""))
    return file


@given(st.sets(st.binary(max_size=12), min_size=1, max_size=60), st.binary(max_size=12), st.booleans())
def test_exactly_those_in_the_file_are_found(
    tmp_path_factory: pytest.TempPathFactory, leaked: set[bytes], other: bytes, last: bool
) -> None:
    file = write(tmp_path_factory.getbasetemp() / "leaked", sorted(leaked), b"\n" if last else b"\r\n", last=last)
    breached = Breached(file)
    assert all(each in breached for each in leaked)
    assert (other in breached) == (other in leaked)


def test_a_leaked_password_is_neither_set_nor_reset_and_the_code_still_works(tmp_path: Path) -> None:
    passwords = Passwords(CountingHasher(), breached=Breached(write(tmp_path / "leaked", LEAKED)))
    with BuiltinDirectory(f"sqlite:///{tmp_path}/directory.db", passwords=passwords) as directory:
        directory.migrate()
        with pytest.raises(WeakPassword, match="known from a leak"):
            directory.create_account("alice", password="correct horse")
        directory.create_account("alice", password="a much better one", email="alice@example.org")
        with pytest.raises(WeakPassword, match="choose another"):
            directory.set_password("alice", "pässword")
        found = directory.request_reset("alice", 0.0)
        assert found is not None
        with pytest.raises(WeakPassword):
            directory.reset_password(found[1], "123456789", 1.0)
        assert directory.reset_password(found[1], "another good one", 2.0).name == "alice"


def test_a_file_that_is_none_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Breached(tmp_path / "nowhere")
    (tmp_path / "other").write_text("password\n")
    with pytest.raises(ConfigurationError, match="is no list of leaked passwords"):
        Breached(tmp_path / "other")
