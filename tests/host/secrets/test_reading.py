"""Files, histories, environments and databases are read as they are: streamed, in little memory, without a trace."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tracemalloc
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from stockade.host.oddity import Unseen
from stockade.host.secrets import environment, history, tables, texts
from stockade.host.secrets.files import FilesScan
from stockade.host.secrets.found import Sighting
from tests.host.secrets.scanners import SCANNER, fingerprint, seen_in, sightings

TOKEN = "glpat-" + "Q7bYx2LmP0dRt5VwZk9a"
OTHER = "glpat-" + "aK9ZwV5tRd0PmL2xYb7Q"


# ── files ────────────────────────────────────────────────────────────────────────────────────────


@given(st.lists(st.text("ab \n", max_size=30), max_size=30), st.integers(16, 64))
def test_blocks_put_together_are_the_file(lines: list[str], size: int) -> None:
    written = "\n".join(lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "BLOCK", size)
        patch.setattr(texts, "HEAD", size)
        patch.setattr(texts, "OVERLAP", 12)
        blocks = list(texts.blocks(BytesIO(written.encode()), 0))
    assert "".join(block.text[block.fresh :] for block in blocks) == written
    for block in blocks:
        place = sum(len(line) for line in written.splitlines(keepends=True)[: block.line - 1])
        assert written.startswith(block.text, place)


def test_a_large_file_is_read_in_little_memory_and_every_secret_has_its_line(tmp_path: Path) -> None:
    big = tmp_path / "app.log"
    filler = "2026-01-01 something happened to somebody somewhere, and it took 12 ms\n" * 4_000
    with big.open("w") as file:
        for number in range(20):
            file.write(filler + f"token={TOKEN[:-2]}{number:02}\n")
    tracemalloc.start()
    found = seen_in(big)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [int(each.place.at) for each in found] == [4_001 * number for number in range(1, 21)]
    assert big.stat().st_size > 5_000_000
    assert peak < 10_000_000, "a whole block, decoded and in small letters, and no more"


def test_what_is_no_text_and_what_is_packed_is_passed_over_and_counted(tmp_path: Path) -> None:
    (tmp_path / "program").write_bytes(b"\x7fELF\0" + TOKEN.encode())
    (tmp_path / "old.tar.gz").write_bytes(b"x")
    (tmp_path / "keys.p12").write_bytes(b"x")
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    scan = FilesScan(SCANNER)
    said = list(scan.walk(tmp_path))
    assert (scan.files, scan.binary, scan.packed) == (1, 1, 1)
    assert [each.what for each in said if isinstance(each, Unseen)] == [str(tmp_path / "keys.p12")]


# ── histories ────────────────────────────────────────────────────────────────────────────────────


class Repository:
    """A repository of a test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.email", "ann@example.org")
        self.git("config", "user.name", "Ann")

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", "-C", self.folder, *words], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, name: str, content: str) -> str:
        (self.folder / name).write_text(content)
        self.git("add", name)
        self.git("commit", "-q", "-m", f"change {name}")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "app")
    made.commit("README", "nothing\n")
    return made


def test_what_was_committed_and_removed_again_is_found_with_commit_path_and_author(repository: Repository) -> None:
    commit = repository.commit("deploy.env", f"TOKEN={TOKEN}\n")
    repository.commit("deploy.env", "TOKEN=\n")
    (found,) = sightings(history.scan(SCANNER, repository.folder))
    assert found.fingerprint == fingerprint(TOKEN)
    assert (found.place.path, found.place.at) == (f"{repository.folder}:deploy.env", commit[:12])
    assert found.place.owner == "Ann"


def test_the_next_scan_reads_only_what_is_new_on_any_branch_of_a_bare_repository_too(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit("deploy.env", f"TOKEN={TOKEN}\n")
    tips = history.tips(repository.folder)
    assert sightings(history.scan(SCANNER, repository.folder, tips)) == []
    repository.git("checkout", "-q", "-b", "feature")
    repository.commit("deploy.env", f"TOKEN={OTHER}\n")
    bare = tmp_path / "app.git"
    repository.git("clone", "-q", "--bare", str(repository.folder), str(bare))
    for folder in (repository.folder, bare):
        assert [each.fingerprint for each in sightings(history.scan(SCANNER, folder, tips))] == [fingerprint(OTHER)]
    gone = ("0" * 39 + "1",)
    assert len(sightings(history.scan(SCANNER, bare, gone))) == 2


def test_what_only_a_merge_has_brought_in_is_found(repository: Repository) -> None:
    repository.git("checkout", "-q", "-b", "side")
    repository.commit("a", "a\n")
    repository.git("checkout", "-q", "main")
    repository.commit("b", "b\n")
    repository.git("merge", "-q", "--no-commit", "--no-ff", "side")
    repository.commit("b", f"b\nTOKEN={TOKEN}\n")
    assert [each.fingerprint for each in sightings(history.scan(SCANNER, repository.folder))] == [fingerprint(TOKEN)]


def test_nothing_that_a_suspicious_repository_asks_for_is_run(repository: Repository, tmp_path: Path) -> None:
    trap, sprung = tmp_path / "trap", tmp_path / "sprung"
    trap.write_text(f"#!/bin/sh\ntouch {sprung}\ncat\n")
    trap.chmod(0o755)
    for name in ("diff.external", "diff.x.textconv", "diff.x.command", "core.fsmonitor", "core.pager", "gpg.program",
                 "filter.x.smudge", "filter.x.clean"):  # fmt: skip
        repository.git("config", name, str(trap))
    repository.git("config", "log.showSignature", "true")
    (repository.folder / ".git" / "info" / "attributes").write_text("* diff=x filter=x\n")
    (repository.folder / "deploy.env").write_text(f"TOKEN={TOKEN}\n")
    subprocess.run(["git", "-C", repository.folder, "-c", "core.fsmonitor=false", "-c", "filter.x.clean=cat", "-c",
                    "core.hooksPath=/dev/null", "add", "."], check=True)  # fmt: skip
    repository.git("-c", "core.fsmonitor=false", "commit", "-q", "-m", "x")
    sprung.unlink(missing_ok=True)
    assert len(sightings(history.scan(SCANNER, repository.folder))) == 1
    assert not sprung.exists()


def test_a_broken_repository_is_said(tmp_path: Path) -> None:
    (tmp_path / "objects").mkdir()
    assert [type(each) for each in history.scan(SCANNER, tmp_path)] == [Unseen]


# ── environments ─────────────────────────────────────────────────────────────────────────────────


def test_environments_give_names_and_fingerprints(tmp_path: Path) -> None:
    told = {"PATH": os.environ["PATH"], "DEPLOY_TOKEN": TOKEN, "DB_PASSWORD": "Wm4xQz81Lp", "PASSWORD_FILE": "/run/x"}
    process = subprocess.Popen([sys.executable, "-c", "input()"], env=told, stdin=subprocess.PIPE)
    try:
        folder = tmp_path / str(process.pid)
        folder.symlink_to(f"/proc/{process.pid}")
        found = sightings(environment.scan(SCANNER, tmp_path))
    finally:
        process.communicate(b"\n")
    assert {(each.place.name, each.fingerprint) for each in found} == {
        ("DEPLOY_TOKEN", fingerprint(TOKEN)),
        ("DB_PASSWORD", fingerprint("Wm4xQz81Lp")),
    }
    assert {each.place.path for each in found} == {"python"} or {each.place.path for each in found} == {"python3"}


# ── databases ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_columns_of_a_database_are_read_and_nothing_is_changed(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'app.db'}" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    engine = create_engine(url)
    with engine.begin() as sql:
        sql.execute(text("DROP TABLE IF EXISTS hooks"))
        sql.execute(text("CREATE TABLE hooks (id INTEGER PRIMARY KEY, url TEXT, secret TEXT)"))
        rows = [(1, "https://a.example", "kT4-first"), (2, f"https://x/?t={TOKEN}", None), (3, "", "changeme")]
        for row in rows:
            sql.execute(text("INSERT INTO hooks VALUES (:a, :b, :c)"), dict(zip("abc", row, strict=True)))
    engine.dispose()
    found = sightings(tables.scan(SCANNER, tables.Columns("app", url, "hooks", ("url", "secret"))))
    assert [(each.place.name, each.place.at, each.fingerprint) for each in found] == [
        ("secret", "row 1", fingerprint("kT4-first")),
        ("url", "row 2", fingerprint(TOKEN)),
    ]
    (said,) = tables.scan(SCANNER, tables.Columns("app", url, "nothing", ("secret",)))
    assert isinstance(said, Unseen)


def test_a_cell_that_is_no_text_is_neither_quoted_nor_the_end_of_its_table(tmp_path: Path) -> None:
    path, broken = tmp_path / "app.db", "glpat-" + "Zr4Kp9Wq2Lm7"
    with closing(sqlite3.connect(path)) as sql:
        sql.execute("CREATE TABLE hooks (id INTEGER, secret TEXT)")
        sql.execute("INSERT INTO hooks VALUES (1, CAST(? AS TEXT))", (broken.encode() + b"\xff",))
        sql.executemany("INSERT INTO hooks VALUES (?, ?)", [(2, b"\0\xff\0\1"), (3, None), (4, TOKEN)])
        sql.commit()
    told = list(tables.scan(SCANNER, tables.Columns("app", f"sqlite:///{path}", "hooks", ("secret",))))
    assert broken not in str(told)
    assert fingerprint(TOKEN) in {each.fingerprint for each in sightings(told)}


def test_texts_of_other_encodings_are_looked_through(tmp_path: Path) -> None:
    (tmp_path / "wide.env").write_bytes("DB_PASSWORD=Wm4xQz81Lp\r\n".encode("utf-16"))
    (tmp_path / "latin.env").write_bytes("DB_PASSWORD=Wm4xQz81Lpä\n".encode("latin-1"))
    found = {each.place.path.rpartition("/")[2]: each.fingerprint for each in seen_in(tmp_path)}
    assert found == {"wide.env": fingerprint("Wm4xQz81Lp"), "latin.env": fingerprint("Wm4xQz81Lp\udce4")}


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'none.db'}"
    assert [type(each) for each in tables.scan(SCANNER, tables.Columns("app", url, "t", ("c",)))] == [Unseen]
    assert list(tmp_path.iterdir()) == []


def test_the_password_of_a_database_is_in_no_message() -> None:
    url = "postgresql://bob:Wm4xQz81Lp@127.0.0.1:1/app"
    (said,) = tables.scan(SCANNER, tables.Columns("app", url, "t", ("c",)))
    assert not isinstance(said, Sighting)
    assert "Wm4xQz81Lp" not in f"{said.what}{said.why}{said.remedy}"
