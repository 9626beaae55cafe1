"""The state directory, made when it is first needed, for its owner alone."""

from __future__ import annotations

from pathlib import Path

from stockade.config.settings import Settings
from stockade.errors import ConfigurationError


def state_of(settings: Settings) -> Path:
    """The directory that holds counters, accounts and the security log. Raises ConfigurationError when it cannot."""
    directory = settings.state_directory()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or "not possible").lower()
        raise ConfigurationError(
            f"the state directory {directory} cannot be made: {reason}",
            remedy="Name another in the configuration (state = …) or in $STOCKADE_STATE.",
        ) from error
    return directory
