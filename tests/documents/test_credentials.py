"""The pages on credentials and on what was within reach come true when they are followed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents.reader import Reader, page


@pytest.mark.parametrize("name", ["know-your-credentials", "what-could-it-reach"])
def test_what_the_page_says_comes_true(name: str, tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        reader.follow(page(f"docs/how-to/{name}.md"))
