"""Every error names the line where the wrong thing stands."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as some

from stockade.config.source import Source, Step
from stockade.gitlabrb.toml import dumps
from tests.config.written import error

TEXT = '''\
# a comment with [[throttle]] and "quotes
listen = "127.0.0.1:8080"  # here
trusted_proxies = [
    "10.0.0.0/8",  # ]
    "192.168.0.0/16",
]

[answers]
headers = "none"
throttle.text = """
[[not.a.header]]
limit = 3
"""

[[throttle]]
name = 'one'
limit = 1
period = 1

[[throttle]]
name = "two"
when = { method = "POST", any = [
    { path = "/a" },
    { path = "/b", not = { method = "GET" } },
] }
[throttle.inner]
"quoted key" = 1
'''


@pytest.mark.parametrize(
    ("steps", "line"),
    [
        (("listen",), 2),
        (("trusted_proxies",), 3),
        (("answers",), 8),
        (("answers", "headers"), 9),
        (("answers", "throttle", "text"), 10),
        (("throttle",), 15),
        (("throttle", 0), 15),
        (("throttle", 0, "limit"), 17),
        (("throttle", 1, "name"), 21),
        (("throttle", 1, "when", "method"), 22),
        (("throttle", 1, "when", "any", 1, "not"), 24),
        (("throttle", 1, "inner", "quoted key"), 27),
        (("throttle", 1, "nowhere"), 20),
        (("nowhere",), None),
    ],
)
def test_a_setting_is_found_where_it_stands(steps: tuple[Step, ...], line: int | None) -> None:
    tomllib.loads(TEXT)
    assert Source("stockade.toml", TEXT).line(steps) == line


names = some.text("abcdefgh_-", min_size=1, max_size=6)
values = some.one_of(
    some.integers(), some.booleans(), some.text(max_size=20), some.lists(some.text(max_size=8), max_size=4)
)
tables = some.dictionaries(names, values, min_size=1, max_size=4)


@given(
    some.dictionaries(
        names, some.one_of(values, tables, some.lists(tables, min_size=1, max_size=3)), min_size=1, max_size=5
    )
)
def test_the_line_of_every_setting_begins_with_its_name(written: Mapping[str, object]) -> None:
    text = dumps(written)
    source = Source("stockade.toml", text)
    lines = text.split("\n")
    for name, value in written.items():
        line = source.line((name,))
        assert line is not None
        assert lines[line - 1].lstrip("[").startswith((name, f'"{name}"'))
        if isinstance(value, dict):
            for inner in value:
                found = source.line((name, inner))
                assert found is not None
                assert lines[found - 1].startswith((inner, f'"{inner}"'))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("listen = ", "stockade.toml:1: not TOML: "),
        ("a = 1\nb = [1,\n\n", "stockade.toml:2: not TOML: "),
        ('listen = "x"\nlisten = "y"', "stockade.toml:2: not TOML: "),
    ],
)
def test_what_is_not_toml_is_said_with_its_line(text: str, said: str) -> None:
    assert error(text).message.startswith(said)
