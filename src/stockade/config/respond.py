"""The response as it is written in a configuration: who must say yes, and for how long a plan holds."""

from __future__ import annotations

from dataclasses import dataclass

from stockade.config.tables import setting
from stockade.config.values import DURATION, TEXTS, whole


@dataclass(frozen=True, kw_only=True)
class RespondSettings:
    """What is done about a compromised account: `stockade plan`, `approve`, `run`, `undo`, `unblock`."""

    approvals: int = setting(whole(1, 9), "How many people must approve each tactic of a plan, and its undoing.", 1)
    approvers: tuple[str, ...] = setting(
        TEXTS, "Who may approve, by the name of their login; everybody who can give commands here, if none.", ()
    )
    plan_expires: float = setting(DURATION, "How long a plan may wait to be begun.", 3600.0)
    window: float = setting(DURATION, "How far back a plan looks unless it is told.", 7 * 86400.0)
