"""The words of an index: every entry has some, and a query becomes an expression of them.

A token says ``field=value``; what is no letter or digit in it is written ``~hex~``, so that tokens need no quoting in
any database. Free text is in tokens without ``=``: its words, in order. All a database is ever handed is tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from stockade.events import Entry
from stockade.search.said import DETAILS, address, all_words, details, folded, values

EVERY: Final = "="
"""The token that every entry has."""
LONGEST: Final = 160
"""Characters of a written name or value; of a longer one the beginning is kept, and a hash of the whole."""
_FIELDS: Final = ("who", "whom", "system", "action", "outcome", "where", "log")
_ODD: Final = re.compile(r"[^\w.\-/:@]")
_COARSE: Final = {4: (8, 16, 24), 6: (32, 48, 64)}
"""Lengths of the networks that have a token of their own; others are found by the beginnings of addresses."""


def tokens_of(entry: Entry) -> tuple[list[str], list[str]]:
    """The tokens of an entry: those of its fields, and the words of its text in order."""
    found = [EVERY, *(token(field, value) for field in _FIELDS for value in values(entry, field))]
    found += _families(folded(entry.event.action))
    if (place := address(entry.event.source)) is not None:
        found += _places(place)
    found += (token(DETAILS + path, value) for path, value in details(entry.event.details))
    return list(dict.fromkeys(found)), all_words(entry)


def token(field: str, value: str) -> str:
    """The token of a value."""
    return f"{_short(written(field))}={_short(written(value))}"


def beginning(field: str, value: str) -> tuple[str, bool]:
    """The token by which values with this beginning are found, and whether tokens only begin with it."""
    if field == "action" and value.endswith("."):
        return f"family={written(value)}", False
    return f"{_short(written(field))}={written(value)}", True


def written(value: str) -> str:
    """A folded text in the letters of tokens: of two texts one begins with the other just when their tokens do."""
    return _ODD.sub(lambda odd: f"~{ord(odd[0]):x}~", value)


def network_tokens(network: IPv4Network | IPv6Network) -> list[tuple[str, bool]]:
    """Tokens one of which every address of the network has, and no other address; and whether they are beginnings."""
    if network.prefixlen in _COARSE[network.version]:
        return [(_place(network.network_address, network.prefixlen), False)]
    digits = -(-network.prefixlen // 4)
    if network.prefixlen == network.max_prefixlen:
        return [(_hex(network.network_address), False)]
    nibbles = network.subnets(new_prefix=4 * digits) if network.prefixlen % 4 else iter([network])
    head = f"ip{network.version}="
    return [(head + each.network_address.packed.hex()[:digits], True) for each in nibbles]


def _families(action: str) -> Iterator[str]:
    """``token.`` and ``token.policy.`` for ``token.policy.change``."""
    parts = action.split(".")
    for count in range(1, len(parts)):
        yield f"family={written('.'.join(parts[:count]) + '.')}"


def _places(place: IPv4Address | IPv6Address) -> Iterator[str]:
    yield _hex(place)
    yield from (_place(place, length) for length in _COARSE[place.version])


def _hex(place: IPv4Address | IPv6Address) -> str:
    return f"ip{place.version}={place.packed.hex()}"


def _place(place: IPv4Address | IPv6Address, length: int) -> str:
    return f"net{place.version}={place.packed.hex()[: length // 4]}"


def _short(text: str) -> str:
    return (
        text
        if len(text) <= LONGEST
        else f"{text[:LONGEST]}~{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"
    )
