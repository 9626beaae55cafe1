"""The tree of commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from stockade import __version__
from stockade.cli import (
    attesting,
    audit,
    bans,
    checkup,
    concealed,
    configure,
    credentials,
    detect,
    drill,
    explain,
    host,
    incident,
    intake,
    locking,
    logs,
    people,
    places,
    plans,
    reach,
    responses,
    restricting,
    review,
    search,
    seed,
    serve,
    signing,
    sinks,
    ssh,
    things,
    top,
    two_factor,
)

app = typer.Typer(
    name="stockade",
    help="Stops abuse in front of Git, a container registry and sign-in pages, says why, and lets you undo it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

RUN, UNDERSTAND, RESPOND, ACT, SET_UP = "Run", "Understand", "Respond", "Act", "Set up"
HELD = "What accounts hold and make"
app.command(rich_help_panel=RUN)(serve.serve)

app.command(rich_help_panel=RUN)(logs.watch)
app.add_typer(intake.intake, name="intake", rich_help_panel=RUN)
app.add_typer(ssh.ssh, name="ssh", rich_help_panel=RUN)
app.command(rich_help_panel=UNDERSTAND)(checkup.check)
app.command(rich_help_panel=UNDERSTAND)(bans.bans)
app.command(rich_help_panel=UNDERSTAND)(explain.explain)
app.command(rich_help_panel=UNDERSTAND)(top.top)
app.command(rich_help_panel=UNDERSTAND)(logs.replay)
app.command(rich_help_panel=UNDERSTAND)(search.search)
app.command(rich_help_panel=UNDERSTAND)(search.timeline)
app.command(rich_help_panel=UNDERSTAND)(search.follow)
AUDIT: dict[str, tuple[Callable[..., None], ...]] = {
    "Commands": (signing.absence, signing.signer),
    "What is secret or personal": (concealed.secrets, concealed.fingerprint, concealed.reveal, concealed.erase),
    "Carry it away": (sinks.ship, sinks.sinks, sinks.probe, sinks.policy, sinks.recheck, attesting.key),
    "Have others attest it": (attesting.witness, attesting.timestamp, attesting.timestamps),
}
for panel, commands in AUDIT.items():
    for command in commands:
        audit.audit.command(rich_help_panel=panel)(command)
app.add_typer(audit.audit, name="audit", rich_help_panel=UNDERSTAND)
app.command(rich_help_panel=UNDERSTAND)(review.review)
app.add_typer(detect.detect, name="detect", rich_help_panel=UNDERSTAND)
app.command(rich_help_panel=UNDERSTAND)(credentials.credentials)
app.command(rich_help_panel=UNDERSTAND)(reach.reach)
SHUT = (restricting.restrict, restricting.isolate, restricting.confirm, restricting.lift, restricting.restrictions)
for shutting in SHUT:
    host.host.command(rich_help_panel="Shut its network")(shutting)
app.add_typer(host.host, name="host", rich_help_panel=RESPOND)
app.add_typer(incident.incident, name="incident", rich_help_panel=RESPOND)
app.command(rich_help_panel=ACT)(bans.ban)
app.command(rich_help_panel=ACT)(bans.unban)
app.command(rich_help_panel=ACT)(people.accounts)
app.add_typer(people.user, name="user", rich_help_panel=ACT)
app.add_typer(people.token, name="token", rich_help_panel=ACT)
app.add_typer(two_factor.two_factor, name="two-factor", rich_help_panel=ACT)
NOUNS = {"group": places.group, "project": places.project, "member": places.member, **things.NOUNS}
for named, noun in NOUNS.items():
    app.add_typer(noun, name=named, rich_help_panel=HELD)
app.add_typer(plans.plan, name="plan", rich_help_panel=RESPOND)
RESPONSE: tuple[Callable[..., None], ...] = (
    *(responses.approve, responses.run, responses.resume, responses.undo, responses.verify, responses.done),
    *(responses.waive, locking.lock, locking.unlock, locking.unblock),
)
for command in RESPONSE:
    app.command(rich_help_panel=RESPOND)(command)
app.add_typer(drill.drill, name="drill", rich_help_panel=RESPOND)
app.command("config", rich_help_panel=SET_UP)(configure.config_for)
app.command("import", rich_help_panel=SET_UP)(configure.import_)
app.command(rich_help_panel=SET_UP)(search.reindex)
app.command(rich_help_panel=SET_UP)(seed.seed)
app.add_typer(configure.securitytxt, name="securitytxt", rich_help_panel=SET_UP)


def _version(asked: bool) -> None:  # noqa: FBT001  how Typer calls it
    if asked:
        typer.echo(f"stockade {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    _version_asked: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None: ...
