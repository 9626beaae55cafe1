"""Queries as expressions of tokens, in the words of SQLite's FTS5 and of PostgreSQL's text search.

FTS5: "Full-text Query Syntax"; PostgreSQL: "8.11.2. tsquery". Both quote; no token can end a quotation.
"""

from __future__ import annotations

from stockade.search.query import All, Before, Either, Is, Not, Numbered, Query, Says, Since, Within
from stockade.search.tokens import EVERY, LONGEST, beginning, network_tokens, token, written


def is_of_tokens(query: Query) -> bool:
    """Whether tokens alone decide."""
    match query:
        case All(parts) | Either(parts):
            return all(is_of_tokens(part) for part in parts)
        case Not(part):
            return is_of_tokens(part)
        case _:
            return not isinstance(query, (Since, Before, Numbered))


def alternatives(query: Is | Within) -> list[tuple[str, bool]]:
    """Tokens one of which has to be there, each with whether it need only begin so."""
    if isinstance(query, Within):
        return network_tokens(query.network)
    if query.prefix and len(written(query.value)) <= LONGEST:
        return [beginning(query.field, query.value)]
    return [(token(query.field, query.value), False)]


# ── SQLite ───────────────────────────────────────────────────────────────────────────────────────


def fts5(query: Query) -> str:
    """A query of tokens as FTS5 asks it."""
    match query:
        case All(parts):
            return _fts5_all(parts)
        case Either(parts):
            return "(" + " OR ".join(map(fts5, parts)) + ")" if parts else f'("{EVERY}" NOT "{EVERY}")'
        case Not(part):
            return f'("{EVERY}" NOT {fts5(part)})'
        case Says(words, prefix):
            return f'"{" ".join(words)}"' + " *" * prefix
        case Is() | Within():
            found = [f'"{text}"' + " *" * prefix for text, prefix in alternatives(query)]
            return "(" + " OR ".join(found) + ")" if len(found) > 1 else found[0]
        case _:
            raise TypeError(query)


def _fts5_all(parts: tuple[Query, ...]) -> str:
    """NOT is binary there: what must hold, and behind it what must not."""
    wanted = [fts5(part) for part in parts if not isinstance(part, Not)] or [f'"{EVERY}"']
    unwanted = [fts5(part.part) for part in parts if isinstance(part, Not)]
    if not unwanted:
        return "(" + " AND ".join(wanted) + ")" if len(wanted) > 1 else wanted[0]
    return f"(({' AND '.join(wanted)}) NOT ({' OR '.join(unwanted)}))"


# ── PostgreSQL ───────────────────────────────────────────────────────────────────────────────────


def is_of_lexemes(query: Query) -> bool:
    """Whether lexemes without their places decide: all that are tokens, but for several words in order."""
    match query:
        case All(parts) | Either(parts):
            return bool(parts) and all(is_of_lexemes(part) for part in parts)
        case Not(part):
            return is_of_lexemes(part)
        case Says(words):
            return len(words) == 1
        case _:
            return isinstance(query, (Is, Within))


def tsquery(query: Query) -> str:
    """A query of lexemes as PostgreSQL asks it."""
    match query:
        case All(parts):
            return "(" + " & ".join(map(tsquery, parts)) + ")"
        case Either(parts):
            return "(" + " | ".join(map(tsquery, parts)) + ")"
        case Not(part):
            return f"!{tsquery(part)}"
        case Says(words, prefix):
            return _lexemes(words, prefix=prefix)
        case Is() | Within():
            found = [f"'{text}'" + ":*" * prefix for text, prefix in alternatives(query)]
            return "(" + " | ".join(found) + ")" if len(found) > 1 else found[0]
        case _:
            raise TypeError(query)


def _lexemes(words: tuple[str, ...], *, prefix: bool) -> str:
    """All of the words, wherever they stand."""
    found = [f"'{word}'" for word in words]
    found[-1] += ":*" * prefix
    return "(" + " & ".join(found) + ")" if len(found) > 1 else found[0]


def words_of(query: Says) -> str:
    """The lexemes that several words in order need at least."""
    return _lexemes(query.words, prefix=query.prefix)
