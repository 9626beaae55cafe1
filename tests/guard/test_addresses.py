"""Whose request it is: chains of proxies, forged and broken ones too."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade import ConfigurationError
from stockade.guard.address import Addresses, canonical, client_key, forwarded_for
from stockade.guard.networks import Networks, parse_network

ANY_ADDRESS = st.ip_addresses().map(str)
PROXIES = ["10.0.0.0/8", "fd00::/8"]


def client_of(addresses: Addresses, peer: str, **headers: str) -> str:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return addresses.resolve(peer, named.get).address


def test_without_declared_proxies_only_the_peer_counts() -> None:
    assert client_of(Addresses(), "203.0.113.9", x_forwarded_for="1.1.1.1") == "203.0.113.9"


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("6.6.6.6, 198.51.100.7", "198.51.100.7"),
        ("6.6.6.6, 198.51.100.7, 10.9.9.9", "198.51.100.7"),
        ("10.1.1.1, 10.2.2.2", "10.1.1.1"),
        ("198.51.100.7:4711", "198.51.100.7"),
        ('"[2001:db8::7]:4711"', "2001:db8::7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("unknown", "10.0.0.1"),
        ("6.6.6.6, unknown", "10.0.0.1"),
        ("6.6.6.6, , 10.3.3.3", "10.3.3.3"),
        ("", "10.0.0.1"),
    ],
)
def test_the_chain_is_walked_right_to_left(chain: str, client: str) -> None:
    assert client_of(Addresses(PROXIES), "10.0.0.1", x_forwarded_for=chain) == client


def test_a_hop_that_cannot_be_read_is_said() -> None:
    found = Addresses(PROXIES).resolve("10.0.0.1", {"x-forwarded-for": "6.6.6.6, _hidden"}.get)
    assert found.unreadable
    assert found.address == "10.0.0.1"


def test_only_the_configured_header_is_read() -> None:
    forwarded = Addresses(PROXIES, header="Forwarded")
    assert client_of(forwarded, "10.0.0.1", x_forwarded_for="6.6.6.6") == "10.0.0.1"
    assert client_of(forwarded, "10.0.0.1", forwarded='for="[2001:db8::7]:1";proto=https') == "2001:db8::7"
    assert client_of(forwarded, "10.0.0.1", forwarded="for=6.6.6.6, for=198.51.100.7;by=10.0.0.1") == "198.51.100.7"


def test_forwarded_elements_are_read_as_rfc_7239_writes_them() -> None:
    assert list(forwarded_for('For="[2001:db8:cafe::17]:4711"')) == ["[2001:db8:cafe::17]:4711"]
    assert list(forwarded_for("for=192.0.2.60;proto=http;by=203.0.113.43, for=_x")) == ["192.0.2.60", "_x"]
    assert list(forwarded_for("proto=http")) == [""]


@given(st.lists(ANY_ADDRESS, max_size=5), ANY_ADDRESS)
def test_a_client_cannot_choose_who_it_is(forged: list[str], real: str) -> None:
    """Whatever stands left of the entry that our own proxy wrote changes nothing."""
    addresses = Addresses(["192.0.2.1"])
    chain = ", ".join([*forged, real])
    expected = canonical(real)
    if expected == "192.0.2.1":
        return
    assert client_of(addresses, "192.0.2.1", x_forwarded_for=chain) == expected


@given(st.text(max_size=200))
def test_no_chain_can_break_the_reading(chain: str) -> None:
    found = Addresses(PROXIES).resolve("10.0.0.1", {"x-forwarded-for": chain}.get)
    ipaddress.ip_address(found.address)


@given(ANY_ADDRESS)
def test_an_address_has_one_spelling(text: str) -> None:
    once = canonical(text)
    assert once is not None
    assert canonical(once) == once
    if ":" in text:
        assert canonical(f"[{text}]:80") == once


@given(st.ip_addresses(v=6).map(str))
def test_an_ipv6_client_is_counted_by_its_prefix(address: str) -> None:
    key = client_key(address)
    assert ipaddress.ip_address(address) in ipaddress.ip_network(key)
    assert key.endswith("/64")


def test_a_prefix_out_of_range_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="ipv6_prefix is 8"):
        Addresses(ipv6_prefix=8)


NETWORKS = st.one_of(
    st.tuples(st.ip_addresses(v=4), st.integers(0, 32)),
    st.tuples(st.ip_addresses(v=6), st.integers(0, 128)),
).map(lambda pair: f"{pair[0]}/{pair[1]}")


@given(st.lists(NETWORKS, max_size=20), st.lists(ANY_ADDRESS, max_size=10))
def test_a_set_of_networks_knows_its_members(texts: list[str], addresses: list[str]) -> None:
    networks = Networks(texts)
    parsed = [parse_network(text) for text in texts]
    edges = [str(n.network_address) for n in parsed] + [str(n.broadcast_address) for n in parsed]
    for address in [*addresses, *edges]:
        found = ipaddress.ip_address(address)
        assert (address in networks) == any(found in n for n in parsed if n.version == found.version)


@pytest.mark.parametrize("text", ["", "x", "10.0.0.0/33", "10.0.0.256", "10.0.0.0/8/8"])
def test_what_is_no_network_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"203\.0\.113\.9"):
        Networks([text])


def test_hostile_addresses_are_in_no_network() -> None:
    networks = Networks(["0.0.0.0/0", "::/0"])
    for text in ("", "unix:", "1.2.3", "\x00", "1.2.3.4\n", "é", "a" * 10_000):
        assert text not in networks
