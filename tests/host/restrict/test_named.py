"""What is decided without asking the world: who is named, who would be cut off, and what nft and people are told."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockade.errors import ConfigurationError, Refused
from stockade.host.restrict import words
from stockade.host.restrict.inner import inner
from stockade.host.restrict.named import (
    Connection,
    Restriction,
    Server,
    network_of,
    refuse_to_cut,
    single,
    would_cut,
)
from stockade.host.restrict.resolvers import nameservers, resolvers
from stockade.host.restrict.rules import tried
from stockade.host.restrict.sessions import connections
from stockade.host.restrict.standing import Note
from stockade.host.restrict.trying import lost
from stockade.host.restrict.written import Written, read

ME = Connection(ip_address("198.51.100.1"), 2222, ip_address("203.0.113.9"), 51_234)
SINK = Server("store.example:443", (network_of("192.0.2.80"), network_of("2001:db8::80")), 443, "tcp", "sink")
TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 101 1
   1: 016433C6:08AE 097100CB:C822 01 00000000:00000000 02:000A7214 00000000     0        0 102 2
"""
TCP6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: 0000000000000000FFFF0000016433C6:08AE 0000000000000000FFFF0000097100CB:C822 01 0:0 0:0 0 0 0 103 1
   1: B80D0120000000000000000001000000:08AE B80D0120000000000000000009000000:C822 01 0:0 0:0 0 0 0 104 1
"""
ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))
SESSIONS = st.builds(Connection, ADDRESSES, st.integers(1, 65_535), ADDRESSES, st.integers(1, 65_535))


@given(st.lists(SESSIONS, max_size=4), SESSIONS)
def test_a_session_is_kept_from_any_port_of_its_own_address_and_no_other_is(
    own: list[Connection], other: Connection
) -> None:
    restriction = Restriction(sessions=tuple(own))
    again = [Connection(each.local, each.port, each.peer, 1) for each in own]
    assert would_cut(restriction, again) == ()
    stranger = (other.peer, other.port) not in {(each.peer, each.port) for each in own}
    assert would_cut(restriction, [other]) == ((other,) if stranger else ())


def test_what_would_cut_off_the_operator_or_a_sink_is_refused_with_what_to_add() -> None:
    with pytest.raises(Refused, match=r"you come from 203\.0\.113\.9.*\n.*--operator 203\.0\.113\.9"):
        refuse_to_cut(Restriction(people=(network_of("192.0.2.0/24"),)), [ME], [])
    with pytest.raises(Refused, match=r"--allow-out store\.example:443"):
        refuse_to_cut(Restriction(people=(network_of("203.0.113.0/24"),)), [ME], [SINK])
    wide = Server("10.0.0.0/8", (network_of("192.0.2.0/24"), network_of("2001:db8::/32")), 443)
    refuse_to_cut(Restriction((ME,), (), (wide,)), [ME], [SINK])
    assert would_cut(Restriction(servers=(Server("x", SINK.networks, 80),)), (), [SINK]) == (SINK,)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("registry.example:443", Written("registry.example", 443)),
        ("[2001:db8::1]:53/udp", Written("2001:db8::1", 53, "udp")),
        ("10.0.0.0/8:5432", Written("10.0.0.0/8", 5432)),
    ],
)
def test_what_may_be_called_is_read_as_it_is_written(text: str, found: Written) -> None:
    assert read(text) == found
    assert read(str(found)) == found


@pytest.mark.parametrize(
    "text", ["registry.example", "x:0", "x:65536", ":443", "a b:1", "x:443/icmp", "-x:1", 'x"y:1', "::1:2"]
)
def test_what_cannot_be_called_is_said(text: str) -> None:
    with pytest.raises(ConfigurationError, match="not a server and its port"):
        read(text)


def test_a_network_that_is_everybody_is_none() -> None:
    for everybody in ("0.0.0.0/0", "::/0"):
        with pytest.raises(ConfigurationError, match="everybody"):
            network_of(everybody)
    with pytest.raises(ConfigurationError, match="not an address"):
        network_of("alice")
    assert [str(network_of(text)) for text in ("::ffff:192.0.2.1", "10.0.0.7/8", "fe80::1%eth0")] == [
        "192.0.2.1/32", "10.0.0.0/8", "fe80::1/128",
    ]  # fmt: skip


def test_the_connections_of_the_kernel_are_read_mapped_addresses_unwrapped() -> None:
    assert list(connections(TCP)) == [(ME, 102)]
    (mapped, inode), (six, _) = connections(TCP6, "tcp6")
    assert (mapped, inode) == (ME, 103)
    assert (str(six.local), str(six.peer)) == ("2001:db8::1", "2001:db8::9")


def test_the_resolvers_behind_one_on_the_machine_are_found(tmp_path: Path) -> None:
    assert nameservers("# x\nnameserver 10.0.0.53\nnameserver fe80::1%eth0\nnameserver none\nsearch x\n") == (
        ip_address("10.0.0.53"), ip_address("fe80::1"),
    )  # fmt: skip
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/resolv.conf").write_text("nameserver 127.0.0.53\n")
    assert resolvers(tmp_path) == ()
    (tmp_path / "run/systemd/resolve").mkdir(parents=True)
    (tmp_path / "run/systemd/resolve/resolv.conf").write_text("nameserver 192.0.2.53\n")
    assert [(each.name, each.protocol) for each in resolvers(tmp_path)] == [
        ("DNS 192.0.2.53", "udp"),
        ("DNS 192.0.2.53", "tcp"),
    ]


@given(st.text(max_size=300))
@settings(max_examples=30)
def test_no_name_leaves_its_comment(name: str) -> None:
    script = tried(Restriction(servers=(Server(name, SINK.networks, 443),)), 1, 60, name)
    for line in script.splitlines():
        assert line.count('"') % 2 == 0
        assert line.isascii()
        assert line.isprintable()


@given(st.sampled_from(["restrict", "isolate"]), st.text(max_size=40), st.integers(0, 2**32))
def test_a_note_is_read_as_it_was_written(called: str, by: str, at: int) -> None:
    note = Note(called, "0123456789ab", by.replace("\n", " "), float(at))
    assert Note.parse(str(note)) == note
    assert Note.parse(f"{note} and more") is None


def test_a_bridge_is_within_the_machine_unless_a_card_or_a_vlan_is_part_of_it(tmp_path: Path) -> None:
    ports = {"docker0": ["veth1", "tap0"], "br0": ["veth2", "eth0"], "br1": ["eth0.7"], "virbr0": [], 'x"y': []}
    for bridge, members in ports.items():
        (tmp_path / bridge / "bridge").mkdir(parents=True)
        for member in members:
            (tmp_path / bridge / "brif" / member).mkdir(parents=True)
            (tmp_path / member).mkdir()
            (tmp_path / member / "uevent").write_text("DEVTYPE=vlan\n" if "." in member else "IFINDEX=2\n")
        (tmp_path / bridge / "brif").mkdir(exist_ok=True)
    (tmp_path / "eth0" / "device").mkdir()
    assert inner(tmp_path) == ("docker0", "virbr0")


def test_what_did_not_answer_before_is_not_lost() -> None:
    other = Server("other", (single(ip_address("192.0.2.1")),), 80)
    assert lost({SINK: True, other: False}, {}) == (SINK,)
    assert lost({SINK: True, other: None}, {SINK: True}) == ()


def test_it_is_said_in_plain_words_who_stays_and_whose_connections_are_cut() -> None:
    restriction = Restriction((ME,), (network_of("192.0.2.0/24"),), (SINK,))
    assert list(words.stays(restriction)) == [
        ("you", "203.0.113.9, to port 2222 of this machine: what is open, and anew"),
        ("may come in", "192.0.2.0/24, to every port"),
        ("sinks", "store.example:443 (192.0.2.80, 2001:db8::80)"),
        ("always", "this machine itself (loopback), DHCP by broadcast, IPv6 neighbour discovery"),
    ]
    evil = [Connection(ME.local, 443, ip_address("198.18.0.7"), port) for port in (1, 2)]
    away = Connection(ME.local, 40_000, ip_address("192.0.2.80"), 443)
    assert list(words.goes(restriction, [ME, away, *evil]))[1] == "2 connections that are open now: 198.18.0.7 (2)"
