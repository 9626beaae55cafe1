"""Evidence as a step of a plan: an Actuator that takes it from this machine, and knows whether it is sealed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from stockade.errors import ConfigurationError, Refused
from stockade.events import Ref
from stockade.host.evidence.artifact import Artifact
from stockade.host.evidence.collecting import Step as Progress
from stockade.host.evidence.collecting import begin, resume
from stockade.host.evidence.manifest import read
from stockade.host.evidence.store import Store
from stockade.host.evidence.verify import verify
from stockade.host.evidence.walking import Place
from stockade.steps import Step

VERB: Final = "evidence.collect"
Open = Callable[[str, str], Store]
"""Answers the collection of a name in a sink."""


class Evidence:
    """Takes ``evidence.collect`` of ``host:machine/NAME``: into the sink ``to``, as the ``collection`` of its details.

    The name of the collection stands in the plan, so that whoever resumes the plan goes on with it.
    """

    system: str = "host"
    verbs: frozenset[str] = frozenset({VERB})

    def __init__(self, machine: str, root: Path, artifacts: Callable[[], Sequence[Artifact]], open: Open) -> None:
        self._machine, self._root, self._artifacts, self._open = machine, root, artifacts, open

    def observe(self, target: Ref) -> Mapping[str, object]:  # noqa: ARG002  nothing that a step could depend on
        """Nothing: whatever is there is evidence."""
        return {}

    def perform(self, step: Step, *, by: Ref | None = None) -> Mapping[str, object]:  # noqa: ARG002  the plan says it
        """Take it and seal it; what is sealed already stays. Raises Refused, Unavailable, Tampered."""
        store = self._store(step)
        state, place = _state(store), Place.at(self._root, own=store.place)
        if state == "sealed":
            return {}
        if state == "begun":
            sealed = resume(store, self._artifacts(), place, tell=_untold)
        else:
            secrets = step.details.get("secrets") is True
            sealed = begin(store, self._artifacts(), place, secrets=secrets, tell=_untold)
        return {"head": sealed.phrase, "items": sealed.items, "in": sealed.place}

    def holds(self, step: Step) -> bool:
        """Whether it is there, sealed, and every octet as it was taken. Raises Tampered when it is not."""
        store = self._store(step)
        return _state(store) == "sealed" and verify(store).sealed

    def _store(self, step: Step) -> Store:
        if step.target.id != self._machine:
            raise Refused(
                f"this is {self._machine}, and evidence is wanted of {step.target.id}",
                remedy=f"Run the plan on {step.target.id}.",
            )
        to, name = step.details.get("to"), step.details.get("collection")
        if not isinstance(to, str) or not isinstance(name, str):
            raise ConfigurationError("the step does not say where evidence goes", remedy="Draw the plan again.")
        return self._open(to, name)


def _state(store: Store) -> str:
    try:
        return "begun" if read(store).sealed is None else "sealed"
    except ConfigurationError:
        return "none"


def _untold(_step: Progress) -> None:
    """The plan tells of its steps itself."""
