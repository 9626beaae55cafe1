"""A person follows the page, changes an octet with an editor, and is told which event it was."""

from __future__ import annotations

from pathlib import Path

from tests.documents.reader import Reader, page


def test_a_log_is_made_changed_and_found_out_as_the_page_says(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        reader.follow(page("docs/how-to/audit-log.md"))
