"""A machine's network is shut over SSH: who is named passes, all others are cut off, and nobody locks himself out."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time

import pytest

from stockade.app.stockade import Stockade
from stockade.config import load
from stockade.errors import Refused, Unavailable
from stockade.events import Event, Ref
from stockade.host.restrict.kernel import PacketFilter
from stockade.host.restrict.named import Restriction, network_of
from stockade.host.restrict.shutting import shut
from stockade.host.restrict.standing import Note
from stockade.respond.incident import opening
from tests.host.restrict.hosts import Hosts, Terminal, four, six
from tests.servers.processes import wait_until

NOTE = Note("restrict", "0123456789ab", "alice", 1_800_000_000)
SINK = '[[audit.sinks]]\nurl = "https://{}:8443/log"\n'
DOCKER = """
table ip nat {
  chain PREROUTING { type nat hook prerouting priority dstnat; policy accept; tcp dport 8080 dnat to BOX:80; }
}
table ip filter {
  chain DOCKER-USER { return; }
  chain DOCKER { ip daddr BOX tcp dport 80 accept; }
  chain FORWARD { type filter hook forward priority filter; policy drop; jump DOCKER-USER; ct state established accept; jump DOCKER; ip saddr BOX accept; }
}
"""  # noqa: E501


DEAF = """
table inet deaf {
  chain input { type filter hook input priority -30; policy accept; tcp dport 9000 tcp flags & psh != psh drop; }
}
"""
"""No answer of the other side to what was sent is heard."""


def machine(host: str) -> tuple[str, str]:
    """The machine's addresses on the wire to a host."""
    return four(host, 1), six(host, 1)


def recorded(hosts: Hosts) -> list[dict[str, object]]:
    """What the security log says."""
    return [json.loads(line) for line in (hosts.directory / "state" / "security.log").read_text().splitlines()]


def test_who_is_named_passes_and_all_others_are_cut_off(hosts: Hosts) -> None:
    before = hosts.ruleset()
    (hosts.directory / "stockade.toml").write_text(f'operators = ["{four("friend")}"]\n' + SINK.format(four("sink")))
    evil, friend = hosts.talking("evil", four("evil", 1), 9000), hosts.talking("friend", six("friend", 1), 9000)
    with hosts.signed_in() as me, evil as talk, friend as kept:
        code, said = me.stockade(f"restrict --allow {six('friend')}/64 --allow-out {four('friend')}:5000")
        assert code == 0, said
        for words in (four("operator"), f"{four('sink')}:8443", "opens all again by itself", "stockade host confirm"):
            assert words in said
        assert re.search(rf"answers +DNS {four('sink')}, UDP", said)
        assert talk.cut()
        assert kept.goes_on()
        for address in machine("evil"):
            assert hosts.cut("evil", address, 9000)
            assert hosts.cut("evil", address, 2222)
        for address in machine("friend"):
            assert hosts.reaches("friend", address, 9000)
        assert hosts.reaches("machine", four("sink"), 8443)
        assert hosts.reaches("machine", four("friend"), 5000)
        assert hosts.cut("machine", four("evil"), 4444)
        assert hosts.cut("machine", six("evil"), 4444)
        assert me.stockade("confirm")[0] == 0
        shown = json.loads(me.stockade("restrictions --json")[1])
        assert (shown["kept"], shown["trial"], shown["left"]) == (1, 0, None)
        assert shown["dropped"] > 0
        assert shown["note"]["called"] == "restrict"
        assert me.stockade("lift")[0] == 0
        assert me.stockade("lift")[1] == "nothing was shut\n"
        assert hosts.reaches("evil", four("evil", 1), 9000)
    assert hosts.ruleset() == before
    told = [(entry["action"], entry["remote_ip"]) for entry in recorded(hosts)]
    assert told == [(f"network.{verb}", four("operator")) for verb in ("restrict", "confirm", "lift")]


def test_what_nobody_confirms_is_over_in_time_whatever_was_killed(hosts: Hosts) -> None:
    with hosts.talking("evil", four("evil", 1), 9000) as talk:
        with Terminal(hosts, "restrict", "--operator", four("operator"), "--confirm-within", "5s", "--yes") as typing:
            typing.read_until("Type keep")
            typing.process.send_signal(signal.SIGKILL)
            typing.process.wait()
        assert talk.cut()
        assert hosts.reaches("operator", four("operator", 1), 2222)
        assert talk.goes_on()
    assert hosts.console("confirm").returncode == 3
    assert "stockade_restrict" not in hosts.ruleset(), "what was left of it is gone with the next command"


def test_a_rule_that_would_cut_off_the_operator_is_refused_or_rolled_back_with_the_session_alive(hosts: Hosts) -> None:
    before = hosts.ruleset()
    (hosts.directory / "stockade.toml").write_text("")
    with hosts.signed_in() as me:
        for operator in ([], ["--operator", "192.0.2.7"]):
            refused = hosts.console("restrict", *operator)
            assert (refused.returncode, hosts.ruleset()) == (3, before)
            assert f"everybody who works here over SSH, from {four('operator')}" in refused.stderr
        began = time.monotonic()
        code, _ = me.stockade("restrict --operator 192.0.2.7 --confirm-within 2s --even-me")
        assert time.monotonic() - began > 1.5, "the answer came only when the network was open again"
        assert me.alive
        assert code == 0
        assert me.stockade("restrictions") == (0, "nothing is shut\n")
    assert [(each["action"], each.get("lapsed")) for each in recorded(hosts)] == [
        ("network.restrict", None), ("network.lift", True),
    ]  # fmt: skip


def test_who_may_be_anywhere_is_asked_from_where_and_a_typed_word_keeps_it(hosts: Hosts) -> None:
    asked = ("restrict", "--allow", f"{four('friend')}/24", "--confirm-within", "90s")
    with Terminal(hosts, *asked) as typing:
        typing.read_until("this is no console, and no connection of SSH is there")
    with Terminal(hosts, *asked, "--even-me") as typing:
        typing.read_until("Enter shuts it")
        assert hosts.reaches("evil", four("evil", 1), 9000)
        typing.type("")
        typing.read_until("Type keep")
        first = json.loads(hosts.console("restrictions", "--json").stdout)["note"]["digest"]
        second = hosts.console("restrict", "--allow", f"{four('friend')}/24", "--allow", "192.0.2.1", "--even-me")
        assert "is on trial still: this takes its place" in " ".join(second.stdout.split())
        typing.type("keep")
        typing.read_until("has shut the network in another way")
    assert json.loads(hosts.console("restrictions", "--json").stdout)["kept"] == 0
    with Terminal(hosts, *asked, "--even-me") as typing:
        typing.read_until("Enter shuts it")
        typing.type("")
        typing.read_until("Type keep")
        assert json.loads(hosts.console("restrictions", "--json").stdout)["note"]["digest"] == first
        typing.type("keep")
        typing.read_until("It stays shut")
        assert hosts.cut("evil", four("evil", 1), 9000)


def test_a_container_is_shut_as_well_and_dockers_chains_are_let_be(hosts: Hosts) -> None:
    hosts.run("machine", "nft", "-f", "-", given=DOCKER.replace("BOX", four("box")))
    before = hosts.ruleset()
    published = [(host, four(host, 1), 8080) for host in ("evil", "friend")]
    outward = [("box", four(host), port) for host, port in (("evil", 4444), ("friend", 5000))]
    assert all(hosts.reaches(*each) for each in (*published, *outward))
    with hosts.talking("evil", four("evil", 1), 8080) as talk, hosts.talking("box", four("evil"), 4444) as back:
        said = hosts.console("restrict", "--allow", f"{four('friend')}/24", "--allow-out", f"{four('friend')}:5000")
        assert said.returncode == 0, said.stderr
        assert talk.cut()
        assert back.cut()
        assert [hosts.cut(*each) for each in (published[0], outward[0])] == [True, True]
        assert [hosts.reaches(*each) for each in (published[1], outward[1])] == [True, True]
        assert hosts.reaches("machine", four("box"), 80), "what stays within the machine passes"
        assert hosts.reaches("box", four("box", 1), 9000)
        assert before == hosts.ruleset().partition("table inet stockade_restrict")[0], "Docker's own is as it was"
        hosts.console("lift")
        assert talk.goes_on()
    assert hosts.ruleset() == before


def test_isolate_leaves_the_operator_and_the_sinks_alone(hosts: Hosts) -> None:
    (hosts.directory / "stockade.toml").write_text(f'operators = ["{four("friend")}"]\n' + SINK.format(four("sink")))
    with hosts.signed_in() as me:
        code, said = me.stockade("isolate")
        assert code == 0, said
        assert me.alive
        assert hosts.reaches("machine", four("sink"), 8443)
        assert hosts.cut("friend", four("friend", 1), 9000)
        assert hosts.cut("operator", four("operator", 1), 9000), "only to where the session goes"
    (hosts.directory / "stockade.toml").write_text(SINK.format("nowhere.invalid"))
    refused = hosts.console("isolate", "--operator", four("operator"))
    assert refused.returncode == 3
    assert "nowhere.invalid has no address" in refused.stderr


def test_a_trial_that_is_over_leaves_what_was_confirmed_before(hosts: Hosts) -> None:
    packets = PacketFilter(hosts.nft)
    packets.try_out(Restriction(people=(network_of(four("friend")),)), 60, NOTE)
    packets.confirm()
    for _ in range(2):
        packets.try_out(Restriction(people=(network_of(four("evil")),)), 6, NOTE)
    assert hosts.reaches("evil", four("evil", 1), 9000)
    wait_until(lambda: hosts.cut("evil", four("evil", 1), 9000), "the trial to be over")
    assert hosts.reaches("friend", four("friend", 1), 9000)
    packets.fall_back()
    standing = packets.standing()
    assert standing is not None
    assert (standing.kept, standing.trial, standing.numbers) == (1, 0, (1,))


def test_what_is_cut_off_is_tried_as_soon_as_it_may_pass_again(hosts: Hosts) -> None:
    """TCP that hears nothing waits twice as long after each try; told that there is no way, it does not (RFC 6069)."""
    packets, before = PacketFilter(hosts.nft), hosts.ruleset()
    with hosts.talking("evil", four("evil", 1), 9000) as talk:
        hosts.run("machine", "nft", "-f", "-", given=DEAF)
        assert talk.goes_on()
        wait_until(lambda: "unacked:1" in _sending(hosts), "an answer to be on its way")
        packets.try_out(Restriction(), 60, NOTE)
        hosts.run("machine", "nft", "delete", "table", "inet", "deaf")
        wait_until(lambda: int(re.findall(r"retrans:\d+/(\d+)|$", _sending(hosts))[0] or 0) >= 6, "six tries")
        assert int(re.findall(r"rto:(\d+)", _sending(hosts))[0]) < 1_000, "after six tries it would be 6 s"
        nowhere = hosts.inside("machine", "bash", "-c", f"</dev/tcp/{four('evil')}/4444")
        assert "Network is unreachable" in subprocess.run(nowhere, capture_output=True, text=True, check=False).stderr
        packets.lift()
        assert talk.goes_on()
    assert hosts.ruleset() == before


def _sending(hosts: Hosts) -> str:
    return hosts.run("machine", "ss", "-Htin", "sport", "=", "9000")


def test_of_two_at_the_same_moment_one_is_told_of_the_other(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    packets = PacketFilter(hosts.nft)
    late = packets.script(Restriction(), 60, NOTE)
    packets.try_out(Restriction(people=(network_of(four("friend")),)), 60, NOTE)
    monkeypatch.setattr(packets, "script", lambda *_: late)
    with pytest.raises(Refused, match="somebody else, alice, has shut the network"):
        packets.try_out(Restriction(), 60, NOTE)
    assert hosts.reaches("friend", four("friend", 1), 9000)


def test_it_is_taken_away_at_once_when_what_was_named_does_not_answer_any_more(hosts: Hosts) -> None:
    from stockade.app.host.restricting import _looked_up
    from stockade.host.restrict.written import read

    packets, before = PacketFilter(hosts.nft), hosts.ruleset()
    server = _looked_up(read(f"{four('friend')}:5000"), "registry", "server")
    answering = iter([True, False])
    with pytest.raises(Unavailable, match="registry cannot be reached any more"):
        shut(
            packets, Restriction(servers=(server,)), 60, NOTE, probe=lambda asked: dict.fromkeys(asked, next(answering))
        )
    assert hosts.ruleset() == before


def test_a_person_is_let_in_from_where_the_log_says_that_they_came(hosts: Hosts) -> None:
    (hosts.directory / "stockade.toml").write_text(f'state = "{hosts.directory}/state"\n')
    now, doing = time.time(), Stockade(load(hosts.directory / "stockade.toml"))
    alice, bob = (Ref("stockade", "user", name) for name in ("alice", "bob"))
    came = [(alice, four("friend"), 9), (alice, four("friend"), 1), (alice, four("evil"), 1), (bob, four("evil"), 9)]
    with doing.recording() as recording:
        for who, address, days in came:
            recording.insist(Event(now - days * 86_400, "authentication.success", who, who, address))
    said = hosts.console("restrict", "--allow", "user:alice", "--even-me", "--dry-run")
    assert f"{four('friend')}, to every port (alice signed in from there 2 times" in " ".join(said.stdout.split())
    for name, why in (("bob", "1 used on one day alone"), ("eve", "no sign-in in 30 days")):
        refused = hosts.console("restrict", "--allow", f"user:{name}", "--even-me")
        assert (refused.returncode, why in " ".join(refused.stderr.split())) == (3, True), refused.stderr
    assert hosts.console("restrict", "--allow", "user:alice", "--even-me").returncode == 0
    assert hosts.reaches("friend", four("friend", 1), 9000)
    assert hosts.cut("evil", four("evil", 1), 9000)
    doing.ban(four("friend"), 3_600)
    assert "1 banned" in hosts.console("restrict", "--allow", "user:alice", "--even-me").stderr
    with doing.recording() as recording:
        recording.insist(opening(now, bob, "i-1", "odd", subjects=[alice]))
    refused = hosts.console("restrict", "--allow", "user:alice", "--even-me")
    assert "alice is a subject of the open incident i-1" in refused.stderr


def test_nothing_is_changed_by_a_dry_run_and_nft_takes_what_it_prints(hosts: Hosts) -> None:
    before = hosts.ruleset()
    said = hosts.console(
        "restrict", "--allow", "2001:db8::/32", "--allow-out", "[2001:db8::1]:443", "--dry-run", "--json"
    )
    assert (said.returncode, hosts.ruleset()) == (0, before)
    hosts.run("machine", "nft", "-c", "-f", "-", given=json.loads(said.stdout)["nft"])


def test_without_rights_it_says_how(hosts: Hosts) -> None:
    drop = ("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", "--reuid=65534", "--clear-groups", "nft")
    with pytest.raises(Unavailable, match="sudo"):
        PacketFilter(hosts.inside("machine", *drop)).lift()
