"""The public security contact, from the configuration to the document that is served (RFC 9116)."""

from __future__ import annotations

from dataclasses import fields

from stockade.config.settings import SecurityTxtSettings, Settings
from stockade.gateway.securitytxt import SecurityTxt, render


def document(settings: SecurityTxtSettings) -> SecurityTxt:
    """What the settings describe."""
    return SecurityTxt(**{field.name: getattr(settings, field.name) for field in fields(SecurityTxt)})


def security_txt_of(settings: Settings) -> str | None:
    """The text to serve; None where none is configured. Raises ConfigurationError where it would not be valid."""
    return render(document(settings.security_txt)) if settings.security_txt is not None else None
