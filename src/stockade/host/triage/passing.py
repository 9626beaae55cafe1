"""What every sign-in or every program goes through: PAM, its modules, and the libraries of the dynamic linker."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from stockade.events import Severity
from stockade.host.facts.packages import Packages
from stockade.host.facts.placed import Placed
from stockade.host.oddity import Oddity
from stockade.host.triage.origin import origin
from stockade.host.triage.suspicious import ANYBODYS, reason
from stockade.host.triage.telling import Told, unowned, whose

LINE: Final = re.compile(r"^(?:\S+\s+)??-?(auth|account|password|session)\s+(\[[^\]]*\]|\w+)\s+(\S+\.so)(?:\s+(.*))?$")
BUILT: Final = "It is harmless if somebody of yours built it."


class Rule(NamedTuple):
    """A line of pam.d(5)."""

    stage: str
    control: str
    module: str
    arguments: str


def rules(text: str) -> Iterator[Rule]:
    """The lines that ask a module."""
    for line in text.replace("\\\n", " ").splitlines():
        found = LINE.match(line.strip())
        if found is not None:
            yield Rule(found[1], found[2], found[3], found[4] or "")


def pam(host: str, placed: Placed, packages: Packages) -> Iterator[Oddity]:
    """Lines that run a program, let everybody in, or name a module that no package brought."""
    tell = Told(host, placed)
    for rule in rules(placed.text):
        name = rule.module.rpartition("/")[2]
        if name == "pam_exec.so":
            what = f"runs a program at every {rule.stage}: {rule.arguments}"
            yield tell(_graded(rule.arguments, packages), what, whose(rule.arguments, packages))
        elif (name, rule.stage, rule.control) == ("pam_permit.so", "auth", "sufficient"):
            yield tell("critical", "lets everybody in without a password", "No package writes such a line.")
        elif rule.module.startswith("/") and packages and packages.owner(rule.module) is None:
            yield tell("high", f"asks a module that no package brought: {rule.module}", BUILT)


def _graded(command: str, packages: Packages) -> Severity:
    if "expose_authtok" in command or reason(command):
        return "high"
    return "medium" if unowned(command, packages) else "informational"


def modules(host: str, found: Iterable[Placed], packages: Packages) -> Iterator[Oddity]:
    """Modules of PAM and of the name service that no package brought, or that are not as a package brought them."""
    for placed in found if packages else ():
        package, state = origin(placed, packages)
        if state == "nobody":
            yield Told(host, placed)("high", "was brought by no package", BUILT)
        elif state == "changed":
            yield Told(host, placed)("high", f"is not as package {package} brought it", "Compare it with the package.")


def libraries(host: str, placed: Placed, packages: Packages) -> Iterator[Oddity]:
    """Libraries put into every program, and folders of libraries that anybody can write into."""
    tell, lines = Told(host, placed), [line.partition("#")[0].strip() for line in placed.text.splitlines()]
    if placed.kind == "preload":
        said = [path for line in lines for path in re.split(r"[\s:]+", line) if path]
        foreign = [path for path in said if packages.owner(path) is None]
        if foreign:
            yield tell("critical", f"names what no package brought: {' '.join(foreign)}", BUILT, libraries=said)
        elif said:
            yield tell("informational", f"names {' '.join(said)}", "A package brought it.", libraries=said)
        return
    for path in lines:
        if f"{path}/".startswith((*ANYBODYS, "/home/")) or "/." in path:
            yield tell("high", f"takes libraries from {path}", "No package does so.")
