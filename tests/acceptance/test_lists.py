"""Safelists and blocklists: who always passes, and who never does."""

from __future__ import annotations

import pytest

from stockade import Allow2Ban, Blocklist, Fail2Ban, Safelist, Throttle, Track, header, network, path
from stockade.guard.rules import Rule
from tests.acceptance.site import Site


def test_a_blocked_address_is_refused_and_others_are_not(site: Site) -> None:
    site.with_rules(Blocklist("bad", network("1.2.3.4")))
    refused = site.get(by="1.2.3.4")
    assert (refused.status, refused.body) == (403, b"Forbidden\n")
    assert site.get(by="5.6.7.8").status == 200


def test_a_request_without_an_address_is_not_blocked(site: Site) -> None:
    site.with_rules(Blocklist("bad", network("1.2.3.4")))
    assert site.get(by="").status == 200


def test_only_what_is_blocked_is_written_down(site: Site) -> None:
    site.with_rules(Blocklist("bad", network("1.2.3.4")))
    site.get(by="5.6.7.8")
    assert site.actions() == []
    site.get(by="1.2.3.4")
    assert site.actions() == ["guard.blocklist"]
    assert site.events[0].details["rule"] == "bad"


def test_a_network_blocks_its_members_and_not_its_neighbour(site: Site) -> None:
    site.with_rules(Blocklist("bad", network("1.2.3.4/31")))
    assert site.get(by="1.2.3.4").status == 403
    assert site.get(by="1.2.3.5").status == 403
    assert site.get(by="1.2.3.6").status == 200


def test_an_address_in_ipv6_clothes_does_not_slip_past_a_network(site: Site) -> None:
    site.with_rules(Blocklist("bad", network("1.2.3.0/24")))
    assert site.get(by="::ffff:1.2.3.4").status == 403


def test_any_callable_may_block(site: Site) -> None:
    def curl(request: object) -> bool:
        return "curl" in (request.header("user-agent") or "")  # type: ignore[attr-defined]

    site.with_rules(Blocklist("no curl", curl))
    assert site.get(headers={"User-Agent": "curl/8"}).status == 403
    assert site.get(headers={"User-Agent": "lynx"}).status == 200


def test_the_safelist_beats_the_blocklist(site: Site) -> None:
    site.with_rules(Blocklist("all", path("**")), Safelist("office", network("10.0.0.0/16")))
    assert site.get(by="10.0.0.0").status == 200
    assert site.get(by="10.0.255.255").status == 200
    assert site.get(by="10.1.0.0").status == 403
    assert "guard.safelist" in site.actions()


@pytest.mark.parametrize(
    "rule",
    [
        Blocklist("b", path("**")),
        Throttle("t", limit=0, period=60),
        Fail2Ban("f", maxretry=1, findtime=60, bantime=60, when=path("**")),
        Allow2Ban("a", maxretry=1, findtime=60, bantime=60, when=path("**")),
        Track("k", limit=0, period=60),
    ],
    ids=lambda rule: rule.kind,
)
def test_the_safelist_beats_every_kind_of_rule(site: Site, rule: Rule) -> None:
    site.with_rules(rule, Safelist("me", network("1.2.3.4")))
    for _ in range(5):
        assert site.get().status == 200
    assert list(site.guard.bans()) == []


def test_what_is_safelisted_or_blocklisted_is_not_counted(site: Site) -> None:
    site.with_rules(
        Safelist("safe", header("x-safe", "1")),
        Blocklist("bad", header("x-bad", "1")),
        Throttle("t", limit=1, period=60),
    )
    for _ in range(5):
        site.get(headers={"X-Safe": "1"})
        site.get(headers={"X-Bad": "1"})
    assert site.get().status == 200


def test_a_shadow_blocklist_says_what_it_would_have_done(site: Site) -> None:
    site.with_rules(Blocklist("bad", network("1.2.3.4"), shadow=True))
    assert site.get().status == 200
    assert site.events[0].details["shadow"] is True
    assert site.events[0].outcome == "success"


@pytest.mark.parametrize(
    "variant",
    [
        "/users/sign_in",
        "//users/sign_in",
        "/users//sign_in/",
        "/./users/sign_in",
        "/x/../users/sign_in",
        "/users/sign_in.json",
    ],
)
def test_no_variant_of_a_path_slips_past(site: Site, variant: str) -> None:
    site.with_rules(Blocklist("sign-in", path("/users/sign_in")))
    assert site.get(variant).status == 403


def test_conditions_are_combined(site: Site) -> None:
    site.with_rules(Blocklist("b", path("/admin/**") & ~network("10.0.0.0/8") | header("x-evil")))
    assert site.get("/admin/x", by="10.1.1.1").status == 200
    assert site.get("/admin/x", by="11.1.1.1").status == 403
    assert site.get("/", headers={"X-Evil": "1"}).status == 403


def test_a_disabled_guard_lets_everything_through(site: Site) -> None:
    site.with_rules(Blocklist("all", path("**")))
    site.guard.enabled = False
    assert site.get().status == 200
