"""Which new passwords are good enough, under a configuration."""

from __future__ import annotations

from stockade.config import Settings
from stockade.directory import Passwords
from stockade.directory.breached import Breached


def passwords_of(settings: Settings) -> Passwords:
    """How passwords are kept and which are refused. Raises ConfigurationError for a list that cannot be read."""
    leaked = settings.breached_passwords
    return Passwords(breached=None if leaked is None else Breached(leaked))
