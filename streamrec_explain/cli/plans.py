"""A plan on the command line: shown, and with --apply done."""

from collections.abc import Callable
from dataclasses import dataclass

import click

from streamrec_explain.cli.output import Output

apply_option = click.option("--apply", "go_on", is_flag=True, help="Do it; without this only the plan is shown.")


@dataclass(frozen=True)
class Done:
    """A plan, and how much was done of it (None: it was only shown)."""

    plan: str
    applied: int | None


def show_plan(output: Output, plan: str, what: str, apply: Callable[[], int], go_on: bool) -> None:
    """Print a plan; with `go_on` apply it first and say how much of `what` there was."""
    done = Done(plan, apply() if go_on else None)
    told = "nothing was changed; --apply does it" if done.applied is None else f"{what}: {done.applied}"
    output.show(f"{plan}\n{told}", done)
