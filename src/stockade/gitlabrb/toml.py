"""Settings become TOML text: the one place that knows how Stockade's configuration is written down."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_WIDE = 100  # a list longer than this is written one item a line


def dumps(settings: Mapping[str, object]) -> str:
    """The text whose meaning (``tomllib.loads``) is ``settings``: plain values, then tables, then lists of them."""
    return "\n".join(_top(settings)).lstrip("\n") + "\n"


def _top(settings: Mapping[str, object]) -> Iterator[str]:
    plain = {key: value for key, value in settings.items() if not isinstance(value, Mapping) and not _is_tables(value)}
    yield from _pairs(plain)
    for name, table in settings.items():
        if isinstance(table, Mapping):
            yield from ("", f"[{_key(name)}]", *_pairs(table))
    for name, tables in settings.items():
        if _is_tables(tables) and isinstance(tables, Sequence):
            for table in tables:
                yield from ("", f"[[{_key(name)}]]", *_pairs(table))


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _pairs(table: Mapping[str, object]) -> Iterator[str]:
    return (f"{_key(name)} = {_value(value)}" for name, value in table.items())


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _string(name)


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _string(value)
        case Mapping():
            return "{ " + ", ".join(_pairs(value)) + " }" if value else "{}"
        case list() | tuple():
            return _list([_value(item) for item in value])
    raise TypeError(f"TOML has no {type(value).__name__}")


def _list(items: Sequence[str]) -> str:
    line = f"[{', '.join(items)}]"
    return line if len(line) <= _WIDE else "[\n" + "".join(f"    {item},\n" for item in items) + "]"


def _string(text: str) -> str:
    """A basic string (TOML 1.0, section String)."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    if 0xD800 <= ord(character) < 0xE000:
        return "\\uFFFD"  # a lone surrogate is no Unicode text
    return f"\\u{ord(character):04X}" if ord(character) < 0x10000 else f"\\U{ord(character):08X}"
