"""The how-to page shows what is really served and said."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from stockade.gateway.securitytxt import SecurityTxt, check, render

PAGE = (Path(__file__).parents[2] / "docs/how-to/security-txt.md").read_text()
SERVED, INVALID, SAID = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)


def test_the_settings_become_the_file_that_the_page_shows() -> None:
    (settings,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert render(SecurityTxt(**tomllib.loads(settings)["security_txt"])) == SERVED


def test_the_example_is_refused_as_the_page_says() -> None:
    problems = check(INVALID, now=datetime(2026, 1, 1, tzinfo=UTC))
    assert f"{problems[0]}\n" == SAID
