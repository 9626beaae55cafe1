"""One term of a query, ``field:value`` or free text, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, tzinfo
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, NoReturn

from stockade.events import Ref
from stockade.search import fields
from stockade.search.moments import day, moment
from stockade.search.query import All, Before, Either, Is, Numbered, Query, Says, Since, Within
from stockade.search.said import MILLION, folded, words
from stockade.search.scan import Piece, QueryError

LONGEST_PREFIX: Final = 100
"""Characters before a star."""
_MOMENTS: Final = "Write 90m, 7d, 2h30m, 09:30, yesterday, 2026-11-01 or 2026-11-01T09:30Z."


class Term:
    """A term at its place in a query, with the moment and the zone in which it is read."""

    def __init__(self, query: str, piece: Piece, now: float, zone: tzinfo) -> None:
        self.query = query
        self.piece = piece
        self.now = now
        self.zone = zone

    def complain(self, message: str, remedy: str = "", *, name: bool = False) -> NoReturn:
        """Raise QueryError at the value, or at the name of the field."""
        start = self.piece.start if name else self.piece.value_at
        end = self.piece.start + len(self.piece.field or "") if name else self.piece.end
        raise QueryError(message, self.query, start, end, remedy=remedy)

    def unknown(self, what: str, said: str, known: Collection[str], remedy: str, *, name: bool = False) -> NoReturn:
        """The same, with the nearest word that is known."""
        near = get_close_matches(said.lower(), known, 1, 0.6)
        self.complain(f"{said!r} is no {what}", f"Did you mean {near[0]}?" if near else remedy, name=name)

    def choices(self) -> list[str]:
        """The values that were given: several where commas stand between them."""
        text = self.piece.text
        several = "," in text and not self.piece.quoted and not self.piece.star
        found = [each for each in text.split(",") if each] if several else [text]
        if not any(found) and not self.piece.quoted and not self.piece.star:
            self.complain("something to look for is missing behind the colon", "Write it without a space between.")
        return found

    def check_star(self) -> None:
        """A star may stand at the end of a value, and not too far."""
        if "*" in self.piece.text and not self.piece.quoted:
            self.complain("a star stands at the end only", "As in token.*, which finds all that begins so.")
        if self.piece.star and len(self.piece.text) > LONGEST_PREFIX:
            self.complain(f"more than {LONGEST_PREFIX} characters stand before the star")

    def no_star(self) -> None:
        """Complain about a star where no beginnings are compared."""
        if self.piece.star:
            self.complain("no star may stand here")


def term(query: str, piece: Piece, now: float, zone: tzinfo) -> Query:
    """What one term asks. Raises QueryError."""
    here = Term(query, piece, now, zone)
    here.check_star()
    if piece.field is None:
        return _free(here)
    name = piece.field.lower()
    head, dot, key = piece.field.partition(".")
    if dot and key and head.lower() in fields.DETAILS:
        return _either([Is(f"details.{folded(key)}", folded(value), piece.star) for value in here.choices()])
    if name not in fields.NAMES:
        return _unnamed(here, f"{piece.field}:{piece.text}", key)
    return _READERS[fields.NAMES[name]](here)


def _unnamed(here: Term, whole: str, key: str) -> Query:
    """What has a colon and no field before it: an IPv6 address, a reference, or a mistake."""
    piece = here.piece
    if not piece.quoted and not piece.star and place(whole) is not None:
        return _addressed(whole)
    if not piece.quoted and (ref := _ref(whole)) is not None:
        return _reference(ref, prefix=piece.star)
    known = [*fields.NAMES, *([f"{fields.DETAILS[0]}.{key}"] if key else [])]
    usual = ", ".join(field.name for field in fields.FIELDS)
    remedy = f'Text with a colon stands in quotation marks: "…". The fields are {usual} and details.KEY.'
    return here.unknown("field of a query", piece.field or "", known, remedy, name=True)


def about(value: str) -> Query:
    """Everything about somebody, an address or a thing: done by it, to it, from it, or naming it."""
    said = folded(value)
    parts: list[Query] = [Is("who", said), Is("whom", said), place(value) or Is("where", said)]
    spoken = tuple(words(value.rpartition("/")[2] if _ref(value) else value))
    return Either((*parts, Says(spoken))) if spoken else Either(tuple(parts))


def _either(parts: list[Query]) -> Query:
    return parts[0] if len(parts) == 1 else Either(tuple(parts))


def _free(here: Term) -> Query:
    """Free text; an address or a network alone is one, and what looks like a reference is one."""
    text, star = here.piece.text, here.piece.star
    if not here.piece.quoted and not star and place(text) is not None:
        return _addressed(text)
    spoken = tuple(words(text))
    if not spoken:
        here.complain("there is no word in this", "Free text is found by its words: letters and digits.")
    return Says(spoken, star)


def _addressed(text: str) -> Query:
    """An address, wherever it stands; a network, as where something came from."""
    found = place(text)
    return about(text) if found is None or found.network.num_addresses == 1 else found


def _ref(text: str) -> Ref | None:
    try:
        return Ref.parse(text)
    except ValueError:
        return None


def _reference(ref: Ref, *, prefix: bool) -> Query:
    said = folded(str(ref))
    return Either((Is("who", said, prefix), Is("whom", said, prefix)))


def place(text: str) -> Within | None:
    """An address or a network, if it is one; an IPv4 address within IPv6 is the IPv4 address."""
    try:
        mapped = getattr(ip_address(text), "ipv4_mapped", None)
        network: IPv4Network | IPv6Network = ip_network(mapped or text.partition("%")[0], strict=False)
    except ValueError:
        try:
            network = ip_network(text, strict=False) if "/" in text else ip_network("")
        except ValueError:
            return None
    return Within(network)


def _plain(field: str) -> Callable[[Term], Query]:
    def read(here: Term) -> Query:
        return _either([Is(field, folded(value), here.piece.star) for value in here.choices()])

    return read


def _where(here: Term) -> Query:
    if here.piece.quoted or here.piece.star:
        return Is("where", folded(here.piece.text), here.piece.star)
    found: list[Query] = []
    for value in here.choices():
        within = place(value)
        if within is None and "/" in value and value[:1].isdigit():
            here.complain(f"{value!r} is no network", "Write 203.0.113.0/24 or 2001:db8::/32.")
        found.append(within or Is("where", folded(value)))
    return _either(found)


def _action(here: Term) -> Query:
    for value in here.choices() if not here.piece.quoted else []:
        said = value.lower()
        if not any(action.startswith(said) if here.piece.star else action == said for action in fields.ACTIONS):
            near = (*fields.ACTIONS, *{action.partition(".")[0] + ".*" for action in fields.ACTIONS})
            here.unknown("action", value, near, f'To look for it all the same, write action:"{value}".')
    return _plain("action")(here)


def _outcome(here: Term) -> Query:
    here.no_star()
    for value in here.choices():
        if value.lower() not in fields.OUTCOMES:
            here.unknown("outcome", value, fields.OUTCOMES, "Write " + ", ".join(fields.OUTCOMES) + ".")
    return _plain("outcome")(here)


def _class(here: Term) -> Query:
    here.no_star()
    parts: list[Query] = []
    for value in here.choices():
        said = value.lower()
        if said not in fields.CLASS_OF:
            usual = ", ".join(called[0] for called in fields.CLASSES.values())
            here.unknown("class of behaviour", value, fields.CLASS_OF, f"Write one of {usual}.")
        parts += [Is("action", action) for action in fields.actions_of(fields.CLASS_OF[said])]
    return _either(parts)


def _about(here: Term) -> Query:
    here.no_star()
    return _either([about(value) for value in here.choices()])


def _moment(here: Term) -> int:
    here.no_star()
    try:
        return _micros(moment(here.piece.text, here.now, here.zone))
    except ValueError:
        here.complain(f"{here.piece.text!r} is no moment", _MOMENTS)


def _day(here: Term) -> Query:
    here.no_star()
    try:
        begins, ends = day(here.piece.text, here.now, here.zone)
    except ValueError:
        here.complain(f"{here.piece.text!r} is no day", "Write 2026-11-01, today or yesterday.")
    return All((Since(_micros(begins)), Before(_micros(ends))))


def _entry(here: Term) -> Query:
    here.no_star()
    found: list[Query] = []
    for value in here.choices():
        origin, mark, number = value.rpartition("#")
        if not (number.isdecimal() and number.isascii() and len(number) < 19):
            here.complain(
                f"{value!r} is no number of an entry", "Write entry:812, or entry:audit.example.com/node1#812."
            )
        numbered = Numbered(int(number))
        found.append(All((Is("log", folded(origin)), numbered)) if mark and origin else numbered)
    return _either(found)


def _micros(found: datetime) -> int:
    return int(found.timestamp()) * MILLION + found.microsecond


_READERS: Final[Mapping[str, Callable[[Term], Query]]] = {
    "who": _plain("who"),
    "whom": _plain("whom"),
    "about": _about,
    "action": _action,
    "is": _class,
    "outcome": _outcome,
    "where": _where,
    "system": _plain("system"),
    "since": lambda here: Since(_moment(here)),
    "before": lambda here: Before(_moment(here)),
    "on": _day,
    "log": _plain("log"),
    "entry": _entry,
}
