"""CloudTrail-style JSON: a record a line, or whole files of ``{"Records": […]}``; ``eventID`` is the identity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from stockade.events import Event, Outcome, Ref
from stockade.intake import foreign
from stockade.intake.tables import NOTHING, table
from stockade.intake.taken import Read, Taken
from stockade.lines.line import Unreadable, json_object
from stockade.lines.stamps import Clock, Dating, iso

Record = Mapping[str, Any]
SYSTEM: Final = "aws"
REFUSED: Final = ("AccessDenied", "Unauthorized", "Client.UnauthorizedOperation", "Forbidden")


def cloudtrail(dating: Dating) -> Read:
    """A record, or all records of a file that is one line."""
    clock = iso(dating)

    def read(text: str) -> Sequence[Taken]:
        if not text.strip():
            return ()
        found = json_object(text)
        records = found.get("Records", [found])
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
            raise Unreadable("Records is no list of objects")
        return [_taken(record, clock) for record in records]

    return read


def _taken(record: Record, clock: Clock) -> Taken:
    source, name, moment = (record.get(key) for key in ("eventSource", "eventName", "eventTime"))
    if not (isinstance(name, str) and isinstance(moment, str)):
        raise Unreadable("a record without eventName or eventTime")
    full = f"{str(source or '').removesuffix('.amazonaws.com')}:{name}"
    meaning = table("cloudtrail").meaning(full)
    outcome = _outcome(record, meaning.outcome)
    action = meaning.action
    if action == "authentication.success" and outcome != "success":
        action = "authentication.failure"
    details = foreign.fields(
        type=full,
        user_agent=record.get("userAgent"),
        region=record.get("awsRegion"),
        error=record.get("errorCode") or record.get("errorMessage"),
        read_only=record.get("readOnly"),
        whole=foreign.whole(record) if meaning == NOTHING else None,
        parameters=foreign.whole(record.get("requestParameters")) if meaning != NOTHING else None,
    )
    address = foreign.address(_text(record.get("sourceIPAddress")))
    return Taken(Event(clock(moment), action, _actor(record), _target(record), address, outcome, details), _id(record))


def _outcome(record: Record, otherwise: Outcome) -> Outcome:
    error = str(record.get("errorCode") or "")
    response = record.get("responseElements")
    if error:
        return "refused" if error.startswith(REFUSED) else "failure"
    if isinstance(response, dict) and response.get("ConsoleLogin") == "Failure":
        return "failure"
    return otherwise


def _actor(record: Record) -> Ref | None:
    who = record.get("userIdentity")
    if not isinstance(who, dict):
        return None
    name = _text(who.get("userName")) or _text(who.get("arn")) or _text(who.get("principalId"))
    return foreign.ref(SYSTEM, foreign.kind(who.get("type") or "user").replace("iamuser", "user"), name)


def _target(record: Record) -> Ref | None:
    """Whom or what a request names, as far as it is plain."""
    asked = record.get("requestParameters")
    if isinstance(asked, dict):
        for key, kind in (("userName", "user"), ("accessKeyId", "token"), ("roleArn", "role"), ("name", "resource")):
            if _text(asked.get(key)):
                return foreign.ref(SYSTEM, kind, asked[key])
    return None


def _id(record: Record) -> str:
    found = record.get("eventID")
    return found[:128] if isinstance(found, str) else ""


def _text(found: object) -> str | None:
    return found if isinstance(found, str) and found else None
