"""Whatever key is mistyped, the error names the right one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as some

from stockade.config.reference import TABLES
from stockade.config.settings import Settings
from stockade.config.tables import settings_of
from stockade.config.values import nearest
from stockade.config.when import QUESTIONS
from tests.config.written import error

LETTERS = "abcdefghijklmnopqrstuvwxyz_"
NAMES = {title: [found.name for found in settings_of(shape)] for title, shape in (("", Settings), *TABLES)} | {
    "condition": list(QUESTIONS)
}


def mistypings(name: str) -> Iterable[str]:
    """Every way to get one key of a name wrong: left out, doubled, swapped with its neighbour, or another one."""
    for at in range(len(name)):
        yield name[:at] + name[at + 1 :]
        yield name[:at] + name[at] + name[at:]
        yield name[:at] + name[at + 1 : at + 2] + name[at] + name[at + 2 :]
        for letter in LETTERS:
            yield name[:at] + letter + name[at + 1 :]


@given(some.data())
def test_a_slip_of_one_key_is_understood(data: Any) -> None:
    known = data.draw(some.sampled_from(list(NAMES.values())))
    name = data.draw(some.sampled_from([n for n in known if len(n) >= 4]))
    wrong = data.draw(some.sampled_from(sorted(set(mistypings(name)) - set(known) - {""})))
    assume(not any(wrong in set(mistypings(other)) for other in known if other != name))
    assert nearest(wrong, known) == name


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("trustedproxies", "trusted_proxies"), ("Trusted-Proxies", "trusted_proxies"), ("max_retry", "maxretry")],
)
def test_other_ways_to_write_a_name_are_understood(wrong: str, right: str) -> None:
    every = {name for names in NAMES.values() for name in names}
    assert nearest(wrong, every) == right


def test_nonsense_is_not_guessed_at() -> None:
    found = error("xyzzyqqq = 1")
    assert found.message == 'stockade.toml:1: unknown setting "xyzzyqqq"'
    assert found.remedy.startswith("Settings there: listen, ")
