"""The fields that a query may name, under every name that somebody may guess."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, get_args

from stockade.actions import BEHAVIOUR_OF, VOCABULARY, Behaviour
from stockade.events import Outcome


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its name, the names that mean the same, what it finds, and an example."""

    name: str
    also: tuple[str, ...]
    finds: str
    example: str


FIELDS: Final = (
    Field("who", ("actor", "by", "user"), "who did it", "who:alice"),
    Field("whom", ("target", "to", "on_whom"), "to what it was done", "whom:token/812"),
    Field("about", ("subject",), "who did it, to what, from where, or anywhere in the text", "about:alice"),
    Field("action", ("what", "did"), "what was done", "action:token.create"),
    Field("is", ("class", "kind"), "a class of behaviour", "is:tokens"),
    Field("outcome", ("result", "status"), "how it ended", "outcome:failure"),
    Field("where", ("source", "from", "ip", "address"), "an address, a network or a name", "where:203.0.113.0/24"),
    Field("system", (), "the system of who did it, of what it was done to, or whose log says it", "system:gitlab"),
    Field("since", ("after",), "at this moment or later", "since:7d"),
    Field("before", ("until",), "earlier than this moment", "before:2026-11-01"),
    Field("on", ("day", "date"), "on this day", "on:yesterday"),
    Field("log", ("origin",), "the log it stands in", "log:audit.example.com/node1"),
    Field("entry", ("seq", "number"), "the entry with this number", "entry:812"),
)
DETAILS: Final = ("details", "detail", "field")
"""Before a dot and a key: ``details.rule:gitlab``."""

NAMES: Final[Mapping[str, str]] = {name: field.name for field in FIELDS for name in (field.name, *field.also)}
OUTCOMES: Final[tuple[str, ...]] = get_args(Outcome)
ACTIONS: Final = tuple(BEHAVIOUR_OF)
CLASSES: Final[Mapping[Behaviour, tuple[str, ...]]] = {
    Behaviour.SIGN_IN: ("sign-ins", "sign-in", "signin", "signins", "login", "logins", "sign_in"),
    Behaviour.TOKEN: ("tokens", "token"),
    Behaviour.KEY: ("keys", "key", "ssh", "gpg"),
    Behaviour.FACTOR: ("factors", "factor", "second-factors", "second-factor", "2fa", "mfa"),
    Behaviour.REPOSITORY: ("repositories", "repository", "repo", "repos", "git"),
    Behaviour.CONFIGURATION: ("configuration", "config", "settings", "setting"),
    Behaviour.RUNNER: ("runners", "runner"),
    Behaviour.HOOK: ("hooks", "hook", "webhooks", "webhook"),
    Behaviour.APPLICATION: ("applications", "application", "oauth"),
    Behaviour.IDENTITY: ("identities", "identity", "saml"),
    Behaviour.EMAIL: ("emails", "email"),
    Behaviour.VARIABLE: ("variables", "variable"),
    Behaviour.PASSWORD: ("passwords", "password"),
    Behaviour.ACCOUNT: ("accounts", "account", "members", "rights"),
    Behaviour.TRAFFIC: ("traffic", "requests", "commands"),
    Behaviour.GUARD: ("guard", "bans"),
    Behaviour.HOST: ("host", "hosts", "machine", "machines"),
    Behaviour.RESPONSE: ("response", "responses", "incident", "incidents", "plan", "plans"),
    Behaviour.LOG: ("log", "logs"),
}
"""What each class of behaviour is called in ``is:``, the usual word first."""
CLASS_OF: Final[Mapping[str, Behaviour]] = {word: found for found, called in CLASSES.items() for word in called}


def actions_of(behaviour: Behaviour) -> tuple[str, ...]:
    """Every action of a class."""
    return tuple(VOCABULARY[behaviour])
