"""The configuration: TOML in, typed settings out; the only reader of configuration files and environment.

>>> settings = load()  # the file that $STOCKADE_CONFIG names, or ./stockade.toml, or the defaults
>>> guard = guard_of(settings, record)  # rules, answers and store, ready to decide
"""

from __future__ import annotations

from stockade.config.building import answers_of, followed, guard_of, rules_of, store_of
from stockade.config.loading import default_file, load, read
from stockade.config.settings import Settings

__all__ = ["Settings", "answers_of", "default_file", "followed", "guard_of", "load", "read", "rules_of", "store_of"]
