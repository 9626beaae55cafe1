"""Where an address is thought to be, by a GeoIP database that the operator has (MaxMind DB format)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import maxminddb

from stockade.detect.view import Locate, Place
from stockade.errors import ConfigurationError

REMEMBERED = 65_536
"""Addresses whose place is kept at hand."""


def geoip(path: Path) -> Locate:
    """A look-up in a database of countries or cities. Raises ConfigurationError when it is none."""
    try:
        database = maxminddb.open_database(path)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        remedy = "Any database of countries or cities in the MaxMind DB format will do (.mmdb)."
        raise ConfigurationError(f"{path} is no GeoIP database: {error}", remedy=remedy) from error

    @lru_cache(maxsize=REMEMBERED)
    def locate(address: str) -> Place | None:
        try:
            found = database.get(address)
        except (ValueError, maxminddb.InvalidDatabaseError):
            return None
        return _place(found) if isinstance(found, Mapping) else None

    return locate


def _place(found: Mapping[str, object]) -> Place | None:
    country = found.get("country") or found.get("registered_country")
    code = country.get("iso_code") if isinstance(country, Mapping) else country
    if not isinstance(code, str):
        return None
    where = found.get("location")
    latitude, longitude = (
        (where.get("latitude"), where.get("longitude")) if isinstance(where, Mapping) else (None, None)
    )
    known = isinstance(latitude, float) and isinstance(longitude, float)
    return Place(code, latitude, longitude) if known else Place(code)
