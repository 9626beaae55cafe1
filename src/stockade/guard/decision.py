"""May it pass, and who said so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from stockade.guard.meter import MICROSECONDS, Ask, Meter, Tally
from stockade.guard.request import Request
from stockade.guard.rules import BanRule, Metered, Rule, Throttle

if TYPE_CHECKING:
    from stockade.guard.lanes import Entry, Lane, Row

Verdict = Literal["pass", "safelist", "blocklist", "throttle", "ban", "fail2ban", "unjudged"]
NoteKind = Literal["safelist", "blocklist", "throttle", "track", "ban", "banned", "strike", "exempt", "failed"]


class Note(NamedTuple):
    """Something worth reading about a request: what happened, by which rule, to whom.

    ``ban`` is a ban placed just now and ``banned`` a request refused by one; ``exempt`` is a ban that was not placed,
    because the client may not be banned; ``failed`` is a rule whose own code raised. ``until`` is in
    seconds since the epoch.
    """

    kind: NoteKind
    rule: str
    client: str
    used: float = 0.0
    limit: float = 0.0
    wait: float = 0.0
    level: int = 0
    until: float = 0.0
    shadow: bool = False
    evidence: str = ""


class Quota(NamedTuple):
    """How a throttle stands: ``remaining`` of ``limit`` a ``period`` (seconds), and ``reset`` seconds until there is
    more.
    """

    name: str
    limit: float
    period: float
    used: float
    remaining: float
    reset: float
    client: str


class Settling(Protocol):
    """Who is to be told how a request was answered."""

    def settle(self, decision: Decision, status: int, now: float | None = None) -> None: ...
    async def asettle(self, decision: Decision, status: int, now: float | None = None) -> None: ...


class Decision:
    """The answer to "may this request pass?", and until it is decided the question: ``asks`` is what a store must be
    asked.

    ``kind`` and ``rule`` say who decided (``rule`` is None for a ban by hand), ``wait`` in how many seconds to try
    again (0: never needed or never useful), ``notes`` what is worth writing down. ``exempt`` clients may not be
    banned; ``answered`` says that this is about an answer on its way out. ``beside`` are the decisions that an
    endpoint's own rules made about the same request, each with the guard that is to settle it.
    """

    allowed = True
    exempt = False
    answered = False
    kind: Verdict = "pass"
    rule: Rule | None = None
    client = ""
    wait = 0.0
    notes: tuple[Note, ...] = ()
    tallies: Sequence[Tally] = ()
    beside: tuple[tuple[Settling, Decision], ...] = ()

    def __init__(self, request: Request) -> None:
        self.request = request
        self.asks: list[Ask] = []
        self.rows: list[Row] = []

    def settle_by(self, kind: Literal["safelist", "blocklist"], rule: Rule, *, shadow: bool = False) -> None:
        """A list decides, or in shadow would have."""
        self.notes += (Note(kind, rule.name, self.request.client.key, shadow=shadow),)
        if not shadow:
            self.kind, self.rule, self.allowed = kind, rule, kind == "safelist"

    def shut_out(self, rule: BanRule | None, tally: Tally) -> None:
        """A ban of the client's address from everything answers for the request."""
        self.allowed, self.kind, self.rule = False, "ban", rule
        self.client = self.request.client.key
        self.notes = (Note("banned", tally[0], self.client, until=tally[1] / MICROSECONDS),)
        self.tallies = (tally,)

    def again(self, request: Request) -> Decision:
        """The same decision about another request of the client's."""
        other = Decision(request)
        other.allowed, other.kind, other.rule = False, self.kind, self.rule
        other.client, other.notes = self.client, self.notes
        return other

    def banned(self, client: str, row: Row, tally: Tally) -> None:
        """A live ban answers for the request."""
        banned_by, until, _ = tally
        rule = next((e.rule for e in row.entries if e.rule.name == banned_by), None)
        self._refuse("ban", rule, client, 0.0)
        self.notes += (Note("banned", banned_by, client, until=until / MICROSECONDS),)

    def weigh(self, client: str, row: Row, tally: Tally) -> None:
        """Read what each meter said, if it was asked and no other client's ban answered: refuse for the enforced ones,
        note for all.
        """
        for entry, (used, wait, level) in zip(row.entries, tally[2], strict=False):
            rule = entry.rule
            if isinstance(rule, BanRule):
                self._weigh_ban(client, rule, used, wait, level)
            elif wait > 0.0:
                self._weigh_throttle(client, entry, used, wait, row)
        if row.refuser is not None:
            self._refuse("fail2ban", row.refuser.rule, client, 0.0)
            self.notes += (Note("strike", row.refuser.rule.name, client),)

    def weigh_exempt(self, client: str, row: Row, tally: Tally) -> None:
        """Say of a client that may not be banned which rules would have banned it."""
        for entry, (used, _, _) in zip(row.entries, tally[2], strict=False):
            if isinstance(entry.rule, BanRule) and used >= entry.rule.maxretry:
                self.notes += (Note("exempt", entry.rule.name, client, used, entry.rule.maxretry),)

    def _weigh_throttle(self, client: str, entry: Entry, used: float, wait: float, row: Row) -> None:
        rule = entry.rule
        seconds = wait / MICROSECONDS
        limit = next(m.limit for m in row.group.meters if m.rule == rule.name)
        if isinstance(rule, Throttle) and not rule.shadow:
            self._refuse("throttle", rule, client, seconds)
        kind: NoteKind = "throttle" if isinstance(rule, Throttle) else "track"
        self.notes += (Note(kind, rule.name, client, used, limit, seconds, shadow=rule.shadow),)

    def _weigh_ban(self, client: str, rule: BanRule, used: float, wait: float, level: int) -> None:
        seconds = wait / MICROSECONDS
        if level:
            self.notes += (Note("ban", rule.name, client, used, rule.maxretry, seconds, level, shadow=rule.shadow),)
        elif wait > 0.0:
            self.notes += (Note("banned", rule.name, client, used, rule.maxretry, seconds, shadow=True),)

    def _refuse(self, kind: Verdict, rule: Metered | None, client: str, wait: float) -> None:
        """The gravest refusal wins; among throttles the one that lasts longest, so that Retry-After is true."""
        if self.allowed or (kind != "throttle" and self.kind == "throttle") or (kind == self.kind and wait > self.wait):
            self.kind, self.rule, self.client, self.wait = kind, rule, client, wait
        self.allowed = False

    @property
    def quotas(self) -> list[Quota]:
        """How every enforced throttle stands after this request, in the order of the rules, the endpoint's own last."""
        own = [
            _quota(client, meter, used, wait)
            for (client, _, _), row, tally in zip(self.asks, self.rows, self.tallies, strict=False)
            for entry, meter, (used, wait, _) in zip(row.entries, row.group.meters, tally[2], strict=False)
            if isinstance(entry.rule, Throttle) and not entry.rule.shadow
        ]
        return own + [quota for _, decision in self.beside for quota in decision.quotas]

    def used(self, lane: Lane) -> list[str]:
        """The rules of a lane whose count was not clear when the request came in."""
        names = {e.rule.name for e in lane.outward}
        return [
            entry.rule.name
            for row, tally in zip(self.rows, self.tallies, strict=False)
            for entry, reading in zip(row.entries, tally[2], strict=False)
            if reading[0] > 0.0 and entry.rule.name in names
        ]

    def __repr__(self) -> str:
        word = "passes" if self.allowed else "refused"
        return f"<Decision {word}: {self.kind}{f' by {self.rule.name}' if self.rule else ''}>"


def _quota(client: str, meter: Meter, used: float, wait: float) -> Quota:
    remaining = 0.0 if wait else max(0.0, meter.limit - used)
    reset = (wait or (0.0 if remaining else meter.period)) / MICROSECONDS
    return Quota(meter.rule, meter.limit, meter.period / MICROSECONDS, used, remaining, reset, client)
