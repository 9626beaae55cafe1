"""Keys, variables, runners, hooks and whatever else an account may hold or make: how each is added."""

from __future__ import annotations

from typing import Annotated

import typer

from stockade.cli import screen
from stockade.cli.holdings import Number, noun, told
from stockade.cli.options import Config, Json, stockade

key = noun("key", "SSH, deploy and OpenPGP keys")
factor = noun("factor", "second factors", adds=False)
variable = noun("variable", "CI/CD variables")
runner = noun("runner", "runners", stops=True)
webhook = noun("webhook", "webhooks", stops=True)
githook = noun("githook", "Git hooks on the server", stops=True)
mirror = noun("mirror", "mirrors", stops=True)
schedule = noun("schedule", "schedules", stops=True)
application = noun("application", "OAuth applications")
grant = noun("grant", "what OAuth applications may do for people", adds=False, remove="revoke")
email = noun("email", "further e-mail addresses")
identity = noun("identity", "identities at other systems")
NOUNS = {
    "key": key,
    "factor": factor,
    "variable": variable,
    "runner": runner,
    "webhook": webhook,
    "githook": githook,
    "mirror": mirror,
    "schedule": schedule,
    "application": application,
    "grant": grant,
    "email": email,
    "identity": identity,
}
"""The nouns by the name of their command."""

Holder = Annotated[str, typer.Argument(help="The account that it is for.")]
Label = Annotated[str, typer.Argument(help="What it is for.")]
Project = Annotated[str, typer.Argument(help="The project.")]
Place = Annotated[str, typer.Argument(help="The project or group; - for the whole instance.")]
INSTANCE = "-"


def _place(text: str) -> str:
    return "" if text == INSTANCE else text


@key.command("add")
def add_key(
    holder: Annotated[str, typer.Argument(help="The account; of a deploy key, the project.")],
    label: Label,
    *,
    deploy: Annotated[bool, typer.Option("--deploy", help="A key of the project itself.")] = False,
    writes: Annotated[bool, typer.Option("--writes", help="A deploy key that may push.")] = False,
    gpg: Annotated[bool, typer.Option("--gpg", help="An OpenPGP certificate.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Take a public key, which is read from standard input."""
    from stockade.cli import typed
    from stockade.directory import CredentialKind

    kind = CredentialKind.GPG_KEY if gpg else CredentialKind.DEPLOY_KEY if deploy else CredentialKind.SSH_KEY
    asked, public = stockade(config), typed.text("the public key")
    owner, within = (None, holder) if deploy else (holder, None)
    with asked.directory() as directory:
        made = directory.add_key(owner, label, public, kind=kind, within=within, writes=writes, by=asked.actor)
    told(made, None, json=json)
    if made.weakness and not json:
        screen.say(screen.shown(f"weak: {made.weakness}", "bold red"))


@variable.command("set")
def set_variable(
    place: Place,
    name: Annotated[str, typer.Argument(help="Its name, as jobs see it.")],
    *,
    environment: Annotated[str, typer.Option(help="Only for this environment.")] = "*",
    masked: Annotated[bool, typer.Option("--masked", help="Blotted out of logs.")] = False,
    protected: Annotated[bool, typer.Option("--protected", help="For protected branches alone.")] = False,
    hidden: Annotated[bool, typer.Option("--hidden", help="Masked, and never shown again.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Make a variable, or give it another value or protection. The value is asked for, or read from a pipe."""
    from stockade.cli import typed

    asked, value = stockade(config), typed.secret("value")
    with asked.directory() as directory:
        made = directory.set_variable(
            _place(place),
            name,
            value,
            environment=environment,
            masked=masked,
            protected=protected,
            hidden=hidden,
            by=asked.actor,
        )
    told(made, None, json=json)


@variable.command("show")
def show_variable(number: Number, *, config: Config = None) -> None:
    """Print a variable's value; that you have seen it is on record."""
    from stockade.directory.accounts import SYSTEM
    from stockade.events import Ref

    asked = stockade(config)
    with asked.directory() as directory:
        value = directory.read_variable(Ref(SYSTEM, "variable", str(number)), by=asked.actor)
    typer.echo(screen.safe(str.__str__(value)))


@runner.command("add")
def add_runner(
    place: Place,
    name: Annotated[str, typer.Argument(help="Its name.")],
    *,
    protected: Annotated[bool, typer.Option("--protected", help="For protected branches alone.")] = False,
    tag: Annotated[list[str] | None, typer.Option(help="What jobs it takes; may be given again.")] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Register a runner and print its token, this once."""
    asked = stockade(config)
    with asked.directory() as directory:
        made, token = directory.register_runner(
            _place(place), name, protected=protected, tags=tag or (), by=asked.actor
        )
    told(made, token, json=json)


Sealed = Annotated[bool, typer.Option("--secret", help="Ask for a secret, or read it from a pipe.")]


@webhook.command("add")
def add_webhook(
    place: Place,
    url: Annotated[str, typer.Argument(help="Where to.")],
    *,
    secret: Sealed = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Have an address told what happens."""
    from stockade.cli import typed

    asked, value = stockade(config), typed.secret("secret") if secret else None
    with asked.directory() as directory:
        made = directory.add_webhook(_place(place), url, secret=value, by=asked.actor)
    told(made, None, json=json)


@githook.command("add")
def add_githook(
    project: Project,
    name: Annotated[str, typer.Argument(help="pre-receive, update or post-receive.")],
    *,
    config: Config = None,
    json: Json = False,
) -> None:
    """Have Git run a program at every push; it is read from standard input."""
    from stockade.cli import typed

    asked, content = stockade(config), typed.text("the program")
    with asked.directory() as directory:
        made = directory.add_githook(project, name, content, by=asked.actor)
    told(made, None, json=json)


@mirror.command("add")
def add_mirror(
    project: Project,
    url: Annotated[str, typer.Argument(help="Where from, or where to.")],
    *,
    pushes: Annotated[bool, typer.Option("--push", help="Copy to there, not from there.")] = False,
    secret: Sealed = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Have a project copied from an address, or to it."""
    from stockade.cli import typed

    asked, value = stockade(config), typed.secret("password there") if secret else None
    with asked.directory() as directory:
        made = directory.add_mirror(project, url, secret=value, pushes=pushes, by=asked.actor)
    told(made, None, json=json)


@schedule.command("add")
def add_schedule(
    project: Project,
    owner: Annotated[str, typer.Argument(help="Whose rights its jobs have.")],
    label: Label,
    cron: Annotated[str, typer.Argument(help='When, as in crontab(5): "0 3 * * *".')],
    *,
    config: Config = None,
    json: Json = False,
) -> None:
    """Have a pipeline run again and again."""
    asked = stockade(config)
    with asked.directory() as directory:
        made = directory.add_schedule(project, owner, label, cron, by=asked.actor)
    told(made, None, json=json)


@application.command("add")
def add_application(
    label: Label,
    redirect: Annotated[str, typer.Argument(help="Where people are sent back to.")],
    *,
    scope: Annotated[list[str], typer.Option(help="What it may ask for; may be given again.")],
    owner: Annotated[str | None, typer.Option(help="Whose it is; the instance's unless told.")] = None,
    trusted: Annotated[bool, typer.Option("--trusted", help="It asks nobody.")] = False,
    public: Annotated[bool, typer.Option("--public", help="It can keep no secret: it runs with its users.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Make an OAuth application and print its client id, and its secret this once."""
    asked = stockade(config)
    scopes, by = asked.scopes(scope), asked.actor
    if trusted and public:
        raise typer.BadParameter("anybody could pass for a public application, so it has to ask.")
    with asked.directory() as directory:
        if public:
            return told(directory.create_public_application(owner, label, redirect, scopes, by=by), None, json=json)
        made, secret = directory.create_application(owner, label, redirect, scopes, trusted=trusted, by=by)
    return told(made, secret, json=json)


@email.command("add")
def add_email(
    holder: Holder,
    address: Annotated[str, typer.Argument(help="The address.")],
    *,
    config: Config = None,
    json: Json = False,
) -> None:
    """Give an account a further address."""
    asked = stockade(config)
    with asked.directory() as directory:
        made = directory.add_email(holder, address, by=asked.actor)
    told(made, None, json=json)


@email.command("confirm")
def confirm_email(number: Number, *, config: Config = None, json: Json = False) -> None:
    """Note that an address is its owner's, who can have a new password sent there."""
    from stockade.directory.accounts import SYSTEM
    from stockade.events import Ref

    asked = stockade(config)
    with asked.directory() as directory:
        made = directory.confirm_email(Ref(SYSTEM, "email", str(number)), by=asked.actor)
    told(made, None, json=json)


@identity.command("add")
def add_identity(
    holder: Holder,
    provider: Annotated[str, typer.Argument(help="Who knows them: ldap, a SAML or OAuth provider.")],
    subject: Annotated[str, typer.Argument(help="As whom.")],
    *,
    config: Config = None,
    json: Json = False,
) -> None:
    """Link who somebody is at another system to an account."""
    asked = stockade(config)
    with asked.directory() as directory:
        made = directory.link_identity(holder, provider, subject, by=asked.actor)
    told(made, None, json=json)
