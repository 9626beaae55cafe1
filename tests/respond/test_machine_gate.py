"""A machine under a response is opened again through the gate, and so are those whom its plan has shut out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stockade.app.machines import Asked
from stockade.app.responding import GateClosed, Responding
from stockade.errors import Refused
from stockade.events import Event, Ref
from stockade.steps import Tactic
from tests.respond.conftest import *  # noqa: F403
