"""Which system records which behaviour: without this, "nothing found" would be believed too much.

A system that stands here and does not name a class does not record it. A text says what is missing in a class that it
does record. What a system that does not stand here records is not known, and that is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from stockade.actions import Behaviour

ALL: Final = ""
OWN: Final = "those in its own directory only"

RECORDS: Final[Mapping[str, Mapping[Behaviour, str]]] = {
    "stockade": {
        Behaviour.SIGN_IN: ALL,
        Behaviour.TOKEN: OWN,
        Behaviour.KEY: OWN,
        Behaviour.FACTOR: OWN,
        Behaviour.REPOSITORY: "what it serves itself",
        Behaviour.RUNNER: OWN,
        Behaviour.HOOK: OWN,
        Behaviour.APPLICATION: OWN,
        Behaviour.IDENTITY: OWN,
        Behaviour.EMAIL: OWN,
        Behaviour.VARIABLE: OWN,
        Behaviour.PASSWORD: OWN,
        Behaviour.ACCOUNT: OWN,
        Behaviour.CONFIGURATION: "its own configuration, and the projects in its own directory",
        Behaviour.GUARD: ALL,
        Behaviour.HOST: ALL,
        Behaviour.RESPONSE: ALL,
        Behaviour.LOG: ALL,
    },
    "gitlab": {
        Behaviour.SIGN_IN: ALL,
        Behaviour.TOKEN: "the audit log of the Free tier has few of them",
        Behaviour.KEY: "an added SSH key has no type of its own, and is told from its text",
        Behaviour.FACTOR: "a factor that is enrolled has no type of its own",
        Behaviour.REPOSITORY: "reading and pushing only in audit streams",
        Behaviour.CONFIGURATION: ALL,
        Behaviour.RUNNER: ALL,
        Behaviour.HOOK: "a webhook that is changed, and Git hooks on the server, leave no event",
        Behaviour.APPLICATION: ALL,
        Behaviour.IDENTITY: ALL,
        Behaviour.EMAIL: ALL,
        Behaviour.VARIABLE: "reading only in audit streams",
        Behaviour.PASSWORD: ALL,
        Behaviour.ACCOUNT: ALL,
        Behaviour.TRAFFIC: "only where its JSON logs are taken in too",
        Behaviour.GUARD: "only where its JSON logs are taken in too",
        Behaviour.LOG: "where audit events are streamed to",
    },
    "gitea": {
        Behaviour.SIGN_IN: "failures; a success only as a request",
        Behaviour.TRAFFIC: ALL,
    },
    "host": {
        Behaviour.SIGN_IN: "through sshd, and sessions",
        Behaviour.TRAFFIC: "commands run with sudo",
    },
    "web": {Behaviour.TRAFFIC: ALL},
    "django": {
        Behaviour.SIGN_IN: ALL,
        Behaviour.CONFIGURATION: "what is changed in its administration",
        Behaviour.ACCOUNT: "what is changed in its administration",
        Behaviour.PASSWORD: "what is changed in its administration",
    },
    "aws": {
        Behaviour.SIGN_IN: ALL,
        Behaviour.TOKEN: ALL,
        Behaviour.KEY: ALL,
        Behaviour.FACTOR: ALL,
        Behaviour.CONFIGURATION: ALL,
        Behaviour.IDENTITY: ALL,
        Behaviour.VARIABLE: "secrets, where data events are switched on",
        Behaviour.PASSWORD: ALL,
        Behaviour.ACCOUNT: ALL,
        Behaviour.LOG: ALL,
    },
}
"""System by system: the classes it records, and what is missing in them."""


WITHOUT_AUDIT: Final[Mapping[str, frozenset[Behaviour]]] = {
    "gitlab": frozenset({Behaviour.SIGN_IN, Behaviour.PASSWORD, Behaviour.TRAFFIC, Behaviour.GUARD})
}
"""What is left of a system when only its other logs were taken in, and none of its audit events."""
AUDITED: Final = frozenset(Behaviour) - {
    *(Behaviour.SIGN_IN, Behaviour.PASSWORD, Behaviour.TRAFFIC, Behaviour.GUARD),
    *(Behaviour.HOST, Behaviour.RESPONSE, Behaviour.LOG),
}
"""Classes that only an audit event tells of."""


def records(system: str, behaviour: Behaviour, *, audited: bool) -> bool | None:
    """Whether a system records a class of behaviour; None where nobody knows.

    ``audited`` says whether any audit event of it is there.
    """
    known = RECORDS.get(system)
    if known is None:
        return None
    return behaviour in (known if audited else WITHOUT_AUDIT.get(system, known))


def missing(system: str, behaviour: Behaviour) -> str:
    """What a system leaves out of a class that it records."""
    return RECORDS.get(system, {}).get(behaviour, ALL)
