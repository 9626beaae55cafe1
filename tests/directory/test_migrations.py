"""A database becomes what this release needs, from nothing or from anything earlier, exactly once."""

from __future__ import annotations

import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from stockade.directory import BuiltinDirectory
from stockade.directory.builtin.schema import metadata
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
