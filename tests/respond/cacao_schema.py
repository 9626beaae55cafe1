"""What CACAO Security Playbooks 2.0 (Committee Specification 01) asks of a playbook of the kind that is written here.

Made by reading the specification: sections 3.1 (playbook), 4 (workflow steps), 5.9 (manual commands), 7 (agents) and 10
(identifiers, time stamps).
"""

from __future__ import annotations

from typing import Any, Final

_UUID: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_STAMP: Final = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}
_TYPES: Final = [
    *("attack", "detection", "engagement", "investigation", "mitigation", "notification", "prevention", "remediation"),
]
_ACTIVITIES: Final = [
    *("compose-content", "deliver-content", "identify-audience", "identify-channel", "scan-system", "match-indicator"),
    *("analyze-collected-data", "identify-indicators", "scan-vulnerabilities", "configure-systems", "restrict-access"),
    *("disconnect-system", "eliminate-risk", "revert-system", "restore-data", "restore-capabilities", "map-network"),
    *("identify-steps", "step-sequence", "prepare-engagement", "execute-operation", "analyze-engagement-results"),
]


def _identifier(*kinds: str) -> dict[str, str]:
    return {"type": "string", "pattern": f"^({'|'.join(kinds)})--{_UUID}$"}


_COMMAND: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "command"],
    "properties": {
        "type": {"const": "manual"},
        "command": {"type": "string", "minLength": 1},
        "description": {"type": "string"},
        "playbook_activity": {"enum": _ACTIVITIES},
    },
    "additionalProperties": False,
}
_STEPS: Final[dict[str, Any]] = {
    "start": {"required": ["type", "on_completion"], "properties": {"type": {"const": "start"}}},
    "end": {"required": ["type"], "properties": {"type": {"const": "end"}}, "not": {"required": ["on_completion"]}},
    "action": {
        "required": ["type", "commands", "agent", "on_completion"],
        "properties": {
            "type": {"const": "action"},
            "name": {"type": "string"},
            "description": {"type": "string"},
            "commands": {"type": "array", "items": _COMMAND, "minItems": 1},
            "agent": _identifier("organization"),
            "on_completion": _identifier("action", "end"),
        },
        "additionalProperties": False,
    },
}
PLAYBOOK: Final[dict[str, Any]] = {
    "type": "object",
    "required": [
        *("type", "spec_version", "id", "name", "created_by", "created", "modified", "workflow_start", "workflow"),
    ],
    "properties": {
        "type": {"const": "playbook"},
        "spec_version": {"const": "cacao-2.0"},
        "id": _identifier("playbook"),
        "name": {"type": "string", "minLength": 1},
        "description": {"type": "string"},
        "playbook_types": {"type": "array", "items": {"enum": _TYPES}, "minItems": 1},
        "playbook_activities": {"type": "array", "items": {"enum": _ACTIVITIES}, "minItems": 1},
        "created_by": _identifier("identity"),
        "created": _STAMP,
        "modified": _STAMP,
        "valid_from": _STAMP,
        "valid_until": _STAMP,
        "labels": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "workflow_start": _identifier("start"),
        "workflow_exception": _identifier("end", "action"),
        "workflow": {
            "type": "object",
            "minProperties": 3,
            "patternProperties": {f"^{kind}--{_UUID}$": step for kind, step in _STEPS.items()},
            "additionalProperties": False,
        },
        "agent_definitions": {
            "type": "object",
            "patternProperties": {
                f"^organization--{_UUID}$": {
                    "type": "object",
                    "required": ["type", "name"],
                    "properties": {"type": {"const": "organization"}, "name": {"type": "string", "minLength": 1}},
                }
            },
            "additionalProperties": False,
        },
    },
    "dependentRequired": {"playbook_types": ["playbook_activities"]},
    "additionalProperties": False,
}
