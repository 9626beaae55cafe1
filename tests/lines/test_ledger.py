"""A replay counts like every other store."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stockade.guard.logs.ledger import Ledger
from stockade.guard.memory import MemoryStore
from stockade.guard.policy import Policy
from stockade.guard.rules import Allow2Ban, Throttle
from tests.guard.requests import request

RULES = [
    Throttle("all", limit=3, period=10),
    Throttle("fixed", limit=4, period=7, window="fixed"),
    Throttle("paced", limit=10, period=10, window="gcra"),
    Throttle("together", limit=8, period=10, by="everyone"),
    Allow2Ban("banned", maxretry=3, findtime=10, bantime=[5, 20], when=lambda request: request.method == "POST"),
    Allow2Ban("shadow", maxretry=2, findtime=9, bantime=5, when=lambda request: request.path == "/a", shadow=True),
]


@given(
    st.lists(
        st.tuples(
            st.integers(-1, 4), st.sampled_from("abc"), st.sampled_from(["GET", "POST"]), st.sampled_from(["/", "/a"])
        ),
        max_size=60,
    )
)
def test_it_answers_what_the_memory_store_answers(story: list[tuple[int, str, str, str]]) -> None:
    policy = Policy(RULES)
    ledger, memory, now = Ledger(policy.lanes, 100), MemoryStore(), 1e15
    for seconds, client, method, path in story:
        now += seconds * 1e6
        asks = policy.check(request(path, method, client)).asks
        assert ledger.count(asks, now) == memory.count(asks, now)


def test_it_forgets_who_matters_least_and_never_a_live_ban() -> None:
    policy = Policy(RULES)
    ledger = Ledger(policy.lanes, 50)
    for n in range(3):
        ledger.count(policy.check(request("/", "POST", "banned")).asks, 1e15 + n)
    for n in range(500):
        ledger.count(policy.check(request("/", "GET", f"client {n}")).asks, 1e15 + 10 + n)
    assert len(ledger) <= 50
    assert ledger.count(policy.check(request("/", "GET", "banned")).asks, 1e15 + 1e6)[0][0] == "banned"
