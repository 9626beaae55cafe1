"""A query as SQL over the key of an entry. What a person wrote is in bound parameters only."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import ColumnElement, and_, false, not_, or_, select, true

from stockade.search import tables
from stockade.search.query import All, Before, Either, Not, Numbered, Query, Since
from stockade.search.stored import key_of

Key = ColumnElement[int]
Holds = Callable[[Query, Key], ColumnElement[bool] | None]
"""How a database asks for tokens; None where it cannot ask for all of the query at once."""


def condition(query: Query, key: Key, holds: Holds) -> ColumnElement[bool]:
    """What has to be true of the key."""
    if (whole := holds(query, key)) is not None:
        return whole
    match query:
        case Since() | Before() | Numbered():
            return _stands(query, key)
        case Not(part):
            return not_(condition(part, key, holds))
        case Either(parts):
            return or_(false(), *(condition(part, key, holds) for part in parts))
        case All(parts):
            return and_(true(), *(condition(part, key, holds) for part in gathered(parts, key, holds)))
        case _:
            raise TypeError(query)


def _stands(query: Since | Before | Numbered, key: Key) -> ColumnElement[bool]:
    if isinstance(query, Numbered):
        return key.in_(select(tables.entry.c.key).where(tables.entry.c.number == query.number))
    return key >= key_of(query.moment) if isinstance(query, Since) else key < key_of(query.moment)


def gathered(parts: tuple[Query, ...], key: Key, holds: Holds) -> list[Query]:
    """The same parts, those first that a database can ask for, and as one where it can ask for all of them at once."""
    together = tuple(part for part in parts if holds(part, key) is not None)
    rest = [part for part in parts if holds(part, key) is None]
    at_once = len(together) > 1 and holds(All(together), key) is not None
    return [*([All(together)] if at_once else together), *rest]
