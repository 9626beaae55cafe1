"""The how-to page shows what is really served and said."""

from __future__ import annotations

import re
from pathlib import Path

from tests.documents.reader import Reader, page

PAGE = page("docs/how-to/security-txt.md")


def test_the_page_comes_true_and_its_settings_become_the_file_that_it_shows(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        reader.follow(PAGE)
    (served,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert (tmp_path / "security.txt").read_text() == served
