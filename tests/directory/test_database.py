"""A database that cannot be used says why, and what to do."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine

from stockade.directory import BuiltinDirectory
from stockade.directory.builtin import database
from stockade.errors import ConfigurationError, Unavailable
from tests.directory.conftest import Stage


@pytest.mark.parametrize(
    "url", ["", "directory.db", "mysql://root@localhost/x", "sqlite://", "sqlite:///:memory:", "://"]
)
def test_a_url_that_will_not_do_is_refused_with_one_that_would(url: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        BuiltinDirectory(url)
    assert "sqlite:////path/to/file" in error.value.remedy


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere"):
        BuiltinDirectory(f"sqlite:///{tmp_path}/nowhere/directory.db")


def test_a_server_that_is_down_is_unavailable() -> None:
    with BuiltinDirectory("postgresql://stockade@127.0.0.1:1/none") as directory, pytest.raises(Unavailable):
        directory.account("alice")


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "directory.db").write_text("this is a text, and a long one at that, but no database at all" * 10)
    with BuiltinDirectory(f"sqlite:///{tmp_path}/directory.db") as directory, pytest.raises(Unavailable):
        directory.migrate()


def test_a_lock_that_is_never_given_back_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "TERMS", replace(database.TERMS, patience=0.05))
    stage = Stage(f"sqlite:///{tmp_path}/directory.db")
    stage.directory.migrate()
    stage.directory.create_account("alice")
    holder = sqlite3.connect(tmp_path / "directory.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        stage.directory.block("alice")
    assert stage.directory.account("alice").name == "alice", "who only reads does not wait"
    holder.close()
    assert stage.directory.block("alice").blocked


def test_a_table_that_another_program_keeps_to_itself_is_unavailable_on_postgresql_too(
    emptied_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "TERMS", replace(database.TERMS, patience=0.05))
    stage = Stage(emptied_postgres_url)
    stage.directory.create_account("alice")
    engine = create_engine(emptied_postgres_url, poolclass=NullPool)
    with engine.begin() as sql:
        sql.exec_driver_sql("LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(Unavailable, match="lock timeout"):
            stage.directory.account("alice")
    assert stage.directory.account("alice").name == "alice"
    stage.directory.close()


def test_a_change_that_fails_half_way_leaves_nothing(stage: Stage) -> None:
    account = stage.directory.create_account("alice", password="correct horse")
    with contextlib.suppress(RuntimeError), stage.directory._database.writing() as sql:
        sql.exec_driver_sql("UPDATE accounts SET name = 'mallory'")
        raise RuntimeError
    assert stage.directory.account("alice") == account
