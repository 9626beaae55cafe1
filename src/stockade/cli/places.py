"""Groups, projects, and who may do what in them."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from stockade.cli import screen
from stockade.cli.options import Config, Json, stockade
from stockade.errors import ConfigurationError

group = typer.Typer(help="Add and list groups.", no_args_is_help=True)
project = typer.Typer(help="Add and list projects.", no_args_is_help=True)
member = typer.Typer(help="Who may do what in a group or project.", no_args_is_help=True)

Path = Annotated[str, typer.Argument(help="Such as group/project.")]
Name = Annotated[str, typer.Argument(help="The account's name.")]
Public = Annotated[bool, typer.Option("--public", help="Everybody may read it.")]


@group.command("add")
def add_group(path: Path, *, public: Public = False, config: Config = None) -> None:
    """Enter a group."""
    from stockade.directory import Visibility

    asked = stockade(config)
    with asked.directory() as directory:
        made = directory.create_group(path, Visibility.PUBLIC if public else Visibility.PRIVATE, by=asked.actor)
    screen.say(screen.shown(made.path, "bold") + screen.shown(f" is there now, {made.visibility}"))


@project.command("add")
def add_project(path: Path, *, public: Public = False, config: Config = None) -> None:
    """Enter a project; its repository is made where it is served."""
    from stockade.directory import Visibility

    asked = stockade(config)
    with asked.directory() as directory:
        made = directory.create_repository(path, Visibility.PUBLIC if public else Visibility.PRIVATE, by=asked.actor)
    screen.say(screen.shown(made.path, "bold") + screen.shown(f" is there now, {made.visibility}"))


@group.command("list")
def groups(*, config: Config = None, json: Json = False) -> None:
    """The groups there are."""
    with stockade(config).directory() as directory:
        found = [(each.path, each.visibility.value) for each in directory.groups()]
    _say(found, "groups", json=json)


@project.command("list")
def projects(*, config: Config = None, json: Json = False) -> None:
    """The projects there are."""
    with stockade(config).directory() as directory:
        found = [(each.path, each.visibility.value) for each in directory.repositories()]
    _say(found, "projects", json=json)


def _say(found: list[tuple[str, str]], what: str, *, json: bool) -> None:
    if json:
        return screen.say_json([{"path": path, "visibility": visibility} for path, visibility in found])
    listed = screen.table("path", "visibility")
    for path, visibility in found:
        listed.add_row(screen.shown(path, "bold"), visibility)
    return screen.say(listed if found else f"there are no {what}")


@member.command("add")
def add_member(
    name: Name,
    path: Path,
    level: Annotated[str, typer.Argument(help="guest, reporter, developer, maintainer or owner.")],
    *,
    for_: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="For how long: 1h, 30d … without end unless told.")
    ] = None,
    config: Config = None,
) -> None:
    """Give somebody a level in a group or project and all below, in place of the one they had there."""
    from stockade.config.values import seconds_of
    from stockade.directory import Level

    if level.upper() not in Level.__members__:
        known = ", ".join(each.name.lower() for each in Level)
        raise ConfigurationError(f'there is no level "{level}"', remedy=f"Write one of {known}.")
    expires = time.time() + seconds_of(for_) if for_ else None
    asked = stockade(config)
    with asked.directory() as directory:
        made = directory.add_member(name, path, Level[level.upper()], expires=expires, by=asked.actor)
    screen.say(screen.shown(made.account, "bold") + screen.shown(f" is {made.level.name.lower()} of {made.path}"))


@member.command("remove")
def remove_member(name: Name, path: Path, *, config: Config = None) -> None:
    """Take somebody's level in a group or project."""
    asked = stockade(config)
    with asked.directory() as directory:
        directory.remove_member(name, path, by=asked.actor)
    screen.say(screen.shown(name, "bold") + screen.shown(f" is no member of {path} any more"))


@member.command("list")
def members(
    name: Annotated[str | None, typer.Argument(help="Only those of this account.")] = None,
    *,
    config: Config = None,
    json: Json = False,
) -> None:
    """Who may do what where."""
    with stockade(config).directory() as directory:
        found = list(directory.memberships(name))
    if json:
        return screen.say_json(found)
    listed = screen.table("account", "level", "of", "since", "ends", "by")
    now = time.time()
    for each in found:
        ends = "" if each.expires is None else screen.until(each.expires, now) if each.live(now) else "over"
        listed.add_row(
            screen.shown(each.account, "bold"),
            each.level.name.lower(),
            screen.shown(each.path),
            screen.clock_time(each.since, 0.0) if each.since else "",
            ends,
            screen.shown(each.made_by or ""),
        )
    return screen.say(listed if found else "there are no members")
