"""What clients are told: statuses, fields and texts."""

from __future__ import annotations

import json

from stockade import Answers, Blocklist, Fail2Ban, Text, Throttle, path
from stockade.guard.decision import Verdict
from tests.acceptance.site import Site


def test_every_answer_may_say_how_the_quota_stands(site: Site) -> None:
    site.with_rules(
        Throttle("burst", limit=100, period=60),
        Throttle("daily", limit=1000, period=86400),
        answers=Answers(told="always"),
    )
    reply = site.get()
    assert reply.headers["ratelimit-policy"] == '"burst";q=100;w=60, "daily";q=1000;w=86400'
    assert reply.headers["ratelimit"] == '"burst";r=99, "daily";r=999'
    assert reply.headers["x-app"] == "1"


def test_who_is_near_a_limit_is_told(site: Site) -> None:
    site.with_rules(Throttle("a", limit=4, period=60), Throttle("b", limit=100, period=60))
    replies = [site.get() for _ in range(5)]
    assert [("ratelimit" in reply.headers) for reply in replies] == [False, False, True, True, True]
    assert replies[2].headers["ratelimit"] == '"a";r=1, "b";r=97'
    assert replies[4].status == 429


def test_a_refusal_says_when_to_come_back(site: Site) -> None:
    site.with_rules(Throttle("burst", limit=1, period=60, window="fixed"))
    site.now = 1_700_000_030.0 - 1_700_000_030.0 % 60
    site.get()
    reply = site.get()
    assert reply.headers["retry-after"] == "60"
    assert reply.headers["ratelimit"] == '"burst";r=0;t=60'
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"


def test_who_accepts_problem_details_gets_them(site: Site) -> None:
    site.with_rules(Throttle("burst", limit=0, period=60))
    reply = site.get(headers={"Accept": "application/problem+json"})
    assert reply.headers["content-type"] == "application/problem+json"
    problem = json.loads(reply.body)
    assert problem["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert problem["status"] == 429
    assert problem["violated-policies"] == ["burst"]


def test_texts_and_statuses_are_the_operators(site: Site) -> None:
    texts: dict[Verdict, Text] = {
        "throttle": Text(503, "Slow down, friend", "Slow down"),
        "blocklist": Text(404, "Not found", "Not found"),
    }
    site.with_rules(Throttle("t", limit=0, period=60), Blocklist("b", path("/x")), answers=Answers(texts=texts))
    assert site.get("/").status == 503
    assert site.get("/").body == b"Slow down, friend\n"
    assert site.get("/x").status == 404


def test_a_ban_says_so_without_saying_how_long(site: Site) -> None:
    site.with_rules(Fail2Ban("f", maxretry=1, findtime=60, bantime=60, when=path("/bad")))
    site.get("/bad")
    reply = site.get("/", headers={"Accept": "application/problem+json"})
    assert reply.status == 403
    assert json.loads(reply.body)["type"].endswith("#abnormal-usage-detected")


def test_gitlabs_own_fields_can_be_had(site: Site) -> None:
    site.now = 1_700_000_040.0
    site.with_rules(Throttle("throttle_x", limit=30, period=180, window="fixed"), answers=Answers(headers="gitlab"))
    for _ in range(30):
        assert "ratelimit-name" not in site.get().headers
    fields = site.get().headers
    assert fields["ratelimit-name"] == "throttle_x"
    assert fields["ratelimit-limit"] == "10"
    assert fields["ratelimit-observed"] == "31"
    assert fields["ratelimit-remaining"] == "0"
    assert int(fields["ratelimit-reset"]) == int(site.now) + int(fields["retry-after"])
    assert fields["ratelimit-resettime"].endswith("GMT")


def test_a_rules_name_cannot_break_a_header(site: Site) -> None:
    site.with_rules(Throttle('quo"te \\ ünïcode', limit=5, period=60), answers=Answers(told="always"))
    assert site.get().headers["ratelimit"] == '"quo\\"te \\\\ ?n?code";r=4'
