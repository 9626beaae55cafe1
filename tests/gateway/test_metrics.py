"""Prometheus's page: what it says, and to whom."""

from __future__ import annotations

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from stockade.gateway.app import build
from stockade.gateway.site import Site
from stockade.guard.conditions import path
from stockade.guard.gate import Guard
from stockade.guard.rules import Blocklist, Throttle
from tests.gateway.conftest import Forge
from tests.gateway.running import serving


def figures(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_the_guard_has_done_is_counted_by_kind_and_rule() -> None:
    rules = [Blocklist('odd "name"', path("/private")), Throttle("few", limit=1, period=60, shadow=True)]
    guard = Guard(*rules)
    guard.ban("192.0.2.1")
    guard.ban("user:mallory")
    with serving(build(Site(guard))) as gateway:
        for _ in range(3):
            httpx2.get(f"{gateway.url}/private")
        httpx2.get(gateway.url)
        httpx2.get(gateway.url)
        answer = httpx2.get(f"{gateway.url}/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = figures(answer.text)
    name = "stockade_guard_notes_total"
    assert found[name, (("kind", "blocklist"), ("rule", 'odd "name"'), ("shadow", "false"))] == 3
    assert found[name, (("kind", "throttle"), ("rule", "few"), ("shadow", "true"))] == 1
    assert found["stockade_bans", (("rule", "manual"),)] == 2
    assert found["stockade_store_down", ()] == 0


def test_they_are_not_for_the_world(forge: Forge) -> None:
    page = f"{forge.at.url}/metrics"
    assert httpx2.get(page).status_code == 200
    through = httpx2.get(page, headers={"x-forwarded-for": "192.0.2.7"})
    assert through.status_code == 404, "a proxy on this machine that nobody declared"
    guard = Guard(trusted_proxies=["127.0.0.1"])
    with serving(build(Site(guard, metrics_for=["192.0.2.0/24"]))) as gateway:
        asked = {
            address: httpx2.get(f"{gateway.url}/metrics", headers={"x-forwarded-for": address}).status_code
            for address in ("192.0.2.7", "198.51.100.1")
        }
    assert asked == {"192.0.2.7": 200, "198.51.100.1": 404}
