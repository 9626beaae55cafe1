"""What GitLab's JSON logs have in common: where a line says who, from where and with what answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from stockade.lines.line import Unreadable

Entry = Mapping[str, Any]
LOGIN: Final = re.compile(
    r"(Failed|Successful) Login: username=(.*) ip=(\S+)(?: method=\S+)?(?: admin=\S+)?\Z", re.DOTALL
)
"""The name is the client's choice, so that the last address is the true one."""


def status(entry: Entry) -> int:
    """The status of an answer; 0 where Rails had none. Raises Unreadable."""
    found = entry["status"]
    if isinstance(found, str) and found.isascii() and found.isdecimal() and len(found) < 4:
        found = int(found)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < 600:
        raise Unreadable(f"not a status: {str(found)[:40]!r}")
    return found


def address(entry: Entry) -> str | None:
    """Where a request came from."""
    return text(entry, "remote_ip") or text(entry, "meta.remote_ip")


def claimed(entry: Entry) -> str | None:
    """The name that somebody signed in with; None when the line does not tell."""
    named = user_parameters(entry).get("login") or parameters(entry).get("username")
    return str(named) if named else None


def user_parameters(entry: Entry) -> Entry:
    """The form that somebody signs in with."""
    found = parameters(entry).get("user")
    return found if isinstance(found, dict) else {}


def parameters(entry: Entry) -> dict[str, Any]:
    """The parameters of a request, which lograge writes as a list of keys and values."""
    found = entry.get("params")
    pairs = found if isinstance(found, list) else []
    return {str(pair.get("key")): pair.get("value") for pair in pairs if isinstance(pair, dict)}


def text(entry: Entry, key: str) -> str | None:
    """A field that is text and not empty."""
    value = entry.get(key)
    return value if isinstance(value, str) and value else None
