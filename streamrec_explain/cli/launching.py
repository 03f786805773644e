"""Launching: a Dagster job as a process of its own, its outcome as a value."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamrec_explain.errors import EventDataError, GateError, InvalidInputError, SettingsError, StreamRecError

INPUT_ERRORS = {error.__name__: error for error in (EventDataError, SettingsError)}
GATES_STEP = "gate_verdicts"


@dataclass(frozen=True)
class JobOutcome:
    """What a job did: its Dagster run, and which gates refuse its candidate (none if it was promoted)."""

    run_id: str
    gates_refused: tuple[str, ...]


def launch(job: str, home: Path, **options: str | int | None) -> JobOutcome:
    """Run a job to its end, its progress on standard error.

    EventDataError or SettingsError where its input is bad, StreamRecError where a step failed; gates that refuse
    are no error here.
    """
    named = [f"--{name.replace('_', '-')}={value}" for name, value in options.items() if value is not None]
    # Libraries below warn of beta parts and old changes on every start, which says nothing to a user.
    command = [sys.executable, "-W", "ignore", "-m", "orchestration.launch", job, f"--home={home}", *named]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    lines = done.stdout.strip().splitlines()
    if not lines:
        raise StreamRecError(f"the job {job} ended with exit code {done.returncode} and no outcome; see above")
    return _outcome(job, json.loads(lines[-1]))


def _outcome(job: str, outcome: dict[str, Any]) -> JobOutcome:
    refused = tuple(outcome["checks_failed"])
    for failure in outcome["failures"]:
        kind, message = failure["error"], failure["message"].removeprefix(f"{failure['error']}: ")
        _, _, message = message.partition(": ") if message.startswith("streamrec_explain.") else ("", "", message)
        if kind in INPUT_ERRORS:
            raise INPUT_ERRORS[kind](message)
        if kind == GateError.__name__:
            raise GateError(message)
        if not (refused and failure["step"].startswith(GATES_STEP)):
            raise StreamRecError(f"step {failure['step']} of {job} failed with {kind}: {message}")
    return JobOutcome(outcome["run_id"], refused)


def check_home(home: Path) -> Path:
    """The home folder; InvalidInputError if there is nothing in it."""
    if not home.is_dir():
        raise InvalidInputError(f"{home} is no home folder yet; train into it first: streamrec train --home {home}")
    return home
