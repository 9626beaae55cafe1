"""Git over SSH: what sshd asks for, what it runs, and what to write into its configuration."""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stockade.cli.options import Config
from stockade.errors import StockadeError

if TYPE_CHECKING:
    from stockade.config import Settings

ssh = typer.Typer(help="Git over SSH, behind OpenSSH's server.", no_args_is_help=True)


@ssh.command("config")
def sshd_config(
    user: Annotated[str, typer.Option(help="The Unix account that Git's users sign in as.")] = "git",
    *,
    config: Config = None,
) -> None:
    """The lines for sshd_config that have Stockade say which keys are let in."""
    from stockade.app.shell import command
    from stockade.gateway.ssh import sshd_lines

    typer.echo(sshd_lines(user, command("authorized-keys", _settings(config))), nl=False)


@ssh.command("authorized-keys")
def authorized_keys(
    user: Annotated[str, typer.Argument(help="%u: who signs in.")],
    kind: Annotated[str, typer.Argument(help="%t: the type of the key that is offered.")],
    key: Annotated[str, typer.Argument(help="%k: the key.")],
    *,
    config: Config = None,
) -> None:
    """The line that lets a known key use Git and nothing else: for sshd's AuthorizedKeysCommand.

    Says nothing about keys that open nothing, nor to other Unix accounts than its own.
    """
    from stockade.app.shell import known_key

    if user == pwd.getpwuid(os.geteuid()).pw_name:
        line = known_key(_settings(config), kind, key)
        if line is not None:
            typer.echo(line)


@ssh.command("serve")
def serve_git(
    fingerprint: Annotated[str, typer.Argument(help="The fingerprint of the key that was let in.")],
    *,
    config: Config = None,
) -> None:
    """Serve Git to who has signed in: the command that sshd runs, and the only one."""
    from stockade.app.shell import serve

    asked = os.environ.get("SSH_ORIGINAL_COMMAND", "")
    source = os.environ.get("SSH_CONNECTION", "").partition(" ")[0] or None
    try:
        code = serve(_settings(config), fingerprint, asked, source=source, protocol=os.environ.get("GIT_PROTOCOL", ""))
    except StockadeError as error:
        from stockade.cli.screen import safe

        typer.echo(f"Stockade: {safe(error.message)}", err=True)
        sys.exit(1)
    sys.exit(code)


@ssh.command("add")
def add(
    file: Annotated[Path, typer.Argument(help="The public key, such as ~/.ssh/id_ed25519.pub.")],
    *,
    holder: Annotated[str | None, typer.Option(help="The account that it signs in.")] = None,
    project: Annotated[str | None, typer.Option(help="The one project that it opens: a deploy key.")] = None,
    writes: Annotated[bool, typer.Option("--writes", help="The deploy key may push.")] = False,
    name: Annotated[str | None, typer.Option(help="What it is for; the key's own comment unless told.")] = None,
    config: Config = None,
) -> None:
    """Let a key in: of an account, or of a project."""
    from stockade.cli import screen
    from stockade.cli.options import stockade
    from stockade.directory.accounts import CredentialKind
    from stockade.errors import ConfigurationError

    if (holder is None) == (project is None):
        raise ConfigurationError("a key is an account's or a project's", remedy="Give --holder or --project.")
    kind = CredentialKind.SSH_KEY if project is None else CredentialKind.DEPLOY_KEY
    public = _read(file)
    label = name or " ".join(public.split()[2:]) or file.stem
    asked = stockade(config)
    with asked.directory() as directory:
        key = directory.add_key(holder, label, public, kind=kind, within=project, writes=writes, by=asked.actor)
    rights = "" if project is None else ", may push" if writes else ", read-only"
    screen.say(screen.shown(f"key {key.id} of {key.within or key.holder}{rights}, {key.fingerprint}"))
    if key.weakness:
        screen.say(screen.shown(f"It is weak: {key.weakness}. Better make another: ssh-keygen -t ed25519", "yellow"))


def _read(file: Path) -> str:
    from stockade.errors import ConfigurationError

    try:
        with file.open(encoding="utf-8", errors="replace") as opened:
            return opened.read(65_536).strip()
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}", remedy="Name a .pub file.") from error


def _settings(config: Path | None) -> Settings:
    from stockade.config import load

    return load(config)
