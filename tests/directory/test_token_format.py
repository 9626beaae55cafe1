"""A token can be told from everything else without asking anybody."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.directory import CredentialKind
from stockade.directory.tokens import PREFIXES, digest, make_code, make_token, token_kind

KINDS = st.sampled_from(sorted(PREFIXES))


@given(KINDS)
def test_a_new_token_is_recognised_as_what_it_is(kind: CredentialKind) -> None:
    token = make_token(kind)
    assert token_kind(token) is kind
    assert re.fullmatch(r"stk_[a-z]{3}_[0-9A-Za-z]{38}", token)


@given(KINDS, st.integers(0, 45), st.characters())
def test_a_token_with_one_character_wrong_is_none(kind: CredentialKind, place: int, other: str) -> None:
    token = make_token(kind)
    spoilt = token[:place] + other + token[place + 1 :]
    assert token_kind(spoilt) is (kind if spoilt == token else None)


@given(KINDS, st.integers(0, 44))
def test_two_neighbours_exchanged_are_noticed(kind: CredentialKind, place: int) -> None:
    token = make_token(kind)
    spoilt = token[:place] + token[place + 1] + token[place] + token[place + 2 :]
    assert token_kind(spoilt) is (kind if spoilt == token else None)


@given(st.text() | st.text("stk_pa0", min_size=46, max_size=46))
def test_other_texts_are_no_tokens(text: str) -> None:
    assert token_kind(text) is None


def test_tokens_of_different_kinds_are_not_exchangeable() -> None:
    token = make_token(CredentialKind.PERSONAL)
    assert token_kind(token.replace("stk_pat_", "stk_dep_")) is None


@pytest.mark.parametrize("kind", [CredentialKind.PASSWORD, CredentialKind.SESSION])
def test_only_tokens_are_made(kind: CredentialKind) -> None:
    with pytest.raises(KeyError):
        make_token(kind)


@given(st.text())
def test_a_digest_fits_its_column(text: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", digest(text))


def test_a_digest_is_sha_256() -> None:
    # FIPS 180-4, the example of one block
    assert digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_codes_are_long_and_never_the_same() -> None:
    codes = {make_code() for _ in range(100)}
    assert len(codes) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", code) for code in codes)
