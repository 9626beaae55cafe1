"""No page is only read: each is followed by a test, or named here with the reason; and none is lost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.documents.reader import blocks, page, sections
from tests.source_tree import ROOT, SOURCE

LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
FOLLOWED = {
    "README": "tests/test_readme.py",
    "tutorial/five-minutes": "tests/documents/test_pages.py",
    "tutorial/seal-a-log": "tests/documents/test_pages.py",
    "how-to/account-compromised": "tests/documents/test_compromised.py",
    "how-to/audit-log": "tests/documents/test_audit_log.py",
    "how-to/behind-a-proxy": "tests/documents/test_in_front.py",
    "how-to/carry-the-log-away": "tests/documents/test_pages.py",
    "how-to/change-every-secret": "tests/documents/test_coming_back.py",
    "how-to/come-from-gitlab": "tests/gitlabrb/test_how_to.py",
    "how-to/gateway": "tests/documents/test_in_front.py",
    "how-to/git-over-ssh": "tests/documents/test_pages.py",
    "how-to/keep-up-to-date": "tests/documents/test_updates.py",
    "how-to/know-your-credentials": "tests/documents/test_credentials.py",
    "how-to/let-applications-in": "tests/documents/test_pages.py",
    "how-to/library": "tests/documents/test_pages.py",
    "how-to/look-at-a-machine": "tests/documents/test_machine.py",
    "how-to/machine-compromised": "tests/respond/test_machine_story.py",
    "how-to/plan-and-run": "tests/documents/test_plan_and_run.py",
    "how-to/rebuild": "tests/documents/test_coming_back.py",
    "how-to/require-a-second-factor": "tests/documents/test_pages.py",
    "how-to/review-an-account": "tests/documents/test_reading_logs.py",
    "how-to/review-traffic": "tests/documents/test_traffic.py",
    "how-to/save-evidence": "tests/documents/test_pages.py",
    "how-to/search-the-log": "tests/documents/test_pages.py",
    "how-to/security-txt": "tests/securitytxt/test_how_to.py",
    "how-to/shut-the-network": "tests/host/restrict/test_page.py",
    "how-to/take-in-logs": "tests/documents/test_reading_logs.py",
    "how-to/try-rules-on-an-old-log": "tests/lines/test_page.py",
    "how-to/watch-a-log": "tests/documents/test_reading_logs.py",
    "how-to/what-could-it-reach": "tests/documents/test_credentials.py",
    "how-to/write-a-rule": "tests/documents/test_detection.py",
}
"""Which test types a page, or the sections of it that can be typed."""
CARRY, TAKE_IN = "how-to/carry-the-log-away", "how-to/take-in-logs"
TYPED_SECTIONS = {CARRY: {"HTTPS", "A file that can only grow"}, TAKE_IN: {"", "Run it"}}
"""Pages of which a test follows some sections only; empty is what stands before the first."""
LEFT_OUT = {
    (CARRY, ""): "its answers show a night of trouble; the same is typed under 'A file that can only grow'",
    (CARRY, "A store with Object Lock"): "typed in the tutorial, against a real store",
    (CARRY, "A witness"): "it serves until it is ended; tests/audit/test_witness.py has one",
    (CARRY, "Time stamps"): "they are an authority's; tests/audit/sinks have one",
    (TAKE_IN, "sshd, sudo and the rest of a machine"): "there is no journal where tests run",
}
"""Sections of them with something to type that nobody types, and why."""


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT)).removeprefix("docs/").removesuffix(".md")


def guides() -> list[Path]:
    return [ROOT / "README.md", *(ROOT / "docs/tutorial").glob("*.md"), *(ROOT / "docs/how-to").glob("*.md")]


def test_every_page_that_says_what_to_type_is_followed() -> None:
    assert {name_of(path) for path in guides()} == FOLLOWED.keys()


@pytest.mark.parametrize(("name", "test"), FOLLOWED.items())
def test_the_test_that_follows_a_page_names_it(name: str, test: str) -> None:
    text = (ROOT / test).read_text()
    assert name.rpartition("/")[2] in text
    assert "follow(" in text or "tests.respond" in text or "PAGE" in text


@pytest.mark.parametrize("name", TYPED_SECTIONS)
def test_a_section_that_nobody_types_has_its_reason(name: str) -> None:
    text = page(f"docs/{name}.md")
    parts = {"": text.partition("\n## ")[0], **sections(text)}
    typed = {heading for heading, part in parts.items() if any(block.language == "console" for block in blocks(part))}
    assert typed == TYPED_SECTIONS[name] | {heading for page_of, heading in LEFT_OUT if page_of == name}


def test_every_page_is_found_from_the_first() -> None:
    found, left = set[Path](), [ROOT / "README.md"]
    while left:
        path = left.pop()
        if path not in found and path.suffix == ".md":
            found.add(path)
            left += [(path.parent / target).resolve() for target in LINK.findall(path.read_text())]
    assert sorted(name_of(path) for path in (ROOT / "docs").rglob("*.md") if path not in found) == []


def test_the_picture_of_the_house_shows_every_folder_and_nothing_that_is_not_there() -> None:
    (drawn,) = re.findall(r"```\nsrc/stockade/\n(.*?)```", page("docs/why/architecture.md"), re.DOTALL)
    files = [path.relative_to(SOURCE / "stockade") for path in (SOURCE / "stockade").rglob("*")]
    there = {f"/{path}" for path in files if path.suffix in {".py", ".toml"}}
    named = set(re.findall(r"[\w/]+\.(?:py|toml)\b", drawn))
    assert {name for name in named if not any(path.endswith(f"/{name}") for path in there)} == set()
    folders = {path.parent.parts[-1] for path in files if path.suffix == ".py" and path.parent.parts}
    assert folders - {"versions", "commands"} - set(re.findall(r"(\w+)/", drawn)) == set()
