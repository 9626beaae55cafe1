"""Programs that run with rights of others, and files where no files belong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from stockade.events import Ref, Severity
from stockade.host.facts.capabilities import ROOTLIKE
from stockade.host.facts.packages import Packages
from stockade.host.facts.walked import MEMORY, Special
from stockade.host.oddity import Oddity

HANDS_OVER: Final = re.compile(
    r"(?:(?:ba|da|z|k|c|a)?sh|busybox|python[\d.]*|perl[\d.]*|ruby[\d.]*|lua[\d.]*|node|php[\d.]*|[gmn]?awk|sed|ed|vi|vim"
    r"(?:\.\w+)?|nano|emacs|less|more|find|xargs|env|cp|mv|dd|tar|cat|tee|nmap|gdb|strace|tcpdump|rsync|docker|systemctl"
    r"|openssl|curl|wget|nc|ncat|socat|chmod|chown|make|git|time|timeout|nice|setarch|unshare)$"
)
"""Programs that do whatever they are told: with the rights of root, whoever runs one is root."""
BROUGHT: Final = re.compile(
    r"/node_modules/|/chrome-sandbox$|/(?:ms-playwright|puppeteer|electron)[/-]|^/nix/store/|^/run/wrappers/"
)
"""Trees of package managers that bring such programs on purpose: a browser's sandbox, wrappers of NixOS."""
HIDDEN: Final = "T1564.001"
ROOT: Final = "Whoever can run it becomes root again."
HIDES: Final = "It is where nobody looks for files, and where nothing is kept over a start of the machine."


def odd(host: str, found: Sequence[Special], packages: Packages) -> Iterator[Oddity]:
    """Those that no package brought, and those that do whatever they are told."""
    for special in found:
        tell = Tell(host, special)
        if special.what in {"setuid", "setgid"}:
            yield from _set(tell, special, packages)
        elif special.what == "capable":
            yield from _capable(tell, special, packages)
        elif special.what == "device":
            grave: Severity = "high" if special.is_program else "medium"
            yield tell(grave, "is a file among devices", "Nothing but devices belongs there.", HIDDEN)
        elif special.is_program and special.path.startswith(MEMORY):
            yield tell(
                "medium", "is a program that lies in memory alone", "Some programs unpack themselves so.", HIDDEN
            )
    yield from _hidden(host, [one for one in found if one.what == "hidden" and not one.path.startswith(MEMORY)])


def _set(tell: Tell, one: Special, packages: Packages) -> Iterator[Oddity]:
    owner, whose = packages.owner(one.path), "root" if one.uid == 0 else f"user {one.uid}"
    if one.what == "setuid" and HANDS_OVER.match(one.path.rpartition("/")[2]):
        by = f"package {owner} brought it, and never so" if owner else "no package brought it"
        yield tell("critical", f"does whatever it is told as {whose}", f"It is not: {by}.")
    elif owner is None and BROUGHT.search(one.path):
        yield tell("informational", f"runs as {whose}", "A package manager of its own brings it so.")
    elif owner is None and packages:
        grave: Severity = "low" if one.what == "setgid" else "high" if one.uid == 0 else "medium"
        as_whom = whose if one.what == "setuid" else f"group {one.gid}"
        yield tell(grave, f"runs as {as_whom}, and no package brought it", "Somebody of yours may have built it.")


def _capable(tell: Tell, one: Special, packages: Packages) -> Iterator[Oddity]:
    can, said = ROOTLIKE.intersection(one.capabilities), ", ".join(one.capabilities)
    if can and HANDS_OVER.match(one.path.rpartition("/")[2]):
        yield tell("critical", f"does whatever it is told, and may {said}", "No package brings it so.")
    elif packages and packages.owner(one.path) is None:
        grave: Severity = "high" if can else "informational"
        yield tell(grave, f"may {said}, and no package brought it", "Somebody of yours may have set it so.")


def _hidden(host: str, found: Sequence[Special]) -> Iterator[Oddity]:
    """Programs in hidden folders that anybody can make: so common that all of them are one note."""
    programs = [one for one in found if one.is_program]
    if programs:
        paths = [one.path for one in programs]
        what = (
            f"is a program that lies hidden, one of {len(paths)}" if len(paths) > 1 else "is a program that lies hidden"
        )
        yield Tell(host, programs[0])(
            "informational", what, "Many programs unpack parts of themselves so.", HIDDEN, paths[:50]
        )


class Tell(NamedTuple):
    """Tells about one such file."""

    host: str
    one: Special

    def __call__(
        self, severity: Severity, what: str, harmless: str, technique: str = "T1548.001", paths: Sequence[str] = ()
    ) -> Oddity:
        one, path = self.one, self.one.path
        facts = {"path": path, "mode": f"{one.mode & 0o7777:o}", "uid": one.uid, "changed": one.changed}
        more = {"capabilities": list(one.capabilities), "paths": list(paths)}
        facts |= {name: value for name, value in more.items() if value}
        signal = {"device": "hidden-file", "hidden": "hidden-file", "capable": "capability"}.get(one.what, one.what)
        why, look = HIDES if technique == HIDDEN else ROOT, f"ls -l {path}; getcap {path}; sha256sum {path}"
        title, subject = f"{path} {what}", Ref(self.host, "file", path)
        return Oddity(signal, severity, title, subject, why, look, harmless, (technique,), facts)
