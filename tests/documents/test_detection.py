"""The page on rules comes true when it is followed, and the page of rules is what the rules say."""

from __future__ import annotations

from pathlib import Path

from stockade.detect.pack import own_pack
from stockade.detect.reference import reference
from stockade.detect.values import MODIFIERS
from tests.documents.reader import Reader, page
from tests.source_tree import ROOT


def test_a_rule_is_written_as_the_how_to_says(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        reader.follow(page("docs/how-to/write-a-rule.md"))


def test_the_how_to_names_every_modifier() -> None:
    said = page("docs/how-to/write-a-rule.md").partition("## What is evaluated")[2]
    long = {"ignorecase": "i", "multiline": "m", "dotall": "s"}
    assert [name for name in MODIFIERS if f"`{long.get(name, name)}`" not in said] == []


def test_the_reference_of_rules_is_up_to_date() -> None:
    there = (ROOT / "docs" / "reference" / "rules.md").read_text()
    assert there == reference(), "python -m stockade.detect.reference docs/reference/rules.md"
    assert [rule.name for rule in own_pack() if not rule.part and f"`{rule.name}`" not in there] == []
