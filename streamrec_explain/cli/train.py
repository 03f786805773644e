"""`streamrec train`: from events to a judged and, if every gate passes, promoted release."""

import sys
import time
from pathlib import Path

import click

from streamrec_explain.cli.launching import launch
from streamrec_explain.cli.options import home_option
from streamrec_explain.cli.output import EXIT_GATES, Output, with_output
from streamrec_explain.cli.training_report import TrainingReport, in_words, training_report
from streamrec_explain.events.readers import WORLDS
from streamrec_explain.home import Home
from streamrec_explain.models.session_protocol import KINDS


@click.command()
@click.option("--world", type=click.Choice(WORLDS), default="synthetic", show_default=True, help="Kind of data.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the world's files.")
@home_option
@click.option("--users", default=3000, show_default=True, help="Size of the synthetic world.")
@click.option("--seed", default=0, show_default=True, help="Equal seeds give equal models.")
@click.option("--audited", default=10_000, show_default=True, help="Explanations the faithfulness audit judges.")
@click.option(
    "--policy",
    type=click.Choice(["honest", "case_study"]),
    default="honest",
    show_default=True,
    help="How sentences are chosen.",
)
@click.option(
    "--session-model",
    type=click.Choice(KINDS),
    default="additive",
    show_default=True,
    help="Which kind of session model serves; see `streamrec compare-models`.",
)
@click.option("--quarantine", type=click.Path(path_type=Path), help="Set bad rows aside here instead of stopping.")
@with_output
def train(
    world: str,
    data: Path | None,
    home: Path,
    users: int,
    seed: int,
    audited: int,
    policy: str,
    session_model: str,
    quarantine: Path | None,
    output: Output,
) -> None:
    """Train both models, build the explainer, register a release, judge its gates and promote it.

    Exit codes: 0 promoted, 1 failed, 2 bad input (nothing was trained), 3 a gate refuses: the release is registered
    but not promoted; look at the gate, then `streamrec promote --override --reason "..."` if you must.
    """
    report = run_training(
        home,
        world=world,
        data=None if data is None else str(data),
        users=users,
        seed=seed,
        audited=audited,
        policy=policy,
        session_model=session_model,
        quarantine=None if quarantine is None else str(quarantine),
    )
    output.show(in_words(report), report)
    sys.exit(0 if report.promoted else EXIT_GATES)


def run_training(home: Path, **options: str | int | None) -> TrainingReport:
    """Launch the job and read what it left."""
    started = time.monotonic()
    outcome = launch("train_and_promote", home, **options)
    return training_report(Home(home), outcome.run_id, time.monotonic() - started)
