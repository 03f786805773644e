"""Results and errors as text and as JSON, and the exit code of every kind of error."""

import json
from dataclasses import dataclass

import click
import pytest
from click.testing import CliRunner, Result

from streamrec_explain.cli.output import Output, with_output
from streamrec_explain.errors import InvalidInputError, ModelError, RequestError, StreamRecError


@dataclass(frozen=True)
class Answer:
    """A result."""

    value: int
    name: str


def run(*arguments: str, error: Exception | None = None) -> Result:
    """Run a command that shows an answer, or fails."""

    @click.command()
    @with_output
    def command(output: Output) -> None:
        if error is not None:
            raise error
        output.show("forty-two", Answer(42, "é"))

    return CliRunner().invoke(command, arguments)


def test_a_result_as_text_and_as_json() -> None:
    """People get the text, programs the dataclass as an object."""
    assert "forty-two\n" == run().stdout
    assert {"value": 42, "name": "é"} == json.loads(run("--json").stdout)


@pytest.mark.parametrize(
    ("error", "code"),
    [(InvalidInputError("x"), 2), (RequestError("x"), 2), (ModelError("x"), 1), (StreamRecError("x"), 1)],
)
def test_exit_codes(error: StreamRecError, code: int) -> None:
    """2 for wrong input, 1 for what could not be done; the message goes to standard error."""
    result = run(error=error)
    assert (code, "", f"{type(error).__name__}: x\n") == (result.exit_code, result.stdout, result.stderr)


def test_an_error_as_json_has_its_attributes() -> None:
    """Type, message and what the error says besides."""
    result = run("--json", error=RequestError("too long", field="items"))
    expected = {"error": {"type": "RequestError", "message": "too long", "field": "items"}}
    assert (2, expected) == (result.exit_code, json.loads(result.stdout))


def test_a_bug_is_not_dressed_up() -> None:
    """Other exceptions go through, with their traceback."""
    assert isinstance(run(error=KeyError("bug")).exception, KeyError)
