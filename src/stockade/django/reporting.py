"""What happens on a Django site becomes events: sign-ins, failures, sign-outs, and what is done in its administration.

::

    # in AppConfig.ready() of an application of yours
    from stockade.django.reporting import into_file, report

    report(into_file("/var/log/site/events.jsonl"))  # for `stockade intake`, format "django"

or, where the audit log is open in this process, ``report(as_events(log.offer))``.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import post_save

from stockade.events import Event
from stockade.intake.formats.django import event_of

FLAGS: Final[Mapping[int, str]] = {1: "addition", 2: "change", 3: "deletion"}
"""``LogEntry.action_flag``, in the words of :mod:`django.contrib.admin.models`."""
MOST: Final = 2_000

Hand = Callable[[Mapping[str, Any]], None]


def into_file(path: Path | str) -> Hand:
    """Appends lines of JSON, each with one write, so that any number of processes may share the file."""

    def hand(said: Mapping[str, Any]) -> None:
        line = json.dumps(said, default=str).encode() + b"\n"
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, line)
        finally:
            os.close(fd)

    return hand


def as_events(record: Callable[[Event], None]) -> Hand:
    """Hands events to ``record`` in this process."""
    return lambda said: record(event_of(said))


def report(hand: Hand, *, clock: Callable[[], float] = time.time) -> None:
    """Hand over what Django signals from now on; a second time replaces the first.

    The name that somebody failed to sign in with is told, the password never. ``LogEntry`` is what the administration
    site writes for each object; where it writes several at once (Django 5.1 and newer), Django signals none of them.
    """

    def signed_in(request: Any = None, user: Any = None, **_: Any) -> None:
        hand(_said(clock(), "user_logged_in", request, user))

    def signed_out(request: Any = None, user: Any = None, **_: Any) -> None:
        if user is not None:
            hand(_said(clock(), "user_logged_out", request, user))

    def failed(request: Any = None, credentials: Mapping[str, Any] | None = None, **_: Any) -> None:
        told = credentials or {}
        name = next((told[key] for key in ("username", "email") if told.get(key)), None)
        hand(_said(clock(), "user_login_failed", request, None) | ({"user": str(name)[:256]} if name else {}))

    def logged(instance: Any = None, created: bool = False, **_: Any) -> None:  # noqa: FBT001, FBT002  Django's way
        if created:
            hand(_entry(instance))

    for signal, receiver, sender in (
        (user_logged_in, signed_in, None),
        (user_logged_out, signed_out, None),
        (user_login_failed, failed, None),
        (post_save, logged, "admin.LogEntry"),
    ):
        name = f"stockade.reporting.{receiver.__name__}"
        signal.disconnect(sender=sender, dispatch_uid=name)
        signal.connect(receiver, sender=sender, weak=False, dispatch_uid=name)


def _said(now: float, name: str, request: Any, user: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"time": now, "name": name}
    if user is not None:
        found |= {"user": str(user.get_username())[:256], "user_id": str(user.pk)}
    if request is not None:
        found |= {"address": _address(request), "path": str(request.path)[:MOST]}
        found |= {"user_agent": str(request.META.get("HTTP_USER_AGENT", ""))[:MOST]}
    return found


def _address(request: Any) -> str | None:
    """The client behind the declared proxies where the guard has judged the request; else who has connected."""
    decision = getattr(request, "stockade", None)
    address = decision.request.client.address if decision is not None else request.META.get("REMOTE_ADDR")
    return str(address) if address else None


def _entry(entry: Any) -> dict[str, Any]:
    kind = entry.content_type
    model = f"{kind.app_label}.{kind.model}" if kind is not None else "unknown.unknown"
    return {
        "time": entry.action_time.timestamp(),
        "name": f"{FLAGS.get(entry.action_flag, 'change')} {model}",
        "user": str(entry.user.get_username())[:256],
        "user_id": str(entry.user_id),
        "object": entry.object_id,
        "object_name": str(entry.object_repr)[:MOST],
        "said": str(entry.get_change_message())[:MOST],
    }
