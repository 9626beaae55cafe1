"""The public security contact of RFC 9116: written, read, checked and fetched."""

from __future__ import annotations

from stockade.gateway.securitytxt.document import SecurityTxt, parse, render
from stockade.gateway.securitytxt.problem import Problem, Severity
from stockade.gateway.securitytxt.rules import check

__all__ = ["Problem", "SecurityTxt", "Severity", "check", "parse", "render"]
