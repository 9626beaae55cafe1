"""How the rules that count the same clients find their meters."""

from __future__ import annotations

from stockade import Fail2Ban, Throttle, path, status
from stockade.guard.discriminators import by_address
from stockade.guard.lanes import MAX_ROWS, Lane
from tests.guard.requests import request


def test_the_same_rules_always_ask_with_the_same_group() -> None:
    lane = Lane(by_address, [Throttle("a", path("/a"), limit=1, period=60), Throttle("b", limit=1, period=60)])
    one, two = (lane.inward(request("/a"), exempt=False) for _ in range(2))
    assert one.group is two.group
    assert [m.rule for m in one.group.meters] == ["a", "b"]
    assert [m.rule for m in lane.inward(request("/x"), exempt=False).group.meters] == ["b"]


def test_changing_limits_do_not_pile_up() -> None:
    """Who chooses what a callable limit depends on cannot make the guard grow."""
    lane = Lane(by_address, [Throttle("t", limit=lambda r: float(r.parameter("n") or 1), period=60)])
    for n in range(3 * MAX_ROWS):
        lane.inward(request(query=f"n={n}"), exempt=False)
    assert len(lane._rows) <= MAX_ROWS
    same = [lane.inward(request(query="n=7"), exempt=False).group for _ in range(2)]
    assert same[0] is same[1]


def test_a_rule_about_answers_only_looks_on_the_way_in() -> None:
    rule = Fail2Ban("f", maxretry=3, findtime=60, bantime=60, when=path("/login") & status(401))
    lane = Lane(by_address, [rule])
    assert not lane.inward(request("/login"), exempt=False).group.writes
    asked = request("/login")
    asked.status = 200
    assert lane.outgoing(asked, [], exempt=False) is None
    asked.status = 401
    row = lane.outgoing(asked, [], exempt=False)
    assert row is not None
    assert row.group.strikes


def test_an_exempt_client_is_counted_and_cannot_be_banned() -> None:
    lane = Lane(by_address, [Fail2Ban("f", maxretry=3, findtime=60, bantime=60, when=path("/x"))])
    row = lane.inward(request("/x"), exempt=True)
    assert row.group.exempt
    assert not row.group.strikes
    assert row.group.writes
    assert row.refuser is None
