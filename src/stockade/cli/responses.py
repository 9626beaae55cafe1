"""Say yes to a plan, run it, take it back, and look whether it holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stockade.cli import screen
from stockade.cli.exits import Exit
from stockade.cli.gating import Override, at_the_gate, end_waiting
from stockade.cli.options import Config, Json, Reason, stockade
from stockade.errors import ConfigurationError
from stockade.steps import Tactic

if TYPE_CHECKING:
    from stockade.app.respond.responding import Responding
    from stockade.events import Ref
    from stockade.respond.acting import Tell
    from stockade.respond.standing import PlanState, StepState

Digest = Annotated[str, typer.Argument(help='The plan\'s digest, or at least 8 characters of it; never "the latest".')]
SecretsTo = Annotated[
    Path | None,
    typer.Option(
        "--secrets-to", metavar="FILE", help="Write new secrets there, for its owner alone, not on the screen."
    ),
]


def approve(
    digest: Digest,
    *,
    tactic: Annotated[
        list[Tactic] | None, typer.Option(help="Only these: isolate, evict, restore, harden; all unless told.")
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Say yes to a plan, by its digest: to all of it, or to its steps of one tactic."""
    with stockade(config).responding() as response:
        state = response.approve(digest, tactic or ())
        if not json:
            for each in tactic or state.plan.tactics():
                by = ", ".join(ref.id for ref in state.approvers(each))
                if by:
                    screen.say(screen.shown(f"{each:<9}", "bold") + screen.shown(f" approved by {by}", "green"))
        _end(state, response, json=json)


def run(digest: Digest, *, secrets_to: SecretsTo = None, config: Config = None, json: Json = False) -> None:
    """Take the steps of a plan that are approved, one by one.

    Refused, with nothing done, when the world is not as it was when the plan was drawn; then it is drawn again and
    shown. Exit code 1 when steps failed or wait.
    """
    _run(digest, secrets_to, config, json=json, resume=False)


def resume(digest: Digest, *, secrets_to: SecretsTo = None, config: Config = None, json: Json = False) -> None:
    """Go on with a plan whose run was cut short, or whose steps waited for a system that was down."""
    _run(digest, secrets_to, config, json=json, resume=True)


def _run(digest: str, secrets_to: Path | None, config: Path | None, *, json: bool, resume: bool) -> None:
    from stockade.respond.run import WorldChanged

    with stockade(config).responding(_handing_out(secrets_to, json=json)) as response:
        try:
            with _watched(response, digest, json=json) as tell:
                begun = time.monotonic()
                state = response.run(digest, tell, resume=resume)
        except WorldChanged as changed:
            _drawn_again(changed, response, json=json)
            raise
        _told(state, response, time.monotonic() - begun, json=json)


def _drawn_again(changed: Exception, response: Responding, *, json: bool) -> None:
    """Show what has changed, and the plan as it would be now."""
    from stockade.cli.planned import show
    from stockade.respond.run import WorldChanged

    assert isinstance(changed, WorldChanged)  # noqa: S101  it is raised so
    state = response.draw_again(changed.state)
    if json:
        return
    screen.say(screen.shown("the world has changed since this plan was drawn; nothing was done:", "bold red"))
    by_step = {each.number: each for each in reversed(changed.differences)}
    for number, each in sorted(by_step.items())[:10]:
        screen.say(screen.shown(f"  step {number}: {each}"))
    if len(by_step) > 10:
        screen.say(screen.shown(f"  and {len(by_step) - 10:,} more steps"))
    screen.say("", screen.shown("drawn again:", "bold"), "")
    show(state, response.rule)
    screen.say(
        "", screen.shown(f"If it goes on changing: stockade lock {state.plan.subject.id} --for 2h", "yellow"), ""
    )


def undo(
    digest: Digest,
    *,
    reason: Reason = "",
    override: Override = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Take back what a plan has done and can be taken back, the last first.

    It lets somebody in again, and so goes through the gate as unblock does: every box is green, or waived, or two
    people answer for it. Where two people must approve, two must ask for this. Exit code 1 when steps failed or wait.
    """
    with stockade(config).responding() as response:
        with at_the_gate(json=json), _watched(response, digest, json=json) as tell:
            begun = time.monotonic()
            state = response.undo(digest, tell, reason, override=override)
        if not state.undone:
            end_waiting(response.undo_waits_for(state), f"undo {state.digest[:12]}", json=json)
        _told(state, response, time.monotonic() - begun, json=json)


def verify(digest: Digest, *, config: Config = None, json: Json = False) -> None:
    """Look up or try afresh whether every effect of a plan is there. Exit code 1 when one is not."""
    with stockade(config).responding() as response:
        state, found = response.verify(digest)
        if not json:
            screen.say(screen.shown(f"{screen.plural(len(found.held), 'effect')} found", "green"))
            for word, numbers in (("NOT SO", found.lost), ("cannot be seen", found.unseen)):
                for number in numbers[:20]:
                    step = state.steps[number - 1].step
                    screen.say(screen.shown(f"{word}: step {number}, {step.verb} {step.target}", "bold red"))
        _end(state, response, json=json)
    if found.lost or found.unseen:
        raise typer.Exit(Exit.FOUND)


def done(
    digest: Digest,
    numbers: Annotated[list[int], typer.Argument(help="The steps, by their numbers in the plan.")],
    *,
    note: Annotated[str, typer.Option(help="What was done, for whoever asks later.")] = "",
    config: Config = None,
    json: Json = False,
) -> None:
    """Say that steps of a plan were done by hand."""
    with stockade(config).responding() as response:
        _end(response.done(digest, numbers, note), response, json=json)


def waive(
    digest: Digest,
    what: Annotated[list[str], typer.Argument(help="Steps by number, or boxes of the gate by name.")],
    *,
    reason: Reason = "",
    config: Config = None,
    json: Json = False,
) -> None:
    """Say that steps, or boxes of the gate, need not be; the reason is recorded."""
    with stockade(config).responding() as response:
        _end(response.waive(digest, what, reason), response, json=json)


# ── what is seen meanwhile and at the end ────────────────────────────────────────────────────────


@contextmanager
def _watched(response: Responding, digest: str, *, json: bool) -> Iterator[Tell]:
    """Hears of each step: single ones are told, of many alike a bar shows how far they are."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    total = sum(not each.step.by_hand for each in response.plan(digest).steps)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    out = screen.console(stderr=True)
    with Progress(*columns, console=out, transient=True, disable=json or not out.is_terminal) as bar:
        task = bar.add_task("steps", total=total)

        def tell(each: StepState, word: str) -> None:
            bar.update(task, advance=1, description=screen.safe(each.step.verb))
            if not json and (word != "done" or each.step.tactic is Tactic.ISOLATE):
                style = "green" if word == "done" else "bold red"
                line = screen.shown(f"{each.number:>5}  ", "bold") + screen.shown(f"{word:<7}", style)
                out.print(line + screen.shown(f" {each.step.verb} {each.step.target}"))

        yield tell


def _handing_out(file: Path | None, *, json: bool) -> Callable[[Ref, str], None]:
    """Where new secrets go as soon as they are there: into a file, or on the screen. A script names a file: what it
    reads at the end would be lost with it, and what it reads often ends in somebody's log.
    """
    from stockade.cli.secretfile import appending

    if json and file is None:
        raise ConfigurationError("with --json, new secrets go into a file", remedy="--secrets-to FILE")
    write = None if file is None else appending(file)

    def hand_out(ref: Ref, secret: str) -> None:
        if write is not None:
            write(f"{ref} {secret}\n")
        else:
            screen.say(screen.shown(f"new secret, shown this once: {ref}  ") + screen.shown(secret, "bold"))

    return hand_out


def _told(state: PlanState, response: Responding, seconds: float, *, json: bool) -> None:
    from stockade.cli.planned import as_json, summary, what_next
    from stockade.respond.standing import Progress

    if json:
        screen.say_json(as_json(state, response.rule) | {"seconds": round(seconds, 3)})
    else:
        screen.say("", screen.shown(state.called, "bold") + screen.shown(f", after {seconds:.1f} s"), *summary(state))
        what_next(state, response.rule)
    if state.at(Progress.FAILED, Progress.WAITING, Progress.UNDOING):
        raise typer.Exit(Exit.FOUND)


def _end(state: PlanState, response: Responding, *, json: bool) -> None:
    from stockade.cli.planned import as_json, what_next

    if json:
        screen.say_json(as_json(state, response.rule))
    else:
        screen.say(screen.shown(f"plan {state.digest[:12]}: ") + screen.shown(state.called, "bold"))
        what_next(state, response.rule)
