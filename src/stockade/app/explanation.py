"""Why a client is refused, what it has used, and which rules a request would meet."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from stockade.app.worst_case import WorstCase, worst_case
from stockade.config.values import written_duration
from stockade.errors import ConfigurationError
from stockade.guard.address import Client, canonical
from stockade.guard.discriminators import Key, by_address, by_identity, by_token, by_user
from stockade.guard.gate import Guard
from stockade.guard.lanes import LOOK, Entry
from stockade.guard.meter import MICROSECONDS, Ask, Ban, Group, Tally
from stockade.guard.networks import Networks
from stockade.guard.paths import from_target
from stockade.guard.request import Identity, Request
from stockade.guard.rules import BanRule, Metered, Rule, Throttle, Track


@dataclass(frozen=True, slots=True)
class Counter:
    """How far a client has come with one rule; ``wait`` is the seconds until there is room again."""

    rule: str
    kind: str
    used: float
    limit: float
    period: float
    wait: float = 0.0
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class ClientExplained:
    """All that is known of one client. ``exempt`` clients can never be banned; ``recent`` are entries of the log;
    ``advice`` is what to do about a proxy that somebody forgot to declare.
    """

    target: str
    key: str
    bans: Sequence[Ban]
    counters: Sequence[Counter]
    exempt: bool = False
    recent: Sequence[Mapping[str, object]] = ()
    advice: str = ""


@dataclass(frozen=True, slots=True)
class RuleExplained:
    """One rule before one request: does it apply, what does it ask, and what does it admit in the worst case?

    ``certain`` is false where only the answer's status can tell.
    """

    name: str
    kind: str
    applies: bool
    certain: bool
    says: str
    when: str
    worst: WorstCase | None
    shadow: bool


@dataclass(frozen=True, slots=True)
class RequestExplained:
    """The rules that one request would meet, in the order in which they decide; ``client`` is None when not said."""

    method: str
    path: str
    client: ClientExplained | None
    rules: Sequence[RuleExplained]


def advice_of(entries: Sequence[Mapping[str, object]], key: str, declared: Networks) -> str:
    """What the security log advises about a client that forwards without being declared; nothing once it is."""
    told = [e for e in entries if e.get("action") == "guard.proxy.undeclared" and e.get("client") == key]
    return str(told[-1].get("advice", "")) if told and str(told[-1].get("remote_ip")) not in declared else ""


_REQUEST = re.compile(
    r"(?P<method>[A-Za-z]{1,20})\s+(?P<target>\S+)(?:\s+from\s+(?P<address>\S+))?(?:\s+as\s+(?P<user>\S+))?\s*"
)
_ORDER = ("safelist", "blocklist", "fail2ban", "allow2ban", "throttle", "track")


def looks_like_request(text: str) -> bool:
    """``POST /users/sign_in from 203.0.113.9`` does; an address does not."""
    return bool(re.match(r"\s*[A-Za-z]{1,20}\s+\S", text))


def request_of(text: str, guard: Guard, headers: Mapping[str, str]) -> tuple[Request, str | None]:
    """The request that some words describe, and the address in them. Raises ConfigurationError."""
    found = _REQUEST.fullmatch(text.strip())
    if not found or not found["target"].startswith(("/", "http://", "https://")):
        raise ConfigurationError(
            f"not a request: {text!r}", remedy="Write it as: POST /users/sign_in from 203.0.113.9 as alice"
        )
    address = canonical(found["address"]) if found["address"] else None
    if found["address"] and address is None:
        raise ConfigurationError(f"not an address: {found['address']!r}", remedy="Write it as 203.0.113.9.")
    lines = {name.lower(): value for name, value in headers.items()}
    path, _, query = found["target"].partition("?")
    user = found["user"]
    who = Identity(user) if user else None
    request = Request(
        guard.client(address or "192.0.2.1"),
        found["method"].upper(),
        from_target(path),
        lines.get,
        query,
        identify=lambda _: who,
    )
    return request, address


def rules_before(request: Request, rules: Sequence[Rule]) -> list[RuleExplained]:
    """What each rule has to say about a request, in the order in which they decide."""
    ordered = sorted(rules, key=lambda rule: _ORDER.index(rule.kind))
    return [_explained(rule, request) for rule in ordered]


def _explained(rule: Rule, request: Request) -> RuleExplained:
    when = rule.condition
    return RuleExplained(
        rule.name,
        rule.kind,
        applies=when is None or bool(when.possible(request)),
        certain=not (when is not None and when.on_answer),
        says=says(rule),
        when=repr(when) if when is not None else "every request",
        worst=worst_case(rule),
        shadow=bool(getattr(rule, "shadow", False)),
    )


def says(rule: Rule) -> str:
    """A rule in a few words."""
    if isinstance(rule, BanRule):
        times = ", then ".join(written_duration(t) for t in rule.bantimes)
        return f"{rule.maxretry} strikes in {written_duration(rule.findtime)} ban for {times}, by {_by(rule)}"
    if isinstance(rule, (Throttle, Track)) and rule.limit is not None:
        if callable(rule.limit) or callable(rule.period) or rule.period is None:
            return f"a limit that depends on the request, by {_by(rule)}"
        return f"{rule.limit:g} in {written_duration(rule.period)} ({rule.window}), by {_by(rule)}"
    return {"safelist": "passes at once", "blocklist": "is refused", "track": "is reported"}.get(rule.kind, "")


def _by(rule: Metered) -> str:
    if isinstance(rule.by, str):
        return rule.by
    if callable(rule.by):
        return getattr(rule.by, "__name__", "a callable")
    return " and ".join(str(each) for each in rule.by)


# ── one client's counters ────────────────────────────────────────────────────────────────────────


def questions(key: str, guard: Guard) -> tuple[list[Entry], list[Ask]]:
    """What to ask a store about one client, changing nothing: a look at each rule that counts clients of its kind."""
    kinds = _keys_of(key)
    entries = [e for lane in guard.policy.lanes if lane.key in kinds for e in lane.entries if not e.dynamic]
    meters = [entry.meter(LOOK, NO_REQUEST, asks=True, exempt=False) for entry in entries]
    return entries, [(key, Group(meters, exempt=True), "")] if meters else []


def _keys_of(key: str) -> tuple[Key, ...]:
    if key.startswith("user:"):
        return (by_user, by_identity)
    if key.startswith("token:"):
        return (by_token, by_identity)
    return (by_address,)


def counters(entries: Sequence[Entry], tallies: Sequence[Tally]) -> list[Counter]:
    """What the store answered, as counters; those at zero are left out."""
    readings = [reading for tally in tallies for reading in tally[2]]
    found = []
    for entry, (used, wait, _) in zip(entries, readings, strict=True):
        rule = entry.rule
        meter = entry.meter(LOOK, NO_REQUEST, asks=True, exempt=False)
        if used > 0.0:
            seconds = wait / MICROSECONDS
            period = meter.period / MICROSECONDS
            found.append(Counter(rule.name, rule.kind, used, meter.limit, period, seconds, rule.shadow))
    return found


NO_REQUEST: Final = Request(Client("", "", ""), "GET", "/", lambda _name: None)
"""Stands for the request where no callable looks at it."""
