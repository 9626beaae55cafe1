"""Passwords are hashed by argon2id, no more at once than asked for, and remembered within bounds."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pytest
from argon2 import PasswordHasher, extract_parameters

from stockade.directory import Passwords, UnknownCredentials, WeakPassword
from stockade.directory.accounts import CredentialKind
from stockade.directory.tokens import make_token
from stockade.directory.verified import Verified
from stockade.errors import Tampered
from tests.directory.conftest import CountingHasher


def test_the_default_is_the_second_choice_of_rfc_9106() -> None:
    hashed = Passwords().hash("correct horse", name="alice")
    found = extract_parameters(hashed)
    assert hashed.startswith("$argon2id$v=19$")
    assert (found.time_cost, found.memory_cost, found.parallelism, found.hash_len, found.salt_len) == (
        3,
        65536,
        4,
        32,
        16,
    )


def test_the_hash_that_nobody_has_is_verified_with_the_parameters_in_use() -> None:
    passwords = Passwords(CountingHasher(time_cost=2))
    assert not passwords.outdated(passwords._nobody)
    with pytest.raises(UnknownCredentials):
        passwords.refuse("", UnknownCredentials())


def test_a_token_is_no_password() -> None:
    with pytest.raises(WeakPassword):
        Passwords(CountingHasher()).hash(make_token(CredentialKind.PERSONAL), name="alice")


def test_a_stored_password_that_is_none_is_reported_as_tampering() -> None:
    with pytest.raises(Tampered):
        Passwords(CountingHasher()).verify("in plain", "in plain", 0.0)


def test_no_more_are_verified_at_once_than_asked_for() -> None:
    class Watched(PasswordHasher):
        lock, now, most = Lock(), 0, 0

        def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
            time.sleep(0.005)
            with self.lock:
                self.now -= 1
            return True

    hasher = Watched(time_cost=1, memory_cost=8, parallelism=1)
    passwords = Passwords(hasher, at_once=2)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: passwords.verify(f"hash {number}", "correct horse", 0.0), range(32)))
    assert hasher.most == 2


def test_what_was_verified_is_remembered_for_its_lifetime_and_not_before_it() -> None:
    verified = Verified(lifetime=60)
    verified.remember("hash", b"password", 100.0)
    assert verified.remembers("hash", b"password", 160.0)
    assert not verified.remembers("hash", b"password", 160.1)
    verified.remember("hash", b"password", 100.0)
    assert not verified.remembers("hash", b"password", 99.0), "the clock was put back"


def test_only_the_very_pair_is_remembered() -> None:
    verified = Verified()
    verified.remember("hash", b"password", 0.0)
    assert not verified.remembers("hash", b"passwor", 0.0)
    assert not verified.remembers("hashp", b"assword", 0.0)


def test_memory_is_bounded_and_the_longest_unused_is_forgotten() -> None:
    verified = Verified(capacity=2)
    for password in (b"a", b"b"):
        verified.remember("hash", password, 0.0)
    assert verified.remembers("hash", b"a", 0.0)
    verified.remember("hash", b"c", 0.0)
    assert len(verified) == 2
    assert [verified.remembers("hash", password, 0.0) for password in (b"a", b"b", b"c")] == [True, False, True]
