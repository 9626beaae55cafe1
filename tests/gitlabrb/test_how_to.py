"""The how-to page says what the import really does."""

from __future__ import annotations

import re
from pathlib import Path

from stockade.gitlabrb import translate

PAGE = (Path(__file__).parents[2] / "docs/how-to/come-from-gitlab.md").read_text()


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_example_becomes_what_the_page_shows() -> None:
    assert translate(block("ruby")).toml() == block("toml")
