"""Bans: who fails too often is shut out for a while, longer each time."""

from __future__ import annotations

import pytest

from stockade import Allow2Ban, Fail2Ban, Identity, Refused, Throttle, credentials, login, path, prefix, status
from stockade.errors import ConfigurationError
from tests.acceptance.site import Site

PENTEST = Fail2Ban("pentesters", maxretry=2, findtime=30, bantime=60, when=path("/private-place"))
SCRAPER = Allow2Ban("scrapers", maxretry=2, findtime=30, bantime=60, when=path("/scarce-resource"))


def test_fail2ban_leaves_everything_else_alone(site: Site) -> None:
    site.with_rules(PENTEST)
    for _ in range(5):
        assert site.get("/").status == 200


def test_fail2ban_refuses_a_match_from_the_first_on(site: Site) -> None:
    site.with_rules(PENTEST)
    assert site.get("/private-place").status == 403
    assert site.get("/").status == 200


def test_fail2ban_bans_at_maxretry_and_lets_in_again_after_the_ban(site: Site) -> None:
    site.with_rules(PENTEST)
    assert site.get("/private-place").status == 403
    assert site.get("/private-place").status == 403
    assert site.get("/").status == 403
    site.wait(59)
    assert site.get("/").status == 403
    site.wait(1)
    assert site.get("/").status == 200


def test_failures_further_apart_than_findtime_do_not_ban(site: Site) -> None:
    site.with_rules(PENTEST)
    site.get("/private-place")
    site.wait(31)
    site.get("/private-place")
    assert site.get("/").status == 200


def test_failures_within_findtime_ban_wherever_the_windows_lie(site: Site) -> None:
    """Rack::Attack's aligned windows miss two failures that stand on both sides of an edge."""
    site.with_rules(PENTEST)
    site.now = 30.0 * 1000 + 25
    site.get("/private-place")
    site.wait(20)
    site.get("/private-place")
    assert site.get("/").status == 403


def test_each_refused_request_of_a_ban_is_told_once_a_minute(site: Site) -> None:
    site.with_rules(PENTEST)
    for _ in range(2):
        site.get("/private-place")
    assert site.actions() == ["guard.strike", "guard.ban"]
    for _ in range(50):
        site.get("/")
    assert site.actions() == ["guard.strike", "guard.ban", "guard.banned"]
    site.guard.journal.flush(site.now + 61)
    assert [e.details["repeated"] for e in site.events[3:]] == [1, 49]


def test_allow2ban_lets_matches_pass_until_the_ban(site: Site) -> None:
    site.with_rules(SCRAPER)
    assert site.get("/scarce-resource").status == 200
    assert site.get("/scarce-resource").status == 200
    assert site.get("/scarce-resource").status == 403
    assert site.get("/").status == 403
    site.wait(60)
    assert site.get("/").status == 200


def test_allow2ban_does_not_add_up_across_findtime(site: Site) -> None:
    site.with_rules(SCRAPER)
    site.get("/scarce-resource")
    site.wait(31)
    site.get("/scarce-resource")
    assert site.get("/").status == 200


def test_a_ban_is_not_prolonged_by_knocking(site: Site) -> None:
    site.with_rules(PENTEST)
    for _ in range(30):
        site.get("/private-place")
        site.wait(1)
    site.wait(32)
    assert site.get("/").status == 200


def test_ban_times_escalate_and_are_forgotten_after_good_conduct(site: Site) -> None:
    site.with_rules(Fail2Ban("f", maxretry=1, findtime=30, bantime=[10, 100, 1000], when=path("/bad")))
    lasted = []
    for _ in range(4):
        site.get("/bad")
        (ban,) = site.guard.bans()
        lasted.append(round(ban.until - ban.since))
        site.wait(lasted[-1])
    assert lasted == [10, 100, 1000, 1000]
    site.wait(1001)
    site.get("/bad")
    (ban,) = site.guard.bans()
    assert round(ban.until - ban.since) == 10


def test_failed_sign_ins_are_judged_on_the_way_out(site: Site) -> None:
    site.with_rules(Fail2Ban("guessing", maxretry=3, findtime=60, bantime=600, when=path("/login") & status(401)))
    for _ in range(9):
        assert site.post("/login", answers=200).status == 200
    for _ in range(3):
        assert site.post("/login", answers=401).status == 401
    assert site.get("/").status == 403


def test_a_success_resets_the_count(site: Site) -> None:
    git = prefix("/git")
    site.with_rules(
        Fail2Ban(
            "git",
            maxretry=30,
            findtime=180,
            bantime=3600,
            when=git & status(401) & credentials(),
            reset=git & status("2xx") & credentials(),
        )
    )
    basic = {"Authorization": "Basic YWxpY2U6d3Jvbmc="}
    for _ in range(29):
        site.get("/git/a", answers=401, headers=basic)
    site.get("/git/a", answers=200, headers=basic)
    for _ in range(29):
        site.get("/git/a", answers=401, headers=basic)
    assert site.get("/git/a", answers=200, headers=basic).status == 200
    assert list(site.guard.bans()) == []


def test_a_401_without_credentials_is_no_failure(site: Site) -> None:
    site.with_rules(Fail2Ban("git", maxretry=2, findtime=60, bantime=60, when=status(401) & credentials()))
    for _ in range(10):
        assert site.get("/git/a", answers=401).status == 401
    assert list(site.guard.bans()) == []


def test_a_named_identity_can_be_exempt(site: Site) -> None:
    ci = ~login("gitlab-ci-token")
    site.with_rules(
        Fail2Ban("git", maxretry=1, findtime=60, bantime=60, when=status(401) & credentials() & ci, over=ci)
    )
    job = {"Authorization": "Basic Z2l0bGFiLWNpLXRva2VuOng="}
    person = {"Authorization": "Basic YWxpY2U6eA=="}
    for _ in range(5):
        assert site.get(answers=401, headers=job).status == 401
    site.get(answers=401, headers=person)
    assert site.get(headers=person).status == 403
    assert site.get(headers=job).status == 200


def test_a_ban_may_cover_only_some_requests(site: Site) -> None:
    site.with_rules(
        Fail2Ban("git", maxretry=1, findtime=60, bantime=60, when=path("/git/**") & status(401), over=path("/git/**"))
    )
    site.get("/git/a", answers=401)
    assert site.get("/git/b").status == 403
    assert site.get("/").status == 200


def test_a_banned_client_gets_no_rate_limit_fields(site: Site) -> None:
    site.with_rules(Throttle("t", limit=9, period=60), PENTEST)
    for _ in range(2):
        site.get("/private-place")
    reply = site.get("/")
    assert reply.status == 403
    assert not {"retry-after", "ratelimit", "ratelimit-policy"} & set(reply.headers)


def test_nothing_is_counted_while_banned(site: Site) -> None:
    site.with_rules(PENTEST, Throttle("t", limit=3, period=600, window="fixed"))
    for _ in range(2):
        site.get("/private-place")
    for _ in range(50):
        site.get("/")
    site.wait(61)
    assert site.get("/").status == 200


def test_a_shadow_ban_is_reported_and_not_enforced(site: Site) -> None:
    site.with_rules(Fail2Ban("f", maxretry=2, findtime=60, bantime=60, when=path("/bad"), shadow=True))
    for _ in range(5):
        assert site.get("/bad").status == 200
    bans = [e for e in site.events if e.action == "guard.ban"]
    assert [e.details["shadow"] for e in bans] == [True]


def test_a_ban_keeps_its_evidence(site: Site) -> None:
    site.with_rules(Fail2Ban("guessing", maxretry=2, findtime=60, bantime=600, when=path("/login") & status(401)))
    for _ in range(2):
        site.post("/login?token=s3cret", answers=401)
    (ban,) = site.guard.bans()
    assert (ban.client, ban.rule, ban.reason) == ("1.2.3.4", "guessing", "2 strikes in 60 s")
    assert ban.evidence == "POST /login 401"
    assert ban.until - ban.since == pytest.approx(600)
    assert "s3cret" not in repr(site.events)


def test_an_address_is_banned_and_freed_by_hand(site: Site) -> None:
    site.with_rules()
    site.guard.ban("1.2.3.4", 600, reason="scraping", by="ops")
    assert site.get().status == 403
    assert site.get(by="1.2.3.5").status == 200
    (ban,) = site.guard.unban("1.2.3.4")
    assert ban.reason == "scraping"
    assert site.get().status == 200
    assert site.actions() == ["guard.ban", "guard.banned", "guard.unban"]


def test_a_ban_by_hand_ends_when_it_says(site: Site) -> None:
    site.with_rules()
    site.guard.ban("1.2.3.4", 600)
    site.wait(599)
    assert site.get().status == 403
    site.wait(1)
    assert site.get().status == 200
    site.guard.ban("1.2.3.4")
    site.wait(10**8)
    assert site.get().status == 403


def test_a_network_is_banned_by_hand(site: Site) -> None:
    site.with_rules()
    site.guard.ban("10.1.0.0/16", 600)
    assert site.get(by="10.1.200.1").status == 403
    assert site.get(by="10.2.0.1").status == 200
    site.guard.unban("10.1.0.0/16")
    assert site.get(by="10.1.200.1").status == 200


def test_a_user_and_a_token_are_banned_by_hand(site: Site) -> None:
    def identify(request: object) -> Identity:
        return Identity(request.header("x-user"), request.header("x-token"))  # type: ignore[attr-defined]

    site.with_rules(identify=identify)
    site.guard.ban("user:mallory", 600)
    site.guard.ban("token:ci-7", 600)
    assert site.get(headers={"X-User": "mallory"}).status == 403
    assert site.get(headers={"X-User": "alice"}).status == 200
    assert site.get(headers={"X-User": "alice", "X-Token": "ci-7"}).status == 403


def test_lifting_a_ban_clears_the_counters_too(site: Site) -> None:
    site.with_rules(PENTEST, Throttle("t", limit=2, period=600))
    for _ in range(3):
        site.get("/private-place")
    site.guard.unban("1.2.3.4")
    assert [site.get().status for _ in range(3)] == [200, 200, 429]


def test_a_declared_proxy_and_the_operator_cannot_be_banned(site: Site) -> None:
    site.with_rules(PENTEST, trusted_proxies=["10.0.0.1"], operators=["192.0.2.7"])
    for target in ("10.0.0.1", "10.0.0.0/8", "192.0.2.7"):
        with pytest.raises(Refused, match="can never be banned"):
            site.guard.ban(target)
    for _ in range(5):
        assert site.get("/private-place", by="192.0.2.7").status == 200
    assert site.get("/", by="192.0.2.7").status == 200
    assert "guard.ban.refused" in site.actions()


def test_a_forgotten_proxy_is_never_banned_and_loudly_reported(site: Site) -> None:
    site.with_rules(PENTEST)
    for _ in range(5):
        site.get("/private-place", by="127.0.0.1", headers={"X-Forwarded-For": "203.0.113.9"})
    assert site.get("/", by="127.0.0.1", headers={"X-Forwarded-For": "203.0.113.9"}).status == 200
    report = next(e for e in site.events if e.action == "guard.proxy.undeclared")
    assert 'trusted_proxies = ["127.0.0.1"]' in str(report.details["advice"])


def test_a_plain_loopback_client_is_a_client_like_any_other(site: Site) -> None:
    site.with_rules(PENTEST)
    for _ in range(2):
        site.get("/private-place", by="127.0.0.1")
    assert site.get("/", by="127.0.0.1").status == 403


def test_the_client_behind_a_declared_proxy_is_banned_and_the_proxy_is_not(site: Site) -> None:
    site.with_rules(PENTEST, trusted_proxies=["10.0.0.0/8"])
    bad = {"X-Forwarded-For": "6.6.6.6, 203.0.113.9, 10.0.0.2"}
    for _ in range(2):
        site.get("/private-place", by="10.0.0.1", headers=bad)
    assert site.get("/", by="10.0.0.1", headers=bad).status == 403
    assert site.get("/", by="10.0.0.1", headers={"X-Forwarded-For": "203.0.113.10"}).status == 200
    assert [b.client for b in site.guard.bans()] == ["203.0.113.9"]


def test_a_forged_header_from_an_undeclared_peer_is_not_believed(site: Site) -> None:
    site.with_rules(Throttle("t", limit=1, period=60))
    site.get(by="203.0.113.9", headers={"X-Forwarded-For": "1.1.1.1"})
    assert site.get(by="203.0.113.9", headers={"X-Forwarded-For": "2.2.2.2"}).status == 429


@pytest.mark.parametrize("name", ["manual", "", "a" * 121, "two\nlines"])
def test_no_rule_is_named_like_bans_by_hand_or_in_what_nobody_can_read(name: str) -> None:
    with pytest.raises(ConfigurationError):
        Allow2Ban(name, maxretry=5, findtime=60, bantime=60)
