"""Secrets are never written in a configuration, and never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from stockade.config.secrets import Url, resolve
from stockade.errors import ConfigurationError
from tests.config.written import error, settings


def test_a_password_in_a_url_is_refused_with_what_to_write() -> None:
    found = error('store = "redis://:hunter2@10.0.0.5/0"')
    assert found.message == "stockade.toml:1: store has a password written in it"
    assert "redis://:{env:NAME}@10.0.0.5/0" in found.remedy
    assert "hunter2" not in str(found)


def test_a_password_in_the_url_of_the_database_is_refused_too() -> None:
    assert "hunter2" not in str(error('database = "postgresql://stockade:hunter2@db/stockade"'))


def test_the_environment_fills_it_in() -> None:
    url = settings('store = "redis://:{env:REDIS}@10.0.0.5/0"').store
    assert url.open({"REDIS": "p@ss/word"}) == "redis://:p%40ss%2Fword@10.0.0.5/0"
    assert "p@ss" not in repr(url)


def test_a_file_fills_it_in(tmp_path: Path) -> None:
    secret = tmp_path / "redis"
    secret.write_text("hunter2\n")
    assert Url(f"redis://:{{file:{secret}}}@h").open() == "redis://:hunter2@h"
    assert Url(f"file:{secret}").open() == "hunter2"


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("env:NOT_SET", "env:NOT_SET holds nothing"),
        ("file:/nowhere/at/all", "cannot be read: No such file or directory"),
        ("hunter2", "a secret is written out"),
    ],
)
def test_a_reference_that_leads_nowhere_says_so(reference: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        resolve(reference, {})
    assert "hunter2" not in str(caught.value)
