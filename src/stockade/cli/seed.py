"""A believable organisation to try things on."""

from __future__ import annotations

from typing import Annotated

import typer

from stockade.cli import screen
from stockade.cli.options import Config, Json, stockade


def seed(
    *,
    people: Annotated[int, typer.Option(min=1, metavar="N", help="How many people work there.")] = 300,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="The same number makes the same organisation.")] = 7,
    beside: Annotated[bool, typer.Option("--beside", help="Also where somebody has an account already.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Fill an empty directory with a made-up organisation, for a trial.

    People, bots, groups, projects and what they hold. One password opens every person's account: it is printed once.
    """
    asked = stockade(config)
    with asked.directory() as directory:
        made = directory.found_organisation(people, seed, by=asked.actor, beside=beside)
    if json:
        return screen.say_json({"rows": made.rows, "password": str.__str__(made.password)})
    screen.say(screen.pairs((name.replace("_", " "), f"{count:,}") for name, count in made.rows.items()))
    screen.say("", screen.pairs([("password", screen.shown(str.__str__(made.password), "bold"))]))
    screen.say(screen.shown("It opens every person's account here, and is shown this once.", "dim"), "")
    return screen.say(screen.hints(("who is there", "stockade accounts")))
