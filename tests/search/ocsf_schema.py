"""The classes of OCSF that are exported, as JSON Schema: written by hand from schema.ocsf.io, version 1.8.

Strict where the standard is: what is required, which numbers an enumeration has, what at least one of must be there,
and no attribute that the class does not have.
"""

from __future__ import annotations

from typing import Any

TEXT = {"type": "string"}
NUMBER = {"type": "integer"}
IP = {"type": "string", "pattern": r"^[0-9a-fA-F:.]+(%\w*)?$"}


def one_of(*numbers: int) -> dict[str, Any]:
    return {"enum": list(numbers)}


def thing(required: list[str] | None = None, any_of: list[str] | None = None, **properties: object) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        found["required"] = required
    if any_of:
        found["anyOf"] = [{"required": [name]} for name in any_of]
    return found


def list_of(item: object) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": 1}


USER = thing(any_of=["name", "uid"], name=TEXT, uid=TEXT, domain=TEXT, type_id=one_of(0, 1, 2, 3, 99))
ENDPOINT = thing(any_of=["ip", "hostname"], ip=IP, hostname=TEXT)
FINGERPRINT = thing(
    ["algorithm_id", "value"], algorithm_id=one_of(0, 1, 2, 3, 4, 5, 6, 7, 99), algorithm=TEXT, value=TEXT
)
METADATA = thing(
    ["version", "product"],
    version={"enum": ["1.8.0", "1.9.0"]},
    product=thing(["vendor_name"], name=TEXT, vendor_name=TEXT, version=TEXT),
    uid=TEXT,
    sequence=NUMBER,
    log_name=TEXT,
    logged_time=NUMBER,
    event_code=TEXT,
    profiles=list_of({"enum": ["security_control", "record_integrity"]}),
)
COMMON: dict[str, Any] = {
    "activity_id": NUMBER,
    "activity_name": TEXT,
    "category_uid": one_of(0, 1, 2, 3, 4, 6),
    "category_name": TEXT,
    "class_uid": NUMBER,
    "class_name": TEXT,
    "type_uid": NUMBER,
    "time": NUMBER,
    "severity_id": one_of(0, 1, 2, 3, 4, 5, 6, 99),
    "status_id": one_of(0, 1, 2, 99),
    "status": {"enum": ["Unknown", "Success", "Failure"]},
    "status_detail": TEXT,
    "message": TEXT,
    "metadata": METADATA,
    "actor": thing(user=USER),
    "src_endpoint": ENDPOINT,
    "unmapped": {"type": "object"},
    "attestation": thing(
        any_of=["fingerprint", "signatures"], uid=TEXT, chain_uid=TEXT, authority_uid=TEXT, fingerprint=FINGERPRINT
    ),
}
REQUIRED = ["activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"]
ENTITY = thing(any_of=["name", "uid"], name=TEXT, uid=TEXT, type=TEXT)
GROUP = thing(any_of=["name", "uid"], name=TEXT, uid=TEXT, type=TEXT)
SERVICE = thing(any_of=["name", "uid"], name=TEXT, uid=TEXT)
REQUEST = thing(http_method=TEXT, url=thing(path=TEXT), uid=TEXT)
ANALYTIC = thing(["type_id"], uid=TEXT, type_id=one_of(0, 1, 2, 3, 4, 99), type=TEXT)
INFO = thing(
    ["uid"], uid=TEXT, title=TEXT, analytic=ANALYTIC, attacks=list_of(thing(["technique"], technique=thing(uid=TEXT)))
)
JUDGED = {"action_id": one_of(0, 1, 2, 3, 4, 99), "disposition_id": one_of(*range(28), 99)}

CLASSES: dict[int, tuple[list[int], dict[str, Any], list[str], list[str]]] = {
    # class_uid: its activities, its own attributes, those required, those of which at least one is
    0: ([0, 99], {}, [], []),
    1008: ([*range(11), 99], {"log_name": TEXT, "log_provider": TEXT}, [], ["log_name", "log_provider"]),
    2004: ([0, 1, 2, 3, 99], {"finding_info": INFO}, ["finding_info"], []),
    3001: ([*range(13), 99], {"user": USER}, ["user"], []),
    3002: ([0, 1, 2, 3, 4, 5, 6, 7, 99], {"user": USER, "service": SERVICE}, ["user"], ["service", "dst_endpoint"]),
    3004: ([*range(14), 99], {"entity": ENTITY}, ["entity"], []),
    3006: ([*range(7), 99], {"group": GROUP, "user": USER}, ["group"], ["privileges", "user"]),
    4002: (
        [*range(10), 99],
        {"http_request": REQUEST, "http_response": thing(["code"], code=NUMBER), **JUDGED},
        [],
        ["http_request", "http_response"],
    ),
    6001: ([*range(9), 99], {"web_resources": list_of(ENTITY)}, ["web_resources"], []),
}


def schema_of(class_uid: int) -> dict[str, Any]:
    """The schema of a class."""
    activities, own, required, at_least_one = CLASSES[class_uid]
    properties = COMMON | own | {"activity_id": one_of(*activities), "class_uid": {"const": class_uid}}
    return thing(REQUIRED + required, at_least_one, **properties)
