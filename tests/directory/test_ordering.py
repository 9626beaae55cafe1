"""Nothing comes before what could read it, and what can read one another comes together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stockade.directory.ordering import in_order

NODES = st.integers(0, 11)
GRAPHS = st.dictionaries(NODES, st.sets(st.integers(0, 13)), max_size=12)


def reachable(graph: dict[int, set[int]], start: int) -> set[int]:
    """All that a node leads to, by walking."""
    found, todo = set[int](), [start]
    while todo:
        for to in graph.get(todo.pop(), ()):
            if to not in found:
                found.add(to)
                todo.append(to)
    return found


@given(GRAPHS)
def test_whatever_reads_something_does_not_come_behind_it(graph: dict[int, set[int]]) -> None:
    items = list(range(12))
    groups = in_order(items, graph)
    assert sorted(item for group in groups for item in group) == items
    at = {item: number for number, group in enumerate(groups) for item in group}
    for reader, read in graph.items():
        for item in read & set(items):
            assert at[reader] <= at[item]


@given(GRAPHS)
def test_those_that_can_come_by_one_another_and_no_others_are_one_group(graph: dict[int, set[int]]) -> None:
    inside = {node: {to for to in read if to < 12} for node, read in graph.items()}
    groups = in_order(list(range(12)), graph)
    for group in groups:
        for one in group:
            both = {other for other in reachable(inside, one) if one in reachable(inside, other)} | {one}
            assert both == set(group)


@given(st.permutations(range(12)))
def test_where_nothing_decides_the_rank_does_then_who_stood_first(order: list[int]) -> None:
    ranked = in_order(order, {}, lambda item: item % 3)
    assert [item for (item,) in ranked] == sorted(order, key=lambda item: (item % 3, order.index(item)))


def test_a_chain_of_any_length_is_put_in_order() -> None:
    count = 20_000
    groups = in_order(list(range(count)), {at: [at - 1] for at in range(1, count)})
    assert groups == [(at,) for at in reversed(range(count))]


def test_a_cycle_of_any_length_is_one_group() -> None:
    count = 5_000
    assert len(in_order(list(range(count)), {at: [(at + 1) % count] for at in range(count)})) == 1
