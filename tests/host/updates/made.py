"""Made-up release data, as those publish it whose form it has."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stockade.host.facts.package import Package
from stockade.host.updates.behind import Installed, System
from stockade.host.updates.catalogue import Catalogue, Source
from stockade.host.updates.documents import catalogue, distilled

NOW = datetime(2026, 8, 25, tzinfo=UTC).timestamp()
TODAY = datetime.fromtimestamp(NOW, UTC).date()
BOOKWORM = System("debian", "12", "bookworm", "Debian 12")


def _exploited(cve: str, vendor: str, product: str, added: str) -> dict[str, str]:
    return {"cveID": cve, "vendorProject": vendor, "product": product, "vulnerabilityName": f"{product} hole",
            "dateAdded": added, "dueDate": added[:-2] + "28"}  # fmt: skip


KEV: dict[str, Any] = {
    "title": "made up",
    "dateReleased": "2026-08-24T10:00:00Z",
    "vulnerabilities": [
        _exploited("CVE-2026-1001", "GitLab", "GitLab CE/EE", "2026-08-10"),
        _exploited("CVE-2026-2002", "OpenBSD", "OpenSSH", "2026-08-12"),
        _exploited("CVE-2026-3003", "Linux", "Kernel", "2026-08-12"),
    ],
}
GITLAB: dict[str, Any] = {
    "releases": {},
    "versions": {
        name: {"name": name, "date": day}
        for name, day in {
            "19.3.0": "2026-08-20", "19.2.4": "2026-08-14", "19.1.6": "2026-08-14", "19.2.3": "2026-07-20",
            "19.1.5": "2026-07-18", "19.3.0-rc1": "2026-08-19", "18.0.0": "2025-05-15", "18.0.1": "2025-06-15",
        }.items()
    },
}  # fmt: skip
DEBIAN: list[dict[str, Any]] = [
    {"cycle": "13", "eol": "2028-08-09", "latest": "13.1", "latestReleaseDate": "2026-05-01"},
    {"cycle": "12", "eol": "2026-06-10", "extendedSupport": "2028-06-30", "latest": "12.15",
     "latestReleaseDate": "2026-06-01"},
]  # fmt: skip


def _issue(status: str, fixed: str | None = None) -> dict[str, Any]:
    told = {"status": status} | ({"fixed_version": fixed} if fixed else {})
    return {"description": "made up", "releases": {"bookworm": told, "trixie": {"status": "open"}}}


TRACKER: dict[str, Any] = {
    "openssh": {
        "CVE-2026-2002": _issue("resolved", "1:9.2p1-2+deb12u9"),
        "CVE-2023-0001": _issue("resolved", "0"),
    },
    "curl": {"CVE-2026-4004": _issue("resolved", "7.88.1-10+deb12u15"), "CVE-2026-4005": _issue("open")},
    "linux": {"CVE-2026-3003": _issue("resolved", "6.1.150-1")},
    "gcc-defaults": {"CVE-2026-5005": _issue("resolved", "1.200")},
    "bash": {"TEMP-0841856": _issue("open")},
}
ALL: dict[str, object] = {"kev": KEV, "gitlab": GITLAB, "debian": DEBIAN, "tracker": TRACKER}


def known(*names: str) -> Catalogue:
    """What is known where these were read; all of them unless told."""
    made = []
    for name in names or tuple(ALL):
        found = distilled(json.dumps(ALL[name]).encode(), name, "bookworm")
        made.append((Source(found.name, name, found.dated or NOW, NOW, ""), found.content))
    return catalogue(made)


def written(folder: Path, *names: str) -> Path:
    """The same as files in a folder."""
    folder.mkdir(exist_ok=True)
    for name in names or tuple(ALL):
        (folder / f"{name}.json").write_text(json.dumps(ALL[name]))
    return folder


def machine(*packages: Package, **more: Any) -> Installed:
    """A Debian 12 with these packages."""
    return Installed(BOOKWORM, {each.name: each for each in packages}, **more)
