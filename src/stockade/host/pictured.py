"""A picture as lines of JSON, from a machine where nothing is installed, and put together from them again."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from stockade.errors import Tampered, Unavailable
from stockade.host.oddity import Unseen
from stockade.host.picture import Picture

AT_ONCE: Final = 400
"""Things in a line."""
LONGEST: Final = 1 << 18
"""Characters of a line that are read."""


def written(picture: Picture) -> Iterator[str]:
    """The lines, ASCII only; the last says that it is all."""
    for kind, things in picture.kinds.items():
        rest = iter(things.items())
        while some := dict(islice(rest, AT_ONCE)):
            yield json.dumps({"is": "things", "kind": kind, "things": some})
        yield json.dumps({"is": "things", "kind": kind, "things": {}})
    yield json.dumps({"is": "end"})


def read(host: str, taken: float, lines: Iterable[str]) -> tuple[Picture, tuple[Unseen, ...]]:
    """The picture of the machine called ``host``, whatever it calls itself, as taken at a moment of our clock; and what
    it could not see. Raises Tampered for what is no picture, and Unavailable when that is not all.
    """
    kinds, unseen = defaultdict[str, dict[str, str]](dict), list[Unseen]()
    for line in lines:
        try:
            said = json.loads(line[:LONGEST])
            if said["is"] == "end":
                told = tuple(f"{each.what}: {each.why}" for each in unseen)
                return Picture(host, taken, dict(kinds), told), tuple(unseen)
            _take(said, kinds, unseen)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise Tampered(f"what {host} says is no picture: {line[:80]!r}", remedy="Look there yourself.") from error
    raise Unavailable(f"the picture of {host} is not whole", remedy="Look there yourself.")


def _take(said: Any, kinds: dict[str, dict[str, str]], unseen: list[Unseen]) -> None:
    if said["is"] == "unseen":
        unseen.append(Unseen(*(str(said[name]) for name in ("what", "why", "remedy"))))
    elif said["is"] == "things":
        kinds[str(said["kind"])].update({str(thing): str(told) for thing, told in said["things"].items()})
    else:
        raise ValueError("no word of ours")
