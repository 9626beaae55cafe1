"""Requests with an address, without one, and with one that cannot be read."""

from __future__ import annotations

import pytest

from stockade import Blocklist, Safelist, Throttle, network, path
from tests.acceptance.site import Site

OFFICE = Safelist("office", network("10.0.0.0/16"))
ADMIN = Blocklist("admin", path("/admin"))


@pytest.mark.parametrize("nowhere", ["", "unix:", "not an address", "999.1.2.3", "1.2.3"])
def test_who_has_no_address_is_not_safelisted(site: Site, nowhere: str) -> None:
    site.with_rules(OFFICE, ADMIN)
    assert site.get("/admin", by=nowhere).status == 403
    assert site.get("/", by=nowhere).status == 200
    assert site.events[0].details["rule"] == "admin"


@pytest.mark.parametrize("nowhere", ["", "unix:", "not an address"])
def test_who_has_no_address_is_in_no_blocked_network(site: Site, nowhere: str) -> None:
    site.with_rules(Blocklist("everywhere", network("0.0.0.0/0", "::/0")))
    assert site.get(by=nowhere).status == 200


def test_all_who_have_no_address_are_one_client(site: Site) -> None:
    site.with_rules(Throttle("t", limit=2, period=60))
    assert [site.get(by=nowhere).status for nowhere in ("", "unix:", "x")] == [200, 200, 429]
    assert site.get(by="1.2.3.4").status == 200


@pytest.mark.parametrize(("address", "status"), [("10.0.0.0", 200), ("10.0.255.255", 200), ("10.1.0.0", 403)])
def test_a_safelisted_network_ends_where_it_ends(site: Site, address: str, status: int) -> None:
    site.with_rules(OFFICE, ADMIN)
    assert site.get("/admin", by=address).status == status


def test_a_safelisted_request_is_told_with_its_rule(site: Site) -> None:
    site.with_rules(Safelist("health", path("/health")), ADMIN)
    site.get("/admin")
    site.get("/health")
    assert [(e.action, e.details["rule"]) for e in site.events] == [
        ("guard.blocklist", "admin"),
        ("guard.safelist", "health"),
    ]


def test_a_subnet_of_two_is_told_when_it_blocks(site: Site) -> None:
    site.with_rules(Blocklist("two", network("1.2.3.4/31")))
    site.get(by="1.2.3.6")
    assert site.events == []
    site.get(by="1.2.3.5")
    assert [(e.action, e.source) for e in site.events] == [("guard.blocklist", "1.2.3.5")]
