"""Files of packages that are not as the package brought them: programs are told one by one, all else a note a package.

npm, pip and some vendors' tools renew themselves within a package, documentation is left out in containers, and
settings are there to be changed: a healthy machine has more than a thousand such differences.
"""

from __future__ import annotations

import re
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from os.path import commonpath
from typing import Final

from stockade.events import Ref, Severity
from stockade.host.facts.integrity import VITAL, Difference
from stockade.host.facts.packages import Packages
from stockade.host.oddity import Oddity, Unseen
from stockade.host.triage.familiar import CONTENT, PACKAGE, Kinds, explained

RENEWED: Final = re.compile(
    r"/node_modules/|/site-packages/|/dist-packages/|/google-cloud-sdk/|/cmake[^/]*/|/gems/|^/opt/"
)
"""Trees that a package manager of their own renews."""
WHY: Final = "A program that was exchanged does what it did before, and what the intruder wants."
PROOF: Final[Mapping[str, str]] = {
    "dpkg": "apt-get download {package} && dpkg-deb --fsys-tarfile {package}_*.deb | tar -xO .{path} | cmp - {path}",
    "rpm": "dnf download {package} && rpm2cpio {package}-*.rpm | cpio -i --to-stdout .{path} | cmp - {path}",
    "apk": "apk fetch --stdout {package} | tar -xzO {bare} | cmp - {path}",
}
"""How to prove it: with the package as it is published, fetched and compared on another machine."""
FETCH: Final[Mapping[str, str]] = {
    "dpkg": "apt-get download {package} && dpkg-deb --fsys-tarfile {package}_*.deb | tar -C / --compare",
    "rpm": "dnf download {package} && rpm -Vp {package}-*.rpm",
    "apk": "apk fetch {package} && apk verify {package}-*.apk",
}
"""The same for all files of a package."""
SOME: Final = 50


def odd(host: str, found: Sequence[Difference], packages: Packages) -> Iterator[Oddity | Unseen]:
    """Programs and what everything passes through, one by one; then a note for each package, and one for settings."""
    changed = [one for one in found if one.state == "changed" and not one.is_setting]
    alarming = [one for one in changed if is_alarming(one)]
    yield from (told(host, one, packages) for one in alarming)
    rest = [one for one in changed if not is_alarming(one)]
    yield from _grouped(host, rest, packages, "not as it brought them", "T1565.001")
    yield from _grouped(host, [one for one in found if one.state == "missing"], packages, "missing", "T1070.004")
    yield from _settings(host, [one for one in found if one.state == "changed" and one.is_setting])
    unreadable = [one.path for one in found if one.state == "unreadable"]
    if unreadable:
        yield Unseen(
            f"{len(unreadable)} files of packages, {unreadable[0]} among them", "not readable", "look again as root"
        )


def is_alarming(one: Difference) -> bool:
    """Whether it is a program, or one of the files through which everything passes, and nothing that renews itself."""
    if RENEWED.search(one.path):
        return bool(one.mode & stat.S_ISUID)
    return one.is_program or VITAL.match(one.path) is not None


def told(host: str, one: Difference, packages: Packages) -> Oddity:
    """A changed program, and how to prove it; a link in its place is likelier to be an administrator's."""
    link = stat.S_ISLNK(one.mode)
    severity: Severity = "critical" if one.mode & stat.S_ISUID else "medium" if link else "high"
    what = "is a link where the package brought a file" if link else "is not as the package brought it"
    look = PROOF[packages.manager].format(package=one.package, path=one.path, bare=one.path[1:])
    facts = {"path": one.path, "package": one.package, "changed": one.changed, "mode": f"{one.mode & 0o7777:o}"}
    harmless = (
        "It is none of the settings, and in no tree that renews itself; somebody of yours may have built it anew."
    )
    subject, title = Ref(host, "file", one.path), f"{one.path} of {one.package} {what}"
    return Oddity("package-file", severity, title, subject, WHY, look, harmless, ("T1554",), facts)


def weighed(found: Iterable[Oddity | Unseen], was: Kinds, now: Mapping[str, str]) -> Iterator[Oddity | Unseen]:
    """The same, as a note where the package's files hold what they held when the picture of the machine was taken."""
    before = was.get(CONTENT, {})
    for each in found:
        package = str(each.facts.get("package", "")) if isinstance(each, Oddity) else ""
        same = package in before and before[package] == now.get(package)
        yield explained(each) if isinstance(each, Oddity) and same else each


def rewritten(
    host: str, found: Sequence[Difference], packages: Packages, was: Kinds, now: Mapping[str, str]
) -> Iterator[Oddity]:
    """Packages whose files hold something else than in the picture of the machine, though they are of the same version;
    where a program of theirs is told already, nothing more. When the digests on this machine agree with what is there
    now, somebody has written those anew, too.
    """
    differing = {one.package for one in found if one.state == "changed" and not one.is_setting}
    told_of = {one.package for one in found if one.state == "changed" and not one.is_setting and is_alarming(one)}
    versions, before = was.get(PACKAGE, {}), was.get(CONTENT, {})
    for package in sorted(now.keys() & before.keys() - told_of):
        if now[package] != before[package] and versions.get(package) == packages.installed[package].version:
            yield _rewritten(host, package, packages, agrees=package not in differing)


def _rewritten(host: str, package: str, packages: Packages, *, agrees: bool) -> Oddity:
    version = packages.installed[package].version
    title = f"files of {package} are not as in the picture of this machine, and its version is"
    why = "Who is root can change a program and the digest of it alike; the picture is vouched for by the log."
    look = FETCH[packages.manager].format(package=package)
    harmless = (
        "The digests on this machine agree with what is there: they were written anew, which no update does."
        if agrees
        else "What differs is no program: packages that renew their own files look so, when they have."
    )
    facts = {"package": package, "version": version, "agrees": agrees}
    severity: Severity = "critical" if agrees else "medium"
    subject = Ref(host, "package", package)
    return Oddity("package-rewritten", severity, title, subject, why, look, harmless, ("T1554", "T1070"), facts)


def _grouped(host: str, found: Iterable[Difference], packages: Packages, what: str, technique: str) -> Iterator[Oddity]:
    by_package = defaultdict[str, list[Difference]](list)
    for one in found:
        by_package[one.package].append(one)
    for package, files in by_package.items():
        paths = [one.path for one in files]
        where = commonpath(paths) if len(paths) > 1 else paths[0]
        title = (
            f"{len(paths)} files of {package} are {what}, under {where}"
            if len(paths) > 1
            else f"{where} of {package} is {what}"
        )
        facts: dict[str, object] = {"package": package, "paths": paths[:SOME], "count": len(paths)}
        look = {"dpkg": "dpkg --verify {}", "rpm": "rpm -V {}", "apk": "apk audit"}[packages.manager].format(package)
        harmless = "None of them is a program of the system: what renews itself, and documentation left out, looks so."
        subject = Ref(host, "package", package)
        yield Oddity("package-file", "informational", title, subject, WHY, look, harmless, (technique,), facts)


def _settings(host: str, found: Sequence[Difference]) -> Iterator[Oddity]:
    if found:
        paths = [one.path for one in found]
        title = f"{len(paths)} settings differ from those that packages brought: {', '.join(paths[:5])}"
        look, harmless = (
            f"diff {paths[0]}.dpkg-dist {paths[0]}",
            "They are there to be changed; what lets in or runs was read.",
        )
        facts: dict[str, object] = {"paths": paths[:SOME]}
        yield Oddity(
            "package-file", "informational", title, Ref(host, "file", paths[0]), WHY, look, harmless, (), facts
        )


def no_proof(host: str, count: int, packages: Packages) -> Oddity:
    """What the comparison is worth."""
    return Oddity(
        "package-proof",
        "informational",
        f"{count:,} files of packages were compared with digests that lie on this machine: that is no proof",
        Ref(host, "package", packages.manager),
        "Who is root can change a program and the digest of it alike.",
        "stockade host diff",
        "It finds the careless. Proof is a baseline in the audit log, or packages fetched on another machine.",
        ("T1565.001",),
        {"files": count, "packages": len(packages.installed)},
    )
