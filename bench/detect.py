"""How many events a second the whole rule pack reads in the stream, on one core."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence

from bench.rows import Row
from stockade.actions import BEHAVIOUR_OF
from stockade.detect.detector import Rules
from stockade.detect.pack import own_pack
from stockade.detect.view import Place
from stockade.events import Entry, Event, Outcome, Ref

EVENTS = 200_000
BAR = 20_000
NOW = 1_800_000_000.0
BUSY: tuple[str, ...] = ("http.request",) * 50 + ("authentication.success",) * 20 + ("repository.read",) * 20
BUSY += ("authentication.failure",) * 10 + ("token.use", "pipeline.run", "repository.write", "guard.throttle") * 5
EVERYTHING = tuple(BEHAVIOUR_OF)


def entries(count: int, actions: Sequence[str], *, seed: int = 1) -> Iterator[Entry]:
    """Events as of a forge with 5,000 accounts behind 20,000 addresses, a hundred a second."""
    chance = random.Random(seed)
    people = [Ref("gitlab", "user", f"person{n}") for n in range(5_000)]
    projects = [Ref("gitlab", "project", f"group/project{n}") for n in range(3_000)]
    addresses = [f"{chance.randrange(1, 224)}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in range(20_000)]
    agents = [f"Program{n % 40}/{n}.0" for n in range(200)]
    moment = NOW
    for index in range(count):
        moment += chance.expovariate(100.0)
        action = chance.choice(actions)
        details = {"user_agent": chance.choice(agents), "path": "/group/project", "status": 200, "type": action}
        outcome: Outcome = "failure" if action.endswith("failure") else "success"
        event = Event(
            moment, action, chance.choice(people), chance.choice(projects), chance.choice(addresses), outcome, details
        )
        yield Entry(index, moment, event)


def places(address: str) -> Place | None:
    """A stand-in for a GeoIP database: whole countries of /8."""
    country = int(address.partition(".")[0])
    return Place(f"C{country % 40}", float(country % 90), float(country))


def pace(count: int, actions: Sequence[str]) -> tuple[float, int, int]:
    """Events a second of processor time, how many findings they made, and how many rules read them."""
    held, rules = list(entries(count, actions)), Rules(own_pack(), locate=places)
    began, found = time.process_time(), 0
    for entry in held:
        found += len(rules.feed(entry))
    return count / (time.process_time() - began), found, sum(not rule.part for rule in rules.rules)


def rows(events: int = EVENTS) -> Sequence[Row]:
    """A day of a forge, and the worst case: every action of the vocabulary equally often."""
    return [
        _row("detect: events a second of one core, the whole pack, a forge's day", *pace(events, BUSY)),
        _row("detect: the same, every action equally often", *pace(events, EVERYTHING)),
    ]


def _row(title: str, speed: float, found: int, rules: int) -> Row:
    notes = f"{rules} rules, countries and travel too; {found:,} findings"
    return Row(title, f"≥ {BAR:,}", f"{speed:,.0f}", passes=speed >= BAR, notes=notes)


if __name__ == "__main__":
    print("\n".join(map(str, rows())))
