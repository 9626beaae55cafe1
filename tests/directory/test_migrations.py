"""A database becomes what this release needs, from nothing or from anything earlier, exactly once."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from stockade.directory import BuiltinDirectory, Level, Membership, Scope, Visibility
from stockade.directory.builtin.grants import IDLE
from stockade.directory.builtin.migrate import _configuration
from stockade.directory.builtin.schema import metadata
from stockade.directory.builtin.version import is_current, newest
from stockade.errors import ConfigurationError, Unavailable
from tests.directory.conftest import Stage

MIGRATE = """
import sys
from stockade.directory import BuiltinDirectory
with BuiltinDirectory(sys.argv[1]) as directory:
    sys.stdin.readline()
    directory.migrate()
    print(directory.create_account(sys.argv[2]).name)
"""


def test_the_migrations_lead_to_the_schema_in_use(own_stage: Stage) -> None:
    with own_stage.directory._database.reading() as sql:
        context = MigrationContext.configure(sql, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        names = {check["name"] for table in metadata.tables for check in inspect(sql).get_unique_constraints(table)}
    assert "uq_accounts_name" in names


def test_migrating_again_changes_nothing(own_stage: Stage) -> None:
    own_stage.directory.create_account("alice")
    own_stage.directory.migrate()
    assert [account.name for account in own_stage.directory.accounts()] == ["alice"]


def test_a_database_that_is_current_is_told_without_alembic(own_stage: Stage) -> None:
    again = (
        f"import sys\nfrom stockade.directory import BuiltinDirectory\nBuiltinDirectory({own_stage.url!r}).migrate()"
    )
    told = f"{again}\nprint('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout == "False\n"
    with own_stage.directory._database.writing() as sql:
        sql.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    assert not is_current(own_stage.directory._database)
    with own_stage.directory._database.reading() as sql:
        assert newest() == ScriptDirectory.from_config(_configuration(sql)).get_current_head()


def test_processes_that_start_together_migrate_once(url: str) -> None:
    names = ["anna", "berta", "clara"]
    starting = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", MIGRATE, url, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    said = [process.communicate("go\n", timeout=60) for process in starting]
    assert said == [(f"{name}\n", "") for name in names]


def test_a_database_of_a_newer_release_is_left_alone(own_stage: Stage) -> None:
    with own_stage.directory._database.writing() as sql:
        sql.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigurationError, match="newer release"):
        own_stage.directory.migrate()


def test_a_database_that_was_never_migrated_says_so(url: str) -> None:
    with BuiltinDirectory(url) as directory, pytest.raises(Unavailable, match="migrated"):
        directory.account("alice")


@dataclass(frozen=True)
class Old:
    """What a database of the first release held."""

    accounts: int = 3
    tokens: int = 2

    def fill(self, sql: Connection) -> None:
        for number in range(1, self.accounts + 1):
            values = f"{number}, 'user{number}', 'human', 'active', :no, 'user{number}@example.org'"
            sql.execute(
                text(
                    "INSERT INTO accounts (id, name, kind, state, admin, email, email_key, password, created)"
                    f" VALUES ({values}, 'user{number}@example.org', 'a hash', 1.5)"
                ),
                {"no": False},
            )
        for number in range(1, self.tokens + 1):
            sql.exec_driver_sql(
                "INSERT INTO tokens (id, account_id, kind, name, within, scopes, digest, made)"
                f" VALUES ({number}, {number}, 'personal', 'token {number}', 'a/b', 'api', '{number:064}', 2.5)"
            )
        sql.exec_driver_sql(
            f"INSERT INTO sessions (id, account_id, digest, made, expires) VALUES (1, 1, '{9:064}', 3, 9)"
        )
        sql.exec_driver_sql(f"INSERT INTO resets (account_id, digest, expires) VALUES (2, '{8:064}', 3601.0)")
        sql.exec_driver_sql("INSERT INTO repositories (path, visibility) VALUES ('a/b', 'public')")
        sql.exec_driver_sql("INSERT INTO memberships (account_id, path, level) VALUES (1, 'a', 50)")


def test_what_the_first_release_kept_is_all_there_after_it(url: str) -> None:
    with BuiltinDirectory(url) as directory:
        with directory._database.writing() as sql:
            command.upgrade(_configuration(sql), "0001")
            Old().fill(sql)
        directory.migrate()
        assert [(a.name, a.email, a.created) for a in directory.accounts()] == [
            (f"user{number}", f"user{number}@example.org", 1.5) for number in (1, 2, 3)
        ]
        assert [(t.holder, t.name, t.within, t.made, t.made_by) for t in directory.tokens()] == [
            ("user1", "token 1", "a/b", 2.5, None),
            ("user2", "token 2", "a/b", 2.5, None),
        ]
        kinds = sorted(credential.kind.value for credential in directory.credentials())
        assert kinds == ["password"] * 3 + ["personal"] * 2 + ["reset", "session"]
        assert list(directory.memberships()) == [Membership("user1", "a", Level.OWNER)]
        assert directory.repository("a/b").visibility is Visibility.PUBLIC
        context = {"compare_type": True, "compare_server_default": True}
        with directory._database.reading() as sql:
            assert compare_metadata(MigrationContext.configure(sql, opts=context), metadata) == []


def test_grants_of_an_earlier_release_end_unless_they_are_used(url: str) -> None:
    with BuiltinDirectory(url) as directory:
        with directory._database.writing() as sql:
            command.upgrade(_configuration(sql), "0001")
            Old().fill(sql)
            command.upgrade(_configuration(sql), "0004")
            sql.exec_driver_sql(
                "INSERT INTO applications (id, name, client, digest, redirect, scopes, trusted, made)"
                f" VALUES (1, 'board', 'board', '{7:064}', 'https://board.example/', 'api', false, 4.5)"
            )
            for number, refresh in ((1, f"'{6:064}'"), (2, "NULL")):
                sql.exec_driver_sql(
                    "INSERT INTO grants (id, application_id, account_id, scopes, digest, refresh, made, expires)"
                    f" VALUES ({number}, 1, 1, 'api', '{number:064}', {refresh}, 4.5, 7204.5)"
                )
        directory.migrate()
        assert [grant.expires for grant in directory.held("grant")] == [4.5 + IDLE, 7204.5]


def test_numbers_are_not_given_again_after_sqlite_wrote_a_table_anew(tmp_path: Path) -> None:
    with BuiltinDirectory(f"sqlite:///{tmp_path}/directory.db") as directory:
        with directory._database.writing() as sql:
            command.upgrade(_configuration(sql), "0001")
            Old().fill(sql)
            sql.exec_driver_sql("DELETE FROM tokens WHERE id = 2")
        directory.migrate()
        assert directory.issue_token("user1", "next", [Scope.API])[0].id == 3
