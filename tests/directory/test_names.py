"""Every name has one spelling, and finding it twice changes nothing."""

from __future__ import annotations

import contextlib
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stockade.directory.names import account_name, email_key, fold, project_path
from stockade.directory.refusals import BadName


@given(st.text(max_size=300))
@example("ﬃ")
@example("\u1e9e\u03d3")
@example("İ")
def test_folding_is_stable(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert folded.casefold() == folded
    assert unicodedata.is_normalized("NFKC", folded)


@given(st.text(max_size=300))
@example("Ｋelvin")
@example("\u212aelvin")
def test_a_name_is_one_canonical_spelling_or_none(text: str) -> None:
    with contextlib.suppress(BadName):
        name = account_name(text)
        assert account_name(name) == name
        assert name.isascii()
        assert 0 < len(name) <= 255


@given(st.text("aB.-_/ \\%\0", max_size=30))
def test_a_path_never_leaves_its_directory(text: str) -> None:
    with contextlib.suppress(BadName):
        path = project_path(text)
        assert project_path(path) == path
        assert all(part[0].isalnum() for part in path.split("/"))


@given(st.text(max_size=20), st.text(max_size=20))
def test_an_address_is_one_canonical_spelling_or_none(name: str, host: str) -> None:
    with contextlib.suppress(BadName):
        key = email_key(f"{name}@{host}")
        assert email_key(key) == key
        assert key.isprintable()
        assert " " not in key


def test_the_longest_names_are_accepted_and_no_longer() -> None:
    assert account_name("a" * 255)
    assert project_path("a/" * 127 + "a")
    with pytest.raises(BadName):
        account_name("a" * 256)
    with pytest.raises(BadName):
        project_path("a/" * 128)
