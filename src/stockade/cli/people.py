"""Accounts and tokens, as far as they are needed to run the forge."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from stockade.cli import screen
from stockade.cli.locking import unblock
from stockade.cli.options import Config, Json, Reason, stockade

if TYPE_CHECKING:
    from stockade.directory import Credential

user = typer.Typer(help="Add, block and unblock accounts.", no_args_is_help=True)
token = typer.Typer(help="Issue, list and revoke tokens.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The account's name.")]


def accounts(*, config: Config = None, json: Json = False) -> None:
    """Who has an account."""
    with stockade(config).directory() as directory:
        found = list(directory.accounts())
    if json:
        return screen.say_json(found)
    listed, now = screen.table("account", "kind", "state", "e-mail", "since"), time.time()
    for each in found:
        state = screen.standing(each, now)
        kind = f"{each.kind}, admin" if each.admin else str(each.kind)
        made = screen.clock_time(each.created, 0.0)
        listed.add_row(screen.shown(each.name, "bold"), screen.shown(kind), state, screen.shown(each.email or ""), made)
    return screen.say(listed if found else "there are no accounts")


@user.command("add")
def add(
    name: Name,
    *,
    email: Annotated[str | None, typer.Option(help="Where a forgotten password is reset.")] = None,
    bot: Annotated[bool, typer.Option("--bot", help="A program: no password, tokens only.")] = False,
    admin: Annotated[bool, typer.Option("--admin", help="May do everything.")] = False,
    config: Config = None,
) -> None:
    """Make an account.

    The password is asked for, or in a pipe read from standard input; it is never an argument.
    """
    from stockade.cli import typed
    from stockade.directory import AccountKind

    kind = AccountKind.BOT if bot else AccountKind.HUMAN
    asked = stockade(config)
    password = None if bot else typed.secret("password")
    with asked.directory() as directory:
        made = directory.create_account(name, kind, password, email, admin=admin, by=asked.actor)
    screen.say(screen.shown(made.name, "bold") + screen.shown(f" is there now, a {made.kind}"))


@user.command("block")
def block(name: Name, *, reason: Reason = "", config: Config = None) -> None:
    """Refuse an account on Git, registry and web at once."""
    asked = stockade(config)
    with asked.directory() as directory:
        found = directory.block(name, by=asked.actor, reason=reason or None)
    screen.say(screen.shown(found.name, "bold") + screen.shown(" is blocked everywhere", "red"))
    screen.say(screen.hints(("let in again", f"stockade user unblock {found.name}")))


user.command("unblock")(unblock)


@user.command("reset")
def reset(name: Name, *, reason: Reason = "", config: Config = None) -> None:
    """Put a password out of use, and print the code with which another is set, this once.

    The code is good for an hour, at /users/password/edit. All sessions end.
    """
    asked = stockade(config)
    with asked.directory() as directory:
        directory.clear_password(name, by=asked.actor, reason=reason or None)
        made = directory.request_reset(name, time.time(), by=asked.actor)
    if made is None:
        return screen.say("The password is out of use; let the account in again before you ask for a code.")
    screen.say(screen.pairs([("code", screen.shown(str.__str__(made[1]), "bold"))]))
    return screen.say(screen.shown("It is shown this once.", "dim"))


@user.command("depart")
def depart(
    name: Name,
    *,
    back: Annotated[bool, typer.Option("--back", help="They are here again.")] = False,
    reason: Reason = "",
    config: Config = None,
) -> None:
    """Note that the owner of an account has left, which shuts it out."""
    asked = stockade(config)
    with asked.directory() as directory:
        found = directory.depart(name, back=back, by=asked.actor, reason=reason or None)
    screen.say(screen.shown(found.name, "bold") + screen.shown(" is back" if back else " has left"))


@user.command("admin")
def admin(
    name: Name,
    *,
    no: Annotated[bool, typer.Option("--no", help="Take the rights away.")] = False,
    reason: Reason = "",
    config: Config = None,
) -> None:
    """Give an account an administrator's rights."""
    asked = stockade(config)
    with asked.directory() as directory:
        found = directory.set_admin(name, not no, by=asked.actor, reason=reason or None)
    screen.say(
        screen.shown(found.name, "bold") + screen.shown(" may do all" if found.admin else " may no longer do all")
    )


@token.command("issue")
def issue(
    holder: Annotated[str, typer.Argument(help="The account that it acts for.")],
    label: Annotated[str, typer.Argument(help="What it is for.")],
    *,
    scope: Annotated[
        list[str], typer.Option(help="read_repository, write_repository, read_registry, write_registry, api.")
    ],
    for_: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="For how long: 1h, 30d … without end unless told.")
    ] = None,
    config: Config = None,
) -> None:
    """Make a token and print it, this once."""
    from stockade.config.values import seconds_of

    asked = stockade(config)
    scopes = asked.scopes(scope)
    expires = time.time() + seconds_of(for_) if for_ else None
    with asked.directory() as directory:
        made, plain = directory.issue_token(holder, label, scopes, expires=expires, by=asked.actor)
    screen.say(screen.pairs([("token", screen.shown(str.__str__(plain), "bold")), ("number", screen.shown(made.id))]))
    screen.say(screen.shown("It is shown this once.", "dim"))


@token.command("revoke")
def revoke(
    number: Annotated[int, typer.Argument(help="The token's number.")], *, reason: Reason = "", config: Config = None
) -> None:
    """End a token for good."""
    asked = stockade(config)
    with asked.directory() as directory:
        found = directory.revoke_token(number, by=asked.actor, reason=reason or None)
    screen.say(screen.shown(f"token {found.id} of {found.holder} is revoked"))


@token.command("list")
def tokens(
    holder: Annotated[str | None, typer.Argument(help="Only those of this account.")] = None,
    *,
    config: Config = None,
    json: Json = False,
) -> None:
    """Which tokens there are; never the tokens themselves."""
    with stockade(config).directory() as directory:
        found = list(directory.tokens(holder))
    if json:
        return screen.say_json(found)
    listed = screen.table("number", "holder", "label", "scopes", "used", "state")
    now = time.time()
    for each in found:
        used = screen.since(each.last_used, now) if each.last_used else "never"
        listed.add_row(
            screen.shown(each.id, "bold"),
            screen.shown(each.holder),
            screen.shown(each.name),
            screen.shown(", ".join(sorted(each.scopes))),
            used,
            _state(each, now),
        )
    return screen.say(listed if found else "there are no tokens")


def _state(found: Credential, now: float) -> str:
    if found.revoked:
        return "revoked"
    if found.expired(now):
        return "expired"
    return f"ends {screen.until(found.expires, now)}" if found.expires else "without end"
