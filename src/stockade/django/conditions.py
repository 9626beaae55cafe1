"""Questions that only Django can answer: did a sign-in fail, and what does the form say?"""

from __future__ import annotations

from stockade.guard.conditions import Condition
from stockade.guard.discriminators import Key, folded
from stockade.guard.request import Request


def sign_in_failed() -> Condition:
    """A sign-in failed while the request was served, whichever view tried it (``user_login_failed``)."""
    return Condition(lambda request: _signed_in(request) is False, "sign_in_failed()", possible=lambda _: True)


def signed_in() -> Condition:
    """A sign-in succeeded while the request was served (``user_logged_in``)."""
    return Condition(lambda request: _signed_in(request) is True, "signed_in()", possible=lambda _: True)


def form_field(name: str) -> Key:
    """A discriminator: what a field of the posted form says; requests without it are not counted.

    With the address, ``by=["address", form_field("username")]`` locks out one name tried from one place, and nobody
    else in the same office. It reads the form.
    """

    def by_form_field(request: Request) -> str | None:
        http = getattr(request, "http", None)
        value = http.POST.get(name) if http is not None and http.method == "POST" else None
        return folded(f"form:{name}", value) if value else None

    return by_form_field


def _signed_in(request: Request) -> bool | None:
    return getattr(request, "signed_in", None)
