"""What ``INSTALLED_APPS`` loads: the signals of sign-ins, the system checks, and the commands."""

from __future__ import annotations

from django.apps import AppConfig


class StockadeConfig(AppConfig):  # type: ignore[misc]  # Django has no types
    """The application ``stockade.django``; it has no tables."""

    name = "stockade.django"
    label = "stockade"
    verbose_name = "Stockade"

    def ready(self) -> None:
        """Listen to sign-ins, and register the checks."""
        from stockade.django import checks, signals

        checks.register()
        signals.connect()
