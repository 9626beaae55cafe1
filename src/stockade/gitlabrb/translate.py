"""A whole file is translated, statement by statement; every one of them is accounted for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from stockade.errors import ConfigurationError
from stockade.gitlabrb import rules
from stockade.gitlabrb.account import Account
from stockade.gitlabrb.conditions import Prefixes
from stockade.gitlabrb.report import Imported
from stockade.gitlabrb.ruby import Token, tokens
from stockade.gitlabrb.settings import SETTINGS, paths
from stockade.gitlabrb.statements import Statement, halves, statements
from stockade.gitlabrb.values import Unknown, Unreadable, Value, evaluate

MAX_CHARACTERS = 1_000_000  # GitLab's own template of gitlab.rb has a tenth of that
_DEEPEST = 20

_ABOUT_THROTTLES = re.compile(
    r"rack.?attack|throttl|rate_limit|ip_whitelist|real_ip|trusted_prox|protected|bypass|allow2ban|fail2ban|"
    r"safelist|blocklist|whitelist|blacklist",
    re.IGNORECASE,
)
_GITLAB = re.compile(r"gitlab|external_url|paths_to_be_protected", re.IGNORECASE)
_LIST_OF_PATHS = "paths_to_be_protected"
_ESCAPED_START = re.compile(r"(?:\\A|\^)#\{Regexp\.escape\((\w+)\)\}")


def translate(text: str) -> Imported:
    """Stockade settings for what ``text``, a ``gitlab.rb`` or ``rack_attack.rb``, sets; the text is never run.

    Raises ConfigurationError only when it is far too long to be such a file.
    """
    if len(text) > MAX_CHARACTERS:
        raise ConfigurationError(
            f"the file has more than {MAX_CHARACTERS} characters", remedy="Give a gitlab.rb or a rack_attack.rb."
        )
    account, read = Account(), tokens(text)
    about_attacks = any(token.is_name("Rack") for token in read)
    _all(account, read, about_attacks=about_attacks, depth=0)
    _protect_listed_paths(account)
    return account.result(is_gitlab=any(token.kind == "name" and _GITLAB.search(token.text) for token in read))


def _all(account: Account, read: Sequence[Token], *, about_attacks: bool, depth: int) -> None:
    for statement in statements(read):
        try:
            done = _wrapper(account, statement, about_attacks=about_attacks, depth=depth) or _one(account, statement)
        except Unreadable as unreadable:
            account.note("untranslated", statement, unreadable.what)
            continue
        if not done:
            _leave(account, statement, about_attacks=about_attacks)


def _one(account: Account, statement: Statement) -> bool:
    return rules.rule(account, statement) or _assignment(account, statement) or _append(account, statement)


def _leave(account: Account, statement: Statement, *, about_attacks: bool) -> None:
    """A statement nobody knew: to be done by hand where it may be about throttles, else somebody else's business."""
    if about_attacks or any(_ABOUT_THROTTLES.search(token.text) for token in statement.tokens):
        account.note("untranslated", statement, "Stockade's importer does not know it")
    else:
        account.note("unrelated", statement, "a setting of other parts of GitLab")


def _wrapper(account: Account, statement: Statement, *, about_attacks: bool, depth: int) -> bool:
    """``class Rack::Attack … end`` and ``unless … end`` around rules: what is within is read for itself."""
    first, last = statement.tokens[0], statement.tokens[-1]
    if not (first.is_name("class", "module", "if", "unless", "begin") and last.is_name("end") and depth < _DEEPEST):
        return False
    within = next((n for n, token in enumerate(statement.tokens) if token.kind == "newline"), None)
    if within is None or halves(statement.tokens[within:-1], "else", "elsif", "rescue", "ensure"):
        return False
    if first.is_name("if", "unless"):
        account.note("assumed", Statement(statement.tokens[:within]), "taken to hold: what it encloses applies")
    else:
        account.note("translated", Statement(statement.tokens[:within]), "a bracket around what follows")
    account.note("translated", Statement((last,)), "the end of that bracket")
    _all(account, statement.tokens[within:-1], about_attacks=about_attacks, depth=depth + 1)
    return True


def _assignment(account: Account, statement: Statement) -> bool:
    sides = halves(statement.tokens, "=")
    if not sides:
        return False
    target, given = sides
    if len(target) == 1 and target[0].kind == "name":
        return _binding(account, statement, target[0].text, given)
    return _setting(account, statement, target, given)


def _setting(account: Account, statement: Statement, target: Sequence[Token], given: Sequence[Token]) -> bool:
    """``gitlab_rails['key'] = value``, or a single key of a table: ``gitlab_rails['key']['enabled'] = value``."""
    key = _subscripts(target)
    if key in SETTINGS:
        SETTINGS[key](account, statement, evaluate(given, account.names))
        return True
    if key[:-1] == ("gitlab_rails", "rack_attack_git_basic_auth"):
        table = account.gitlab.get("git_basic_auth")
        merged = {**(table if isinstance(table, dict) else {}), key[-1]: evaluate(given, account.names)}
        SETTINGS[key[:-1]](account, statement, merged)
        return True
    return False


def _subscripts(target: Sequence[Token]) -> tuple[str, ...]:
    """``a['b'][:c]`` as ('a', 'b', 'c'); empty for anything else."""
    keys = [target[0].text] if target and target[0].kind == "name" else []
    rest = target[1:]
    while len(rest) > 2 and rest[0].is_op("[") and rest[1].kind in {"string", "symbol"} and rest[2].is_op("]"):
        keys.append(rest[1].value)
        rest = rest[3:]
    return () if rest else tuple(keys)


def _binding(account: Account, statement: Statement, name: str, given: Sequence[Token]) -> bool:
    """``name = value``, so that later statements can say ``name``."""
    account.names[name] = Unknown(name)
    if prefixes := _union_of_paths(account, given):
        account.names[name] = prefixes
        account.note("translated", statement, "the paths that start so")
        return True
    if any(token.value == "enabled" for token in given) and any(token.is_name("git_basic_auth") for token in given):
        account.note("assumed", statement, "whether it is enabled is read from gitlab.rb")
        return True
    _bind(account, statement, name, evaluate(given, account.names))
    return True


def _bind(account: Account, statement: Statement, name: str, value: Value) -> None:
    is_paths = isinstance(value, list) and any(isinstance(item, str) and "/" in item for item in value)
    is_networks = isinstance(value, list) and not any(str(item).startswith("/") or "#{" in str(item) for item in value)
    account.names[name] = paths(account, statement, value) if is_paths and not is_networks else value
    account.note("translated", statement, f"the value of {name}, where it is used")


def _union_of_paths(account: Account, given: Sequence[Token]) -> Prefixes | None:
    """``Regexp.union(paths.map { |path| /\\A#{Regexp.escape(path)}/ })``: whatever starts with one of the paths."""
    written = "".join(token.text for token in given if token.kind not in {"regex", "newline"})
    patterns = [token.value for token in given if token.kind == "regex"]
    match = re.fullmatch(r"Regexp\.union\((\w+)\.map(?:\{\|(\w+)\|\}|do\|(\w+)\|end)\)", written)
    if not match or len(patterns) != 1:
        return None
    start, listed = _ESCAPED_START.fullmatch(patterns[0]), account.names.get(match[1])
    if not start or start[1] != (match[2] or match[3]) or not isinstance(listed, list):
        return None
    return Prefixes(tuple(str(path) for path in listed))


def _append(account: Account, statement: Statement) -> bool:
    """``paths << '/x'`` and ``paths += ['/x']``."""
    sides = halves(statement.tokens, "<<", "+=")
    if not sides or len(sides[0]) != 1 or not isinstance(listed := account.names.get(sides[0][0].text), list):
        return False
    value = evaluate(sides[1], account.names)
    _bind(account, statement, sides[0][0].text, listed + (value if isinstance(value, list) else [value]))
    return True


def _protect_listed_paths(account: Account) -> None:
    """A list of protected paths that no rule used is GitLab's own list."""
    listed = account.names.get(_LIST_OF_PATHS)
    if isinstance(listed, list) and not account.settings.get("throttle"):
        account.gitlab.setdefault("protected_paths", [str(path) for path in listed])
