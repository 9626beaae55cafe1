"""Reads from a log what the response needs of it, wherever it stands: few entries among very many.

Lines are looked for by their octets and only those found are read as entries, so that a log of millions is gone through
in a second or two without an index, which nobody has time to make at night.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from stockade.audit import octets
from stockade.audit.prove import newest_head
from stockade.audit.reading import line_at
from stockade.audit.record import parse
from stockade.events import Entry, Ref
from stockade.respond.standing import PlanState, standings

RESPONSE: Final = re.compile(
    rb'"action":"(?:(?:incident|plan|step|gate|evidence|watch|rotation|rebuild)\.'
    rb"|host\.diff|secret\.rotated|network\.confirm)"
)
"""The class of behaviour that is the response: what incidents and plans are folded from."""


def about(ref: Ref) -> re.Pattern[bytes]:
    """What finds the entries that name something, as who did it, as what it was done to or in their details."""
    return re.compile(re.escape(json.dumps(str(ref)).encode("ascii")))


def source(address: str) -> re.Pattern[bytes]:
    """What finds the entries of what came from an address."""
    return re.compile(re.escape(b'"source":' + json.dumps(address).encode("ascii")))


def telling(log: Path, pattern: re.Pattern[bytes]) -> Iterator[Entry]:
    """The entries whose lines have the pattern in them, in the order of the log; none where there is no log.

    Raises Tampered at such a line that is no entry.
    """
    return octets.found(log, pattern.search)


def plans(log: Path, beginning: str = "") -> dict[str, PlanState]:
    """The plans of the log, by digest: all, or those whose digest begins so. Raises Tampered."""
    return standings(telling(log, RESPONSE), lambda digest: digest.startswith(beginning))


def entry(log: Path, name: str) -> Entry:
    """The entry of a name, ``origin#number`` or a number alone. Raises ConfigurationError when there is none."""
    number = name.rpartition("#")[2]
    known = number.isascii() and number.isdecimal() and len(number) < 19
    return parse(line_at(log, int(number) if known else -1))


def head(log: Path) -> dict[str, object]:
    """The newest signed head: what the log is called, how many entries it has, and their root."""
    found, _ = newest_head(log)
    return {"origin": found.origin, "size": found.size, "root": found.root.hex()}
