"""An application for real servers, whose workers share a store or have a memory each."""

from __future__ import annotations

import os

from flask import Flask

from stockade import Guard, MemoryStore, Throttle
from stockade.flask import Stockade, limited
from stockade.guard.shared import SharedStore

shared = os.environ.get("SHARED")
app = Flask(__name__)
Stockade(app, Guard(store=SharedStore(shared, clients=1000) if shared else MemoryStore()))


@app.get("/")
@limited(Throttle("pages", limit=10, period=1e9, window="fixed"))
def page() -> str:
    return "page"
