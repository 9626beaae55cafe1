"""What is asked of a table: it answers with the few conversations worth a judgement, however many records it holds."""

# ruff: noqa: S608  what is put into a query is made of names and numbers of ours; values are handed over

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from stockade.host.traffic.conversation import Beats, Conversation, Sent, Tried, Zone
from stockade.host.traffic.places import Places
from stockade.host.traffic.table import Table

FEW: Final = 2_000
"""Candidates of one kind that are looked at; of more, those that stand out most."""
BEATS: Final = 2_000
"""Moments of one conversation that are looked at; of more, the first."""
PARTS: Final = 48
"""Parts of the time that a plot shows."""
FIELDS: Final = "src, dst, dport, proto, n, first, last, sent, got, failed, longest, service, host, way"
KEY: Final = "src, dst, dport, proto"

CONVERSATIONS: Final = f"""
CREATE OR REPLACE TABLE conversation AS
SELECT {KEY}, count(*) AS n, min(t) AS first, max(t) AS last, coalesce(sum(sent), 0)::BIGINT AS sent,
  coalesce(sum(got), 0)::BIGINT AS got, count_if(failed) AS failed, coalesce(max(dur), 0) AS longest,
  max(service) AS service, max(host) AS host, any_value(way) AS way
FROM flows GROUP BY {KEY}
"""
PLACED: Final = """
CREATE OR REPLACE VIEW flows AS SELECT flow.*,
  CASE WHEN there.place = 'many' THEN 'many' WHEN there.place = 'outside' AND here.place <> 'outside' THEN 'out'
       WHEN there.place = 'own' AND here.place = 'outside' THEN 'in' WHEN there.place = 'own' THEN 'inside'
       ELSE 'many' END AS way
FROM flow JOIN placed here ON here.address = src JOIN placed there ON there.address = dst
"""
NAMES: Final = f"""
UPDATE conversation SET host = named.host FROM (
  SELECT {KEY}, max(host) AS host FROM flow WHERE host <> '' GROUP BY {KEY}) named
WHERE conversation.host = '' AND conversation.src = named.src AND conversation.dst = named.dst
  AND conversation.dport = named.dport AND conversation.proto = named.proto
"""


def prepare(table: Table, places: Places) -> None:
    """Say of every flow which way it goes, and put those together that belong to one conversation."""
    table.run("CREATE OR REPLACE TABLE placed (address VARCHAR, place VARCHAR)")
    addresses = table.run("SELECT DISTINCT src FROM flow UNION SELECT DISTINCT dst FROM flow")
    table.fill(
        "placed", ((address, places.of(address)) for (address,) in addresses), ("address VARCHAR", "place VARCHAR")
    )
    table.run(PLACED + ("WHERE layer = 'connection'" if table.whole else ""))
    table.run(CONVERSATIONS)
    table.run(NAMES)


def span(table: Table) -> tuple[int, float, float]:
    """How many records there are, and when the first and the last of them were."""
    count, first, last = table.one("SELECT count(*), min(t), max(t) FROM flow")
    return count, first or 0.0, last or 0.0


def beats(table: Table, least: int) -> Iterator[Beats]:
    """Conversations that were taken up again at least so often, the most regular first.

    Connections within a second belong together; so do those that follow each other within a fifth of the longer gaps.
    """
    rows = table.run(
        f"""
        WITH often AS (SELECT {KEY} FROM conversation WHERE n >= {least} AND way <> 'many'),
        apart AS (SELECT {KEY}, t, t - lag(t) OVER (PARTITION BY {KEY} ORDER BY t) AS gap
                  FROM flows SEMI JOIN often USING ({KEY})),
        begun AS (SELECT *, quantile_cont(gap, 0.75) OVER (PARTITION BY {KEY}) AS long FROM apart
                  WHERE gap IS NULL OR gap > 1),
        bursts AS (SELECT {KEY}, t FROM begun WHERE gap IS NULL OR gap > 0.2 * long),
        gaps AS (SELECT *, t - lag(t) OVER (PARTITION BY {KEY} ORDER BY t) AS gap FROM bursts),
        regular AS (SELECT {KEY}, mad(gap) / median(gap) AS loose, list(t ORDER BY t)[:{BEATS}] AS times FROM gaps
                    GROUP BY {KEY} HAVING count(*) >= {least} AND mad(gap) <= 0.5 * median(gap))
        SELECT {FIELDS}, times FROM regular JOIN conversation USING ({KEY}) ORDER BY loose, n DESC LIMIT {FEW}
        """
    )
    return (Beats(Conversation(*row[:-1]), row[-1]) for row in rows)


def uploads(table: Table, least: int, ratio: float) -> Iterator[Sent]:
    """Conversations out of home that sent at least so many octets, and so many times what came back."""
    _, began, ended = span(table)
    rows = table.run(
        f"""SELECT {FIELDS} FROM conversation WHERE way = 'out' AND sent >= {least} AND sent >= {ratio} * got
        ORDER BY sent DESC LIMIT 100"""
    )
    for row in rows:
        found = Conversation(*row)
        parts = table.run(
            f"""SELECT least({PARTS - 1}, floor((t - ?) / ? * {PARTS}))::INTEGER AS part, sum(sent), floor(t / 3600)
            FROM flows WHERE src = ? AND dst = ? AND dport = ? AND proto = ? GROUP BY ALL""",
            [began, max(1.0, ended - began), *row[:4]],
        )
        series, hours = [0.0] * PARTS, dict[float, int]()
        for part, sent, hour in parts:
            series[part] += sent or 0
            hours[hour] = hours.get(hour, 0) + int(sent or 0)
        yield Sent(found, max(hours.values(), default=0), series, began, ended)


def tried(table: Table, least: int) -> Iterator[Tried]:
    """Who tried many ports of one machine, one port of many machines, or many paths, most of them in vain."""
    yield from _tried(
        table, "ports", f"""SELECT src, dst, count(DISTINCT dport), count(DISTINCT dport) FILTER (failed = n),
        min(first), max(last), any_value(way), list_sort(list(first))[:{BEATS}] FROM conversation
        WHERE way <> 'many' AND dport > 0 AND (proto <> 'udp' OR dport < 32768) GROUP BY src, dst
        HAVING count(DISTINCT dport) FILTER (failed = n) >= {least}""",
    )  # fmt: skip
    yield from _tried(
        table, "destinations", f"""SELECT src, dport || '/' || proto, count(DISTINCT dst),
        count(DISTINCT dst) FILTER (failed = n), min(first), max(last), mode(way),
        list_sort(list(first))[:{BEATS}] FROM conversation WHERE way <> 'many' GROUP BY src, dport, proto
        HAVING count(DISTINCT dst) FILTER (failed = n) >= {least}""",
    )  # fmt: skip
    yield from _tried(
        table, "paths", f"""SELECT src, dst, count(DISTINCT asked), count(DISTINCT asked) FILTER (failed), min(t),
        max(t), any_value(way), list_sort(list(t))[:{BEATS}] FROM flows WHERE asked <> '' AND service = 'http'
        GROUP BY src, dst HAVING count(DISTINCT asked) FILTER (failed) >= {4 * least}""",
    )  # fmt: skip


def _tried(table: Table, what: Any, query: str) -> Iterator[Tried]:
    for row in table.run(f"{query} ORDER BY 4 DESC LIMIT {FEW}"):
        source, where, *rest = row
        yield Tried(source, what, str(where), *rest)


ZONE: Final = """
list_aggregate(labels[CASE WHEN len(labels) > 2 AND len(labels[-1]) = 2 AND len(labels[-2]) <= 3 THEN -3 ELSE -2 END:],
               'string_agg', '.')
"""
"""The last two labels of a name, three where the last two are such as ``co.uk``."""


def zones(table: Table, least: int) -> Iterator[Zone]:
    """Zones below which a source asked for many names."""
    rows = table.run(
        f"""
        WITH asked AS (SELECT src, t, lower(rtrim(asked, '.')) AS name, upper(asked_type) AS kind FROM flow
                       WHERE asked <> '' AND (layer = 'dns' OR service = 'dns' OR dport = 53)),
        apart AS (SELECT *, string_split(name, '.') AS labels FROM asked),
        below AS (SELECT src, t, name, kind, {ZONE} AS zone FROM apart WHERE len(labels) > 1)
        SELECT src, zone, count(*), count(DISTINCT name), coalesce(avg(greatest(0, len(name) - len(zone) - 1)), 0),
          count_if(kind IN ('TXT', 'NULL', 'CNAME', 'MX', 'KEY', 'PRIVATE')) / count(*), list(name)[:400],
          min(t), max(t), list_sort(list(t))[:{BEATS}]
        FROM below GROUP BY src, zone HAVING count(DISTINCT name) >= {least} ORDER BY 4 DESC LIMIT {FEW}
        """
    )
    return (Zone(*row) for row in rows)


def lasting(table: Table, least: float) -> Iterator[Conversation]:
    """Conversations out of home with a connection of at least so many seconds, the longest first."""
    rows = table.run(
        f"SELECT {FIELDS} FROM conversation WHERE way = 'out' AND longest >= {least} ORDER BY longest DESC LIMIT {FEW}"
    )
    return (Conversation(*row) for row in rows)


def rare(table: Table, sources: int, most: int) -> Iterator[Conversation]:
    """Answered conversations with destinations that one source alone has called, and at most so often.

    Only where at least so many sources go out does one of them stand out.
    """
    if table.one("SELECT count(DISTINCT src) FROM conversation WHERE way = 'out'")[0] < sources:
        return iter(())
    rows = table.run(
        f"""WITH alone AS (SELECT dst FROM conversation WHERE way = 'out' GROUP BY dst HAVING count(DISTINCT src) = 1)
        SELECT {FIELDS} FROM conversation SEMI JOIN alone USING (dst)
        WHERE way = 'out' AND n <= {most} AND failed < n ORDER BY sent DESC LIMIT {FEW}"""
    )
    return (Conversation(*row) for row in rows)
