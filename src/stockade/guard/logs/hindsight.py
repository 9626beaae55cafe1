"""What rules would have done to an old log: whom they would have refused, when, and who of them was no stranger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from stockade.guard.decision import Decision, Note
from stockade.guard.policy import evidence
from stockade.guard.rules import Kind, Rule

MAX_ROWS: Final = 50_000
MAX_CLIENTS: Final = 200_000
REFUSALS: Final = frozenset({"throttle", "banned", "blocklist", "strike", "track"})


@dataclass(frozen=True, slots=True)
class Row:
    """What one rule would have done to one client.

    ``requests`` is how many it would have refused (with ``shadow``, or of a track: noted), from ``first`` to ``last``;
    ``bans`` how many bans it would have placed, the last lasting ``until``. ``signed_in`` says how often the client
    signed in properly anywhere in the log, and ``refused_sign_ins`` how many of the refused requests were just that.
    ``evidence`` is the last of them in a few words. Times are seconds since the epoch, on the log's clock.
    """

    client: str
    rule: str
    kind: Kind
    shadow: bool
    requests: int
    first: float
    last: float
    bans: int
    until: float
    signed_in: int
    refused_sign_ins: int
    evidence: str


@dataclass(frozen=True, slots=True)
class RuleTotal:
    """What one rule would have done in all; ``signed_in`` is how many of its ``clients`` also signed in properly."""

    rule: str
    kind: Kind
    shadow: bool
    requests: int = 0
    clients: int = 0
    bans: int = 0
    signed_in: int = 0
    spared: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """The answer to "what would this have done?".

    Of ``lines``, ``requests`` could be judged, ``silent`` were about no request, and ``unreadable`` could not be read,
    the first of which are ``examples``, escaped. ``refused`` requests would have been refused, to ``clients`` clients
    of whom ``signed_in`` also signed in properly; ``refused_sign_ins`` of the refused were sign-ins that had
    succeeded. ``first`` and ``last`` are the log's own time (seconds since the epoch, 0.0 for an empty log),
    ``seconds`` how long the replay took. ``overlooked`` refusals were of clients beyond the number that is
    remembered. ``remarks`` are what else a reader should know.
    """

    source: str
    format: str
    lines: int
    requests: int
    silent: int
    unreadable: int
    examples: tuple[str, ...]
    first: float
    last: float
    refused: int
    clients: int
    signed_in: int
    refused_sign_ins: int
    rules: tuple[RuleTotal, ...]
    rows: tuple[Row, ...]
    overlooked: int
    remarks: tuple[str, ...]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values, the log's times in ISO 8601 (RFC 3339)."""
        found = asdict(self)
        found |= {key: iso(found[key]) for key in ("first", "last")}
        for row in found["rows"]:
            row |= {key: iso(row[key]) for key in ("first", "last", "until")}
        return found


def iso(time: float) -> str | None:
    """A time of the log in UTC; None for one that never was."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if time else None


class Entry:
    """A row while it is being written."""

    __slots__ = ("bans", "evidence", "first", "last", "refused_sign_ins", "requests", "until")

    def __init__(self, time: float) -> None:
        self.first = self.last = time
        self.requests = self.bans = self.refused_sign_ins = 0
        self.until = 0.0
        self.evidence = ""


class Hindsight:
    """Takes every decision that is worth a note, in as much memory as its bounds allow."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = {rule.name: rule for rule in rules}
        self.refused = self.refused_sign_ins = self.overlooked = 0
        self.sign_ins: dict[str, int] = {}
        self._entries: dict[tuple[str, str], Entry] = {}
        self._spared: dict[str, int] = {}

    def signed_in(self, client: str) -> None:
        """A client proved to be somebody."""
        count = self.sign_ins.get(client)
        if count is not None or len(self.sign_ins) < MAX_CLIENTS:
            self.sign_ins[client] = (count or 0) + 1

    def take(self, decision: Decision, time: float, *, signs_in: bool) -> None:
        """Write down what a decision would have meant, at ``time`` on the log's clock."""
        if not decision.allowed and not decision.answered:
            self.refused += 1
            self.refused_sign_ins += signs_in
        for note in decision.notes:
            if note.kind == "exempt":
                self._spared[note.rule] = self._spared.get(note.rule, 0) + 1
            elif note.kind == "ban" or (note.kind in REFUSALS and not (decision.answered and note.kind == "banned")):
                self._note(note, decision, time, signs_in=signs_in and not decision.allowed)

    def _note(self, note: Note, decision: Decision, time: float, *, signs_in: bool) -> None:
        entry = self._entry(note, time)
        if entry is None:
            self.overlooked += 1
            return
        entry.evidence = evidence(decision.request)
        if note.kind == "ban":
            entry.bans += 1
            entry.until = time + note.wait
        else:
            entry.requests += 1
            entry.last = max(entry.last, time)
            entry.refused_sign_ins += signs_in

    def _entry(self, note: Note, time: float) -> Entry | None:
        key = (note.client, note.rule)
        entry = self._entries.get(key)
        if entry is None and len(self._entries) < MAX_ROWS:
            entry = self._entries[key] = Entry(time)
        return entry

    def rows(self) -> tuple[Row, ...]:
        """All rows, those that may be mistakes first: who signed in properly, then who would have been refused most."""
        rows = (self._row(client, rule, entry) for (client, rule), entry in self._entries.items())
        return tuple(sorted(rows, key=lambda row: (-row.refused_sign_ins, -bool(row.signed_in), -row.requests)))

    def _row(self, client: str, name: str, entry: Entry) -> Row:
        rule = self.rules[name]
        return Row(
            client=client,
            rule=name,
            kind=rule.kind,
            shadow=_is_shadow(rule),
            requests=entry.requests,
            first=entry.first,
            last=entry.last,
            bans=entry.bans,
            until=entry.until,
            signed_in=self.sign_ins.get(client, 0),
            refused_sign_ins=entry.refused_sign_ins,
            evidence=entry.evidence,
        )

    def totals(self, rows: Iterable[Row]) -> tuple[RuleTotal, ...]:
        """One total for each rule that could have refused or noted, in the order of the rules."""
        by_rule: dict[str, list[Row]] = {name: [] for name, rule in self.rules.items() if rule.kind != "safelist"}
        for row in rows:
            by_rule[row.rule].append(row)
        return tuple(self._total(self.rules[name], found) for name, found in by_rule.items())

    def _total(self, rule: Rule, rows: list[Row]) -> RuleTotal:
        return RuleTotal(
            rule.name,
            rule.kind,
            _is_shadow(rule),
            requests=sum(row.requests for row in rows),
            clients=len(rows),
            bans=sum(row.bans for row in rows),
            signed_in=sum(1 for row in rows if row.signed_in),
            spared=self._spared.get(rule.name, 0),
        )


def refused_clients(rows: Iterable[Row]) -> Mapping[str, int]:
    """The clients that would have been refused something, and how often each signed in properly."""
    return {r.client: r.signed_in for r in rows if not r.shadow and r.kind != "track" and (r.requests or r.bans)}


def _is_shadow(rule: Rule) -> bool:
    return bool(getattr(rule, "shadow", False))
