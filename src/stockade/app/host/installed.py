"""What a machine has: its system, packages, applications, containers, and what its package manager has at hand."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from stockade.config import Settings
from stockade.config.updates import ApplicationTable, UpdatesSettings
from stockade.host.facts.tree import Tree
from stockade.host.oddity import Unseen
from stockade.host.triage.listening import listeners
from stockade.host.triage.seen import Facts
from stockade.host.updates import apt
from stockade.host.updates.applications import Application, imaged, packaged
from stockade.host.updates.behind import Installed, System
from stockade.host.updates.version import numbers, said_in

CLEAN: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "HOME": "/nonexistent"}
"""All that a program which is asked sees of the environment."""
PATIENCE: Final = 30.0
MOST: Final = 8 << 20
LISTS: Final = "/var/lib/apt/lists"
WEEK: Final = 7


def settings_of(settings: Settings) -> UpdatesSettings:
    """What is said of updates."""
    return settings.updates or UpdatesSettings()


def installed(settings: Settings, facts: Facts) -> tuple[Installed, tuple[Unseen, ...]]:
    """What a machine has, and what could not be told. Programs are asked only on the machine that this runs on."""
    here, found = str(facts.machine.root) == "/", facts.packages.installed
    tree, unseen, listening = Tree(facts.machine.root), list[Unseen](), _listening(facts)
    applications = [replace(each, reachable=each.package in listening) for each in packaged(found)]
    for told in (*_declared(settings), *(_contained() if here else ())):
        if isinstance(told, Unseen):
            unseen.append(told)
        else:
            applications.append(told)
    upgrades, more = _upgrades(tree, facts, here=here)
    running = os.uname().release if here else ""
    made = Installed(system_of(tree), found, upgrades, tuple(applications), listening, running)
    return made, (*unseen, *more)


def _listening(facts: Facts) -> frozenset[str]:
    """The packages of what others can reach, and of the libraries that it uses."""
    owner, files = facts.packages.owner, set[str]()
    for each in listeners(facts.sockets, owner):
        for process in each.processes if each.open else ():
            files |= {process.exe, *process.libraries}
    return frozenset(package for file in files if (package := owner(file)) is not None)


def _upgrades(tree: Tree, facts: Facts, *, here: bool) -> tuple[tuple[apt.Upgrade, ...] | None, list[Unseen]]:
    """What apt has at hand; what its lists cannot know is told."""
    what = "which packages have updates"
    if facts.packages.manager != "dpkg" or not here:
        remedy = "Ask there: apt list --upgradable, dnf check-update, apk version -l '<'"
        return None, [
            Unseen(what, "only apt is asked, and only on the machine itself", remedy)
        ] if facts.packages else []
    unseen = list(_lists(tree, facts.machine.now))
    try:
        return tuple(apt.upgrades(_said(apt.ASK))), unseen
    except (OSError, subprocess.SubprocessError) as error:
        return None, [*unseen, Unseen(what, f"apt cannot be asked: {error}", "apt-get update")]


def _lists(tree: Tree, now: float) -> Iterator[Unseen]:
    names = [name for name in tree.names(LISTS) if name.endswith("Release")]
    if not names:
        yield Unseen("which packages have updates", "apt has no lists", "apt-get update")
        return
    days = round((now - max(os.stat(tree.at(f"{LISTS}/{name}")).st_mtime for name in names)) / 86_400)  # noqa: PTH116
    if days > WEEK:
        yield Unseen(f"updates of the last {days} days", "apt's lists are older", "apt-get update")
    if not any("security" in name for name in names):
        yield Unseen("security updates of the distribution", "they are not among apt's sources", "sources.list(5)")


def _declared(settings: Settings) -> Iterator[Application | Unseen]:
    for each in settings_of(settings).applications:
        try:
            version, where = _version(each)
        except (OSError, subprocess.SubprocessError) as error:
            version, where = "", str(error)
        if numbers(version):
            yield Application(each.name, each.product, version, where, "", each.reachable, each.mended)
        else:
            yield Unseen(f"the version of {each.name}", where, "See [[updates.applications]] in the configuration.")


def _version(told: ApplicationTable) -> tuple[str, str]:
    """The version, and where it is from."""
    if told.version:
        return told.version, "the configuration"
    if told.version_file is not None:
        with told.version_file.open(encoding="utf-8", errors="replace") as file:
            return said_in(file.read(1 << 16)), f"{told.version_file} says none"
    if told.version_command:
        return said_in(_said(told.version_command, both=True)), f"{told.version_command[0]} says none"
    return "", "nobody says where it is written"


def _contained() -> Iterator[Application | Unseen]:
    """What containers run, where Docker is there to be asked."""
    try:
        said = _said(("docker", "ps", "--no-trunc", "--format", "{{.Image}}"))
    except FileNotFoundError:
        return
    except (OSError, subprocess.SubprocessError) as error:
        yield Unseen("what containers run", f"docker cannot be asked: {error}", "docker ps")
        return
    for image, application in imaged(said):
        yield application or Unseen(f"the container image {image}", "it does not tell its version by its tag",
                                    "Name it under [[updates.applications]].")  # fmt: skip


def _said(command: tuple[str, ...], *, both: bool = False) -> str:
    """What a program answers, in a clean environment. Raises OSError, subprocess.SubprocessError."""
    done = subprocess.run(
        command, env=CLEAN, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd="/",
        stderr=subprocess.STDOUT if both else subprocess.DEVNULL, timeout=PATIENCE, check=True,
    )  # fmt: skip
    return done.stdout[:MOST].decode("utf-8", "replace")


def system_of(tree: Tree) -> System:
    """Which system a machine has (os-release(5))."""
    said = dict[str, str]()
    for place in ("/etc/os-release", "/usr/lib/os-release"):
        try:
            lines = tree.text(tree.resolved(place)).splitlines()
        except OSError:
            continue
        said = {name: value.strip().strip("\"'") for name, _, value in (line.partition("=") for line in lines)}
        break
    name = f"{said.get('NAME', '').removesuffix(' GNU/Linux')} {said.get('VERSION_ID', '')}".strip()
    return System(said.get("ID", ""), said.get("VERSION_ID", ""), said.get("VERSION_CODENAME", ""), name)


def reboot_asked_for(root: Path) -> bool:
    """Whether a package has asked for a reboot, as Debian and Ubuntu have them do."""
    return any((root / place).exists() for place in ("run/reboot-required", "var/run/reboot-required"))
