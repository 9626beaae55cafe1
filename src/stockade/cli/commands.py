"""The tree of commands: where each is, and under which heading the help shows it."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from stockade import __version__
from stockade.cli.on_demand import OnDemand

COMMANDS: Final = {
    "Run": "serve:serve logs:watch intake:intake ssh:ssh",
    "Understand": """
        checkup:check bans:bans explain:explain top:top logs:replay search:search search:timeline search:follow
        audit:audit review:review detect:detect credentials:credentials reach:reach traffic:traffic
    """,
    "Respond": """
        host:host evidence:evidence secrets:secrets updates:updates rebuild:rebuild incident:incident plans:plan
        responses:approve responses:run responses:resume responses:undo responses:verify responses:done responses:waive
        locking:lock locking:unlock locking:unblock drill:drill
    """,
    "Act": "bans:ban bans:unban people:accounts people:user people:token two-factor=two_factor:two_factor",
    "What accounts hold and make": """
        places:group places:project places:member things:key things:factor things:variable things:runner things:webhook
        things:githook things:mirror things:schedule things:application things:grant things:email things:identity
    """,
    "Set up": """
        config=configure:config_for import=configure:import_ search:reindex seed:seed configure:securitytxt
    """,
}
"""``name=module:attribute`` for each command and group, by the heading of the help; without a name, the attribute's."""
WITHIN: Final = {
    "audit": {
        "Commands": "signing:absence signing:signer",
        "What is secret or personal": """
            concealed:secrets concealed:fingerprint concealed:reveal concealed:erase
        """,
        "Carry it away": "sinks:ship sinks:sinks sinks:probe sinks:policy sinks:recheck attesting:key",
        "Have others attest it": "attesting:witness attesting:timestamp attesting:timestamps",
    },
    "host": {
        "Save its evidence": "evidence:collect",
        "Know it again": "pictures:baseline pictures:diff pictures:verify",
        "Shut its network": """
            restricting:restrict restricting:isolate restricting:confirm restricting:lift restricting:restrictions
        """,
    },
}
"""What groups have beside the commands of their own module."""


class Root(TyperGroup):
    """The command itself."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = OnDemand(COMMANDS, WITHIN)  # type: ignore[assignment]  # none is added later


app = typer.Typer(
    cls=Root,
    name="stockade",
    help="Stops abuse in front of Git, a container registry and sign-in pages, says why, and lets you undo it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
