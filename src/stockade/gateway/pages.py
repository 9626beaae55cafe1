"""Pages: templates with one style sheet inside, nothing from elsewhere, and headers that hold browsers to it."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from functools import cache, partial
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

STYLE: Final = files(__package__).joinpath("templates", "style.css").read_text(encoding="utf-8")
SCRIPT: Final = files(__package__).joinpath("templates", "security_key.js").read_text(encoding="utf-8")
"""The one script, for pages that ask for a security key."""


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


SELF: Final = "form-action 'self'"
POLICY: Final = "; ".join(
    [
        "default-src 'none'",
        f"style-src {_digest(STYLE)}",
        "img-src data:",
        SELF,
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
)
"""CSP Level 3: no script at all, and no style but ours, known by its digest."""
WITH_SCRIPT: Final = f"{POLICY}; script-src {_digest(SCRIPT)}"
"""The same where our one script is, known by its digest."""
HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@cache
def _templates() -> Environment:
    loader = PackageLoader(__package__, "templates")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters |= {"day": partial(_written, "%d %B %Y"), "moment": partial(_written, "%d %B %Y, %H:%M UTC")}
    return made


def _written(form: str, when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime(form).lstrip("0")


def page(
    name: str, status: int = 200, /, *, scripted: bool = False, leads_to: str = "", **values: object
) -> HTMLResponse:
    """A page from the template of this name; ``scripted``, with the script for security keys. What its form is answered
    with may lead to the origin ``leads_to``, and to no other but ours.
    """
    text = _templates().get_template(f"{name}.html").render(style=STYLE, script=SCRIPT, **values)
    policy = (WITH_SCRIPT if scripted else POLICY).replace(SELF, f"{SELF} {leads_to}".rstrip())
    return HTMLResponse(text, status, HEADERS | {"content-security-policy": policy})
