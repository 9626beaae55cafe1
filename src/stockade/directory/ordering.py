"""An order in which nothing comes before what could read it: a topological order, with its cycles named.

Strongly connected components by Tarjan (SIAM Journal on Computing 1, 1972), then Kahn (CACM 5, 1962) over these.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Any, TypeVar

T = TypeVar("T", bound=Hashable)


def in_order(
    items: Sequence[T], reads: Mapping[T, Collection[T]], rank: Callable[[T], Any] = lambda _item: 0
) -> list[tuple[T, ...]]:
    """The items in groups, so that for each item that ``reads`` another one, its group is not behind the other's.

    Items of one group can all come by one another: a cycle, when there is more than one. Of groups that may come next,
    the one with the lowest ``rank`` does, then the one that stood first. What is read and is no item is passed over.
    """
    place = {item: at for at, item in enumerate(items)}
    edges = [sorted(place[to] for to in reads.get(item, ()) if to in place and to != item) for item in items]
    groups = list(_components(edges))
    group_of = {at: number for number, group in enumerate(groups) for at in group}
    onward = [{group_of[to] for at in group for to in edges[at]} - {number} for number, group in enumerate(groups)]
    keys = [(min(rank(items[at]) for at in group), min(group)) for group in groups]
    return [tuple(items[at] for at in sorted(groups[number])) for number in _kahn(onward, keys)]


def _kahn(onward: Sequence[Collection[int]], keys: Sequence[tuple[Any, int]]) -> Iterator[int]:
    """Nodes of a graph without cycles, each behind all that lead to it."""
    waiting = Counter(to for targets in onward for to in targets)
    ready = [(keys[node], node) for node in range(len(onward)) if not waiting[node]]
    heapify(ready)
    while ready:
        _, node = heappop(ready)
        yield node
        for to in onward[node]:
            waiting[to] -= 1
            if not waiting[to]:
                heappush(ready, (keys[to], to))


def _components(edges: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """The strongly connected components; with a stack of its own, for chains may be long."""
    search = _Search(edges)
    for node in range(len(edges)):
        if node not in search.found:
            yield from search.run(node)


class _Search:
    """Tarjan's search: ``found`` are the numbers by discovery, ``low`` the lowest that a node leads back to."""

    def __init__(self, edges: Sequence[Sequence[int]]) -> None:
        self.edges = edges
        self.found: dict[int, int] = {}
        self.low: dict[int, int] = {}
        self.open: list[int] = []
        self.is_open: set[int] = set()

    def run(self, start: int) -> Iterator[list[int]]:
        """The components that are complete once everything behind ``start`` was seen."""
        path = [(start, iter(self.edges[start]))]
        self._enter(start)
        while path:
            node, rest = path[-1]
            to = next((each for each in rest if self._news(node, each)), None)
            if to is not None:
                self._enter(to)
                path.append((to, iter(self.edges[to])))
                continue
            path.pop()
            if path:
                self.low[path[-1][0]] = min(self.low[path[-1][0]], self.low[node])
            if self.low[node] == self.found[node]:
                yield self._closed(node)

    def _enter(self, node: int) -> None:
        self.found[node] = self.low[node] = len(self.found)
        self.open.append(node)
        self.is_open.add(node)

    def _news(self, node: int, to: int) -> bool:
        if to in self.is_open:
            self.low[node] = min(self.low[node], self.found[to])
        return to not in self.found

    def _closed(self, node: int) -> list[int]:
        at = self.open.index(node)
        group, self.open = self.open[at:], self.open[:at]
        self.is_open.difference_update(group)
        return group
