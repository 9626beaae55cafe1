"""GitLab's audit events: lines of audit_json.log, deliveries of a stream, and objects of the API, all by one reader.

What has an ``event_type`` is classified by it. What has none, as objects of the API, is classified by what its details
say (``add``, ``change``, ``custom_message`` and others), for details have no schema. GitLab's habits: ``id`` is a
number in the API and a text in streams; ``author_id`` is negative where there is no account (-1 nobody has signed in,
-3 a deploy key); ``target_id`` may be a path; ``custom_message`` may be an object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from stockade.events import Event, Ref
from stockade.intake import foreign
from stockade.intake.tables import NOTHING, Meaning, table
from stockade.intake.taken import Read, Taken
from stockade.lines.line import Unreadable, json_object
from stockade.lines.stamps import Clock, Dating, iso

Entry = Mapping[str, Any]
SAYS: Final = ("failed_login", "add", "remove", "change", "with", "action", "event_name", "custom_message")
"""The keys of details by which an event is told where it has no type, the plainest first."""
SHOWN: Final = ("change", "from", "to", "add", "remove", "as", "with", "failed_login", "custom_message", "action")
NOBODY: Final = -1
ENTITIES: Final = {"instance_scope": "instance"}


def gitlab_audit(dating: Dating) -> Read:
    """Lines of audit_json.log, also as syslog or a collector has wrapped them into streams or lists of the API."""
    clock = iso(dating)

    def read(text: str) -> Sequence[Taken]:
        if text.startswith("#") or not text.strip():
            return ()
        return [taken(json_object(text), clock)]

    return read


def taken(entry: Entry, clock: Clock, system: str = "gitlab") -> Taken:
    """One audit event, wherever it comes from. Raises Unreadable when it is none."""
    details = _details(entry)
    moment = entry.get("created_at") or entry.get("time")
    if not isinstance(moment, str):
        raise Unreadable("an audit event without a time")
    if not (
        entry.keys() & {"author_id", "author_name", "entity_id", "event_type", "details"} or details.keys() & set(SAYS)
    ):
        raise Unreadable("JSON, and not an audit event of GitLab")
    name, meaning = _classified(entry, details)
    found = {**entry, **details}
    address = _text(found, "ip_address") or _text(found, "meta.remote_ip") or _text(found, "remote_ip")
    event = Event(
        time=clock(moment),
        action=meaning.action,
        actor=_actor(found, system),
        target=_target(found, system),
        source=foreign.address(address),
        outcome=meaning.outcome,
        details=_shown(found, name, address) | ({} if meaning != NOTHING else {"whole": foreign.whole(entry)}),
    )
    return Taken(event, _id(entry))


def _details(entry: Entry) -> Entry:
    """The details, which lines of the log have merged into the event itself."""
    found = entry.get("details") or entry.get("detail")
    return found if isinstance(found, dict) else {}


def _classified(entry: Entry, details: Entry) -> tuple[str, Meaning]:
    """The foreign name, and what it means: by the type, else by the first thing said that has a meaning."""
    found = {**entry, **details}
    type_ = _text(entry, "event_type") or _text(details, "event_type") or _text(details, "event_name")
    facts = list(_facts(found))
    if type_:
        finer = [f"{type_}/{said}" for key, _, said in (fact.partition(":") for fact in facts) if key == "action"]
        for name in (*finer, type_):
            if (meaning := table("gitlab_audit").meaning(name)) != NOTHING:
                return type_, meaning
    scope = foreign.kind(found.get("entity_type"))
    for fact in facts:
        for name in (fact, f"{ENTITIES.get(scope, scope)}/{fact}"):
            if (meaning := table("gitlab_details").meaning(name)) != NOTHING:
                return type_ or name, meaning
    return type_ or next(iter(facts), "audit event"), NOTHING


def _facts(found: Entry) -> Iterator[str]:
    for key in SAYS:
        said = found.get(key)
        if isinstance(said, dict):
            yield from (f"{inner}:{value}" for inner, value in said.items() if isinstance(value, str))
        elif isinstance(said, str) and said:
            yield f"{key}:{said}"


def _actor(found: Entry, system: str) -> Ref | None:
    """Who did it: by user name where there is one, else by number; who is not signed in, by the name that was tried."""
    number, name = found.get("author_id"), _text(found, "author_name")
    kind = foreign.kind(found.get("author_class") or "user")
    if isinstance(number, int) and number < 0:
        who = name or str(number)
        kind = kind if number != NOBODY else "user"
        return foreign.ref(system, "deploy_key" if number == -3 and kind == "user" else kind, who)
    return foreign.ref(system, kind, _user(found, number) or (number if number is not None else name))


def _user(found: Entry, number: object) -> str | None:
    """The user name of an account, where the line is of its own request."""
    return _text(found, "meta.user") if found.get("meta.user_id") in (None, number) else None


def _target(found: Entry, system: str) -> Ref | None:
    for kind, id in (("target_type", "target_id"), ("target_type", "target_details"), ("entity_type", "entity_id")):
        if found.get(kind) and found.get(id) not in (None, ""):
            own = _user(found, found[id]) if found[kind] == "User" and found[id] == found.get("author_id") else None
            return foreign.ref(system, foreign.kind(found[kind]), own or found[id])
    return None


def _shown(found: Entry, name: str, address: str | None) -> dict[str, object]:
    return foreign.fields(
        type=name,
        user_id=found.get("author_id"),
        name=found.get("author_name"),
        target_details=found.get("target_details"),
        entity=found.get("entity_path") or found.get("entity_id"),
        entity_type=found.get("entity_type"),
        correlation_id=found.get("correlation_id"),
        caller=found.get("meta.caller_id"),
        admin=_administers(found),
        address=address if foreign.address(address) is None else None,
        **{key: found.get(key) for key in SHOWN},
    )


def _administers(found: Entry) -> object:
    """Whether an account is an administrator's, where an event of its making says so."""
    made = found.get("registration_details")
    level = made.get("access_level") if isinstance(made, dict) else None
    return found.get("admin") if level is None else level == "admin"


def _id(entry: Entry) -> str:
    found = entry.get("id")
    return (
        f"audit/{found}"[:128] if isinstance(found, int | str) and not isinstance(found, bool) and found != "" else ""
    )


def _text(entry: Entry, key: str) -> str | None:
    value = entry.get(key)
    return value if isinstance(value, str) and value else None
