"""The network as a system of the response: what every Actuator promises, and what this one refuses."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from stockade.errors import ConfigurationError, Refused, Unavailable
from stockade.events import Event, Ref
from stockade.host.acting import HostActuator, Wanted
from stockade.host.restrict.kernel import PacketFilter
from stockade.host.restrict.named import Connection, Restriction, network_of
from stockade.steps import Actuator, Step, Tactic
from tests.host.restrict.hosts import Hosts, four

WEB = Ref("host", "network", "web1")
ALICE = Connection(ip_address("192.0.2.1"), 22, ip_address("203.0.113.9"), 51_234)


def step(verb: str, **details: object) -> Step:
    return Step(verb, WEB, Tactic.ISOLATE, "the machine was taken over", details=details)


def draw(asked: Step) -> Wanted:
    return Wanted(Restriction(people=(network_of(str(asked.details.get("allow", four("friend")))),)))


def actuator(hosts: Hosts, told: list[Event]) -> Actuator:
    return HostActuator(
        "web1", draw, clock=lambda: 1_800_000_000.0, record=told.append, packets=PacketFilter(hosts.nft)
    )


@pytest.mark.parametrize("verb", ["network.restrict", "network.isolate"])
def test_a_step_is_taken_once_seen_and_taken_back(hosts: Hosts, verb: str) -> None:
    told: list[Event] = []
    system, do, back = actuator(hosts, told), step(verb), step("network.lift")
    before = system.observe(WEB)
    assert before == {"network": "open"}
    assert {verb, back.verb} <= system.verbs
    assert (system.holds(do), system.holds(back)) == (False, True)
    rules = set()
    for _ in range(2):
        system.perform(do)
        assert (system.holds(do), system.holds(back)) == (True, False)
        rules.add(hosts.ruleset())
    assert len(rules) == 1, "the second time nothing was changed"
    assert system.observe(WEB) == {"network": verb.removeprefix("network.")}
    assert not system.holds(step(verb, allow=four("evil")))
    for _ in range(2):
        system.perform(back)
    assert system.observe(WEB) == before
    assert [event.action for event in told] == [verb, "network.confirm", "network.lift"]


def test_a_step_that_would_cut_off_who_runs_the_plan_is_refused(hosts: Hosts) -> None:
    def cutting(asked: Step) -> Wanted:
        return Wanted(draw(asked).restriction, sessions=(ALICE,))

    before = hosts.ruleset()
    system = HostActuator("web1", cutting, clock=lambda: 0.0, packets=PacketFilter(hosts.nft))
    with pytest.raises(Refused, match=r"--operator 203\.0\.113\.9"):
        system.perform(step("network.restrict"))
    assert hosts.ruleset() == before


def test_nothing_is_seen_of_another_machine_and_no_other_verb_is_known(hosts: Hosts) -> None:
    system = actuator(hosts, [])
    assert system.observe(Ref("host", "network", "web2")) == {}
    with pytest.raises(ConfigurationError):
        system.holds(step("server.rebuild"))


def test_a_system_that_does_not_answer_is_unavailable() -> None:
    down = HostActuator("web1", draw, clock=lambda: 0.0, packets=PacketFilter(["nft-that-is-not-there"]))
    with pytest.raises(Unavailable):
        down.observe(WEB)
    with pytest.raises(Unavailable):
        down.perform(step("network.restrict"))
