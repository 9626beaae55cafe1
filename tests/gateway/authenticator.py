"""An authenticator app, whose every code is one that is taken now, however fast or slow the machine."""

from __future__ import annotations

import time

import pyotp

STEP = 30
"""Seconds that a code is shown."""


class App:
    """Each code counts once: what the app shows, or what it will show next where that was used."""

    def __init__(self, key: str) -> None:
        self._totp, self._last = pyotp.TOTP(key), 0

    def of(self, step: int) -> str:
        """The code of a step."""
        self._last = step
        return self._totp.generate_otp(step)

    def code(self) -> str:
        """A code that was not used before: of two within one step a server takes the second, too."""
        return self.of(max(self._last + 1, int(time.time() // STEP)))
