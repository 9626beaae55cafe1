"""A million entries, indexed and searched: a page of fifty and how many more, for queries as people ask them."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.rows import Row
from stockade.actions import BEHAVIOUR_OF
from stockade.events import Entry, Event, Ref
from stockade.search.index import Index
from stockade.search.parse import parse
from tests.servers.postgres import start_postgres

MILLISECONDS: Final = 50.0
MEMORY: Final = "shared_buffers=256MB"
"""What PostgreSQL keeps at hand: twice what it does when nobody has set it, a sixth of this index."""
SPAN: Final = 90 * 86_400.0
"""Seconds over which the entries are spread."""
BEGAN: Final = 1_780_000_000.0
ORIGIN: Final = "audit.example.com/node1"
ACTIONS: Final = sorted(set(BEHAVIOUR_OF) - {"log.read"})
WORDS: Final = [
    f"{a}{b}" for a in ("lor", "ip", "dol", "sit", "am", "con", "ad", "el") for b in "abcdefghijklmnopqrstuvwxyz"
]
QUERIES: Final = (
    "who:user{n}",
    "who:ci-bot",
    "whom:token/{m}",
    "who:user{n} action:token.create",
    "who:user{n} action:authentication.failure since:7d",
    "who:ci-bot action:runner.add",
    "who:ci-bot is:tokens -outcome:success",
    "is:tokens since:1d",
    "is:sign-ins outcome:failure since:30d",
    "action:token.* outcome:refused",
    "outcome:refused",
    "where:203.0.{o}.{p}",
    "where:203.0.{o}.0/24",
    "where:203.0.{o}.0/22 outcome:failure",
    "who:user{n} where:10.0.0.0/8",
    "about:user{n}",
    "203.0.{o}.{p}",
    "details.rule:rule{r}",
    "details.rule:rule{r} who:ci-bot since:14d",
    '"failed password" user{n}',
    "{w} {v}",
    '"{w} {v}"',
    "user{n}*",
    "gitlab:user/user{n}",
    "(who:user{n} OR whom:user/user{n}) -action:http.request",
    "since:2h",
    "on:2026-06-15 outcome:failure",
    "before:2026-06-01 who:ci-bot",
    "-outcome:success -action:http.request since:3d",
    "is:factors,keys,tokens,emails since:7d",
)


@dataclass(frozen=True)
class Measured:
    """What one database has shown: entries indexed in a second, and the time of each query in milliseconds."""

    rate: float
    times: dict[str, list[float]]

    @property
    def all(self) -> list[float]:
        return sorted(each for times in self.times.values() for each in times)

    @property
    def slowest(self) -> tuple[str, float]:
        """The query with the largest median, and that."""
        medians = {query: statistics.median(times) for query, times in self.times.items()}
        return max(medians.items(), key=lambda pair: pair[1])


def made(count: int) -> Iterator[Entry]:
    """Entries as a forge has them: a robot does a third, reading is a third, a few fail."""
    chance = random.Random(6962)
    reading = ["http.request", "repository.read"]
    for number in range(count):
        name = "ci-bot" if chance.random() < 0.33 else f"user{int(chance.paretovariate(0.7)) % 20_000}"
        action = chance.choice(reading) if chance.random() < 0.33 else chance.choice(ACTIONS)
        far = chance.random() < 0.6
        source = f"203.0.{chance.randrange(64)}.{chance.randrange(256)}" if far else f"10.1.{chance.randrange(9)}.7"
        text = " ".join(chance.choices(WORDS, k=6))
        outcome = "success" if chance.random() < 0.93 else chance.choice(["failure", "failure", "refused"])
        details: dict[str, object] = {"rule": f"rule{chance.randrange(200)}", "n": number, "message": text}
        if outcome == "failure":
            details["message"] = f"Failed password for {name}: {text}"
        target = Ref("gitlab", "token", str(chance.randrange(200_000)))
        moment = BEGAN + SPAN * number / count
        event = Event(moment, action, Ref("gitlab", "user", name), target, source, outcome, details)  # type: ignore[arg-type]
        yield Entry(number, moment + 0.1, event, ORIGIN)


def measure(where: str, count: int, rounds: int) -> Measured:
    """Index the entries, then ask every query a number of times, each time about somebody else."""
    with Index(where) as index:
        began = time.perf_counter()
        index.catch_up(ORIGIN, lambda start: (entry for entry in made(count) if entry.index >= start))
        rate = count / (time.perf_counter() - began)
        times = {query: [timed(index, query, at) for at in range(rounds)] for query in QUERIES}
    return Measured(rate, times)


def timed(index: Index, query: str, at: int) -> float:
    """How long one page takes, in milliseconds, from the text of the query on."""
    chance = random.Random(at)
    text = query.format(
        n=chance.choice([1, 2, 3, 5, 8, 40, 200, 3000]),
        m=chance.randrange(200_000),
        o=chance.randrange(64),
        p=chance.randrange(256),
        r=chance.randrange(200),
        w=chance.choice(WORDS),
        v=chance.choice(WORDS),
    )
    began = time.perf_counter()
    index.find(parse(text, BEGAN + SPAN), 50)
    return (time.perf_counter() - began) * 1000


def rows(*, entries: int, rounds: int) -> list[Row]:
    """Both databases, one after the other: both have the machine to themselves."""
    with TemporaryDirectory() as directory:
        found = shown("SQLite", measure(str(Path(directory) / "index.db"), entries, rounds), entries)
    with start_postgres(MEMORY) as server, server.database() as url:
        return found + shown("PostgreSQL", measure(url, entries, rounds), entries)


def shown(name: str, measured: Measured, entries: int) -> list[Row]:
    times, (query, median) = measured.all, measured.slowest
    p95 = times[len(times) * 95 // 100]
    return [
        Row(
            f"search over {entries:,} events, {name}",
            f"p95 ≤ {MILLISECONDS:g} ms",
            f"p95 {p95:.1f} ms, p50 {statistics.median(times):.1f} ms",
            p95 / MILLISECONDS,
            p95 <= MILLISECONDS,
            f"{len(QUERIES)} queries, a page of 50 and the count of the rest; slowest {times[-1]:.0f} ms; "
            f"the slowest query, {query}, takes {median:.1f} ms",
        ),
        Row(f"entries indexed, {name}", "", f"{measured.rate:,.0f} a second"),
    ]
