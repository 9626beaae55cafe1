"""The how-to about old logs does what it says."""

from __future__ import annotations

from pathlib import Path

from tests.documents.reader import Reader, page


def test_rules_are_tried_on_an_old_log_as_the_page_says(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        reader.follow(page("docs/how-to/try-rules-on-an-old-log.md"))
