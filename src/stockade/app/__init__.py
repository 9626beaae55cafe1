"""Every verb once, wired: what the command line does, and what a console or an interface will do."""

from __future__ import annotations

from stockade.app.stockade import Stockade

__all__ = ["Stockade"]
