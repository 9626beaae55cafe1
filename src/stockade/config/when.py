"""``when``, ``over`` and ``reset``: a table becomes a condition on requests.

The keys of a table together mean all of them, a list of values means any of them, and ``any``, ``all`` and ``not`` hold
further tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Final

from stockade.config.source import Place
from stockade.config.tables import unknown
from stockade.config.values import FLAG, TEXTS, Kind, shown
from stockade.errors import ConfigurationError
from stockade.guard import conditions
from stockade.guard.conditions import Condition

Reader = Callable[[object, Place], Condition]


@dataclass(frozen=True)
class Question:
    """One key of a condition: what it may be set to, in words, what it asks, and how it is read."""

    said: str
    meaning: str
    read: Reader


def _listed(make: Callable[..., Condition], *, may_be_empty: bool = False) -> Reader:
    def read(value: object, place: Place) -> Condition:
        found = TEXTS.read(value, place)
        if not found and not may_be_empty:
            raise place.wrong(f"{place.key} is an empty list, which nothing matches", "Write at least one value.")
        return make(*found)

    return read


def _regex(value: object, place: Place) -> Condition:
    return reduce(or_, [conditions.regex(each) for each in TEXTS.read(value, place)])


def _status(value: object, place: Place) -> Condition:
    listed = value if isinstance(value, list) else [value]
    for each in listed:
        if isinstance(each, bool) or not isinstance(each, (int, str)):
            raise place.wrong(f"{place.key} is {shown(each)}", 'Write a number such as 401, or a class such as "4xx".')
    return conditions.status(*listed)


def _credentials(value: object, place: Place) -> Condition:
    return conditions.credentials() if FLAG.read(value, place) else ~conditions.credentials()


def _pairs(make: Callable[..., Condition]) -> Reader:
    """``"name"`` for a thing that is there, ``{ name = "value" }`` for one that is exactly this."""

    def read(value: object, place: Place) -> Condition:
        if isinstance(value, Mapping):
            parts = [make(name, *TEXTS.read(each, place / str(name))) for name, each in value.items()]
            if not parts:
                raise place.wrong(f"{place.key} is an empty table", 'Write it as { name = "value" }.')
            return reduce(and_, parts)
        found = TEXTS.read(value, place)
        if not found:
            raise place.wrong(f"{place.key} is an empty list, which nothing matches", "Write at least one name.")
        return reduce(or_, [make(name) for name in found])

    return read


def _several(how: Callable[[Condition, Condition], Condition]) -> Reader:
    def read(value: object, place: Place) -> Condition:
        if not isinstance(value, list) or not value:
            raise place.wrong(
                f"{place.key} is {shown(value)}, not a list of conditions", 'Write [{ path = "/a" }, { … }].'
            )
        return reduce(how, [read_when(each, place / n) for n, each in enumerate(value)])

    return read


def _not(value: object, place: Place) -> Condition:
    return ~read_when(value, place)


QUESTIONS: Final[dict[str, Question]] = {
    "path": Question(
        "text or list", "The normal path; * is anything within a segment, ** anything.", _listed(conditions.path)
    ),
    "prefix": Question(
        "text or list", "How the normal path begins; /users covers /users/new.", _listed(conditions.prefix)
    ),
    "regex": Question("text or list", "A regular expression that the normal path matches from its beginning.", _regex),
    "method": Question("text or list", "The method: GET, POST …", _listed(conditions.method)),
    "header": Question(
        "text or table",
        'A header that is there, or { name = "value" } for one that is exactly this.',
        _pairs(conditions.header),
    ),
    "query": Question(
        "text or table",
        'A query parameter that is there, or { name = "value" } for one that is this.',
        _pairs(conditions.query),
    ),
    "network": Question(
        "text or list", "Addresses and networks (CIDR) that the client's lies in.", _listed(conditions.network)
    ),
    "user": Question(
        "text or list",
        "Accounts that the request proves to be; [] is any account.",
        _listed(conditions.user, may_be_empty=True),
    ),
    "token": Question(
        "text or list",
        "Tokens used, by their public names; [] is any token.",
        _listed(conditions.token, may_be_empty=True),
    ),
    "login": Question(
        "text or list",
        "Names claimed in HTTP Basic credentials, proven or not; [] is any name.",
        _listed(conditions.login, may_be_empty=True),
    ),
    "route": Question(
        "text or list", "Routes as the framework writes them, such as /items/{id}.", _listed(conditions.route)
    ),
    "status": Question(
        "number, text or list", 'The status of the answer: 401, or "4xx"; judged on the way out.', _status
    ),
    "credentials": Question("true or false", "Does the request carry credentials, right or wrong?", _credentials),
    "any": Question("list of tables", "At least one of these conditions.", _several(or_)),
    "all": Question("list of tables", "Every one of these conditions.", _several(and_)),
    "not": Question("table", "Not this condition.", _not),
}


def read_when(value: object, place: Place) -> Condition:
    """The condition that a table describes. Raises ConfigurationError with the line."""
    if not isinstance(value, Mapping) or not value:
        raise place.wrong(f"{place.key} is {shown(value)}, not a condition", 'Write it as { path = "/login" }.')
    return reduce(and_, _parts(value, place))


def _parts(value: Mapping[str, object], place: Place) -> Iterator[Condition]:
    for name, each in value.items():
        if name not in QUESTIONS:
            raise unknown(name, QUESTIONS, place / name, "a condition")
        try:
            yield QUESTIONS[name].read(each, place / name)
        except ConfigurationError as error:
            if error.message.startswith(place.source.name):
                raise
            raise (place / name).wrong(error.message, error.remedy) from error


CONDITION: Final[Kind[Condition]] = Kind("condition", read_when)
