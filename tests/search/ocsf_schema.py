"""The classes of OCSF 1.8 as its own schema has them; and, written by hand, the attestation that 1.9 adds to them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from ocsf_json_schema.embedded import OcsfJsonSchemaEmbedded
from ocsf_json_schema.loader import get_ocsf_schema

TEXT = {"type": "string"}
FINGERPRINT = {
    "type": "object",
    "properties": {"algorithm_id": {"enum": [0, 1, 2, 3, 4, 5, 6, 7, 99]}, "algorithm": TEXT, "value": TEXT},
    "required": ["algorithm_id", "value"],
    "additionalProperties": False,
}
ATTESTATION = {
    "type": "object",
    "properties": {"uid": TEXT, "chain_uid": TEXT, "authority_uid": TEXT, "fingerprint": FINGERPRINT},
    "required": ["fingerprint"],
    "additionalProperties": False,
}
INTEGRITY = "record_integrity"


@cache
def standard() -> OcsfJsonSchemaEmbedded:
    return OcsfJsonSchemaEmbedded(get_ocsf_schema("1.8.0"))


def validator_of(event: Mapping[str, Any]) -> Draft202012Validator:
    """What tells whether an event keeps to its class, with the profiles that it names."""
    return _validator(event["class_uid"], tuple(event["metadata"].get("profiles", ())))


@cache
def _validator(class_uid: int, profiles: tuple[str, ...]) -> Draft202012Validator:
    name = standard().lookup_class_name_from_uid(class_uid)
    schema = standard().get_class_schema(name, [each for each in profiles if each != INTEGRITY])
    if INTEGRITY in profiles:
        schema["properties"]["attestation"] = ATTESTATION
    return Draft202012Validator(schema)
