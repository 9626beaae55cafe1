"""Versions come in the order of dpkg, whatever they are made of."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockade.host.updates.version import compared, numbers, said_in, unfinished

PIECES = st.sampled_from(
    ["0", "1", "9", "10", "00", "007", ".", "~", "+", "a", "b", "Z", "~~", "rc", "+deb12u9", "+b1"]
)
UPSTREAM = st.lists(PIECES, max_size=5).map(lambda pieces: "1" + "".join(pieces))
REVISION = st.lists(PIECES, min_size=1, max_size=3).map("".join)
VERSION = st.builds(
    lambda epoch, upstream, revision: epoch + upstream + revision,
    st.sampled_from(["", "", "0:", "1:"]), UPSTREAM, st.one_of(st.just(""), REVISION.map("-{}".format)),
)  # fmt: skip
PAIRS = st.lists(st.tuples(VERSION, VERSION), min_size=20, max_size=40)
ASK = """
while read -r a b; do
    dpkg --compare-versions "$a" lt "$b" && echo lt && continue
    dpkg --compare-versions "$a" eq "$b" && echo eq || echo gt
done
"""


@settings(max_examples=5, deadline=None)
@given(PAIRS)
def test_two_versions_come_in_the_order_of_dpkg(pairs: list[tuple[str, str]]) -> None:
    asked = "".join(f"{one} {other}\n" for one, other in pairs)
    said = subprocess.run(["sh", "-c", ASK], input=asked, capture_output=True, text=True, check=True).stdout.split()
    ours = [compared(one, other) for one, other in pairs]
    assert ["lt" if each < 0 else "gt" if each else "eq" for each in ours] == said, pairs


@given(VERSION, VERSION, VERSION)
def test_the_order_is_one(one: str, two: str, three: str) -> None:
    assert (compared(one, two) > 0) == (compared(two, one) < 0)
    if compared(one, two) <= 0 and compared(two, three) <= 0:
        assert compared(one, three) <= 0


@pytest.mark.parametrize(
    ("said", "version"),
    [("nginx version: nginx/1.22.1", "1.22.1"), ("v17.1.2-ee\n", "17.1.2"), ("gitea version 1.21.0 built", "1.21.0"),
     ("no version", "")],
)  # fmt: skip
def test_a_version_is_read_from_what_programs_say(said: str, version: str) -> None:
    assert said_in(said) == version


def test_a_projects_version_is_its_numbers() -> None:
    assert numbers("17.1.2-ce.0") == numbers("v17.1.2") == (17, 1, 2)
    assert numbers("latest") == ()
    assert [unfinished(each) for each in ("18.0.0-rc1", "2.0b3", "17.1.2")] == [True, True, False]
