"""Stores of one's own: whatever has the five methods will do, and what has not is refused when it is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from stockade import Allow2Ban, ConfigurationError, Fail2Ban, Guard, Throttle, path
from stockade.guard.memory import MemoryStore
from stockade.guard.meter import Ask, Ban, Tally
from tests.acceptance.site import Site


class OwnStore:
    """A store that is no relative of ours; it happens to keep what it knows in one."""

    def __init__(self, site: Site) -> None:
        self._inner = MemoryStore(clock=lambda: site.now)

    def count(self, asks: Sequence[Ask], now: float | None = None) -> list[Tally]:
        return self._inner.count(asks, now)

    def ban(self, ban: Ban) -> None:
        self._inner.ban(ban)

    def forget(self, client: str) -> list[Ban]:
        return self._inner.forget(client)

    def bans(self) -> Iterator[Ban]:
        return self._inner.bans()

    def networks(self) -> Sequence[str]:
        return self._inner.networks()


def test_a_throttle_counts_in_it(site: Site) -> None:
    site.with_rules(Throttle("t", limit=1, period=60), store=OwnStore(site))
    assert [site.get().status for _ in range(2)] == [200, 429]


def test_a_fail2ban_bans_in_it(site: Site) -> None:
    rule = Fail2Ban("f", maxretry=2, findtime=30, bantime=60, when=path("/bad"))
    site.with_rules(rule, store=OwnStore(site))
    assert [site.get(p).status for p in ("/bad", "/", "/bad", "/")] == [403, 200, 403, 403]
    site.wait(60)
    assert site.get().status == 200


def test_an_allow2ban_bans_in_it(site: Site) -> None:
    rule = Allow2Ban("a", maxretry=2, findtime=30, bantime=60, when=path("/dear"))
    site.with_rules(rule, store=OwnStore(site))
    assert [site.get(p).status for p in ("/dear", "/dear", "/")] == [200, 200, 403]


def test_what_is_no_store_is_refused_when_it_is_given() -> None:
    with pytest.raises(ConfigurationError, match="count, ban, forget, bans, networks"):
        Guard(store=object())  # type: ignore[arg-type]


def test_without_a_store_the_process_remembers() -> None:
    assert isinstance(Guard().store, MemoryStore)
