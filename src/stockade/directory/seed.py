"""A small population to try things out with."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from stockade.directory.accounts import Account, AccountKind, Credential, Level, Scope
from stockade.directory.builtin import BuiltinDirectory
from stockade.directory.permissions import Repository
from stockade.directory.refusals import UnknownRepository
from stockade.directory.secret import Secret

REPOSITORY = "demo/hello"


@dataclass(frozen=True, slots=True)
class Demo:
    """What ``demo`` has made. The password and the token are in plain, to be shown once."""

    alice: Account
    password: Secret
    bot: Account
    token: Credential
    token_plain: Secret
    repository: Repository


def others_live_in(directory: BuiltinDirectory) -> bool:
    """Whether the directory is somebody's already, and not the demonstration's."""
    if next(directory.accounts(), None) is None:
        return False
    try:
        directory.repository(REPOSITORY)
    except UnknownRepository:
        return True
    return False


def demo(directory: BuiltinDirectory) -> Demo:
    """Make the user alice, the bot ci-bot with a token, and the project demo/hello, which is theirs.

    Raises NameTaken in a directory that has alice already, and changes nothing then.
    """
    password = Secret(secrets.token_urlsafe(15))
    alice = directory.create_account("alice", password=password, email="alice@example.org")
    bot = directory.create_account("ci-bot", AccountKind.BOT)
    repository = directory.create_repository(REPOSITORY)
    directory.add_member(alice.name, repository.path, Level.OWNER)
    directory.add_member(bot.name, repository.path, Level.DEVELOPER)
    scopes = frozenset(Scope) - {Scope.API}
    token, plain = directory.issue_token(bot.name, "try it out", scopes)
    return Demo(alice, password, bot, token, plain, repository)
