"""Shuts a machine's network and tries it at once: what answered before has to answer still, or all is as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from stockade.errors import Unavailable
from stockade.host.restrict.kernel import PacketFilter
from stockade.host.restrict.named import Connection, Restriction, Server, refuse_to_cut
from stockade.host.restrict.sessions import established
from stockade.host.restrict.standing import Note
from stockade.host.restrict.trying import Answers, answers, lost

Probe = Callable[[Iterable[Server]], Answers]
Open = Callable[[], Iterable[Connection]]


def shut(
    packets: PacketFilter,
    restriction: Restriction,
    within: float,
    note: Note,
    *,
    sessions: Iterable[Connection] = (),
    sinks: Iterable[Server] = (),
    probe: Probe = answers,
    connections: Open = established,
) -> Answers:
    """Put a restriction on trial for ``within`` seconds, and try it: who of those that are named answers.

    ``sessions`` and ``sinks`` must not be cut: raises Refused, and changes nothing, where they would be. Raises
    Unavailable, with all as it was, where something that is named answered before and does not now.
    """
    refuse_to_cut(restriction, sessions, sinks)
    before = probe(restriction.servers)
    packets.try_out(restriction, within, note)
    after = probe([each for each, answered in before.items() if answered])
    gone = [each.name for each in lost(before, after)] + [str(each) for each in sessions if each not in connections()]
    if gone:
        packets.fall_back()
        raise Unavailable(
            f"with these rules {', '.join(gone)} cannot be reached any more; they were taken away again",
            remedy="Look whether it has other addresses, and name them: --allow-out ADDRESS:PORT.",
        )
    return before
