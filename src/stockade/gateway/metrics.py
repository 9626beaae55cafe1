"""``/metrics`` for Prometheus: what the guard has decided since it started, and how its store is. Not for the world."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from starlette.responses import PlainTextResponse, Response

from stockade.errors import Unavailable
from stockade.guard.asgi import Headers, Receive, Scope, Send
from stockade.guard.gate import Guard
from stockade.guard.meter import Ban
from stockade.guard.networks import Networks

LOOPBACK: Final = ("127.0.0.0/8", "::1")


class Metrics:
    """Serves the figures to clients in ``networks``; to anybody else there is no such page."""

    def __init__(self, guard: Guard, networks: Iterable[str] = LOOPBACK) -> None:
        self.guard, self.networks = guard, Networks(networks)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a scrape."""
        client = self.guard.addresses.resolve(scope["client"][0], Headers(scope["headers"]).get)
        if client.forgotten_proxy or client.address not in self.networks:
            await PlainTextResponse("There is no such page.\n", 404)(scope, receive, send)
            return
        registry = CollectorRegistry(auto_describe=False)
        registry.register(Figures(self.guard, await self._bans()))
        await Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)(scope, receive, send)

    async def _bans(self) -> list[Ban] | None:
        try:
            return await self.guard.abans()
        except Unavailable:
            return None


class Figures(Collector):
    """The guard's figures at one moment."""

    def __init__(self, guard: Guard, bans: list[Ban] | None) -> None:
        self.guard, self.bans = guard, bans

    def collect(self) -> Iterator[Metric]:
        """The metric families, in the order of the page."""
        yield self._notes()
        if self.bans is not None:
            yield self._live_bans(self.bans)
        outage = self.guard.outage
        down = "Whether the store of counters does not answer (1), by the last request that asked it."
        yield _gauge("stockade_store_down", down, float(bool(outage.failures)))
        yield _gauge("stockade_unjudged_requests", "Requests let pass unjudged in the present outage.", outage.unjudged)
        yield _gauge("stockade_refused_requests", "Requests refused unjudged in the present outage.", outage.refused)

    def _notes(self) -> CounterMetricFamily:
        text = "What the guard found worth noting, by kind and rule; shadow rules only report."
        family = CounterMetricFamily("stockade_guard_notes", text, labels=["kind", "rule", "shadow"])
        for (kind, rule, shadow), count in sorted(self.guard.journal.totals.items()):
            family.add_metric([kind, rule, str(shadow).lower()], count)
        return family

    def _live_bans(self, bans: list[Ban]) -> GaugeMetricFamily:
        family = GaugeMetricFamily("stockade_bans", "Clients banned now, by rule.", labels=["rule"])
        rules = [ban.rule for ban in bans]
        for rule in sorted(set(rules)):
            family.add_metric([rule], rules.count(rule))
        return family


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)
