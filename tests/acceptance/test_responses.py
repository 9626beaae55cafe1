"""Answers of one's own: an ``Answers`` that says it differently is told who refused, whom, and how much was used."""

from __future__ import annotations

import json
from dataclasses import dataclass

from stockade import Answers, Blocklist, Fail2Ban, Throttle, network, path
from stockade.guard.answers import Answer
from stockade.guard.decision import Decision
from tests.acceptance.site import Site


@dataclass(frozen=True)
class Telling(Answers):
    """Tells everything it knows."""

    def refusal(self, decision: Decision, now: float, accept: str = "") -> Answer:
        note = decision.notes[-1]
        said = {
            "kind": decision.kind,
            "rule": decision.rule.name if decision.rule else None,
            "client": decision.client or decision.request.client.key,
            "used": note.used,
            "limit": note.limit,
        }
        body = json.dumps(said).encode()
        return Answer(503, (("content-type", "application/json"), ("content-length", str(len(body)))), body)


def told(site: Site, target: str = "/") -> dict[str, object]:
    reply = site.get(target)
    assert reply.status == 503
    found: dict[str, object] = json.loads(reply.body)
    return found


def test_a_throttle_tells_what_was_used_and_goes_on_counting(site: Site) -> None:
    site.with_rules(Throttle("by address", limit=1, period=60, window="fixed"), answers=Telling())
    assert site.get().status == 200
    expected = {"kind": "throttle", "rule": "by address", "client": "1.2.3.4", "limit": 1.0}
    assert told(site) == {**expected, "used": 2.0}
    assert told(site) == {**expected, "used": 3.0}


def test_a_blocklist_tells_its_name(site: Site) -> None:
    site.with_rules(Blocklist("bad", network("1.2.3.4")), answers=Telling())
    assert (told(site)["kind"], told(site)["rule"]) == ("blocklist", "bad")


def test_a_ban_tells_the_rule_that_placed_it(site: Site) -> None:
    site.with_rules(Fail2Ban("f", maxretry=1, findtime=60, bantime=60, when=path("/bad")), answers=Telling())
    assert told(site, "/bad")["kind"] == "fail2ban"
    assert (told(site)["kind"], told(site)["rule"]) == ("ban", "f")
