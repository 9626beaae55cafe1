"""Which class and activity of OCSF 1.8 each action is (schema.ocsf.io, "Classes")."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from stockade.actions import BEHAVIOUR_OF, UNKNOWN, Behaviour


class Class(IntEnum):
    """The classes that are used, by their ``class_uid``."""

    BASE = 0
    EVENT_LOG = 1008
    FINDING = 2004
    ACCOUNT_CHANGE = 3001
    AUTHENTICATION = 3002
    ENTITY_MANAGEMENT = 3004
    GROUP_MANAGEMENT = 3006
    HTTP = 4002
    WEB_RESOURCES = 6001


NAMES: Final[Mapping[Class, str]] = {
    Class.BASE: "Base Event",
    Class.EVENT_LOG: "Event Log Activity",
    Class.FINDING: "Detection Finding",
    Class.ACCOUNT_CHANGE: "Account Change",
    Class.AUTHENTICATION: "Authentication",
    Class.ENTITY_MANAGEMENT: "Entity Management",
    Class.GROUP_MANAGEMENT: "Group Management",
    Class.HTTP: "HTTP Activity",
    Class.WEB_RESOURCES: "Web Resources Activity",
}
CATEGORIES: Final[Mapping[int, str]] = {
    0: "Uncategorized",
    1: "System Activity",
    2: "Findings",
    3: "Identity & Access Management",
    4: "Network Activity",
    6: "Application Activity",
}
OTHER: Final = 99
CREATE, READ, UPDATE, DELETE = 1, 2, 3, 4

_EXACT: Final[Mapping[str, tuple[Class, int]]] = {
    "authentication.success": (Class.AUTHENTICATION, 1),  # Logon
    "authentication.failure": (Class.AUTHENTICATION, 1),
    "session.create": (Class.AUTHENTICATION, 1),
    "session.end": (Class.AUTHENTICATION, 2),  # Logoff
    "authentication.lock": (Class.ACCOUNT_CHANGE, 9),
    "authentication.unlock": (Class.ACCOUNT_CHANGE, 12),
    "user.create": (Class.ACCOUNT_CHANGE, 1),
    "user.remove": (Class.ACCOUNT_CHANGE, 6),
    "user.block": (Class.ACCOUNT_CHANGE, 5),
    "user.unblock": (Class.ACCOUNT_CHANGE, 2),
    "password.change": (Class.ACCOUNT_CHANGE, 3),
    "password.reset.request": (Class.ACCOUNT_CHANGE, 4),
    "factor.add": (Class.ACCOUNT_CHANGE, 10),
    "factor.remove": (Class.ACCOUNT_CHANGE, 11),
    "member.add": (Class.GROUP_MANAGEMENT, 3),
    "member.remove": (Class.GROUP_MANAGEMENT, 4),
    "repository.read": (Class.WEB_RESOURCES, READ),
    "repository.write": (Class.WEB_RESOURCES, UPDATE),
    "repository.delete": (Class.WEB_RESOURCES, DELETE),
    "repository.export": (Class.WEB_RESOURCES, 7),
    "image.read": (Class.WEB_RESOURCES, READ),
    "image.write": (Class.WEB_RESOURCES, UPDATE),
    "http.request": (Class.HTTP, OTHER),
    "command.run": (Class.BASE, OTHER),
    "message": (Class.BASE, OTHER),
    "log.opened": (Class.EVENT_LOG, 6),  # Start
    "log.closed": (Class.EVENT_LOG, 7),  # Stop
    "finding.create": (Class.FINDING, CREATE),
    UNKNOWN: (Class.BASE, OTHER),
    "guard.ban": (Class.ENTITY_MANAGEMENT, CREATE),
    "guard.unban": (Class.ENTITY_MANAGEMENT, DELETE),
}
_BY_BEHAVIOUR: Final[Mapping[Behaviour, Class]] = {
    Behaviour.SIGN_IN: Class.AUTHENTICATION,
    Behaviour.FACTOR: Class.ACCOUNT_CHANGE,
    Behaviour.PASSWORD: Class.ACCOUNT_CHANGE,
    Behaviour.EMAIL: Class.ACCOUNT_CHANGE,
    Behaviour.TRAFFIC: Class.BASE,
    Behaviour.GUARD: Class.BASE,
    Behaviour.HOST: Class.BASE,
    Behaviour.RESPONSE: Class.BASE,
    Behaviour.LOG: Class.EVENT_LOG,
}
_JUDGED: Final = {"guard.safelist", "guard.blocklist", "guard.throttle", "guard.track", "guard.strike", "guard.banned"}
_VERBS: Final[Mapping[str, int]] = {
    "create": CREATE,
    "add": CREATE,
    "link": CREATE,
    "authorize": CREATE,
    "read": READ,
    "use": READ,
    "change": UPDATE,
    "rotate": UPDATE,
    "reset": UPDATE,
    "remove": DELETE,
    "delete": DELETE,
    "revoke": DELETE,
    "unlink": DELETE,
    "deny": DELETE,
}

ACTIVITY_NAMES: Final[Mapping[Class, Mapping[int, str]]] = {
    Class.BASE: {},
    Class.EVENT_LOG: {6: "Start", 7: "Stop"},
    Class.FINDING: {1: "Create"},
    Class.ACCOUNT_CHANGE: {
        1: "Create",
        2: "Enable",
        3: "Password Change",
        4: "Password Reset",
        5: "Disable",
        6: "Delete",
        9: "Lock",
        10: "MFA Factor Enable",
        11: "MFA Factor Disable",
        12: "Unlock",
    },
    Class.AUTHENTICATION: {1: "Logon", 2: "Logoff"},
    Class.ENTITY_MANAGEMENT: {1: "Create", 2: "Read", 3: "Update", 4: "Delete"},
    Class.GROUP_MANAGEMENT: {3: "Add User", 4: "Remove User"},
    Class.HTTP: {2: "Delete", 3: "Get", 4: "Head", 5: "Options", 6: "Post", 7: "Put", 8: "Trace"},
    Class.WEB_RESOURCES: {2: "Read", 3: "Update", 4: "Delete", 7: "Export"},
}
METHODS: Final[Mapping[str, int]] = {name.upper(): number for number, name in ACTIVITY_NAMES[Class.HTTP].items()}


def class_of(action: str) -> tuple[Class, int]:
    """The class and the activity; what has no word of its own is an activity of "other"."""
    if action in _EXACT:
        return _EXACT[action]
    if action in _JUDGED:
        return Class.HTTP, OTHER
    behaviour = BEHAVIOUR_OF.get(action)
    found = Class.BASE if behaviour is None else _BY_BEHAVIOUR.get(behaviour, Class.ENTITY_MANAGEMENT)
    return found, _VERBS.get(action.rpartition(".")[2], OTHER) if found is Class.ENTITY_MANAGEMENT else OTHER
