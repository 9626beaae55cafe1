"""What is out of date of what does not come with the distribution, and of the distribution as a whole: by its makers'
releases, and by what is exploited in the wild.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Final

from stockade.host.oddity import Unseen
from stockade.host.updates.applications import OF, Application
from stockade.host.updates.behind import Behind, System, Why
from stockade.host.updates.catalogue import Catalogue, Exploited, Product
from stockade.host.updates.version import numbers

NO_VERSIONS: Final = (
    "CISA names no versions; this one came before the attack was known, and may have been mended already"
)
NO_WORD: Final = "release data does not say what a release mends; releases of several branches on one day usually do"


def upstream(application: Application, known: Catalogue, today: date) -> Iterator[Behind | Unseen]:
    """Whether an application is out of date. What cannot be told is told as unseen."""
    product = known.products.get(application.product)
    what = f"whether {application.name} {application.version} is up to date"
    if product is None or not product.versions:
        yield Unseen(what, f"there is no release data of {application.product}",
                     f"stockade updates refresh --from {application.product}.json")  # fmt: skip
    elif not numbers(application.version):
        yield Unseen(what, "its version has no number", "name one under [[updates.applications]]")
    elif _beyond(product, application.version):
        yield Unseen(what, "it is later than all that the release data knows", "stockade updates refresh")
    else:
        yield from _against(application, product, known, today)


def _beyond(product: Product, version: str) -> bool:
    return numbers(version) > max(map(numbers, product.versions))


def _against(application: Application, product: Product, known: Catalogue, today: date) -> Iterator[Behind | Unseen]:
    version, later = application.version, product.later(application.version, today)
    came = product.date_of(version)
    if came is None:
        yield Unseen(f"what is exploited of {application.name} {version}", "the day it came out is not known")
    used = tuple(
        each
        for each in _used(application, known)
        if came is not None and came < each.added and later and each.cve not in application.mended
    )
    ends = _ends(product, version)
    given_up = not product.kept(product.branch(version), today)
    if not (later or given_up):
        return
    found = Behind(
        application.name, "application", Why.OLD, version, later, _says(came, later), used,
        tuple(each.cve for each in used), (application.package,) if application.package else (), ends=ends,
        reachable=application.reachable,
    )  # fmt: skip
    days = [day for day in product.security_days if came is not None and day > came]
    if used:
        yield replace(found, why=Why.EXPLOITED, says=f"intruders use {used[0].cve}", doubt=NO_VERSIONS)
    elif days and later:
        yield replace(found, why=Why.SECURITY, says=_missed(len(days)), doubt=NO_WORD)
    else:
        yield replace(found, why=Why.END, says="its branch gets no releases any more") if given_up else found


def _used(application: Application, known: Catalogue) -> Iterator[Exploited]:
    told = OF.get(application.product)
    if told is not None and told.vendor:
        yield from known.about(told.vendor, told.names)


def _says(came: date | None, later: str) -> str:
    return f"it is of {came}, and {later} is there" if came else f"{later} is there"


def _missed(days: int) -> str:
    return f"{days} security release{'s have' if days > 1 else ' has'} come since"


def _ends(product: Product, version: str) -> date | None:
    cycle = product.cycle(version)
    return cycle.ends if cycle else None


def system(found: System, known: Catalogue, today: date) -> Iterator[Behind | Unseen]:
    """Whether the operating system is still kept by those who made it."""
    product, name = known.products.get(found.id), found.name or f"{found.id} {found.version}"
    cycle = product.cycle(found.version) if product is not None else None
    if cycle is None or cycle.ends is None:
        yield Unseen(f"whether {name} still gets updates", f"there is no release data of {found.id or 'it'}",
                     f"stockade updates refresh --from {found.id or 'NAME'}.json")  # fmt: skip
    elif cycle.ends < today:
        longer = cycle.extended if cycle.extended is not None and cycle.extended >= today else None
        says = f"its makers keep it no more since {cycle.ends}" if cycle.ends > date.min else "it is kept no more"
        doubt = f"others keep it until {longer}: see that their updates are among apt's sources" if longer else ""
        yield Behind(name, "system", Why.END, found.version, _next(product, found, today), says, doubt=doubt,
                     ends=longer or cycle.ends)  # fmt: skip


def _next(product: Product | None, found: System, today: date) -> str:
    """The next release that is kept."""
    cycles = sorted(product.cycles if product else (), key=lambda each: numbers(each.name))
    own = numbers(found.version)
    return next((each.name for each in cycles if numbers(each.name) > own and each.ends and each.ends >= today), "")
