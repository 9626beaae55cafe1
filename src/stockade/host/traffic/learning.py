"""A normal is learned from a table, and what is not in it is asked for."""

# ruff: noqa: S608  what is put into a query is made of names and numbers of ours; values are handed over

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from stockade.host.traffic.asking import FIELDS, KEY, span
from stockade.host.traffic.conversation import Conversation, New, What
from stockade.host.traffic.normal import MOST, Normal
from stockade.host.traffic.table import Table

AGAIN: Final = 5
"""Times that a conversation must have come for it to be known as one that comes again."""
TO: Final = """CASE WHEN contains(dst, ':') THEN '[' || dst || ']' ELSE dst END
  || CASE WHEN dport > 0 THEN ':' || dport || '/' || proto ELSE '' END"""
"""As ``Conversation.to`` says it."""
AT: Final = "dport || '/' || proto"
EXAMPLES: Final = 8


def learned(table: Table, *, part: float = 1.0) -> Normal:
    """The normal of all records, or of the first ``part`` of their time."""
    _, began, ended = span(table)
    until = began + (ended - began) * part
    before = "" if part >= 1.0 else f" AND t <= {until!r}"
    early = "" if part >= 1.0 else f" AND first <= {until!r}"
    count = table.one(f"SELECT count(*) FROM flow WHERE true{before}")[0]
    answered = f"FROM conversation WHERE failed < n{early}"
    return Normal(
        began, until, count, part >= 1.0,
        _set(table, f"SELECT DISTINCT unnest([dst, host]) AS x {answered} AND way = 'out'"),
        _set(table, f"SELECT DISTINCT dport || '/' || proto AS x {answered} AND way = 'out'"),
        _set(table, f"SELECT DISTINCT {TO} AS x {answered} AND way IN ('in', 'inside')"),
        _set(table, f"SELECT src || '>' || {TO} AS x FROM flows WHERE way <> 'many'{before} "
            f"GROUP BY {KEY} HAVING count(*) >= {AGAIN}"),
        known={source: (all_, later) for source, all_, later in table.run(
            f"""SELECT src, count(DISTINCT dst), count(DISTINCT dst) FILTER (first > {(began + until) / 2!r})
            FROM conversation WHERE way = 'out'{early} GROUP BY src LIMIT {MOST}""")},
        hourly=dict(table.run(
            f"""SELECT src, max(s)::BIGINT FROM (SELECT src, floor(t / 3600) AS hour, coalesce(sum(sent), 0) AS s
            FROM flows WHERE way = 'out'{before} GROUP BY ALL) GROUP BY src LIMIT {MOST}""")),
    )  # fmt: skip


def _set(table: Table, query: str) -> frozenset[str]:
    return frozenset(each for (each,) in table.run(f"SELECT x FROM ({query}) WHERE x <> '' LIMIT {MOST}"))


def news(table: Table, normal: Normal) -> Iterator[New]:
    """What is not in a normal. It says nothing of the time that the normal is of."""
    table.run("CREATE OR REPLACE TABLE known (kind VARCHAR, value VARCHAR)")
    parts = (("to", normal.destinations), ("port", normal.ports), ("served", normal.served))
    rows = ((kind, value) for kind, values in parts for value in values)
    table.fill("known", rows, ("kind VARCHAR", "value VARCHAR"))
    later = "" if normal.learned else f"AND first > {normal.until!r}"
    yield from _destinations(table, later)
    yield from _ports(table, later)
    yield from _served(table, later)


def _unknown(kind: str, value: str) -> str:
    return f"NOT EXISTS (FROM known WHERE kind = '{kind}' AND value = {value})"


def _destinations(table: Table, later: str) -> Iterator[New]:
    unknown = f"{_unknown('to', 'dst')} AND {_unknown('to', 'host')}"
    yield from _new(table, "destinations", f"way = 'out' AND failed < n {later} AND {unknown}")


def _ports(table: Table, later: str) -> Iterator[New]:
    answered = "way = 'out' AND failed < n AND dport > 0"
    yield from _new(table, "port", f"{answered} {later} AND {_unknown('port', AT)}")


def _served(table: Table, later: str) -> Iterator[New]:
    """A port that a client's system chose by itself, and that was seen once, is no service."""
    answered = "way IN ('in', 'inside') AND failed < n AND dport > 0 AND (dport < 32768 OR n >= 3)"
    yield from _new(table, "served", f"{answered} {later} AND {_unknown('served', TO)}")


PARTS: Final[Mapping[What, str]] = {
    "destinations": "src, '', count(DISTINCT dst)",
    "port": f"'', {AT}, count(DISTINCT src)",
    "served": f"'', {TO}, count(DISTINCT src)",
}
"""Who it is about, where, and how many there are."""


def _new(table: Table, what: What, where: str) -> Iterator[New]:
    rows = table.run(
        f"""SELECT {PARTS[what]}, arg_max(struct_pack({FIELDS}), n, {EXAMPLES}) FROM conversation WHERE {where}
        GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 500"""
    )
    for source, to, count, examples in rows:
        yield New(what, source, to, count, [Conversation(*each.values()) for each in examples])
