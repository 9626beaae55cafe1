"""What is out of date of a distribution's packages, by the word of the distribution alone.

A distribution mends vulnerabilities without a new upstream version, so that upstream numbers say nothing: what counts
is the version that its package manager has at hand, and the one that its security tracker says is mended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from stockade.host.facts.package import Package
from stockade.host.updates.apt import Upgrade
from stockade.host.updates.behind import Behind, Installed, Why
from stockade.host.updates.catalogue import Catalogue, Exploited
from stockade.host.updates.version import compared, in_order

KERNEL: Final = "linux"
SIGNED: Final = "linux-signed-"
IMAGE: Final = "linux-image-"


@dataclass(frozen=True, slots=True)
class _Source:
    """The installed packages of one source; ``version`` is the source's own."""

    name: str
    version: str
    packages: tuple[Package, ...]


def distributed(installed: Installed, known: Catalogue, apart: frozenset[str] = frozenset()) -> Iterator[Behind]:
    """What is out of date, a source package at a time; packages ``apart`` are not the distribution's."""
    ready = {each.package: each for each in installed.upgrades or ()}
    mended = known.mended if known.mended is not None and known.release == installed.system.codename else {}
    used = {each.cve: each for each in known.exploited or ()}
    for source in _sources(installed, apart):
        upgrades = [ready[each.name] for each in source.packages if each.name in ready]
        found = _judged(source, upgrades, mended.get(source.name, {}), used)
        if found is not None:
            yield _told(source, upgrades, installed, found)


def _judged(
    source: _Source, upgrades: list[Upgrade], mended: Mapping[str, str], used: Mapping[str, Exploited]
) -> tuple[Why, str, list[str]] | None:
    """Why, the version that mends it, and what is vulnerable."""
    open_ = [cve for cve, fixed in mended.items() if not fixed or compared(source.version, fixed) < 0]
    fixes = [cve for cve in open_ if mended[cve]]
    mends = max((each.candidate for each in upgrades), key=in_order, default="")
    mends = mends or max((mended[cve] for cve in fixes), key=in_order, default="")
    if attacked := [cve for cve in open_ if cve in used]:
        mends = mends if any(mended[cve] for cve in attacked) else ""
        return Why.EXPLOITED, mends, [*attacked, *(cve for cve in fixes if cve not in attacked)]
    if fixes or any(each.security for each in upgrades):
        return Why.SECURITY, mends, fixes
    return (Why.OLD, mends, []) if upgrades else None


def _told(
    source: _Source, upgrades: list[Upgrade], installed: Installed, verdict: tuple[Why, str, list[str]]
) -> Behind:
    why, mends, cves = verdict
    names = tuple(each.package for each in upgrades) or tuple(each.name for each in source.packages)
    listening = installed.listening
    reachable = None if listening is None else any(each.name in listening for each in source.packages)
    return Behind(source.name, "package", why, source.version, mends, _says(why, mends, cves, at_hand=bool(upgrades)),
                  cves=tuple(cves), packages=names, reachable=reachable)  # fmt: skip


def _says(why: Why, mends: str, cves: list[str], *, at_hand: bool) -> str:
    if why is Why.OLD:
        return "apt has a later one at hand"
    if not mends:
        return "the distribution has not mended it yet"
    few = ", ".join(cves[:3]) + (f" and {len(cves) - 3} more" if len(cves) > 3 else "")
    said = f"the distribution has mended {few or 'what is insecure'}"
    return said if at_hand else f"{said}, and apt does not know it yet"


def _sources(installed: Installed, apart: frozenset[str]) -> Iterator[_Source]:
    by: dict[str, list[Package]] = {}
    for package in installed.packages.values():
        if package.name not in apart and (package.source != KERNEL or _counts(package, installed.running)):
            by.setdefault(_source(package), []).append(package)
    for name, packages in sorted(by.items()):
        yield _Source(name, max((_version(each) for each in packages), key=in_order), tuple(packages))


def _source(package: Package) -> str:
    return KERNEL if package.source.startswith(SIGNED) else package.source or package.name


def _version(package: Package) -> str:
    """The version of the source: a signed kernel is built anew under numbers of its own."""
    return package.version if package.source.startswith(SIGNED) else package.source_version or package.version


def _counts(package: Package, running: str) -> bool:
    """Kernels that are there and do not run are no danger."""
    return not package.name.startswith(IMAGE) or not running or package.name.endswith(running)
