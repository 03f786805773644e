"""Launch a job in this process: `python -m orchestration.launch train_and_promote --home HOME`."""

import json
import logging
import shutil
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import click
import dagster as dg

from orchestration.definitions import definitions
from orchestration.resources import EventSource, HomeFolder, TrainingSettings
from streamrec_explain import errors
from streamrec_explain.home import Home
from streamrec_explain.models.session_protocol import KINDS

INSTANCE_FILE = "dagster.yaml"
FORESEEN = {*vars(errors), "DagsterAssetCheckFailedError"}


def instance(home: Home) -> dg.DagsterInstance:
    """The Dagster instance of a home folder, its settings written on first use."""
    home.dagster.mkdir(parents=True, exist_ok=True)
    settings = home.dagster / INSTANCE_FILE
    if not settings.exists():
        with files("orchestration.deploy").joinpath(INSTANCE_FILE).open("rb") as packaged, settings.open("wb") as own:
            shutil.copyfileobj(packaged, own)
    return dg.DagsterInstance.from_config(str(home.dagster))


@click.command()
@click.argument("job")
@click.option("--home", "root", type=click.Path(path_type=Path), default=Path(".streamrec"))
@click.option("--world", default="synthetic")
@click.option("--data", default=None)
@click.option("--quarantine", default=None)
@click.option("--users", default=3000)
@click.option("--seed", default=0)
@click.option("--audited", default=10_000, help="Explanations the faithfulness audit judges.")
@click.option("--policy", type=click.Choice(["honest", "case_study"]), default="honest")
@click.option("--session-model", type=click.Choice(KINDS), default="additive", help="Which kind serves.")
@click.option("--why", default="launched by hand")
@click.option("--partition", default=None, help="The day, for jobs of daily partitions.")
@click.option("--verbose", is_flag=True, help="Show Dagster's own log.")
def main(
    job: str,
    root: Path,
    world: str,
    data: str | None,
    quarantine: str | None,
    users: int,
    seed: int,
    audited: int,
    policy: str,
    session_model: str,
    why: str,
    partition: str | None,
    verbose: bool,
) -> None:
    """Run JOB to its end; the last line on standard output is JSON with the run and what each step did."""
    if not verbose:
        # Dagster logs each failure three times with its stack; the outcome names them, `_unforeseen` prints bugs.
        logging.disable(logging.ERROR)
    source = EventSource(world=world, data=data, quarantine=quarantine, users=users, seed=seed)
    settings = TrainingSettings(
        seed=seed,
        progress=sys.stderr.isatty(),
        audited_explanations=audited,
        policy=policy,
        session_model=session_model,
        why=why,
    )
    graph = definitions(HomeFolder(path=str(root)), source, settings)
    with instance(Home(root)) as own:
        result = graph.resolve_job_def(job).execute_in_process(
            instance=own, partition_key=partition, raise_on_error=False
        )
    for stack in _unforeseen(result):
        click.echo(stack, err=True)
    click.echo(json.dumps(_outcome(result)))
    sys.exit(0 if result.success else 1)


def _outcome(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    return {
        "run_id": result.run_id,
        "success": result.success,
        "failures": [_failure(event) for event in result.all_events if event.is_step_failure],
        "checks_failed": [check.check_name for check in result.get_asset_check_evaluations() if not check.passed],
    }


def _unforeseen(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    """The stacks of failures that are neither the product's own errors nor checks that refuse: bugs."""
    for event in result.all_events:
        if event.is_step_failure and _failure(event)["error"] not in FORESEEN:
            error = event.step_failure_data.error
            yield error.to_string() if error else event.message or ""


def _failure(event: dg.DagsterEvent) -> dict[str, str]:
    error = event.step_failure_data.error
    cause = error.cause if error and error.cause else error
    return {
        "step": event.step_key or "",
        "error": (cause.cls_name or "") if cause else "",
        "message": cause.message.strip() if cause else "",
    }


if __name__ == "__main__":
    main()
