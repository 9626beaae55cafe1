"""Settings become a guard: rules, answers and a store, each ready to decide with."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any, TypedDict, cast

from stockade.config.gitlab_rules import gitlab_answers, gitlab_rules
from stockade.config.settings import Settings, TextSettings
from stockade.config.source import Source
from stockade.config.state import state_of
from stockade.config.tables import read_table
from stockade.errors import ConfigurationError
from stockade.guard.answers import TEXTS, Answers, HeaderStyle, Text
from stockade.guard.decision import Verdict
from stockade.guard.gate import Guard
from stockade.guard.journal import Record
from stockade.guard.memory import MemoryStore
from stockade.guard.meter import AsyncStore, Store
from stockade.guard.request import Identify
from stockade.guard.rules import Rule


class Followed(TypedDict):
    """What :meth:`Guard.follow` takes besides the rules."""

    trusted_proxies: tuple[str, ...]
    proxy_header: str
    ipv6_prefix: int
    operators: tuple[str, ...]
    answers: Answers


def rules_of(settings: Settings) -> tuple[Rule, ...]:
    """The preset's rules, then the file's own. Raises ConfigurationError."""
    preset = settings.effective_preset
    if preset == "gitlab":
        return (*gitlab_rules(settings.gitlab), *settings.written_rules)
    if preset == "forge":
        return (*forge_rules(), *settings.written_rules)
    return settings.written_rules


@cache
def forge_rules() -> tuple[Rule, ...]:
    """The rules that hold where a configuration has none."""
    text = files("stockade.guard").joinpath("presets/forge.toml").read_text(encoding="utf-8")
    source = Source("forge.toml", text)
    return read_table(Settings, tomllib.loads(text), source.place(), "").written_rules


def answers_of(settings: Settings) -> Answers:
    """What refused clients are told."""
    answers = gitlab_answers(settings.gitlab) if settings.effective_preset == "gitlab" else Answers()
    texts: dict[Verdict, Text] = {
        kind: _changed(text, getattr(settings.answers, kind)) for kind, text in {**TEXTS, **answers.texts}.items()
    }
    style: HeaderStyle = settings.answers.headers or answers.headers
    return Answers(texts, style, settings.answers.told)


def _changed(text: Text, written: TextSettings | None) -> Text:
    given = {
        name: value
        for name in ("status", "text", "title", "type")
        if written is not None and (value := getattr(written, name)) is not None
    }
    return replace(text, **cast("Mapping[str, Any]", given))


def followed(settings: Settings) -> Followed:
    """Everything but the rules that a running guard can change."""
    return Followed(
        trusted_proxies=settings.trusted_proxies,
        proxy_header=settings.proxy_header,
        ipv6_prefix=settings.ipv6_prefix,
        operators=settings.operators,
        answers=answers_of(settings),
    )


def guard_of(
    settings: Settings,
    record: Record | None = None,
    *,
    insist: Record | None = None,
    identify: Identify | None = None,
    store: Store | AsyncStore | None = None,
) -> Guard:
    """The guard that these settings describe. Raises ConfigurationError, and Unavailable for a store that is away."""
    rules, rest = rules_of(settings), followed(settings)
    chosen = store if store is not None else store_of(settings)
    return Guard(*rules, store=chosen, identify=identify, record=record, insist=insist, **rest)


def store_of(settings: Settings) -> Store | AsyncStore:
    """The store that these settings name. Raises ConfigurationError and Unavailable."""
    written = settings.store.written
    if written == "memory":
        return MemoryStore()
    if written == "shared":
        return _shared(settings)
    return _redis(settings)


def _shared(settings: Settings) -> Store:
    from stockade.guard.shared import SharedStore

    return SharedStore(state_of(settings) / "counters")


def _redis(settings: Settings) -> AsyncStore:
    try:
        from stockade.guard.redis import AsyncRedisStore
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "the store is Redis, and its client is not installed", remedy='Install it: pip install "stockade[redis]".'
        ) from error
    return AsyncRedisStore(settings.store.open(), deadline=settings.store_deadline)
