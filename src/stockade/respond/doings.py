"""What somebody did while an incident's window was open: a sentence for each class of behaviour, with its entries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stockade.actions import BEHAVIOUR_OF, Behaviour
from stockade.events import Entry, Ref
from stockade.respond.report import Sentence


def doings(subject: Ref, seen: Sequence[Entry]) -> Iterator[Sentence]:
    """What of ``seen`` the subject itself did, class by class."""
    by_class: dict[Behaviour, list[Entry]] = {}
    for entry in seen:
        behaviour = BEHAVIOUR_OF.get(entry.event.action)
        if behaviour is not None and entry.event.actor == subject:
            by_class.setdefault(behaviour, []).append(entry)
    for behaviour, entries in by_class.items():
        actions = ", ".join(sorted({entry.event.action for entry in entries}))
        counted = "once" if len(entries) == 1 else f"{len(entries)} times"
        text = f"{subject.id} acted {counted} on {behaviour.value} in the window: {actions}."
        yield Sentence(text, tuple(map(str, entries)))
