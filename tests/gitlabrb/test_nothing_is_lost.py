"""Whatever the file holds, the import ends, its TOML can be read, and every line of code is accounted for."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stockade import config
from stockade.config.source import Source
from stockade.errors import ConfigurationError
from stockade.gitlabrb import Imported, toml, translate
from stockade.gitlabrb.ruby import tokens
from stockade.gitlabrb.translate import MAX_CHARACTERS
from tests.gitlabrb.test_gitlab_rb import DOCUMENTED, all_remarks
from tests.gitlabrb.test_rack_attack_rb import SOURCE_INSTALL

BITS = "( ) [ ] { } do end if unless class def \" ' ` / %w[ #{ => : :: , . .. = << <<~X | ; \\ \n # =begin =end @ $ ? !"
PIECES = [
    *DOCUMENTED.splitlines(keepends=True),
    *SOURCE_INSTALL.splitlines(keepends=True),
    *BITS.split(" "),
    "throttle('a', limit: 5, period: 1.minute) { |r| r.ip }\n",
    "Rack::Attack.safelist_ip '10.0.0.1/8'\n",
    "gitlab_rails['env'] = {'GITLAB_THROTTLE_DRY_RUN' => '*'}\n",
    "nginx['real_ip_trusted_addresses'] = %w(10.0.0.0/8 x)\n",
    "while true do\nend\n",
    "Rack::Attack.track('t') { |r| r.ip if IPS.include?(r.ip) || r.ip == 'x' }\n",
    "IPS = ['::1', 'y']\n",
    "Rack::Attack.blocklist(\"b\") { |r| r.path == '/a' && (r.get? || r.put?) }\n",
    "__END__\n",
    "9" * 50,
    "1e999",
]
ANYTHING = st.text(max_size=200) | st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join)


def accounted(imported: Imported) -> set[int]:
    return {line for remark in all_remarks(imported) for line in range(remark.line, remark.last_line + 1)}


@given(ANYTHING)
@settings(max_examples=400, deadline=None)
@example("[" * 5000)
@example("gitlab_rails['trusted_proxies'] = " + "[" * 5000)
@example("gitlab_rails['trusted_proxies'] = -" + "-" * 5000)
@example("if x\n" * 500 + "end\n" * 500)
@example("class A\n" * 500 + "end\n" * 500)
@example("throttle(" * 300)
@example("'" * 5001)
@example('"#{' * 3000)
@example("throttle('a', limit: 5, period: 1) { |r| r.ip if " + "(" * 3000 + "r.get?" + ")" * 3000 + "}")
@example("x = " + "9*" * 4000 + "9")
def test_any_text_is_accounted_for(text: str) -> None:
    check_account(text)


def check_account(text: str) -> None:
    imported = translate(text)
    assert tomllib.loads(imported.toml()) == imported.settings
    config.read(Source("imported.toml", imported.toml()))
    lines = {
        line
        for token in tokens(text)
        if token.kind != "newline"
        for line in (token.line, token.last_line or token.line)
    }
    assert lines <= accounted(imported)


@pytest.mark.parametrize("source", [DOCUMENTED, SOURCE_INSTALL])
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_damaged_file_is_accounted_for(source: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(source)))
    length = data.draw(st.integers(0, 40))
    put = data.draw(st.sampled_from(["", *PIECES]))
    check_account(source[:at] + put + source[at + length :])


def test_a_large_file_takes_no_more_than_a_large_file_should() -> None:
    translate(
        "gitlab_rails['a'] = [\n" + "'x',\n" * 100_000 + "]\n" + "\n" * 100_000 + "if x\n" + "\n" * 100_000 + "end"
    )


def test_what_is_far_too_long_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="characters"):
        translate(" " * (MAX_CHARACTERS + 1))


TREE = st.recursive(
    st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=8), TREE, max_size=6))
@settings(deadline=None)
def test_what_is_written_reads_back_the_same(tree: dict[str, object]) -> None:
    assert tomllib.loads(toml.dumps(tree)) == tree
