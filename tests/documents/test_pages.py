"""The tutorial and the how-to for applications do what they say, and no page leads nowhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.documents.reader import Reader, page, sections
from tests.source_tree import ROOT

LIBRARY = sections(page("docs/how-to/library.md"))
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#([^)]*))?\)")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_a_sign_in_is_protected_in_five_minutes(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        reader.follow(page("docs/tutorial/five-minutes.md"))


@pytest.mark.parametrize("heading", LIBRARY)
def test_an_application_is_protected_as_the_how_to_says(heading: str, tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        reader.follow(LIBRARY[heading])


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_page_and_to_a_heading_of_it(path: Path) -> None:
    for target, heading in LINK.findall(path.read_text()):
        found = path.parent / target
        assert found.exists(), target
        if heading:
            assert heading in {_anchor(line) for line in found.read_text().splitlines() if line.startswith("#")}, target


def _anchor(line: str) -> str:
    words = re.sub(r"[^\w\s-]", "", line.lstrip("# ").lower())
    return words.strip().replace(" ", "-")
