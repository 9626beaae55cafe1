"""Requests made by hand."""

from __future__ import annotations

from collections.abc import Mapping

from stockade.guard.address import Client
from stockade.guard.request import Identity, Request


def request(
    path: str = "/",
    method: str = "GET",
    address: str = "1.2.3.4",
    *,
    headers: Mapping[str, str] | None = None,
    query: str = "",
    user: str | None = None,
) -> Request:
    """A request from an address, its path already normal."""
    client = Client(address, address, address)
    return Request(client, method, path, dict(headers or {}).get, query, identify=lambda _: Identity(user))
