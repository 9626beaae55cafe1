"""Somebody who follows the page finds what they have hidden themselves, and knows the machine again."""

from __future__ import annotations

from pathlib import Path

from tests.documents.reader import Reader, page


def test_a_machine_is_looked_at_as_the_page_says(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        reader.follow(page("docs/how-to/look-at-a-machine.md"))
