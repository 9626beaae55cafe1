"""Rules of one endpoint: asked where the endpoint is, beside those of the guard that stands in front of all."""

from __future__ import annotations

from stockade.errors import ConfigurationError
from stockade.guard.answers import Answer
from stockade.guard.decision import Decision
from stockade.guard.gate import Guard
from stockade.guard.rules import Rule


class Limit:
    """What a decorator or a dependency asks. One limit for several endpoints is one counter for all of them.

    Raises ConfigurationError for a name that another rule of the guard has.
    """

    def __init__(self, guard: Guard, *rules: Rule) -> None:
        self.guard = guard
        self.rules = rules
        self._beside = guard.beside(*rules)
        self._in_front = guard.policy

    def decide(self, judged: Decision | None) -> Answer | None:
        """The refusal, or None when the request may pass. ``judged`` is what the guard in front decided; for a store
        that is asked without awaiting. Raises ConfigurationError when no guard stands in front.
        """
        judged = self._asked(judged)
        if judged is None:
            return None
        guard = self._companion()
        return _joined(guard, judged, guard.decide(judged.request))

    async def adecide(self, judged: Decision | None) -> Answer | None:
        """The same for any store."""
        judged = self._asked(judged)
        if judged is None:
            return None
        guard = self._companion()
        return _joined(guard, judged, await guard.adecide(judged.request))

    def _asked(self, judged: Decision | None) -> Decision | None:
        """What there is to go by; None for a request that nobody may limit."""
        if judged is None and self.guard.enabled:
            raise ConfigurationError(
                f"{self.rules[0].name} limits an endpoint that no guard stands in front of",
                remedy="Put the guard in front of the application too: protect(app, guard), Stockade(app, guard).",
            )
        return None if judged is None or judged.kind == "safelist" else judged

    def _companion(self) -> Guard:
        """The guard of these rules, made again after the one in front was given other rules or addresses."""
        if self._in_front is not self.guard.policy:
            self._beside, self._in_front = self.guard.beside(*self.rules), self.guard.policy
        return self._beside


def _joined(guard: Guard, judged: Decision, decision: Decision) -> Answer | None:
    """A request that may pass is settled, and its quota told, together with what was decided in front."""
    if not decision.allowed:
        return guard.refusal(decision)
    judged.beside += ((guard, decision),)
    return None
