"""What is printed names the right addresses, and nothing can be smuggled into it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.errors import ConfigurationError
from stockade.gateway.proxyconfig import KINDS, render

GOOD = {"gateway": "127.0.0.1:8429", "upstream": "127.0.0.1:3000", "site": "git.example.org"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_says_what_to_declare_and_how_it_fails(kind: str) -> None:
    text = render(kind, **GOOD)
    assert 'trusted_proxies = ["127.0.0.1"]' in text
    assert "fail closed" in text
    assert "127.0.0.1:8429" in text
    assert "127.0.0.1:3000" in text
    assert "<gateway>" not in text
    assert max(len(line) for line in text.splitlines() if line.startswith("#")) <= 120


def test_a_gateway_on_another_machine_sees_another_address() -> None:
    assert 'trusted_proxies = ["the address of this proxy"]' in render("nginx", **(GOOD | {"gateway": "10.0.0.2:8429"}))
    assert 'trusted_proxies = ["::1"]' in render("nginx", **(GOOD | {"gateway": "[::1]:8429"}))


def test_a_scheme_is_understood() -> None:
    text = render("caddy", gateway="http://127.0.0.1:1", upstream="http://app:3000/", site="https://git.example.org")
    assert "https://git.example.org {" in text
    assert "reverse_proxy app:3000" in text


def test_an_unknown_proxy_is_told_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="Did you mean nginx"):
        render("ngnix", **GOOD)


@pytest.mark.parametrize(
    "wrong",
    ["", "127.0.0.1", "https://127.0.0.1:1", "127.0.0.1:99999", "a b:1", "x:1;return", "x:1\n", "x:1{", "<site>:1"],
)
@pytest.mark.parametrize("what", ["gateway", "upstream"])
def test_what_is_no_address_is_refused(what: str, wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=what):
        render("nginx", **(GOOD | {what: wrong}))


@given(kind=st.sampled_from(KINDS), site=st.text(max_size=30))
def test_nothing_is_smuggled_in(kind: str, site: str) -> None:
    try:
        text = render(kind, **(GOOD | {"site": site}))
    except ConfigurationError:
        return
    assert text.count("\n") == render(kind, **GOOD).count("\n")
    assert not set(site) & set(" \t\r\n;{}`\"'\\$#()<>")
