"""Any JSON lines by a mapping file; mapping files and sources that cannot be followed."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest

from stockade.errors import ConfigurationError
from stockade.events import Event
from stockade.intake import foreign
from stockade.intake.formats.mapped import parse
from stockade.intake.settings import sources_of
from stockade.lines.line import Unreadable
from tests.intake.lines import MAPPING, NOON, reading
from tests.source_tree import ROOT


def test_any_json_by_a_mapping() -> None:
    mapping = parse(MAPPING, where="vault.toml")
    read = reading("json", mapping=mapping)
    said: dict[str, Any] = {
        "time": 1700049600000,
        "type": "error",
        "auth": {"display_name": "alice"},
        "request": {"operation": "read", "path": "secret/db", "remote_address": "192.0.2.1", "id": "r1", "mount": "kv"},
    }
    (found,) = read(json.dumps(said))
    assert found.id == "r1"
    assert found.event == Event(
        NOON,
        "variable.read",
        foreign.ref("vault", "account", "alice"),
        None,
        "192.0.2.1",
        "failure",
        {"type": "read secret/db", "mount": "kv"},
    )
    said["request"]["path"] = "sys/mounts"
    (found,) = read(json.dumps(said))
    assert (found.event.action, found.event.details["whole"]["request"]["id"]) == ("unknown", "r1")  # type: ignore[index]
    with pytest.raises(Unreadable, match="no time"):
        read('{"request": {"operation": "read"}}')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("system = ", "is not TOML"),
        ("system = 'x'\n[fields]\nname = 'a'", "time is missing"),
        ("system = 'x'\n[fields]\ntime = 'a'\nnames = 'b'", "has no setting 'names'"),
        ("system = 'x'\n[fields]\ntime = 3\nname = 'b'", "time is no path"),
        ("system = 'x'\n[fields]\ntime = 'a'\nname = 'b'\n[details]\ntype = 'c'", "'type' is a name of ours"),
        ("system = 'x'\n[fields]\ntime = 'a'\nname = 'b'\n[outcomes]\nfailure = 'x'", "failure is no list"),
        ("system = 'x'\nfields = 3", "fields is no table"),
        ("[fields]\ntime = 'a'\nname = 'b'", "system is missing"),
    ],
)
def test_a_mapping_that_cannot_be_followed_is_refused_by_name_and_place(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse(text, where="vault.toml")
    assert said in refused.value.message
    assert refused.value.message.startswith("vault.toml")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"kind": "fil"}, "there is no kind 'fil'"),
        ({"name": "a", "path": "x"}, "format is missing"),
        ({"name": "A!", "path": "x", "format": "syslog"}, "'A!' is no name"),
        ({"name": "a", "path": "x", "fromat": "syslog"}, "has no setting 'fromat'"),
        ({"name": "a", "path": "x", "format": "syslog", "zone": "Mars/X"}, "which is no time zone"),
        ({"name": "a", "path": "x", "format": "json"}, "belong together"),
        ({"name": "a", "kind": "gitlab-api", "url": "https://x", "token": "t", "of": "all"}, "cannot be asked"),
    ],
)
def test_a_source_that_cannot_be_followed_is_refused_by_name_and_place(entry: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        sources_of([entry], where="stockade.toml")
    assert said in refused.value.message
    assert refused.value.message.startswith("stockade.toml: [[intake]] number 1")


def test_two_sources_of_one_name_are_refused() -> None:
    entry = {"name": "a", "path": "x", "format": "syslog"}
    with pytest.raises(ConfigurationError, match="two sources are named 'a'"):
        sources_of([entry, entry], where="stockade.toml")


def test_the_examples_of_the_how_to_can_be_followed() -> None:
    page = (ROOT / "docs" / "how-to" / "take-in-logs.md").read_text()
    examples = [tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", page, re.DOTALL)]
    tables = [table for example in examples for table in example.get("intake", [])]
    assert {type(source).__name__ for source in sources_of(tables, where="the page")} == {
        "FileSource",
        "HttpSource",
        "SyslogSource",
        "GitLabApiSource",
    }
    mappings = [text for text in re.findall(r"```toml\n(.*?)```", page, re.DOTALL) if "[fields]" in text]
    assert [parse(text, where="the page").table.system for text in mappings] == ["vault"]
