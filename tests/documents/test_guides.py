"""Every line of the guides that Stockade does has its command, and every command and setting of that page exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from stockade.cli.commands import app
from stockade.search.parse import parse
from tests.documents.reader import page, sections
from tests.source_tree import ROOT

PAGE = page("docs/reference/guides.md")
SETTINGS = page("docs/reference/configuration.md")
GUIDES = ROOT.parent / "shared" / "seeds"
ACCOUNT, MACHINE = "An account may be in strange hands", "A server may be in strange hands"
CODE = re.compile(r"`([^`]+)`")
COPIED = 7
"""As many words as somebody else's stand in a row are a quotation."""


def rows(section: str) -> list[str]:
    return [line for line in sections(PAGE)[section].splitlines() if line.startswith("| ")][1:]


@pytest.mark.parametrize("typed", sorted({code for code in CODE.findall(PAGE) if code.startswith("stockade ")}))
def test_every_command_exists_with_all_that_it_is_given(typed: str) -> None:
    command: Any = get_command(app)
    words = shlex.split(typed)[1:]
    while words and hasattr(command, "commands") and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    if command.name == "search":
        parse(" ".join(words), 1_800_000_000.0)
    known = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known
    room = [each for each in command.params if each.param_type_name == "argument"]
    assert room or not words or words[0].startswith("--"), f"{typed}: there is no {words[0]}"


def test_every_setting_exists() -> None:
    codes = [re.split(r" = |, ", code)[0].strip("[]") for code in CODE.findall(PAGE)]
    named = {code for code in codes if re.fullmatch(r"[a-z_0-9.]+", code)} - {"stockade.toml"}
    assert {"trusted_proxies", "audit.sinks", "traffic", "git_basic_auth", "bantime"} <= named
    assert {name for name in named if f"`{name}`" not in SETTINGS and f"[{name}]" not in SETTINGS} == set()


def test_every_row_says_what_does_it() -> None:
    for section in list(sections(PAGE)):
        for row in rows(section):
            here = row.split("|")[2]
            assert CODE.search(here) or here.strip().startswith("yes"), row


def guides() -> list[Path]:
    found = sorted(GUIDES.glob("*.txt"))
    if not found:
        pytest.skip("the guides are not beside this checkout, at ../shared/seeds")
    return found


def test_every_line_of_the_guide_has_a_row() -> None:
    account, _, machine = guides()[0].read_text().partition("Suspected compromised instance")
    count = {
        name: len(re.findall(r"^ *•", text, re.MULTILINE)) for name, text in ((ACCOUNT, account), (MACHINE, machine))
    }
    assert count == {ACCOUNT: len(rows(ACCOUNT)), MACHINE: len(rows(MACHINE)) - 1}  # beside it stands security.txt


def test_no_sentence_of_them_stands_here() -> None:
    def runs(text: str) -> set[tuple[str, ...]]:
        words = re.findall(r"[a-z0-9]+", text.lower())
        return {tuple(words[at : at + COPIED]) for at in range(len(words) - COPIED + 1)}

    theirs = set[tuple[str, ...]]().union(*(runs(guide.read_text()) for guide in guides()))
    assert runs(PAGE) & theirs == set()
