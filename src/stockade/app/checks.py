"""What `stockade check` looks at: each check says what it found and, where something is wrong, what to do."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from stockade.app.worst_case import worst_case
from stockade.config import Settings, rules_of
from stockade.errors import ConfigurationError
from stockade.guard.networks import Networks
from stockade.guard.rules import BanRule, Metered
from stockade.guard.workers import workers as asked_for

Grade = Literal["good", "warning", "problem"]
ENOUGH: Final = 20
"""Entries of the security log from which on it says something about where traffic comes from."""


@dataclass(frozen=True, slots=True)
class Found:
    """One line of a check-up: about ``what``, a ``grade``, what is the case, and what to do about it."""

    what: str
    grade: Grade
    says: str
    remedy: str = ""


def configuration(settings: Settings) -> Iterator[Found]:
    """Which file holds, and which rules."""
    where = str(settings.file) if settings.file else "no file: the built-in defaults"
    yield Found("configuration", "good", where)
    rules, preset = rules_of(settings), settings.effective_preset
    own = len(settings.written_rules)
    said = f'{len(rules) - own} from the preset "{preset}", {own} of the file' if preset != "none" else f"{own}"
    yield Found(
        "rules", "good" if rules else "warning", said if rules else "there are none", "" if rules else _NO_RULES
    )
    shadows = [rule.name for rule in rules if getattr(rule, "shadow", False)]
    if shadows:
        yield Found("shadow", "good", f"counted, not enforced: {', '.join(shadows)}")
    if not settings.operators:
        yield Found("operators", "warning", "nobody is safe from a ban", _NO_OPERATORS)


_NO_RULES: Final = 'Add a [[throttle]], or preset = "forge".'
_NO_OPERATORS: Final = 'Write your own address, so that you cannot lock yourself out: operators = ["203.0.113.7"].'


def processes(settings: Settings, environ: Mapping[str, str] = os.environ) -> Iterator[Found]:
    """Do all processes count together?"""
    workers = max(settings.workers, asked_for(environ, ()))
    if settings.store.written == "memory" and workers > 1:
        yield Found(
            "workers",
            "problem",
            f"{workers} processes with a memory each: every limit is {workers} times what it says",
            'Write store = "shared", and all processes of this machine count together.',
        )
    else:
        yield Found("workers", "good", f"{workers}, counting {'alone' if workers == 1 else 'together'}")


def proxies(settings: Settings, entries: Sequence[Mapping[str, object]]) -> Iterator[Found]:
    """Is the client's address the client's? Judged by what the security log has seen."""
    declared = Networks(settings.trusted_proxies)
    peers = {str(e.get("remote_ip")) for e in entries if e.get("action") == "guard.proxy.undeclared"}
    undeclared = sorted(peer for peer in peers if peer not in declared)
    for peer in undeclared:
        yield Found(
            "proxies",
            "problem",
            f"{peer} sends forwarding headers and is not declared; nobody behind it can be banned",
            f'If it is your proxy, write trusted_proxies = ["{peer}"].',
        )
    rewritten = [e for e in entries if e.get("action") == "guard.proxy.rewritten"]
    if rewritten:
        yield Found(
            "proxies",
            "problem",
            "the server in front has already put the forwarded address in the place of the peer's",
            "Switch that off (uvicorn: --no-proxy-headers) and declare the proxy here with trusted_proxies.",
        )
    yield from _one_source(entries)
    if not undeclared and not rewritten:
        named = ", ".join(settings.trusted_proxies)
        yield Found("proxies", "good", f"{named} by {settings.proxy_header}" if named else "none declared")


def _one_source(entries: Sequence[Mapping[str, object]]) -> Iterator[Found]:
    sources = Counter(str(e["remote_ip"]) for e in entries if e.get("remote_ip") and "matched" in e)
    if sources.total() >= ENOUGH:
        address, times = sources.most_common(1)[0]
        if times >= 0.95 * sources.total() and not address.startswith("127.") and address != "::1":
            yield Found(
                "proxies",
                "warning",
                f"{times} of the last {sources.total()} decisions were about {address} alone",
                f'Is that a proxy or a load balancer? Then write trusted_proxies = ["{address}"].',
            )


def refused_configuration(entries: Sequence[Mapping[str, object]]) -> Iterator[Found]:
    """Does a running server hold on to an older configuration because the new one is wrong?"""
    told = [e for e in entries if str(e.get("action", "")).startswith("configuration.")]
    if told and told[-1]["action"] == "configuration.refused":
        yield Found(
            "server",
            "problem",
            f"it keeps the former configuration, since {told[-1].get('time')}: {told[-1].get('error')}",
            str(told[-1].get("remedy") or "Mend the file; it is read again within a second."),
        )


def outages(entries: Sequence[Mapping[str, object]]) -> Iterator[Found]:
    """Has the store been away lately?"""
    for entry in entries:
        if entry.get("action") == "guard.store.up":
            yield Found(
                "outage",
                "warning",
                f"until {entry.get('time')} the store was away; {entry.get('unjudged', 0)} requests passed unjudged",
                'See why; rules with on_store_failure = "refuse" let nothing pass then.',
            )


def worst_cases(settings: Settings) -> Iterator[Found]:
    """What each rule really admits."""
    for rule in rules_of(settings):
        worst = worst_case(rule)
        if worst is not None and isinstance(rule, Metered):
            kind = "ban" if isinstance(rule, BanRule) else "limit"
            yield Found(f"{kind} {rule.name}", "good", f"at most {worst}")


def security_txt(settings: Settings, now: float) -> Iterator[Found]:
    """Is the public security contact valid, and for how long?"""
    if settings.security_txt is None:
        return
    from stockade.app.contact import document, security_txt_of

    try:
        security_txt_of(settings)
    except ConfigurationError as error:
        yield Found("security.txt", "problem", error.message, error.remedy)
        return
    described = document(settings.security_txt)
    problem = described.warn_before_expiry(datetime.fromtimestamp(now, UTC))
    if problem is not None:
        yield Found("security.txt", "warning", problem.message, problem.remedy)
    else:
        yield Found("security.txt", "good", f"valid until {described.expires:%Y-%m-%d}")
