"""GitLab's JSON logs: production_json, api_json, auth_json and application_json, all by one reader.

A sign-in that failed has had several statuses over the years, 0 and 200 among them; here it always has 401. A request
that GitLab's own Rack::Attack refused has 429 or 403.
"""

from __future__ import annotations

import re
from typing import Final

from stockade.guard.logs.formats.line import MAX_NAME, MAX_TARGET, Line, Outcome, Read
from stockade.lines import gitlab as lines
from stockade.lines.gitlab import LOGIN, Entry
from stockade.lines.line import Unreadable, json_object
from stockade.lines.stamps import Dating, iso

SIGN_IN: Final = "/users/sign_in"
CALLBACK: Final = re.compile(r"/users/auth/[^/]+/callback\Z")
REFUSED: Final = {"throttle": 429, "blocklist": 403, "blacklist": 403}


def gitlab(dating: Dating) -> Read:
    """Lines about no request (an audit, a job) are passed over."""
    time_of = iso(dating)

    def read(text: str) -> Line | None:
        entry = json_object(text)
        time = time_of(str(entry.get("time", "")))
        said = str(entry.get("message", ""))
        if said.startswith("Rack_Attack"):
            return refused(time, entry)
        if "method" in entry and "path" in entry and "status" in entry:
            return request(time, entry)
        return signed_in(time, said)

    return read


def request(time: float, entry: Entry) -> Line:
    """A request that Rails or Grape has answered."""
    method, path, status = str(entry["method"])[:32], str(entry["path"])[:MAX_TARGET], lines.status(entry)
    login, outcome = None, "unknown"
    if method == "POST" and (path == SIGN_IN or CALLBACK.match(path)):
        login, outcome = _claimed(entry), _outcome(path, entry, status)
    user = _text(entry, "username") or _text(entry, "meta.user")
    if outcome == "failure":
        status, user = 401, None
    elif outcome == "unknown" and user and status < 400:
        outcome = "success"
    return Line(time, _address(entry), method, path, status, login, user, outcome, _text(entry, "ua"))  # type: ignore[arg-type]


def _outcome(path: str, entry: Entry, status: int) -> Outcome:
    """How a sign-in went: answered 302 when it succeeded, with the form of the second factor when it is half done."""
    if entry.get("action") == "failure" or status in {0, 401, 422}:
        return "failure"
    if status == 200 and path == SIGN_IN:
        return "failure" if "otp_attempt" in lines.user_parameters(entry) else "unknown"
    return "success" if 300 <= status < 400 else "unknown"


def refused(time: float, entry: Entry) -> Line | None:
    """A request that GitLab's Rack::Attack refused, or the ban it has just placed; what it only tracked is passed
    over.
    """
    status = REFUSED.get(str(entry.get("env")), 403 if "banned" in str(entry["message"]) else None)
    if status is None:
        return None
    method = _text(entry, "method") or _text(entry, "request_method") or "-"
    path = (_text(entry, "path") or "/")[:MAX_TARGET]
    login, user = _text(entry, "login"), _text(entry, "meta.user") or _text(entry, "user")
    return Line(time, _address(entry), method[:32], path, status, login, user)


def signed_in(time: float, said: str) -> Line | None:
    """``Failed Login`` and ``Successful Login`` of the application's log; the name is the client's choice, so that the
    address is the last word of a failure.
    """
    found = LOGIN.match(said)
    if found is None:
        return None
    how, user, address = found[1], found[2][:MAX_NAME], found[3]
    if how == "Failed":
        return Line(time, address, "POST", SIGN_IN, 401, user or "-", None, "failure")
    return Line(time, address, "POST", SIGN_IN, 302, user, user, "success")


def _address(entry: Entry) -> str:
    address = _text(entry, "remote_ip") or _text(entry, "meta.remote_ip")
    if address is None:
        raise Unreadable("a request without an address")
    return address


def _claimed(entry: Entry) -> str:
    """The name that somebody signed in with, ``-`` when the log does not tell."""
    return (lines.claimed(entry) or "-")[:MAX_NAME]


def _text(entry: Entry, key: str) -> str | None:
    found = lines.text(entry, key)
    return found[:MAX_TARGET] if found else None
