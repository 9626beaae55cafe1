"""What applications get that people let in, as a configuration writes it."""

from __future__ import annotations

from dataclasses import dataclass

from stockade.config.tables import setting
from stockade.config.values import DURATION


@dataclass(frozen=True, kw_only=True)
class OAuthSettings:
    """What applications get that people let in."""

    refresh_idle: float = setting(
        DURATION,
        "How long a refresh token works that its application does not use; each use begins it anew.",
        90 * 86400.0,
    )
