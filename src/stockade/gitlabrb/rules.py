"""The rules of ``rack_attack.rb``: ``throttle``, ``track``, ``safelist``, ``blocklist`` and their older names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stockade.gitlabrb.account import Account
from stockade.gitlabrb.conditions import Block, Condition
from stockade.gitlabrb.ruby import Token
from stockade.gitlabrb.settings import networks, plain
from stockade.gitlabrb.statements import Statement, halves, split
from stockade.gitlabrb.values import Unreadable, Value, evaluate

_LISTS = {"safelist": "safelist", "whitelist": "safelist", "blocklist": "blocklist", "blacklist": "blocklist"}
_LONGEST_NAME = 100
_OTHERS = {
    "throttled_response": "the answer to a throttled client is set in Stockade's configuration",
    "throttled_responder": "the answer to a throttled client is set in Stockade's configuration",
    "blocklisted_response": "the answer to a blocked client is set in Stockade's configuration",
    "blocklisted_responder": "the answer to a blocked client is set in Stockade's configuration",
    "blacklisted_response": "the answer to a blocked client is set in Stockade's configuration",
    "cache": "the store of the counters is set in Stockade's configuration",
    "enabled": "Stockade is switched off by not putting it in front",
}


@dataclass(frozen=True, slots=True)
class _Call:
    """``Rack::Attack.method(arguments) block``."""

    method: str
    arguments: Sequence[Sequence[Token]]
    block: Sequence[Token]

    def name(self, account: Account) -> str:
        value = evaluate(self.arguments[0], account.names)
        if (
            not isinstance(value, str)
            or "#{" in value
            or not value.isprintable()
            or not 0 < len(value) <= _LONGEST_NAME
        ):
            raise Unreadable("its name is not plain text")
        return str(value)

    def refuse_other_arguments(self, *known: str) -> None:
        """Raise Unreadable for any argument after the first but those named so: nothing is passed over."""
        for argument in self.arguments[1:]:
            if not any(_named(argument, key) is not None for key in known):
                raise Unreadable("it has an argument that Stockade's rules have not")

    def number(self, account: Account, key: str) -> Value:
        """The positive number of a named argument such as ``limit: 5``."""
        for argument in self.arguments:
            given = _named(argument, key)
            if given is not None:
                value = evaluate(given, account.names)
                if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
                    return plain(value)
                raise Unreadable(f"its {key} is not a positive number")
        raise Unreadable(f"it has no {key}")


def _named(argument: Sequence[Token], key: str) -> Sequence[Token] | None:
    """What stands after ``key:`` or ``:key =>``."""
    argument = [token for token in argument if token.kind != "newline"]
    if argument and argument[0].kind == "label" and argument[0].value == key:
        return argument[1:]
    if len(argument) > 1 and argument[0].value == key and argument[1].is_op("=>"):
        return argument[2:]
    return None


def rule(account: Account, statement: Statement) -> bool:
    """Translate a call of Rack::Attack; False when the statement is none. Raises Unreadable."""
    call = _call(statement.tokens)
    if call is None:
        return False
    if not call.method.endswith("_ip"):
        call.refuse_other_arguments(*(("limit", "period") if call.method in {"throttle", "track"} else ()))
    if call.method == "throttle":
        _throttle(account, statement, call)
    elif call.method == "track":
        counted, condition = _counted(account, statement, call)
        account.add_rule("track", counted | _when(condition), statement)
    elif call.method in {f"{name}_ip" for name in _LISTS}:
        _address(account, statement, call)
    elif call.method in _LISTS:
        _list(account, statement, call)
    else:
        account.note("untranslated", statement, _OTHERS[call.method])
    return True


def _call(tokens: Sequence[Token]) -> _Call | None:
    start = 4 if [token.text for token in tokens[:4]] == ["Rack", "::", "Attack", "."] else 0
    start = 2 if len(tokens) > 1 and tokens[0].is_name("self") and tokens[1].is_op(".") else start
    method = tokens[start].text if len(tokens) > start and tokens[start].kind == "name" else ""
    if method in _OTHERS and start:
        return _Call(method, (), ())
    if method not in {"throttle", "track", *_LISTS, *(f"{name}_ip" for name in _LISTS)}:
        return None
    return _Call(method, *_arguments_and_block(tokens[start + 1 :]))


def _arguments_and_block(tokens: Sequence[Token]) -> tuple[Sequence[Sequence[Token]], Sequence[Token]]:
    if pair := halves(tokens, "do"):
        arguments, block = pair[0], tokens[len(pair[0]) :]
    else:
        at = _opening_brace(tokens)
        arguments, block = tokens[:at], tokens[at:]
    if arguments and arguments[0].is_op("(") and arguments[-1].is_op(")"):
        arguments = arguments[1:-1]
    return split(arguments, ","), block


def _opening_brace(tokens: Sequence[Token]) -> int:
    """Where a block in braces opens: after the parenthesis of the arguments, or after their last value."""
    depth = 0
    for number, token in enumerate(tokens):
        if token.is_op("{") and depth == 0:
            return number
        depth += token.is_op("(", "[") - token.is_op(")", "]")
    return len(tokens)


def _counted(account: Account, statement: Statement, call: _Call) -> tuple[dict[str, Value], Condition]:
    """What a rule that counts says of itself, and when it counts: Rack::Attack counts in fixed windows."""
    condition = _checked(account, statement, Block.of(call.block).discriminator(account.names))
    counted: dict[str, Value] = {"name": call.name(account)}
    if call.method == "throttle" or len(call.arguments) > 1:
        counted |= {"limit": call.number(account, "limit"), "period": call.number(account, "period"), "window": "fixed"}
    return counted, condition


def _checked(account: Account, statement: Statement, condition: Condition) -> Condition:
    """The condition without what is no network; raises Unreadable when that leaves a question without answers."""
    checked = {k: networks(account, statement, [*v]) if k == "network" else v for k, v in condition.items()}
    if not all(checked.values()):
        raise Unreadable("nothing is left of what it lists")
    return checked


def _when(condition: Condition) -> dict[str, Value]:
    """One value is written as itself, several as a list."""
    when = {key: values[0] if len(values) == 1 else values for key, values in condition.items()}
    return {"when": when} if when else {}


def _throttle(account: Account, statement: Statement, call: _Call) -> None:
    """A throttle of its own, but for GitLab's throttle of the protected paths, which is the preset's."""
    throttle, condition = _counted(account, statement, call)
    if condition and condition == {"method": ["POST"], "prefix": account.names.get("paths_to_be_protected")}:
        account.gitlab["protected_paths"] = condition["prefix"]
        limits = {"enabled": True, "limit": throttle["limit"], "period": throttle["period"]}
        account.set("throttle_protected_paths", limits, statement)
    else:
        account.add_rule("throttle", throttle | _when(condition), statement)


def _address(account: Account, statement: Statement, call: _Call) -> None:
    """An address or a network; what follows it can only be plain."""
    kind = _LISTS[call.method.removesuffix("_ip")]
    given, *_ = [evaluate(argument, account.names) for argument in call.arguments]
    for network in networks(account, statement, [given]):
        account.add_rule(kind, {"name": f"{kind} {network}", "when": {"network": network}}, statement)


def _list(account: Account, statement: Statement, call: _Call) -> None:
    if any(token.is_name("Allow2Ban", "Fail2Ban") for token in call.block):
        _ban(account, statement, call)
        return
    condition = _checked(account, statement, Block.of(call.block).predicate(account.names))
    account.add_rule(_LISTS[call.method], {"name": call.name(account), **_when(condition)}, statement)


def _ban(account: Account, statement: Statement, call: _Call) -> None:
    if any(token.is_name("git_basic_auth") for token in call.block):
        account.note("translated", statement, "the preset has this ban; its numbers come from gitlab.rb")
        return
    raise Unreadable("what its block calls a failure must be written as a condition of a Stockade ban")
