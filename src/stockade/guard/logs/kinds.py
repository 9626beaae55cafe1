"""What is asked of a store for an access-log line depends on little: the request as it is written, and the status.

So it is found out once for each of those, with the policy's own lanes, and found again in a dictionary. Nothing is
remembered that depends on more: while it is found out, the conditions are watched for what they ask about. A condition
is taken to be a function of the request, as everywhere in the guard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from stockade.guard.conditions import Condition
from stockade.guard.discriminators import by_address
from stockade.guard.lanes import CLEAR, MAX_ROWS, Lane, Row
from stockade.guard.logs.formats.line import Line
from stockade.guard.logs.ledger import Looks
from stockade.guard.meter import Ask, Group, Meter, Tally, Window
from stockade.guard.policy import Policy, evidence
from stockade.guard.request import Request

ABOUT_THE_CLIENT: Final = frozenset({"client", "address"})
VARYING: Final = frozenset({"user-agent", "referer", "x-forwarded-for"})
"""Header fields that a log has and a request line has not."""

Template = Sequence[tuple[str | None, Group, str]]
"""Asks without the client: None stands for its key."""


class WatchedRequest(Request):
    """A request that tells what it was asked about, in ``asked``."""

    __slots__ = ("asked",)

    def __init__(self, request: Request, line: Line) -> None:
        self.asked: set[str] = set()

        def header(name: str) -> str | None:
            self.asked.add(name)
            return line.header(name)

        super().__init__(request.client, request.method, request.path, header, request.query)
        self.asked.clear()

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name != "asked":
            self.asked.add(name)
        return found


class Lean(NamedTuple):
    """A row without the meters that only look at an enforced ban, for the bans of a group are looked at first anyway;
    and what of them moves on.
    """

    row: Row
    group: Group
    looks: Looks


class Known(NamedTuple):
    """What lines of one kind ask, on the way ``inward`` and on the way ``out``.

    ``alone`` is what is asked where it is asked about the client's address alone, as nearly always. ``cleared`` are
    the places (of an ask, and of a reading in its answer) of counts that the answer clears when they are not clear
    already. ``signs_in`` says that such a line is a sign-in that succeeded, ``answers`` that there is anything to do
    on the way out.
    """

    inward: Template
    rows: Sequence[Row]
    out: Template
    out_rows: Sequence[Row]
    cleared: Sequence[tuple[int, int]]
    signs_in: bool = False
    answers: bool = False
    alone: Lean | None = None

    def clears(self, tallies: Sequence[Tally]) -> bool:
        """Does the answer clear a count that is not clear?"""
        return any(tallies[ask][2][reading][0] > 0.0 for ask, reading in self.cleared)


PERSONAL: Final = Known((), (), (), (), ())
"""Stands for a kind of which only something personal is known."""


def asks_about(client: str, template: Template) -> list[Ask]:
    """The asks of a template about one client."""
    return [(client if key is None else key, group, said) for key, group, said in template]


class Lesson(NamedTuple):
    """What was ``known`` of a line's kind, None when every such line must be judged in full; and whether that is
    ``personal``, true of one client alone.
    """

    known: Known | None
    personal: bool


class Learner:
    """Finds out for a policy what lines of one kind ask. ``signs_in`` recognises a sign-in that succeeded, ``look`` is
    the ledger's.
    """

    def __init__(self, policy: Policy, signs_in: Condition, look: Callable[[Meter], tuple[int, float]]) -> None:
        self.policy = policy
        self._look = look
        self._lean: dict[Group, Lean] = {}
        self.signs_in = signs_in
        self._dynamic = any(entry.dynamic for lane in policy.lanes for entry in lane.entries)

    def learn(self, request: Request, line: Line) -> Lesson:
        """What every line with this request and this status asks."""
        watched = WatchedRequest(request, line)
        known = None if self._dynamic or self._listed(watched) else self._known(watched, line)
        if watched.asked & VARYING:
            return Lesson(None, personal=False)
        return Lesson(known, bool(watched.asked & ABOUT_THE_CLIENT))

    def _known(self, request: Request, line: Line) -> Known | None:
        inward, rows = self._inward(request)
        request.status = line.status
        out, out_rows = self._counted(request)
        cleared = self._cleared(request, rows)
        if (out and cleared) or self._tracked(request) or any(row.refuser for row in rows):
            return None
        signs_in = bool(self.signs_in.test(request))
        answers = bool(out or cleared or signs_in)
        known = Known(inward, rows, out, out_rows, cleared, signs_in, answers)
        if len(inward) > 1 or inward[0][0] is not None or cleared:
            return known
        lean = self._without_looks(rows[0])
        return known._replace(inward=[(None, lean.row.group, inward[0][2])], rows=[lean.row], alone=lean)

    def _listed(self, request: Request) -> bool:
        lists = (*self.policy.safelists, *self.policy.blocklists)
        return any(when is None or when.test(request) for _, when in lists)

    def _tracked(self, request: Request) -> bool:
        return any(track.condition is None or track.condition.test(request) for track in self.policy.tracks)

    def _inward(self, request: Request) -> tuple[Template, list[Row]]:
        asks, rows = [], []
        for key, lane in _applying(self.policy.lanes, request):
            row = lane.plain or lane.inward(request, exempt=False)
            asks.append((key, row.group, evidence(request) if row.group.strikes else ""))
            rows.append(row)
        return asks, rows

    def _counted(self, request: Request) -> tuple[Template, list[Row]]:
        """What the answer counts."""
        asks, rows = [], []
        for key, lane in _applying(self.policy.outward, request):
            row = lane.outgoing(request, (), exempt=False)
            if row is not None:
                asks.append((key, row.group, evidence(request)))
                rows.append(row)
        return asks, rows

    def _cleared(self, request: Request, rows: Sequence[Row]) -> list[tuple[int, int]]:
        """Where the counts are that the answer clears."""
        entries = [entry for lane in self.policy.outward for entry in lane.outward]
        names = {entry.rule.name for entry in entries if entry.outgoing(request) == CLEAR}
        places = [(ask, at, entry) for ask, row in enumerate(rows) for at, entry in enumerate(row.entries)]
        return [(ask, at) for ask, at, entry in places if entry.rule.name in names]

    def _without_looks(self, row: Row) -> Lean:
        """Stores make each group ready once, so there is one lean row for each."""
        found = self._lean.get(row.group)
        if found is None:
            if len(self._lean) >= MAX_ROWS:
                self._lean.clear()
            found = self._lean[row.group] = self._made_lean(row)
        return found

    def _made_lean(self, row: Row) -> Lean:
        pairs = list(zip(row.entries, row.group.meters, strict=True))
        kept = [pair for pair in pairs if not _only_looks(pair[1])]
        group = Group([meter for _, meter in kept], exempt=row.group.exempt)
        group.bans = row.group.bans
        looks = [self._look(meter) for _, meter in pairs if _only_looks(meter)]
        return Lean(Row(group, [entry for entry, _ in kept], row.refuser), group, looks)


def _only_looks(meter: Meter) -> bool:
    return meter.window is Window.STRIKES and meter.cost == 0.0 and meter.enforced


def _applying(lanes: Sequence[Lane], request: Request) -> Iterator[tuple[str | None, Lane]]:
    """The lanes that count this request, and by what; None for the client's key."""
    for lane in lanes:
        key = None if lane.key is by_address else lane.key(request)
        if key is not None or lane.key is by_address:
            yield key, lane
