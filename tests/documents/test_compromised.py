"""The page for the night comes true, command by command, from the lock to the report."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from stockade.directory import BuiltinDirectory, Level
from stockade.directory.sealing import Sealing
from tests.documents.reader import Reader, page

PAGE = page("docs/how-to/account-compromised.md")
APPROVING = "## Approve it, run it"


def prepare(reader: Reader) -> None:
    """Alice, who maintains a project with a variable, and a token of hers."""
    reader.exported["STOCKADE_STATE"] = str(reader.place / "state")
    for command in (
        "echo 'correct horse battery' | stockade user add alice",
        "stockade token issue alice x --scope api",
    ):
        subprocess.run(["bash", "-c", command], env=reader._env(), cwd=reader.place, check=True, capture_output=True)
    sealing = Sealing.kept_in(reader.place / "state" / "directory.key")
    with BuiltinDirectory(f"sqlite:///{reader.place}/state/directory.sqlite3", sealing=sealing) as directory:
        directory.create_repository("group/app")
        directory.add_member("alice", "group/app", Level.MAINTAINER)
        directory.set_variable("group/app", "PROD_KEY", "a secret", protected=True)


def test_the_page_for_the_night_comes_true(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        prepare(reader)
        before, _, after = PAGE.partition(APPROVING)
        reader.follow(before)
        (plan,) = json.loads(reader._run("stockade plan list --json"))
        reader.follow(after.replace("DIGEST", plan["digest"]).replace("```text", "```console"))
        assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-")
        assert json.loads((tmp_path / "incident.json").read_text())["type"] == "bundle"
        (incident,) = json.loads(reader._run("stockade incident list --json"))
        assert incident["closed"]
        log = b"".join(file.read_bytes() for file in (tmp_path / "state" / "audit" / "segments").iterdir())
        for action in ("user.lock", "incident.open", "plan.create", "user.block", "step.verify", "incident.close"):
            assert f'"action":"{action}"'.encode() in log, action
