"""Throttles: at most so many requests in a period, and the rest is told to come later."""

from __future__ import annotations

import pytest

from stockade import Request, Throttle, path
from tests.acceptance.site import Site


def test_what_is_more_than_the_limit_is_refused(site: Site) -> None:
    site.with_rules(Throttle("by address", limit=1, period=60))
    assert site.get().status == 200
    refused = site.get()
    assert refused.status == 429
    assert refused.body == b"Retry later\n"


def test_another_client_is_not_affected(site: Site) -> None:
    site.with_rules(Throttle("by address", limit=1, period=60))
    site.get(by="1.2.3.4")
    assert site.get(by="1.2.3.4").status == 429
    assert site.get(by="5.6.7.8").status == 200


def test_an_aligned_window_opens_again_at_its_end(site: Site) -> None:
    site.with_rules(Throttle("by address", limit=1, period=60, window="fixed"))
    site.get()
    site.wait(60)
    assert site.get().status == 200


def test_retry_after_counts_to_the_end_of_an_aligned_window(site: Site) -> None:
    site.now = 0.0
    site.with_rules(Throttle("by address", limit=1, period=60, window="fixed"))
    site.get()
    site.wait(25)
    assert site.get().headers["retry-after"] == "35"


@pytest.mark.parametrize("window", ["sliding", "fixed", "gcra"])
def test_who_waits_as_long_as_retry_after_says_gets_in(site: Site, window: str) -> None:
    site.with_rules(Throttle("by address", limit=5, period=60, window=window))  # type: ignore[arg-type]
    while (reply := site.get()).status == 200:
        site.wait(0.5)
    site.wait(int(reply.headers["retry-after"]) - 1.5)
    assert site.get().status == 429
    site.wait(1.5)
    assert site.get().status == 200


def test_the_limit_may_depend_on_the_request(site: Site) -> None:
    def generous_with_a_key(request: Request) -> float:
        return 2 if request.header("x-api-key") else 1

    site.with_rules(Throttle("by address", limit=generous_with_a_key, period=60))
    site.get()
    assert site.get().status == 429
    key = {"X-Api-Key": "k"}
    assert site.get(by="9.9.9.9", headers=key).status == 200
    assert site.get(by="9.9.9.9", headers=key).status == 200
    assert site.get(by="9.9.9.9", headers=key).status == 429


def test_the_period_may_depend_on_the_request(site: Site) -> None:
    site.now = 0.0
    site.with_rules(
        Throttle("by address", limit=1, period=lambda r: 10 if r.header("x-api-key") else 30, window="fixed")
    )
    key = {"X-Api-Key": "k"}
    site.get(by="1.1.1.1")
    site.get(by="2.2.2.2", headers=key)
    site.wait(10)
    assert site.get(by="1.1.1.1").status == 429
    assert site.get(by="2.2.2.2", headers=key).status == 200
    site.wait(20)
    assert site.get(by="1.1.1.1").status == 200


def test_the_log_says_who_was_refused_by_what_only_when_over_the_limit(site: Site) -> None:
    site.with_rules(Throttle("by address", limit=1, period=60, window="fixed"))
    site.get("/hello")
    assert site.events == []
    site.get("/hello")
    (event,) = site.events
    assert event.action == "guard.throttle"
    assert event.outcome == "refused"
    assert event.source == "1.2.3.4"
    assert event.details["rule"] == "by address"
    assert event.details["path"] == "/hello"
    assert (event.details["used"], event.details["limit"]) == (2.0, 1.0)


def test_refused_requests_keep_counting_in_an_aligned_window(site: Site) -> None:
    """Rack::Attack's arithmetic, which operators of GitLab know from its headers."""
    from stockade import Answers

    site.with_rules(Throttle("t", limit=1, period=60, window="fixed"), answers=Answers(headers="gitlab"))
    site.get()
    assert site.get().headers["ratelimit-observed"] == "2"
    assert site.get().headers["ratelimit-observed"] == "3"


def test_refused_requests_do_not_prolong_a_sliding_window(site: Site) -> None:
    site.with_rules(Throttle("t", limit=2, period=60))
    for _ in range(2):
        site.get()
    for _ in range(100):
        assert site.get().status == 429
    site.wait(91)
    assert site.get().status == 200


def test_every_throttle_counts_even_when_another_one_refuses(site: Site) -> None:
    """Rack::Attack stops at the first exceeded throttle, so the long window never sees what the short one refuses."""
    site.with_rules(
        Throttle("short", limit=1, period=1, window="fixed"), Throttle("long", limit=5, period=1000, window="fixed")
    )
    for _ in range(5):
        site.get()
    site.wait(2)
    reply = site.get()
    assert reply.status == 429
    assert int(reply.headers["retry-after"]) > 1


def test_a_request_can_cost_more_than_one(site: Site) -> None:
    site.with_rules(Throttle("export", limit=10, period=60, cost=lambda r: 5 if r.path == "/export" else 1))
    assert site.get("/export").status == 200
    assert site.get("/export").status == 200
    assert site.get("/").status == 429


def test_a_limit_of_nought_refuses_everything(site: Site) -> None:
    for window in ("sliding", "fixed", "gcra"):
        site.with_rules(Throttle("none", limit=0, period=60, window=window))
        assert site.get().status == 429


def test_a_rule_with_no_key_for_a_request_does_not_apply(site: Site) -> None:
    site.with_rules(Throttle("by key", limit=1, period=60, by="header:x-api-key"))
    for _ in range(5):
        assert site.get().status == 200


def test_an_empty_key_is_one_client_that_is_counted(site: Site) -> None:
    site.with_rules(Throttle("by name", limit=1, period=60, by=lambda r: r.parameter("name")))
    assert site.get("/?name=").status == 200
    assert site.get("/?name=").status == 429


def test_variants_of_one_name_count_as_one(site: Site) -> None:
    site.with_rules(Throttle("by mail", limit=3, period=60, by="header:x-mail"))
    for name in ("person@example.com", " PERSON@example.com ", "Person@Example.Com"):
        assert site.get(headers={"X-Mail": name}).status == 200
    assert site.get(headers={"X-Mail": "pERSON@example.com"}).status == 429


def test_two_keys_together_make_one_client(site: Site) -> None:
    site.with_rules(Throttle("pair", limit=1, period=60, by=("address", "header:x-name")))
    assert site.get(headers={"X-Name": "a"}).status == 200
    assert site.get(headers={"X-Name": "b"}).status == 200
    assert site.get(headers={"X-Name": "a"}).status == 429
    assert site.get(by="5.5.5.5", headers={"X-Name": "a"}).status == 200


def test_only_failed_sign_ins_count(site: Site) -> None:
    from stockade import status

    site.with_rules(Throttle("failed sign-ins", limit=2, period=60, when=path("/login") & status(401)))
    for _ in range(10):
        assert site.post("/login", answers=302).status == 302
    assert site.post("/login", answers=401).status == 401
    assert site.post("/login", answers=401).status == 401
    assert site.post("/login", answers=302).status == 429
    assert site.get("/elsewhere").status == 200


def test_pacing_lets_a_burst_in_and_then_one_at_a_time(site: Site) -> None:
    site.with_rules(Throttle("paced", limit=60, period=60, window="gcra", burst=3))
    assert [site.get().status for _ in range(4)] == [200, 200, 200, 429]
    site.wait(1)
    assert [site.get().status for _ in range(2)] == [200, 429]


def test_an_ipv6_client_is_its_whole_prefix(site: Site) -> None:
    site.with_rules(Throttle("by address", limit=1, period=60))
    assert site.get(by="2001:db8::1").status == 200
    assert site.get(by="2001:db8::2").status == 429
    assert site.get(by="2001:db8:0:1::1").status == 200


def test_an_ipv4_address_in_ipv6_clothes_is_the_same_client(site: Site) -> None:
    site.with_rules(Throttle("by address", limit=1, period=60))
    site.get(by="1.2.3.4")
    assert site.get(by="::ffff:1.2.3.4").status == 429
