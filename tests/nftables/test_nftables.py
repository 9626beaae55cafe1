"""A banned client does not reach the server at all; others do."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade import nft
from stockade.errors import Refused, Unavailable
from stockade.events import Event
from stockade.guard.conditions import path, status
from stockade.guard.gate import Guard
from stockade.guard.meter import FOREVER, MICROSECONDS, Ban
from stockade.guard.rules import Allow2Ban
from stockade.nftables import Keeper, NftSet, covers_everything
from stockade.nftables.ruleset import network_of, outermost
from tests.nftables.conftest import ECHO, SERVER, Net
from tests.servers.processes import wait_until

V4, V6 = "10.231.0.1", "fd00:231::1"
CLIENT, OTHER, PREFIX = "10.231.0.2", "10.231.0.3", "fd00:231::/64"
END = FOREVER / MICROSECONDS


def ban(client: str, seconds: float = 600.0, rule: str = "manual") -> Ban:
    return Ban(client, rule, time.time(), time.time() + seconds)


@pytest.fixture
def served(net: Net) -> Iterator[Net]:
    with net.serving(SERVER):
        yield net


def listed(net: Net) -> dict[str, list[object]]:
    """What is in the sets."""
    text = net.run(net.server, "nft", "-j", "list", "table", "inet", "stockade").stdout
    return {i["set"]["name"]: i["set"].get("elem", []) for i in json.loads(text)["nftables"] if "set" in i}


def test_a_banned_address_is_cut_off_and_others_are_not(served: Net) -> None:
    sets = NftSet(command=served.nft)
    sets.prepare()
    assert served.reaches(V4, CLIENT)
    assert sets.ban(ban(CLIENT))
    assert served.cut(V4, CLIENT)
    assert served.reaches(V4, OTHER)
    assert served.reaches(V6)
    sets.unban(CLIENT)
    assert served.reaches(V4, CLIENT)


def test_an_ipv6_client_is_banned_by_its_prefix(served: Net) -> None:
    sets = NftSet(command=served.nft)
    sets.sync([ban(PREFIX)])
    assert served.cut(V6, "fd00:231::2")
    assert served.reaches(V6, "fd00:231:0:1::2")
    sets.sync([])
    assert served.reaches(V6, "fd00:231::2")


def test_a_network_is_banned_and_what_lies_in_it_too(served: Net) -> None:
    sets = NftSet(command=served.nft, ipv6_prefix=128)
    sets.sync(
        [ban("network:10.231.0.0/30"), ban("network:10.231.0.2/31"), ban("network:fd00:231::/32", 9), ban(CLIENT)]
    )
    assert served.cut(V4, CLIENT)
    assert served.cut(V6, "fd00:231:0:1::2")
    sets.sync([ban("network:10.231.0.2/31")])
    assert served.cut(V4, OTHER), "the inner network came to light when the outer was lifted"
    sets.sync([ban(CLIENT)])
    assert served.reaches(V4, OTHER)
    assert served.cut(V4, CLIENT)


def test_connections_that_are_open_are_cut_too(net: Net) -> None:
    sets = NftSet(command=net.nft)
    net.run(net.server, "nft", "add table inet other")
    hook = "{ type filter hook input priority 0; }"
    net.run(net.server, "nft", f"add chain inet other input {hook}")
    net.run(net.server, "nft", "add rule inet other input ct state established accept")
    program = (
        "import socket, sys; s = socket.create_connection(('10.231.0.1', 9001), 2.0)\n"
        "for line in sys.stdin:\n s.sendall(line.encode()); print(s.recv(10).decode().strip(), flush=True)"
    )
    import subprocess

    argv = ["ip", "netns", "exec", net.client, "python3", "-c", program]
    with net.serving(ECHO), subprocess.Popen(argv, stdin=-1, stdout=-1, stderr=-1, text=True, bufsize=1) as talk:
        assert talk.stdin is not None
        assert talk.stdout is not None
        talk.stdin.write("one\n")
        assert talk.stdout.readline() == "one\n"
        sets.sync([ban(CLIENT)])
        talk.stdin.write("two\n")
        assert talk.stdout.readline() == "", "no answer, and the client has given up"


def test_the_kernel_lifts_a_ban_by_itself(served: Net) -> None:
    NftSet(command=served.nft).sync([ban(CLIENT, 5)])
    assert CLIENT in served.run(served.server, "nft", "list", "ruleset").stdout
    wait_until(lambda: served.reaches(V4, CLIENT), "the ban to end", seconds=60)


def test_synchronising_is_idempotent_and_mends_what_others_break(served: Net) -> None:
    sets = NftSet(command=served.nft)
    bans = [ban(CLIENT), ban(PREFIX), ban("network:192.0.2.0/24"), ban("198.51.100.1", END)]
    first, again = sets.sync(bans), sets.sync(bans)
    assert (first.added, first.lifted, first.right) == (4, 0, 0)
    assert (again.added, again.lifted, again.right) == (0, 0, 4)
    served.run(served.server, "nft", "flush ruleset")
    assert served.reaches(V4, CLIENT)
    assert sets.sync(bans).added == 4
    assert served.cut(V4, CLIENT)
    served.run(served.server, "nft", "flush chain inet stockade input")
    sets.sync(bans)
    assert served.cut(V4, CLIENT)


def test_another_length_of_ipv6_prefixes_makes_the_table_anew(served: Net) -> None:
    NftSet(command=served.nft, ipv6_prefix=48).sync([ban("fd00:231::/48", END)])
    assert served.cut(V6, "fd00:231:0:1::2")
    NftSet(command=served.nft).sync([ban(PREFIX)])
    assert served.reaches(V6, "fd00:231:0:1::2")
    assert served.cut(V6, "fd00:231::2")


def test_a_ban_that_is_given_another_end_has_it_in_the_kernel(net: Net) -> None:
    sets = NftSet(command=net.nft)
    for seconds in (60.0, 600.0, END, 30.0):
        sets.sync([ban(CLIENT, seconds), ban("network:192.0.2.0/24", seconds)])
        (address,), (network,) = listed(net)["addresses4"], listed(net)["networks4"]
        for element in (address, network):
            if seconds == END:
                assert "elem" not in (element if isinstance(element, dict) else {})
            else:
                assert isinstance(element, dict)
                assert seconds - 2 <= element["elem"]["expires"] <= seconds + 1


def test_banning_and_unbanning_twice_is_no_trouble(net: Net) -> None:
    sets = NftSet(command=net.nft)
    for client in (CLIENT, PREFIX, "network:192.0.2.0/24", "network:192.0.2.0/25"):
        assert sets.ban(ban(client))
        assert sets.ban(ban(client))
    assert [len(elements) for elements in listed(net).values()] == [1, 1, 1, 0]
    for client in (CLIENT, CLIENT, PREFIX, PREFIX, "network:192.0.2.0/24", "user:bob"):
        sets.unban(client)
    assert [len(elements) for elements in listed(net).values()] == [0, 0, 0, 0]
    sets.remove()
    sets.remove()


def test_loopback_proxies_and_operators_are_never_banned(net: Net) -> None:
    guard = Guard(trusted_proxies=["10.0.0.1"], operators=["2001:db8::/32"])
    sets = NftSet.of(guard, command=net.nft)
    for client in ("127.0.0.1", "::1/128", "10.0.0.1", "network:10.0.0.0/8", "2001:db8::/64", "network:0.0.0.0/0"):
        with pytest.raises(Refused, match="never banned"):
            sets.ban(ban(client))
    done = sets.sync([ban("10.0.0.1"), ban(CLIENT)])
    assert (done.added, done.spared) == (1, ("10.0.0.1",))


def test_only_bans_that_refuse_everything_are_carried_out(net: Net) -> None:
    def rule(name: str, **more: object) -> Allow2Ban:
        return Allow2Ban(name, maxretry=1, findtime=60, bantime=60, when=status(401), **more)  # type: ignore[arg-type]

    covers = covers_everything(Guard(rule("all"), rule("shadow", shadow=True), rule("git", over=path("/git"))))
    carried = [name for name in ("manual", "all", "shadow", "git", "unknown") if covers(ban(CLIENT, rule=name))]
    assert carried == ["manual", "all"]
    assert not NftSet(command=net.nft).ban(ban("user:bob"))
    assert not NftSet(command=net.nft).ban(ban(CLIENT, -1.0))


def test_what_is_wrong_with_nft_is_said() -> None:
    with pytest.raises(Unavailable, match="there is no program"):
        NftSet(command=("nft-that-is-not-there",)).prepare()
    drop = ("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", "--reuid=65534", "--clear-groups", "nft")
    with pytest.raises(Unavailable, match="CAP_NET_ADMIN"):
        NftSet(command=drop).sync([])
    with pytest.raises(Unavailable, match="nft: 1"):
        NftSet(command=("false",)).sync([])


def test_an_nft_that_takes_too_long_is_said_to_and_not_how_it_was_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nft, "DEADLINE", 0.1)
    with pytest.raises(Unavailable, match=r"^nft does not answer within 0\.1 s\n"):
        NftSet(command=("sh", "-c", "exec sleep 9")).sync([])


async def test_a_keeper_follows_the_guard_at_once(served: Net) -> None:
    keeper: list[Keeper] = []

    def record(event: Event) -> None:
        for each in keeper:
            each.record(event)

    guard = Guard(record=record)
    said: list[str] = []
    keeper.append(Keeper(NftSet.of(guard, command=served.nft), guard, every=3600.0, say=said.append))
    running = asyncio.create_task(keeper[0].run())

    async def until(so: Callable[[str, str], bool]) -> None:
        async with asyncio.timeout(60):
            while not await asyncio.to_thread(so, V4, CLIENT):
                pass

    await until(served.reaches)
    guard.ban(CLIENT, 60)
    await until(served.cut)
    guard.unban(CLIENT)
    await until(served.reaches)
    running.cancel()
    assert said == []


async def test_a_keeper_says_each_trouble_once_and_goes_on() -> None:
    said: list[str] = []
    keeper = Keeper(NftSet(command=("nft-that-is-not-there",)), Guard(), say=said.append)
    await keeper.keep()
    await keeper.keep()
    assert len(said) == 1
    assert "Install nftables" in said[0]


NETWORKS = st.builds(
    lambda bits, length: ip_network((f"10.0.{bits >> 8}.{bits & 255}", length), strict=False),
    st.integers(0, 0xFFFF),
    st.integers(16, 32),
)


@given(st.dictionaries(NETWORKS, st.floats(1.0, 100.0), max_size=30))
def test_the_outermost_networks_cover_all_and_are_disjoint(left: dict[object, float]) -> None:
    networks = {network_of(str(each)): seconds for each, seconds in left.items()}
    found = outermost({n: seconds for n, seconds in networks.items() if n is not None})
    addresses = [set(range(int(n.network_address), int(n.broadcast_address) + 1)) for n in found]
    assert sum(map(len, addresses)) == len(set().union(*addresses))
    assert all(any(int(n.network_address) in each for each in addresses) for n in networks if n is not None)
    assert math.inf not in found.values()
