"""What a query means: whether an entry is found by it. The index has to find the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from stockade.events import Entry
from stockade.search.query import All, Before, Either, Is, Not, Numbered, Query, Says, Since, Within
from stockade.search.said import address, all_words, micros, values


def matches(query: Query, entry: Entry) -> bool:
    """Whether the entry is found."""
    match query:
        case All(parts):
            return all(matches(part, entry) for part in parts)
        case Either(parts):
            return any(matches(part, entry) for part in parts)
        case Not(part):
            return not matches(part, entry)
        case Is() | Within() | Says():
            return _has(query, entry)
        case _:
            return _stands(query, entry)


def matching(query: Query) -> Callable[[Entry], bool]:
    """The query as a predicate of entries."""
    return partial(matches, query)


def _has(query: Is | Within | Says, entry: Entry) -> bool:
    if isinstance(query, Within):
        return _within(query, entry)
    return _is(query, entry) if isinstance(query, Is) else _says(query, all_words(entry))


def _stands(query: Since | Before | Numbered, entry: Entry) -> bool:
    """When it happened, or where it stands."""
    if isinstance(query, Numbered):
        return entry.index == query.number
    happened = micros(entry.event.time)
    return happened >= query.moment if isinstance(query, Since) else happened < query.moment


def _within(query: Within, entry: Entry) -> bool:
    found = address(entry.event.source)
    return found is not None and found.version == query.network.version and found in query.network


def _is(query: Is, entry: Entry) -> bool:
    if query.prefix:
        return any(value.startswith(query.value) for value in values(entry, query.field))
    return any(value == query.value for value in values(entry, query.field))


def _says(query: Says, there: list[str]) -> bool:
    *before, last = query.words
    count = len(before)
    for at in range(len(there) - count):
        end = there[at + count]
        if (end.startswith(last) if query.prefix else end == last) and there[at : at + count] == before:
            return True
    return False
