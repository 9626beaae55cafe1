"""Rules become one decision: pure, so that a gateway, a middleware and an old log are judged by the same code.

The order is Rack::Attack's with one difference. Safelist, then blocklist and bans, then throttles, then tracks; but
every throttle counts, where Rack::Attack stops at the first exceeded one and so hides a client from its longer
windows.

``check`` says what to ask a store, the store is asked once, ``decide`` takes the answer. ``settle`` does the same on
the way out for rules that want to know the status of the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from operator import itemgetter

from stockade.errors import ConfigurationError
from stockade.guard.address import Client
from stockade.guard.decision import Decision, Note
from stockade.guard.discriminators import Key, by_address, by_token, by_user, key_of
from stockade.guard.failing import answered_by, applies, ask_the_sound
from stockade.guard.lanes import Lane
from stockade.guard.meter import MANUAL, Tally
from stockade.guard.networks import Networks
from stockade.guard.request import Request
from stockade.guard.rules import BanRule, Blocklist, Metered, Rule, Safelist, Throttle, Track


class Policy:
    """Rules in their order, compiled once. ``never_ban`` are addresses and networks that no rule may ban.

    ``identified`` says that requests can prove who they are, so that bans of users and tokens are looked for. Raises
    ConfigurationError when two rules have one name.
    """

    def __init__(self, rules: Iterable[Rule], *, never_ban: Iterable[str] = (), identified: bool = False) -> None:
        self.rules = tuple(rules)
        refuse_namesakes(self.rules)
        self.never_ban = Networks(never_ban)
        self.safelists = tuple((r, r.condition) for r in self.rules if isinstance(r, Safelist))
        self.blocklists = tuple((r, r.condition) for r in self.rules if isinstance(r, Blocklist))
        self.tracks = tuple(r for r in self.rules if isinstance(r, Track) and r.limit is None)
        metered = [
            r
            for r in self.rules
            if isinstance(r, (Throttle, BanRule)) or (isinstance(r, Track) and r.limit is not None)
        ]
        self.lanes = _lanes(metered, identified=identified)
        self.outward = tuple(lane for lane in self.lanes if lane.outward)
        self.settles = bool(self.outward) or any(t.condition and t.condition.on_answer for t in self.tracks)
        self.shut_out = _shut_out(self.rules)
        self.has_quotas = any(isinstance(r, Throttle) and not r.shadow for r in metered)
        self.by_client = self.by_line and all(r.when is None for r in self.rules)
        self._protects = bool(self.never_ban)
        self._protected: dict[str, bool] = {}

    @cached_property
    def by_line(self) -> bool:
        """Are the client, the method and the path all that a decision depends on, and its answer not even looked at?
        ``by_client`` says that the client is.
        """
        return (
            len(self.lanes) == 1
            and self.lanes[0].key is by_address
            and not (self.settles or self.tracks or any(e.dynamic for e in self.lanes[0].entries))
            and all(r.condition is None or r.condition.by_line for r in self.rules)
        )

    def check(self, request: Request) -> Decision:
        """What to ask about this request, in ``asks``; a decision already when a list decides. Calls no store and no
        clock.
        """
        decision = Decision(request)
        if (self.safelists or self.blocklists) and self._listed(decision):
            return decision
        client = request.client
        exempt = client.forgotten_proxy or (self._protects and self.exempts(client))
        decision.exempt = exempt
        asks, rows = decision.asks, decision.rows
        for lane in self.lanes:
            try:
                key = lane.key(request)
                row = None if key is None else (not exempt and lane.plain) or lane.inward(request, exempt=exempt)
            except Exception:  # noqa: BLE001  rules may be anybody's code
                key, row = ask_the_sound(decision, lane)
            if key is not None and row is not None:
                asks.append((key, row.group, evidence(request) if row.group.strikes else ""))
                rows.append(row)
        if not decision.allowed:  # by a rule that failed: nothing is counted
            asks.clear()
            rows.clear()
        return decision

    def refuse_again(self, request: Request, tally: Tally) -> Decision | None:
        """The decision about a client that was found banned a moment ago; None when more than the ban has a say.

        Only for bans that cover every request of an address, where no list could decide before them; the client must be
        one that may be banned.
        """
        rule = self.shut_out.get(tally[0])
        if rule is None or self.safelists or self.blocklists:
            return None
        decision = Decision(request)
        decision.shut_out(rule if isinstance(rule, BanRule) else None, tally)
        return decision

    def exempts(self, client: Client) -> bool:
        """May this client not be banned? Declared proxies, the operator, and a proxy somebody forgot to declare."""
        if client.forgotten_proxy:
            return True
        if not self.never_ban:
            return False
        known = self._protected.get(client.address)
        if known is None:
            if len(self._protected) > 16384:
                self._protected.clear()
            known = self._protected[client.address] = client.address in self.never_ban
        return known

    def _listed(self, decision: Decision) -> bool:
        for safe, when in self.safelists:
            if when is None or applies(decision, safe, when.test):
                decision.settle_by("safelist", safe)
                return True
        for block, when in self.blocklists:
            if when is None or applies(decision, block, when.test):
                decision.settle_by("blocklist", block, shadow=block.shadow)
            if not decision.allowed:
                return True
        return False

    def decide(self, decision: Decision, tallies: Sequence[Tally]) -> Decision:
        """Finish a decision with what the store answered to its asks."""
        decision.tallies = tallies
        for (client, _, _), row, tally in zip(decision.asks, decision.rows, tallies):  # noqa: B905  same length by contract
            if tally[0]:
                decision.banned(client, row, tally)
            elif row.refuser is not None or any(map(WAIT, tally[2])):
                decision.weigh(client, row, tally)
            elif decision.exempt:
                decision.weigh_exempt(client, row, tally)
        if self.tracks and decision.allowed and not decision.answered:
            self._track(decision, on_answer=False)
        return decision

    def _track(self, decision: Decision, *, on_answer: bool) -> None:
        for track in self.tracks:
            when = track.condition
            if (when is not None and when.on_answer) == on_answer and (
                when is None or applies(decision, track, when.test)
            ):
                decision.notes += (Note("track", track.name, decision.request.client.key),)

    def settle(self, decision: Decision, status: int) -> Decision | None:
        """What to ask on the way out, now that the status is known; None for most answers."""
        request = decision.request
        request.status = status
        if decision.kind in {"safelist", "unjudged"}:  # of a store that is down nothing more is asked
            return None
        after = Decision(request)
        after.exempt, after.answered = decision.exempt, True
        for lane in self.outward:
            key, row = answered_by(after, lane, decision.used(lane))
            if key is not None and row is not None:
                after.asks.append((key, row.group, evidence(request)))
                after.rows.append(row)
        self._track(after, on_answer=True)
        return after if after.asks or after.notes else None

    def unjudged(self, decision: Decision) -> Decision:
        """The decision when the store could not be asked: refused only when a rule that applies says so."""
        decision.kind = "unjudged"
        for row in decision.rows:
            for entry in row.entries:
                if entry.rule.on_store_failure == "refuse" and not entry.rule.shadow:
                    decision.allowed, decision.rule = False, entry.rule
        return decision


WAIT = itemgetter(1)


def _shut_out(rules: Sequence[Rule]) -> dict[str, BanRule | str]:
    """What may ban an address from everything: rules by their name, and an operator's hand."""
    found: dict[str, BanRule | str] = {MANUAL: MANUAL}
    for rule in rules:
        if isinstance(rule, BanRule) and rule.over is None and rule.by == "address" and not rule.shadow:
            found[rule.name] = rule
    return found


def refuse_namesakes(rules: Iterable[Rule]) -> None:
    """Raise ConfigurationError when two rules have one name, and so would share a counter."""
    seen: set[str] = set()
    for rule in rules:
        if rule.name in seen:
            raise ConfigurationError(f"two rules are named {rule.name!r}", remedy="Give each rule a name of its own.")
        seen.add(rule.name)


def _lanes(rules: Sequence[Metered], *, identified: bool) -> tuple[Lane, ...]:
    """Rules that count the same clients share a lane; addresses, and users and tokens where known, always have one,
    since they can be banned by hand.
    """
    by_key: dict[Key, list[Metered]] = {by_address: []}
    if identified:
        by_key |= {by_user: [], by_token: []}
    named: dict[object, Key] = {}
    for rule in rules:
        by = tuple(rule.by) if isinstance(rule.by, list) else rule.by
        key = named.setdefault(by, key_of(rule.by))
        by_key.setdefault(key, []).append(rule)
    return tuple(Lane(key, found) for key, found in by_key.items())


def evidence(request: Request) -> str:
    """The request in a few words, for the person who will ask why: never its query, which may hold a token."""
    status = f" {request.status}" if request.status else ""
    path = request.path if request.path.isprintable() else ascii(request.path)[1:-1]
    return f"{request.method[:16]} {path[:160]}{status}"
