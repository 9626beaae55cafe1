"""Release data as others publish it, brought down to what is needed, and read from that again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, TypeAlias

from stockade.errors import ConfigurationError
from stockade.host.updates.catalogue import Catalogue, Cycle, Exploited, Product, Source

Json: TypeAlias = Any
ZERO: Final = "0"
"""What Debian's tracker says instead of a version where a release was never affected."""


@dataclass(frozen=True, slots=True)
class Document:
    """What is needed of one document: its ``name`` among all, how old it says it is, and the rest as JSON values."""

    name: str
    dated: float | None
    content: Mapping[str, Json]


def distilled(octets: bytes, called: str, release: str) -> Document:
    """What is needed of a document, recognised by its shape; ``called`` is the name of its file without an ending, and
    ``release`` the code name of the Debian that is asked about. Raises ConfigurationError for what is none of them.
    """
    remedy = "Give CISA's KEV catalogue, release data of endoflife.date or Debian's security tracker, as JSON."
    try:
        said = json.loads(octets)
        found = _recognised(said, called, release)
    except (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        why = repr(error)[:200]  # which may quote all of what was read
        raise ConfigurationError(f"{called} is not release data that can be read: {why}", remedy=remedy) from error
    if found is None:
        raise ConfigurationError(f"{called} is no release data that is known here", remedy=remedy)
    return found


def _recognised(said: Json, called: str, release: str) -> Document | None:
    if isinstance(said, list):
        return _product(called, {}, said) if said and all("cycle" in each for each in said) else None
    if isinstance(said["result"], dict) if "result" in said else isinstance(said.get("versions"), dict):
        return _released(said, called)
    if isinstance(said.get("vulnerabilities"), list):
        return _exploited(said)
    return _debian(said, release) if said and all(map(_by_id, said.values())) else None


def _released(said: Json, called: str) -> Document:
    if "result" in said:
        return _product(said["result"]["name"], {}, said["result"]["releases"])
    dates = {name: each["date"] for name, each in said["versions"].items()}
    return _product(called, dates, list(said.get("releases", {}).values()))


def _by_id(issues: Json) -> bool:
    return isinstance(issues, dict) and all(name.startswith(("CVE-", "TEMP-")) for name in issues)


def _exploited(said: Json) -> Document:
    entries = [
        [each["cveID"], each["vendorProject"], each["product"], each["vulnerabilityName"], each["dateAdded"],
         each.get("dueDate") or each["dateAdded"]]
        for each in said["vulnerabilities"]
    ]  # fmt: skip
    dated = datetime.fromisoformat(said["dateReleased"]).timestamp() if said.get("dateReleased") else None
    _exploited_from(entries)
    return Document("exploited", dated, {"exploited": entries})


def _product(name: str, versions: dict[str, str], cycles: list[Json]) -> Document:
    told = [[str(each.get("cycle", each.get("name"))), _end(each, "eol", "eolFrom"),
             _end(each, "eoes", "eoesFrom", "extendedSupport")] for each in cycles]  # fmt: skip
    latest = {version: day for version, day in map(_latest, cycles) if version and day}
    content = {"product": name, "versions": {**latest, **versions}, "cycles": told}
    _product_from(content)
    return Document(f"product-{name}", None, content)


def _latest(cycle: Json) -> tuple[str, str]:
    said = cycle.get("latest")
    if isinstance(said, dict):
        return str(said.get("name") or ""), str(said.get("date") or "")
    return str(said or ""), str(cycle.get("latestReleaseDate") or "")


def _end(cycle: Json, *names: str) -> str | None:
    """The day; ``true`` in its place says that it is over, ``false`` that nobody knows when it will be."""
    said = next((cycle[name] for name in names if cycle.get(name) is not None), None)
    return date.min.isoformat() if said is True else said or None


def _debian(said: Json, release: str) -> Document:
    mended: dict[str, dict[str, str]] = {}
    for source, issues in said.items():
        for name, issue in issues.items():
            told = issue.get("releases", {}).get(release, {})
            fixed = str(told.get("fixed_version", ""))
            if told.get("status") in {"open", "resolved"} and fixed != ZERO and (fixed or told["status"] == "open"):
                mended.setdefault(source, {})[name] = fixed
    return Document("debian", None, {"release": release, "mended": mended})


def catalogue(kept: Iterable[tuple[Source, Mapping[str, Json]]]) -> Catalogue:
    """All documents together. Raises ValueError, KeyError or TypeError for what ``distilled`` has not made."""
    exploited, mended, release = None, None, ""
    products, sources = dict[str, Product](), list[Source]()
    for source, content in kept:
        sources.append(source)
        if "exploited" in content:
            exploited = tuple(_exploited_from(content["exploited"]))
        elif "product" in content:
            products[content["product"]] = _product_from(content)
        else:
            mended, release = content["mended"], content["release"]
    return Catalogue(exploited, products, mended, release, tuple(sources))


def _exploited_from(entries: Json) -> list[Exploited]:
    return [
        Exploited(cve, vendor, product, title, date.fromisoformat(added), date.fromisoformat(due))
        for cve, vendor, product, title, added, due in entries
    ]


def _product_from(content: Mapping[str, Json]) -> Product:
    versions = {name: date.fromisoformat(day) for name, day in content["versions"].items()}
    return Product(content["product"], versions, tuple(_cycles_from(content["cycles"])))


def _cycles_from(cycles: Json) -> Iterator[Cycle]:
    for name, ends, extended in cycles:
        yield Cycle(name, *(date.fromisoformat(day) if day else None for day in (ends, extended)))


def day_of(moment: float) -> date:
    """The day of a moment in seconds since the epoch, in UTC."""
    return datetime.fromtimestamp(moment, UTC).date()
