"""Tracks and shadow rules: seen and said, never refused."""

from __future__ import annotations

from stockade import Throttle, Track, path, status
from tests.acceptance.site import Site


def test_a_track_reports_every_match(site: Site) -> None:
    site.with_rules(Track("admin", path("/admin")))
    site.get("/")
    assert site.actions() == []
    assert site.get("/admin").status == 200
    assert site.actions() == ["guard.track"]
    assert site.events[0].details["rule"] == "admin"


def test_a_track_with_a_limit_reports_only_what_is_more(site: Site) -> None:
    site.with_rules(Track("often", limit=1, period=60, window="fixed"))
    assert site.get().status == 200
    assert site.actions() == []
    assert site.get().status == 200
    assert site.actions() == ["guard.track"]
    site.wait(120)
    site.get()
    assert site.actions() == ["guard.track"]


def test_two_tracks_are_two_reports(site: Site) -> None:
    site.with_rules(Track("one"), Track("two"))
    site.get()
    assert site.actions() == ["guard.track", "guard.track"]


def test_tracks_are_not_reached_by_what_is_refused(site: Site) -> None:
    site.with_rules(Throttle("t", limit=0, period=60), Track("all"))
    site.get()
    assert site.actions() == ["guard.throttle"]


def test_a_track_may_look_at_the_answer(site: Site) -> None:
    site.with_rules(Track("broken", status("5xx")))
    site.get(answers=200)
    assert site.actions() == []
    site.get(answers=503)
    assert site.actions() == ["guard.track"]
    assert site.events[0].details["status"] == 503


def test_a_shadow_throttle_counts_and_reports_and_lets_pass(site: Site) -> None:
    site.with_rules(Throttle("t", limit=1, period=60, shadow=True))
    assert [site.get().status for _ in range(3)] == [200, 200, 200]
    assert site.events[0].details["shadow"] is True
    assert "ratelimit" not in site.get().headers
    assert site.guard.journal.totals["throttle", "t", True] == 3
