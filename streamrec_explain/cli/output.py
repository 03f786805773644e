"""The output of a command: its result as text or JSON, its errors as a message and an exit code."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from streamrec_explain.errors import InvalidInputError, StreamRecError

EXIT_REFUSED = 1  # the product could not do what was asked
EXIT_GATES = 3  # a gate refuses the release
EXIT_INVALID = 2  # what was handed over is wrong; nothing was written


@dataclass(frozen=True)
class Output:
    """Where a command puts its result: for people on standard output, or as one JSON object with --json."""

    as_json: bool

    def show(self, text: str, result: Any) -> None:
        """Print `text`, or with --json the result: a dataclass or what `json` can write."""
        click.echo(_json(result) if self.as_json else text)

    def fail(self, error: StreamRecError) -> None:
        """Print the error: its message on standard error, or with --json an object on standard output."""
        if self.as_json:
            facts = {"type": type(error).__name__, "message": str(error)}
            click.echo(_json({"error": facts | vars(error)}))
        else:
            click.echo(f"{type(error).__name__}: {error}", err=True)


def with_output(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option --json, an `output`, and the exit code of its error.

    2 if what was handed over is wrong (as for a wrong option), 1 for every other StreamRecError. Anything else
    is a bug and shows its traceback.
    """

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
    @wraps(command)
    def run(*args: Any, as_json: bool, **kwargs: Any) -> None:
        output = Output(as_json)
        try:
            command(*args, output=output, **kwargs)
        except StreamRecError as error:
            output.fail(error)
            sys.exit(EXIT_INVALID if isinstance(error, InvalidInputError) else EXIT_REFUSED)

    return run


def write_file(path: Path, text: str) -> None:
    """Write a result to a file, its folder made if need be; InvalidInputError if it cannot be written there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be written: {error.strerror}") from error


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    """What `json` cannot write itself: dataclasses as objects, the rest as text."""
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)
